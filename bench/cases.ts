// The operations of the table: what is measured, against what, and the limit that holds. Every figure is a ratio to
// something that the same run measures.
import { execFile, execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { median, pool, ratio, rounds, time, type Timed } from "./measure.ts";
import type { PeerFactory } from "./peers.ts";
import { fuse, kernel, ours, type OverlayModule, plain, type Subject } from "./subjects.ts";

const run = promisify(execFile);

export interface World {
  readonly root: string;
  readonly module: OverlayModule;
  readonly peers: Readonly<Record<string, PeerFactory>>;
  /** Peer to operation to what it does wrong. */
  readonly faults: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly writeFileAtomic: string;
  fresh(): string;
}

export interface Row {
  readonly operation: string;
  /** Column to milliseconds (median) or a reason. */
  readonly ms: Readonly<Record<string, number | string>>;
  readonly ratio: number;
  readonly of: string;
  /** At most this; undefined for what is told for information. */
  readonly limit: number | undefined;
}

export async function fill(folder: string, count: number, size: number): Promise<void> {
  await fs.mkdir(folder, { recursive: true });
  const content = Buffer.alloc(size, "x");
  await pool(count, 16, (i) => fs.writeFile(join(folder, `f${String(i)}`), content));
}

/** The subjects over one base; a column that is not to be had here is left out. */
async function subjects(world: World, base: string, prepare: (subject: Subject) => Promise<void>, operation: string): Promise<{ all: Subject[]; reasons: Record<string, string> }> {
  const all: Subject[] = [];
  const reasons: Record<string, string> = {};
  const own = await ours(world.module, base, world.fresh());
  await prepare(own);
  all.push(own, plain("plain", base));
  for (const [name, mount] of [["overlayfs", kernel], ["fuse-overlayfs", fuse]] as const) {
    const subject = await mount(base, world.fresh());
    if (subject === undefined) reasons[name] = "not here";
    else {
      await prepare(subject);
      all.push(subject);
    }
  }
  for (const [name, make] of Object.entries(world.peers)) {
    const wrong = world.faults[name]?.[operation];
    if (wrong !== undefined) reasons[name] = wrong;
    else {
      const subject = await make(base, world.fresh());
      await prepare(subject);
      all.push(subject);
    }
  }
  return { all, reasons };
}

async function reading(
  world: World, operation: string, base: string, count: number, limit: number, prepare: (s: Subject) => Promise<void>, needs: string, work: (s: Subject) => Promise<unknown>,
): Promise<Row> {
  const { all, reasons } = await subjects(world, base, prepare, needs);
  try {
    const timed: Record<string, Timed> = Object.fromEntries(all.map((s) => [s.name, () => time(() => work(s))]));
    const times = await rounds(count, timed);
    return { operation, ms: { ...medians(times), ...reasons }, ratio: ratio(times, "ours", "plain"), of: "plain", limit };
  } finally {
    for (const subject of all) await subject.close();
  }
}

function medians(times: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

const nothing = async (): Promise<void> => undefined;

export async function statCases(world: World): Promise<Row[]> {
  const base = join(world.fresh(), "base");
  await fill(join(base, "d"), 10_000, 100);
  const empty = join(world.fresh(), "base");
  await fs.mkdir(join(empty, "d"), { recursive: true });
  const all = (s: Subject): Promise<void> => pool(10_000, 16, (i) => s.lstat(`/d/f${String(i)}`).catch(() => undefined));
  const copied = async (s: Subject): Promise<void> => {
    if (s.name === "plain") return;
    await pool(1000, 16, (i) => s.append(`/d/f${String(i)}`, "+"));
    for (let i = 1000; i < 1100; i++) await s.unlink(`/d/f${String(i)}`);
  };
  const rows = [
    await reading(world, "stat 10,000 files, pure lower", base, 15, 1.15, nothing, "stat", all),
    await reading(world, "stat 10,000 files, merged", base, 15, 1.15, copied, "append", all),
    await reading(world, "readDirectory of 10,000, pure lower", base, 15, 1.25, nothing, "stat", (s) => s.readdir("/d")),
    await reading(world, "readDirectory of 10,000, merged", base, 15, 1.6, copied, "append", (s) => s.readdir("/d")),
  ];
  rows.splice(1, 0, await pureUpper(world, empty));
  return rows;
}

/** Against lstat of the same files where they lie. */
async function pureUpper(world: World, base: string): Promise<Row> {
  const own = await ours(world.module, base, world.fresh());
  const folder = join(world.fresh(), "same");
  await fill(join(folder, "d"), 10_000, 100);
  await pool(10_000, 16, (i) => own.save(`/d/f${String(i)}`, "x".repeat(100)));
  const times = await rounds(15, Object.fromEntries([own, plain("plain", folder)].map((s) => [s.name, () => time(() => pool(10_000, 16, (i) => s.lstat(`/d/f${String(i)}`)))])));
  await own.close();
  return { operation: "stat 10,000 files, pure upper", ms: medians(times), ratio: ratio(times, "ours", "plain"), of: "plain", limit: 1.15 };
}

export async function readCase(world: World): Promise<Row> {
  const base = join(world.fresh(), "base");
  await fill(join(base, "d"), 3000, 4096);
  return reading(world, "readFile 3,000 files of 4 KiB", base, 15, 1.15, nothing, "read", (s) => pool(3000, 16, (i) => s.readFile(`/d/f${String(i)}`)));
}

/** Runs `use` on a fresh filesystem of this kind, in an image; undefined where that cannot be had. */
async function onImage<T>(world: World, mkfs: readonly [string, ...string[]], use: (folder: string) => Promise<T>): Promise<T | undefined> {
  const folder = world.fresh();
  const [image, mount] = [join(folder, "image"), join(folder, "mnt")];
  await fs.mkdir(mount, { recursive: true });
  try {
    await run("truncate", ["-s", "4G", image]);
    await run(mkfs[0], [...mkfs.slice(1), image], { env: { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } });
    await run("mount", ["-o", "loop", image, mount]);
  } catch {
    return undefined;
  }
  try {
    return await use(mount);
  } finally {
    await run("umount", [mount]);
  }
}

/**
 * On ext4 as its users have it, with a journal, because what a sync costs is half of this figure; and for information on
 * the disk that is here, whose syncs may cost nothing or everything.
 */
export async function appendCases(world: World): Promise<Row[]> {
  const there = await onImage(world, ["mkfs.ext4", "-q", "-F"], (folder) => appendsIn(world, () => join(folder, String(images++)), ""));
  const here = await appendsIn(world, () => world.fresh(), there === undefined ? "" : ", on this disk");
  return [...(there ?? []), ...(there === undefined ? here : here.map((row) => ({ ...row, limit: undefined })))];
}

let images = 0;

/** A fresh overlay for each round: only a first append copies up. fuse-overlayfs syncs nothing by itself: it is told to after each of its appends. */
async function appendsIn(world: World, fresh: () => string, where: string): Promise<Row[]> {
  const base = join(fresh(), "base");
  await fill(join(base, "d"), 2000, 4096);
  const reasons: Record<string, string> = {};
  const once = (make: (folder: string) => Promise<Subject | undefined>, append = (s: Subject, path: string) => s.append(path, "+")): Timed => async () => {
    const subject = await make(fresh());
    if (subject === undefined) return NaN;
    const ms = await time(() => pool(2000, 16, (i) => append(subject, `/d/f${String(i)}`)));
    await subject.close();
    return ms;
  };
  const timed: Record<string, Timed> = {
    "ours": once((folder) => ours(world.module, base, folder)),
    "ours, unsynced": once((folder) => ours(world.module, base, folder, "none")),
    "overlayfs": once((folder) => kernel(base, folder)),
    "fuse-overlayfs": once((folder) => fuse(base, folder)),
    "fuse-overlayfs, synced": once((folder) => fuse(base, folder), (s, path) => s.appendSynced?.(path, "+") ?? Promise.reject(new Error("not here"))),
  };
  for (const [name, make] of Object.entries(world.peers)) {
    const wrong = world.faults[name]?.["append"];
    if (wrong !== undefined) reasons[name] = wrong;
    else timed[name] = once((folder) => make(base, folder));
  }
  const times = await rounds(9, timed, 3);
  const row = (operation: string, a: string, b: string, limit: number | undefined): Row => ({ operation: `${operation}${where}`, ms: { ...medians(times), ...reasons }, ratio: ratio(times, a, b), of: b, limit });
  return [
    row("first append to 2,000 files of 4 KiB", "ours", "overlayfs", 1.5),
    row("the same beside fuse-overlayfs, both synced", "ours", "fuse-overlayfs, synced", 1),
    row("the same beside fuse-overlayfs, nothing synced", "ours, unsynced", "fuse-overlayfs", undefined),
  ];
}

export async function saveCase(world: World): Promise<Row> {
  const base = join(world.fresh(), "base");
  await fill(join(base, "d"), 300, 4096);
  const atomic = createRequire(import.meta.url)(world.writeFileAtomic) as (path: string, data: string) => Promise<void>;
  const own = await ours(world.module, base, world.fresh());
  const folder = join(world.fresh(), "same");
  await fill(folder, 300, 4096);
  const data = "y".repeat(4096);
  for (let i = 0; i < 300; i++) await own.save(`/d/f${String(i)}`, data);
  const times = await rounds(9, {
    "ours": () => time(async () => { for (let i = 0; i < 300; i++) await own.save(`/d/f${String(i)}`, data); }),
    "write-file-atomic": () => time(async () => { for (let i = 0; i < 300; i++) await atomic(join(folder, `f${String(i)}`), data); }),
  });
  await own.close();
  return { operation: "save of a copied file of 4 KiB, 300 times", ms: medians(times), ratio: ratio(times, "ours", "write-file-atomic"), of: "write-file-atomic", limit: 1.3 };
}

const gib = 1 << 30;

async function bigFile(path: string, size: number): Promise<void> {
  const file = await fs.open(path, "w");
  const chunk = Buffer.alloc(1 << 22);
  for (let i = 0; i < chunk.length; i += 4) chunk.writeUInt32LE((i * 2654435761) >>> 0, i);
  for (let at = 0; at < size; at += chunk.length) await file.write(chunk, 0, Math.min(chunk.length, size - at));
  await file.sync();
  await file.close();
}

export async function bigCopyCases(world: World): Promise<Row[]> {
  const base = join(world.fresh(), "base");
  await fs.mkdir(base, { recursive: true });
  await bigFile(join(base, "big"), gib);
  let growth = 0;
  const copyUp: Timed = async () => {
    const own = await ours(world.module, base, world.fresh());
    const before = process.memoryUsage.rss();
    let peak = before;
    const watch = setInterval(() => { peak = Math.max(peak, process.memoryUsage.rss()); }, 20);
    const ms = await time(() => own.overlay.copyUp("/big"));
    clearInterval(watch);
    growth = Math.max(growth, peak - before);
    await own.overlay.reset();
    await own.overlay.forget(); // the plain copy is deleted too: both find the same room on the disk
    await own.close();
    return ms;
  };
  const copyFile: Timed = async () => {
    const to = join(world.fresh(), "copy");
    await fs.mkdir(join(to, ".."), { recursive: true });
    const ms = await time(async () => {
      await fs.copyFile(join(base, "big"), to);
      const file = await fs.open(to, "r+");
      await file.sync();
      await file.close();
    });
    await fs.unlink(to);
    return ms;
  };
  // What was written before, by other cases, is not to reach the disk now.
  execFileSync("sync");
  const times = await rounds(15, { "ours": copyUp, "plain": copyFile });
  const rows: Row[] = [
    { operation: "copy-up of 1 GiB", ms: medians(times), ratio: ratio(times, "ours", "plain"), of: "fs.copyFile + fsync", limit: 1.05 },
    { operation: "its memory growth, in 32 MiB", ms: { ours: growth / 1048576 }, ratio: growth / 33554432, of: "32 MiB", limit: 1 },
    await siblings(world, base),
  ];
  return rows;
}

/** Create and stat of siblings while the large file is copied, beside the same during a plain fs.copyFile. */
async function siblings(world: World, base: string): Promise<Row> {
  const many = 200;
  const during = async (copy: Promise<unknown>, act: (i: number) => Promise<unknown>): Promise<number> => {
    let done = false as boolean;
    const end = copy.finally(() => { done = true; });
    const each: number[] = [];
    for (let i = 0; i < many && !done; i++) each.push(await time(() => act(i)));
    await end;
    return median(each);
  };
  const times = await rounds(5, {
    "ours": async () => {
      const own = await ours(world.module, base, world.fresh());
      const ms = await during(own.overlay.copyUp("/big"), async (i) => {
        await own.save(`/n${String(i)}`, "n");
        await own.lstat(`/n${String(i)}`);
      });
      await own.overlay.reset();
      await own.close();
      return ms;
    },
    "plain": async () => {
      const own = await ours(world.module, base, world.fresh());
      const to = join(world.fresh(), "copy");
      await fs.mkdir(join(to, ".."), { recursive: true });
      const ms = await during(fs.copyFile(join(base, "big"), to), async (i) => {
        await own.save(`/n${String(i)}`, "n");
        await own.lstat(`/n${String(i)}`);
      });
      await own.close();
      await fs.unlink(to);
      return ms;
    },
  });
  return { operation: "create and stat of a sibling meanwhile", ms: medians(times), ratio: ratio(times, "ours", "plain"), of: "the same beside fs.copyFile", limit: 1.2 };
}

/** On a loop-mounted btrfs: the cost of a clone does not grow with the file. */
export function reflinkCase(world: World): Promise<Row | undefined> {
  return onImage(world, ["mkfs.btrfs", "-q"], async (folder) => {
    const base = join(folder, "base");
    await fs.mkdir(base);
    await bigFile(join(base, "large"), gib);
    await bigFile(join(base, "small"), gib / 64);
    let n = 0;
    const copyUp = (name: string): Timed => async () => {
      const own = await ours(world.module, base, join(folder, `scratch${String(n++)}`));
      const ms = await time(() => own.overlay.copyUp(`/${name}`));
      await own.close();
      return ms;
    };
    const times = await rounds(25, { "1 GiB": copyUp("large"), "16 MiB": copyUp("small") });
    return { operation: "copy-up of 1 GiB with reflink (btrfs)", ms: { ours: median(times["1 GiB"] ?? []) }, ratio: ratio(times, "1 GiB", "16 MiB"), of: "of 16 MiB", limit: 3 };
  });
}
