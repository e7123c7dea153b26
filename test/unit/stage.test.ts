/** The staged copy: every byte and attribute, holes, progress, cancelling, what cannot be given away, what proves nothing. */
import { describe, expect, test } from "vitest";
import type { ReadHandle, WriteHandle } from "../../src/engine/layer.js";
import { copyBytes, sameFile } from "../../src/engine/stage.js";
import type { ErrorCode } from "../../src/engine/index.js";
import { steppingClock } from "../../src/host/memoryDisk.js";
import { isFile } from "../../src/host/memoryInode.js";
import { faultCase, type FaultCase, onBase, once } from "../support/faultCase.js";
import { compose, type Matches, recorder } from "../support/layers/hooks.js";
import type { Hook, LayerCall } from "../support/layers/intercept.js";
import { codeOf, testEnv, World } from "../support/world.js";

const base = { "a": "A", "l": { symlink: "a" } } as const;
const check = (title: string, c: FaultCase) => { faultCase(title, { base, ...c }); };
const inWork = (name: string): Matches => (call) => call.name === name && call.path.startsWith("work/");

describe("one state of a file", () => {
  const print = { size: 1n, mtimeNs: 2n, ctimeNs: 3n, dev: 4n, ino: 5n };
  test.each(["size", "mtimeNs", "ctimeNs", "dev", "ino"] as const)("another %s is another file", (field) => {
    expect(sameFile(print, { ...print })).toBe(true);
    expect(sameFile(print, { ...print, [field]: 9n })).toBe(false);
  });
});

