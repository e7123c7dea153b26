/** Every operation over every kind of entry: data in, one merged tree out, one error code, the base as it was. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { codeOf, type PlantedTree, World, type WorldOptions } from "../support/world.js";

type Step = (overlay: Overlay) => Promise<unknown>;

interface Case extends WorldOptions {
  readonly base?: PlantedTree;
  readonly do: readonly Step[];
  /** The codes of the steps; "ok" for all when left out. */
  readonly codes?: readonly string[];
  readonly merged?: Record<string, string>;
  readonly upper?: Record<string, string>;
}

function check(title: string, c: Case): void {
  test(title, async () => {
    const world = await World.create(c);
    const before = world.base();
    const codes: string[] = [];
    for (const step of c.do) codes.push(await codeOf(step(world.overlay)));
    expect(codes).toEqual(c.codes ?? c.do.map(() => "ok"));
    if (c.merged !== undefined) expect(await world.merged()).toEqual(c.merged);
    if (c.upper !== undefined) expect(world.upper()).toEqual(c.upper);
    // What another process would see is the same: the markers are the truth, the tree is a cache.
    const again = await world.reopened();
    expect(await again.merged()).toEqual(await world.merged());
    expect(await again.overlay.changes()).toEqual(await world.overlay.changes());
    expect(world.work(), "INV-11 nothing is left in work").toEqual([]);
    await world.overlay.dispose();
    expect(world.disk.handles.size, "no handle is left open").toBe(0);
    expect(world.base(), "INV-1 the base is as it was").toEqual(before);
  });
}

const write = (path: string, data: string, options = {}): Step => (o) => o.writeFile(path, data, options);
const append = (path: string, data: string): Step => (o) => o.append(path, data);
const mkdir = (path: string): Step => (o) => o.createDirectory(path);
const unlink = (path: string): Step => (o) => o.unlink(path);
const rmdir = (path: string): Step => (o) => o.rmdir(path);
const rm = (path: string): Step => (o) => o.remove(path, { recursive: true });
const mv = (from: string, to: string, options = {}): Step => (o) => o.rename(from, to, options);
const cp = (from: string, to: string, options = {}): Step => (o) => o.copy(from, to, options);
const ln = (from: string, to: string): Step => (o) => o.link(from, to);
const symlink = (target: string, path: string): Step => (o) => o.symlink(target, path);
const chmod = (path: string, mode: number): Step => (o) => o.chmod(path, mode);
const truncate = (path: string, size: number): Step => (o) => o.truncate(path, size);
const reset = (path?: string): Step => (o) => o.reset(path);
const read = (path: string): Step => (o) => o.readFile(path);
const ls = (path: string): Step => (o) => o.readDirectory(path);

const base: PlantedTree = { "a": "A", "d/x": "X", "d/y": "Y", "d/e/z": "Z", "l": { symlink: "a" }, "ld": { symlink: "d" }, "empty/": null };
const all = { "/a": "A", "/d/": "", "/d/e/": "", "/d/e/z": "Z", "/d/x": "X", "/d/y": "Y", "/empty/": "", "/l": "-> a", "/ld": "-> d" };
function without(tree: Record<string, string>, ...paths: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => !paths.some((p) => path === p || path.startsWith(`${p}/`))));
}

describe("reading", () => {
  check("an untouched overlay shows the base and holds nothing", { base, do: [read("/a")], merged: all, upper: {} });
  check("errors of looking", {
    base,
    do: [read("/none"), read("/d"), read("/a/x"), read("/none/x"), ls("/a"), ls("/none"), (o) => o.readlink("/a"), (o) => o.readlink("/d")],
    codes: ["ENOENT", "EISDIR", "ENOTDIR", "ENOENT", "ENOTDIR", "ENOENT", "EINVAL", "EINVAL"],
  });
  check("bad paths change nothing", {
    base,
    do: [read("a"), read("/d/../a"), read("/./a"), read("/a\0b"), write(`/${"n".repeat(256)}`, ""), write(`/${"n/".repeat(3000)}`, ""), read("//d//x/")],
    codes: ["EINVAL", "EINVAL", "EINVAL", "EINVAL", "ENAMETOOLONG", "ENAMETOOLONG", "ok"],
    merged: all, upper: {},
  });
});

