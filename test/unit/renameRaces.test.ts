/** Rename when a folder on the way is replaced, moved, copied up or read again by others meanwhile (INV-7); names in another case. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { faultCase, type FaultCase, onBase, onScratch, once } from "../support/faultCase.js";
import { gate } from "../support/layers/hooks.js";
import { codeOf, World } from "../support/world.js";
import { empty, leaveOut, mv, opaque, redirect, rm, staged } from "../support/renames.js";

const base = { "a": "A", "b": "B", "d/x": "X", "d/y": "Y", "p/": null, "q/y": "Y" };
const all = { "/a": "A", "/b": "B", "/d/": "", "/d/x": "X", "/d/y": "Y", "/p/": "", "/q/": "", "/q/y": "Y" };
const without = leaveOut(all);
const check = (title: string, c: FaultCase) => { faultCase(title, { base, ...c }); };
const during = (act: (o: Overlay, w: World) => unknown) => ({ meanwhile: once(staged, act) });
const replaced = (path: string) => async (o: Overlay) => { await rm(path)(o); await o.createDirectory(path); };

describe("a folder on the way is replaced", () => {
  check("the target's, of a file", { ...during(replaced("/q")), do: mv("/a", "/q/c"), merged: { ...without("/a", "/q"), "/q/": "", "/q/c": "A" }, upper: { ".wh.a": empty, "q": "dir", [`q/${opaque}`]: empty, "q/c": 'file "A"' } });
  check("the source's, of a file", {
    ...during(async (o) => { await replaced("/d")(o); await o.symlink("s", "/d/x"); }), do: mv("/d/x", "/c"),
    merged: { ...without("/d"), "/c": "-> s", "/d/": "" }, upper: { "c": "symlink -> s", "d": "dir", [`d/${opaque}`]: empty },
  });
  check("the source's, and the same folder put back into the new one", {
    base: { "d/e/z": "Z" },
    ...during(async (o) => { await mv("/d/e", "/t")(o); await replaced("/d")(o); await mv("/t", "/d/e")(o); }), do: mv("/d/e", "/c"),
    merged: { "/c/": "", "/c/z": "Z", "/d/": "" }, upper: { "c": "dir", [`c/${redirect}`]: 'file "/d/e"', "d": "dir", [`d/${opaque}`]: empty },
  });
  check("a file that hid a folder of the base is reset: it is not hidden again", {
    scratch: { "upper/p": "P" }, ...during((o) => o.reset("/p")), do: mv("/a", "/p"), code: "EISDIR", merged: all, upper: { a: 'file "A"' },
  });
});

describe("a folder on the way is being copied up: look again", () => {
  test.each<[string, (o: Overlay) => Promise<unknown>, Record<string, string>]>([
    ["the source's", mv("/d/y", "/c"), { ...without("/d/y"), "/c": "Y" }],
    ["the target's", mv("/a", "/d/c"), { ...without("/a"), "/d/c": "A" }],
    ["the source itself", mv("/d", "/c"), { ...without("/d"), "/c/": "", "/c/x": "X", "/c/y": "Y" }],
  ])("%s", async (_, run, merged) => {
    let armed = false; // opening stages an upper, too
    const held = gate((call) => armed && call.name === "chmod" && call.path.startsWith("work/"));
    const world = await World.create({ base, hook: held.hook });
    armed = true;
    const other = world.overlay.chmod("/d", 0o750);
    await held.reached;
    const rename = codeOf(run(world.overlay));
    for (let i = 0; i < 200; i++) await Promise.resolve();
    held.open();
    expect(await rename).toBe("ok");
    await codeOf(other);
    expect(await world.merged()).toEqual(merged);
    expect(await (await world.reopened()).merged()).toEqual(merged);
    expect(world.work()).toEqual([]);
  });
});

describe("a folder on the way has to be read again: under the lock, without waiting for it", () => {
  /** By hand, so that the node of /q is given up when somebody meets it. */
  const forgotten = async (o: Overlay, w: World) => {
    w.disk.unlink("/scratch/upper/q/s/f");
    w.disk.removeDirectory("/scratch/upper/q/s");
    expect(await codeOf(o.unlink("/q/s/f"))).toBe("ENOENT");
  };
  const scratch = { "upper/q/s/f": "F", "upper/q/e/g": "G" };
  check("the target's", { scratch, ...during(forgotten), do: mv("/d", "/q/c"), merged: { ...without("/d"), "/q/c/": "", "/q/c/x": "X", "/q/c/y": "Y", "/q/e/": "", "/q/e/g": "G" }, upper: { ".wh.d": empty, "q": "dir", "q/c": "dir", [`q/c/${redirect}`]: 'file "/d"', "q/e": "dir", "q/e/g": 'file "G"' } });
  check("the source's", { base: { ...base, "q/l/z": "Z" }, scratch, ...during(forgotten), do: mv("/q/l", "/c"), merged: { ...all, "/c/": "", "/c/z": "Z", "/q/e/": "", "/q/e/g": "G" }, upper: { "c": "dir", [`c/${redirect}`]: 'file "/q/l"', "q": "dir", "q/.wh.l": empty, "q/e": "dir", "q/e/g": 'file "G"' } });
  check("of what is deleted", { base: { ...base, "q/l/z": "Z" }, scratch, meanwhile: once(onBase("lstat", "q/l"), forgotten), do: rm("/q/l"), merged: { ...all, "/q/e/": "", "/q/e/g": "G" }, upper: { "q": "dir", "q/.wh.l": empty, "q/e": "dir", "q/e/g": 'file "G"' } });
});

