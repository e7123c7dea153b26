// What is searched: globs of the boxes and of settings, and what is typed into Go to File.
import { describe, expect, test } from "vitest";
import { boxGlobs, covers, splitGlobs } from "../../src/vscode/find/globs.ts";
import { parseGoToQuery } from "../../src/vscode/find/goToQuery.ts";
import { Recents } from "../../src/vscode/find/recents.ts";
import { hidingSiblings, rulesFrom, withoutExcludes } from "../../src/vscode/find/rules.ts";

describe("globs", () => {
  test.each<[string, string, boolean]>([
    ["**/*.ts", "a.ts", true], ["**/*.ts", "d/e/a.ts", true], ["*.ts", "d/a.ts", false], ["**/node_modules", "x/node_modules/y/z.js", true],
    ["src/**", "src/a/b", true], ["src/**", "srcs/a", false], ["**/{a,b}.{js,ts}", "d/b.js", true], ["**/{a,b}.js", "c.js", false], ["a?c", "abc", true], ["a?c", "a/c", false],
    ["[a-c].js", "b.js", true], ["[!a].js", "a.js", false], ["[!a].js", "b.js", true], ["a.js", "axjs", false], ["**/a+(b)", "a+(b)", true], ["[z-a].js", "b.js", false],
    ["{a", "{a", true], ["**", "any/where", true], ["**/d/**/x", "d/x", true], ["out/", "out/x", true],
  ])("%s covers %s: %s", (glob, path, is) => {
    expect(covers(glob, path)).toBe(is);
  });

  test("are split at commas that stand in no braces", () => {
    expect(splitGlobs(" *.ts, {a,b}/*.js ,, ")).toEqual(["*.ts", "{a,b}/*.js"]);
  });

  const alone = { name: "base", several: false };
  const oneOfTwo = { name: "base", several: true };

  test.each<[string, string[]]>([
    ["", []],
    ["*.ts", ["**/*.ts", "**/*.ts/**"]],
    ["src", ["**/src", "**/src/**"]],
    ["src/", ["**/src", "**/src/**"]],
    ["./src", ["src", "src/**"]],
    [".\\src\\in", ["src/in", "src/in/**"]],
    ["/top", ["top", "top/**"]],
    [".", ["**"]],
    [".ts", ["**/.ts", "**/.ts/**", "**/*.ts"]],
    ["**/x/**", ["**/x/**"]],
    ["src, src", ["**/src", "**/src/**"]],
  ])("a box with %j means %j", (text, globs) => {
    expect(boxGlobs(text, alone)).toEqual(globs);
  });

  test("among several folders ./name is one of them, and says nothing about the others", () => {
    expect(boxGlobs("./base/src", oneOfTwo)).toEqual(["src", "src/**"]);
    expect(boxGlobs("./base", oneOfTwo)).toEqual(["**"]);
    expect(boxGlobs("./other/src", oneOfTwo)).toBeUndefined();
    expect(boxGlobs("./other/src, *.ts", oneOfTwo)).toEqual(["**/*.ts", "**/*.ts/**"]);
  });
});

describe("rules from the settings", () => {
  const from = (settings: Readonly<Record<string, unknown>>): ReturnType<typeof rulesFrom> => rulesFrom((name) => settings[name]);

  test("both lists of excludes count, and search.exclude has the last word", () => {
    const rules = from({ "files.exclude": { "**/.git": true, "**/a": true, "**/off": false }, "search.exclude": { "**/out": true, "**/a": false } });
    expect(rules.excludes).toEqual(["**/.git", "**/out"]);
  });

  test("an exclude may depend on a sibling", () => {
    const rules = from({ "files.exclude": { "**/*.js": { when: "$(basename).ts" } } });
    expect(rules.excludes).toEqual([]);
    expect(hidingSiblings(rules, "d/a.js")).toEqual(["d/a.ts"]);
    expect(hidingSiblings(rules, "d/a.css")).toEqual([]);
    expect(hidingSiblings(rules, "a.b.js")).toEqual(["a.b.ts"]);
  });

  test("the other ignore files mean nothing without the local ones", () => {
    const all = { "search.useGlobalIgnoreFiles": true, "search.useParentIgnoreFiles": true };
    expect(from(all)).toMatchObject({ useIgnoreFiles: true, useGlobalIgnoreFiles: true, useParentIgnoreFiles: true });
    expect(from({ ...all, "search.useIgnoreFiles": false })).toMatchObject({ useIgnoreFiles: false, useGlobalIgnoreFiles: false, useParentIgnoreFiles: false });
  });

  test("limits, links, case and encoding, with VS Code's defaults for what is no setting", () => {
    expect(from({})).toMatchObject({ followSymlinks: true, smartCase: false, maxResults: 20_000, encoding: undefined });
    expect(from({ "search.maxResults": null, "files.encoding": "utf16le", "search.smartCase": true, "search.followSymlinks": false })).toMatchObject({ maxResults: undefined, encoding: "utf16le", smartCase: true, followSymlinks: false });
    expect(from({ "search.maxResults": "many", "files.encoding": "utf8", "files.exclude": "x", "search.exclude": null })).toMatchObject({ maxResults: 20_000, encoding: undefined, excludes: [] });
  });

  test("without excludes nothing is left out, and the rest stays", () => {
    expect(withoutExcludes(from({ "files.exclude": { a: true, b: { when: "c" } }, "search.smartCase": true })))
      .toMatchObject({ excludes: [], conditional: [], useIgnoreFiles: false, smartCase: true });
  });
});

describe("Go to File", () => {
  test.each<[string, string, number?, number?]>([
    ["a.ts", "a.ts"], ["a.ts:12", "a.ts", 11], ["a.ts:12:3", "a.ts", 11, 2], ["a.ts:", "a.ts"], ["a.ts(12,3)", "a.ts", 11, 2], ["a.ts#7", "a.ts", 6], ["a.ts:12:", "a.ts", 11],
    ["a.ts:0", "a.ts", 0], ["src\\a", "src/a"], [":5", "", 4], [" a ", "a"],
  ])("%j asks for %j", (text, name, line, column) => {
    expect(parseGoToQuery(text)).toEqual({ name, ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) });
  });

  test("recent files are the last ones, each once, and survive what was kept wrongly", () => {
    const recents = new Recents(["b", 1, "a"]);
    expect(recents.note("a")).toBe(true);
    expect(recents.note("a")).toBe(false);
    expect(recents.all()).toEqual(["a", "b"]);
    recents.forget("a");
    expect(recents.all()).toEqual(["b"]);
    for (let i = 0; i < 300; i++) recents.note(String(i));
    expect(recents.all()).toHaveLength(200);
    expect(new Recents("nothing").all()).toEqual([]);
  });
});
