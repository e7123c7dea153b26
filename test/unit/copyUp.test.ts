/**
 * Copy-up: one test for each line of the table in the header of copyUp.ts, and for each step of its protocol. A copy-up
 * is made slow by a gate on a layer call, never by a clock; what another operation does meanwhile is simply awaited.
 */
import { describe, expect, test } from "vitest";
import { isFile } from "../../src/host/memoryInode.js";
import { steppingClock } from "../../src/host/memoryDisk.js";
import { compose, failing, gate, recorder } from "../support/layers/hooks.js";
import type { Hook, LayerCall } from "../support/layers/intercept.js";
import { codeOf, testEnv, World, type WorldOptions } from "../support/world.js";

const base = { "a": "A", "b": "B", "d/x": "X", "d/y": "Y", "q/": null, "l": { symlink: "a" } };

const readsOf = (path: string) => (call: LayerCall) => call.layer === "base" && call.name === "handle.read" && call.path === path;
const staging = (call: LayerCall) => call.name === "create" && call.path.startsWith("work/");
const publishing = (call: LayerCall) => call.layer === "scratch" && call.name === "link" && call.path.startsWith("upper/");

/** A world whose copy-up of `path` waits at its first read of data. */
async function slow(path: string, options: WorldOptions = {}, ...hooks: Hook[]) {
  const held = gate(readsOf(path));
  const world = await World.create({ base, ...options, hook: compose(...hooks, held.hook) });
  return { world, held };
}

/** INV-11 and INV-1 at the end of every test. */
async function finish(world: World, merged?: Record<string, string>): Promise<void> {
  if (merged !== undefined) expect(await world.merged()).toMatchObject(merged);
  const again = await world.reopened();
  expect(await again.merged()).toEqual(await world.merged());
  expect(world.work(), "INV-11 nothing is left in work").toEqual([]);
  await world.overlay.dispose();
  expect(world.disk.handles.size, "no handle is left open").toBe(0);
}

/** Changes a base file by someone else's hand. */
function overwriteBase(world: World, path: string, text: string): void {
  const inode = world.disk.inode(`/base/${path}`, "test");
  if (!isFile(inode)) throw new Error(`${path} is no file`);
  inode.body.content.truncate(0, () => undefined);
  inode.body.content.write(new TextEncoder().encode(text), 0, () => undefined);
  inode.mtime = inode.ctime = world.disk.now();
}

