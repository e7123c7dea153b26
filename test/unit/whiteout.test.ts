/** Whiteouts on a disk that fails, or that has more than the tree knows: INV-11, INV-2, and the log where nobody can be told. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { faultCase, type FaultCase, onScratch as calls } from "../support/faultCase.js";
import { recorder } from "../support/layers/hooks.js";
import { World } from "../support/world.js";

const check = (title: string, c: FaultCase) => { faultCase(title, { base: { a: "A" }, ...c }); };

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
