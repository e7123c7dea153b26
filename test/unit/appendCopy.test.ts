/** The first append to a small file of the base: its copy is staged with what is added, and one publish shows both. */
import { describe, expect, test } from "vitest";
import { faultCase, type FaultCase, onBase, onScratch, once } from "../support/faultCase.js";
import { compose, gate, type Matches, recorder } from "../support/layers/hooks.js";
import { codeOf, World, type WorldOptions } from "../support/world.js";

const disk = { oneStep: true } as const;
const inWork = (name: string): Matches => (call) => call.name === name && call.path.startsWith("work/");
const check = (title: string, c: Partial<FaultCase>) => {
  faultCase(title, { base: { a: "A" }, do: (o) => o.append("/a", "+"), ...c, disk: { ...disk, ...c.disk } });
};
const create = (options: WorldOptions = {}) => World.create({ base: { a: "A" }, ...options, disk: { ...disk, ...options.disk } });

describe("what it costs", () => {
  test.each([
    ["data", ["copySmall work", "handle.write work", "handle.sync work", "handle.close work", "lstat upper", "publishCopy upper/a", "utimes upper"]],
    ["none", ["copySmall work", "handle.write work", "handle.close work", "lstat upper", "publishCopy upper/a", "utimes upper"]],
  ] as const)("durability %s: nothing is opened again, and one event tells", async (durability, wanted) => {
    const seen = recorder();
    const world = await create({ overlay: { durability }, hook: seen.hook });
    seen.calls.length = 0;
    await world.overlay.append("/a", "+");
    const names = seen.calls.filter(({ layer, name, path }) => layer === "scratch" && path !== "origins" && path !== "dropped" && name !== "readDirectory").map(({ name, path }) => `${name} ${path.replace(/^work\/.*/, "work")}`);
    expect(names).toEqual(wanted);
    expect([await world.text("/a"), world.events]).toEqual(["A+", [{ type: "changed", path: "/a" }]]);
  });

  test.each([
    ["a large addition", { a: "A" }, "+".repeat(65_537), 1],
    ["a large file", { a: "A".repeat(65_537) }, "+", 0],
    ["an addition as large as may be", { a: "A" }, "+".repeat(65_536), 0],
    ["nothing to add", { a: "A" }, "", 0],
  ] as const)("%s", async (_, tree, data, copies) => {
    const seen = recorder();
    const world = await create({ base: tree, hook: seen.hook });
    await world.overlay.append("/a", data);
    expect(await world.text("/a")).toBe(tree.a + data);
    expect(seen.calls.filter((call) => call.name === "openWrite" && call.path === "upper/a")).toHaveLength(data.length > 65_536 || tree.a.length > 65_536 ? 1 : 0);
    expect([seen.calls.filter(inWork("copySmall")).length >= copies, world.work(), world.disk.handles.size]).toEqual([true, [], 0]);
  });
});

test("it is an upper file as after any append: its mode, a new mtime, where it came from", async () => {
  const world = await create({ base: { a: { file: "A", mode: 0o640 } } });
  const before = await world.overlay.stat("/a");
  await world.overlay.append("/a", "+");
  const after = await world.overlay.stat("/a");
  expect(after).toMatchObject({ mode: 0o640, size: 2, layer: "upper", nlink: 1 });
  expect(after.mtimeMs).toBeGreaterThan(before.mtimeMs);
  expect(await world.overlay.originOf("/a")).toMatchObject({ lower: "/a", size: "1" });
  expect(await (await world.reopened()).merged()).toEqual({ "/a": "A+" });
});