describe("copy-up meets", () => {
  test("INV-5 a thousand first appends: one data copy, a thousand lines", async () => {
    const calls = recorder();
    const world = await World.create({ base: { log: "start\n" }, hook: calls.hook });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => world.overlay.append("/log", `${String(i)}\n`)));
    const lines = (await world.text("/log")).split("\n");
    expect(lines[0]).toBe("start");
    expect(lines.slice(1, -1).map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(calls.calls.filter((call) => call.layer === "base" && call.name === "openRead")).toHaveLength(1);
    expect(calls.calls.filter(staging)).toHaveLength(1);
    await finish(world);
  });

  test("another copy-up whose first one fails for a full disk: the second tries itself", async () => {
    const { world, held } = await slow("a", {}, failing((call) => call.name === "handle.write" && call.path.startsWith("work/"), "ENOSPC", { times: 1 }));
    const first = codeOf(world.overlay.append("/a", "1"));
    await held.reached;
    const second = codeOf(world.overlay.append("/a", "2"));
    held.open();
    expect([await first, await second]).toEqual(["ENOSPC", "ok"]);
    await finish(world, { "/a": "A2" });
  });

  test("another copy-up whose first one is cancelled: those who wait go on", async () => {
    const { world, held } = await slow("a");
    const abort = new AbortController();
    const first = codeOf(world.overlay.append("/a", "1", { signal: abort.signal }));
    await held.reached;
    const second = codeOf(world.overlay.append("/a", "2"));
    abort.abort();
    held.open();
    expect([await first, await second]).toEqual(["ECANCELED", "ok"]);
    await finish(world, { "/a": "A2" });
  });

  test("a waiter that is cancelled: it goes at once, the copy-up goes on", async () => {
    const { world, held } = await slow("a");
    const first = codeOf(world.overlay.append("/a", "1"));
    await held.reached;
    const abort = new AbortController();
    const second = codeOf(world.overlay.append("/a", "2", { signal: abort.signal }));
    abort.abort();
    expect(await second).toBe("ECANCELED");
    held.open();
    expect(await first).toBe("ok");
    await finish(world, { "/a": "A1" });
  });

  test("INV-4 unlink: it does not wait; a whiteout stays and the copy goes", async () => {
    const { world, held } = await slow("a");
    const copy = codeOf(world.overlay.copyUp("/a"));
    await held.reached;
    await world.overlay.unlink("/a");
    held.open();
    expect(await copy).toBe("ENOENT");
    expect(world.upper()).toEqual({ ".wh.a": 'file ""' });
    await finish(world);
  });

  test("INV-4 recursive delete of the parent", async () => {
    const { world, held } = await slow("d/x");
    const copy = codeOf(world.overlay.copyUp("/d/x"));
    await held.reached;
    await world.overlay.remove("/d", { recursive: true });
    held.open();
    expect(await copy).toBe("ENOENT");
    expect(world.upper()).toEqual({ ".wh.d": 'file ""' });
    await finish(world);
  });

  test("reset of the entry and of everything: the name is the lower's again, so it is copied again", async () => {
    for (const path of ["/d", "/"]) {
      const { world, held } = await slow("d/x");
      const copy = codeOf(world.overlay.append("/d/x", "+"));
      await held.reached;
      await world.overlay.reset(path);
      held.open();
      expect(await copy).toBe("ok");
      await finish(world, { "/d/x": "X+" });
    }
  });

  test("INV-7 an overwriting rename onto it: the renamed file stays, the copy is discarded", async () => {
    const { world, held } = await slow("a");
    const copy = codeOf(world.overlay.copyUp("/a"));
    await held.reached;
    await world.overlay.rename("/b", "/a");
    expect(await world.text("/a")).toBe("B");
    held.open();
    expect(await copy).toBe("ok");
    await finish(world, { "/a": "B" });
  });

  test("rename of the source: it waits its turn, then moves the whole copy", async () => {
    const calls = recorder();
    const { world, held } = await slow("a", {}, calls.hook);
    const copy = codeOf(world.overlay.copyUp("/a"));
    await held.reached;
    const rename = codeOf(world.overlay.rename("/a", "/c"));
    held.open();
    expect(await rename).toBe("ok");
    expect(["ok", "ENOENT"]).toContain(await copy);
    expect(calls.calls.filter(staging)).toHaveLength(1);
    expect(world.upper()).toEqual({ ".wh.a": 'file ""', "c": 'file "A"' });
    await finish(world, { "/c": "A" });
  });

  test("rename of the parent: the copy is published where the folder now is", async () => {
    const { world, held } = await slow("d/x");
    const copy = codeOf(world.overlay.copyUp("/d/x"));
    await held.reached;
    await world.overlay.rename("/d", "/q");
    held.open();
    expect(await copy).toBe("ENOENT"); // that path is no more, as if it had come second
    expect(world.upper()).toMatchObject({ "q/x": 'file "X"' });
    await finish(world, { "/q/x": "X", "/q/y": "Y" });
  });

  test("chmod: it waits its turn, then changes the upper copy", async () => {
    const { world, held } = await slow("a");
    const copy = world.overlay.copyUp("/a");
    await held.reached;
    const chmod = world.overlay.chmod("/a", 0o600);
    held.open();
    await Promise.all([copy, chmod]);
    expect((await world.overlay.stat("/a")).mode).toBe(0o600);
    await finish(world);
  });

  test("INV-3 a reader: it sees the whole lower file during the copy, and its handle keeps it afterwards", async () => {
    const held = gate((call) => call.name === "handle.write" && call.path.startsWith("work/"));
    const world = await World.create({ base, hook: held.hook });
    const before = await world.overlay.open("/a");
    const append = world.overlay.append("/a", "+");
    await held.reached;
    expect(await world.text("/a")).toBe("A");
    const during = await world.overlay.open("/a");
    held.open();
    await append;
    for (const handle of [before, during]) {
      const buffer = new Uint8Array(10);
      expect(await handle.read(buffer, 0)).toBe(1);
      expect((await handle.stat()).layer).toBe("lower");
      await handle.close();
    }
    await finish(world, { "/a": "A+" });
  });

  test("stat and readdir: the lower before the one link, the upper after it, never neither", async () => {
    const held = gate(publishing);
    const world = await World.create({ base, hook: held.hook });
    const copy = world.overlay.copyUp("/d/x");
    await held.reached;
    expect((await world.overlay.stat("/d/x")).layer).toBe("lower");
    expect((await world.overlay.readDirectory("/d")).map(({ name }) => name).sort()).toEqual(["x", "y"]);
    held.open();
    await copy;
    expect(await world.overlay.stat("/d/x")).toMatchObject({ layer: "upper", nlink: 1 });
    expect((await world.overlay.readDirectory("/d")).map(({ name }) => name).sort()).toEqual(["x", "y"]);
    await finish(world);
  });

  test("INV-6 siblings, and operations that take the namespace lock: none of them waits for the data", async () => {
    const { world, held } = await slow("d/x");
    const copy = world.overlay.copyUp("/d/x");
    await held.reached;
    await world.overlay.append("/d/y", "+");
    await world.overlay.writeFile("/d/n", "N");
    await world.overlay.createDirectory("/d/m");
    await world.overlay.rename("/d/m", "/q/m");
    await world.overlay.remove("/q", { recursive: true });
    await world.overlay.reset("/d/n");
    held.open();
    await copy;
    await finish(world, { "/d/x": "X", "/d/y": "Y+" });
  });

  test("INV-6 nor for the fsync of the staged data", async () => {
    let first = true; // a directory's rename syncs its redirect: that one is not held
    const held = gate((call) => call.name === "handle.sync" && first);
    const world = await World.create({ base, hook: held.hook });
    const copy = world.overlay.copyUp("/d/x");
    void held.reached.then(() => { first = false; });
    await held.reached;
    await world.overlay.chmod("/d", 0o700);
    await world.overlay.rename("/d", "/r");
    held.open();
    expect(await codeOf(copy)).toBe("ENOENT");
    await finish(world, { "/r/x": "X" });
  });
});

