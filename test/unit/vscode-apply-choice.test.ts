// What goes with a choice of things to apply: folders that are needed, folders that cannot go, and what is refused.
import { describe, expect, test } from "vitest";
import { completed, countsOf, isChosenAtFirst } from "../../src/vscode/applyChoice.js";
import type { ApplyAction, ApplyItem } from "../../src/vscode/carrier.js";

const item = (action: ApplyAction, path: string, more: Partial<ApplyItem> = {}): ApplyItem => ({ action, path, base: "fresh", ...more });

describe("a choice of what to apply", () => {
  const [folder, inner, file, other] = [item("mkdir", "/n"), item("mkdir", "/n/m"), item("create", "/n/m/f"), item("overwrite", "/a")];
  const [gone, goneToo, old] = [item("delete", "/o/x"), item("delete", "/o/y"), item("rmdir", "/o")];
  const moved = item("rename", "/elsewhere", { from: "/o/z" });
  const all = [folder, inner, file, other, gone, goneToo, old, moved];

  const cases: readonly (readonly [title: string, chosen: readonly ApplyItem[], done: readonly ApplyItem[]])[] = [
    ["everything is everything", all, all],
    ["nothing is nothing", [], []],
    ["a new file brings the folders above it", [file], [folder, inner, file]],
    ["a folder goes with all that goes in it", [gone, goneToo, old, moved], [gone, goneToo, old, moved]],
    ["a folder stays while a file in it stays", [gone, old, moved], [gone, moved]],
    ["a folder stays while a file in it is not renamed away", [gone, goneToo, old], [gone, goneToo]],
    ["what changes in place needs nothing", [other], [other]],
  ];
  test.each(cases)("%s", (_title, chosen, done) => { expect(completed(all, chosen)).toEqual(done); });

  test("what is refused is never done, not even when it was chosen", () => {
    const refused = item("mkdir", "/r", { refused: "it is read-only" });
    const within = item("create", "/r/f");
    expect(completed([refused, within], [refused, within])).toEqual([within]);
    expect([isChosenAtFirst(refused), isChosenAtFirst(within), isChosenAtFirst(item("overwrite", "/s", { base: "stale" })), isChosenAtFirst(item("delete", "/u", { base: "unknown" }))]).toEqual([false, true, false, true]);
  });

  test("counted by what becomes of the base's files", () => {
    expect(countsOf([...all, item("mode", "/s", { base: "stale" }), item("replace", "/p")])).toEqual({ overwritten: 3, created: 3, deleted: 3, renamed: 1, stale: 1 });
  });
});