describe("what its owner may not write to, its owner may not add to", () => {
  test.each([[1000, 0o444, "EACCES", 1], [1000, 0o644, "ok", 0], [0, 0o444, "ok", 0]] as const)("user %i, mode %o: %s", async (uid, mode, code, opened) => {
    const seen = recorder();
    const world = await create({ base: { a: { file: "A", mode } }, disk: { uid }, hook: seen.hook });
    expect(await codeOf(world.overlay.append("/a", "+"))).toBe(code);
    expect([await world.text("/a"), seen.calls.filter(onScratch("openWrite", "upper/a")).length]).toEqual([code === "ok" ? "A+" : "A", opened]);
  });
});

describe("who comes meanwhile", () => {
  const held = async () => {
    let syncs = 0;
    const sync = gate((call) => inWork("handle.sync")(call) && syncs++ === 0);
    const world = await create({ hook: sync.hook });
    const first = codeOf(world.overlay.append("/a", "1"));
    await sync.reached;
    return { world, first, open: () => { sync.open(); } };
  };

  test("INV-5 another append: both land, one copy", async () => {
    const seen = recorder();
    const sync = gate(inWork("handle.sync"));
    const world = await create({ hook: compose(seen.hook, sync.hook) });
    const both = [world.overlay.append("/a", "1"), world.overlay.append("/a", "2")];
    await sync.reached;
    sync.open();
    await Promise.all(both);
    expect([await world.text("/a"), seen.calls.filter(inWork("copySmall")).length]).toEqual(["A12", 1]);
  });

  test("INV-4 unlink: a file with nothing but what is added", async () => {
    const { world, first, open } = await held();
    await world.overlay.unlink("/a");
    open();
    expect([await first, await world.text("/a"), world.work()]).toEqual(["ok", "1", []]);
  });

  test("a whole-file write: it is added to that", async () => {
    const { world, first, open } = await held();
    await world.overlay.writeFile("/a", "new");
    open();
    expect([await first, await world.text("/a"), world.work()]).toEqual(["ok", "new1", []]);
  });

  test("INV-3 a reader: the whole lower file until the publish", async () => {
    const { world, first, open } = await held();
    expect(await world.text("/a")).toBe("A");
    open();
    expect([await first, await world.text("/a")]).toEqual(["ok", "A1"]);
  });
});

test("INV-11 cancelled while it is copied: nothing is changed", async () => {
  const copy = gate(inWork("copySmall"));
  const world = await create({ hook: copy.hook });
  const abort = new AbortController();
  const append = codeOf(world.overlay.append("/a", "+", { signal: abort.signal }));
  await copy.reached;
  abort.abort();
  copy.open();
  expect([await append, world.upper(), world.work(), world.disk.handles.size]).toEqual(["ECANCELED", {}, [], 0]);
});

describe("INV-11 a fault", () => {
  check("no space for what is added", { fail: inWork("handle.write"), error: "ENOSPC", code: "ENOSPC", merged: { "/a": "A" }, upper: {} });
  check("it cannot be forced to the disk", { fail: inWork("handle.sync"), code: "EIO", merged: { "/a": "A" }, upper: {} });
  check("it cannot be published", { fail: onScratch("publishCopy", "upper/a"), code: "EIO", merged: { "/a": "A" }, upper: {} });
  check("the lower changed before the publish: that one is copied, and added to", {
    meanwhile: once(onScratch("publishCopy", "upper/a"), (_, w) => {
      const inode = w.disk.inode("/base/a", "test");
      if (inode.body.kind === "file") inode.body.content.write(new TextEncoder().encode("B"), 0, () => undefined);
      Object.assign(inode, { ctime: w.disk.now() });
    }),
    merged: { "/a": "B+" }, upper: { a: 'file "B+"' },
  });
  for (const [how, oneStep, before] of [["in one step", true, onScratch("publishCopy", "upper/a")], ["by hand", false, onBase("fingerprint", "a")]] as const) {
    check(`the lower went before the publish, ${how}: a file with nothing but what is added`, {
      disk: { oneStep }, meanwhile: once(before, (_, w) => { w.disk.unlink("/base/a"); }), merged: { "/a": "+" }, upper: { a: 'file "+"' },
    });
  }
});
