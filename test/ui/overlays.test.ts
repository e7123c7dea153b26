// The Overlays view as a user has it: what a row says, what unfolding finds out, rename, duplicate, delete and its undo.
import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  answerNotification, appendText, explorer, growView, keepEvidence, openOverlayWindow, save, typeInput, until, view, waitForEditor, waitForNotification,
  waitForOverlay, waitForStatus, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

describe("the Overlays view", () => {
  let window: OverlayWindow;

  beforeAll(async () => {
    window = await openOverlayWindow({ "a.txt": "a of the base\n", "b.txt": "b\n" });
    await window.page.setViewportSize({ width: 1280, height: 1000 });
    await explorer(window.page).click("a.txt", { clickCount: 2 });
    await waitForEditor(window.page, "a.txt");
    await appendText(window.page, "mine\n");
    await save(window.page);
    await waitForStatus(window.page, "base: 1 change");
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  const overlays = () => view(window.page, "Overlays");
  const labels = async (): Promise<string[]> => (await overlays().rows()).filter(({ level }) => level === 1).map(({ label }) => label);
  const listed = async (...wanted: string[]): Promise<void> => {
    await until(`the overlays ${wanted.join(", ")}`, async () => JSON.stringify(await labels()) === JSON.stringify(wanted), { timeout: 10_000 }).catch(async () => { expect(await labels()).toEqual(wanted); });
  };
  const kept = (): string[] => readdirSync(window.scratchRoot).filter((name) => name.startsWith(".removed-"));

  test("a row says base and changes; unfolded it says size, snapshots and last use, and a screen reader hears all of it", async () => {
    const { page } = window;
    await listed("base");
    await growView(page, "Overlays", 200);
    expect((await overlays().read("base")).description).toBe(`1 change · ${window.base}`);
    expect(await (await overlays().row("base")).getAttribute("aria-label")).toBe(`base, overlay over ${window.base}, 1 change, open in this window`);
    await overlays().row("base/Size");
    const facts = await overlays().waitFor("the size", (rows) => rows.some(({ label, description }) => label === "Size" && /\d/.test(description)));
    expect(facts.filter(({ level }) => level === 2).map(({ label, description }) => `${label}: ${description}`)).toEqual([
      `Base: ${window.base}`, "Changes: 1 change", expect.stringMatching(/^Size: [\d.,]+ ?(kB|byte)/), "Snapshots: none", expect.stringMatching(/^Last used: /),
    ]);
    await window.workbench.screenshot("overlays-view");
    await overlays().collapse("base");
  });

  test("F2 renames, and every place shows the new name", async () => {
    const { page } = window;
    await overlays().click("base");
    await page.keyboard.press("F2");
    await typeInput(page, "Experiment");
    await listed("Experiment");
    await waitForStatus(page, "Experiment: 1 change");
  });

  test("a duplicate has the same changes, and opens from the row's button", async () => {
    const { page } = window;
    await overlays().contextMenu("Experiment", "Duplicate Overlay");
    await waitForNotification(page, "'Experiment' was duplicated as 'Experiment 2'.");
    await listed("Experiment", "Experiment 2");
    await overlays().row("Experiment 2/Changes");
    await overlays().waitFor("the count", (rows) => rows.filter(({ label, description }) => label === "Changes" && description === "1 change").length > 0);
    await overlays().collapse("Experiment 2");
    await waitForStatus(page, "Experiment: 1 change");
    await explorer(page).click("a.txt", { clickCount: 2 });
    await waitForEditor(page, "a.txt");
    await appendText(page, "and on\n");
    await save(page); // the first is writable still
  });

  test("Delete takes the selected one away with no question, and Undo brings it back", async () => {
    const { page } = window;
    await overlays().click("Experiment 2");
    await page.keyboard.press("Delete");
    await listed("Experiment");
    expect(kept()).toHaveLength(1);
    await answerNotification(page, "The overlay 'Experiment 2' was deleted.", "Undo");
    await waitForNotification(page, "The overlay 'Experiment 2' is back.");
    await listed("Experiment", "Experiment 2");
    expect(kept()).toEqual([]);
  });

  test("the other one opens in this window", async () => {
    const { page } = window;
    await overlays().contextMenu("Experiment 2", "Open Overlay");
    await until("the other overlay", async () => (await waitForOverlay(page)) !== window.uri);
    await waitForStatus(page, "Experiment 2: 1 change");
    await listed("Experiment 2", "Experiment");
  });
});
