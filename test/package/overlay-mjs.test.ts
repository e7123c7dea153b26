// dist/overlay.mjs as a script uses it, each step in a process of its own: the journey of the UI test without VS Code.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { playJourney, withOverlay } from "../support/journey/script.ts";
import { makeSourceTree } from "../support/journey/sourceTree.ts";
import { differences, recordTree, type TreeRecord } from "../support/journey/treeRecord.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";

const changed = "out((await overlay.changes()).filter(({ kind, type }) => kind !== 'copied' || type !== 'directory'));";

describe("overlay.mjs, from node -e", () => {
  const folder = makeTemp("script");
  const base = join(folder, "eslint");
  const scratch = join(folder, "scratch");
  let before: TreeRecord;

  beforeAll(() => {
    makeSourceTree(base);
    before = recordTree(base);
  });

  afterAll(() => { removeTemp(folder); });

  test("what one process changes, the next one finds", async () => {
    await playJourney(base, scratch);
    const [changes, names, line, old] = await withOverlay(base, scratch, `
      ${changed}
      out((await overlay.readDirectory("/messages")).map(({ name }) => name));
      out(new TextDecoder().decode(await overlay.readFile("/lib/api.js")).split("\\n").at(-2));
      out(await overlay.stat("/lib/checks/eqeqeq.js").then(({ layer }) => layer));`);
    expect(changes).toEqual([
      { kind: "deleted", path: "/LICENSE", type: "file" },
      { kind: "copied", path: "/lib/api.js", type: "file" },
      { kind: "renamed", path: "/lib/checks", type: "directory", from: "/lib/rules" },
      { kind: "added", path: "/lib/notes.md", type: "file" },
      { kind: "deleted", path: "/lib/rules", type: "directory" },
      { kind: "replaced", path: "/messages", type: "directory" },
      { kind: "added", path: "/messages/own.js", type: "file" },
    ]);
    expect([names, line, old]).toEqual([["own.js"], "// mine", "lower"]);
    expect(readdirSync(join(scratch, "upper", "lib", "checks"))).toEqual([".wh..wh..redirect"]);
  });

  test("a reset makes it as new", async () => {
    const [changes, names] = await withOverlay(base, scratch, `
      await overlay.reset();
      ${changed}
      out((await overlay.readDirectory("/")).map(({ name }) => name).sort());`);
    expect(changes).toEqual([]);
    expect(names).toEqual(readdirSync(base).sort());
  });

  test("the base is as it was before", () => {
    expect(before.size).toBeGreaterThan(2000);
    expect(differences(before, recordTree(base))).toEqual([]);
  });

  test("says in one line what is wrong with a base", async () => {
    await expect(withOverlay(join(folder, "none"), join(folder, "other"), "")).rejects.toThrow(/OverlayError: ENOENT: .*does not exist/);
  });
});