describe("whole-file write", () => {
  check("over a lower file", { base, do: [write("/d/x", "new")], merged: { ...all, "/d/x": "new" }, upper: { "d": "dir", "d/x": 'file "new"' } });
  check("a new file", { base, do: [write("/n", "new")], merged: { ...all, "/n": "new" } });
  check("over an upper file, twice", { base, do: [write("/a", "1"), write("/a", "22"), write("/a", "3")], merged: { ...all, "/a": "3" } });
  check("create and overwrite are kept", {
    base,
    do: [write("/n", "", { create: false }), write("/a", "", { overwrite: false }), write("/d", ""), write("/a/b", ""), write("/no/b", "")],
    codes: ["ENOENT", "EEXIST", "EISDIR", "ENOTDIR", "ENOENT"], merged: all, upper: {},
  });
  check("over a whiteout", { base, do: [unlink("/a"), write("/a", "new")], merged: { ...all, "/a": "new" }, upper: { "a": 'file "new"' } });
  check("through a symlink", { base, do: [write("/l", "new")], merged: { ...all, "/a": "new" } });
  check("through a symlink to a directory", { base, do: [write("/ld/x", "new")], merged: { ...all, "/d/x": "new" } });
  check("over a file with two names goes on in place, both see it", {
    base, do: [ln("/a", "/b"), write("/b", "both")], merged: { ...all, "/a": "both", "/b": "both" },
  });
});

describe("append and truncate", () => {
  check("append copies up first", { base, do: [append("/d/x", "+")], merged: { ...all, "/d/x": "X+" } });
  check("append makes a file", { base, do: [append("/n", "+"), append("/n", "+")], merged: { ...all, "/n": "++" } });
  check("truncate to nothing, to less, to more", {
    base: { a: "123", b: "123", c: "123" }, do: [truncate("/a", 0), truncate("/b", 1), truncate("/c", 4)], merged: { "/a": "", "/b": "1", "/c": "123\0" },
  });
  check("truncate's errors", { base, do: [truncate("/n", 0), truncate("/d", 0), truncate("/a", -1), truncate("/a", 0.5)], codes: ["ENOENT", "EISDIR", "EINVAL", "EINVAL"], upper: {} });
});

describe("unlink, rmdir, recursive delete", () => {
  check("a lower file becomes a whiteout", { base, do: [unlink("/a")], merged: without(all, "/a"), upper: { ".wh.a": 'file ""' } });
  check("a copied file too", { base, do: [append("/a", "+"), unlink("/a")], merged: without(all, "/a"), upper: { ".wh.a": 'file ""' } });
  check("an added file leaves nothing", { base, do: [write("/n", ""), unlink("/n")], merged: all, upper: {} });
  check("errors", {
    base, do: [unlink("/none"), unlink("/d"), rmdir("/a"), rmdir("/d"), rmdir("/none"), rm("/none"), rm("/"), (o) => o.remove("/d")],
    codes: ["ENOENT", "EISDIR", "ENOTDIR", "ENOTEMPTY", "ENOENT", "ENOENT", "EBUSY", "ENOTEMPTY"], merged: all, upper: {},
  });
  check("rmdir of what has become empty", {
    base, do: [unlink("/d/e/z"), rmdir("/d/e")], merged: without(all, "/d/e"), upper: { "d": "dir", "d/.wh.e": 'file ""' },
  });
  check("recursive delete is one whiteout", { base, do: [append("/d/x", "+"), rm("/d")], merged: without(all, "/d"), upper: { ".wh.d": 'file ""' } });
  check("a symlink is deleted, not what it names", { base, do: [unlink("/l"), rm("/ld")], merged: without(all, "/l", "/ld") });
  check("twice", { base, do: [rm("/d"), rm("/d"), unlink("/d/x")], codes: ["ok", "ENOENT", "ENOENT"], merged: without(all, "/d") });
});

