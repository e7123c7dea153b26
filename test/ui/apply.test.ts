// Apply to Base…, as a user does it: the preview, the question, what is written and what is not, the undo, a base that is read-only.
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  acceptInput, answerDialog, answerNotification, appendText, explorer, keepEvidence, newFile, notifications, openOverlayWindow, pick, quickPickRows, remove,
  runCommand, save, until, view, waitForDialog, waitForEditor, waitForNotification, waitForStatus, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

describe("Apply to Base…", () => {
  let window: OverlayWindow;

  beforeAll(async () => {
    window = await openOverlayWindow({ "a.txt": "a\n", "b.txt": "b\n", "d/x.txt": "x\n", "stale.txt": "old\n" });
    const { page } = window;
    for (const path of ["a.txt", "d/x.txt", "stale.txt"]) {
      await explorer(page).click(path, { clickCount: 2 });
      await waitForEditor(page, path.split("/").at(-1) ?? "");
      await appendText(page, "mine\n");
      await save(page);
    }
    await newFile(page, "d", "new.txt");
    await waitForEditor(page, "new.txt");
    await appendText(page, "new\n");
    await save(page);
    await remove(page, "b.txt");
    await runCommand(page, "View: Close All Editors");
    writeFileSync(join(window.base, "stale.txt"), "changed by somebody else\n");
    await waitForStatus(page, "base: 5 changes");
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  const inBase = (path: string): string | undefined => (existsSync(join(window.base, path)) ? readFileSync(join(window.base, path), "utf8") : undefined);
  const before = { "a.txt": "a\n", "b.txt": "b\n", "d/x.txt": "x\n", "d/new.txt": undefined, "stale.txt": "changed by somebody else\n" };
  const applied = { ...before, "a.txt": "a\nmine\n", "b.txt": undefined, "d/x.txt": "x\nmine\n", "d/new.txt": "new\n" };
  const baseIs = (wanted: Readonly<Record<string, string | undefined>>): void => {
    expect(Object.fromEntries(Object.keys(wanted).map((path) => [path, inBase(path)]))).toEqual(wanted);
  };
  const rows = async (): Promise<(readonly [string, string, boolean | undefined])[]> => (await quickPickRows(window.page)).map(({ label, description, checked }) => [label.trim(), description, checked] as const);

  test("shows what would happen file by file; what others changed is not picked", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Apply to Base…");
    expect(await rows()).toEqual([
      ["a.txt", "overwritten", true], ["b.txt", "deleted", true], ["d/new.txt", "created", true], ["d/x.txt", "overwritten", true],
      ["stale.txt", "overwritten, with what others changed", false],
    ]);
    await window.workbench.screenshot("apply-preview");
  });

  test("asks with numbers and the folder's name; Cancel writes nothing", async () => {
    const { page } = window;
    await acceptInput(page);
    const said = await waitForDialog(page);
    expect(said.message).toBe(`Write 4 changes into '${window.base}'?`);
    expect(said.detail).toMatch(/2 overwritten, 1 created, 1 deleted\. What was there is kept first/);
    await window.workbench.screenshot("apply-question");
    await answerDialog(page, "Cancel");
    baseIs(before);
  });

  test("writes what was picked, says so, and leaves the rest in the overlay", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Apply to Base…");
    await quickPickRows(page);
    await acceptInput(page);
    await answerDialog(page, "Apply");
    await waitForNotification(page, "4 changes applied to");
    await window.workbench.screenshot("apply-done");
    baseIs(applied);
    await waitForStatus(page, "base: 1 change");
    await view(page, "Overlay Changes").waitFor("what was not applied", (rows) => rows.map(({ label }) => label).join() === "stale.txt");
  });

  test("Undo in the notification takes it back; the overlay has the changes again", async () => {
    const { page } = window;
    await answerNotification(page, "4 changes applied to", "Undo");
    await waitForNotification(page, "is as it was before");
    baseIs(before);
    await waitForStatus(page, "base: 5 changes");
  });

  test("one picked from a selection's menu, with what others changed, and the question says that", async () => {
    const { page } = window;
    await explorer(page).contextMenu("d", ["Export Overlay Changes", "Apply to Base…"]);
    expect((await rows()).map(([label]) => label)).toEqual(["d/new.txt", "d/x.txt"]);
    await page.keyboard.press("Escape");
    await runCommand(page, "Overlay: Apply to Base…");
    for (const [label, , checked] of await rows()) if (checked !== (label === "stale.txt")) await pick(page, new RegExp(`${label.replace(".", "\\.")}$`));
    await until("the pick of one", async () => (await rows()).filter(([, , checked]) => checked === true).map(([label]) => label).join() === "stale.txt");
    await acceptInput(page);
    expect((await answerDialog(page, "Apply")).detail).toContain("1 of them changed in the base since the overlay copied them");
    await waitForNotification(page, "1 change applied to");
    expect(inBase("stale.txt")).toBe("old\nmine\n");
  });

  test("Undo Apply… offers what was applied, and takes the chosen one back", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Undo Apply…");
    expect((await quickPickRows(page)).map(({ description, detail }) => [description, detail])).toEqual([["1 change", `stale.txt in ${window.base}`]]);
    await acceptInput(page);
    await until("the base as it was", async () => inBase("stale.txt") === before["stale.txt"]);
    baseIs(before);
  });

  test("a base that is read-only is left alone, and the exports are offered", async () => {
    const { page } = window;
    chmodSync(window.base, 0o555);
    try {
      await runCommand(page, "Overlay: Apply to Base…");
      const { buttons, severity } = await waitForNotification(page, "cannot be written, so nothing was applied");
      expect([buttons, severity]).toEqual([["Export Patch…", "Export Folder…"], "warning"]);
      expect((await notifications(page)).length).toBeGreaterThan(0);
      baseIs(before);
    } finally {
      chmodSync(window.base, 0o755);
    }
  });
});
