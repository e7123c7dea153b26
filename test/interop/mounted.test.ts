/** What a window has of an overlay that is mounted: files, events, reviews, resets, layers, other windows; and what is refused. */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, linkSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exportPatchFile, importPatch, type OverlayEvent } from "../../src/host/index.js";
import type { MountedOverlay } from "../../src/mount/index.js";
import { createNodeStore } from "../../src/nodeStore.js";
import { recordTree } from "../support/journey/treeRecord.js";
import { codeOf, mergedTree } from "../support/world.js";
import { keeperProgram, missing, MountWorld, reasonOf, until } from "./mountWorld.js";

let world: MountWorld;

beforeEach(() => {
  expect(missing()).toBeUndefined();
  world = new MountWorld();
  mkdirSync(join(world.base, "d/e"), { recursive: true });
  for (const [path, text] of [["a", "A"], ["b", "B"], ["d/a", "DA"], ["d/e/f", "DEF"]] as const) writeFileSync(join(world.base, path), text);
  symlinkSync("a", join(world.base, "l"));
  world.recordBase();
});

afterEach(async () => {
  const { logged } = world;
  await world.closeUnchanged({ mayBeGone: true });
  expect(logged.filter((line) => line.startsWith("error"))).toEqual([]);
});

const text = async (overlay: MountedOverlay, path: string): Promise<string> => new TextDecoder().decode(await overlay.readFile(path));
const at = (path: string): string => world.point + path;

/** What listeners heard of what was done, in order. */
async function eventsOf(overlay: MountedOverlay, work: () => unknown): Promise<OverlayEvent[]> {
  const heard: OverlayEvent[] = [];
  await overlay.settle();
  const listening = overlay.onDidChange((events) => heard.push(...events));
  await work();
  await overlay.settle();
  listening.dispose();
  return heard;
}

