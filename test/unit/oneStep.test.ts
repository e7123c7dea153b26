/** A small file copied in one call, and published in one step: when that may be trusted, and what a fault in it leaves. */
import { describe, expect, test } from "vitest";
import { LayerError } from "../../src/engine/errors.js";
import { steppingClock } from "../../src/host/memoryDisk.js";
import { faultCase, type FaultCase, onScratch, once } from "../support/faultCase.js";
import { compose, failing, gate, type Matches, recorder } from "../support/layers/hooks.js";
import type { Hook } from "../support/layers/intercept.js";
import { codeOf, testEnv, World, type WorldOptions } from "../support/world.js";

const base = { a: "A" } as const;
const oneStep = { oneStep: true } as const;
const check = (title: string, c: Omit<FaultCase, "do"> & Partial<Pick<FaultCase, "do">>) => {
  faultCase(title, { base, do: (o) => o.copyUp("/a"), ...c, disk: { ...oneStep, ...c.disk } });
};
const inWork = (name: string): Matches => (call) => call.name === name && call.path.startsWith("work/");
const staged = ({ calls: all }: ReturnType<typeof recorder>, name: string) => all.filter(inWork(name)).length;
const copied = { upper: { a: 'file "A"' } };
const inode = (world: World, path = "/base/a") => world.disk.inode(path, "test");
const touch = (world: World) => { Object.assign(inode(world), { ctime: world.disk.now() }); };

async function calls(options: WorldOptions, path = "/a"): Promise<{ world: World; names: string[] }> {
  const seen = recorder();
  const world = await World.create({ base, ...options, hook: compose(seen.hook, options.hook ?? ((_, run) => run())), disk: { ...oneStep, ...options.disk } });
  seen.calls.length = 0;
  await world.overlay.copyUp(path);
  const names = seen.calls.filter(({ layer, name, path: at }) => layer === "scratch" && at !== "origins" && at !== "dropped" && name !== "readDirectory").map(({ name, path: at }) => `${name} ${at.replace(/^work\/.*/, "work")}`);
  return { world, names };
}

describe("what it costs", () => {
  const publish = ["lstat upper", "publishCopy upper/a", "utimes upper"];
  test.each([
    ["none", ["copySmall work", "handle.close work", ...publish]],
    ["data", ["copySmall work", "handle.sync work", "handle.close work", ...publish]],
    ["full", ["copySmall work", "handle.sync work", "handle.close work", ...publish, "syncDirectory upper"]],
  ] as const)("durability %s", async (durability, wanted) => {
    expect((await calls({ overlay: { durability } })).names).toEqual(wanted);
  });

  test.each([[0, false], [1, true], [65_536, true], [65_537, false]])("a file of %i bytes in one call: %s", async (size, small) => {
    const content = Uint8Array.from({ length: size }, (_, i) => i % 251);
    const { world, names } = await calls({ base: { a: content } });
    expect([names.includes("copySmall work"), names.includes("create work")]).toEqual([small, !small]);
    expect(await world.overlay.readFile("/a")).toEqual(content);
  });

  test("a host without it: by hand", async () => {
    const { names } = await calls({ disk: { oneStep: false } });
    expect([names.includes("create work"), names.includes("link upper/a"), names.some((name) => /Small|publishCopy/.test(name))]).toEqual([true, true, false]);
  });

  test("mode, owner and times are the lower's; the umask has no say", async () => {
    const world = await World.create({ base: { a: { file: "A", mode: 0o4777 } }, disk: { ...oneStep, umask: 0o077 } });
    Object.assign(inode(world), { uid: 7, gid: 8, atime: 4_321_000_000n, mtime: 1_234_567_891_234n });
    await world.overlay.copyUp("/a");
    expect(await world.overlay.stat("/a")).toMatchObject({ mode: 0o4777, uid: 7, gid: 8, size: 1, layer: "upper", atimeMs: 4321 });
    expect(Math.floor((await world.overlay.stat("/a")).mtimeMs)).toBe(1_234_567);
  });
});

