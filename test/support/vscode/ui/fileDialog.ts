// VS Code's own file dialog, as a workbench without a desktop has it: a quick pick of files with a box for the path.
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { until } from "./until.ts";

/** After this long an Enter that had no effect is taken for one that was dropped. */
const againMs = 3_000;

/**
 * Types a path and accepts it, then waits until `done`. `path` is absolute; a folder's ends in "/", else it is a new file's,
 * or a file's. Its folder has to be there. The dialog lists the folder that it begins in, and then puts that into its box,
 * over what was typed meanwhile; and an Enter that comes before the typed path's folder is listed is for what was listed
 * before. So each step waits for the list that the one before it asked for.
 */
export async function choosePath(page: Page, path: string, done: () => Promise<boolean>): Promise<void> {
  const folder = path.slice(0, path.lastIndexOf("/"));
  const widget = page.locator(".quick-input-widget:visible");
  const box = widget.locator(".quick-input-box input");
  const labels = (): Promise<string[]> => widget.locator(".quick-input-list .monaco-list-row .quick-input-list-row:first-child .label-name").allTextContents();
  const listed = async (): Promise<boolean> => (await box.inputValue({ timeout: 1_000 })).startsWith("/") && (await labels()).includes("..");

  await until("the file dialog's first list", listed, { timeout: 60_000 });
  // By way of the folder above, because that list differs from any that may be there: it has the folder's name in it.
  for (const step of [`${dirname(folder)}/`, path]) {
    const of = step.slice(0, step.lastIndexOf("/"));
    await until(`the file dialog to list ${of}`, async () => {
      if ((await box.inputValue({ timeout: 1_000 })) !== step) await box.fill(step, { timeout: 1_000 });
      return isListOf(of, await labels()) && (await box.inputValue({ timeout: 1_000 })) === step;
    }, { timeout: 60_000 });
  }
  // While it is at work the dialog drops an Enter, and stays as it was.
  await box.press("Enter");
  let pressed = Date.now();
  await until(`the file dialog to take ${path}`, async () => {
    if (await done()) return true;
    if (Date.now() - pressed > againMs && (await box.count()) > 0 && (await box.inputValue({ timeout: 1_000 })) === path) {
      await box.press("Enter", { timeout: 1_000 });
      pressed = Date.now();
    }
    return false;
  }, { timeout: 60_000 });
}

/** Only files of some kinds may be listed, but all folders are; of a long list some rows are drawn. */
function isListOf(folder: string, [up, ...labels]: readonly string[]): boolean {
  const hasFolders = readdirSync(folder, { withFileTypes: true }).some((entry) => entry.isDirectory());
  return up === ".." && (labels.length > 0 || !hasFolders) && labels.every((label) => existsSync(join(folder, basename(label))));
}