describe("whoever looks sees the same", () => {
  test("what was in the overlay is in the mount, renamed folders included, and what is done there is in the overlay afterwards", async () => {
    const first = await world.open();
    await first.rename("/d", "/k");
    await first.writeFile("/k/a", "changed");
    await first.remove("/b");
    await first.dispose();
    const mounted = await world.mount();
    expect(readFileSync(at("/k/e/f"), "utf8")).toBe("DEF");
    expect(readdirSync(world.point).sort()).toEqual(["a", "k", "l"]);
    writeFileSync(at("/k/e/f"), "in the mount");
    mkdirSync(at("/new"));
    rmSync(at("/a"));
    const tree = await mergedTree(mounted);
    await mounted.unmount();
    expect(world.isMounted()).toBe(false);
    const again = await world.open();
    expect(await mergedTree(again)).toEqual(tree);
    expect(tree).toEqual({ "/k/": "", "/k/a": "changed", "/k/e/": "", "/k/e/f": "in the mount", "/l": "-> a", "/new/": "" });
  });

  test("what is written through the overlay is in the mount at once, with the mode that the file had", async () => {
    const mounted = await world.mount();
    chmodSync(at("/a"), 0o751);
    await mounted.writeFile("/a", "from the window");
    await mounted.createDirectory("/n");
    await mounted.append("/n/x", "1");
    await mounted.append("/n/x", "2");
    expect(readFileSync(at("/a"), "utf8")).toBe("from the window");
    expect(statSync(at("/a")).mode & 0o777).toBe(0o751);
    expect(readFileSync(at("/n/x"), "utf8")).toBe("12");
    expect(readdirSync(world.point).sort(), "nothing staged is left").toEqual(["a", "b", "d", "l", "n"]);
  });

  test("a folder of the base is renamed as a whole, with the times of what is in it", async () => {
    const mounted = await world.mount();
    utimesSync(at("/d/a"), 1000, 1000);
    await mounted.rename("/d", "/d");
    expect(await codeOf(mounted.rename("/d", "/d", { overwrite: false }))).toBe("EEXIST");
    await mounted.rename("/d", "/moved");
    expect(readFileSync(at("/moved/e/f"), "utf8")).toBe("DEF");
    expect(statSync(at("/moved/a")).mtimeMs).toBe(1_000_000);
    expect(existsSync(at("/d"))).toBe(false);
  });

  test("a copy is its maker's; what was moved or written whole is whose it was", async () => {
    const mounted = await world.mount();
    for (const path of ["/d", "/d/a"]) chownSync(at(path), 1234, 1234);
    const owner = (path: string): number => lstatSync(at(path)).uid;
    await mounted.copy("/d", "/c");
    expect([owner("/c"), owner("/c/a")]).toEqual([0, 0]);
    await mounted.writeFile("/d/a", "whole");
    await mounted.rename("/d", "/k");
    expect([owner("/k"), owner("/k/a")]).toEqual([1234, 1234]);
  });

  test("INV-9 what a folder hid stays hidden when that folder is renamed, and a folder takes an empty one's place", async () => {
    const mounted = await world.mount();
    await mounted.remove("/d", { recursive: true });
    await mounted.createDirectory("/d");
    await mounted.writeFile("/d/new", "n");
    await mounted.rename("/d", "/moved");
    await mounted.unlink("/b");
    await mounted.createDirectory("/b");
    await mounted.rename("/b", "/c");
    await mounted.rename("/moved", "/c");
    await mounted.rename("/c", "/c");
    expect(await mergedTree(mounted)).toEqual({ "/a": "A", "/c/": "", "/c/new": "n", "/l": "-> a" });
    expect(readdirSync(world.point).sort()).toEqual(["a", "c", "l"]);
    await mounted.unmount();
    expect(await mergedTree(await world.open())).toEqual({ "/a": "A", "/c/": "", "/c/new": "n", "/l": "-> a" });
  });

  test("layers: what a stat says of where an entry comes from", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/d/a"), "x");
    expect((await mounted.stat("/d")).layer).toBe("merged");
    expect((await mounted.stat("/d/a")).layer).toBe("upper");
    expect((await mounted.stat("/b")).layer).toBe("lower");
    expect((await mounted.stat("/l")).layer).toBe("lower");
  });

  test("handles read and write the mount, and keep their positions", async () => {
    const mounted = await world.mount();
    const handle = await mounted.open("/a", "r+");
    await handle.write(Buffer.from("XYZ"), 1);
    const buffer = Buffer.alloc(10);
    expect(buffer.toString("utf8", 0, await handle.read(buffer, 0))).toBe("AXYZ");
    await handle.close();
    expect(await codeOf(handle.read(buffer))).toBe("EBADF");
    expect(readFileSync(at("/a"), "utf8")).toBe("AXYZ");
    expect(await codeOf(mounted.open("/d"))).toBe("EISDIR");
  });

  test("what is refused is refused with the overlay's codes", async () => {
    const mounted = await world.mount();
    expect(await codeOf(mounted.readFile("/none"))).toBe("ENOENT");
    expect(await codeOf(mounted.readFile("/d"))).toBe("EISDIR");
    expect(await codeOf(mounted.writeFile("/d", "x"))).toBe("EISDIR");
    expect(await codeOf(mounted.writeFile("/a", "x", { overwrite: false }))).toBe("EEXIST");
    expect(await codeOf(mounted.writeFile("/none", "x", { create: false }))).toBe("ENOENT");
    expect(await codeOf(mounted.writeFile("/.wh.a", "x"))).toBe("EINVAL");
    expect(await codeOf(mounted.rmdir("/d"))).toBe("ENOTEMPTY");
    expect(await codeOf(mounted.remove("/d"))).toBe("ENOTEMPTY");
    expect(await codeOf(mounted.rename("/a", "/b", { overwrite: false }))).toBe("EEXIST");
    expect(await codeOf(mounted.rename("/d", "/d/x"))).toBe("EINVAL");
    expect(await codeOf(mounted.stat("a"))).toBe("EINVAL");
    expect(await codeOf(mounted.lend())).toBe("EBUSY");
  });

  test("a patch is carried out of a mounted overlay and into it", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "A2\n");
    rmSync(at("/b"));
    const patch = join(world.folder, "p.patch");
    await exportPatchFile(mounted, patch);
    await mounted.resetTo("upper");
    expect(readFileSync(at("/a"), "utf8")).toBe("A");
    await importPatch(mounted, readFileSync(patch));
    expect(readFileSync(at("/a"), "utf8")).toBe("A2\n");
    expect(existsSync(at("/b"))).toBe(false);
  });
});

