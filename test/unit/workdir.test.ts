/** Staging and opening on a bare scratch: what work/ holds afterwards in every outcome (INV-11), what a crash left (INV-8). */
import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/engine/index.js";
import type { LogLevel } from "../../src/engine/layer.js";
import { BaseDirectory, LowerMemory } from "../../src/engine/lowerView.js";
import { rootPath } from "../../src/engine/paths.js";
import { clean, recover } from "../../src/engine/recover.js";
import type { Durability } from "../../src/engine/types.js";
import { Workdir } from "../../src/engine/workdir.js";
import { MemoryDisk, type MemoryDiskOptions } from "../../src/host/memoryDisk.js";
import { MemoryLowerLayer, MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { dump, plant, type PlantedTree } from "../../src/host/memoryTree.js";
import { compose, failing, type Matches, recorder } from "../support/layers/hooks.js";
import { interceptedScratch } from "../support/layers/intercept.js";
import { codeOf, testEnv } from "../support/world.js";

interface Setting {
  readonly tree?: PlantedTree;
  readonly durability?: Durability;
  readonly disk?: MemoryDiskOptions;
  readonly fail?: Matches;
  readonly error?: ErrorCode;
}

function scratch({ tree = {}, durability = "data", disk: options = {}, fail, error = "EIO" }: Setting = {}) {
  const disk = new MemoryDisk(options);
  plant(disk, "/", { "base/": null, "scratch/": null });
  plant(disk, "/scratch", { "work/": null, "trash/": null, ...tree });
  for (const path of ["/scratch", "/scratch/work", "/scratch/trash"]) disk.inode(path, "test").uid = options.uid ?? 0;
  const seen = recorder();
  const layer = interceptedScratch(new MemoryScratchLayer(disk, "/scratch"), compose(seen.hook, failing((call) => fail?.(call) ?? false, error)));
  const logged: string[] = [];
  const env = testEnv((level: LogLevel, message: string) => logged.push(`${level}: ${message}`));
  return { disk, layer, env, logged, seen, work: new Workdir(layer, env, durability), tree: () => dump(disk, "/scratch") };
}

const bytes = (text: string) => new TextEncoder().encode(text);
const mode = (disk: MemoryDisk, path: string) => disk.inode(`/scratch/${path}`, "test").mode;
const named = (name: string, path?: string): Matches => (call) => call.name === name && (path === undefined || call.path === path);
const nothing = { trash: "dir", work: "dir" };

describe("a staged file", () => {
  test.each<[Durability, number, number]>([["data", 1, 1], ["full", 1, 1], ["none", 0, 1]])("durability %s: %i syncs; a marker %i", async (durability, data, marker) => {
    const s = scratch({ durability });
    const path = await s.work.stageFile(0o640, (file) => file.write(bytes("x"), 0));
    expect(s.seen.count("handle.sync")).toBe(data);
    expect(s.tree()[path]).toBe('file "x"');
    expect(mode(s.disk, path)).toBe(0o640);
    const staged = await s.work.stageSynced(bytes("y"));
    expect(s.seen.count("handle.sync") - data).toBe(marker);
    expect([s.tree()[staged], mode(s.disk, staged)]).toEqual(['file "y"', 0o644]);
    expect(s.disk.handles.size).toBe(0);
  });

  test.each(["handle.write", "handle.sync", "handle.close"])("INV-11 %s fails: nothing is left", async (name) => {
    const s = scratch({ fail: named(name) });
    expect(await codeOf(s.work.stageFile(0o644, (file) => file.write(bytes("x"), 0)))).toBe("EIO");
    expect(s.tree()).toEqual(nothing);
    expect(s.seen.count("handle.close")).toBe(1);
  });

  test("what is gone already is no failure; what cannot be removed is logged", async () => {
    const s = scratch({ tree: { "work/f": "F" }, fail: (call) => call.path.startsWith("work/f") });
    await s.work.discard("work/none");
    await s.work.discardTree("work/none");
    expect(s.logged).toEqual([]);
    await s.work.discard("work/f");
    await s.work.discardTree("work/f");
    expect(s.logged).toEqual([expect.stringMatching(/^warn: could not remove work\/f: .*EIO/), expect.stringMatching(/^warn: could not remove work\/f: .*EIO/)]);
  });
});

describe("publish", () => {
  const tree = { "work/t": "T", "work/u": "U", "upper/": null };

  test("by a link; the staged name is gone", async () => {
    const s = scratch({ tree });
    await s.work.publish("work/t", "upper/a");
    expect(s.tree()).toEqual({ ...nothing, "upper": "dir", "upper/a": 'file "T"', "work/u": 'file "U"' });
    expect(s.seen.count("rename")).toBe(0);
  });

  test("EEXIST, and the staged file has its second name: a success whose answer was lost (NFS)", async () => {
    const s = scratch({ tree: { ...tree, "upper/a": { linkTo: "/scratch/work/t" } } });
    await s.work.publish("work/t", "upper/a");
    expect(s.tree()).toEqual({ ...nothing, "upper": "dir", "upper/a": 'file "T"', "work/u": 'file "U"' });
  });

  test("a taken name is EEXIST; another failure is told as it is", async () => {
    const s = scratch({ tree: { ...tree, "upper/a": "mine" } });
    expect(await codeOf(s.work.publish("work/t", "upper/a"))).toBe("EEXIST");
    const failed = scratch({ tree: { ...tree, "work/v": { linkTo: "/scratch/work/t" } }, fail: named("link") });
    expect(await codeOf(failed.work.publish("work/t", "upper/a"))).toBe("EIO");
    expect(failed.tree()["work/t"]).toBe('file "T"');
  });

  test("no hard links: by a rename, said once", async () => {
    const s = scratch({ tree, disk: { hardLinks: false } });
    await s.work.publish("work/t", "upper/a");
    await s.work.publish("work/u", "upper/b");
    expect(s.tree()).toEqual({ ...nothing, "upper": "dir", "upper/a": 'file "T"', "upper/b": 'file "U"' });
    expect(s.logged).toEqual([expect.stringMatching(/^info: .*no hard links/)]);
    expect([s.seen.count("link"), s.seen.count("rename"), s.seen.count("unlink")]).toEqual([1, 2, 0]);
  });
});

describe("a tree that is removed", () => {
  const tree = { "work/t/a/f": "F", "work/t/ro/g": "G", "work/t/l": { symlink: "a" }, "work/t/ro": { directory: true, mode: 0o555 }, "work/t": { directory: true, mode: 0o300 } } as const;
  test.each([0, 1000])("whatever its modes, user %i", async (uid) => {
    const s = scratch({ tree, disk: { uid } });
    for (const path of ["work/t", "work/t/a", "work/t/ro"]) s.disk.inode(`/scratch/${path}`, "test").uid = uid;
    await s.work.discardTree("work/t");
    expect(s.logged).toEqual([]);
    expect(s.tree()).toEqual(nothing);
    // Who may everything changes no mode; who may not, only where it is needed.
    expect(s.seen.calls.filter((call) => call.name === "chmod").map((call) => call.path)).toEqual(uid === 0 ? [] : ["work/t", "work/t/ro"]);
  });

  test("the sweep takes files at once and gives the folders back", async () => {
    const s = scratch({ tree: { "work/d/f": "F", "work/f": "F", "work/l": { symlink: "f" } } });
    expect(await s.work.sweep()).toEqual(["work/d"]);
    expect(s.tree()).toEqual({ ...nothing, "work/d": "dir", "work/d/f": 'file "F"' });
  });
});

describe("directories forced to the disk", () => {
  test.each<[Durability, string[]]>([["full", ["upper", "work"]], ["data", []], ["none", []]])("durability %s", async (durability, expected) => {
    const s = scratch({ durability, tree: { "upper/": null } });
    await s.work.syncDirectories("upper", "work", "upper");
    expect(s.seen.calls.filter(named("syncDirectory")).map((call) => call.path)).toEqual(expected);
  });

  test("one that went is somebody else's to sync; a failure is told", async () => {
    const s = scratch({ durability: "full" });
    expect(await codeOf(s.work.syncDirectories("none"))).toBe("ok");
    expect(await codeOf(scratch({ durability: "full", fail: named("syncDirectory") }).work.syncDirectories("work"))).toBe("EIO");
  });
});

describe("inside a directory", () => {
  const tree = { "d/f": "F", "w/": null, "x/": null, "d": { directory: true, mode: 0o555 }, "x": { directory: true, mode: 0o600 } } as const;
  const own = (s: ReturnType<typeof scratch>, uid: number) => { for (const path of ["d", "w", "x"]) s.disk.inode(`/scratch/${path}`, "test").uid = uid; };

  test.each([["d", 0o555, true], ["x", 0o600, true], ["w", 0o755, false]] as const)("an ordinary user gets %s to write to, and its mode comes back", async (path, before, locked) => {
    const s = scratch({ tree, disk: { uid: 1000 } });
    own(s, 1000);
    const during = await s.work.inside(path, false, () => Promise.resolve(mode(s.disk, path)));
    expect(during & 0o700).toBe(0o700);
    expect(during & 0o077).toBe(before & 0o077);
    expect(mode(s.disk, path)).toBe(before);
    expect(s.seen.count("chmod")).toBe(locked ? 2 : 0);
    expect(s.seen.count("utimes")).toBe(0);
    expect(await codeOf(s.work.inside(path, false, () => Promise.reject(new Error("x"))))).toMatch(/x/);
    expect(mode(s.disk, path)).toBe(before);
  });

  test("who may everything asks nothing, unless the times are to stay", async () => {
    const s = scratch({ tree });
    await s.work.inside("d", false, () => Promise.resolve());
    expect(s.seen.calls).toEqual([]);
    const { mtime, atime } = s.disk.inode("/scratch/d", "test");
    await s.work.inside("d", true, () => s.layer.unlink("d/f"));
    expect(s.disk.inode("/scratch/d", "test")).toMatchObject({ mtime: mtime - (mtime % 1000n), atime: atime - (atime % 1000n), mode: 0o555 });
    expect(s.seen.count("chmod")).toBe(0);
  });

  test("what is known is not asked again", async () => {
    const s = scratch({ tree, disk: { uid: 1000 } });
    own(s, 1000);
    const known = await s.layer.lstat("d");
    await s.work.inside("d", false, () => Promise.resolve(), known);
    expect(s.seen.count("lstat")).toBe(1);
  });

  test("what cannot be put back is logged, not told", async () => {
    const s = scratch({ tree, disk: { uid: 1000 }, fail: (call) => call.name === "utimes" || (call.name === "chmod" && call.args[1] === 0o555) });
    own(s, 1000);
    expect(await s.work.inside("d", true, () => Promise.resolve("done"))).toBe("done");
    expect(s.logged).toEqual([expect.stringMatching(/^warn: .*EIO/), expect.stringMatching(/^warn: .*EIO/)]);
  });
});

describe("a directory that moves", () => {
  const tree = { "d/f": "F", "d": { directory: true, mode: 0o555 }, "w/g": "G", "there/": null } as const;
  const own = (s: ReturnType<typeof scratch>) => { for (const path of ["d", "w", "there"]) s.disk.inode(`/scratch/${path}`, "test").uid = 1000; };

  test("one that may not be written to is for that moment; its mode comes along", async () => {
    const s = scratch({ tree, disk: { uid: 1000 } });
    own(s);
    await s.work.moveDirectory("d", "there/d");
    expect(mode(s.disk, "there/d")).toBe(0o555);
    await s.work.moveDirectory("w", "there/w");
    expect(s.seen.calls.filter(named("chmod")).map((call) => call.path)).toEqual(["d", "there/d"]);
  });

  test("the rename fails: its mode comes back", async () => {
    const s = scratch({ tree, disk: { uid: 1000 }, fail: named("rename") });
    own(s);
    expect(await codeOf(s.work.moveDirectory("d", "there/d"))).toBe("EIO");
    expect(mode(s.disk, "d")).toBe(0o555);
  });

  test("who may everything just moves it, to the trash too", async () => {
    const s = scratch({ tree });
    await s.work.moveDirectory("d", "there/d");
    expect(s.seen.calls.map((call) => call.name)).toEqual(["rename"]);
    const slot = await s.work.moveToTrash("there/d", true);
    expect(slot).toMatch(/^trash\/./);
    expect(s.tree()[`${slot}/f`]).toBe('file "F"');
  });

  test("an ordinary user's goes to the trash with its mode; a file by one rename", async () => {
    const s = scratch({ tree, disk: { uid: 1000 } });
    own(s);
    expect(mode(s.disk, await s.work.moveToTrash("d", true))).toBe(0o555);
    const before = s.seen.calls.length;
    await s.work.moveToTrash("w/g", false);
    expect(s.seen.calls.slice(before).map((call) => call.name)).toEqual(["rename"]);
  });
});

describe("INV-8 opening", () => {
  const open = (s: ReturnType<typeof scratch>) => recover(s.layer, s.work, new BaseDirectory(new MemoryLowerLayer(s.disk, "/base"), "", rootPath, new LowerMemory(s.env)));
  const bare = (setting: Setting = {}) => {
    const s = scratch(setting);
    s.disk.removeDirectory("/scratch/work");
    s.disk.removeDirectory("/scratch/trash");
    return s;
  };

  test("a new scratch gets its folders, for nobody else; the upper looks like the base's root", async () => {
    const s = bare();
    Object.assign(s.disk.inode("/base", "test"), { mode: 0o2751, mtime: 5_000_000_000n, atime: 6_000_000_000n });
    expect(await open(s)).toEqual([]);
    expect(s.tree()).toEqual({ ...nothing, upper: "dir" });
    expect([mode(s.disk, "work"), mode(s.disk, "trash"), mode(s.disk, "upper")]).toEqual([0o700, 0o700, 0o2751]);
    expect(s.disk.inode("/scratch/upper", "test")).toMatchObject({ mtime: 5_000_000_000n, atime: 6_000_000_000n });
    expect(s.seen.calls.find(named("makeDirectory", s.seen.calls.find((call) => call.name === "chmod")?.path))?.args[1]).toBe(0o700);
  });

  test("what is there stays; what a crash left in work goes", async () => {
    const s = scratch({ tree: { "upper/a": "A", "work/f": "F", "work/d/f": "F" } });
    expect(await open(s)).toEqual(["work/d"]);
    expect(s.tree()).toEqual({ ...nothing, "upper": "dir", "upper/a": 'file "A"', "work/d": "dir", "work/d/f": 'file "F"' });
  });

  test.each([["makeDirectory", "work"], ["makeDirectory", "trash"], ["lstat", "upper"], ["lstat", "work/work"], ["lstat", "work/index"]])("%s %s fails: told", async (name, path) => {
    expect(await codeOf(open(scratch({ fail: named(name, path) })))).toBe("EIO");
  });

  const kernel = { directory: true, mode: 0 } as const;
  test.each<[string, PlantedTree, string]>([
    ["work/work", { "work/work": kernel }, "EINVAL"], ["work/index", { "work/index": kernel }, "EINVAL"],
    ["a folder of that name with a mode", { "work/work/": null }, "ok"], ["a file of that name without one", { "work/work": { file: "", mode: 0 } }, "ok"],
  ])("an upper that the kernel has written to is refused: %s", async (_, tree, code) => {
    const s = scratch({ tree });
    const opened = open(s);
    if (code !== "ok") await expect(opened).rejects.toThrow(/kernel's overlayfs/);
    expect(await codeOf(opened)).toBe(code);
  });
});

describe("cleaning up, when nobody waits", () => {
  test("what a crash left in work goes; one thing that fails is logged and keeps nothing else from being done", async () => {
    const s = scratch({ tree: { "work/l/f": "F" } });
    let done = 0;
    await clean(s.work, s.env, ["work/l"], [() => Promise.reject(new Error("a fault")), () => Promise.resolve(done++)]);
    expect(s.tree()).toEqual(nothing);
    expect(done).toBe(1);
    expect(s.logged).toEqual([expect.stringMatching(/^warn: could not tidy what was dropped: .*a fault/)]);
  });
});

test("sixteen data copies at a time, sixty-four other writes, neither waiting for the other", async () => {
  const { work } = scratch();
  for (const [start, most] of [["copying", 16], ["writing", 64]] as const) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    let running = 0;
    const all = Array.from({ length: most + 5 }, (_, i) => work[start](async () => { running++; await promise; return i; }));
    for (let i = 0; i < 200; i++) await Promise.resolve();
    expect(running).toBe(most);
    expect(await work[start === "copying" ? "writing" : "copying"](() => Promise.resolve("at once"))).toBe("at once");
    resolve(undefined);
    expect(await Promise.all(all)).toEqual(all.map((_, i) => i));
  }
});