describe("step 1, the parents", () => {
  test("they get the lower's mode, owner and times before they appear; nothing of their content is copied", async () => {
    const world = await World.create({ base: { "p/c/x": "X", "p/c/y": "Y" } });
    for (const [i, path] of ["/base/p", "/base/p/c"].entries()) {
      Object.assign(world.disk.inode(path, "test"), { mode: 0o2750 - i, uid: 7, gid: 8, mtime: 1_000_000_000n, atime: 2_000_000_000n });
    }
    const before = [await world.overlay.stat("/p"), await world.overlay.stat("/p/c")];
    await world.overlay.copyUp("/p/c/x");
    for (const [i, path] of ["/p", "/p/c"].entries()) {
      const { mode, uid, gid, mtimeMs, atimeMs } = before[i] ?? {};
      expect(await world.overlay.stat(path)).toMatchObject({ mode, uid, gid, mtimeMs, atimeMs, layer: "merged" });
    }
    expect(Object.keys(world.upper())).toEqual(["p", "p/c", "p/c/x"]);
    await finish(world);
  });
});

describe("step 1, a folder", () => {
  test("INV-11 one that is cancelled before it begins is not copied", async () => {
    const world = await World.create({ base: { "d/x": "X" } });
    const signal = AbortSignal.abort();
    expect(await codeOf(world.overlay.copyUp("/d", { signal }))).toBe("ECANCELED");
    expect(world.upper()).toEqual({});
  });

  test("two in one that its owner may not write to: one after the other, and its mode stays", async () => {
    const calls = recorder();
    let moves = 0;
    const held = gate((call) => call.name === "rename" && moves++ === 0);
    const world = await World.create({
      base: { "d/e/x": "X", "d/f/x": "X" }, scratch: { "upper/d": { directory: true, mode: 0o555 } }, disk: { uid: 1000 }, hook: compose(calls.hook, held.hook),
    });
    const copies = ["/d/e", "/d/f"].map((path) => world.overlay.copyUp(path));
    await held.reached;
    for (let i = 0; i < 300; i++) await Promise.resolve();
    expect(calls.count("rename")).toBe(1);
    held.open();
    await Promise.all(copies);
    expect([Object.keys(world.upper()), (await world.overlay.stat("/d")).mode]).toEqual([["d", "d/e", "d/f"], 0o555]);
  });
});