describe("mkdir", () => {
  check("INV-9 mkdir over a removed lower directory shows none of its old children", {
    base, do: [rm("/d"), mkdir("/d")], merged: { ...without(all, "/d"), "/d/": "" }, upper: { "d": "dir", "d/.wh..wh..opq": 'file ""' },
  });
  check("INV-9 nor after any later rename", {
    base, do: [rm("/d"), mkdir("/d"), mv("/d", "/q"), mkdir("/d"), mv("/q", "/empty")],
    merged: { ...without(all, "/d"), "/d/": "" },
  });
  check("errors", { base, do: [mkdir("/d"), mkdir("/a"), mkdir("/a/b"), mkdir("/no/b"), mkdir("/"), mkdir("/.wh.x")], codes: ["EEXIST", "EEXIST", "ENOTDIR", "ENOENT", "EEXIST", "EINVAL"], upper: {} });
  check("in an added directory there is no marker", {
    base, do: [mkdir("/n"), mkdir("/n/m")], upper: { "n": "dir", "n/.wh..wh..opq": 'file ""', "n/m": "dir" },
  });
});

describe("rename of files", () => {
  check("a lower file", { base, do: [mv("/a", "/b")], merged: { ...without(all, "/a"), "/b": "A" }, upper: { ".wh.a": 'file ""', "b": 'file "A"' } });
  check("and back: the void whiteout goes", { base, do: [mv("/a", "/b"), mv("/b", "/a")], merged: all, upper: { "a": 'file "A"' } });
  check("INV-7 over a lower file", { base, do: [mv("/a", "/d/x")], merged: { ...without(all, "/a"), "/d/x": "A" } });
  check("over an upper file", { base, do: [write("/n", "N"), mv("/n", "/a")], merged: { ...all, "/a": "N" } });
  check("without overwrite", { base, do: [mv("/a", "/d/x", { overwrite: false })], codes: ["EEXIST"], merged: all, upper: {} });
  check("two names of one file: nothing happens", { base, do: [ln("/a", "/b"), mv("/a", "/b")], merged: { ...all, "/b": "A" } });
  check("a name onto itself", { base, do: [mv("/a", "/a"), mv("/d", "/d")], merged: all });
  check("a symlink", { base, do: [mv("/l", "/m")], merged: { ...without(all, "/l"), "/m": "-> a" } });
  check("errors", {
    base,
    do: [mv("/none", "/b"), mv("/a", "/d"), mv("/d", "/a"), mv("/a", "/no/b"), mv("/a", "/a/b"), mv("/a", "/.wh.b"), mv("/", "/b"), mv("/a", "/"), mv("/d/x", "/d")],
    codes: ["ENOENT", "EISDIR", "ENOTDIR", "ENOENT", "ENOTDIR", "EINVAL", "EBUSY", "EBUSY", "ENOTEMPTY"], merged: all,
  });
});

