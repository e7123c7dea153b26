/** Apply to Base and Export Folder in a process that is killed, and on a disk that is full. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { appliedRecords, apply, openOverlay, planApply, undoApply } from "../../src/host/index.js";
import { inMerged, onDisk } from "../interop/carryWorld.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { root } from "../support/paths.js";
import { Random } from "../support/random.js";
import { seedFrom } from "../support/seed.js";
import { Filler } from "./disks.js";
import { Mounts, skipped } from "./mounts.js";

const engine = join(root, "dist", "overlay.mjs");
const worker = join(root, "test", "crash", "applyWorker.ts");
const kills = process.env["OVERLAY_LONG"] === "1" ? 100 : 6;
const seed = seedFrom("OVERLAY_SEED", 1e6);
const files = 60;

function plant(base: string, size = 40): void {
  mkdirSync(join(base, "d"), { recursive: true });
  for (let i = 0; i < files; i++) writeFileSync(join(base, "d", `f${i}`), "o".repeat(size));
}

/** Starts, and is killed when it has done so many steps, and some turns of the event loop later. */
async function killed(base: string, scratch: string, steps: number, turns: number): Promise<void> {
  const child = spawn(process.execPath, [worker, engine, "apply", base, scratch], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => { child.once("close", () => { resolve(); }); });
  let seen = 0;
  const kill = (left: number): void => {
    if (left > 0) setImmediate(kill, left - 1);
    else child.kill("SIGKILL");
  };
  child.stdout.on("data", (text: Buffer) => {
    const before = seen;
    seen += text.toString().split("\n").length - 1;
    if (before <= steps && seen > steps) kill(turns);
  });
  await ended;
}

test(`killed at random moments: every file old or new, nothing left over, done to the end and undone (seed ${seed})`, async () => {
  const folder = temporaryFolder("apply-kill");
  const random = new Random(seed);
  let cut = 0;
  try {
    for (let i = 0; i < kills; i++) {
      const [base, scratch] = [join(folder, `base${i}`), join(folder, `scratch${i}`)];
      plant(base);
      const before = onDisk(base, "full");
      const first = await openOverlay({ base, scratch, durability: "none" });
      for (let n = 0; n < files; n += 3) await first.writeFile(`/d/f${n}`, "n".repeat(50));
      for (let n = 1; n < files; n += 3) await first.unlink(`/d/f${n}`);
      await first.rename("/d", "/e");
      const merged = await inMerged(first, "full");
      await first.dispose();
      await killed(base, scratch, random.below(files), random.below(200));
      const again = await openOverlay({ base, scratch, durability: "none" });
      const now = onDisk(base, "full");
      for (const [path, shown] of Object.entries(now)) expect([before[path], merged[path]], `kill ${i}: ${path}`).toContain(shown);
      expect(await inMerged(again, "full"), `kill ${i}`).toEqual(merged);
      if ((await appliedRecords(again)).some(({ outcome, done }) => outcome === "cut short" && done.length > 0)) cut++;
      expect((await apply(again, await planApply(again))).notDone, `kill ${i}`).toEqual([]);
      expect(onDisk(base, "full")).toEqual(merged);
      for (const { id } of await appliedRecords(again)) expect((await undoApply(again, id)).notDone, `kill ${i}`).toEqual([]);
      expect(onDisk(base, "full"), `kill ${i}: undone`).toEqual(before);
      await again.dispose();
    }
    process.stderr.write(`${cut} of ${kills} applies were cut short in their middle\n`);
    expect(cut).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 600_000);

const skip = skipped("full disks");

test.skipIf(skip).each(["base", "scratch", "target"])("a full disk under the %s", async (which) => {
  const mounts = await Mounts.create("apply-full");
  try {
    const at = (name: string): string => join(mounts.folder, name);
    await mounts.tmpfs(at("large"));
    await mounts.tmpfs(at("small"), 4 << 20);
    const [base, scratch, out] = [at(which === "base" ? "small/base" : "large/base"), at(which === "scratch" ? "small/scratch" : "large/scratch"), at(which === "target" ? "small/out" : "large/out")];
    plant(mounts.outside(base), 8 * 1024);
    const before = onDisk(mounts.outside(base), "full");
    await mounts.run(`cat > ${at("large/edit.mjs")} <<'END'
import { openOverlay } from "${engine}";
const overlay = await openOverlay({ base: "${base}", scratch: "${scratch}" });
for (let n = 0; n < ${files}; n += 2) await overlay.writeFile("/d/f" + n, "n".repeat(16 * 1024));
await overlay.dispose();
END
${process.execPath} ${at("large/edit.mjs")}`);
    const filler = new Filler(mounts, at("small"));
    await filler.fill(0, 150 * 1024);
    const names = readdirSync(mounts.outside(at("small")));
    const run = (what: string): Promise<string> => mounts.run(`${process.execPath} ${worker} ${engine} ${what} ${base} ${scratch} ${out}`);
    const said = JSON.parse((await run(which === "target" ? "folder" : "apply")).split("\n").find((line) => line.startsWith("{")) ?? "{}") as { error?: string; applied?: string[]; notDone?: { path: string; reason: string }[] };
    if (which === "target") {
      expect(said.error).toMatch(/no space is left/);
      expect(readdirSync(mounts.outside(at("small")))).toEqual(names);
      return;
    }
    expect(said.notDone?.some(({ reason }) => /no space is left/.test(reason)), JSON.stringify(said)).toBe(true);
    expect(said.notDone?.some(({ reason }) => /not reached: the disk is full/.test(reason))).toBe(true);
    expect((said.applied?.length ?? 0) + (said.notDone?.length ?? 0)).toBe(files / 2);
    const now = onDisk(mounts.outside(base), "full");
    for (const [path, shown] of Object.entries(now)) {
      expect(shown === before[path] || shown === `644 ${"n".repeat(16 * 1024)}`, path).toBe(true);
      expect(shown !== before[path], `${path} as it is told`).toBe(said.applied?.includes(path) ?? false);
    }
    await filler.empty();
    expect(await run("apply")).toMatch(/"notDone":\[\]/);
    expect(Object.values(onDisk(mounts.outside(base), "full")).filter((shown) => shown.startsWith("644 n")).length).toBe(files / 2);
  } finally {
    await mounts.end();
  }
});
