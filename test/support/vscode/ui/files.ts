// What a user does to files in the Explorer: new file, new folder, rename, delete.
import type { Page } from "playwright-core";
import { answerDialog } from "./dialogs.ts";
import { explorer } from "./tree.ts";
import { until } from "./until.ts";

/** Types a name into the box that the Explorer opens in the tree. */
async function typeName(page: Page, name: string): Promise<void> {
  const box = page.locator(".explorer-folders-view .explorer-item-edited input");
  await box.waitFor();
  await box.fill(name);
  await box.press("Enter");
  await box.waitFor({ state: "hidden" });
}

/** `folder` "" is the top; then some file must lie there, which is clicked first. */
export async function newFile(page: Page, folder: string, name: string): Promise<void> {
  await explorer(page).contextMenu(folder, "New File...");
  await typeName(page, name);
}

export async function newFolder(page: Page, folder: string, name: string): Promise<void> {
  await explorer(page).contextMenu(folder, "New Folder...");
  await typeName(page, name);
}

/** Makes a folder at the top, beside `sibling`, with the button above the tree. */
export async function newTopFolder(page: Page, sibling: string, name: string): Promise<void> {
  await explorer(page).click(sibling);
  await page.locator(".explorer-folders-view").hover();
  await page.locator('.pane-header .action-label[aria-label^="New Folder"]').click();
  await typeName(page, name);
}

export async function rename(page: Page, path: string, name: string): Promise<void> {
  await explorer(page).contextMenu(path, "Rename...");
  await typeName(page, name);
}

/** Deletes for good, as VS Code says where there is no bin, and waits until the row is gone. */
export async function remove(page: Page, path: string): Promise<void> {
  await explorer(page).contextMenu(path, "Delete Permanently");
  await answerDialog(page, "Delete");
  await gone(page, path);
}

/** Waits until the Explorer has no row at a path; the folder that it lay in is shown. */
export async function gone(page: Page, path: string): Promise<void> {
  const names = path.split("/");
  const name = names.pop() ?? "";
  if (names.length > 0) await explorer(page).row(names.join("/"));
  await until(`${path} to go from the Explorer`, async () => !(await explorer(page).rows()).some((row) => row.level === names.length + 1 && row.label === name));
}
