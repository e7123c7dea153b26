/** The pure parts of a search: globs, patterns, matches, previews, ignore lines, the compact list and the fuzzy match. */
import { describe, expect, test } from "vitest";
import { FileList } from "../../src/search/fileList.js";
import { encodingLabel, textFlags } from "../../src/search/flags.js";
import { fold, maskOf, noMatch, Placer } from "../../src/search/fuzzy.js";
import { expandBraces, globLines } from "../../src/search/globs.js";
import { composeIgnoreFiles } from "../../src/search/ignoreRules.js";
import { contextOf, type Lines, matchesOf } from "../../src/search/matches.js";
import { PathFilter } from "../../src/search/pathFilter.js";
import { patternOf } from "../../src/search/pattern.js";

describe("globs", () => {
  test("braces are taken apart, nested ones too; one without its other one stands for itself", () => {
    expect(expandBraces("{a,b/{c,d}}/*")).toEqual(["a/*", "b/c/*", "b/d/*"]);
    expect(expandBraces("a{b,c")).toEqual(["a{b,c"]);
    expect(expandBraces("[{]a,b}")).toEqual(["[{]a,b}"]);
  });

  test("what begins with a folder prunes all others, and opens those on the way", () => {
    expect(globLines(["src/*/x.ts"], [])).toEqual(["!*", "/src/", "/src/*/", "/src/*/x.ts"]);
    expect(globLines(["src/**/x.ts"], [])).toEqual(["!*", "/src/", "/src/**/x.ts"]);
  });

  test("where one include may be anywhere nothing is pruned; '**' leaves nothing out", () => {
    expect(globLines(["src/x", "**/*.ts"], [])).toEqual(["/src/", "/src/x", "/**/*.ts"]);
    expect(globLines(["**", "src/x"], ["**/.git", "out/{a,b}"])).toEqual(["!/**/.git", "!/out/a", "!/out/b"]);
  });

  test("below the folder in which ripgrep runs", () => {
    expect(globLines(["a/b"], ["*.c"], "x [y]")).toEqual(["!*", "/x \\[y\\]/", "/x \\[y\\]/a/", "/x \\[y\\]/a/b", "!/x \\[y\\]/*.c"]);
  });
});

describe("patterns", () => {
  const text = (pattern: string, more: object = { isRegExp: true }): string => patternOf({ pattern, ...more }).text;
  test("a literal stays one, unless words or lines are asked for", () => {
    expect(patternOf({ pattern: "a.b" })).toEqual({ text: "a.b", kind: "literal" });
    expect(text("a.b", { isWordMatch: true })).toBe("\\ba\\.b\\b");
    expect(text("(a)", { isWordMatch: true })).toBe("\\(a\\)");
    expect(text("a\nb.", { isMultiline: true })).toBe("a\\r?\\nb\\.");
  });

  test("line ends meet those of Windows, but for look-behinds, whose length is fixed", () => {
    expect(text("a\\nb")).toBe("a\\r?\\nb");
    expect(text("a\\\\nb")).toBe("a\\\\nb");
    expect(text("(?<=a\\n)b\\n")).toBe("(?<=a\\n)b\\r?\\n");
    expect(text("[^\\n]")).toBe("[^\\r\\n]");
    expect(text("[a\\n]")).toBe("(?:[a\\n]|\\r\\n)");
    expect(text("[^]\\n]")).toBe("[^]\\r\\n]");
  });

  test("characters by number are those of both engines", () => {
    expect(text("\\u00e9\\u{1f600}\\\\u00e9")).toBe("\\x{00e9}\\x{1f600}\\\\u00e9");
  });

  test("a pattern that begins with a dash is no flag, and encodings have the web's names", () => {
    expect(textFlags({ pattern: "--files" }, {}).at(-1)).toBe("--regexp=--files");
    expect(["utf8", "utf8bom", "utf16le", "windows1252", "iso88592", "shiftjis", "gbk"].map(encodingLabel)).toEqual([undefined, undefined, "utf-16le", "windows-1252", "iso-8859-2", "shift_jis", "gbk"]);
  });
});

