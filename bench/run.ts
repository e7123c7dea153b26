// `npm run bench`: measures, prints the table, writes bench/results.json, and fails when a limit is missed. As root it
// runs itself in a mount namespace of its own, so that no mount outlives it. `-- stat append` runs the parts named so.
import { spawnSync } from "node:child_process";
import { mkdtempSync, promises as fs } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { appendCases, bigCopyCases, readCase, reflinkCase, type Row, saveCase, statCases, type World } from "./cases.ts";
import { changesCase, layerCases, openCase, renameCases, resetCase } from "./scale.ts";
import { patchCase } from "./patch.ts";
import { searchCases } from "./search.ts";
import { faults, peers } from "./peers.ts";
import { fetchPeers, overlayModule } from "./subjects.ts";

const here = dirname(fileURLToPath(import.meta.url));
const project = dirname(here);

const parts: Readonly<Record<string, (world: World) => Promise<readonly (Row | undefined)[]>>> = {
  stat: statCases,
  read: async (world) => [await readCase(world)],
  append: appendCases,
  save: async (world) => [await saveCase(world)],
  copy: bigCopyCases,
  reflink: async (world) => [await reflinkCase(world)],
  rename: renameCases,
  reset: async (world) => [await resetCase(world)],
  layers: layerCases,
  open: async (world) => [await openCase(world, 1_000_000)],
  changes: async (world) => [await changesCase(world)],
  patch: async (world) => [await patchCase(world)],
  search: searchCases,
};

function show(rows: readonly Row[]): void {
  const names = ["ours", "ours, unsynced", "plain", "overlayfs", "fuse-overlayfs", "fuse-overlayfs, synced", "@zenfs/core", "just-bash", "write-file-atomic", "small"];
  const cell = (value: number | string | undefined): string => (value === undefined ? "" : typeof value === "string" ? value : Number.isNaN(value) ? "not here" : `${value.toFixed(value < 10 ? 2 : 0)} ms`);
  for (const row of rows) {
    const verdict = row.limit === undefined ? "info" : row.ratio <= row.limit ? "ok" : "MISSED";
    console.log(`${verdict.padEnd(7)}${row.operation.padEnd(62)}${row.ratio.toFixed(2).padStart(6)}x ${row.of}${row.limit === undefined ? "" : ` (at most ${String(row.limit)})`}`);
    console.log(`       ${names.filter((name) => row.ms[name] !== undefined).map((name) => `${name}: ${cell(row.ms[name])}`).join("   ")}`);
  }
}

/** A peer may fail outside of any call that was awaited; that is its fault, found out and shown, not the run's end. */
process.on("uncaughtException", (error) => {
  if ((error.stack ?? "").includes(".vscode-test/peers/")) return;
  console.error(error);
  process.exit(1);
});

async function main(wanted: readonly string[]): Promise<number> {
  const root = mkdtempSync(join(tmpdir(), "overlay-bench-"));
  try {
    let n = 0;
    const fresh = (): string => join(root, `w${String(n++)}`);
    const where = await fetchPeers(join(project, ".vscode-test", "peers"));
    const factories = await peers(where);
    const wrong: Record<string, Readonly<Record<string, string>>> = {};
    for (const [name, make] of Object.entries(factories)) wrong[name] = await faults(make, fresh());
    const world: World = { root, module: await overlayModule(project), peers: factories, faults: wrong, writeFileAtomic: where("write-file-atomic"), fresh };
    const rows: Row[] = [];
    for (const [name, part] of Object.entries(parts)) {
      if (wanted.length > 0 && !wanted.includes(name)) continue;
      const found = (await part(world)).filter((row) => row !== undefined);
      if (found.length === 0) console.log(`not here: ${name}`);
      show(found);
      rows.push(...found);
      await fs.rm(root, { recursive: true, force: true });
      await fs.mkdir(root);
    }
    if (wanted.length === 0) await fs.writeFile(join(here, "results.json"), `${JSON.stringify({ node: process.version, cores: cpus().length, rows }, undefined, 1)}\n`);
    const limited = rows.flatMap(({ ratio, limit }) => (limit === undefined ? [] : [{ ratio, limit }]));
    const missed = limited.filter(({ ratio, limit }) => !(ratio <= limit)); // NaN is missed
    console.log(`${String(limited.length - missed.length)} of ${String(limited.length)} figures reached`);
    return missed.length === 0 ? 0 : 1;
  } finally {
    await fs.rm(root, { recursive: true, force: true });
  }
}

if (process.getuid?.() === 0 && process.env["OVERLAY_BENCH_NAMESPACE"] === undefined) {
  const inner = spawnSync("unshare", ["-m", "--propagation", "private", process.execPath, ...process.argv.slice(1)], {
    stdio: "inherit", env: { ...process.env, OVERLAY_BENCH_NAMESPACE: "1" },
  });
  process.exitCode = inner.status ?? 1;
} else {
  process.exitCode = await main(process.argv.slice(2));
}