describe("step 3, the look", () => {
  test("an entry in upper is done; an absent or deleted one is ENOENT; a FIFO is refused", async () => {
    const calls = recorder();
    const world = await World.create({ base: { ...base, f: { special: "fifo" } }, hook: calls.hook });
    await world.overlay.copyUp("/a");
    const staged = calls.calls.filter(staging).length;
    await world.overlay.copyUp("/a");
    expect(calls.calls.filter(staging)).toHaveLength(staged);
    await world.overlay.unlink("/b");
    expect(await codeOf(world.overlay.copyUp("/b"))).toBe("ENOENT");
    expect(await codeOf(world.overlay.copyUp("/none"))).toBe("ENOENT");
    expect(await codeOf(world.overlay.copyUp("/f"))).toBe("ENOTSUP");
    expect(calls.calls.filter((call) => call.layer === "base" && call.name === "openRead" && call.path === "f")).toEqual([]);
    await finish(world);
  });
});

describe("step 4, the staged copy", () => {
  test.each(["0755", "0644", "0400", "4755", "2755", "6711", "1777", "0000"])("keeps mode %s, owner and times", async (octal) => {
    const mode = Number.parseInt(octal, 8);
    const world = await World.create({ base });
    Object.assign(world.disk.inode("/base/a", "test"), { mode, uid: 1234, gid: 567, mtime: 1_111_222_333_000n, atime: 2_000_000_000n });
    const before = await world.overlay.stat("/a");
    await world.overlay.copyUp("/a");
    const { uid, gid, mtimeMs, atimeMs } = before;
    expect(await world.overlay.stat("/a")).toMatchObject({ mode, uid, gid, mtimeMs, atimeMs, nlink: 1, layer: "upper" });
    await finish(world);
  });

  test("a user who may not give files away keeps them, with their mode", async () => {
    const world = await World.create({ base, disk: { uid: 1000 } });
    Object.assign(world.disk.inode("/base/a", "test"), { mode: 0o755, uid: 0 });
    await world.overlay.copyUp("/a");
    expect(await world.overlay.stat("/a")).toMatchObject({ mode: 0o755, uid: 1000 });
    await finish(world);
  });

  test("a symlink is copied as a link, with owner and times", async () => {
    const world = await World.create({ base });
    Object.assign(world.disk.inode("/base/l", "test"), { uid: 9, mtime: 3_000_000_000n });
    await world.overlay.rename("/l", "/d/l");
    expect(await world.overlay.lstat("/d/l")).toMatchObject({ type: "symlink", uid: 9, mtimeMs: 3000 });
    await finish(world, { "/d/l": "-> a" });
  });

  test.each([["data", 1], ["full", 1], ["none", 0]] as const)("with durability %s its data is synced %i times, before it has a name", async (durability, syncs) => {
    const calls = recorder();
    const world = await World.create({ base, hook: calls.hook, overlay: { durability } });
    await world.overlay.copyUp("/a");
    const order = calls.calls.filter((call) => call.name === "handle.sync" || publishing(call)).map((call) => call.name);
    expect(order).toEqual([...Array.from({ length: syncs }, () => "handle.sync"), "link"]);
    expect(calls.count("syncDirectory") > 0).toBe(durability === "full");
    await finish(world);
  });

  test("where the filesystem can clone, no data is read", async () => {
    const calls = recorder();
    const world = await World.create({ base, hook: calls.hook, disk: { reflink: true } });
    Object.assign(world.disk.inode("/base/a", "test"), { mode: 0o751 });
    await world.overlay.append("/a", "+");
    expect(calls.calls.filter(readsOf("a"))).toEqual([]);
    expect((await world.overlay.stat("/a")).mode).toBe(0o751);
    await finish(world, { "/a": "A+" });
  });

  test("a large file goes in pieces, with progress, holes stay holes, and can be cancelled between two", async () => {
    const data = new Uint8Array(5 * (1 << 20) + 17);
    data[0] = data[data.length - 1] = 1;
    const world = await World.create({ base: { big: data } });
    const progress: number[] = [];
    const abort = new AbortController();
    const onProgress = (done: number) => {
      progress.push(done);
      if (progress.length === 3) abort.abort();
    };
    expect(await codeOf(world.overlay.copyUp("/big", { onProgress, signal: abort.signal }))).toBe("ECANCELED");
    expect(progress).toEqual([1, 2, 3].map((n) => n << 18));
    expect(world.work()).toEqual([]);
    const used = world.disk.usedBytes;
    await world.overlay.copyUp("/big");
    expect(Buffer.compare(await world.overlay.readFile("/big"), data)).toBe(0);
    expect(world.disk.usedBytes - used, "the first piece, the last page, the origins").toBeLessThanOrEqual((1 << 18) + 2 * 4096);
    await finish(world);
  });
});

