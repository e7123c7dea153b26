// What an open editor sees of changes that it did not make (INV-10): in the base, and from before a reload.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { scratchFolder } from "../support/journey/scratch.ts";
import {
  answerDialog, appendText, editorText, explorer, keepEvidence, notifications, openOverlayWindow, runCommand, save, until, waitForEditor,
  waitForNotification, waitForText, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

describe("an open editor", () => {
  let window: OverlayWindow;
  const upper = (path: string): string => readFileSync(join(scratchFolder(window.scratchRoot, window.uri), "upper", path), "utf8");

  beforeAll(async () => {
    window = await openOverlayWindow({ "old.txt": "first\n", "live.txt": "first\n", "dirty.txt": "first\n", "gone.txt": "first\n", "older.txt": "first\n" });
    // Older than anything that the editor will have seen.
    for (const name of ["old.txt", "older.txt"]) utimesSync(join(window.base, name), 1_000_000_000, 1_000_000_000);
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  /** What VS Code has put down of unsaved editors; it does so a second after the last key. */
  function backups(): string[] {
    const folder = join(window.workbench.userDataDir, "server", "data", "User", "Backups");
    if (!existsSync(folder)) return [];
    return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ parentPath, name }) => readFileSync(join(parentPath, name), "utf8"));
  }

  async function editAndReset(path: string): Promise<void> {
    const { page } = window;
    await open(path);
    await appendText(page, "mine\n");
    await save(page);
    await until("the menu to offer a reset", async () => (await explorer(page).contextMenu(path, undefined)).includes("Reset to Base"));
    await explorer(page).contextMenu(path, "Reset to Base");
    await answerDialog(page, "Reset");
    await until("the base's text", async () => (await editorText(page)).trim() === "first");
  }

  async function open(path: string): Promise<void> {
    await explorer(window.page).click(path, { clickCount: 2 });
    await waitForEditor(window.page, path);
    await waitForText(window.page, "first");
  }

  test("shows what another process writes into the base, and the Explorer what it creates and deletes", async () => {
    const { page, base } = window;
    await open("live.txt");
    appendFileSync(join(base, "live.txt"), "from elsewhere\n");
    await waitForText(page, "from elsewhere");
    writeFileSync(join(base, "appeared.txt"), "");
    mkdirSync(join(base, "folder"));
    rmSync(join(base, "gone.txt"));
    await explorer(page).waitFor("what happened in the base", (rows) => {
      const labels = rows.map(({ label }) => label);
      return labels.includes("appeared.txt") && labels.includes("folder") && !labels.includes("gone.txt");
    });
  });

  test("after a reset to an older file saves without a conflict, and still notices what comes after", async () => {
    const { page, base } = window;
    await editAndReset("old.txt");
    appendFileSync(join(base, "old.txt"), "later\n");
    await waitForText(page, "later");
    await appendText(page, "mine again\n");
    await save(page);
    expect(upper("old.txt")).toBe("first\nlater\nmine again\n");
    expect((await notifications(page)).filter(({ severity }) => severity === "error")).toEqual([]);
  });

  test("after a reset does not write over what another process puts into the base, however old that says it is", async () => {
    const { page, base } = window;
    await editAndReset("older.txt");
    await appendText(page, "mine again\n");
    writeFileSync(join(base, "older.txt"), "of an archive, with its time\n");
    utimesSync(join(base, "older.txt"), 1_100_000_000, 1_100_000_000);
    await page.keyboard.press("Control+S");
    expect((await waitForNotification(page, "Failed to save 'older.txt'")).message).toContain("newer");
    await runCommand(page, "File: Revert File");
    await waitForText(page, "of an archive");
  });

  test("keeps what was not saved over a reload, and saves it then", async () => {
    const { workbench, page } = window;
    await open("dirty.txt");
    await appendText(page, "not saved yet\n");
    await until("the backup", async () => backups().some((text) => text.includes("not saved yet")));
    page.on("dialog", (dialog) => { void dialog.accept(); });
    await workbench.reload();
    await explorer(page).click("dirty.txt", { clickCount: 2 });
    await waitForEditor(page, "dirty.txt");
    await waitForText(page, "not saved yet");
    await save(page);
    expect(upper("dirty.txt")).toBe("first\nnot saved yet\n");
  });
});