describe("copyBytes", () => {
  /** What is read and written at a time. */
  const piece = 1 << 18;
  /** A source of `data`, and a target that writes down what it is told. */
  function ends(data: Uint8Array, cut = Infinity) {
    const unused = () => Promise.reject(new Error("not used"));
    const source: ReadHandle = {
      stat: unused, fingerprint: unused, close: () => Promise.resolve(),
      read: (buffer, position) => {
        const part = data.subarray(position, Math.min(position + buffer.length, cut));
        buffer.set(part);
        return Promise.resolve(part.length);
      },
    };
    const done: [string, number, number?][] = [];
    const target: WriteHandle = {
      ...source, sync: unused, chmod: unused, chown: unused, utimes: unused,
      write: (buffer, position) => { done.push(["write", position, buffer.length]); return Promise.resolve(); },
      truncate: (size) => { done.push(["truncate", size]); return Promise.resolve(); },
    };
    return { source, target, done };
  }
  const filled = (size: number, value = 1) => new Uint8Array(size).fill(value);
  const holes = filled(3 * piece + 5, 0);
  holes[2 * piece + 7] = 1;

  test.each<[string, Uint8Array, number, [string, number, number?][], [number, number][]]>([
    ["nothing", new Uint8Array(0), 0, [], []],
    ["a small file, without progress", filled(10), 10, [["write", 0, 10]], []],
    ["one piece exactly, without progress", filled(piece), piece, [["write", 0, piece]], []],
    ["a byte more", filled(piece + 1), piece + 1, [["write", 0, piece], ["write", piece, 1]], [[piece, piece + 1], [piece + 1, piece + 1]]],
    ["as much as was expected, of a file that grows", filled(piece + 500), piece + 1, [["write", 0, piece], ["write", piece, 1]], [[piece, piece + 1], [piece + 1, piece + 1]]],
    ["less, of a file that was cut", filled(piece), 2 * piece, [["write", 0, piece]], [[piece, 2 * piece]]],
    ["all there is, where the size is not told", filled(65_536 + 3), 0, [["write", 0, 65_536], ["write", 65_536, 3]], []],
    ["pieces of zeros are left out; the end is written", holes, holes.length, [["write", 2 * piece, piece], ["write", 3 * piece, 5]], [1, 2, 3].map((n): [number, number] => [n * piece, holes.length]).concat([[holes.length, holes.length]])],
    ["a hole at the end is made by the size", filled(2 * piece, 0), 2 * piece, [["truncate", 2 * piece]], [[piece, 2 * piece], [2 * piece, 2 * piece]]],
    ["a small file of zeros is written", filled(3, 0), 3, [["write", 0, 3]], []],
  ])("%s", async (_, data, expected, done, told) => {
    const at = ends(data);
    const progress: [number, number][] = [];
    await copyBytes(at.source, at.target, expected, { onProgress: (now, all) => progress.push([now, all]) });
    expect(at.done).toEqual(done);
    expect(progress).toEqual(told);
    await copyBytes(ends(data).source, ends(data).target, expected, {});
  });

  test("one piece is read while the one before is written, and none is under way when a fault is told", async () => {
    const at = ends(filled(3 * piece));
    const events: string[] = [];
    let ended = 0;
    const slow: WriteHandle = {
      ...at.target,
      write: async (_, position) => {
        events.push(`write ${String(position / piece)}`);
        for (let i = 0; i < 20; i++) await Promise.resolve();
        ended++;
        if (position === piece) throw new Error("full");
      },
    };
    const source: ReadHandle = { ...at.source, read: (buffer, position) => { events.push(`read ${String(position / piece)}`); return at.source.read(buffer, position); } };
    await expect(copyBytes(source, slow, 3 * piece, {})).rejects.toThrow("full");
    expect(events).toEqual(["read 0", "write 0", "read 1", "write 1", "read 2"]);
    expect(ended).toBe(2);
  });

  describe("a large file that the system may copy", () => {
    const large = 1 << 26;
    const bytes = filled(large);
    test.each<[string, number, [string, number, number?][]]>([
      ["all of it", large, []],
      ["none of it", 0, [["write", 0, piece]]],
      ["some of it", large - piece - 1, [["write", large - piece - 1, piece], ["write", large - 1, 1]]],
    ])("%s", async (_, filledBy, writes) => {
      const at = ends(bytes);
      const told: number[] = [];
      await copyBytes(at.source, { ...at.target, fillFrom: () => Promise.resolve(filledBy) }, large, { onProgress: (now) => told.push(now) });
      expect(at.done.slice(0, Math.max(writes.length, filledBy === 0 ? 1 : writes.length))).toEqual(writes);
      expect(at.done).toHaveLength(Math.ceil((large - filledBy) / piece));
      expect(told.at(-1)).toBe(large);
    });
    test("a smaller one, or a cancelled one, is not asked for more", async () => {
      const at = ends(bytes);
      await copyBytes(at.source, { ...at.target, fillFrom: () => Promise.reject(new Error("asked")) }, large - 1, {});
      const cancel = new AbortController();
      const fillFrom = () => { cancel.abort(); return Promise.resolve(piece); };
      const other = ends(bytes);
      expect(await codeOf(copyBytes(other.source, { ...other.target, fillFrom }, large, { signal: cancel.signal }))).toBe("ECANCELED");
      expect(other.done).toEqual([]);
    });
  });

  test("cancelled before it begins: nothing is read", async () => {
    const at = ends(filled(10));
    expect(await codeOf(copyBytes(at.source, at.target, 10, { signal: AbortSignal.abort() }))).toBe("ECANCELED");
    expect(at.done).toEqual([]);
  });
});

