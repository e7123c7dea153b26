// Changes whose base has moved, as a user meets them: their group, take base, keep mine, three ways, and VS Code's merge editor.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { scratchFolder } from "../support/journey/scratch.ts";
import {
  answerNotification, appendText, editorText, explorer, keepEvidence, notifications, openOverlayWindow, remove, replaceText, runCommand, save, sourceControl, tabs, until,
  waitForEditor, waitForNotification, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

const verse = (first: string, last: string): string => `${first}\nof the middle\nare\nmany\nlines\n${last}\n`;

describe("stale changes", () => {
  let window: OverlayWindow;

  beforeAll(async () => {
    window = await openOverlayWindow({ "apart.txt": verse("first", "last"), "both.txt": verse("first", "last"), "gone.txt": "gone\n", "kept.txt": "kept\n", "loose.txt": "never committed\n" }, { settings: { "files.autoSave": "off" } });
    const git = (...args: string[]): void => { execFileSync("git", ["-C", window.base, "-c", "user.name=n", "-c", "user.email=e@x", ...args], { stdio: "ignore" }); };
    git("init", "-q");
    git("add", "apart.txt", "both.txt", "gone.txt", "kept.txt");
    git("commit", "-qm", "one");
    const { page } = window;
    for (const [name, text] of Object.entries({ "apart.txt": verse("my first", "last"), "both.txt": verse("my first", "last"), "kept.txt": "mine\n", "loose.txt": "mine\n" })) {
      await explorer(page).click(name, { clickCount: 2 });
      await waitForEditor(page, name);
      await replaceText(page, text);
      await save(page);
    }
    await remove(page, "gone.txt");
    await runCommand(page, "View: Close All Editors");
    const origins = join(scratchFolder(window.scratchRoot, window.uri), "origins");
    // What the base had is hashed when nothing goes on.
    const names = ["apart", "both", "gone", "kept", "loose"];
    await until("the hashes", async () => Promise.resolve(names.every((name) => readFileSync(origins, "utf8").includes(`{"hash":"/${name}.txt"`))), { timeout: 20_000 });
    for (const [name, text] of Object.entries({ "apart.txt": verse("first", "their last"), "both.txt": verse("their first", "last"), "gone.txt": "still here\n", "kept.txt": "theirs\n", "loose.txt": "theirs\n" })) writeFileSync(join(window.base, name), text);
    git("commit", "-qam", "two");
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  const rows = async (): Promise<string[]> => (await sourceControl(window.page).rows()).map(({ label, badge, struck }) => [struck ? `-${label}-` : label, badge].filter((part) => part !== "").join(" "));
  const rowsAre = async (...wanted: string[]): Promise<void> => {
    await until(`the rows ${wanted.join(", ")}`, async () => JSON.stringify(await rows()) === JSON.stringify(wanted), { timeout: 20_000 }).catch(async () => { expect(await rows()).toEqual(wanted); });
  };
  const inMenu = (row: string, entry: string): Promise<string[]> => sourceControl(window.page).contextMenu(row, entry);
  const inOverlay = (name: string): string => readFileSync(join(scratchFolder(window.scratchRoot, window.uri), "upper", name), "utf8");
  const closeEditors = (): Promise<void> => runCommand(window.page, "View: Close All Editors");
  const active = async (): Promise<string> => (await tabs(window.page)).find((tab) => tab.active)?.title ?? "";

  test("have a group of their own, and a mark that says so", async () => {
    await rowsAre("Stale", "apart.txt M!", "both.txt M!", "-gone.txt- D!", "kept.txt M!", "loose.txt M!", "Changes");
    await window.workbench.screenshot("stale-group");
  });

  test("Compare Three Ways shows what the base had beside what it has now, and beside the overlay", async () => {
    const { page } = window;
    await inMenu("Stale/both.txt", "Compare Three Ways");
    await until("the editor", async () => (await active()).startsWith("both.txt: Base Before"), { timeout: 15_000 });
    const texts = async (): Promise<string[]> => page.locator(".multiDiffEntry .view-lines").allInnerTexts();
    await until("its sides", async () => {
      const all = (await texts()).join("\n").replaceAll("\u00a0", " ");
      return all.includes("their first") && all.includes("my first");
    }, { timeout: 15_000 });
    expect(await page.locator(".multiDiffEntry .monaco-diff-editor").count()).toBe(2);
    await window.workbench.screenshot("stale-three-ways");
    await closeEditors();
  });

  const merge = async (name: string): Promise<string> => {
    await inMenu(`Stale/${name}`, "Merge in Editor");
    const { page } = window;
    await until("the merge editor", async () => page.locator(".merge-editor").isVisible(), { timeout: 20_000 });
    return until("its text", async () => {
      const text = (await page.locator(".merge-editor").innerText()).replaceAll("\u00a0", " ");
      return /Conflicts? Remaining/.test(text) && text.includes("my first") && text;
    }, { timeout: 15_000 });
  };

  test("Merge in Editor has what the base changed to accept; saved, Keep Mine is offered", async () => {
    const { page } = window;
    expect(await merge("apart.txt")).toContain("1 Conflict Remaining");
    await window.workbench.screenshot("stale"); // media/screenshots/stale.png
    await page.locator(".merge-editor .code-view a", { hasText: "Accept Base" }).first().click();
    await until("the merged text", async () => (await page.locator(".merge-editor .code-view.result .view-lines").innerText()).includes("their"), { timeout: 15_000 });
    await page.locator(".merge-editor .code-view.result .view-lines").first().click();
    await page.keyboard.press("Control+S");
    await waitForNotification(page, "'apart.txt' is merged");
    expect(inOverlay("apart.txt")).toBe(verse("my first", "their last"));
    await answerNotification(page, "'apart.txt' is merged", "Undo Merge");
    await until("what it was", async () => Promise.resolve(inOverlay("apart.txt") === verse("my first", "last")));
    await closeEditors();
  });

  test("of what both changed it has the overlay's, which is what is kept when it is left", async () => {
    const { page } = window;
    const text = await merge("both.txt");
    expect([text.includes("their first"), text.includes("0 Conflicts Remaining")]).toEqual([true, true]);
    await closeEditors();
    await until("no merge editor", async () => (await page.locator(".merge-editor").count()) === 0);
    expect(inOverlay("both.txt")).toBe(verse("my first", "last"));
    await inMenu("Stale/apart.txt", "Keep Mine");
    await rowsAre("Stale", "both.txt M!", "-gone.txt- D!", "kept.txt M!", "loose.txt M!", "Changes", "apart.txt M");
  });

  test("without what the base had, two sides are compared and why is said", async () => {
    const { page } = window;
    await inMenu("Stale/loose.txt", "Merge in Editor");
    const { message } = await waitForNotification(page, "Nothing can be merged by itself");
    expect(message).toContain("no version that git knows of is it");
    await until("the comparison", async () => (await active()).startsWith("loose.txt (Base ↔ Overlay)"));
    await answerNotification(page, "Nothing can be merged by itself", "Keep Mine");
    await rowsAre("Stale", "both.txt M!", "-gone.txt- D!", "kept.txt M!", "Changes", "apart.txt M", "loose.txt M");
    await closeEditors();
  });

  test("Keep Mine and Take Base decide the rest; the three ways of a deleted file have two texts", async () => {
    const { page } = window;
    await inMenu("Stale/gone.txt", "Compare Three Ways");
    await until("the editor", async () => (await active()).startsWith("gone.txt: Base Before"), { timeout: 15_000 });
    await closeEditors();
    await inMenu("Stale/kept.txt", "Keep Mine");
    await rowsAre("Stale", "both.txt M!", "-gone.txt- D!", "Changes", "apart.txt M", "kept.txt M", "loose.txt M");
    await inMenu("Stale/gone.txt", "Take Base");
    await inMenu("Stale/both.txt", "Take Base");
    await rowsAre("Changes", "apart.txt M", "kept.txt M", "loose.txt M");
    await explorer(page).click("gone.txt", { clickCount: 2 });
    await waitForEditor(page, "gone.txt");
    expect(await editorText(page)).toContain("still here");
    await appendText(page, "");
    expect((await notifications(page)).filter(({ message }) => /fail|error/i.test(message))).toEqual([]);
  });
});
