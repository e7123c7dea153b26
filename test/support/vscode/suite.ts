// Runs the bundled suite inside a real VS Code: a desktop one where there is one, else the npm registry's in headless Chromium.
import { runTests } from "@vscode/test-electron";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildSuite } from "../build.ts";
import { root, say } from "../paths.ts";
import { makeTemp, removeTemp } from "../processes.ts";
import { type Counts, readSuiteResults } from "../results.ts";
import { openBrowser } from "./browser.ts";
import { findDesktop } from "./desktop.ts";
import { startServer } from "./server.ts";
import { quietSettings, remoteUri, workbenchUrl } from "./workbench.ts";

/** The suite as a whole; each test has a limit of its own. */
const patience = 10 * 60_000;

export async function runSuite(): Promise<Counts> {
  const suite = await buildSuite();
  const folder = makeTemp("suite");
  const workspace = join(folder, "workspace");
  const results = join(folder, "results.json");
  mkdirSync(workspace);
  try {
    const desktop = findDesktop();
    if (desktop !== undefined) await inDesktop(desktop, suite, folder, workspace, results);
    else await inBrowser(suite, folder, workspace, results);
    const counts = readSuiteResults(results);
    if (counts === undefined) throw new Error("The suite inside VS Code did not come to its end.");
    return counts;
  } finally {
    removeTemp(folder);
  }
}

async function inDesktop(executable: string, suite: string, folder: string, workspace: string, results: string): Promise<void> {
  say(`running the suite in ${executable}`);
  try {
    await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: root,
      extensionTestsPath: suite,
      extensionTestsEnv: { OVERLAY_TEST_RESULTS: results },
      launchArgs: [
        workspace, "--user-data-dir", join(folder, "user"), "--extensions-dir", join(folder, "extensions"),
        "--disable-workspace-trust", "--skip-welcome", "--skip-release-notes", "--disable-updates",
        ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      ],
    });
  } catch (error) {
    if (readSuiteResults(results) === undefined) throw error; // Otherwise it only says that tests failed, which is counted.
  }
}

async function inBrowser(suite: string, folder: string, workspace: string, results: string): Promise<void> {
  say("running the suite in the npm registry's VS Code, in a headless Chromium");
  const server = await startServer({
    folders: { data: join(folder, "server") },
    env: { OVERLAY_TEST_RESULTS: results },
    settings: quietSettings,
    testDriver: true,
    workspaceTrust: false,
  });
  try {
    const browser = await openBrowser(join(folder, "browser"));
    try {
      const page = await browser.newPage();
      const exit = Promise.withResolvers<number>();
      await page.exposeFunction("codeAutomationLog", (type: string, args: unknown[]) => { print(type, args); });
      await page.exposeFunction("codeAutomationExit", (code: number) => { exit.resolve(code); });
      page.on("crash", () => { exit.reject(new Error("The page crashed.")); });
      const timer = setTimeout(() => { exit.reject(new Error(`The suite did not end within ${patience / 1000} s.\n${server.output()}`)); }, patience);
      await page.goto(workbenchUrl(server, workspace, [
        ["extensionDevelopmentPath", remoteUri(server, root)],
        ["extensionTestsPath", remoteUri(server, suite)],
        ["skipWelcome", "true"],
      ]));
      const code = await exit.promise.finally(() => { clearTimeout(timer); });
      if (code !== 0 && readSuiteResults(results) === undefined) throw new Error(`VS Code ended the suite with ${code}.\n${server.output()}`);
    } finally {
      await browser.close();
    }
  } finally {
    await server.stop();
  }
}

/** The page logs all that VS Code says; the suite's own lines begin with a bar. */
function print(type: string, args: readonly unknown[]): void {
  const text = args.map((arg) => (typeof arg === "string" ? arg : JSON.stringify(arg))).join(" ");
  if (process.env["OVERLAY_TEST_VERBOSE"] === "1") process.stderr.write(`[${type}] ${text}\n`);
  else if (text.startsWith("│ ")) process.stdout.write(`${text}\n`);
}