describe("it is not the file that was looked at: the long way, and nothing of the short one is left", () => {
  const changes: readonly (readonly [string, (w: World) => unknown, Record<string, unknown>])[] = [
    ["its mode", (w) => { inode(w).mode = 0o600; }, { mode: 0o600 }],
    ["its owner", (w) => { inode(w).uid = 9; }, { uid: 9 }],
    ["its group", (w) => { inode(w).gid = 9; }, { gid: 9 }],
    ["its mtime", (w) => { inode(w).mtime = 5_000_000_000n; }, { mtimeMs: 5000 }],
    ["its ctime alone", (w) => { inode(w).ctime += 1_000_000_000n; }, {}],
    ["its size, smaller", (w) => { const { body } = inode(w); if (body.kind === "file") body.content.truncate(0, () => undefined); }, { size: 0 }],
    ["its size, larger", (w) => { const { body } = inode(w); if (body.kind === "file") body.content.write(new Uint8Array([65, 66]), 0, () => undefined); }, { size: 2 }],
    ["its inode", (w) => {
      const { mtime, ctime } = inode(w);
      w.disk.unlink("/base/a");
      const made = w.disk.makeFile("/base/a", 0o644);
      made.body.content.write(new Uint8Array([90]), 0, () => undefined);
      Object.assign(made, { mtime, ctime });
    }, { size: 1 }],
  ];
  test.each(changes)("%s", async (_, change, stat) => {
    const seen = recorder();
    let world: World | undefined = undefined as World | undefined;
    let left = 1;
    const meanwhile: Hook = (call, run) => {
      if (inWork("copySmall")(call) && left-- > 0 && world !== undefined) change(world);
      return run();
    };
    world = await World.create({ base, disk: oneStep, hook: compose(seen.hook, meanwhile) });
    await world.overlay.copyUp("/a");
    expect([staged(seen, "copySmall"), staged(seen, "create")]).toEqual([1, 1]);
    expect(await world.overlay.stat("/a")).toMatchObject({ ...stat, layer: "upper" });
    expect(await world.text("/a")).toBe(new TextDecoder().decode(await (await World.open(world.disk)).overlay.readFile("/a")));
    expect([world.work(), world.disk.handles.size]).toEqual([[], 0]);
  });

  check("it became a folder", {
    meanwhile: once(inWork("copySmall"), (_, w) => { w.disk.unlink("/base/a"); w.disk.makeDirectory("/base/a", 0o755); }), merged: "unknown", code: "EISDIR",
  });
  check("it became a symlink: it is not followed", {
    meanwhile: once(inWork("copySmall"), (_, w) => { w.disk.unlink("/base/a"); w.disk.makeSymlink("b", "/base/a"); }), merged: "unknown", code: "ELOOP",
  });
  check("it went", { meanwhile: once(inWork("copySmall"), (_, w) => { w.disk.unlink("/base/a"); }), merged: {}, code: "ENOENT" });

  test.each([[2001, 2001, 0], [2000, 2001, 1], [2001, 2000, 1]])("changed %i ms ago, its inode %i: %i copies by hand", async (mtime, ctime, byHand) => {
    const now = testEnv().now();
    const seen = recorder();
    const world = await World.create({ base, disk: { ...oneStep, clock: steppingClock(now - 3_600_000) }, hook: seen.hook });
    Object.assign(inode(world), { mtime: BigInt(now - mtime) * 1_000_000n, ctime: BigInt(now - ctime) * 1_000_000n });
    await world.overlay.copyUp("/a");
    expect([staged(seen, "copySmall"), staged(seen, "create")]).toEqual([1, byHand]);
    expect([world.work(), world.disk.handles.size, await world.text("/a")]).toEqual([[], 0, "A"]);
  });
});

