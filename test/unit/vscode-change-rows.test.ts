// The rows of the Source Control view: which are made, which stay, and in which group, at the size of a large overlay.
import { describe, expect, it } from "vitest";
import type { ShownChange } from "../../src/vscode/changeModel.ts";
import { ChangeRows, type RowContent } from "../../src/vscode/changeRows.ts";

const copied = (path: string, stale = false): RowContent => ({ change: { kind: "copied", path, type: "file", ...(stale ? { stale } : {}) }, renamedTo: undefined });
const deleted = (path: string, renamedTo?: string): RowContent => ({ change: { kind: "deleted", path, type: "file" }, renamedTo });

interface Row { readonly change: ShownChange }

function rig(contents: readonly RowContent[]): { rows: ChangeRows<Row>; made: string[] } {
  const made: string[] = [];
  const rows = new ChangeRows<Row>(({ change }) => {
    made.push(change.path);
    return { change };
  });
  rows.replaceAll(contents);
  rows.take();
  made.length = 0;
  return { rows, made };
}

const paths = (rows: readonly Row[] | undefined): string[] | undefined => rows?.map(({ change }) => change.path);

describe("change rows", () => {
  it("one of 10,000 that is different makes one row; the others are the same objects", () => {
    const { rows, made } = rig(Array.from({ length: 10_000 }, (_, i) => copied(`/f${i}`)));
    const before = rows.rowsOf("changes");
    rows.set("/f5000", { change: { kind: "replaced", path: "/f5000", type: "file" }, renamedTo: undefined });
    const after = rows.take().get("changes") ?? [];
    expect(made).toEqual(["/f5000"]);
    expect(after.filter((row, i) => row !== before[i]).map(({ change }) => change.path)).toEqual(["/f5000"]);
    expect(rows.count).toBe(10_000);
  });

  it("nothing is drawn when nothing of a row is different", () => {
    const { rows, made } = rig([copied("/a"), copied("/b")]);
    rows.set("/a", copied("/a"));
    rows.set("/none", undefined);
    expect(rows.take().size).toBe(0);
    expect(made).toEqual([]);
  });

  it("a walk that finds the same again keeps the rows", () => {
    const { rows, made } = rig([copied("/a"), deleted("/b")]);
    rows.replaceAll([deleted("/b"), copied("/a"), copied("/c")]);
    expect(made).toEqual(["/c"]);
  });

  it("a stale change moves to the group of those, and back", () => {
    const { rows } = rig([copied("/a"), copied("/b")]);
    rows.set("/a", copied("/a", true));
    const taken = rows.take();
    expect([paths(taken.get("changes")), paths(taken.get("stale"))]).toEqual([["/b"], ["/a"]]);
    rows.set("/a", copied("/a"));
    expect([paths(rows.rowsOf("changes")), paths(rows.rowsOf("stale"))]).toEqual([["/b", "/a"], []]);
  });

  it("a stale change of the first walk is in its group, and one that goes leaves it", () => {
    const { rows } = rig([copied("/a", true), copied("/b")]);
    expect(paths(rows.rowsOf("stale"))).toEqual(["/a"]);
    rows.set("/a", undefined);
    expect([...rows.take()].map(([id, list]) => [id, paths(list)])).toEqual([["stale", []]]);
  });

  it("the row of an old name is made anew when the entry goes elsewhere", () => {
    const { rows, made } = rig([deleted("/a", "/b")]);
    rows.set("/a", deleted("/a", "/c"));
    expect(made).toEqual(["/a"]);
  });
});
