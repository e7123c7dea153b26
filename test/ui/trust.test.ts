// VS Code trusts windows on overlay: by itself; the extension asks instead, and keeps the overlay closed after a "no".
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { withOverlay } from "../support/journey/script.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import {
  answerDialog, answerNotification, explorer, keepEvidence, plantFiles, startWorkbench, until, waitForDialog, waitForNotification, type Workbench,
} from "../support/vscode/ui/index.ts";

describe("an overlay over a folder that nobody has trusted", () => {
  const folder = makeTemp("trust");
  const base = join(folder, "unknown");
  const scratchRoot = join(folder, "scratch");
  let workbench: Workbench;

  beforeAll(async () => {
    plantFiles(base, { "file.txt": "1\n" });
    mkdirSync(scratchRoot);
    await withOverlay(base, join(scratchRoot, "unknown-1"), "");
    workbench = await startWorkbench({
      extension: "dev", workspaceTrust: true, workspace: "overlay://unknown-1/unknown",
      settings: { "overlay.scratchRoot": scratchRoot, "security.workspace.trust.startupPrompt": "never" },
    });
  });

  afterEach((context) => keepEvidence(context, workbench));

  afterAll(async () => {
    await workbench.close();
    removeTemp(folder);
  });

  test("asks in a modal that names the folder; a no keeps it closed and says so", async () => {
    const { page } = workbench;
    const said = await waitForDialog(page);
    await workbench.screenshot("trust");
    expect(said.message).toBe(`Do you trust the authors of the files in '${base}'?`);
    expect(said.buttons).toEqual(["Cancel", "Trust and Open"]);
    await answerDialog(page, "Cancel");
    const notice = await waitForNotification(page, "The overlay could not be opened.");
    expect(notice.message).toContain("You have not trusted");
    expect((await explorer(page).rows()).map(({ label }) => label)).not.toContain("file.txt");
    await workbench.screenshot("trust-refused");
  });

  test("asks again when the user wants it after all, and opens with a yes", async () => {
    const { page } = workbench;
    await answerNotification(page, "The overlay could not be opened.", "Try Again");
    await answerDialog(page, "Trust and Open");
    await explorer(page).row("file.txt");
  });

  test("does not ask twice", async () => {
    // The page writes down what extensions keep a little later; a reload before that would forget the answer.
    await until("the answer to be kept", async () => (await kept(workbench.page)).some((value) => value.includes("trustedBases") && value.includes(base)));
    await workbench.reload();
    await explorer(workbench.page).row("file.txt");
    expect(await workbench.page.locator(".monaco-dialog-box:visible").count()).toBe(0);
  });
});

/** All that the page has stored for good, as text. */
function kept(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const wait = <T>(request: IDBRequest<T>): Promise<T> => new Promise((resolve, reject) => {
      request.onsuccess = () => { resolve(request.result); };
      request.onerror = () => { reject(new Error("the database does not answer")); };
    });
    const values: string[] = [];
    for (const { name } of await indexedDB.databases()) {
      if (name === undefined) continue;
      const database = await wait(indexedDB.open(name));
      for (const store of database.objectStoreNames) {
        const all: unknown[] = await wait(database.transaction(store).objectStore(store).getAll());
        values.push(...all.filter((value) => typeof value === "string"));
      }
      database.close();
    }
    return values;
  });
}