describe("rename of directories", () => {
  const moved = { ...without(all, "/d"), "/q/": "", "/q/e/": "", "/q/e/z": "Z", "/q/x": "X", "/q/y": "Y" };
  check("a lower directory costs one redirect", {
    base, do: [mv("/d", "/q")], merged: moved, upper: { ".wh.d": 'file ""', "q": "dir", "q/.wh..wh..redirect": 'file "/d"' },
  });
  check("with edits and deletions in it", {
    base, do: [append("/d/x", "+"), unlink("/d/y"), mv("/d", "/q")], merged: { ...without(moved, "/q/y"), "/q/x": "X+" },
  });
  check("twice: the redirect still names where it came from", { base, do: [mv("/d", "/q"), mv("/q", "/r"), append("/r/x", "+")], merged: { ...without(all, "/d"), "/r/": "", "/r/e/": "", "/r/e/z": "Z", "/r/x": "X+", "/r/y": "Y" } });
  check("and back", { base, do: [mv("/d", "/q"), mv("/q", "/d")], merged: all });
  check("a child moved out of a renamed directory gets the lower path through the redirect", {
    base, do: [mv("/d", "/q"), mv("/q/e", "/e")], merged: { ...without(moved, "/q/e"), "/e/": "", "/e/z": "Z" },
  });
  check("a deleted child does not come back when its parent is renamed", { base, do: [rm("/d/e"), mv("/d", "/q")], merged: without(moved, "/q/e") });
  check("a new directory at the old name is empty, also after another rename", {
    base, do: [mv("/d", "/q"), mkdir("/d"), mv("/d", "/r")], merged: { ...moved, "/r/": "" },
  });
  check("over an empty directory", { base, do: [mv("/d", "/empty")], merged: { ...without(all, "/d", "/empty"), "/empty/": "", "/empty/e/": "", "/empty/e/z": "Z", "/empty/x": "X", "/empty/y": "Y" } });
  check("over a directory that looks empty", {
    base, do: [mkdir("/n"), write("/n/f", "F"), unlink("/d/e/z"), mv("/n", "/d/e")], merged: { ...without(all, "/d/e/z"), "/d/e/f": "F" },
  });
  check("an added directory into a merged one is opaque there", {
    base: { "d/n/old": "old" }, do: [mkdir("/n"), write("/n/f", "F"), rm("/d/n"), mv("/n", "/d/n")], merged: { "/d/": "", "/d/n/": "", "/d/n/f": "F" },
  });
  check("errors", { base, do: [mv("/d", "/d/e/q"), mv("/d", "/d/q"), mv("/empty", "/d"), mv("/d/e", "/d")], codes: ["EINVAL", "EINVAL", "ENOTEMPTY", "ENOTEMPTY"], merged: all });
});

describe("symlinks, hard links, attributes, copies", () => {
  check("make a symlink", { base, do: [symlink("d/x", "/s"), append("/s", "+")], merged: { ...all, "/s": "-> d/x", "/d/x": "X+" } });
  check("symlinks: errors", { base, do: [symlink("", "/s"), symlink("x", "/a"), symlink("loop", "/loop"), read("/loop")], codes: ["ENOENT", "EEXIST", "ok", "ELOOP"] });
  check("through a dangling symlink a file is made", { base: { s: { symlink: "t" } }, do: [write("/s", "T")], merged: { "/s": "-> t", "/t": "T" } });
  check("hard links share content, a lower is copied up first", { base, do: [ln("/a", "/b"), append("/a", "+")], merged: { ...all, "/a": "A+", "/b": "A+" } });
  check("hard links: errors", { base, do: [ln("/d", "/b"), ln("/none", "/b"), ln("/a", "/d/x")], codes: ["EPERM", "ENOENT", "EEXIST"], merged: all });
  check("chmod of a lower file copies up", { base, do: [chmod("/a", 0o600), chmod("/d", 0o700), chmod("/none", 0o600), chmod("/a", 0o10000)], codes: ["ok", "ok", "ENOENT", "EINVAL"], merged: all });
  check("copy of a file and of a folder", {
    base, do: [append("/d/x", "+"), unlink("/d/y"), cp("/d", "/c"), cp("/a", "/b")],
    merged: { ...without(all, "/d/y"), "/b": "A", "/d/x": "X+", "/c/": "", "/c/e/": "", "/c/e/z": "Z", "/c/x": "X+" },
  });
  check("copy: errors and overwrite", {
    base, do: [cp("/d", "/d/c"), cp("/a", "/d/x"), cp("/a", "/d/x", { overwrite: true }), cp("/none", "/b"), cp("/empty", "/d", { overwrite: true })],
    codes: ["EINVAL", "EEXIST", "ok", "ENOENT", "ok"], merged: { ...without(all, "/d"), "/d/": "" },
  });
});

