// VS Code's own file dialog, as a workbench without a desktop has it: a quick pick of files with a box for the path.
import type { Page } from "playwright-core";
import { until } from "./until.ts";

/**
 * Types a path and accepts it, until `done`. The dialog takes one Enter for the path and one to accept it, as it happens to
 * have listed the folder or not; and it may put its own path into the box after ours was typed: then it is typed again.
 */
export async function choosePath(page: Page, path: string, done: () => Promise<boolean>): Promise<void> {
  const box = page.locator(".quick-input-widget:visible .quick-input-box input");
  await until(`the file dialog to take ${path}`, async () => {
    if (await done()) return true;
    await box.waitFor({ timeout: 2_000 });
    const value = await box.inputValue({ timeout: 1_000 });
    if (value !== path) await box.fill(path, { timeout: 1_000 });
    // It looks for the path while it is typed; an Enter before that is taken for what was there before.
    await new Promise((resolve) => setTimeout(resolve, 300));
    if ((await box.inputValue({ timeout: 1_000 })) === path) await box.press("Enter", { timeout: 1_000 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    return done();
  });
}