describe("events: what programs do in the mount is told of, as it is in merged", () => {
  test("written, made, deleted, deleted and made again, renamed", async () => {
    const mounted = await world.mount();
    expect(await eventsOf(mounted, () => { writeFileSync(at("/a"), "2"); })).toEqual([{ type: "changed", path: "/a" }]);
    expect(await eventsOf(mounted, () => { writeFileSync(at("/n"), "2"); })).toEqual([{ type: "created", path: "/n" }]);
    expect(await eventsOf(mounted, () => { rmSync(at("/b")); })).toEqual([{ type: "deleted", path: "/b" }]);
    expect(await eventsOf(mounted, () => { writeFileSync(at("/b"), "again"); })).toEqual([{ type: "created", path: "/b" }]);
    const moved = await eventsOf(mounted, () => { renameSync(at("/n"), at("/m")); });
    expect(moved.sort((x, y) => (x.path < y.path ? -1 : 1))).toEqual([{ type: "created", path: "/m" }, { type: "deleted", path: "/n" }]);
  });

  test("in a folder of the base, whose copying up is no change of its own", async () => {
    const mounted = await world.mount();
    expect(await eventsOf(mounted, () => { writeFileSync(at("/d/e/f"), "2"); })).toEqual([{ type: "changed", path: "/d/e/f" }]);
    expect(await eventsOf(mounted, () => { rmSync(at("/d/a")); writeFileSync(at("/d/e/g"), ""); })).toEqual(expect.arrayContaining([{ type: "deleted", path: "/d/a" }, { type: "created", path: "/d/e/g" }]));
  });

  test("what fuse-overlayfs lets come back after it was deleted is taken away again: a file saved by a rename, a folder made anew", async () => {
    const mounted = await world.mount();
    const events = await eventsOf(mounted, async () => {
      writeFileSync(at("/d/tmp"), "saved");
      renameSync(at("/d/tmp"), at("/d/a"));
      await mounted.settle();
      rmSync(at("/d/a"));
    });
    expect(events).toContainEqual({ type: "deleted", path: "/d/a" });
    expect(readdirSync(at("/d"))).toEqual(["e"]);
    await mounted.writeFile("/b", "saved, and deleted before anybody has looked");
    rmSync(at("/b"));
    await mounted.settle();
    expect(readdirSync(world.point).sort()).toEqual(["a", "d", "l"]);
    rmSync(at("/d"), { recursive: true });
    mkdirSync(at("/d"));
    await mounted.settle();
    renameSync(at("/d"), at("/k"));
    await mounted.settle();
    expect(readdirSync(world.point).sort()).toEqual(["a", "k", "l"]);
    await mounted.unmount();
    expect(await mergedTree(await world.open())).toEqual({ "/a": "A", "/k/": "", "/l": "-> a" });
  });

  test("a whole folder comes and goes as one; one that was replaced goes and comes", async () => {
    const mounted = await world.mount();
    expect(await eventsOf(mounted, () => { mkdirSync(at("/n/x/y"), { recursive: true }); })).toEqual([{ type: "created", path: "/n" }]);
    expect(await eventsOf(mounted, () => { rmSync(at("/n"), { recursive: true }); })).toContainEqual({ type: "deleted", path: "/n" });
    const replaced = await eventsOf(mounted, () => { rmSync(at("/d"), { recursive: true }); mkdirSync(at("/d")); });
    expect(replaced).toEqual([{ type: "deleted", path: "/d" }, { type: "created", path: "/d" }]);
    expect(await eventsOf(mounted, () => { writeFileSync(at("/d/new"), ""); })).toEqual([{ type: "created", path: "/d/new" }]);
  });
});