describe("attributes", () => {
  const attributes = (mode: number, uid = 0, gid = 0): Pick<FaultCase, "first"> => ({ first: (_, w) => { Object.assign(w.disk.inode("/base/a", "test"), { mode, uid, gid }); } });
  const copied = { do: (o: World["overlay"]) => o.copyUp("/a"), upper: { a: 'file "A"' } };
  const chmods: Matches = (call) => call.name === "handle.chmod";
  const chowns: Matches = (call) => call.name === "handle.chown";
  check("a file that is ours, with bits that the umask lets through, is made right at once", { ...attributes(0o644), ...copied, never: (call) => chmods(call) || chowns(call), then: (w) => { expect(w.disk.inode("/scratch/upper/a", "test").mode).toBe(0o644); } });
  for (const mode of [0o664, 0o777, 0o4755, 0o1644]) {
    check(`mode ${mode.toString(8)} is set`, { ...attributes(mode), ...copied, never: chowns, then: (w) => { expect(w.disk.inode("/scratch/upper/a", "test").mode).toBe(mode); } });
  }
  for (const [uid, gid] of [[7, 0], [0, 7]] as const) {
    check(`owner ${uid}:${gid} is given, then the mode, which giving may change`, {
      ...attributes(0o755, uid, gid), ...copied, then: (w) => { expect(w.disk.inode("/scratch/upper/a", "test")).toMatchObject({ mode: 0o755, uid, gid }); },
    });
  }
  test("chown, chmod, utimes, in this order", async () => {
    const seen = recorder();
    const world = await World.create({ base, hook: seen.hook });
    world.disk.inode("/base/a", "test").uid = 7;
    await world.overlay.copyUp("/a");
    expect(seen.calls.map(({ name }) => name).filter((name) => /^handle\.(ch|ut|sync)/.test(name))).toEqual(["handle.chown", "handle.chmod", "handle.utimes", "handle.sync"]);
  });
  check("an ordinary user does not try to give it away", { disk: { uid: 1000 }, ...attributes(0o644), ...copied, never: chowns });
  for (const error of ["EPERM", "EINVAL", "ENOTSUP", "EACCES"] as const satisfies ErrorCode[]) {
    check(`${error}: it cannot be given away, and is ours`, { ...attributes(0o755, 7), ...copied, fail: chowns, error });
  }
  check("another failure to give it away is told", { ...attributes(0o755, 7), do: copied.do, fail: chowns, code: "EIO" });
  check("a symlink that cannot be given away is discarded", { do: (o) => o.rename("/l", "/m"), fail: inWork("chown"), code: "EIO" });
  check("a symlink whose times cannot be set too", { do: (o) => o.rename("/l", "/m"), fail: inWork("utimes"), code: "EIO" });
  check("a special file", { base: { s: { special: "socket" } }, do: (o) => o.chmod("/s", 0o600), code: "ENOTSUP", reason: /a socket cannot be copied/, merged: "unknown" });
});

describe("a clone", () => {
  const cloned = { disk: { reflink: true }, do: (o: World["overlay"]) => o.copyUp("/a") } as const;
  check("has attributes, is synced, and reads nothing", { ...cloned, first: (_, w) => { Object.assign(w.disk.inode("/base/a", "test"), { mode: 0o640, mtime: 7_000_000_000n }); }, never: onBase("handle.read", "a"), upper: { a: 'file "A"' }, then: (w) => { expect(w.disk.inode("/scratch/upper/a", "test")).toMatchObject({ mode: 0o640, mtime: 7_000_000_000n }); } });
  for (const name of ["openWrite", "handle.utimes", "handle.sync"]) {
    check(`INV-11 ${name} fails: it is discarded`, { ...cloned, fail: inWork(name), code: "EIO" });
  }
  test.each([["data", 1], ["full", 1], ["none", 0]] as const)("durability %s: %i syncs", async (durability, syncs) => {
    const seen = recorder();
    const world = await World.create({ base, disk: { reflink: true }, overlay: { durability }, hook: seen.hook });
    await world.overlay.copyUp("/a");
    expect([seen.count("handle.sync"), seen.count("cloneFrom")]).toEqual([syncs, 1]);
    expect(world.disk.handles.size).toBe(0);
  });
  test("an empty file, or one of a filesystem that tells no sizes, is read", async () => {
    const seen = recorder();
    const world = await World.create({ base: { a: "" }, disk: { reflink: true }, hook: seen.hook });
    await world.overlay.copyUp("/a");
    expect(seen.count("cloneFrom")).toBe(0);
  });
});

test("where opening a file does not tell what it is, that is asked of the open file", async () => {
  const seen = recorder();
  const mute: Hook = async <T>(call: LayerCall, run: () => Promise<T>) => {
    if (call.name === "cloneFrom") return false as T; // a clone wants the real handle
    const result = await run();
    return onBase("openRead", "a")(call) ? { ...result, opened: undefined } : result;
  };
  const world = await World.create({ base: { a: { file: "A", mode: 0o640 } }, hook: compose(seen.hook, mute) });
  await world.overlay.copyUp("/a");
  expect(seen.calls.filter((call) => call.layer === "base" && call.name.startsWith("handle.")).map((call) => call.name).slice(0, 2)).toEqual(["handle.fingerprint", "handle.stat"]);
  expect(await world.overlay.stat("/a")).toMatchObject({ mode: 0o640, layer: "upper", size: 1 });
});

