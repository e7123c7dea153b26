// The ways in: a folder in the Explorer, the palette's file dialog, and the list of overlays that there are.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeTemp, removeTemp } from "../support/processes.ts";
import {
  appendText, choosePath, explorer, keepEvidence, offersCommand, pick, plantFiles, quickInputText, quickPickRows, runCommand, save, startWorkbench, until, waitForEditor,
  waitForOverlay, waitForStatus, type Workbench,
} from "../support/vscode/ui/index.ts";

describe("opening an overlay", () => {
  const folder = makeTemp("opening");
  const projects = join(folder, "projects");
  let workbench: Workbench;
  let first: string;

  beforeAll(async () => {
    plantFiles(projects, { "library/file.txt": "of the base\n", "other/file.txt": "of the other base\n", "file.txt": "no folder\n" });
    workbench = await startWorkbench({ extension: "dev", workspace: projects, settings: { "overlay.scratchRoot": join(folder, "scratch") } });
  });

  afterEach((context) => keepEvidence(context, workbench));

  afterAll(async () => {
    await workbench.close();
    removeTemp(folder);
  });

  test("a window without one offers the ways in, and nothing else", async () => {
    const { page } = workbench;
    await explorer(page).row("library");
    expect(await explorer(page).contextMenu("file.txt", undefined)).not.toEqual(expect.arrayContaining(["Open Folder as Overlay…"]));
    await until("the extension's commands", () => offersCommand(page, "Overlay: Open Folder as Overlay…"));
    for (const title of ["Reset Layers…", "Compare with Base", "Reset to Base", "Reveal Scratch Folder", "Show Commands"]) expect(await offersCommand(page, `Overlay: ${title}`)).toBe(false);
  });

  test("a folder of the Explorer opens in this window after the question where", async () => {
    const { page } = workbench;
    await explorer(page).contextMenu("library", "Open Folder as Overlay…");
    expect((await quickPickRows(page)).map(({ label }) => label.trim())).toEqual(["New Window", "This Window", "Add to Workspace"]);
    expect((await quickInputText(page)).placeholder).toBe("Where should the overlay 'library' open?");
    await pick(page, /This Window/);
    first = await waitForOverlay(page);
    expect(new URL(first).pathname).toBe("/library");
    await explorer(page).click("file.txt", { clickCount: 2 });
    await waitForEditor(page, "file.txt");
    await appendText(page, "mine\n");
    await save(page);
    await waitForStatus(page, "library: 1 change");
  });

  test("the same folder again offers its overlay, or a new one", async () => {
    const { page } = workbench;
    await runCommand(page, "Overlay: Open Folder as Overlay…");
    await choosePath(page, `${projects}/library/`, async () => (await quickInputText(page)).placeholder.startsWith("'library' has overlays already"));
    expect((await quickPickRows(page)).map(({ label, description }) => [label.trim(), description])).toEqual([["library", "last used just now"], ["New Overlay", "starts with no changes"]]);
    await pick(page, /New Overlay/);
    await pick(page, /This Window/);
    await until("another overlay", async () => (await waitForOverlay(page)) !== first);
    await waitForStatus(page, "library 2: 0 changes");
  });

  test("Open Recent Overlay… lists name, base, changes, size and last use, and opens", async () => {
    const { page } = workbench;
    await runCommand(page, "Overlay: Open Recent Overlay…");
    await until("what each keeps", async () => (await quickPickRows(page)).every(({ detail }) => detail.includes("change")));
    const rows = (await quickPickRows(page)).map(({ label, description, detail }) => [label.trim(), description, detail]);
    expect(rows).toEqual([
      ["library 2", join(projects, "library"), expect.stringMatching(/^0 changes, .*\d [a-zA-Z]*, last used just now$/)],
      ["library", join(projects, "library"), expect.stringMatching(/^1 change, \d.* kB, last used just now$/)],
    ]);
    await pick(page, /library$/);
    await pick(page, /This Window/);
    await until("the first overlay", async () => (await waitForOverlay(page)) === first);
    await waitForStatus(page, "library: 1 change");
    expect(readFileSync(join(projects, "library", "file.txt"), "utf8")).toBe("of the base\n");
  });

  test("another folder is added to the workspace beside it", async () => {
    const { page } = workbench;
    // The first folder that is added makes VS Code open an untitled workspace, by a reload of the page; when that comes
    // before the browser has stored the workspace, it opens without any folder. That is VS Code's, so it is done again.
    await until("both folders", async () => {
      await workbench.open(projects);
      await explorer(page).contextMenu("other", "Open Folder as Overlay…");
      await until("a question", async () => (await quickInputText(page)).placeholder.includes("'other'"));
      if ((await quickInputText(page)).placeholder.includes("has overlays already")) await pick(page, /other$/);
      await pick(page, /Add to Workspace/);
      await page.getByText("(Workspace)").first().waitFor({ timeout: 30_000 });
      const lost = page.getByText("You have not yet added a folder to the workspace.");
      const end = await until("the workspace's folders", async () => {
        if (await lost.isVisible()) return "lost";
        return (await explorer(page).rows()).filter(({ level }) => level === 1).length === 2 && "shown";
      });
      if (end === "lost") return false;
      await explorer(page).row("other/file.txt", { timeout: 20_000 }); // the reload may come only now, and lose it
      return true;
    }, { timeout: 120_000 });
    await waitForStatus(page, "other: 0 changes");
  });
});