describe("names that are markers", () => {
  check("nobody creates one", {
    base, do: [write("/.wh.a", ""), mkdir("/d/.wh..wh..opq"), symlink("a", "/.wh.s"), mv("/a", "/.wh.a"), (o) => o.open("/.wh.x", "w")],
    codes: ["EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL"], merged: all, upper: {},
  });
  check("the base's own are visible and read-only", {
    base: { ".wh.a": "W", ".wh.d/f": "F", "a": "A" },
    do: [read("/.wh.a"), write("/.wh.a", ""), unlink("/.wh.a"), write("/.wh.d/f", ""), unlink("/.wh.d/f"), mv("/.wh.a", "/b"), chmod("/.wh.d", 0o700)],
    codes: ["ok", "EROFS", "EROFS", "EROFS", "EROFS", "EROFS", "EROFS"], merged: { "/.wh.a": "W", "/.wh.d/": "", "/.wh.d/f": "F", "/a": "A" }, upper: {},
  });
  const long = "n".repeat(252);
  check("names too long to be hidden can be read and edited", {
    base: { [long]: "L", [`d/${long}/f`]: "F" }, do: [read(`/${long}`), unlink(`/${long}`), mv(`/${long}`, "/b"), rm(`/d/${long}`), append(`/${long}`, "+")],
    codes: ["ok", "ENAMETOOLONG", "ENAMETOOLONG", "ENAMETOOLONG", "ok"],
  });
});

describe("reset", () => {
  check("an edited, a deleted, an added, a replaced entry", {
    base, do: [append("/a", "+"), reset("/a"), unlink("/d/x"), reset("/d/x"), write("/n", ""), reset("/n"), rm("/d/e"), mkdir("/d/e"), reset("/d/e")], merged: all, upper: { d: "dir" },
  });
  check("a renamed folder goes back under its old name", { base, do: [mv("/d", "/q"), append("/q/x", "+"), reset("/q")], merged: all });
  check("a renamed file too", { base, do: [mv("/a", "/b"), append("/b", "+"), reset("/b")], merged: all });
  check("where nothing lies below the reason names the folder to reset", {
    base, do: [rm("/d"), reset("/d/x"), mkdir("/d"), mkdir("/d/n"), write("/d/n/f", ""), reset("/d/n/f"), reset("/none")], codes: ["ok", "EINVAL", "ok", "ok", "ok", "EINVAL", "ENOENT"],
  });
  check("everything", { base, do: [append("/a", "+"), rm("/d"), mkdir("/n"), reset(), write("/n", "N")], merged: { ...all, "/n": "N" } });
});

describe("flatten", () => {
  check("redirects become opaque folders with everything in them", {
    base, do: [append("/d/x", "+"), rm("/d/e"), mv("/d", "/q"), (o) => o.flatten()],
    merged: { ...without(all, "/d"), "/q/": "", "/q/x": "X+", "/q/y": "Y" },
    upper: { ".wh.d": 'file ""', "q": "dir", "q/.wh..wh..opq": 'file ""', "q/.wh.e": 'file ""', "q/x": 'file "X+"', "q/y": 'file "Y"' },
  });
  check("a renamed folder in a renamed folder", {
    base, do: [mv("/d/e", "/d/f"), mv("/d", "/q"), mv("/q/f", "/g"), (o) => o.flatten()],
    merged: { ...without(all, "/d"), "/g/": "", "/g/z": "Z", "/q/": "", "/q/x": "X", "/q/y": "Y" },
  });
  check("void whiteouts go", { base, scratch: { "upper/.wh.a": "", "upper/a": "mine" }, do: [(o) => o.flatten()], upper: { a: 'file "mine"' }, merged: { ...all, "/a": "mine" } });
});
