// The text editor: its tabs, its text, typing and saving.
import type { Locator, Page } from "playwright-core";
import { until, type UntilOptions } from "./until.ts";

const groups = (page: Page): Locator => page.locator(".part.editor .editor-group-container.active");
const text = (page: Page): Locator => groups(page).locator(".editor-instance .monaco-editor").last();

export interface Tab {
  /** The file's name. */
  label: string;
  /** What the tab says, which for a comparison is more. */
  title: string;
  active: boolean;
  dirty: boolean;
}

export async function tabs(page: Page): Promise<Tab[]> {
  return page.locator(".part.editor .tabs-container .tab").evaluateAll((all) =>
    all.map((tab) => ({
      label: tab.getAttribute("data-resource-name") ?? tab.querySelector(".monaco-icon-label")?.textContent ?? "",
      title: tab.querySelector(".label-name")?.textContent ?? "",
      active: tab.classList.contains("active"),
      dirty: tab.classList.contains("dirty"),
    })));
}

/** Waits until the active editor is the one with this name, and is drawn. */
export async function waitForEditor(page: Page, name: string, options: UntilOptions = {}): Promise<void> {
  await until(`an editor for ${name}`, async () => (await tabs(page)).some((tab) => tab.active && tab.label === name) && (await text(page).locator(".view-line").count()) > 0, options);
}

/** The lines that are drawn in the active editor, as one string; for short files that is all of it. */
export async function editorText(page: Page): Promise<string> {
  const lines = await text(page).locator(".view-line").evaluateAll((all) =>
    all.map((line) => ({ top: line instanceof HTMLElement ? parseFloat(line.style.top) : 0, text: line.textContent })));
  return lines.sort((a, b) => a.top - b.top).map((line) => line.text.replaceAll("\u00a0", " ")).join("\n");
}

/** Waits until the active editor shows this text. */
export async function waitForText(page: Page, wanted: string | RegExp, options: UntilOptions = {}): Promise<string> {
  return until(`${JSON.stringify(String(wanted))} in the editor`, async () => {
    const shown = await editorText(page);
    return (typeof wanted === "string" ? shown.includes(wanted) : wanted.test(shown)) && shown;
  }, options);
}

/** Not by a click: an editor that was scrolled has its first lines beneath its own title. */
async function focus(page: Page): Promise<void> {
  await text(page).locator(".native-edit-context, textarea.inputarea").first().focus();
}

/** Replaces all of the active editor's text, as select-all and typing would. */
export async function replaceText(page: Page, wanted: string): Promise<void> {
  await focus(page);
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(wanted);
}

/** Adds at the end of the active editor's text. */
export async function appendText(page: Page, wanted: string): Promise<void> {
  await focus(page);
  await page.keyboard.press("Control+End");
  await page.keyboard.insertText(wanted);
}

/** Saves the active editor and waits until its tab is clean. */
export async function save(page: Page, options: UntilOptions = {}): Promise<void> {
  await page.keyboard.press("Control+S");
  await until("the editor to be saved", async () => {
    const active = (await tabs(page)).find((tab) => tab.active);
    return active !== undefined && !active.dirty;
  }, options);
}
