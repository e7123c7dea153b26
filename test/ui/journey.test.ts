// The whole way on a real source tree, as a user goes it: edit, create, rename, delete, make anew; see it; reload; throw
// it away. The base is recorded before and after, to the last link count and nanosecond. Each test goes on from the last.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { scratchFolder } from "../support/journey/scratch.ts";
import { makeSourceTree } from "../support/journey/sourceTree.ts";
import { differences, recordTree, type TreeRecord } from "../support/journey/treeRecord.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import {
  acceptInput, appendText, explorer, growView, keepEvidence, newFile, newTopFolder, quickPickRows, remove, rename, runCommand, save, startWorkbench,
  until, view, waitForEditor, waitForNotification, waitForOverlay, waitForStatus, waitForText, type TreeRow, type Workbench,
} from "../support/vscode/ui/index.ts";

/** A row as a user sees it; "*" stands for a colour. */
function seen({ level, label, description, badge, coloured }: TreeRow): string {
  return [`${"  ".repeat(level - 1)}${label}`, description, badge, coloured ? "*" : ""].filter((part) => part !== "").join(" ");
}

describe("a source tree of a few thousand files, in the running VS Code", () => {
  const folder = makeTemp("journey");
  const base = join(folder, "eslint");
  const scratchRoot = join(folder, "scratch");
  let before: TreeRecord;
  let workbench: Workbench;
  let scratch: string;

  beforeAll(async () => {
    makeSourceTree(base);
    before = recordTree(base);
    workbench = await startWorkbench({ extension: "dev", env: { OVERLAY_WORKSPACE_OPEN: base }, settings: { "overlay.scratchRoot": scratchRoot } });
    await workbench.page.setViewportSize({ width: 1280, height: 1100 });
    scratch = scratchFolder(scratchRoot, await waitForOverlay(workbench.page));
  });

  afterEach((context) => keepEvidence(context, workbench));

  afterAll(async () => {
    await workbench.close();
    removeTemp(folder);
  });

  /** Rows of the Overlay Changes view, once they are these. */
  async function changesAre(wanted: readonly string[]): Promise<void> {
    let rows: string[] = [];
    await until("the Overlay Changes view to list what was changed", async () => {
      rows = (await view(workbench.page, "Overlay Changes").rows()).map(seen);
      return JSON.stringify(rows) === JSON.stringify(wanted);
    }, { timeout: 20_000 }).catch(() => undefined);
    expect(rows).toEqual(wanted);
  }

  /** The Explorer's row, once it looks like this. */
  async function rowIs(path: string, wanted: string): Promise<void> {
    let row = "";
    await until(`${path} in the Explorer`, async () => (row = seen(await explorer(workbench.page).read(path)).trim()) === wanted, { timeout: 20_000 }).catch(() => undefined);
    expect(row).toBe(wanted);
  }

  const allChanges = [
    "lib • *",
    "  checks renamed from lib/rules R *",
    "  rules renamed to lib/checks D *",
    "  api.js M *",
    "  notes.md A *",
    "messages replaced RP *",
    "LICENSE deleted D *",
  ];

  test("opens with nothing changed", async () => {
    expect(before.size).toBeGreaterThan(2000);
    const { page } = workbench;
    await explorer(page).row("lib/api.js");
    expect((await explorer(page).rows()).filter(({ badge }) => badge !== "")).toEqual([]);
    await waitForStatus(page, "eslint: 0 changes");
    expect(await view(page, "Overlay Changes").rows()).toEqual([]);
    await growView(page, "Overlay Changes", 120);
  });

  test("a file that is edited and saved gets M, its folder the colour", async () => {
    const { page } = workbench;
    await explorer(page).click("lib/api.js", { clickCount: 2 });
    await waitForEditor(page, "api.js");
    await appendText(page, "// mine\n");
    await save(page);
    await rowIs("lib/api.js", "api.js M *");
    await rowIs("lib", "lib • *");
    await waitForStatus(page, /1 change$/);
    await changesAre(["lib • *", "  api.js M *"]);
    expect(readFileSync(join(scratch, "upper", "lib", "api.js"), "utf8")).toContain("// mine");
  });

  test("a file that is created gets A", async () => {
    const { page } = workbench;
    await newFile(page, "lib", "notes.md");
    await waitForEditor(page, "notes.md");
    await appendText(page, "# Notes\n");
    await save(page);
    await rowIs("lib/notes.md", "notes.md A *");
    await waitForStatus(page, /2 changes$/);
  });

  test("a folder that is renamed gets R, at once whatever its size", async () => {
    const { page } = workbench;
    await rename(page, "lib/rules", "checks");
    await rowIs("lib/checks", "checks R *");
    await changesAre(allChanges.slice(0, 5));
    expect(readdirSync(join(scratch, "upper", "lib", "checks"))).toEqual([".wh..wh..redirect"]);
  });

  test("a file and a folder that are deleted go from the Explorer and stay in Overlay Changes", async () => {
    const { page } = workbench;
    await explorer(page).collapse("lib");
    await remove(page, "LICENSE");
    await remove(page, "messages");
    await changesAre([...allChanges.slice(0, 5), "messages deleted D *", "LICENSE deleted D *"]);
  });

  test("a deleted folder that is made anew shows nothing of the old one", async () => {
    const { page } = workbench;
    await newTopFolder(page, "README.md", "messages");
    await rowIs("messages", "messages RP *");
    await changesAre(allChanges);
    await newFile(page, "messages", "own.js");
    await rowIs("messages/own.js", "own.js A *");
    expect((await explorer(page).rows()).filter(({ level }) => level === 2).map(({ label }) => label)).toEqual(["own.js"]);
    await waitForStatus(page, /7 changes$/);
  });

  test("all of it is there after a reload of the window", async () => {
    await workbench.reload();
    const { page } = workbench;
    await waitForStatus(page, /7 changes$/);
    // A folder that was replaced is folded: what lies in it is a second look.
    await changesAre(allChanges);
    await rowIs("lib/api.js", "api.js M *");
    await rowIs("lib/checks", "checks R *");
    await rowIs("lib/notes.md", "notes.md A *");
    await explorer(page).click("lib/api.js");
    await waitForText(page, "use strict");
    await workbench.screenshot("journey");
    await explorer(page).click("lib/checks/accessor-pairs.js");
    await waitForText(page, "Rule to enforce getter and setter pairs");
  });

  test("Reset Layers… makes it as new", async () => {
    const { page } = workbench;
    await runCommand(page, "Overlay: Reset Layers…");
    await until("the figures", async () => (await quickPickRows(page))[0]?.description.includes(" · "));
    const [all, some] = await quickPickRows(page);
    expect([all?.label.trim(), some?.label.trim()]).toEqual(["All changes", "Only Some Folders and Files…"]);
    expect(all?.description).toMatch(/7 changes · /);
    await acceptInput(page);
    await waitForNotification(page, "'eslint' is as the base again.");
    await changesAre([]);
    await runCommand(page, "View: Close All Editors");
    await waitForStatus(page, "eslint: 0 changes");
    await explorer(page).collapse("messages");
    await rowIs("lib/api.js", "api.js");
    await rowIs("lib/rules", "rules");
    await explorer(page).collapse("lib");
    await explorer(page).waitFor("the rows that the base has", (rows) =>
      ["bin", "conf", "fixtures", "lib", "messages", "node_modules", "LICENSE", "package.json", "README.md"].every((name) => rows.some(({ label }) => label === name)));
    expect(readdirSync(join(scratch, "upper"))).toEqual([]);
  });

  test("the base is as it was before", () => {
    expect(differences(before, recordTree(base))).toEqual([]);
  });
});
