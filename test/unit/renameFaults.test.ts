/** Rename when others come in between (INV-7) and when a step fails (INV-11); what a refusal says; what is told (INV-12). */
import { describe, expect } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { faultCase, type FaultCase, onBase, onScratch, once } from "../support/faultCase.js";
import { empty, leaveOut, mv, opaque, redirect, rm, staged } from "../support/renames.js";

const base = { "a": "A", "b": "B", "d/x": "X", "p/": null, "q/y": "Y" };
const all = { "/a": "A", "/b": "B", "/d/": "", "/d/x": "X", "/p/": "", "/q/": "", "/q/y": "Y" };
const without = leaveOut(all);
const check = (title: string, c: FaultCase) => { faultCase(title, { base, ...c }); };

const toUpper = (path: string) => onScratch("rename", `upper/${path}`);

describe("what a refusal says", () => {
  check("the root, moved", { do: mv("/", "/r"), code: "EBUSY", reason: /root of an overlay cannot be renamed/ });
  check("the root, moved over", { do: mv("/a", "/"), code: "EBUSY", reason: /root of an overlay cannot be renamed/ });
  check("into itself", { do: mv("/d", "/d/e"), code: "EINVAL", reason: /cannot be moved into itself/ });
  check("a special file of the base", { base: { "f": { special: "fifo" }, "d/e/": null }, do: mv("/f", "/d/e/f"), code: "EXDEV", reason: /a fifo of the base cannot be moved/, merged: "unknown" });
  check("what is outside", { base: { out: { symlink: "/elsewhere" } }, elsewhere: { "elsewhere/f": "F" }, do: mv("/out/f", "/f"), code: "EROFS", reason: /outside/ });
  check("to where is outside", { base: { out: { symlink: "/elsewhere" }, a: "A" }, elsewhere: { "elsewhere/f": "F" }, do: mv("/a", "/out/g"), code: "EROFS", reason: /outside/ });
  check("a name that is a marker to us", { base: { ".wh.a": "A" }, do: mv("/.wh.a", "/a"), code: "EROFS" });
  check("a marker's name for a folder", { do: mv("/d", "/.wh.d"), code: "EINVAL" });
  check("a folder's own folder replaced by what is in it", { scratch: { "upper/n/m/f": "F" }, do: mv("/n/m", "/n"), code: "ENOTEMPTY" });
  check("overwriting refused, a folder", { do: mv("/d", "/p", false), code: "EEXIST" });
  const long = "n".repeat(252);
  check("a name too long to be hidden: nothing has been copied up", { base: { [`d/${long}`]: "L", "e/": null }, do: mv(`/d/${long}`, "/e/l"), code: "ENAMETOOLONG" });
  check("the same of a folder", { base: { [`d/${long}/f`]: "L", "e/": null }, do: mv(`/d/${long}`, "/e/l"), code: "ENAMETOOLONG" });
  check("one that only upper has can be moved", { base: {}, scratch: { [`upper/${long}`]: "L", [`upper/${long}d/f`]: "F" }, do: async (o) => { await mv(`/${long}`, "/l")(o); await mv(`/${long}d`, "/d")(o); }, merged: { "/d/": "", "/d/f": "F", "/l": "L" }, upper: { "d": "dir", [`d/${opaque}`]: empty, "d/f": 'file "F"', "l": 'file "L"' } });
});

describe("two names of one file", () => {
  const linked = { base: {}, scratch: { "upper/n": "N", "upper/m": { linkTo: "/scratch/upper/n" }, "upper/o": "N" } } as const;
  check("nothing happens", { ...linked, do: mv("/n", "/m"), events: [] });
  check("nor without overwriting", { ...linked, do: mv("/n", "/m", false), code: "EEXIST" });
  check("two files are not one", { ...linked, do: mv("/n", "/o"), merged: { "/m": "N", "/o": "N" }, upper: { m: 'file "N"', o: 'file "N"' } });
  check("two files of one name each", { base: {}, scratch: { "upper/n": "N", "upper/o": "O" }, do: mv("/n", "/o"), merged: { "/o": "N" }, upper: { o: 'file "N"' } });
  check("it cannot be found out", { ...linked, fail: onScratch("lstat", "upper/n"), do: mv("/n", "/m"), code: "EIO" });
  check("one has just gone: the look under the lock finds out", {
    base: {}, scratch: { "upper/n": "N", "upper/o": "O" }, fail: onScratch("lstat", "upper/o"), error: "ENOENT", times: 1, do: mv("/n", "/o"), merged: { "/o": "N" }, upper: { o: 'file "N"' },
  });
});