describe("step 5, look again under the lock", () => {
  /** Runs `change` after each of the first `times` matching calls. */
  function after(matches: (call: LayerCall) => boolean, times: number, change: () => void): Hook {
    let left = times;
    return async (call, run) => {
      const result = await run();
      if (matches(call) && left-- > 0) change();
      return result;
    };
  }

  test("the base file changes while it is copied: staged again, never a mixture", async () => {
    let world: World | undefined = undefined as World | undefined;
    const calls = recorder();
    const hook = compose(calls.hook, after(readsOf("a"), 1, () => { if (world !== undefined) overwriteBase(world, "a", "changed"); }));
    world = await World.create({ base, hook });
    await world.overlay.append("/a", "+");
    expect(calls.calls.filter(staging)).toHaveLength(2);
    await finish(world, { "/a": "changed+" });
  });

  test("it changes between the copy and the lock: staged again", async () => {
    let world: World | undefined = undefined as World | undefined;
    const hook = after((call) => call.name === "handle.sync", 1, () => { if (world !== undefined) overwriteBase(world, "a", "late"); });
    world = await World.create({ base, hook });
    await world.overlay.append("/a", "+");
    await finish(world, { "/a": "late+" });
  });

  test("it never holds still: EBUSY after a few rounds, and nothing is left", async () => {
    let world: World | undefined = undefined as World | undefined;
    const calls = recorder();
    const hook = compose(calls.hook, after(readsOf("a"), Infinity, () => { if (world !== undefined) overwriteBase(world, "a", String(Math.random())); }));
    world = await World.create({ base, hook });
    expect(await codeOf(world.overlay.append("/a", "+"))).toBe("EBUSY");
    expect(calls.calls.filter(staging)).toHaveLength(5);
    expect(world.upper()).toEqual({});
    await finish(world);
  });

  test("a file changed less than 2 s ago is compared by content: its times prove nothing", async () => {
    const calls = recorder();
    const clock = steppingClock(testEnv().now() - 1000);
    let world: World | undefined = undefined as World | undefined;
    // The change leaves size and times as they were, as a coarse clock would.
    const sneak = after(readsOf("a"), 1, () => {
      const inode = world?.disk.inode("/base/a", "test");
      if (inode !== undefined && isFile(inode)) inode.body.content.write(new TextEncoder().encode("Z"), 0, () => undefined);
    });
    world = await World.create({ base, disk: { clock }, hook: compose(calls.hook, sneak) });
    await world.overlay.append("/a", "+");
    expect(calls.calls.filter(staging)).toHaveLength(2);
    await finish(world, { "/a": "Z+" });
  });

  test("an older file is not read twice", async () => {
    const calls = recorder();
    const world = await World.create({ base, hook: calls.hook });
    await world.overlay.copyUp("/a");
    expect(calls.calls.filter(readsOf("a"))).toHaveLength(1);
    await finish(world);
  });
});

