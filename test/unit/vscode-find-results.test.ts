// Find in Files, its pure parts: the results and their order, their rows, and what the view may say.
import { describe, expect, test } from "vitest";
import { emptyForm, parseForm, parseFromView } from "../../src/vscode/find/protocol.ts";
import { compareKeys, Results, rowOf, type NewFile, type NewHit } from "../../src/vscode/find/results.ts";
import { Rows } from "../../src/webview/find/rows.ts";

const file = (path: string): NewFile => ({ uri: `overlay://id/base${path}`, key: path, name: path.split("/").at(-1) ?? "", folder: "" });
const hit = (line: number, column = 0): NewHit => ({ span: { startLine: line, startColumn: column, endLine: line, endColumn: column + 1 }, before: "", inside: "x", after: "" });
const lines = (results: Results): string[] => results.files().map(({ key, hits }) => `${key} ${hits.map(({ span }) => span.startLine).join(",")}`);

describe("results", () => {
  test("are ordered as the view shows them: files before folders, numbers by their value", () => {
    expect(["/b/x", "/a10", "/a2", "/B", "/b/c/y", "/a/z"].sort(compareKeys)).toEqual(["/a2", "/a10", "/B", "/a/z", "/b/x", "/b/c/y"]);
  });

  test("of one file come together, whenever they are found, in the order of its text", () => {
    const results = new Results();
    results.add(file("/b"), [hit(5)]);
    results.add(file("/a"), [hit(1)]);
    results.add(file("/b"), [hit(2), hit(2, 7)]);
    expect(lines(results)).toEqual(["/a 1", "/b 2,2,5"]);
    expect([results.count, results.fileCount]).toEqual([4, 2]);
  });

  test("keep their numbers while others come and go, and a file goes with its last one", () => {
    const results = new Results();
    const { id, hits } = results.add(file("/a"), [hit(1), hit(2)]);
    const [first, second] = hits;
    results.drop(id, [first?.id ?? 0]);
    expect(results.place(id, second?.id ?? 0)?.hit).toBe(second);
    expect(results.place(id, first?.id ?? 0)).toBeUndefined();
    results.drop(id, [second?.id ?? 0]);
    expect([results.count, results.fileCount, results.file(id)]).toEqual([0, 0, undefined]);
  });

  test("of an edited file are those of its text now, under the file's own number", () => {
    const results = new Results();
    const { id } = results.add(file("/a"), [hit(1), hit(2)]);
    expect(results.set(file("/a"), [hit(3)])?.id).toBe(id);
    expect(lines(results)).toEqual(["/a 3"]);
    expect(results.set(file("/a"), [])).toBeUndefined();
    expect(results.count).toBe(0);
  });

  test("are gone through round the end, both ways, and from what is no result any more at an end", () => {
    const results = new Results();
    const a = results.add(file("/a"), [hit(1), hit(2)]);
    const b = results.add(file("/b"), [hit(3)]);
    const go = (from: { file: number; hit: number } | undefined, step: 1 | -1): number | undefined => results.next(from, step)?.hit.span.startLine;
    const at = (of: typeof a, n: number): { file: number; hit: number } => ({ file: of.id, hit: of.hits[n]?.id ?? 0 });
    expect([go(undefined, 1), go(at(a, 0), 1), go(at(a, 1), 1), go(at(b, 0), 1)]).toEqual([1, 2, 3, 1]);
    expect([go(undefined, -1), go(at(b, 0), -1), go(at(a, 0), -1), go({ file: 99, hit: 1 }, 1)]).toEqual([3, 2, 3, 1]);
    results.clear();
    expect(go(undefined, 1)).toBeUndefined();
  });

  test("a row shows the match with what is around it, cut so that it is seen", () => {
    const span = { startLine: 7, startColumn: 2, endLine: 7, endColumn: 5 };
    const at = { startLine: 0, startColumn: 2, endLine: 0, endColumn: 5 };
    expect(rowOf(span, "  abc def  ", at)).toEqual({ span, before: "", inside: "abc", after: " def" });
    const far = `${"x".repeat(100)}abc${"y".repeat(1000)}`;
    const cut = rowOf(span, far, { startLine: 0, startColumn: 100, endLine: 0, endColumn: 103 });
    expect([cut.before, cut.inside, cut.after.length]).toEqual([`…${"x".repeat(26)}`, "abc", 250]);
    expect(rowOf(span, `${"word ".repeat(20)}abc`, { startLine: 0, startColumn: 100, endLine: 0, endColumn: 103 }).before).toBe("…word word word word word ");
    expect(rowOf(span, "one\ntwo\nthree", { startLine: 0, startColumn: 2, endLine: 2, endColumn: 2 })).toMatchObject({ before: "on", inside: "e\ntwo\nth", after: "ree" });
  });

  test("as rows: a folded file is one, and stays folded when it gets more", () => {
    const results = new Results();
    const rows = new Rows();
    const a = results.add(file("/a"), [hit(1), hit(2)]);
    rows.put([results.add(file("/b"), [hit(3)]), a], true);
    expect(rows.all().map(({ kind }) => kind)).toEqual(["file", "hit", "hit", "file", "hit"]);
    rows.fold(a.id, true);
    rows.put([results.add(file("/a"), [hit(9)])], false);
    expect(rows.all().map(({ kind }) => kind)).toEqual(["file", "file", "hit"]);
    rows.remove([a.id]);
    expect(rows.all().map((row) => row.file.key)).toEqual(["/b", "/b"]);
    rows.foldAll(true);
    expect(rows.all()).toHaveLength(1);
  });
});

describe("what the view says", () => {
  test.each<[unknown]>([
    [{ type: "ready" }], [{ type: "cancel" }], [{ type: "showLog" }], [{ type: "form", form: emptyForm, now: true }], [{ type: "open", file: 1, hit: 2, how: "side" }],
    [{ type: "replace", scope: { kind: "all" } }], [{ type: "dismiss", scope: { kind: "file", file: 1 } }], [{ type: "replace", scope: { kind: "hit", file: 1, hit: 2 } }],
  ])("is taken: %j", (message) => {
    expect(parseFromView(message)).toEqual(message);
  });

  test.each<[unknown]>([
    [undefined], [null], ["ready"], [[]], [{}], [{ type: "run" }], [{ type: "form", form: emptyForm }], [{ type: "form", form: { ...emptyForm, pattern: 1 }, now: true }],
    [{ type: "form", form: { ...emptyForm, pattern: "x".repeat(100_001) }, now: true }], [{ type: "open", file: "1", hit: 2, how: "side" }], [{ type: "open", file: 1, hit: 2, how: "delete" }],
    [{ type: "open", file: 1.5, hit: 2, how: "keep" }], [{ type: "replace" }], [{ type: "replace", scope: { kind: "base" } }], [{ type: "dismiss", scope: { kind: "file" } }],
    [{ type: "dismiss", scope: { kind: "hit", file: 1 } }],
  ])("is dropped: %j", (message) => {
    expect(parseFromView(message)).toBeUndefined();
  });

  test("a form is taken without what does not belong to it", () => {
    expect(parseForm({ ...emptyForm, pattern: "x", command: "run" })).toEqual({ ...emptyForm, pattern: "x" });
  });
});