describe("reviewing and resetting while it is mounted", () => {
  test("changes are those of the upper beneath, at once", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "2");
    rmSync(at("/d/e"), { recursive: true });
    await mounted.settle();
    expect(await mounted.changes()).toEqual([{ kind: "copied", path: "/a", type: "file" }, { kind: "deleted", path: "/d/e", type: "directory" }]);
    expect(new TextDecoder().decode(await mounted.readLowerFile("/a"))).toBe("A");
  });

  test("files are reset through the mount, whoever stands in it; what is dropped comes back", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "mine");
    rmSync(at("/b"));
    mkdirSync(at("/n"));
    writeFileSync(at("/n/x"), "new");
    const terminal = world.stand();
    for (const path of ["/a", "/b", "/n"]) await mounted.reset(path);
    expect([readFileSync(at("/a"), "utf8"), readFileSync(at("/b"), "utf8"), existsSync(at("/n"))]).toEqual(["A", "B", false]);
    expect(await mounted.isUnchangedCopy("/a")).toBe(true);
    expect((await mounted.dropped()).map(({ path, what }) => [path, what])).toEqual([["/n", "reset"], ["/a", "reset"]]);
    terminal.kill();
    await until("nobody stands in it", () => terminal.exitCode !== null || terminal.signalCode !== null);
    for (const { id } of await mounted.dropped()) await mounted.bringBack(id);
    expect([readFileSync(at("/a"), "utf8"), readFileSync(at("/n/x"), "utf8")]).toEqual(["mine", "new"]);
  });

  test("after the unmount a reset that was done through the mount has left nothing", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "mine");
    await mounted.reset("/a");
    await mounted.unmount();
    const again = await world.open();
    expect(await again.changes()).toEqual([]);
    expect(existsSync(join(world.scratch, "upper/a"))).toBe(false);
  });

  test("a deleted folder is reset in a short unmount; one who stands in the mount is named", async () => {
    const mounted = await world.mount();
    rmSync(at("/d"), { recursive: true });
    await mounted.settle();
    const terminal = world.stand();
    const refused = await reasonOf(mounted.reset("/d"));
    expect(refused).toContain(`sleep (${String(terminal.pid)})`);
    expect(world.isMounted()).toBe(true);
    expect(await text(mounted, "/a"), "it goes on").toBe("A");
    terminal.kill();
    await until("nobody stands in it", () => terminal.exitCode !== null || terminal.signalCode !== null);
    await mounted.reset("/d");
    expect(readFileSync(at("/d/e/f"), "utf8")).toBe("DEF");
  });

  test("who asks who has it is told of the mount, not of the process that looks after it", async () => {
    const store = createNodeStore(() => join(world.folder, "store"), { ripgrep: async () => undefined, keeper: keeperProgram, connect: () => { throw new Error("no base of this kind"); }, log: () => undefined });
    const given = process.env["XDG_RUNTIME_DIR"];
    process.env["XDG_RUNTIME_DIR"] = world.folder;
    const { id } = await store.create(world.base, undefined);
    const opened = await store.mount(id, { durability: "none", retention: {}, waitMs: 0 });
    const point = opened.kind === "writable" ? opened.mounted?.point : undefined;
    try {
      expect(point).toBeDefined();
      expect(await store.owner(id)).toBe(`a mount at ${String(point)}`);
    } finally {
      if (opened.kind === "writable") await opened.mounted?.unmount();
      await opened.overlay.dispose();
      if (given === undefined) delete process.env["XDG_RUNTIME_DIR"];
      else process.env["XDG_RUNTIME_DIR"] = given;
    }
    expect(await store.owner(id)).toBeUndefined();
  });

  test("what this process has started is told from what others have", async () => {
    const mounted = await world.mount();
    expect(await mounted.hasOwnUsersOnly(), "nobody").toBe(false);
    const own = world.stand();
    expect(await mounted.hasOwnUsersOnly()).toBe(true);
    // Their parent ends at once, so that they are nobody's children here; only the second has a session of its own, as a shell has.
    for (const [program, isOwn] of [["sleep 600", true], ["setsid sleep 600", false]] as const) {
      const orphan = Number(execFileSync("sh", ["-c", `${program} >/dev/null 2>&1 & echo $!`], { cwd: world.point, encoding: "utf8" }));
      try {
        await until("it to be what it becomes", () => readFileSync(`/proc/${String(orphan)}/comm`, "utf8") === "sleep\n");
        expect(await mounted.hasOwnUsersOnly(), program).toBe(isOwn);
      } finally {
        process.kill(orphan);
      }
      await until("the orphan to be gone", () => !existsSync(`/proc/${String(orphan)}/cwd`));
    }
    expect(await mounted.hasOwnUsersOnly()).toBe(true);
    own.kill();
    await until("nobody stands in it", () => own.signalCode !== null);
    await mounted.unmount();
  });

  test("beneath a new folder there is nothing to reset to", async () => {
    const mounted = await world.mount();
    mkdirSync(at("/n/x"), { recursive: true });
    writeFileSync(at("/n/x/y"), "");
    await mounted.settle();
    expect(await codeOf(mounted.reset("/n/x/y"))).toBe("EINVAL");
    expect(await reasonOf(mounted.reset("/n/x/y"))).toContain("'/n'");
  });

  test("what is deleted through the overlay is kept, and comes back", async () => {
    const mounted = await world.mount();
    mkdirSync(at("/n"));
    writeFileSync(at("/n/x"), "keep me");
    await mounted.remove("/n", { recursive: true });
    expect(existsSync(at("/n"))).toBe(false);
    const [dropped] = await mounted.dropped();
    expect(dropped).toMatchObject({ path: "/n", what: "delete" });
    await mounted.bringBack(dropped?.id ?? "");
    expect(readFileSync(at("/n/x"), "utf8")).toBe("keep me");
  });

  test("snapshots are taken, gone back to and joined; the mount shows the same, and Reset Layers makes all as new", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "1");
    const one = await mounted.takeSnapshot("one");
    expect(await mounted.changes()).toEqual([]);
    expect(readFileSync(at("/a"), "utf8")).toBe("1");
    writeFileSync(at("/a"), "2");
    rmSync(at("/b"));
    await mounted.takeSnapshot("two");
    await mounted.renameSnapshot(one.id, "first");
    expect((await mounted.snapshots()).map(({ name }) => name)).toEqual(["two", "first"]);
    await mounted.squash();
    expect([readFileSync(at("/a"), "utf8"), existsSync(at("/b"))]).toEqual(["2", false]);
    await mounted.resetTo("base");
    expect([readFileSync(at("/a"), "utf8"), readFileSync(at("/b"), "utf8")]).toEqual(["A", "B"]);
    expect(await mounted.changes()).toEqual([]);
  });

  test("snapshots with renamed folders in them are shown as they are, and stay as they are", async () => {
    const first = await world.open();
    await first.unlink("/a");
    await first.rename("/d", "/a");
    await first.takeSnapshot("renamed");
    await first.writeFile("/a/e/f", "changed");
    await first.rename("/a/e", "/e");
    await first.takeSnapshot("twice");
    const shown = await mergedTree(first);
    await first.dispose();
    const layers = recordTree(join(world.scratch, "layers"));
    const mounted = await world.mount();
    expect(await mergedTree(mounted)).toEqual(shown);
    expect(readFileSync(at("/e/f"), "utf8")).toBe("changed");
    expect(readFileSync(at("/a/a"), "utf8")).toBe("DA");
    writeFileSync(at("/a/a"), "mine");
    await mounted.unmount();
    expect([...recordTree(join(world.scratch, "layers")).keys()]).toEqual([...layers.keys()]);
    expect(await mergedTree(await world.open())).toEqual({ ...shown, "/a/a": "mine" });
    expect(existsSync(join(world.scratch, "plain"))).toBe(false);
  });

  test("what was copied up in the mount has an origin afterwards: it is stale when the base moves, and not before", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "mine");
    rmSync(at("/b"));
    await mounted.unmount();
    const again = await world.open();
    expect(await again.changes()).toEqual([{ kind: "copied", path: "/a", type: "file" }, { kind: "deleted", path: "/b", type: "file" }]);
    const times = lstatSync(join(world.base, "a"));
    writeFileSync(join(world.base, "a"), "theirs");
    expect(await again.changeOf("/a")).toMatchObject({ stale: true });
    writeFileSync(join(world.base, "a"), "A");
    utimesSync(join(world.base, "a"), times.atimeMs / 1000, times.mtimeMs / 1000);
    world.recordBase();
  });
});