describe("INV-12 what is told", () => {
  check("a new name", { do: mv("/b", "/c"), merged: { ...without("/b"), "/c": "B" }, upper: { ".wh.b": empty, "c": 'file "B"' }, events: [{ type: "changed", path: "/b" }, { type: "deleted", path: "/b" }, { type: "created", path: "/c" }] });
  check("a name taken over", { scratch: { "upper/n": "N" }, do: mv("/n", "/b"), merged: { ...all, "/b": "N" }, upper: { b: 'file "N"' }, events: [{ type: "deleted", path: "/n" }, { type: "changed", path: "/b" }] });
  check("a folder", { scratch: { "upper/n/f": "N" }, do: mv("/n", "/m"), merged: { ...all, "/m/": "", "/m/f": "N" }, upper: { "m": "dir", [`m/${opaque}`]: empty, "m/f": 'file "N"' }, events: [{ type: "deleted", path: "/n" }, { type: "created", path: "/m" }] });
  check("a deleted name used again: its whiteout goes", { first: (o) => o.unlink("/b"), do: mv("/a", "/b"), merged: { ...without("/a"), "/b": "A" }, upper: { ".wh.a": empty, "b": 'file "A"' } });
  check("the origin goes with a file", { first: (o) => o.append("/d/x", "+"), do: mv("/d/x", "/z"), merged: { ...without("/d/x"), "/z": "X+" }, upper: { "d": "dir", "d/.wh.x": empty, "z": 'file "X+"' }, then: async (w) => { expect(await w.overlay.changeOf("/z")).toMatchObject({ kind: "renamed", from: "/d/x" }); } });
  check("and with what is in a folder", { first: (o) => o.append("/d/x", "+"), do: async (o) => { await mv("/d", "/z")(o); await mv("/z/x", "/w")(o); }, merged: { ...without("/d"), "/w": "X+", "/z/": "" }, upper: { ".wh.d": empty, "w": 'file "X+"', "z": "dir", [`z/${redirect}`]: 'file "/d"', "z/.wh.x": empty }, then: async (w) => { expect(await w.overlay.changeOf("/w")).toMatchObject({ kind: "renamed", from: "/d/x" }); } });
});

describe("durability full: both folders are forced to the disk", () => {
  check("of a file", { overlay: { durability: "full" }, do: mv("/d/x", "/q/z"), calls: ["syncDirectory upper/d", "syncDirectory upper/q"], merged: { ...without("/d/x"), "/q/z": "X" }, upper: { "d": "dir", "d/.wh.x": empty, "q": "dir", "q/z": 'file "X"' } });
  check("durability none: a redirect is forced all the same", { overlay: { durability: "none" }, do: mv("/d", "/z"), then: (w) => { expect(w.upper()).toHaveProperty([`z/${redirect}`]); }, merged: { ...without("/d"), "/z/": "", "/z/x": "X" }, upper: { ".wh.d": empty, "z": "dir", [`z/${redirect}`]: 'file "/d"' }, fail: (call) => call.name === "handle.sync" && call.layer !== "scratch" });
});

