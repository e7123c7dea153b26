/** What `rg --files --null` writes, in pieces of any length, becomes the paths of merged: nothing more, nothing twice. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Area } from "../../src/engine/index.js";
import { lister } from "../../src/search/listing.js";
import { Mapper } from "../../src/search/mapper.js";

/** An area that hides the folder "gone", every file "hidden", and in a folder "x" the file "not in x". */
function area(path: string): Area {
  const below = (folder: string): string => (folder === "" ? path : `${path === "/" ? "" : path}/${folder}`);
  return {
    layer: { kind: "base" }, from: "", path, isEmpty: false, hidden: [],
    directory: (folder) => (/(^|\/)gone(\/|$)/.test(folder) ? undefined : { path: below(folder), showsAll: folder === "all", shows: (name) => name !== "hidden" && name !== `not in ${folder}` }),
  };
}

/** The told paths, written by ripgrep in pieces that end at these places. */
function list(told: readonly (string | Buffer)[], ends: readonly number[] = [], mapper = new Mapper([{ at: "", area: area("/"), physical: "/base" }])): string[] {
  const all = Buffer.concat(told.flatMap((path) => [Buffer.from(path), Buffer.of(0)]));
  const found: string[] = [];
  const receive = lister(mapper, (paths) => { found.push(...paths); return true; });
  const cuts = [0, ...ends.map((end) => end % (all.length + 1)).sort((a, b) => a - b), all.length];
  cuts.slice(1).forEach((end, i) => receive(all.subarray(cuts[i], end)));
  return found;
}

describe("what ripgrep lists", () => {
  test("files of a folder, of those below it and of its neighbours, in turn", () => {
    expect(list(["./a", "./d/a", "./d/b", "./d/e/a", "./d/b2", "./e/a", "./d/c", "./dd/a", "./d", "./.x", "./d/e/f/a"]))
      .toEqual(["/a", "/d/a", "/d/b", "/d/e/a", "/d/b2", "/e/a", "/d/c", "/dd/a", "/d", "/.x", "/d/e/f/a"]);
  });

  test("folders of the same length that differ in one character, wherever it is", () => {
    const folders = Array.from("abcdefghi", (_, i) => `${"abcdefghi".slice(0, i)}X${"abcdefghi".slice(i + 1)}`);
    for (const one of folders) {
      expect(list(["./abcdefghi/a", `./${one}/not in ${one}`, `./${one}/not in abcdefghi`])).toEqual(["/abcdefghi/a", `/${one}/not in abcdefghi`]);
    }
  });

  test("folders after names of more bytes than characters", () => {
    expect(list(["./\u00e9\u00e9\u00e9\u00e9/aaaa", "./d/aaaa", "./e/not in e", "./e/not in d"])).toEqual(["/\u00e9\u00e9\u00e9\u00e9/aaaa", "/d/aaaa", "/e/not in d"]);
  });

  test("what merged does not show is left out, in the midst of a folder as at its ends", () => {
    expect(list(["./d/hidden", "./d/a", "./d/hidden", "./d/b", "./d/hidden", "./gone/a", "./gone/b", "./all/hidden", "./d/c"])).toEqual(["/d/a", "/d/b", "/all/hidden", "/d/c"]);
  });

  test("a name that is no Unicode is left out; U+FFFD of itself is not", () => {
    expect(list(["./d/a", Buffer.from([0x2e, 0x2f, 0x64, 0x2f, 0xff]), "./d/\ufffd", "./d/b"])).toEqual(["/d/a", "/d/\ufffd", "/d/b"]);
    expect(list([Buffer.from([0x2e, 0x2f, 0xff])])).toEqual([]);
  });

  test("a layer at another place", () => {
    const mapper = new Mapper([{ at: "0/new", area: area("/new"), physical: "/base/old" }, { at: "1", area: area("/"), physical: "/base" }]);
    expect(list(["./0/new/a", "./0/new/d/b", "./0/new/d/hidden", "./1/new/a", "./2/a", "./0/a"], [], mapper)).toEqual(["/new/a", "/new/d/b", "/new/a"]);
  });

  test("however it is cut into pieces", () => {
    const name = fc.constantFrom("a", "b", "ab", "hidden", "gone", "all", "\u00e9", "e\u0301", "\u{1f600}", "\u4e2d\u6587", "\ufffd", "a b", ".", "x".repeat(300));
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `./${names.join("/")}`);
    fc.assert(fc.property(fc.array(path, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 8 }), (told, ends) => {
      const shown = told.filter((one) => {
        const folders = one.slice(2).split("/");
        const last = folders.pop();
        return !folders.includes("gone") && (last !== "hidden" || folders.join("/") === "all");
      });
      expect(list(told, ends)).toEqual(shown.map((one) => one.slice(1)));
    }), { numRuns: 500 });
  });
});
