/** Whiteouts on a disk that fails, or that has more than the tree knows: INV-11, INV-2, and the log where nobody can be told. */
import { describe, expect, test } from "vitest";
import type { ErrorCode, Overlay } from "../../src/engine/index.js";
import { failing, type Matches, recorder } from "../support/layers/hooks.js";
import { codeOf, type PlantedTree, World } from "../support/world.js";

interface Case {
  readonly base?: PlantedTree;
  readonly scratch?: PlantedTree;
  /** Done before the faults begin. */
  readonly first?: (overlay: Overlay, world: World) => unknown;
  readonly fail?: Matches;
  readonly error?: ErrorCode;
  readonly do: (overlay: Overlay) => Promise<unknown>;
  readonly code?: string;
  /** The upper afterwards; as before where it is left out. */
  readonly upper?: Record<string, string>;
  /** Unknown where the disk was changed behind the tree. */
  readonly merged?: Record<string, string> | "unknown";
  readonly logged?: RegExp;
}

function check(title: string, c: Case): void {
  test(title, async () => {
    let armed = false;
    const { fail = () => false } = c;
    const world = await World.create({ base: c.base ?? { a: "A" }, scratch: c.scratch ?? {}, hook: failing((call) => armed && fail(call), c.error ?? "EIO") });
    await world.merged();
    await c.first?.(world.overlay, world);
    const before = { upper: world.upper(), merged: await world.merged() };
    armed = true;
    expect(await codeOf(c.do(world.overlay))).toBe(c.code ?? "ok");
    armed = false;
    expect(world.upper()).toEqual(c.upper ?? before.upper);
    if (c.merged !== "unknown") {
      expect(await world.merged()).toEqual(c.merged ?? before.merged);
      expect(await (await world.reopened()).merged()).toEqual(await world.merged());
    }
    expect(world.logged.map(({ level, message }) => `${level}: ${message}`).join()).toMatch(c.logged ?? /^$/);
    expect(world.work()).toEqual([]);
  });
}

const calls = (name: string, path: string): Matches => (call) => call.layer === "scratch" && call.name === name && call.path === path;
const unlinkOf = (path: string) => (o: Overlay) => o.unlink(path);
const device = { special: "character", rdev: 0 } as const;

describe("making one", () => {
  check("where no lower is, none is made", { base: { d: "D" }, first: (o) => o.createDirectory("/n").then(() => o.writeFile("/n/f", "F")), do: unlinkOf("/n/f"), merged: { "/d": "D", "/n/": "" }, upper: { "n": "dir", "n/.wh..wh..opq": 'file ""' } });
  check("INV-11 it cannot be made: nothing has changed", { first: (o) => o.append("/a", "+"), fail: calls("create", "upper/.wh.a"), do: unlinkOf("/a"), code: "EIO" });
  check("INV-11 one that was made is taken back when the name cannot go", { first: (o) => o.append("/a", "+"), fail: calls("unlink", "upper/a"), do: unlinkOf("/a"), code: "EIO" });
  check("a void one that was there stays then", { scratch: { "upper/a": "mine", "upper/.wh.a": "" }, fail: calls("unlink", "upper/a"), do: unlinkOf("/a"), code: "EIO" });
  check("one that is there already, unknown to the tree, is as good", { first: (_, w) => w.disk.makeFile("/scratch/upper/.wh.a", 0o644), do: unlinkOf("/a"), code: "ok", merged: {}, upper: { ".wh.a": 'file ""' } });
  check("it cannot be taken back: it stays, void, and the log says so", {
    first: (o) => o.append("/a", "+"), fail: (call) => call.name === "unlink" && call.path.startsWith("upper/"), do: unlinkOf("/a"), code: "EIO",
    upper: { ".wh.a": 'file ""', "a": 'file "A+"' }, logged: /^warn: a void whiteout of 'a' stays: .*EIO/,
  });
});

describe("taking one away", () => {
  check("a failure is logged, and the marker stays void", {
    first: (o) => o.unlink("/a"), fail: calls("unlink", "upper/.wh.a"), do: (o) => o.createDirectory("/a"),
    upper: { ".wh.a": 'file ""', "a": "dir", "a/.wh..wh..opq": 'file ""' }, merged: { "/a/": "" }, logged: /^warn: a void whiteout of 'a' stays: .*EIO/,
  });
  check("one that somebody has taken away is no error", { first: async (o, w) => { await o.unlink("/a"); w.disk.unlink("/scratch/upper/.wh.a"); }, do: (o) => o.reset("/a"), merged: { "/a": "A" }, upper: {} });
  check("a failure to look for a device is told", {
    first: async (o, w) => { await o.unlink("/a"); w.disk.unlink("/scratch/upper/.wh.a"); },
    fail: calls("lstat", "upper/a"), do: (o) => o.reset("/a"), code: "EIO", merged: { "/a": "A" },
  });
  check("a device 0/0 goes as a marker does", { scratch: { "upper/a": device }, do: (o) => o.reset("/a"), merged: { "/a": "A" }, upper: {} });
  check("a device that is none, put there by hand, stays", {
    first: async (o, w) => { await o.unlink("/a"); w.disk.unlink("/scratch/upper/.wh.a"); w.disk.makeSpecial("/scratch/upper/a", "character", 259); },
    do: (o) => o.reset("/a"), upper: { a: "character" }, merged: "unknown",
  });
  check("so does a file", {
    first: async (o, w) => { await o.unlink("/a"); w.disk.unlink("/scratch/upper/.wh.a"); w.disk.makeFile("/scratch/upper/a", 0o644); },
    do: (o) => o.reset("/a"), upper: { a: 'file ""' }, merged: "unknown",
  });

  test("what was never hidden costs no call", async () => {
    const seen = recorder();
    const world = await World.create({ hook: seen.hook });
    await world.overlay.symlink("x", "/s");
    expect(seen.calls.filter((call) => call.path.includes(".wh."))).toEqual([]);
  });
});