describe("INV-11 a step fails: a file", () => {
  const copied = { first: (o: Overlay) => o.append("/a", "+") };
  check("the rename: the whiteout is taken back", { ...copied, fail: toUpper("c"), do: mv("/a", "/c"), code: "EIO", events: [] });
  check("the rename of one that was void before: that stays", { scratch: { "upper/a": "mine", "upper/.wh.a": "" }, fail: toUpper("c"), do: mv("/a", "/c"), code: "EIO" });
  check("the whiteout", { ...copied, fail: onScratch("create", "upper/.wh.a"), do: mv("/a", "/c"), code: "EIO" });
  check("the look into the base", { ...copied, fail: onBase("lstat", "a"), do: mv("/a", "/c"), code: "EIO" });
  check("the target's whiteout cannot go: void, and logged", { first: async (o) => { await o.append("/a", "+"); await o.unlink("/b"); }, fail: onScratch("unlink", "upper/.wh.b"), do: mv("/a", "/b"), merged: { ...without("/a"), "/b": "A+" }, upper: { ".wh.a": empty, ".wh.b": empty, "b": 'file "A+"' }, logged: /void whiteout of 'b'/ });
  check("the source has gone from the disk", { base: {}, scratch: { "upper/n": "N", "upper/s/f": "F" }, first: (_, w) => { w.disk.unlink("/scratch/upper/n"); }, do: mv("/n", "/s/n"), code: "ENOENT", merged: { "/s/": "", "/s/f": "F" }, upper: { "s": "dir", "s/f": 'file "F"' } });
});

describe("INV-11 a step fails: a folder", () => {
  const full = { base: { "d/x": "X", "p/": null }, scratch: { "upper/p/.wh.z": "" }, do: mv("/d", "/p") } as const;
  check("its redirect cannot be staged", { ...full, fail: (call) => call.name === "handle.sync", code: "EIO", merged: "unknown", upper: { "d": "dir", "p": "dir", "p/.wh.z": empty } });
  check("its redirect cannot be put in", { ...full, first: (o) => o.chmod("/d", 0o700), fail: toUpper(`d/${redirect}`), code: "EIO" });
  const undone = { "d": "dir", [`d/${redirect}`]: 'file "/d"', "p": "dir", "p/.wh.z": empty };
  const first = (o: Overlay) => o.chmod("/d", 0o700);
  check("the target's whiteout", { ...full, first, fail: onScratch("create", "upper/.wh.p"), code: "EIO", upper: undone });
  check("the empty folder cannot be moved aside", { ...full, first, fail: (call) => call.name === "rename" && call.path.startsWith("work/"), code: "EIO", upper: undone });
  check("the source's whiteout: the empty folder comes back", { ...full, first, fail: onScratch("create", "upper/.wh.d"), code: "EIO", upper: undone });
  check("the rename itself: all comes back", { ...full, first, fail: toUpper("p"), times: 1, code: "EIO", upper: undone, events: [] });
  check("an opaque mark", { scratch: { "upper/n/f": "N" }, fail: onScratch("create", `upper/n/${opaque}`), do: mv("/n", "/d/n"), code: "EIO", merged: "unknown", upper: { "d": "dir", "n": "dir", "n/f": 'file "N"' } });
});

describe("what a folder says of its lower when it moves", () => {
  check("one that only upper has, within what only upper has: nothing", { base: {}, first: async (o) => { await o.createDirectory("/t"); await o.createDirectory("/t/n"); }, do: mv("/t/n", "/t/m"), merged: { "/t/": "", "/t/m/": "" }, upper: { "t": "dir", [`t/${opaque}`]: empty, "t/m": "dir" } });
  check("it stays opaque", { first: (o) => o.createDirectory("/n"), do: mv("/n", "/d/n"), merged: { ...all, "/d/n/": "" }, upper: { "d": "dir", "d/n": "dir", [`d/n/${opaque}`]: empty }, never: onScratch("create", `upper/n/${opaque}`) });
  check("a redirect stays, and is not written again", { first: mv("/d", "/e"), do: mv("/e", "/f"), merged: { ...without("/d"), "/f/": "", "/f/x": "X" }, upper: { ".wh.d": empty, "f": "dir", [`f/${redirect}`]: 'file "/d"' }, never: (call) => call.path.startsWith("work/") && call.name === "create" });
  check("over an empty folder that only the base has: its place is not touched", { do: mv("/d", "/p"), merged: { ...without("/d", "/p"), "/p/": "", "/p/x": "X" }, upper: { ".wh.d": empty, "p": "dir", [`p/${redirect}`]: 'file "/d"' }, never: onScratch("create", "upper/.wh.p") });
  check("its times stay when it is marked", { scratch: { "upper/n/f": "N" }, first: (o) => o.utimes("/n", 5, 5), do: mv("/n", "/m"), merged: { ...all, "/m/": "", "/m/f": "N" }, upper: { "m": "dir", [`m/${opaque}`]: empty, "m/f": 'file "N"' }, then: async (w) => { expect((await w.overlay.stat("/m")).mtimeMs).toBe(5000); } });
  check("also when it gets a redirect", { first: (o) => o.utimes("/d", 5, 5), do: mv("/d", "/m"), merged: { ...without("/d"), "/m/": "", "/m/x": "X" }, upper: { ".wh.d": empty, "m": "dir", [`m/${redirect}`]: 'file "/d"' }, then: async (w) => { expect((await w.overlay.stat("/m")).mtimeMs).toBe(5000); } });
});

