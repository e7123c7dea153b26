/** unlink, rmdir, recursive delete: what others do in between, what fails, what a refusal says, what goes to the trash. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { faultCase, type FaultCase, onBase, onScratch } from "../support/faultCase.js";
import { gate } from "../support/layers/hooks.js";
import { codeOf, World } from "../support/world.js";

const base = { "a": "A", "d/x": "X", "d/e/z": "Z", "empty/": null };
const all = { "/a": "A", "/d/": "", "/d/e/": "", "/d/e/z": "Z", "/d/x": "X", "/empty/": "" };
const without = (...paths: string[]) => Object.fromEntries(Object.entries(all).filter(([path]) => !paths.some((p) => path.startsWith(p))));
const check = (title: string, c: FaultCase) => { faultCase(title, { base, ...c }); };
const rm = (path: string) => (o: Overlay) => o.remove(path, { recursive: true });
const whiteout = 'file ""';

describe("what a refusal says", () => {
  for (const [title, run] of [["rmdir", (o: Overlay) => o.rmdir("/")], ["remove", rm("/")]] as const) {
    check(`${title} of the root`, { do: run, code: "EBUSY", reason: /root of an overlay cannot be removed/ });
  }
  check("a folder with names that cannot be shown", { base: { odd: { undecodable: 2 } }, do: (o) => o.rmdir("/odd"), code: "ENOTEMPTY", reason: /not valid Unicode/, logged: /not valid Unicode/ });
  check("a folder that shows what it holds needs no more words", { do: (o) => o.rmdir("/d"), code: "ENOTEMPTY", reason: /^is not empty$/ });
  check("the root is refused although it is empty", { base: {}, do: (o) => o.rmdir("/"), code: "EBUSY", reason: /root of an overlay/ });
  check("a path that leaves the overlay", { base: { out: { symlink: "/elsewhere" } }, elsewhere: { "elsewhere/f": "F" }, do: (o) => o.unlink("/out/f"), code: "EROFS", reason: /outside/ });
  const long = "n".repeat(252);
  check("a name too long to be hidden, before its parents are copied up", {
    base: { [`d/${long}`]: "L", [`d/f/${long}/x`]: "X" }, do: (o) => o.unlink(`/d/${long}`), code: "ENAMETOOLONG",
  });
  check("the same of a folder", { base: { [`d/f/${long}/x`]: "X" }, do: rm(`/d/f/${long}`), code: "ENAMETOOLONG" });
  check("one that only upper has can be deleted", {
    base: {}, scratch: { [`upper/${long}`]: "L", [`upper/${long}d/`]: null }, do: async (o) => { await o.unlink(`/${long}`); await o.rmdir(`/${long}d`); }, merged: {}, upper: {},
  });
  check("a name of the base that is a marker to us", { base: { ".wh.d/": null }, do: (o) => o.rmdir("/.wh.d"), code: "EROFS" });
});

describe("where the upper's entry goes", () => {
  check("unlink and rmdir leave nothing", { first: async (o) => { await o.append("/a", "+"); await o.unlink("/d/e/z"); }, do: async (o) => { await o.unlink("/a"); await o.rmdir("/d/e"); }, trash: 0, merged: without("/a", "/d/e"), upper: { ".wh.a": whiteout, "d": "dir", "d/.wh.e": whiteout } });
  check("delete keeps a file in the trash", { first: (o) => o.append("/a", "+"), do: (o) => o.remove("/a"), trash: 1, merged: without("/a"), upper: { ".wh.a": whiteout } });
  check("and a folder, with what is in it", { first: (o) => o.append("/d/x", "+"), do: rm("/d"), trash: 1, merged: without("/d"), upper: { ".wh.d": whiteout } });
  check("what only the base has is hidden by the whiteout alone", { do: async (o) => { await rm("/d")(o); await rm("/a")(o); await o.rmdir("/empty"); }, trash: 0, merged: {}, upper: { ".wh.a": whiteout, ".wh.d": whiteout, ".wh.empty": whiteout } });
  check("delete without recursion takes an empty folder, and files", { do: async (o) => { await o.remove("/empty"); await o.remove("/a"); }, merged: without("/a", "/empty"), upper: { ".wh.a": whiteout, ".wh.empty": whiteout } });
});

describe("INV-11 a step fails", () => {
  const copied = async (o: Overlay) => { await o.append("/a", "+"); await o.append("/d/x", "+"); await o.chmod("/empty", 0o700); };
  check("the unlink", { first: copied, fail: onScratch("unlink", "upper/a"), do: (o) => o.unlink("/a"), code: "EIO", events: [] });
  check("the move of a folder to the trash", { first: copied, fail: (call) => call.name === "rename" && call.path.startsWith("trash/"), do: rm("/d"), code: "EIO", trash: 0 });
  check("the same of a file", { first: copied, fail: (call) => call.name === "rename" && call.path.startsWith("trash/"), do: (o) => o.remove("/a"), code: "EIO", trash: 0 });
  check("the move of an empty folder out of upper", { first: copied, fail: (call) => call.name === "rename" && call.path.startsWith("work/"), do: (o) => o.rmdir("/empty"), code: "EIO" });
  check("the whiteout of a folder", { first: copied, fail: onScratch("create", "upper/.wh.d"), do: rm("/d"), code: "EIO" });
  check("the look into the base", { first: copied, fail: onBase("lstat", "a"), do: (o) => o.unlink("/a"), code: "EIO" });
  check("the disk has not what the tree has: read again, then it is gone", {
    base: {}, scratch: { "upper/n": "N", "upper/m": "M" }, first: (_, w) => { w.disk.unlink("/scratch/upper/n"); }, do: (o) => o.unlink("/n"), code: "ENOENT", merged: { "/m": "M" }, upper: { m: 'file "M"' },
  });
});

describe("INV-12 what is told, and what is forgotten", () => {
  check("a file", { do: (o) => o.unlink("/a"), merged: without("/a"), upper: { ".wh.a": whiteout }, events: [{ type: "deleted", path: "/a" }] });
  check("a folder is one event", { do: rm("/empty"), merged: without("/empty"), upper: { ".wh.empty": whiteout }, events: [{ type: "deleted", path: "/empty" }] });
  test.each(["file", "folder"])("a %s made at a deleted name is not the old one", async (kind) => {
    const world = await World.create({ base });
    await world.overlay.append("/d/x", "+");
    if (kind === "file") await world.overlay.unlink("/d/x");
    else {
      await world.overlay.remove("/d", { recursive: true });
      await world.overlay.createDirectory("/d");
    }
    await world.overlay.symlink("elsewhere", "/d/x");
    await world.overlay.rename("/d/x", "/q");
    expect(await world.overlay.changeOf("/q")).toMatchObject({ kind: "added" });
  });
});

describe("durability full: the changed directory is forced to the disk", () => {
  const full = { overlay: { durability: "full" } } as const;
  check("after an unlink", { ...full, first: (o) => o.chmod("/d", 0o700), do: (o) => o.unlink("/d/x"), calls: ["syncDirectory upper/d"], merged: without("/d/x"), upper: { "d": "dir", "d/.wh.x": whiteout } });
  check("after an rmdir", { ...full, do: (o) => o.rmdir("/empty"), calls: ["syncDirectory upper"], merged: without("/empty"), upper: { ".wh.empty": whiteout } });
});

describe("what is seen of it", () => {
  const old = { first: (o: Overlay) => o.utimes("/d", 5, 5), then: async (w: World) => { expect((await w.overlay.stat("/d")).mtimeMs).not.toBe(5000); } };
  check("the folder's times change: a file", { ...old, do: (o) => o.unlink("/d/x"), merged: without("/d/x"), upper: { "d": "dir", "d/.wh.x": whiteout } });
  check("a folder", { ...old, do: rm("/d/e"), merged: without("/d/e"), upper: { "d": "dir", "d/.wh.e": whiteout } });
  check("nothing is looked for in work that was not put there", { do: async (o) => { await o.rmdir("/empty"); await rm("/d")(o); }, merged: { "/a": "A" }, upper: { ".wh.d": whiteout, ".wh.empty": whiteout }, never: (call) => call.name === "lstat" && !call.path.startsWith("upper") && call.layer === "scratch" });
});

describe("for an ordinary user, in a folder that may not be written to", () => {
  const ordinary = { base: {}, disk: { uid: 1000 }, scratch: { "upper/ro/f": "F", "upper/ro/s/g": "G", "upper/ro": { directory: true, mode: 0o555 } } } as const;
  const mode = async (w: World) => { expect((await w.overlay.stat("/ro")).mode).toBe(0o555); };
  check("a file goes", { ...ordinary, do: (o) => o.unlink("/ro/f"), merged: { "/ro/": "", "/ro/s/": "", "/ro/s/g": "G" }, upper: { "ro": "dir", "ro/s": "dir", "ro/s/g": 'file "G"' }, then: mode });
  check("a folder that may not be written to goes to the trash", { ...ordinary, do: rm("/ro"), merged: {}, upper: {}, trash: 1 });
  check("a file goes to the trash", { ...ordinary, do: (o) => o.remove("/ro/f"), merged: { "/ro/": "", "/ro/s/": "", "/ro/s/g": "G" }, upper: { "ro": "dir", "ro/s": "dir", "ro/s/g": 'file "G"' }, then: mode, trash: 1 });
  check("a folder goes", { ...ordinary, do: rm("/ro/s"), merged: { "/ro/": "", "/ro/f": "F" }, upper: { "ro": "dir", "ro/f": 'file "F"' }, then: mode });
});

describe("INV-4 what others do in between is seen under the lock", () => {
  /** The operation waits for the copy-up of the parent; `other` is done meanwhile. */
  async function overtaken(run: (o: Overlay) => Promise<unknown>, other: (o: Overlay) => Promise<unknown>, hold: (path: string) => boolean): Promise<{ code: string; world: World }> {
    let armed = true;
    const held = gate((call) => armed && call.layer === "base" && call.name === "lstat" && hold(call.path));
    const world = await World.create({ base, scratch: { "upper/n": "N", "upper/p/q/r": "R" }, hook: held.hook });
    const code = codeOf(run(world.overlay));
    await held.reached;
    armed = false;
    await other(world.overlay);
    held.open();
    return { code: await code, world };
  }
  const finish = async (world: World, merged: Record<string, string>) => {
    expect(await world.merged()).toMatchObject(merged);
    expect(await (await world.reopened()).merged()).toEqual(await world.merged());
    expect(world.work()).toEqual([]);
  };

  test.each<[string, (o: Overlay) => Promise<unknown>, (o: Overlay) => Promise<unknown>, string, Record<string, string>]>([
    ["unlink, unlink", (o) => o.unlink("/a"), (o) => o.unlink("/a"), "ENOENT", {}],
    ["unlink, write", (o) => o.unlink("/a"), (o) => o.append("/a", "+"), "ok", {}],
    ["unlink, deleted and made as a folder", (o) => o.unlink("/a"), async (o) => { await o.unlink("/a"); await o.createDirectory("/a"); }, "EISDIR", { "/a/": "" }],
    ["delete without recursion, deleted and made as a folder that holds something", (o) => o.remove("/a"), async (o) => { await o.unlink("/a"); await o.createDirectory("/a"); await o.writeFile("/a/f", "F"); }, "ENOTEMPTY", { "/a/f": "F" }],
    ["unlink, moved away", (o) => o.unlink("/a"), (o) => o.rename("/a", "/b"), "ENOENT", { "/b": "A" }],
  ])("%s", async (_, run, other, code, merged) => {
    const { code: said, world } = await overtaken(run, other, (path) => path === "a");
    expect(said).toBe(code);
    await finish(world, merged);
    expect((await world.overlay.readDirectory("/")).map(({ name }) => name).includes("a")).toBe(code === "EISDIR" || code === "ENOTEMPTY");
  });

  test.each<[string, (o: Overlay) => Promise<unknown>, (o: Overlay) => Promise<unknown>, string]>([
    ["rmdir, which is filled", (o) => o.rmdir("/empty"), (o) => o.writeFile("/empty/f", "F"), "ENOTEMPTY"],
    ["delete without recursion, which is filled", (o) => o.remove("/empty"), (o) => o.writeFile("/empty/f", "F"), "ENOTEMPTY"],
    ["rmdir, which is replaced by a file", (o) => o.rmdir("/empty"), async (o) => { await o.rmdir("/empty"); await o.writeFile("/empty", "E"); }, "ENOTDIR"],
    ["rmdir, which is moved away", (o) => o.rmdir("/empty"), (o) => o.rename("/empty", "/e"), "ENOENT"],
    ["delete, which is deleted", rm("/empty"), rm("/empty"), "ENOENT"],
  ])("%s", async (_, run, other, code) => {
    const { code: said, world } = await overtaken(run, other, (path) => path === "empty");
    expect(said).toBe(code);
    await finish(world, {});
  });

  test.each<[string, (o: Overlay) => Promise<unknown>, string, Record<string, string>]>([
    ["the parent moves: the file goes from where the folder now is, as in the kernel", (o) => o.rename("/d", "/q"), "ok", { "/a": "A", "/d/": "", "/d/x": "new", "/empty/": "", "/q/": "", "/q/e/": "", "/q/e/z": "Z" }],
    ["the parent goes: the path is looked up again", rm("/d"), "ok", { "/a": "A", "/d/": "", "/empty/": "" }],
  ])("%s", async (_, other, code, merged) => {
    let armed = false;
    const held = gate((call) => armed && call.layer === "base" && call.name === "lstat" && call.path === "d/x");
    const world = await World.create({ base, hook: held.hook });
    await world.overlay.chmod("/d", 0o700);
    armed = true;
    const said = codeOf(world.overlay.unlink("/d/x"));
    await held.reached;
    armed = false;
    await other(world.overlay);
    await world.overlay.createDirectory("/d");
    await world.overlay.writeFile("/d/x", "new");
    held.open();
    expect(await said).toBe(code);
    expect(await world.merged()).toEqual(merged);
    await finish(world, {});
  });

  test("the parent of a folder is replaced: the one that is there now goes", async () => {
    let armed = false;
    const held = gate((call) => armed && onBase("lstat", "d/e")(call));
    const world = await World.create({ base, hook: held.hook });
    await world.overlay.chmod("/d", 0o700);
    armed = true;
    const said = codeOf(world.overlay.remove("/d/e", { recursive: true }));
    await held.reached;
    armed = false;
    await world.overlay.remove("/d", { recursive: true });
    await world.overlay.createDirectory("/d");
    await world.overlay.createDirectory("/d/e");
    held.open();
    expect(await said).toBe("ok");
    expect(await world.merged()).toEqual({ "/a": "A", "/d/": "", "/empty/": "" });
    await finish(world, {});
  });

  test("the parent is being copied up: look again", async () => {
    let armed = false;
    const held = gate((call) => armed && call.name === "chmod" && call.path.startsWith("work/"));
    const world = await World.create({ base, hook: held.hook });
    armed = true;
    const other = world.overlay.chmod("/d", 0o750);
    await held.reached;
    const said = [world.overlay.unlink("/d/x"), world.overlay.remove("/d/e", { recursive: true })].map(codeOf);
    for (let i = 0; i < 200; i++) await Promise.resolve();
    held.open();
    expect(await Promise.all(said)).toEqual(["ok", "ok"]);
    await other;
    expect(await world.merged()).toEqual({ "/a": "A", "/d/": "", "/empty/": "" });
    await finish(world, {});
  });
});