describe("INV-11 a fault in the copy", () => {
  const foreign: FaultCase["first"] = (_, w) => { inode(w).uid = 5; };
  for (const durability of ["none", "data"] as const) {
    const on = (name: string, rest: Partial<FaultCase> = {}) => { check(`${name}, durability ${durability}`, { overlay: { durability }, fail: inWork(name), code: "EIO", ...rest }); };
    on("copySmall");
    on("handle.chown", { first: foreign });
    on("handle.chmod", { first: foreign });
    if (durability === "data") on("handle.sync");
  }
  check("no space", { fail: inWork("copySmall"), error: "ENOSPC", code: "ENOSPC" });

  test("the copy is made and the answer is lost: it goes again", async () => {
    const world = await World.create({ base, disk: oneStep, hook: lost(inWork("copySmall")) });
    expect(await codeOf(world.overlay.copyUp("/a"))).toBe("EIO");
    expect(world.work()).toEqual([]);
  });

  test("what is not synced is not there before it is closed", async () => {
    const world = await World.create({ base, disk: oneStep, overlay: { durability: "none" }, hook: failing(inWork("handle.close"), "ENOSPC", { when: "after" }) });
    expect(await codeOf(world.overlay.copyUp("/a"))).toBe("ENOSPC");
    expect([world.work(), world.upper(), world.disk.handles.size]).toEqual([[], {}, 0]);
  });

  test("what is on the disk is closed behind the operation: not waited for, never lost, and its failure is only logged", async () => {
    const held = gate(inWork("handle.close"));
    const world = await World.create({ base, disk: oneStep, hook: compose(failing(inWork("handle.close"), "EIO", { when: "after" }), held.hook) });
    await world.overlay.copyUp("/a");
    await held.reached;
    expect([world.disk.handles.size, world.logged]).toEqual([1, []]);
    expect(world.upper()).toEqual({ a: 'file "A"' });
    held.open();
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect([world.disk.handles.size, world.logged]).toEqual([0, [{ level: "warn", message: expect.stringContaining("EIO") as string }]]);
  });
});

/** The call is made; its answer never comes. */
function lost(matches: Matches): Hook {
  return async (call, run) => {
    const result = await run();
    if (!matches(call)) return result;
    await (result as { file?: { close(): Promise<void> } }).file?.close();
    throw new LayerError("EIO", call.name, call.path);
  };
}

describe("published in one step", () => {
  const publishing = onScratch("publishCopy", "upper/a");
  check("the lower changed before it: copied again", {
    meanwhile: once(publishing, (_, w) => { const { body } = inode(w); if (body.kind === "file") body.content.write(new TextEncoder().encode("B"), 0, () => undefined); touch(w); }),
    upper: { a: 'file "B"' }, merged: { "/a": "B" },
  });
  check("the lower went before it: no copy of it appears", { meanwhile: once(publishing, (_, w) => { w.disk.unlink("/base/a"); }), code: "ENOENT", merged: {} });
  check("nothing can be linked here: by rename, and never asked again", {
    base: { a: "A", b: "B" }, disk: { hardLinks: false }, do: async (o) => { await o.copyUp("/a"); await o.copyUp("/b"); }, upper: { a: 'file "A"', b: 'file "B"' },
    calls: ["publishCopy upper/a", "rename upper/a", "rename upper/b"], never: onScratch("publishCopy", "upper/b"), logged: /no hard links/,
  });
  check("the disk has the name after all: that one stays", {
    meanwhile: once(publishing, (_, w) => { w.disk.makeFile("/scratch/upper/a", 0o600); }), merged: { "/a": "" }, upper: { a: 'file ""' },
  });
  check("the parent went: look again", { fail: publishing, error: "ENOENT", times: 1, ...copied });
  check("it fails", { fail: publishing, code: "EIO" });
  check("the lower cannot be asked", { fail: publishing, error: "EACCES", code: "EACCES" });

  test("the staged name could not be removed: it is, afterwards", async () => {
    let world: World | undefined = undefined as World | undefined;
    const seen = recorder();
    const linked: Hook = async <T>(call: Parameters<Hook>[0], run: () => Promise<T>) => {
      if (!publishing(call)) return run();
      world?.disk.link(`/scratch/${String(call.args[0])}`, "/scratch/upper/a");
      return "linked" as T;
    };
    world = await World.create({ base, disk: oneStep, hook: compose(seen.hook, linked) });
    await world.overlay.copyUp("/a");
    expect([world.work(), (await world.overlay.stat("/a")).nlink, seen.count("link")]).toEqual([[], 1, 0]);
  });

  test("done, and the answer says EEXIST or is lost: the name is in upper, once", async () => {
    for (const [code, said] of [["EEXIST", "ok"], ["EIO", "EIO"]] as const) {
      const world = await World.create({ base, disk: oneStep, hook: failing(publishing, code, { when: "after", times: 1 }) });
      expect(await codeOf(world.overlay.copyUp("/a"))).toBe(said);
      expect([world.work(), world.upper(), await world.text("/a")]).toEqual([[], { a: 'file "A"' }, "A"]);
      expect(await (await world.reopened()).merged()).toEqual(await world.merged());
    }
  });
});