describe("for an ordinary user, out of and into folders that may not be written to", () => {
  const ro = { directory: true, mode: 0o555 } as const;
  const ordinary = { base: {}, disk: { uid: 1000 }, scratch: { "upper/r/f": "F", "upper/r/s/g": "G", "upper/t/h": "H", "upper/r/s": ro, "upper/r": ro, "upper/t": ro } } as const;
  const then: FaultCase["then"] = async (w) => { for (const path of ["/r", "/t"]) expect((await w.overlay.stat(path)).mode).toBe(0o555); };
  const rest = { "/r/": "", "/r/f": "F", "/t/": "", "/t/h": "H" };
  const restOfUpper = { "r": "dir", "r/f": 'file "F"', "t": "dir", "t/h": 'file "H"' };
  check("a file", { ...ordinary, do: mv("/r/f", "/t/f"), then, merged: { "/r/": "", "/r/s/": "", "/r/s/g": "G", "/t/": "", "/t/f": "F", "/t/h": "H" }, upper: { "r": "dir", "r/s": "dir", "r/s/g": 'file "G"', "t": "dir", "t/f": 'file "F"', "t/h": 'file "H"' } });
  check("a file, within one", { ...ordinary, do: mv("/t/h", "/t/i"), then, merged: { "/r/": "", "/r/f": "F", "/r/s/": "", "/r/s/g": "G", "/t/": "", "/t/i": "H" }, upper: { "r": "dir", "r/f": 'file "F"', "r/s": "dir", "r/s/g": 'file "G"', "t": "dir", "t/i": 'file "H"' } });
  check("a folder", { ...ordinary, do: mv("/r/s", "/t/s"), then: async (w) => { await then(w); expect((await w.overlay.stat("/t/s")).mode).toBe(0o555); }, merged: { ...rest, "/t/s/": "", "/t/s/g": "G" }, upper: { ...restOfUpper, "t/s": "dir", "t/s/g": 'file "G"' } });
});

describe("INV-7 others come in between: a file", () => {
  const during = (act: (o: Overlay) => unknown) => ({ meanwhile: once(staged, act) });
  const moved = { ".wh.a": empty, "c": 'file "A"' };
  check("the target is made: it is overwritten", { ...during((o) => o.symlink("s", "/c")), do: mv("/a", "/c"), merged: { ...without("/a"), "/c": "A" }, upper: moved });
  check("the target is made, and must not be overwritten", { ...during((o) => o.symlink("s", "/c")), do: mv("/a", "/c", false), code: "EEXIST", merged: { ...all, "/c": "-> s" }, upper: { a: 'file "A"', c: "symlink -> s" } });
  check("the target becomes a folder", { ...during((o) => o.createDirectory("/c")), do: mv("/a", "/c"), code: "EISDIR", merged: { ...all, "/c/": "" }, upper: { "a": 'file "A"', "c": "dir", [`c/${opaque}`]: empty } });
  check("the target is deleted", { ...during((o) => o.unlink("/b")), do: mv("/a", "/b"), merged: { ...without("/a"), "/b": "A" }, upper: { ".wh.a": empty, "b": 'file "A"' } });
  check("the target is copied up", { ...during((o) => o.append("/b", "+")), do: mv("/a", "/b"), merged: { ...without("/a"), "/b": "A" }, upper: { ".wh.a": empty, "b": 'file "A"' } });
  check("the source is deleted", { ...during((o) => o.unlink("/a")), do: mv("/a", "/c"), code: "ENOENT", merged: without("/a"), upper: { ".wh.a": empty } });
  check("the source becomes a folder, which is moved", { ...during(async (o) => { await o.unlink("/a"); await o.createDirectory("/a"); }), do: mv("/a", "/c"), merged: { ...without("/a"), "/c/": "" }, upper: { ".wh.a": empty, "c": "dir", [`c/${opaque}`]: empty } });
  check("the target's folder goes", { ...during(rm("/q")), do: mv("/a", "/q/c"), code: "ENOENT", merged: without("/q"), upper: { ".wh.q": empty, "a": 'file "A"' } });
  check("the target's folder moves", { ...during(mv("/q", "/r")), do: mv("/a", "/q/c"), merged: { ...without("/a", "/q"), "/r/": "", "/r/c": "A", "/r/y": "Y" }, upper: { ".wh.a": empty, ".wh.q": empty, "r": "dir", [`r/${redirect}`]: 'file "/q"', "r/c": 'file "A"' } });
  check("the source's folder goes", { ...during(rm("/d")), do: mv("/d/x", "/c"), code: "ENOENT", merged: without("/d"), upper: { ".wh.d": empty } });
});

