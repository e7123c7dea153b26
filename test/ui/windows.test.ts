// Two windows on one overlay: the second reads, says who writes, follows what is written, and takes over when it can.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Page } from "playwright-core";
import {
  appendText, explorer, keepEvidence, offersCommand, openOverlayWindow, runCommand, save, until, view, waitForEditor, waitForNotification, waitForStatus, waitForText,
  type OverlayWindow,
} from "../support/vscode/ui/index.ts";

describe("a second window on an overlay", () => {
  let window: OverlayWindow;
  let second: Page;

  beforeAll(async () => {
    window = await openOverlayWindow({ "a.txt": "of the base\n", "b.txt": "of the base\n" });
    await waitForStatus(window.page, "base: 0 changes");
    second = await window.workbench.newWindow(window.uri);
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  test("is read-only, and the status bar names the owner", async () => {
    await waitForStatus(second, "base");
    const item = second.locator('.part.statusbar .statusbar-item[id$="overlay.status"]');
    await item.locator(".codicon-lock").waitFor();
    expect(await item.locator("a").first().getAttribute("aria-label")).toContain("read-only");
    expect(await offersCommand(second, "Overlay: Take Over…")).toBe(true);
    expect(await offersCommand(second, "Overlay: Reset Layers…")).toBe(false);
  });

  test("refuses to change anything, with the reason and the owner", async () => {
    expect(await explorer(second).contextMenu("a.txt", undefined)).not.toEqual(expect.arrayContaining(["Reset to Base"]));
    await explorer(second).click("a.txt", { clickCount: 2 });
    await waitForEditor(second, "a.txt");
    await until("the row to say that it is read-only", async () => (await explorer(second).read("a.txt")).tooltip.includes("Read-only"));
    await second.keyboard.press("Escape");
    await explorer(second).contextMenu("b.txt", "Rename...");
    const box = second.locator(".explorer-folders-view .explorer-item-edited input");
    await box.fill("c.txt");
    await box.press("Enter");
    expect((await waitForNotification(second, "read-only here because")).message).toMatch(/process \d+.* has it open/);
  });

  test("shows what the first one writes", async () => {
    const { page } = window;
    await explorer(page).click("a.txt", { clickCount: 2 });
    await waitForEditor(page, "a.txt");
    await appendText(page, "from the first\n");
    await save(page);
    await waitForText(second, "from the first");
    await waitForStatus(second, "base: 1 change");
    // VS Code's own lock takes the place of the badge's letter; the tooltip has both.
    await view(second, "Overlay Changes").waitFor("the change", (rows) => rows.some(({ label, tooltip }) => label === "a.txt" && tooltip.includes("Modified in the overlay")));
  });

  test("becomes writable when the first one closes", async () => {
    await window.page.goto("about:blank");
    const item = second.locator('.part.statusbar .statusbar-item[id$="overlay.status"]');
    await item.locator(".codicon-layers").waitFor({ timeout: 60_000 });
    await explorer(second).click("a.txt", { clickCount: 2 });
    await appendText(second, "from the second\n");
    await save(second);
    await runCommand(second, "View: Close All Editors");
    await explorer(second).click("a.txt", { clickCount: 2 });
    await waitForText(second, "from the second");
  });
});
