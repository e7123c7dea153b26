// The rows of the Overlay Changes view, and which of them an update redraws.
import { describe, expect, it } from "vitest";
import type { Change } from "../../src/engine/index.ts";
import { ChangeTree, type ChangeRow } from "../../src/vscode/changeTree.ts";

const file = (path: string, kind: "added" | "copied" | "deleted" = "added"): Change => ({ kind, path, type: "file" });
const folder = (path: string): Change => ({ kind: "added", path, type: "directory" });

function draw(row: ChangeRow, depth = 0): string[] {
  return ChangeTree.sorted(row).flatMap((child) => [`${" ".repeat(depth)}${child.name}${child.change === undefined ? "/" : ""}`, ...draw(child, depth + 1)]);
}

describe("change tree", () => {
  it("shows the folders on the way to what changed, folders first, numbers in their order", () => {
    const tree = new ChangeTree([file("/b10"), file("/b9"), file("/src/x/one.ts"), folder("/new"), file("/new/two.ts")]);
    expect(draw(tree.root)).toEqual(["new", " two.ts", "src/", " x/", "  one.ts", "b9", "b10"]);
  });

  it("finds rows by path", () => {
    const tree = new ChangeTree([file("/a/b")]);
    expect(tree.find("/a/b")?.change?.kind).toBe("added");
    expect(tree.find("/")).toBe(tree.root);
    expect(tree.find("/a/c")).toBeUndefined();
  });

  it("redraws one row when an entry becomes another kind", () => {
    const tree = new ChangeTree([file("/a/b")]);
    expect(tree.set("/a/b", file("/a/b", "copied"))).toBe(tree.find("/a/b"));
  });

  it("redraws the nearest folder that was there when an entry appears", () => {
    const tree = new ChangeTree([file("/a/b")]);
    expect(tree.set("/a/c", file("/a/c"))?.path).toBe("/a");
    expect(tree.set("/x/y/z", file("/x/y/z"))?.path).toBe("/");
  });

  it("takes the folders with it that held nothing else", () => {
    const tree = new ChangeTree([file("/a/b/c"), file("/d")]);
    expect(tree.set("/a/b/c", undefined)?.path).toBe("/");
    expect(draw(tree.root)).toEqual(["d"]);
  });

  it("keeps a folder that still holds something", () => {
    const tree = new ChangeTree([folder("/a"), file("/a/b")]);
    expect(tree.set("/a", undefined)?.path).toBe("/a");
    expect(draw(tree.root)).toEqual(["a/", " b"]);
  });

  it("redraws nothing for what it never showed", () => {
    expect(new ChangeTree().set("/a", undefined)).toBeUndefined();
  });
});