describe("what is seen of it", () => {
  const times = async (w: World, ...paths: string[]) => Promise.all(paths.map(async (path) => (await w.overlay.stat(path)).mtimeMs));
  check("both folders' times change: of a file", { first: async (o) => { await o.utimes("/d", 5, 5); await o.utimes("/q", 5, 5); }, do: mv("/d/x", "/q/x"), merged: { ...without("/d/x"), "/q/x": "X" }, upper: { "d": "dir", "d/.wh.x": empty, "q": "dir", "q/x": 'file "X"' }, then: async (w) => { for (const time of await times(w, "/d", "/q")) expect(time).not.toBe(5000); } });
  check("INV-8 while a failure is undone, the empty folder is back before its whiteout goes", {
    base: { "d/x": "X", "p/z": "Z" }, scratch: { "upper/p/.wh.z": "" }, first: (o) => o.chmod("/d", 0o700), fail: onScratch("rename", "upper/p"), times: 1, do: mv("/d", "/p"), code: "EIO",
    meanwhile: (call, w) => { if (onScratch("rename", "upper/p")(call) && call.args[0] !== "upper/d") expect(w.upper()).toHaveProperty([".wh.p"]); },
    upper: { "d": "dir", [`d/${redirect}`]: 'file "/d"', "p": "dir", "p/.wh.z": empty },
  });
  check("a name that is a marker to us: refused before its folder is copied up", { base: { "d/.wh.a": "W" }, do: mv("/d/.wh.a", "/c"), code: "EROFS" });
  check("a symlink is moved over, not what it names", { base: { "d/x": "X", "p": { symlink: "q" }, "q/": null }, do: mv("/d", "/p"), code: "ENOTDIR" });
});

describe("where case does not count", () => {
  const caseless = { base: {}, overlay: { caseSensitive: false }, disk: { caseSensitive: false }, scratch: { "upper/a": "A", "upper/b": "B" } } as const;
  check("another file is in the way", { ...caseless, do: mv("/a", "/b", false), code: "EEXIST" });
  check("the same name is the same name", { ...caseless, do: mv("/a", "/a"), events: [], never: (call) => call.name === "rename" });
  check("and refused without overwriting", { ...caseless, do: mv("/a", "/a", false), code: "EEXIST" });
  check("another case is another name", { ...caseless, do: mv("/a", "/A", false), merged: { "/A": "A", "/b": "B" }, upper: { A: 'file "A"', b: 'file "B"' } });
});