describe("others", () => {
  test("two windows on one mounted overlay both write, and hear of each other", async () => {
    const one = await world.mount();
    const two = await world.mount();
    expect(world.keepers().length).toBe(1);
    expect(await eventsOf(two, () => one.writeFile("/a", "from one"))).toContainEqual({ type: "changed", path: "/a" });
    await two.writeFile("/b", "from two");
    expect(await text(one, "/b")).toBe("from two");
    await two.takeSnapshot("by two");
    expect((await one.snapshots()).map(({ name }) => name)).toEqual(["by two"]);
    await one.dispose();
    expect(await text(two, "/a"), "it stays while one uses it").toBe("from one");
    const ended = new Promise((resolve) => { two.onEnded(resolve); });
    await two.unmount();
    expect(await ended).toEqual({ how: "unmounted" });
    expect(await codeOf(two.readFile("/a"))).toBe("EBADF");
  });

  test("what two windows begin to mount at once is one mount", async () => {
    const made = await Promise.allSettled([world.mount(), world.mount(), world.mount()]);
    expect(made.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(0);
    expect(world.servers().length).toBe(1);
    expect(await world.join()).toBeDefined();
  });

  test("nobody else opens it for writing, and whoever reads it sees what is written through the mount", async () => {
    const mounted = await world.mount();
    expect(await codeOf(world.open())).toBe("EBUSY");
    await mounted.writeFile("/a", "2");
    expect(await (await world.join())?.readFile("/a").then((bytes) => new TextDecoder().decode(bytes))).toBe("2");
  });

  test("the mount goes when its last window goes", async () => {
    const mounted = await world.mount();
    await mounted.dispose();
    await until("it is unmounted", () => !world.isMounted() && world.keepers().length === 0);
    expect(readdirSync(world.scratch)).not.toContain("mounted");
    expect(await codeOf(world.open())).toBe("ok");
  });

  test("a process that stands in it keeps it, until it goes", async () => {
    const mounted = await world.mount({ graceMs: 20 });
    const terminal = world.stand();
    await mounted.dispose();
    const joined = await world.join();
    expect(joined, "its keeper is there").toBeDefined();
    await joined?.dispose();
    terminal.kill();
    await until("it is unmounted", () => !world.isMounted() && world.keepers().length === 0);
  });
});

describe("what leads past a mount (INV-1)", () => {
  test("a link to the base by its absolute path is refused by name, unless the user says so", async () => {
    symlinkSync(join(world.base, "a"), join(world.base, "d/abs"));
    world.recordBase();
    expect(await reasonOf(world.mount())).toContain("'/d/abs'");
    expect(world.isMounted()).toBe(false);
    const mounted = await world.mount({ allowLinksToBase: true });
    await mounted.writeFile("/d/abs", "through the link");
    expect(readFileSync(at("/a"), "utf8"), "the overlay itself never follows it").toBe("through the link");
  });

  test("links out of the overlay are read and never written through", async () => {
    writeFileSync(join(world.folder, "outside"), "out");
    symlinkSync("../outside", join(world.base, "out"));
    symlinkSync(world.folder, join(world.base, "dir"));
    world.recordBase();
    const mounted = await world.mount();
    expect(await text(mounted, "/out")).toBe("out");
    expect(await codeOf(mounted.writeFile("/out", "x"))).toBe("EROFS");
    expect(await codeOf(mounted.writeFile("/dir/outside", "x"))).toBe("EROFS");
    expect(await codeOf(mounted.writeFile("/dir/base/b", "into the overlay"))).toBe("ok");
    expect(readFileSync(at("/b"), "utf8")).toBe("into the overlay");
    expect(readFileSync(join(world.folder, "outside"), "utf8")).toBe("out");
    expect(readlinkSync(at("/l"))).toBe("a");
  });

  test("a base with two names of one file is mounted, and keeps both as they are", async () => {
    linkSync(join(world.base, "a"), join(world.base, "a2"));
    world.recordBase();
    const mounted = await world.mount();
    await mounted.writeFile("/a", "changed");
    expect(readFileSync(join(world.base, "a2"), "utf8")).toBe("A");
  });
});