describe("matches", () => {
  const whole = { lines: Infinity, chars: Infinity };
  const lines = (text: string, submatches: readonly (readonly [string, number?])[], line = 1): Lines => ({
    path: { text: "a" }, lines: { text }, line_number: line,
    submatches: submatches.map(([part, after = 0]) => {
      const at = text.indexOf(part, after);
      const start = Buffer.byteLength(text.slice(0, at));
      return { start, end: start + Buffer.byteLength(part) };
    }),
  });
  const ranges = (data: Lines, limits = whole) => matchesOf(data, "/a", limits, Infinity).map(({ preview, ranges: all }) => ({
    preview, at: all.map(({ source: s, preview: p }) => `${String(s.startLine)}:${String(s.startColumn)}-${String(s.endLine)}:${String(s.endColumn)} ${String(p.startLine)}:${String(p.startColumn)}-${String(p.endLine)}:${String(p.endColumn)}`),
  }));

  test("columns are UTF-16 units, whatever stands before", () => {
    expect(ranges(lines("\u{1f600}é one, one\r\n", [["one"], ["one", 7]], 3))).toEqual([{ preview: "\u{1f600}é one, one", at: ["2:4-2:7 0:4-0:7", "2:9-2:12 0:9-0:12"] }]);
  });

  test("of a line that is no UTF-8, as the editor decodes it", () => {
    const bytes = Buffer.concat([Buffer.from([0xff, 0xe2, 0x82]), Buffer.from(" é one\n")]);
    const data: Lines = { path: { text: "a" }, lines: { bytes: bytes.toString("base64") }, line_number: 1, submatches: [{ start: 7, end: 10 }] };
    expect(ranges(data)).toEqual([{ preview: "\ufffd\ufffd é one", at: ["0:5-0:8 0:5-0:8"] }]);
  });

  test("over several lines, and of them only some are shown", () => {
    const data = lines("a one\ntwo\nthree b\n", [["one\ntwo\nthree"]], 5);
    expect(ranges(data)).toEqual([{ preview: "a one\ntwo\nthree b", at: ["4:2-6:5 0:2-2:5"] }]);
    expect(ranges(data, { lines: 2, chars: 100 })).toEqual([{ preview: "a one\ntwo", at: ["4:2-6:5 0:2-1:3"] }]);
  });

  test("matches of a long line that cannot be shown together come apart", () => {
    const text = `${"x".repeat(50)}one${"y".repeat(50)}two\n`;
    const found = ranges(lines(text, [["one"], ["two"]]), { lines: 1, chars: 20 });
    expect(found.map(({ preview, at }) => [preview.length, at])).toEqual([[20, ["0:50-0:53 0:4-0:7"]], [20, ["0:103-0:106 0:17-0:20"]]]);
    expect(found.every(({ preview }, i) => preview.includes(["one", "two"][i] ?? ""))).toBe(true);
  });

  test("lines beside a match", () => {
    expect(contextOf({ ...lines("b\r\n", []), line_number: 7 }, "/a")).toEqual([{ kind: "context", path: "/a", line: 6, text: "b" }]);
  });
});

describe("ignore files", () => {
  test("as one: weaker kinds first, then what lies higher, each below its own folder", () => {
    const text = composeIgnoreFiles([
      { kind: ".ignore", folder: "", text: "i" },
      { kind: ".gitignore", folder: "a/[b]", text: "x\n!/y/\n# no\n\n\\#z\nq/r  \r\n" },
      { kind: ".gitignore", folder: "", text: "\ufeff*.log" },
      { kind: "exclude", folder: "", text: "e/" },
    ]);
    expect(text.split("\n")).toEqual(["/**/e/", "/**/*.log", "/a/\\[b\\]/**/x", "!/a/\\[b\\]/y/", "/a/\\[b\\]/**/#z", "/a/\\[b\\]/q/r", "/**/i", ""]);
  });

  test("a file in an ignored folder stays ignored, whatever is said of it", () => {
    const filter = new PathFilter({}, "/build/\n!/build/x\n*.log\n!keep.log\n");
    expect(["build/x", "a.log", "d/keep.log", "builds/x"].map((path) => filter.admits(path))).toEqual([false, false, true, true]);
  });

  test("an include admits its own, and an exclude takes from it", () => {
    const filter = new PathFilter({ includes: ["src/**"], excludes: ["**/*.map"] }, "*.gen\n");
    expect(["src/a", "src/a.map", "src/a.gen", "a", "lib/a"].map((path) => filter.admits(path))).toEqual([true, false, true, false, false]);
  });
});

