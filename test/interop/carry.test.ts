/**
 * What is carried out of an overlay is what merged shows, said by others' tools: real git and tar, on a pristine copy of
 * the base. Random bases, random edits.
 */
import * as fc from "fast-check";
import { execFileSync } from "node:child_process";
import { cpSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, test, expect } from "vitest";
import { apply, exportFolder, exportLayer, exportPatch, importPatch, openOverlay, type OpenOverlay, planApply, undoApply } from "../../src/host/index.js";
import { callThread } from "../../src/host/callThread.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { seedFrom } from "../support/seed.js";
import { bases, edits, type Edit, inMerged, onDisk, perform, plantBase, type Planted } from "./carryWorld.js";
import { Git } from "./patchTrees.js";

const numRuns = Number(process.env["INTEROP_RUNS"] ?? 40);
const seed = seedFrom("INTEROP_SEED");

let folder: string;
let git: Git;
let runs = 0;
beforeAll(() => {
  folder = temporaryFolder("carry");
  git = new Git(folder);
});
afterAll(async () => {
  await callThread.end();
  rmSync(folder, { recursive: true, force: true });
});

interface World {
  readonly own: string;
  readonly base: string;
  readonly pristine: string;
  readonly overlay: OpenOverlay;
}

async function inWorld(planted: readonly Planted[], all: readonly Edit[], use: (world: World) => Promise<void>): Promise<void> {
  const own = join(folder, `run${runs++}`);
  const base = join(own, "base");
  const pristine = join(own, "pristine");
  plantBase(base, planted);
  cpSync(base, pristine, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const overlay = await openOverlay({ base, scratch: join(own, "scratch"), durability: "none" });
  try {
    await perform(overlay, all);
    await use({ own, base, pristine, overlay });
    await overlay.dispose();
    rmSync(own, { recursive: true, force: true });
  } finally {
    await overlay.dispose();
  }
}

/** With the call thread in every second run: large changes start it, and these are small. */
function property(title: string, check: (world: World) => Promise<void>): void {
  test(`${title} (seed ${seed})`, async () => {
    await fc.assert(fc.asyncProperty(bases, edits, (planted, all) => inWorld(planted, all, async (world) => {
      if (runs % 2 === 0) expect(await callThread.start()).toBe(true);
      else await callThread.end();
      await check(world);
    })), { numRuns, seed });
  });
}

async function gathered(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

property("the exported patch, applied by git, gives merged", async ({ pristine, overlay, base }) => {
  const merged = await inMerged(overlay, "git");
  const before = onDisk(base, "full");
  const patch = await gathered(exportPatch(overlay));
  if (patch.length > 0) git.run(pristine, ["apply", "--whitespace=nowarn"], patch);
  expect(onDisk(pristine, "git")).toEqual(merged);
  expect(onDisk(base, "full"), "INV-1").toEqual(before);
});

property("the exported patch, imported into a fresh overlay, gives merged", async ({ own, base, overlay }) => {
  const patch = await gathered(exportPatch(overlay));
  if (patch.length === 0) return;
  const other = await openOverlay({ base, scratch: join(own, "other"), durability: "none" });
  try {
    const report = await importPatch(other, patch);
    expect(report.leftBehind).toEqual([]);
    expect(await inMerged(other, "git")).toEqual(await inMerged(overlay, "git"));
  } finally {
    await other.dispose();
  }
});

/** By the rules of the OCI image-spec: whiteouts take away what lower layers have; a folder on a folder joins, else the old one goes. */
function unpack(tar: string, onto: string, aside: string): void {
  mkdirSync(aside);
  execFileSync("tar", ["-xpf", tar, "-C", aside, "--no-same-owner"]);
  const names = execFileSync("tar", ["-tf", tar, "--quoting-style=literal"]).toString().split("\n").filter((one) => one !== "").map((one) => one.replace(/\/$/, ""));
  for (const one of names) {
    const last = one.slice(one.lastIndexOf("/") + 1);
    if (last.startsWith(".wh.")) rmSync(join(onto, dirname(one), last.slice(4)), { recursive: true, force: true });
  }
  const lstat = (at: string) => lstatSync(at, { throwIfNoEntry: false });
  for (const one of names) {
    if (one.slice(one.lastIndexOf("/") + 1).startsWith(".wh.")) rmSync(join(aside, one));
    else {
      const old = lstat(join(onto, one));
      if (old !== undefined && !(old.isDirectory() && lstat(join(aside, one))?.isDirectory() === true)) rmSync(join(onto, one), { recursive: true, force: true });
    }
  }
  if (readdirSync(aside).length > 0) execFileSync("sh", ["-c", 'tar --format=posix -cf - -C "$1" . | tar -xpf - -C "$2" --no-same-owner', "sh", aside, onto]);
}

property("the layer, unpacked over the base by OCI's rules, gives merged", async ({ own, pristine, overlay }) => {
  const merged = await inMerged(overlay, "full");
  await exportLayer(overlay, join(own, "layer.tar"));
  unpack(join(own, "layer.tar"), pristine, join(own, "aside"));
  expect(onDisk(pristine, "full")).toEqual(merged);
});

property("the exported folder is merged", async ({ own, overlay }) => {
  const progress: [number, number][] = [];
  const report = await exportFolder(overlay, join(own, "out"), { onProgress: (...at) => { progress.push(at); } });
  expect(onDisk(join(own, "out"), "full")).toEqual(await inMerged(overlay, "full"));
  expect(report.leftOut).toEqual([]);
  expect(progress.every(([done, total], i) => done <= total && done >= (progress[i - 1]?.[0] ?? 0))).toBe(true);
  expect(progress.at(-1)?.[0]).toBe(progress.at(-1)?.[1]);
});

property("applied to the base, the base is merged, the upper empty; undone, the base is the old one and merged as ever", async ({ base, overlay }) => {
  const before = onDisk(base, "full");
  const merged = await inMerged(overlay, "full");
  const snapshots = await overlay.snapshots();
  const plan = await planApply(overlay);
  const report = await apply(overlay, plan);
  expect(report.notDone).toEqual([]);
  expect(onDisk(base, "full")).toEqual(merged);
  expect(await inMerged(overlay, "full")).toEqual(merged);
  expect(report.stays).toEqual([]);
  // Nothing to apply, over snapshots: they stay, and the unchanged copies with them.
  if (report.applied.length > 0 || snapshots.length === 0) expect(await overlay.changes("/", { folders: true })).toEqual([]);
  expect(await overlay.snapshots()).toEqual(report.applied.length === 0 ? snapshots : []);
  const undone = await undoApply(overlay, report.id);
  expect(undone.notDone).toEqual([]);
  expect(onDisk(base, "full")).toEqual(before);
  expect(await inMerged(overlay, "full")).toEqual(merged);
  expect(await overlay.snapshots(), "the snapshots are back").toEqual(snapshots);
  expect((await overlay.changes("/", { since: "base" })).filter(({ stale }) => stale), "what we wrote ourselves is nobody else's").toEqual([]);
  // Of what came back with snapshots, and of a folder's mode, only the time tells, and that is the undo's.
  const now = (await planApply(overlay)).items.filter((item) => item.base === "stale" && item.action !== "mode").map((item) => item.path);
  if (snapshots.length === 0) expect(now).toEqual([]);
});

test("long and odd names, large numbers and old times in a layer are what tar reads", async () => {
  const long = `${"l".repeat(120)}/${"m".repeat(200)}`;
  await inWorld([], [], async ({ own, overlay, pristine }) => {
    await overlay.createDirectory(`/${"l".repeat(120)}`);
    await overlay.writeFile(`/${long}`, "long");
    await overlay.writeFile("/ünï\nnew", "odd");
    await overlay.symlink("t".repeat(300), "/link");
    await overlay.utimes(`/${long}`, 1, -5.5);
    await exportLayer(overlay, join(own, "layer.tar"));
    unpack(join(own, "layer.tar"), pristine, join(own, "aside"));
    expect(lstatSync(join(pristine, long)).mtimeMs).toBe(-5500);
    expect(readdirSync(pristine).sort()).toEqual(["link", "l".repeat(120), "ünï\nnew"].sort());
  });
});

test("a patch of many files starts the call thread, and is the same with it and without", async () => {
  const files: Planted[] = Array.from({ length: 150 }, (_, i) => ({ path: `d${i % 7}/f${i}`, kind: "file", content: Buffer.from(`${i}\n`.repeat((i % 40) * 1000 + 1)), mode: 0o644 }));
  await inWorld(files, [], async ({ pristine, overlay }) => {
    for (const [i, { path }] of files.entries()) await overlay.append(`/${path}`, i % 3 === 0 ? "more\n" : "more\0\n");
    await callThread.end(); // the copy-ups had it
    const without = await gathered(exportPatch(overlay));
    for (let i = 0; !callThread.ready && i < 500; i++) await new Promise((resolve) => { setTimeout(resolve, 10); });
    expect(callThread.ready).toBe(true);
    expect((await gathered(exportPatch(overlay))).equals(without)).toBe(true);
    git.run(pristine, ["apply", "--whitespace=nowarn"], without);
    expect(onDisk(pristine, "git")).toEqual(await inMerged(overlay, "git"));
  });
});