describe("INV-7 others come in between: a folder", () => {
  const during = (act: (o: Overlay) => unknown) => ({ meanwhile: once(staged, act) });
  check("the empty target is filled", { ...during((o) => o.createDirectory("/p/n")), do: mv("/d", "/p"), code: "ENOTEMPTY", merged: { ...all, "/p/n/": "" }, upper: { "d": "dir", "p": "dir", "p/n": "dir", [`p/n/${opaque}`]: empty } });
  check("the target becomes a file", { ...during(async (o) => { await o.rmdir("/p"); await o.symlink("s", "/p"); }), do: mv("/d", "/p"), code: "ENOTDIR", merged: { ...without("/p/"), "/p": "-> s" }, upper: { "d": "dir", "p": "symlink -> s" } });
  check("the target is made, and must not be overwritten", { ...during((o) => o.createDirectory("/c")), do: mv("/d", "/c", false), code: "EEXIST", merged: { ...all, "/c/": "" }, upper: { "c": "dir", [`c/${opaque}`]: empty, "d": "dir" } });
  check("the source is deleted", { ...during(rm("/d")), do: mv("/d", "/c"), code: "ENOENT", merged: without("/d"), upper: { ".wh.d": empty } });
  check("the source is moved", { ...during(mv("/d", "/e")), do: mv("/d", "/c"), code: "ENOENT", merged: { ...without("/d"), "/e/": "", "/e/x": "X" }, upper: { ".wh.d": empty, "e": "dir", [`e/${redirect}`]: 'file "/d"' } });
  check("the source is moved, and another made", { ...during(async (o) => { await mv("/d", "/e")(o); await o.createDirectory("/d"); }), do: mv("/d", "/c"), merged: { ...without("/d"), "/c/": "", "/e/": "", "/e/x": "X" }, upper: { ".wh.d": empty, "c": "dir", [`c/${opaque}`]: empty, "e": "dir", [`e/${redirect}`]: 'file "/d"' } });
  check("the source becomes a file, which is moved", { ...during(async (o) => { await rm("/d")(o); await o.symlink("s", "/d"); }), do: mv("/d", "/c"), merged: { ...without("/d"), "/c": "-> s" }, upper: { ".wh.d": empty, "c": "symlink -> s" } });
  check("the target's folder goes", { ...during(rm("/q")), do: mv("/d", "/q/c"), code: "ENOENT", merged: without("/q"), upper: { ".wh.q": empty, "d": "dir" } });
  check("the target's folder is replaced", { ...during(async (o) => { await rm("/q")(o); await o.createDirectory("/q"); }), do: mv("/d", "/q/c"), merged: { ...without("/d", "/q/y"), "/q/c/": "", "/q/c/x": "X" }, upper: { ".wh.d": empty, "q": "dir", [`q/${opaque}`]: empty, "q/c": "dir", [`q/c/${redirect}`]: 'file "/d"' } });
  check("the target's folder moves into the source", { ...during(mv("/q", "/d/q")), do: mv("/d", "/q/c"), code: "ENOENT", merged: { ...without("/q"), "/d/q/": "", "/d/q/y": "Y" }, upper: { ".wh.q": empty, "d": "dir", "d/q": "dir", [`d/q/${redirect}`]: 'file "/q"' } });
});
