// Snapshots as a user goes about them: take one, change things, go back to it, and undo that; what stands in the way is said.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  answerDialog, answerNotification, appendText, editorText, explorer, keepEvidence, openOverlayWindow, pick, quickPickRows, remove, runCommand, save,
  tabs, typeInput, until, view, waitForEditor, waitForNotification, waitForStatus, waitForText, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

describe("snapshots", () => {
  let window: OverlayWindow;

  beforeAll(async () => {
    window = await openOverlayWindow({ "a.txt": "a of the base\n", "d/b.txt": "b of the base\n", "gone.txt": "gone\n" });
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  const rows = async (): Promise<string[]> => (await view(window.page, "Overlay Changes").rows()).map(({ label, badge }) => `${label} ${badge}`.trim());
  const changesAre = async (...wanted: string[]): Promise<void> => {
    await until(`the changes ${wanted.join(", ")}`, async () => JSON.stringify(await rows()) === JSON.stringify(wanted), { timeout: 10_000 })
      .catch(async () => { expect(await rows()).toEqual(wanted); });
  };
  async function edit(path: string, text: string): Promise<void> {
    await explorer(window.page).click(path, { clickCount: 2 });
    await waitForEditor(window.page, path.split("/").at(-1) ?? "");
    await appendText(window.page, text);
    await save(window.page);
  }

  test("Take Snapshot… asks for a name, and offers the time; nothing is changed any more", async () => {
    const { page } = window;
    await edit("a.txt", "first\n");
    await waitForStatus(page, "base: 1 change");
    await runCommand(page, "Overlay: Take Snapshot…");
    const box = page.locator(".quick-input-widget:visible .quick-input-box input");
    await until("the time", async () => (await box.inputValue()).includes(String(new Date().getFullYear())));
    await typeInput(page, "before the storm");
    await waitForStatus(page, "base: 0 changes");
    const welcome = page.locator(".pane", { has: page.locator('.pane-header[aria-label^="Overlay Changes"]') }).locator(".welcome-view-content");
    await until("the empty view's text", async () => (await welcome.innerText()).includes("Nothing was changed since the last snapshot"));
    expect(await editorText(page)).toContain("first");
  });

  test("Reset Layers… lists the layers with their figures, and goes back to the snapshot with no question; the open editor follows", async () => {
    const { page } = window;
    await edit("d/b.txt", "second\n");
    await remove(page, "gone.txt");
    await changesAre("d •", "b.txt M", "gone.txt D");
    await runCommand(page, "Overlay: Reset Layers…");
    await until("the figures", async () => (await quickPickRows(page)).filter(({ description }) => /\d+ byte/.test(description)).length === 2);
    const layers = await quickPickRows(page);
    expect(layers.map(({ label }) => label.trim())).toEqual(["Changes since 'before the storm'", "before the storm", "Base", "Only Some Folders and Files…"]);
    expect(layers[0]?.description).toMatch(/ · 2 changes · /);
    expect(layers[1]?.description).toMatch(/ · 1 change, /);
    await window.workbench.screenshot("snapshots-reset-layers");
    await pick(page, /^\s*before the storm/);
    await changesAre();
    await waitForNotification(page, "'base' is as in the snapshot 'before the storm' again.");
    await until("the base's text in the editor", async () => (await editorText(page)).trim() === "b of the base");
    await explorer(page).row("gone.txt");
    await window.workbench.screenshot("snapshots-undo-offered");
  });

  test("Undo in the notification brings it back; Undo Reset… does what is left to undo", async () => {
    const { page } = window;
    await answerNotification(page, "as in the snapshot", "Undo");
    await changesAre("d •", "b.txt M", "gone.txt D");
    await waitForText(page, "second");
    await runCommand(page, "Overlay: Reset Layers…");
    await pick(page, /^\s*Changes since/);
    await changesAre();
    await runCommand(page, "Overlay: Undo Reset…");
    await until("the size", async () => (await quickPickRows(page)).some(({ label, description }) => label.trim() === "All changes" && description.includes("byte")));
    await window.workbench.screenshot("snapshots-undo-reset");
    await pick(page, /All changes/);
    await changesAre("d •", "b.txt M", "gone.txt D");
  });

  test("what stands in the way is named, and its place is taken when the user says so", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Reset Layers…");
    await pick(page, /^\s*Base/);
    await changesAre();
    await explorer(page).click("a.txt", { clickCount: 2 });
    await until("the base's text in the editor", async () => (await editorText(page)).trim() === "a of the base");
    await edit("a.txt", "newer\n");
    await runCommand(page, "Overlay: Undo Reset…");
    await pick(page, /All changes/);
    expect((await waitForNotification(page, "Nothing was brought back:")).message).toContain("'/a.txt' was changed since and is in the way");
    await window.workbench.screenshot("snapshots-in-the-way");
    await answerNotification(page, "Nothing was brought back:", "Bring Back in Its Place");
    await changesAre("d •", "b.txt M", "gone.txt D");
    await waitForNotification(page, "What was in its place was thrown away.");
  });

  test("Compare with Snapshot… shows a file beside what it was, and beside the base", async () => {
    const { page } = window;
    await runCommand(page, "View: Close All Editors");
    await edit("a.txt", "third\n");
    await runCommand(page, "View: Close All Editors");
    for (const [layer, name] of [[/^\s*before the storm/, "before the storm"], [/^\s*Base/, "Base"]] as const) {
      await explorer(page).contextMenu("a.txt", "Compare with Snapshot…");
      await pick(page, layer);
      await until(`the comparison with ${name}`, async () => (await tabs(page)).some(({ active, title }) => active && title === `a.txt (${name} ↔ Overlay)`));
      await waitForText(page, "third");
      if (name !== "Base") await window.workbench.screenshot("snapshots-compare");
    }
    await runCommand(page, "View: Close All Editors");
    await runCommand(page, "Overlay: Compare with Snapshot…");
    await pick(page, /^\s*Base/);
    await until("the three files that differ from the base", async () => (await page.locator(".multiDiffEntry").count()) === 3);
    await window.workbench.screenshot("snapshots-compare-all");
    await runCommand(page, "View: Close All Editors");
  });

  test("Empty Trash… says how much goes, and is final", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Empty Trash…");
    const { message, detail } = await answerDialog(page, "Empty Trash");
    expect(message).toBe("Delete for good what was thrown away in the overlay 'base'?");
    expect(detail).toMatch(/entr(y|ies), \d+ byte.*Nothing brings/);
    await waitForStatus(page, "The trash of 'base' was emptied");
    await runCommand(page, "Overlay: Undo Reset…");
    await waitForStatus(page, "There is nothing to bring back");
  });
});
