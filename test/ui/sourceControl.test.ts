// What a user sees and does in the Source Control view: rows and their count, comparisons, the gutter, all changes at once,
// Restore, and copies that are no change any more.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { scratchFolder } from "../support/journey/scratch.ts";
import {
  answerDialog, appendText, editorText, explorer, keepEvidence, newFile, openOverlayWindow, remove, rename, replaceText, runCommand, save, sourceControl,
  tabs, until, waitForEditor, waitForNotification, waitForStatus, waitForText, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

/** A grey square of 48 by 48. */
const greySquare = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAADAAAAAwCAAAAAByaaZbAAAAIElEQVR42mMwIBEwjGoY1TCqYVTDqIZRDaMaRjWMLA0A/XCwEI1v/FMAAAAASUVORK5CYII=", "base64");

describe("the source control view", () => {
  let window: OverlayWindow;

  beforeAll(async () => {
    window = await openOverlayWindow({
      "a.txt": "one\ntwo\nthree\n", "b.txt": "b of the base\n", "c.txt": "c of the base\n", "d/x.txt": "x of the base\n", "d/y.txt": "y of the base\n", "gone/z.txt": "z\n", "image.png": "",
    });
    writeFileSync(join(window.base, "image.png"), greySquare);
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  const upper = (path: string): string => join(scratchFolder(window.scratchRoot, window.uri), "upper", path);
  const rows = async (): Promise<string[]> => (await sourceControl(window.page).rows()).map(({ label, description, badge, struck }) =>
    [struck ? `-${label}-` : label, description, badge].filter((part) => part !== "").join(" "));
  const rowsAre = async (...wanted: string[]): Promise<void> => {
    await until(`the rows ${wanted.join(", ")}`, async () => JSON.stringify(await rows()) === JSON.stringify(wanted), { timeout: 10_000 }).catch(async () => { expect(await rows()).toEqual(wanted); });
  };
  const compared = (title: string): Promise<boolean> =>
    until(`the tab ${title}`, async () => (await tabs(window.page)).some((tab) => tab.active && tab.title.startsWith(title)), { timeout: 10_000 });
  /** Such an editor takes the focus when its files are there, and with it the keys meant for the palette. */
  const allOpened = async (title: string): Promise<void> => {
    await compared(title);
    await window.page.locator(".multiDiffEntry .monaco-editor.focused").first().waitFor();
  };
  const closeEditors = (): Promise<void> => runCommand(window.page, "View: Close All Editors");
  const originalText = async (): Promise<string> => (await window.page.locator(".editor-instance .editor.original .view-line").allInnerTexts()).join("\n").replaceAll("\u00a0", " ").trim();

  /** The badge on the icon of the view, in the bar at the side. */
  const count = async (): Promise<string> => window.page.locator('.activitybar .action-item:has([aria-label^="Source Control"]) .badge-content').innerText();

  async function edit(path: string, change: () => Promise<void>): Promise<void> {
    await explorer(window.page).click(path, { clickCount: 2 });
    await waitForEditor(window.page, path.split("/").at(-1) ?? "");
    await change();
    await save(window.page);
  }

  test("the gutter marks what differs from the base while one types, and after saving", async () => {
    const { page } = window;
    await explorer(page).click("a.txt", { clickCount: 2 });
    await waitForEditor(page, "a.txt");
    await appendText(page, "mine\n");
    const bars = page.locator(".editor-instance .margin-view-overlays .dirty-diff-added, .editor-instance .glyph-margin-widgets .dirty-diff-added, .editor-instance .dirty-diff-added");
    await bars.first().waitFor({ timeout: 10_000 });
    await save(page);
    await waitForStatus(page, "base: 1 change");
    await bars.first().waitFor();
  });

  test("has a row for each change, with its letter, deleted ones struck through, and counts them", async () => {
    const { page } = window;
    await edit("d/x.txt", () => appendText(page, "mine\n"));
    await newFile(page, "d", "new.txt");
    await waitForEditor(page, "new.txt");
    await appendText(page, "new\n");
    await save(page);
    await remove(page, "b.txt");
    await remove(page, "gone");
    await rename(page, "c.txt", "e.txt");
    await closeEditors();
    await rowsAre("Changes", "a.txt M", "-b.txt- D", "-c.txt- D", "e.txt R", "-gone- D", "new.txt d A", "x.txt d M");
    await until("the count", async () => (await count()) === "7");
    // What a screen reader says.
    expect(await (await sourceControl(page).row("Changes/e.txt")).getAttribute("aria-label")).toBe("e.txt, renamed from c.txt");
    expect(await (await sourceControl(page).row("Changes/gone")).getAttribute("aria-label")).toBe("gone, folder, deleted");
    expect(await page.locator(".scm-view .scm-input").count()).toBe(0);
  });

  test("a click compares: modified and renamed with the base's, added and deleted with nothing", async () => {
    const { page } = window;
    for (const [row, title, left, right] of [
      ["a.txt", "a.txt (Base ↔ Overlay)", "one\ntwo\nthree", "mine"], ["e.txt", "c.txt → e.txt (Base ↔ Overlay)", "c of the base", "c of the base"],
      ["new.txt", "new.txt (Added)", "", "new"], ["b.txt", "b.txt (Deleted)", "b of the base", ""],
    ] as const) {
      await sourceControl(page).click(`Changes/${row}`);
      await compared(title);
      if (right !== "") await waitForText(page, right);
      await until(`the base's side of ${row}`, async () => (await originalText()) === left);
    }
    await sourceControl(page).click("Changes/gone");
    await waitForStatus(page, "'gone' is a folder");
    await closeEditors();
  });

  test("Open All Changes shows every file, of all or of what is selected, in one editor", async () => {
    const { page } = window;
    const headers = async (): Promise<string[]> => page.locator(".multiDiffEntry .file-path .title.modified .label-name").allInnerTexts();
    await sourceControl(page).row("Changes");
    await page.locator('.pane-header .action-label[aria-label^="Open All Changes"], .composite.title .action-label[aria-label^="Open All Changes"]').first().click();
    await allOpened("Overlay base: Changes");
    await until("the files", async () => (await headers()).length >= 4);
    expect((await headers()).slice(0, 3)).toEqual(["a.txt", "b.txt", "new.txt"]);
    await closeEditors();
    await sourceControl(page).click("Changes/a.txt");
    await (await sourceControl(page).row("Changes/x.txt")).locator(".label-name").click({ modifiers: ["Control"] });
    await sourceControl(page).contextMenu("Changes/x.txt", "Open Changes");
    await allOpened("Overlay base: Changes (2");
    await closeEditors();
    await explorer(page).contextMenu("d", "Open All Changes");
    await allOpened("d: Changes (Base ↔ Overlay) (2");
    await closeEditors();
  });

  test("an image is compared by VS Code's own viewer, both sides seen", async () => {
    const { page } = window;
    await rename(page, "image.png", "renamed.png");
    await rowsAre("Changes", "a.txt M", "-b.txt- D", "-c.txt- D", "e.txt R", "-gone- D", "-image.png- D", "renamed.png R", "new.txt d A", "x.txt d M");
    await sourceControl(page).click("Changes/renamed.png");
    await until("the comparison", async () => (await tabs(page)).some((tab) => tab.active && /^image\.png . renamed\.png/.test(tab.title)));
    await until("the image on both sides", async () => {
      const widths = await Promise.all(page.frames().map((frame) => frame.locator("img").evaluateAll((all) => all.map((image) => (image instanceof HTMLImageElement ? image.naturalWidth : 0))).catch(() => [])));
      return widths.flat().filter((width) => width === 48).length === 2;
    });
    await closeEditors();
    await rename(page, "renamed.png", "image.png");
    await rowsAre("Changes", "a.txt M", "-b.txt- D", "-c.txt- D", "e.txt R", "-gone- D", "new.txt d A", "x.txt d M");
  });

  test("Restore, in a row: no question for a file that the base has, one for what is only here, one for several", async () => {
    const { page } = window;
    await sourceControl(page).action("Changes/b.txt", "Restore");
    await rowsAre("Changes", "a.txt M", "-c.txt- D", "e.txt R", "-gone- D", "new.txt d A", "x.txt d M");
    await sourceControl(page).action("Changes/a.txt", "Restore");
    await waitForNotification(page, "is as in the base again.");
    await rowsAre("Changes", "-c.txt- D", "e.txt R", "-gone- D", "new.txt d A", "x.txt d M");
    await sourceControl(page).action("Changes/new.txt", "Restore");
    expect(await answerDialog(page, "Cancel")).toMatchObject({ message: "'new.txt' is not in the base. Delete it?" });
    await sourceControl(page).click("Changes/new.txt");
    await (await sourceControl(page).row("Changes/x.txt")).locator(".label-name").click({ modifiers: ["Control"] });
    await sourceControl(page).contextMenu("Changes/x.txt", "Restore");
    expect(await answerDialog(page, "Reset")).toMatchObject({ message: "Reset 2 selected entries to the base?" });
    await rowsAre("Changes", "-c.txt- D", "e.txt R", "-gone- D");
    await closeEditors();
  });

  test("Open File opens the file, and of a deleted one the base's", async () => {
    const { page } = window;
    await remove(page, "b.txt");
    await sourceControl(page).action("Changes/b.txt", "Open File");
    await waitForText(page, "b of the base");
    await closeEditors();
    await sourceControl(page).action("Changes/e.txt", "Open File");
    await waitForEditor(page, "e.txt");
    await closeEditors();
  });

  test("an edit that is taken back leaves no row, and Prune Unchanged Copies drops the copy", async () => {
    const { page } = window;
    await edit("a.txt", () => appendText(page, "mine\n"));
    await rowsAre("Changes", "a.txt M", "-b.txt- D", "-c.txt- D", "e.txt R", "-gone- D");
    await edit("a.txt", () => replaceText(page, "one\ntwo\nthree\n"));
    await rowsAre("Changes", "-b.txt- D", "-c.txt- D", "e.txt R", "-gone- D");
    await waitForStatus(page, "base: 4 changes");
    expect(existsSync(upper("a.txt"))).toBe(true);
    await runCommand(page, "Overlay: Prune Unchanged Copies");
    // The picture that was renamed and back again is one too.
    await waitForNotification(page, "2 unchanged copies were removed from the overlay 'base'.");
    expect([existsSync(upper("a.txt")), existsSync(upper("image.png"))]).toEqual([false, false]);
    expect((await editorText(page)).trim()).toBe("one\ntwo\nthree");
    await closeEditors();
  });

  test("as a tree, a folder has its own actions; a group's Restore throws everything away after a question", async () => {
    const { page } = window;
    await edit("d/x.txt", () => appendText(page, "mine\n"));
    await edit("d/y.txt", () => appendText(page, "mine\n"));
    await closeEditors();
    await sourceControl(page).row("Changes/x.txt");
    await page.locator(".composite.title .codicon-toolbar-more, .pane-header .codicon-toolbar-more").first().click();
    await page.locator(".monaco-menu .action-label", { hasText: "View & Sort" }).hover();
    await page.locator(".monaco-menu .action-label", { hasText: "View as Tree" }).click();
    await sourceControl(page).row("Changes/d/y.txt");
    await sourceControl(page).action("Changes/d", "Open All Changes");
    await allOpened("Overlay base: Changes (2");
    await closeEditors();
    await sourceControl(page).action("Changes/d", "Restore");
    expect(await answerDialog(page, "Reset")).toMatchObject({ message: "Reset 2 selected entries to the base?" });
    await until("the folder to go", async () => !(await rows()).some((row) => row.startsWith("x.txt")));
    await sourceControl(page).action("Changes", "Restore");
    expect(await answerDialog(page, "Reset")).toMatchObject({ message: "Throw away all changes of 'base'?" });
    await waitForStatus(page, "base: 0 changes");
    await rowsAre("Changes");
  });
});