describe("times that prove nothing", () => {
  const now = testEnv().now();
  /** A base file whose times are so far from now, changed once while it is read, without a trace in size or times. */
  async function sneaky(mtimeAge: number, ctimeAge: number, size = 1, at = 0) {
    const seen = recorder();
    let world: World | undefined = undefined as World | undefined;
    let left = 1;
    const sneak: Hook = async (call: LayerCall, run) => {
      const result = await run();
      if (onBase("handle.read", "a")(call) && left-- === 1 && world !== undefined) {
        const inode = world.disk.inode("/base/a", "test");
        if (isFile(inode)) inode.body.content.write(new Uint8Array([90]), at, () => undefined);
      }
      return result;
    };
    world = await World.create({ base: { a: new Uint8Array(size).fill(65) }, disk: { clock: steppingClock(now - 3_600_000) }, hook: compose(seen.hook, sneak) });
    Object.assign(world.disk.inode("/base/a", "test"), { mtime: BigInt(now - mtimeAge) * 1_000_000n, ctime: BigInt(now - ctimeAge) * 1_000_000n });
    await world.overlay.copyUp("/a");
    expect(world.work()).toEqual([]);
    await world.overlay.dispose();
    expect(world.disk.handles.size).toBe(0);
    return seen.calls.filter(inWork("create")).length;
  }
  test.each([[2001, 2001, 1], [2000, 2001, 2], [2001, 2000, 2], [0, 0, 2], [-5000, -5000, 2]])("changed %i ms ago, its inode %i: %i copies", async (mtime, ctime, copies) => {
    expect(await sneaky(mtime, ctime)).toBe(copies);
  });
  test.each([[65_536, 65_535], [65_537, 65_536], [200_000, 0], [200_000, 199_999]])("of %i bytes, byte %i is compared", async (size, at) => {
    expect(await sneaky(0, 0, size, at)).toBe(2);
  });
  check("it grows while it is compared: staged again", {
    base: { a: "1" }, disk: { clock: steppingClock(now) }, meanwhile: once(inWork("openRead"), (_, w) => { const inode = w.disk.inode("/base/a", "test"); if (isFile(inode)) inode.body.content.write(new Uint8Array([49, 50]), 0, () => undefined); }),
    do: (o) => o.copyUp("/a"), merged: { "/a": "12" }, upper: { a: 'file "12"' },
  });
  test("a file that has not changed is compared, and copied once", async () => {
    const seen = recorder();
    const world = await World.create({ base: { a: new Uint8Array(65_536).fill(1) }, disk: { clock: steppingClock(now) }, hook: seen.hook });
    await world.overlay.copyUp("/a");
    expect([seen.calls.filter(inWork("create")).length, seen.calls.filter(inWork("handle.read")).length]).toEqual([1, 2]);
    expect(world.work()).toEqual([]);
  });
  check("it can be cancelled while it is compared", {
    disk: { clock: steppingClock(now) }, do: (o) => { const abort = new AbortController(); return cancelledAt(o, abort); }, code: "ECANCELED", meanwhile: once(inWork("openRead"), () => { current?.abort(); }),
  });
  let current: AbortController | undefined;
  function cancelledAt(o: World["overlay"], abort: AbortController): Promise<void> {
    current = abort;
    return o.copyUp("/a", { signal: abort.signal });
  }
  check("INV-11 the copy cannot be read again: it is discarded", { disk: { clock: steppingClock(now) }, do: (o) => o.copyUp("/a"), fail: inWork("openRead"), code: "EIO" });
  check("it shrinks while it is compared: staged again", {
    base: { a: "12" }, disk: { clock: steppingClock(now) }, meanwhile: once(inWork("openRead"), (_, w) => { const inode = w.disk.inode("/base/a", "test"); if (isFile(inode)) inode.body.content.truncate(1, () => undefined); }),
    do: (o) => o.copyUp("/a"), merged: { "/a": "1" }, upper: { a: 'file "1"' },
  });
});
