// VS Code trusts windows on overlay: by itself; the extension asks instead, and keeps the overlay closed after a "no".
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { withOverlay } from "../support/journey/script.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import {
  answerDialog, answerNotification, explorer, keepEvidence, plantFiles, startWorkbench, waitForDialog, waitForNotification, type Workbench,
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
    await workbench.reload();
    await explorer(workbench.page).row("file.txt");
    expect(await workbench.page.locator(".monaco-dialog-box:visible").count()).toBe(0);
  });
});