describe("step 6, the link", () => {
  test("EEXIST with two names is a success whose answer was lost (NFS)", async () => {
    const world = await World.create({ base, hook: failing(publishing, "EEXIST", { when: "after", times: 1 }) });
    await world.overlay.append("/a", "+");
    expect((await world.overlay.stat("/a")).nlink).toBe(1);
    await finish(world, { "/a": "A+" });
  });

  test("EEXIST with one name: the disk has something there after all, which is believed", async () => {
    let world: World | undefined = undefined as World | undefined;
    const hook: Hook = async (call, run) => {
      if (publishing(call) && world?.disk.find("/scratch/upper/a", "test").entry === undefined) {
        world?.disk.makeFile("/scratch/upper/a", 0o600);
      }
      return run();
    };
    world = await World.create({ base, hook });
    await world.overlay.append("/a", "+");
    await finish(world, { "/a": "+" });
  });

  test("where there are no hard links it is a rename, found out once", async () => {
    const calls = recorder();
    const world = await World.create({ base, disk: { hardLinks: false }, hook: calls.hook });
    await world.overlay.append("/a", "+");
    await world.overlay.append("/b", "+");
    expect(calls.count("link")).toBe(1);
    await finish(world, { "/a": "A+", "/b": "B+" });
  });

  test.each(["EIO", "ENOSPC", "EACCES", "EMFILE"] as const)("%s: the operation fails, nothing has changed, the next one works", async (code) => {
    const world = await World.create({ base, hook: failing(publishing, code, { times: 1 }) });
    expect(await codeOf(world.overlay.append("/a", "+"))).toBe(code);
    expect(world.upper()).toEqual({});
    expect(world.work()).toEqual([]);
    await world.overlay.append("/a", "+");
    await finish(world, { "/a": "A+" });
  });
});

describe("step 7, afterwards", () => {
  test("the parent's times are as before", async () => {
    const world = await World.create({ base });
    const before = await world.overlay.stat("/d");
    await world.overlay.copyUp("/d/x");
    await world.overlay.copyUp("/d/y");
    expect((await world.overlay.stat("/d")).mtimeMs).toBe(before.mtimeMs);
    await finish(world);
  });

  test("a parent that its owner may not write to takes the copy all the same, and keeps its mode", async () => {
    const world = await World.create({ disk: { uid: 1000 }, base: { "ro/x": { file: "X", mode: 0o444 }, "ro": { directory: true, mode: 0o555 } } });
    await world.overlay.chmod("/ro/x", 0o644);
    expect((await world.overlay.stat("/ro")).mode).toBe(0o555);
    await finish(world, { "/ro/x": "X" });
  });

  test("INV-12 one event for each entry that changed its layer, parents first; its origin is kept", async () => {
    const world = await World.create({ base });
    await world.overlay.copyUp("/d/x");
    await Promise.resolve();
    expect(world.events).toEqual([{ type: "changed", path: "/d" }, { type: "changed", path: "/d/x" }]);
    await world.overlay.rename("/d/x", "/z");
    expect(await world.overlay.changeOf("/z")).toEqual({ kind: "renamed", path: "/z", type: "file", from: "/d/x" });
    await finish(world);
  });
});
