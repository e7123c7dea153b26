// Find in Files, its pure parts: queries in JavaScript, replacing with groups, and where lines are.
import { describe, expect, test } from "vitest";
import { applied, changesFor } from "../../src/vscode/find/replacements.ts";
import { parseReplacement, replacementFor } from "../../src/vscode/find/replacePattern.ts";
import { findIn, groupsAt, isMultiline, toRegExp, withSmartCase, type Query } from "../../src/vscode/find/textQuery.ts";

const query = (pattern: string, more: Partial<Query> = {}): Query => ({ pattern, isRegExp: false, isCaseSensitive: false, isWordMatch: false, ...more });
const regexp = (pattern: string, more: Partial<Query> = {}): Query => query(pattern, { isRegExp: true, ...more });

describe("what a query finds in a text", () => {
  const found = (text: string, asked: Query): string[] => findIn(text, asked, 100).spans.map((span) => [span.startLine, span.startColumn, span.endLine, span.endColumn].join(":"));

  test.each<[string, string, Query, string[]]>([
    ["plain text, whatever its case", "ab AB\r\nxAb", query("ab"), ["0:0:0:2", "0:3:0:5", "1:1:1:3"]],
    ["its case alone", "ab AB", query("AB", { isCaseSensitive: true }), ["0:3:0:5"]],
    ["whole words", "ab abc a-ab", query("ab", { isWordMatch: true }), ["0:0:0:2", "0:9:0:11"]],
    ["what is no word, as a word", "(a) x(a)y", query("(a)", { isWordMatch: true }), ["0:0:0:3", "0:5:0:8"]],
    ["signs of a regular expression as they are", "a.b axb a-b", query("a.b"), ["0:0:0:3"]],
    ["a regular expression in each line", "one\ntwo\n", regexp("^\\w+$"), ["0:0:0:3", "1:0:1:3"]],
    ["nothing across lines that does not ask for it", "a\nb", regexp("a\\sb"), []],
    ["across lines when it asks for it", "xa\nb", regexp("a\\nb"), ["0:1:1:1"]],
    ["an alternative as one word", "ab abc", regexp("ab|abc", { isWordMatch: true }), ["0:0:0:2", "0:3:0:6"]],
    ["columns in UTF-16 units", "😀ab", query("ab"), ["0:2:0:4"]],
    ["no empty match", "abc", regexp("x*"), []],
  ])("%s", (_, text, asked, spans) => {
    expect(found(text, asked)).toEqual(spans);
  });

  test("as many as are asked for, and it says that there are more", () => {
    expect(findIn("a a a", query("a"), 2)).toMatchObject({ limitHit: true, spans: [{ startColumn: 0 }, { startColumn: 2 }] });
    expect(findIn("a a a", query("a"), 3).limitHit).toBe(false);
  });

  test("what is no regular expression is told with its reason, and finds nothing", () => {
    expect(toRegExp(regexp("a("))).toEqual({ problem: "Unterminated group" });
    expect(toRegExp(regexp("a)(?:b", { isWordMatch: true }))).toHaveProperty("problem");
    expect(findIn("a(", regexp("a("), 9).spans).toEqual([]);
  });

  test("a pattern asks for several lines by a line break, written or meant", () => {
    expect([query("a\nb"), regexp("a\\nb"), regexp("\\W")].map(isMultiline)).toEqual([true, true, true]);
    expect([query("a\\nb"), regexp("a\\\\nb"), regexp("ab")].map(isMultiline)).toEqual([false, false, false]);
  });

  test("with smart case a capital letter means it", () => {
    expect(withSmartCase(query("aB"), true).isCaseSensitive).toBe(true);
    expect(withSmartCase(query("ab"), true).isCaseSensitive).toBe(false);
    expect(withSmartCase(query("aB"), false).isCaseSensitive).toBe(false);
  });
});

describe("what is put in a match's place", () => {
  test.each<[string, string, string[], string]>([
    ["groups", "$2-$1", ["ab", "a", "b"], "b-a"],
    ["the whole match, both ways", "[$&][$0]", ["ab"], "[ab][ab]"],
    ["a dollar", "$$1", ["ab", "a"], "$1"],
    ["a group that there is none of", "<$3>", ["ab", "a"], "<>"],
    ["a group and a digit when there are not so many groups", "$13", ["ab", "a"], "a3"],
    ["line breaks and tabs", "a\\n\\tb\\\\n", ["x"], "a\n\tb\\n"],
    ["case of one letter and of all", "\\u$1 \\U$1 \\l$2 \\L$2", ["", "ab", "CD"], "Ab AB cD cd"],
    ["case of two letters, one each", "\\u\\u$1", ["", "abc"], "ABc"],
  ])("%s", (_, text, groups, result) => {
    expect(replacementFor(parseReplacement(text, true), groups)).toBe(result);
  });

  test("without regular expressions it is what was typed", () => {
    expect(replacementFor(parseReplacement("$1\\n", false), ["x"])).toBe("$1\\n");
  });

  test("groups are those of the match where it stands, with what the pattern looks at around it", () => {
    expect(groupsAt("a1 b1", 3, 5, regexp("(?<=a1 )(\\w)(\\d)"))).toEqual(["b1", "b", "1"]);
    expect(groupsAt("a1 b1", 0, 2, regexp("(?<=a1 )(\\w)(\\d)"))).toBeUndefined();
    expect(groupsAt("x\nab\ny", 2, 4, regexp("^(a)b$"))?.[1]).toBe("a");
    expect(groupsAt("x\r\nab\r\ny", 3, 5, regexp("^(a)b$"))?.[1]).toBe("a");
  });

  test("all matches of a text at once, in whatever order they are given", () => {
    const text = "let one = 1;\nlet two = one;\n";
    const { spans } = findIn(text, regexp("\\b(o)(ne)\\b"), 9);
    const { changes, missed } = changesFor(text, [...spans].reverse(), regexp("\\b(o)(ne)\\b"), parseReplacement("$2$1", true));
    expect(applied(text, changes)).toBe("let neo = 1;\nlet two = neo;\n");
    expect(missed).toBe(0);
  });

  test("a match that does not stand there any more is left alone and counted", () => {
    const { spans } = findIn("one two one", query("one"), 9);
    const { changes, missed } = changesFor("one two onX", spans, query("one"), parseReplacement("1", false));
    expect(applied("one two onX", changes)).toBe("1 two onX");
    expect(missed).toBe(1);
    // Twice the same match would be put in twice.
    expect(changesFor("one", [...spans.slice(0, 1), ...spans.slice(0, 1)], query("one"), parseReplacement("1", false))).toMatchObject({ missed: 1, changes: [{ text: "1" }] });
  });
});
