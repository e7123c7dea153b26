// Export Patch beside git: the same 1,000 changed files, the same two trees. git reads the second one as a plain folder.
import { spawn } from "node:child_process";
import { promises as fs } from "node:fs";
import { join } from "node:path";
import type { Row, World } from "./cases.ts";
import { median, pool, ratio, rounds, time } from "./measure.ts";
import { ours, type OverlayObject } from "./subjects.ts";

interface Exports {
  readonly exportPatch: (overlay: OverlayObject) => AsyncIterable<Uint8Array>;
  readonly exportFolder: (overlay: OverlayObject, target: string) => Promise<unknown>;
}

const files = 1000;

function content(i: number): string {
  return Array.from({ length: 120 }, (_, line) => `const name${String(line)} = ${String((line * 7919 + i * 31) % 1000)}; // file ${String(i)}\n`).join("");
}

/** git says 1 of trees that differ. */
function git(folder: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["diff", "--no-index", "--binary", "base", "after"], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    let bytes = 0;
    child.stdout.on("data", (piece: Buffer) => { bytes += piece.length; });
    child.once("error", reject);
    child.once("close", (code) => { if (code === 1) resolve(bytes); else reject(new Error(`git ended with ${String(code)}`)); });
  });
}

export async function patchCase(world: World): Promise<Row> {
  const folder = world.fresh();
  const base = join(folder, "base");
  for (let d = 0; d < 20; d++) await fs.mkdir(join(base, `d${String(d)}`), { recursive: true });
  const at = (i: number): string => `d${String(i % 20)}/f${String(i)}.ts`;
  await pool(files, 16, (i) => fs.writeFile(join(base, at(i)), content(i)));
  const own = await ours(world.module, base, join(folder, "scratch"), "none");
  const { overlay } = own;
  await pool(files, 16, async (i) => {
    const lines = content(i).split("\n");
    lines.splice(i % 100, 3, `changed ${String(i)}`, "and more");
    lines.splice((i * 7) % 90, 0, "a new line");
    await overlay.writeFile(`/${at(i)}`, lines.join("\n"));
  });
  const { exportPatch, exportFolder } = world.module as unknown as Exports;
  await exportFolder(overlay, join(folder, "after"));
  const times = await rounds(9, {
    "ours": () => time(async () => {
      let bytes = 0;
      for await (const piece of exportPatch(overlay)) bytes += piece.length;
      if (bytes < files * 100) throw new Error("the patch is too small to be one");
    }),
    "plain": () => time(() => git(folder)),
  });
  await own.close();
  return { operation: `patch of ${files.toLocaleString("en")} changed files`, ms: { ours: median(times["ours"] ?? []), plain: median(times["plain"] ?? []) }, ratio: ratio(times, "ours", "plain"), of: "git diff --no-index", limit: 2 };
}
