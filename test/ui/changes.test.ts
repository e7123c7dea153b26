// What a user does with changes: compare, reset, restore, by menu, view, palette and status bar; and where nothing is offered.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { scratchFolder } from "../support/journey/scratch.ts";
import {
  acceptInput, answerDialog, answerNotification, appendText, clickStatus, editorText, explorer, growView, keepEvidence, newFile, offersCommand, openOverlayWindow, pick,
  quickPickRows, remove, runCommand, save, tabs, until, view, waitForEditor, waitForOverlay, waitForStatus, waitForText, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

describe("changes", () => {
  let window: OverlayWindow;

  beforeAll(async () => {
    window = await openOverlayWindow({
      "a.txt": "a of the base\n", "b.txt": "b of the base\n", "c.txt": "c of the base\n", "same.txt": "same\n",
      "one/in.txt": "in of the base\n", "one/also.txt": "also of the base\n", "two/in.txt": "in of the base\n",
    });
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  const rows = async (): Promise<string[]> => (await view(window.page, "Overlay Changes").rows()).map(({ label, badge }) => `${label} ${badge}`.trim());
  const changesAre = async (...wanted: string[]): Promise<void> => {
    await until(`the changes ${wanted.join(", ")}`, async () => JSON.stringify(await rows()) === JSON.stringify(wanted), { timeout: 10_000 })
      .catch(async () => { expect(await rows()).toEqual(wanted); });
  };
  async function edit(path: string): Promise<void> {
    await explorer(window.page).click(path, { clickCount: 2 });
    await waitForEditor(window.page, path.split("/").at(-1) ?? "");
    await appendText(window.page, "mine\n");
    await save(window.page);
  }
  const compared = (title: string): Promise<boolean> =>
    until(`the tab ${title}`, async () => (await tabs(window.page)).some((tab) => tab.active && tab.title === title), { timeout: 10_000 });
  const closeEditors = (): Promise<void> => runCommand(window.page, "View: Close All Editors");

  test("with none: the view says so and offers a button, and nothing offers to reset or compare", async () => {
    const { page } = window;
    await waitForStatus(page, "base: 0 changes");
    await growView(page, "Overlay Changes", 60);
    const welcome = page.locator(".pane", { has: page.locator('.pane-header[aria-label^="Overlay Changes"]') }).locator(".welcome-view-content");
    await until("the empty view's text", async () => (await welcome.innerText()).includes("Nothing differs from the base yet"));
    await welcome.locator(".monaco-button", { hasText: "Open Recent Overlay…" }).click();
    expect((await quickPickRows(page)).map(({ label }) => label.trim())).toEqual(["base"]);
    await page.keyboard.press("Escape");
    expect(await explorer(page).contextMenu("a.txt", undefined)).not.toEqual(expect.arrayContaining(["Compare with Base"]));
    expect(await explorer(page).contextMenu("one", undefined)).not.toEqual(expect.arrayContaining(["Reset to Base"]));
    expect(await explorer(page).contextMenu("one", undefined)).not.toEqual(expect.arrayContaining(["Open Folder as Overlay…"]));
    expect(await offersCommand(page, "Overlay: Reset Layers…")).toBe(false);
    expect(await offersCommand(page, "Overlay: Take Over…")).toBe(false);
    expect(await offersCommand(page, "Overlay: Restore")).toBe(false);
    expect(await offersCommand(page, "Overlay: Delete Overlay…")).toBe(true);
  });

  test("a modified file is compared with the base's, from the Explorer's menu", async () => {
    const { page } = window;
    await edit("a.txt");
    await changesAre("a.txt M");
    await closeEditors();
    await explorer(page).contextMenu("a.txt", "Compare with Base");
    await compared("a.txt (Base ↔ Overlay)");
    await waitForText(page, "mine");
    expect(await page.locator(".editor-instance .editor.original .view-line").allInnerTexts()).toEqual(["a\u00a0of\u00a0the\u00a0base", ""]);
    await closeEditors();
  });

  test("an added file is compared with nothing, from a row of the view", async () => {
    const { page } = window;
    await newFile(page, "one", "new.txt");
    await waitForEditor(page, "new.txt");
    await appendText(page, "mine alone\n");
    await save(page);
    await closeEditors();
    await view(page, "Overlay Changes").click("one/new.txt");
    await compared("new.txt (Added)");
    await waitForText(page, "mine alone");
    expect(await page.locator(".editor-instance .editor.original .view-line").allInnerTexts()).toEqual([""]);
    await closeEditors();
  });

  test("a deleted file is compared with nothing, and restored with no question, by the row's buttons", async () => {
    const { page } = window;
    await remove(page, "b.txt");
    await changesAre("one •", "new.txt A", "a.txt M", "b.txt D");
    await view(page, "Overlay Changes").action("b.txt", "Compare with Base");
    await compared("b.txt (Deleted)");
    expect(await page.locator(".editor-instance .editor.original .view-line").first().innerText()).toContain("base");
    await closeEditors();
    await view(page, "Overlay Changes").action("b.txt", "Restore");
    await explorer(page).row("b.txt");
    await changesAre("one •", "new.txt A", "a.txt M");
  });

  test("a file is reset from the Explorer after a question that names it; its open editor shows the base's again", async () => {
    const { page } = window;
    await explorer(page).click("a.txt", { clickCount: 2 });
    await waitForText(page, "mine");
    await explorer(page).contextMenu("a.txt", "Reset to Base");
    expect(await answerDialog(page, "Cancel")).toMatchObject({ message: "Reset 'a.txt' to the base?" });
    await changesAre("one •", "new.txt A", "a.txt M");
    await explorer(page).contextMenu("a.txt", "Reset to Base");
    await answerDialog(page, "Reset");
    await changesAre("one •", "new.txt A");
    await until("the base's text in the editor", async () => (await editorText(page)).trim() === "a of the base");
    // INV-10: the editor holds no time that is newer than the file's, so it can go on and save.
    await appendText(page, "again\n");
    await save(page);
    await changesAre("one •", "new.txt A", "a.txt M");
    await closeEditors();
  });

  test("an added file is reset by deleting it, and the question says so", async () => {
    const { page } = window;
    await explorer(page).contextMenu("one/new.txt", "Reset to Base");
    expect(await answerDialog(page, "Delete")).toMatchObject({ message: "'new.txt' is not in the base. Delete it?" });
    await changesAre("a.txt M");
  });

  test("a folder and a selection are reset with one question that counts", async () => {
    const { page } = window;
    await edit("one/in.txt");
    await edit("one/also.txt");
    await edit("c.txt");
    await closeEditors();
    await explorer(page).contextMenu("one", "Reset to Base");
    expect((await answerDialog(page, "Reset")).detail).toContain("2 changes are thrown away");
    await changesAre("a.txt M", "c.txt M");
    await explorer(page).click("a.txt");
    await explorer(page).click("c.txt", { modifiers: ["Control"] });
    await explorer(page).contextMenu("c.txt", "Reset to Base");
    expect(await answerDialog(page, "Reset")).toMatchObject({ message: "Reset 2 selected entries to the base?" });
    await changesAre();
    await closeEditors();
  });

  test("Del resets what is selected in the view, and the palette's command the active editor's file alone", async () => {
    const { page } = window;
    await edit("a.txt");
    await edit("c.txt");
    await changesAre("a.txt M", "c.txt M");
    await view(page, "Overlay Changes").click("a.txt");
    await compared("a.txt (Base ↔ Overlay)");
    await explorer(page).click("c.txt", { clickCount: 2 });
    await waitForEditor(page, "c.txt");
    await runCommand(page, "Overlay: Reset to Base");
    expect(await answerDialog(page, "Cancel")).toMatchObject({ message: "Reset 'c.txt' to the base?" });
    await view(page, "Overlay Changes").click("a.txt");
    await page.keyboard.press("Delete");
    expect(await answerDialog(page, "Reset")).toMatchObject({ message: "Reset 'a.txt' to the base?" });
    await changesAre("c.txt M");
    await closeEditors();
  });

  test("Reset Layers… resets the picked folders and no others, and nothing when it is cancelled", async () => {
    const { page } = window;
    for (const path of ["c.txt", "one/in.txt", "two/in.txt"]) await edit(path);
    await closeEditors();
    await changesAre("one •", "in.txt M", "two •", "in.txt M", "c.txt M");
    await clickStatus(page, "base: 3 changes");
    expect((await quickPickRows(page)).map(({ label }) => label.trim())).toEqual([
      "Show Overlay Changes", "Export Patch…", "Apply to Base…", "Reset Layers…", "Open Mounted", "New Terminal", "Reveal Scratch Folder", "Open Recent Overlay…", "Open Folder as Overlay…", "Delete Overlay…", "Show Log",
    ]);
    await pick(page, /Reset Layers…/);
    await pick(page, /Only Some Folders and Files/);
    await until("the folders and files", async () => (await quickPickRows(page)).some(({ label }) => label.trim() === "one"));
    expect((await quickPickRows(page)).map(({ label, description, checked }) => [label.trim(), description, checked])).toEqual([["one", "1 change", false], ["two", "1 change", false], ["c.txt", "1 change", false]]);
    await page.keyboard.press("Escape");
    await changesAre("one •", "in.txt M", "two •", "in.txt M", "c.txt M");
    for (const kept of [false, true]) {
      await runCommand(page, "Overlay: Reset Layers…");
      await pick(page, /Only Some Folders and Files/);
      await pick(page, /^\s*one/);
      await acceptInput(page);
      await changesAre("two •", "in.txt M", "c.txt M");
      if (kept) break;
      await answerNotification(page, "The changes in 'one' were thrown away.", "Undo");
      await changesAre("one •", "in.txt M", "two •", "in.txt M", "c.txt M");
    }
    await changesAre("two •", "in.txt M", "c.txt M");
    const upper = join(scratchFolder(window.scratchRoot, window.uri), "upper");
    expect(readdirSync(upper).sort()).toEqual(["c.txt", "two"]);
  });

  test("Show Log opens the log", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Show Log");
    // What it says is not to be seen here: the VS Code of the npm registry comes without the module that writes logs.
    await until("the log", async () => (await page.locator(".part.panel .monaco-select-box, .part.panel select").evaluateAll((boxes) =>
      boxes.map((box) => (box instanceof HTMLSelectElement ? box.selectedOptions[0]?.textContent : "")))).includes("Overlay"));
    await runCommand(page, "View: Toggle Panel Visibility");
  });

  test("Delete Overlay… asks nothing, closes the folder, and can be undone in the window that comes", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Delete Overlay…");
    await until("what it keeps", async () => (await quickPickRows(page))[0]?.detail.includes("2 changes"));
    await pick(page, /base/);
    // An empty window, told by its environment to open the folder, makes a new overlay in place of the deleted one.
    await waitForStatus(page, "base: 0 changes", { timeout: 60_000 }); // the second window from here
    expect(await waitForOverlay(page)).not.toBe(window.uri);
    await answerNotification(page, "The overlay 'base' was deleted. It is kept for seven days.", "Undo");
    await waitForStatus(page, "base: 2 changes", { timeout: 60_000 });
    expect(await waitForOverlay(page)).toBe(window.uri);
    expect(readdirSync(window.scratchRoot).filter((name) => name.startsWith(".removed-"))).toEqual([]);
  });

});