describe("what is kept of what was removed", () => {
  test("it counts as done when the journal of the trash says what it was, not before", async () => {
    const line = gate((call) => call.name === "handle.write" && call.path === "dropped");
    const world = await World.create({ base: { a: "A" }, scratch: { "upper/n": "N" }, hook: line.hook });
    let done = false;
    const removed = world.overlay.remove("/n").then(() => { done = true; });
    await line.reached;
    for (let i = 0; i < 300; i++) await Promise.resolve();
    expect([done, await codeOf(world.overlay.stat("/n"))]).toEqual([false, "ENOENT"]);
    line.open();
    await removed;
    expect((await (await world.reopened()).overlay.dropped()).map(({ path }) => path)).toEqual(["/n"]);
  });

  test.each(["/a", "/d"])("with where it came from: %s", async (path) => {
    const world = await World.create({ base: { "a": "A", "d/x": "X" } });
    const copied = path === "/d" ? "/d/x" : path;
    await world.overlay.append(copied, "+");
    const origin = await world.overlay.originOf(copied);
    await world.overlay.remove(path, { recursive: true });
    const [kept] = await world.overlay.dropped();
    await world.overlay.bringBack(kept?.id ?? "");
    expect(origin).toBeDefined();
    expect(await world.overlay.originOf(copied)).toEqual(origin);
  });
});
