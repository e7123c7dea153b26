/** Copy-up when others come in between, when a step fails, and what it costs: the rest is in copyUp.test.ts. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { isFile } from "../../src/host/memoryInode.js";
import { faultCase, type FaultCase, onBase, onScratch, once } from "../support/faultCase.js";
import { compose, gate, recorder } from "../support/layers/hooks.js";
import type { LayerCall } from "../support/layers/intercept.js";
import { codeOf, World } from "../support/world.js";

const base = { "a": "A", "b": "B", "d/x": "X", "l": { symlink: "a" } } as const;
const all = { "/a": "A", "/b": "B", "/d/": "", "/d/x": "X", "/l": "-> a" };
const check = (title: string, c: FaultCase) => { faultCase(title, { base, ...c }); };
const staged = (call: LayerCall) => call.name === "handle.sync" && call.path.startsWith("work/");
const stagedFolder = (call: LayerCall) => call.name === "chmod" && call.path.startsWith("work/");
const copyUp = (path: string) => (o: Overlay) => o.copyUp(path);
const rm = (path: string) => (o: Overlay) => o.remove(path, { recursive: true });

function touchBase(world: World, path: string, text?: string): void {
  const inode = world.disk.inode(`/base/${path}`, "test");
  if (text !== undefined && isFile(inode)) inode.body.content.write(new TextEncoder().encode(text), 0, () => undefined);
  inode.mtime = inode.ctime = world.disk.now();
}

describe("what a refusal says", () => {
  check("outside", { base: { out: { symlink: "/elsewhere/f" } }, elsewhere: { "elsewhere/f": "F" }, do: (o) => o.chmod("/out", 0o600), code: "EROFS", reason: /'\/elsewhere\/f', outside the overlay/ });
  check("a marker's name", { base: { ".wh.a": "A" }, do: (o) => o.chmod("/.wh.a", 0o600), code: "EROFS" });
  check("it never holds still", { meanwhile: (call, w) => { if (staged(call)) touchBase(w, "a", String(Math.random())); }, overlay: { durability: "full" }, do: copyUp("/a"), code: "EBUSY", reason: /keeps changing/, merged: "unknown", never: (call) => call.name === "syncDirectory" });
});

describe("the fifth copy is the last, and it counts", () => {
  const fifth = (last: (call: LayerCall, w: World) => unknown): Pick<FaultCase, "meanwhile"> => {
    let copies = 0;
    return {
      meanwhile: async (call, w) => {
        if (!staged(call)) return;
        if (++copies < 5) touchBase(w, "a");
        if (copies === 5) await last(call, w);
      },
    };
  };
  check("published", { ...fifth(() => undefined), do: copyUp("/a"), upper: { a: 'file "A"' } });
  check("unlinked", { ...fifth((_, w) => w.overlay.unlink("/a")), do: copyUp("/a"), code: "ENOENT", merged: "unknown", upper: { ".wh.a": 'file ""' } });
  check("the disk has the name after all", { ...fifth((_, w) => { w.disk.makeFile("/scratch/upper/a", 0o600); }), do: copyUp("/a"), merged: { ...all, "/a": "" }, upper: { a: 'file ""' } });
});

describe("the entry of the base, by somebody else's hand", () => {
  check("it goes while it is copied", { meanwhile: once(staged, (_, w) => { w.disk.unlink("/base/b"); }), do: copyUp("/b"), code: "ENOENT", merged: { "/a": "A", "/d/": "", "/d/x": "X", "/l": "-> a" } });
  check("it goes, and comes back at once", { fail: onBase("fingerprint", "b"), error: "ENOENT", times: 1, do: copyUp("/b"), upper: { b: 'file "B"' } });
  check("its folder becomes a file", { fail: onBase("fingerprint", "b"), error: "ENOTDIR", times: 1, do: copyUp("/b"), upper: { b: 'file "B"' } });
  check("whether it is the same cannot be asked", { fail: onBase("fingerprint", "b"), do: copyUp("/b"), code: "EIO" });
  check("a file becomes a folder: that is what is copied up", {
    meanwhile: once(staged, (_, w) => { w.disk.unlink("/base/b"); w.disk.makeDirectory("/base/b", 0o755); }), do: (o) => o.chmod("/b", 0o700), merged: { "/a": "A", "/b/": "", "/d/": "", "/d/x": "X", "/l": "-> a" }, upper: { b: "dir" },
  });
  test("a folder becomes a file between the look and the copy", async () => {
    let looks = 0;
    let world: World | undefined = undefined as World | undefined;
    world = await World.create({
      base: { "b/": null },
      hook: (call, run) => {
        if (onBase("lstat", "b")(call) && ++looks === 2) {
          world?.disk.removeDirectory("/base/b");
          world?.disk.makeFile("/base/b", 0o644);
        }
        return run();
      },
    });
    await world.overlay.chmod("/b", 0o600);
    expect(looks).toBeGreaterThan(1);
    expect(world.upper()).toEqual({ b: 'file ""' });
  });
  check("a symlink is touched while it is copied: its times are the later ones", {
    meanwhile: once((call) => call.name === "makeSymlink", (_, w) => { w.disk.inode("/base/l", "test").mtime = 9_000_000_000n; }), do: (o) => o.rename("/l", "/m"),
    merged: { "/a": "A", "/b": "B", "/d/": "", "/d/x": "X", "/m": "-> a" }, upper: { ".wh.l": 'file ""', "m": "symlink -> a" }, then: async (w) => { expect((await w.overlay.lstat("/m")).mtimeMs).toBe(9000); },
  });
});

describe("INV-11 a step fails", () => {
  check("a folder cannot be published", { fail: onScratch("rename", "upper/d"), do: copyUp("/d/x"), code: "EIO", events: [] });
  check("a folder's attributes cannot be set", { fail: (call) => call.name === "utimes" && call.path.startsWith("work/"), do: copyUp("/d/x"), code: "EIO" });
  check("the parent went from under the link: look again", { fail: onScratch("link", "upper/a"), error: "ENOENT", times: 1, do: copyUp("/a"), upper: { a: 'file "A"' } });
});

describe("INV-4 others come in between", () => {
  check("a folder is deleted while its copy is made", { meanwhile: once(stagedFolder, rm("/d")), do: copyUp("/d"), code: "ENOENT", merged: { "/a": "A", "/b": "B", "/l": "-> a" }, upper: { ".wh.d": 'file ""' } });
  check("INV-7 renamed over where there are no hard links: what was renamed stays", {
    disk: { hardLinks: false }, scratch: { "upper/n": "N" }, meanwhile: once(staged, (o) => o.rename("/n", "/a")), do: copyUp("/a"), merged: { ...all, "/a": "N" }, upper: { a: 'file "N"' },
  });
  check("the folder's node was given up, and its name is hidden on the disk", {
    base: { "d/x": "X" }, scratch: { "upper/d/s/f": "F" },
    meanwhile: once(staged, async (o, w) => {
      w.disk.makeFile("/scratch/upper/d/.wh.x", 0o644);
      w.disk.unlink("/scratch/upper/d/s/f");
      w.disk.removeDirectory("/scratch/upper/d/s");
      expect(await codeOf(o.unlink("/d/s/f"))).toBe("ENOENT");
    }),
    do: copyUp("/d/x"), code: "ENOENT", merged: { "/d/": "" }, upper: { "d": "dir", "d/.wh.x": 'file ""' },
  });
});

describe("what it costs", () => {
  const counted = async (c: { path: string; durability?: "full" }, other?: (o: Overlay) => Promise<unknown>) => {
    const seen = recorder();
    let armed = other !== undefined;
    const held = gate((call) => armed && onBase("lstat", c.path.slice(1))(call));
    const world = await World.create({ base, hook: compose(seen.hook, held.hook), overlay: c.durability === undefined ? {} : { durability: c.durability } });
    seen.calls.length = 0;
    const copy = world.overlay.copyUp(c.path);
    if (other !== undefined) {
      await held.reached;
      armed = false;
      await other(world.overlay);
      held.open();
    }
    await copy;
    const count = (name: string, path: string | RegExp, layer = "scratch") =>
      seen.calls.filter((call) => call.layer === layer && call.name === name && (typeof path === "string" ? call.path === path : path.test(call.path))).length;
    return { world, count };
  };

  test("one look at the file, one copy, one name removed, the folder's times put back once", async () => {
    const { count } = await counted({ path: "/a" });
    expect([count("lstat", "a", "base"), count("create", /^work/), count("unlink", /^work/), count("utimes", "upper")]).toEqual([1, 1, 1, 1]);
  });

  test("a folder: one rename, nothing of it looked for in work, its parent's times put back once", async () => {
    const { count } = await counted({ path: "/d", durability: "full" });
    expect([count("makeDirectory", /^work/), count("rename", "upper/d"), count("lstat", /^work/), count("utimes", "upper"), count("syncDirectory", "upper")]).toEqual([1, 1, 0, 1, 1]);
  });

  test("INV-5 who has looked before another one's copy-up ended copies nothing", async () => {
    const { count } = await counted({ path: "/a" }, (o) => o.append("/a", "+"));
    expect(count("create", /^work/)).toBe(1);
  });

  test("nor a folder, and does not look again", async () => {
    const { count } = await counted({ path: "/d/x" }, (o) => o.chmod("/d", 0o700));
    expect([count("makeDirectory", /^work/), count("lstat", "d/x", "base")]).toEqual([1, 1]);
  });
});

describe("several at once", () => {
  test("a folder's times are set while a copy is published in it: they are what was set", async () => {
    const held = gate(onScratch("link", "upper/d/x"));
    const world = await World.create({ base, hook: held.hook });
    const copy = world.overlay.copyUp("/d/x");
    await held.reached;
    const set = world.overlay.utimes("/d", 5, 5);
    for (let i = 0; i < 200; i++) await Promise.resolve();
    held.open();
    await Promise.all([copy, set]);
    expect((await world.overlay.stat("/d")).mtimeMs).toBe(5000);
  });

  test("two files of two folders that are not there yet: each folder is made once", async () => {
    const seen = recorder();
    const world = await World.create({ base: { "p/c/x": "X", "p/c/y": "Y" }, hook: seen.hook });
    await Promise.all([world.overlay.append("/p/c/x", "+"), world.overlay.append("/p/c/y", "+"), world.overlay.chmod("/p/c", 0o700), world.overlay.chmod("/p", 0o711)]);
    expect(await world.merged()).toEqual({ "/p/": "", "/p/c/": "", "/p/c/x": "X+", "/p/c/y": "Y+" });
    expect([(await world.overlay.stat("/p")).mode, (await world.overlay.stat("/p/c")).mode]).toEqual([0o711, 0o700]);
    expect(seen.calls.filter((call) => call.name === "rename" && /^upper\/p(\/c)?$/.test(call.path))).toHaveLength(2);
    expect(world.work()).toEqual([]);
  });

  test.each([["a file", "/a", "link", "upper/a"], ["a folder", "/d", "rename", "upper/d"]])("%s is published under its folder's mutex", async (_, path, name, target) => {
    const held = gate(onScratch(name, target));
    const seen = recorder();
    const world = await World.create({ base, hook: compose(seen.hook, held.hook) });
    const copy = world.overlay.copyUp(path);
    await held.reached;
    const other = world.overlay.symlink("s", "/n");
    for (let i = 0; i < 200; i++) await Promise.resolve();
    expect(seen.count("makeSymlink")).toBe(0);
    held.open();
    await Promise.all([copy, other]);
    expect(seen.count("makeSymlink")).toBe(1);
  });
});
