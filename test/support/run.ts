// The test command. `npm test` runs every part below; `npm run test:<part>` runs one. Each part's results are counted
// from its reporter's file, and what it left behind (processes, temp files) is a failure too.
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildProduct, checkFences } from "./build.ts";
import { cache, inCI, requireNode24, root, say } from "./paths.ts";
import { start, sweepRun, systemTemp } from "./processes.ts";
import { add, closingLine, type Counts, none, readVitestFailures, readVitestResults } from "./results.ts";
import { findOnPath } from "./vscode/chromium.ts";

interface Part {
  name: string;
  what: string;
  /** Why this part cannot run here, if so. */
  missing?: () => string | undefined;
  needsBuild?: boolean;
  run: () => Promise<Counts>;
}

const failure: Counts = { passed: 0, failed: 1, skipped: 0 };

const tool = (...path: string[]): string => join(root, "node_modules", ...path);

/** A tool that only says yes or no; a no counts as one failure. */
async function check(...command: string[]): Promise<Counts> {
  const started = start(process.execPath, command, { cwd: root, show: true });
  return (await started.ended) === 0 ? none : failure;
}

/** Said once more at the end. */
const failures: string[] = [];

function vitest(project: string): () => Promise<Counts> {
  return async () => {
    const report = join(cache, `results-${project}-${process.pid}.json`);
    const args = ["run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
    try {
      const code = await start(process.execPath, [tool("vitest", "vitest.mjs"), ...args, ...filters], { cwd: root, show: true }).ended;
      const counts = readVitestResults(report);
      failures.push(...readVitestFailures(report).map((line) => `${project}: ${line}`));
      if (counts === undefined) return failure;
      // Errors outside any test (an unhandled rejection) show in the exit code alone.
      return code !== 0 && counts.failed === 0 ? add(counts, failure) : counts;
    } finally {
      rmSync(report, { force: true });
    }
  };
}

const parts: readonly Part[] = [
  { name: "types", what: "types", run: async () => {
    let counts = none;
    for (const project of [".", "src/engine", "src/webview", "test", "bench"]) counts = add(counts, await check(tool("typescript", "bin", "tsc"), "-p", project));
    return counts;
  } },
  { name: "lint", what: "lint", run: () => check(tool("eslint", "bin", "eslint.js"), "--max-warnings", "0", ".") },
  { name: "fences", what: "import fences", run: async () => { await checkFences(); return none; } },
  { name: "unit", what: "unit tests", run: vitest("unit") },
  { name: "contract", what: "contract tests, on disk and in memory", run: vitest("contract") },
  { name: "race", what: "tests of races", run: vitest("race") },
  { name: "crash", what: "tests of crashes", needsBuild: true, run: vitest("crash") },
  { name: "differential", what: "comparison with a model", needsBuild: true, run: vitest("differential") },
  { name: "interop", what: "comparison with fuse-overlayfs", missing: missingFuse, needsBuild: true, run: vitest("interop") },
  { name: "vscode", what: "the suite inside VS Code", needsBuild: true, run: async () => (await import("./vscode/suite.ts")).runSuite() },
  { name: "ui", what: "the workbench as a user drives it", needsBuild: true, run: vitest("ui") },
  { name: "package", what: "the packed extension in a fresh VS Code", needsBuild: true, run: vitest("package") },
];
const checks = new Set(["types", "lint", "fences"]);

/** Words after the part's name go to vitest: `npm run test:unit -- markers -t whiteout`. */
const [only, ...words] = process.argv.slice(2);
const filters = takeSettings(words);

/** `--ops N` and `--seed S` are no options of vitest's: the tests find them in the environment. */
function takeSettings(from: readonly string[]): string[] {
  const rest: string[] = [];
  const settings: Readonly<Record<string, readonly string[]>> = { "--ops": ["DIFFERENTIAL_OPS"], "--seed": ["DIFFERENTIAL_SEED", "INTEROP_SEED", "OVERLAY_SEED"], "--runs": ["INTEROP_RUNS"],
    "--schedules": ["OVERLAY_SCHEDULES"], "--long": ["OVERLAY_LONG"],
  };
  for (let i = 0; i < from.length; i++) {
    const [word = "", joined] = (from[i] ?? "").split("=", 2);
    const names = settings[word];
    if (names === undefined) rest.push(from[i] ?? "");
    else for (const [n, name] of names.entries()) process.env[name] = joined ?? from[n === 0 ? ++i : i] ?? "";
  }
  return rest;
}

function missingFuse(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  return findOnPath(["fuse-overlayfs"]) === undefined ? "needs fuse-overlayfs" : undefined;
}

function hasTests(part: Part): boolean {
  try {
    return readdirSync(join(root, "test", part.name), { recursive: true }).some((name) => String(name).endsWith(".test.ts"));
  } catch {
    return false;
  }
}

async function runPart(part: Part, folder: string): Promise<Counts> {
  const missing = inCI ? undefined : part.missing?.();
  if (missing !== undefined) {
    say(`${part.what}: skipped, ${missing}`);
    return { ...none, skipped: 1 };
  }
  say(part.what);
  const since = Date.now();
  let counts = await part.run().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return failure;
  });
  if (!checks.has(part.name) && counts.passed + counts.failed === 0) {
    process.stderr.write(`${part.name} ran no test\n`);
    counts = add(counts, failure);
  }
  const left = sweepRun(folder);
  if (left.length > 0) {
    process.stderr.write(`${part.name} left behind: ${left.join(", ")}\n`);
    counts = add(counts, failure);
  }
  say(`${part.name}: ${checks.has(part.name) ? (counts.failed === 0 ? "ok" : "failed") : closingLine(counts)} (${Math.round((Date.now() - since) / 1000)} s)`);
  return counts;
}

async function main(): Promise<Counts> {
  const chosen = only === undefined ? parts.filter((part) => part.name !== "differential" || hasTests(part)) : parts.filter((part) => part.name === only);
  if (chosen.length === 0) throw new Error(`There is no part "${String(only)}"; there are: ${parts.map((part) => part.name).join(", ")}`);
  const folder = mkdtempSync(join(systemTemp(), "ovw-"));
  chmodSync(folder, 0o1777); // as /tmp is: tests that act as another user work in it too
  process.on("exit", () => {
    // Interrupted in the middle: the parts are gone by now, what they started may not be.
    sweepRun(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  process.env["OVERLAY_TEST_RUN"] = folder;
  // Whatever a test leaves in "the" temp folder is found as well.
  process.env["TMPDIR"] = folder;
  // Node's cache of compiled code would go there too.
  process.env["NODE_DISABLE_COMPILE_CACHE"] = "1";
  let total = none;
  let built = false;
  for (const part of chosen) {
    if (part.needsBuild === true && !built) {
      say("building");
      await buildProduct();
      built = true;
    }
    total = add(total, await runPart(part, folder));
  }
  return total;
}

requireNode24();
const total = await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  return failure;
});
if (failures.length > 0) process.stdout.write(`\nfailed:\n${failures.map((line) => `  ${line}\n`).join("")}`);
process.stdout.write(`\n${closingLine(total)}\n`);
process.exit(total.failed > 0 || total.passed === 0 && only !== undefined && !checks.has(only) ? 1 : 0);
