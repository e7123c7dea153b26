// What a failed UI test leaves for whoever looks into it: its windows as they were.
import type { TestContext } from "vitest";
import type { Workbench } from "../workbench.ts";

/** For `afterEach`: saves a screenshot of each window, named after the test, when the test failed. */
export async function keepEvidence({ task }: TestContext, workbench: Workbench | undefined): Promise<void> {
  if (task.result?.state !== "fail" || workbench === undefined) return;
  const name = task.name.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 60);
  for (const [at, page] of workbench.page.context().pages().entries()) {
    const path = `.vscode-test/screenshots/failed-${name}${at === 0 ? "" : `-${at + 1}`}.png`;
    await page.screenshot({ path }).catch(() => undefined); // The window may be what failed.
    process.stderr.write(`${path}\n`);
  }
}
