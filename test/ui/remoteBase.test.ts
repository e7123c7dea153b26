// A base that another extension serves, as a user meets it: opened by its address or from the Explorer, waited for, lost, back.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeTemp, removeTemp } from "../support/processes.ts";
import { makeSlowBase } from "../support/vscode/slowBase.ts";
import {
  answerDialog, appendText, clickStatus, explorer, keepEvidence, offersCommand, pick, plantFiles, runCommand, save, startWorkbench, statusBar, typeInput, until, view, waitForDialog,
  waitForEditor, waitForNotification, waitForOverlay, waitForStatus, waitForText, type Workbench,
} from "../support/vscode/ui/index.ts";

describe("a base that is not on a disk", () => {
  const folder = makeTemp("remote-base");
  const slow = makeSlowBase(folder);
  let workbench: Workbench;

  beforeAll(async () => {
    plantFiles(slow.served, { "project/a.txt": "a of the base\n", "project/src/b.txt": "b of the base\n", "project/src/c.txt": "c of the base\n", "project/other/d.txt": "d\n" });
    mkdirSync(join(folder, "empty"));
    workbench = await startWorkbench({
      extension: "dev", others: [slow.extension], workspace: join(folder, "empty"), settings: { "overlay.scratchRoot": join(folder, "scratch") },
    });
  });
  afterEach((context) => {
    slow.release();
    return keepEvidence(context, workbench);
  });
  afterAll(async () => {
    slow.release();
    await workbench.close();
    removeTemp(folder);
  });

  /** VS Code says of each try to open a file that it failed, in a dialog of its own. */
  const dismissed = (): Promise<boolean> => until("no dialog", async () => {
    const cancel = workbench.page.locator(".monaco-dialog-box:visible .dialog-buttons .monaco-button", { hasText: "Cancel" });
    if ((await cancel.count()) === 0) return true;
    await cancel.first().click({ timeout: 1_000 });
    return false;
  });

  test("opens by its address, and is edited as any other", async () => {
    const { page } = workbench;
    await until("the extension's commands", () => offersCommand(page, "Overlay: Open Address as Overlay…"));
    await runCommand(page, "Overlay: Open Address as Overlay…");
    await typeInput(page, "slowbase://host/project");
    await pick(page, /This Window/);
    expect((await answerDialog(page, "Trust and Open")).message).toBe("Do you trust the authors of the files in 'slowbase://host/project'?");
    expect(new URL(await waitForOverlay(page)).pathname).toBe("/project");
    await waitForStatus(page, "project: 0 changes");
    await explorer(page).click("a.txt", { clickCount: 2 });
    await waitForEditor(page, "a.txt");
    await appendText(page, "mine\n");
    await save(page);
    await waitForStatus(page, "project: 1 change");
    await view(page, "Overlay Changes").waitFor("the change", (rows) => rows.some(({ label, badge }) => label === "a.txt" && badge === "M"));
    expect(readFileSync(join(slow.served, "project/a.txt"), "utf8")).toBe("a of the base\n");
  });

  test("while it does not answer the status bar says who is waited for, what is in the overlay can be edited, and a click ends the waiting", async () => {
    const { page } = workbench;
    await explorer(page).row("src/b.txt");
    slow.hold();
    await explorer(page).click("src/b.txt");
    await waitForStatus(page, "Waiting for project…");
    await explorer(page).click("a.txt", { clickCount: 2 });
    await waitForText(page, "mine");
    await appendText(page, "more\n");
    await save(page);
    await workbench.screenshot("waiting-for-base");
    await clickStatus(page, "Waiting for project…");
    await until("nobody to wait", async () => !(await statusBar(page)).some((text) => text.includes("Waiting for")));
    slow.release();
    await dismissed();
    await runCommand(page, "View: Close All Editors");
    await explorer(page).click("src/b.txt", { clickCount: 2 });
    await waitForText(page, "b of the base");
  });

  test("when it is lost the status bar says so until it answers again, and nothing is shown as gone", async () => {
    const { page } = workbench;
    await runCommand(page, "View: Close All Editors");
    slow.fail();
    await explorer(page).click("src/c.txt");
    expect((await waitForDialog(page)).detail).toContain("the base did not answer: the connection was lost");
    await dismissed();
    await waitForStatus(page, "project does not answer");
    await explorer(page).row("src/c.txt");
    await waitForStatus(page, "project: 1 change");
    await runCommand(page, "View: Close All Editors");
    slow.release();
    await clickStatus(page, "project does not answer");
    await until("the answer", async () => !(await statusBar(page)).some((text) => text.includes("does not answer")));
    await explorer(page).click("src/c.txt", { clickCount: 2 });
    await waitForText(page, "c of the base");
  });

  test("Apply to Base says that there is nothing it could write, and what can be done instead", async () => {
    const { page } = workbench;
    await runCommand(page, "Overlay: Apply to Base…");
    const { message, buttons } = await waitForNotification(page, "is not on a disk");
    expect(message).toBe("'slowbase://host/project' is not on a disk, so it is only ever read, and nothing was applied. The changes can be carried elsewhere.");
    expect(buttons).toEqual(["Export Patch…", "Export Folder…"]);
  });

  test("a folder of it in the Explorer opens as an overlay, and a reload finds everything again", async () => {
    const { page } = workbench;
    await workbench.open("slowbase://host/project");
    await explorer(page).contextMenu("other", "Open Folder as Overlay…");
    await pick(page, /This Window/);
    await until("the overlay", async () => new URL(await waitForOverlay(page)).pathname === "/other");
    await waitForStatus(page, "other: 0 changes");
    await explorer(page).click("d.txt", { clickCount: 2 });
    await waitForEditor(page, "d.txt");
    await appendText(page, "mine\n");
    await save(page);
    await workbench.reload();
    await waitForStatus(page, "other: 1 change");
    await explorer(page).click("d.txt", { clickCount: 2 });
    await waitForText(page, "mine");
  });
});