describe("the fuzzy match", () => {
  const place = (typed: string, path: string): { score: number; shown: string } => {
    const exact = Uint16Array.from(path, (c) => c.charCodeAt(0));
    const places: number[] = [];
    const placer = new Placer();
    const nameAt = path.lastIndexOf("/") + 1;
    const inName = placer.inName(fold(typed), typed, fold(path), exact, nameAt, path.length, places);
    const score = inName !== noMatch ? inName : placer.inPath(fold(typed), typed, fold(path), exact, path.length, nameAt, places);
    return { score, shown: Array.from(path).map((c, i) => (places.includes(i) ? c.toUpperCase() : c.toLowerCase())).join("") };
  };
  const order = (typed: string, ...paths: string[]): string[] => [...paths].sort((a, b) => place(typed, b).score - place(typed, a).score);

  test("characters in their order, whatever the case; else no match", () => {
    expect(place("abc", "/a/xbyc").score).not.toBe(noMatch);
    expect(place("acb", "/a/xbyc").score).toBe(noMatch);
    expect(place("FB", "/x/fooBar.ts").shown).toBe("/x/FooBar.ts");
  });

  test("in the file's name before anywhere else, at beginnings of words before the middle, in one piece before apart", () => {
    expect(order("index", "/index/other.ts", "/src/index.ts")[0]).toBe("/src/index.ts");
    expect(order("fb", "/x/offby.ts", "/x/fooBar.ts")[0]).toBe("/x/fooBar.ts");
    expect(order("test", "/test/file.ts", "/x/atxexsxt.ts", "/x/atest.ts", "/x/test.ts")).toEqual(["/x/test.ts", "/x/atest.ts", "/x/atxexsxt.ts", "/test/file.ts"]);
    expect(place("srcind", "/src/app/index.ts").shown).toBe("/SRC/app/INDex.ts");
  });

  test("a mask never rules out what matches", () => {
    for (const [typed, path] of [["a1_", "/A1_"], ["ü", "/x/Über"], ["日", "/日本"]] as const) {
      expect(maskOf(fold(path)) & maskOf(fold(typed))).toBe(maskOf(fold(typed)));
      expect(place(typed, path).score).not.toBe(noMatch);
    }
  });
});

describe("the compact list", () => {
  const all = (list: FileList): string[] => Array.from({ length: list.end }, (_, i) => i).filter((i) => list.isThere(i)).map((i) => list.path(i)).sort();

  test("files and whole folders go, by path; nothing else does", () => {
    const list = new FileList();
    list.add(["/a", "/ab/c", "/a b/ü", "/d/e/f", "/d/e2", "/d/e/g/h"]);
    expect(list.remove(["/d/e", "/a", "/ab", "/nothing"])).toBe(4);
    expect(all(list)).toEqual(["/a b/ü", "/d/e2"]);
    list.add(["/a", "/d/e/f"]);
    expect(all(list)).toEqual(["/a", "/a b/ü", "/d/e/f", "/d/e2"]);
    expect(list.size).toBe(4);
    expect([...list.find(["/d/e/f", "/x"]).keys()]).toEqual(["/d/e/f"]);
  });

  test("holes are closed, and little is taken for a file", () => {
    const list = new FileList();
    const paths = Array.from({ length: 10_000 }, (_, i) => `/packages/p${String(i % 100)}/someFileName${String(i)}.ts`);
    list.add(paths);
    const { generation } = list;
    list.remove(paths.filter((_, i) => i % 2 === 0));
    expect(list.end).toBe(5000);
    expect(list.generation).toBeGreaterThan(generation);
    expect(all(list)).toEqual(paths.filter((_, i) => i % 2 === 1).sort());
    expect(list.bytes / list.size).toBeLessThan(200);
  });
});
