/** A window on a workspace file, which VS Code takes for empty when it reads it before its server can be asked for it. */
import type { Workbench } from "../workbench.ts";
import { explorer } from "./tree.ts";
import { until } from "./until.ts";

/** Opens the file until the Explorer shows so many folders. The window was started on it, or on nothing. */
export async function waitForFolders(workbench: Workbench, file: string, count: number): Promise<void> {
  const lost = workbench.page.getByText("You have not yet added a folder to the workspace.");
  await until("the workspace's folders", async () => {
    if (await lost.isVisible()) await workbench.open(file);
    return (await explorer(workbench.page).rows()).filter(({ level }) => level === 1).length === count;
  }, { timeout: 120_000 });
}
