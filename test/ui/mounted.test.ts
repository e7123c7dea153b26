// An overlay that is mounted, as a user works in it: terminal, git and search in the folder, what differs and resets on its
// files, beside a window on overlay: that shows the same, and the end of it.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { canMount } from "../support/canMount.ts";
import { differences, recordTree, type TreeRecord } from "../support/journey/treeRecord.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import { standingIn } from "../support/standing.ts";
import {
  answerNotification, appendText, explorer, keepEvidence, openOverlayWindow, runCommand, save, shownFolder, typeInput, until, view, waitForEditor, waitForNotification, waitForStatus, waitForText, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

describe.skipIf(!canMount)("a mounted overlay", () => {
  let window: OverlayWindow;
  let mounted: Page;
  let folder = "";
  let before: TreeRecord;
  const runtime = makeTemp("run");

  const git = (...args: string[]): string => execFileSync("git", ["-C", folder, "-c", "user.name=T", "-c", "user.email=t@example.org", ...args], { encoding: "utf8" });

  const isMounted = (): boolean => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${folder} `);

  beforeAll(async () => {
    window = await openOverlayWindow({ "a.txt": "of the base\n", "b.txt": "of the base\n", "src/c.ts": "export const c = 1;\n", "data.json": "{}\n" }, { env: { XDG_RUNTIME_DIR: runtime } });
    for (const args of [["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "first"]]) execFileSync("git", ["-C", window.base, "-c", "user.name=T", "-c", "user.email=t@example.org", ...args]);
    before = recordTree(window.base);
  });

  afterEach((context) => keepEvidence(context, window.workbench));

  afterAll(async () => {
    await window.close();
    if (folder !== "") await until("the mount to go with its last window", async () => !isMounted(), { timeout: 60_000 });
    removeTemp(runtime);
  });

  test("Open Mounted opens the folder where it stands, with what was changed before, and the base as it was", async () => {
    const { page } = window;
    await waitForStatus(page, "base: 0 changes");
    await explorer(page).click("a.txt", { clickCount: 2 });
    await waitForEditor(page, "a.txt");
    await appendText(page, "before the mount\n");
    await save(page);
    const opened = page.context().waitForEvent("page");
    await runCommand(page, "Overlay: Open Mounted");
    mounted = await opened;
    await mounted.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
    folder = (shownFolder(mounted) ?? "").replace(/^[a-z-]+:\/\/[^/]*/, "");
    expect(folder.startsWith(join(runtime, "overlay-workspace"))).toBe(true);
    await explorer(mounted).row("a.txt");
    expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("of the base\nbefore the mount\n");
  });

  test("its files have badges, a list of changes and a status of their own", async () => {
    await waitForStatus(mounted, "base: 1 change");
    await until("the badge", async () => (await explorer(mounted).read("a.txt")).tooltip.includes("Modified in the overlay"));
    await view(mounted, "Overlay Changes").waitFor("the change", (rows) => rows.some(({ label }) => label === "a.txt"));
    await explorer(mounted).contextMenu("a.txt", "Compare with Base");
    await waitForText(mounted, "before the mount");
    await runCommand(mounted, "View: Close All Editors");
  });

  test("what git, a program and the editor do there is seen in both windows", async () => {
    git("switch", "-q", "-c", "try");
    writeFileSync(join(folder, "new.txt"), "by a program\n");
    git("add", ".");
    git("commit", "-q", "-m", "in the overlay");
    expect(git("log", "--format=%s").split("\n").slice(0, 2)).toEqual(["in the overlay", "first"]);
    await explorer(window.page).row("new.txt");
    await explorer(mounted).row("new.txt");
    await explorer(mounted).click("b.txt", { clickCount: 2 });
    await waitForEditor(mounted, "b.txt");
    await appendText(mounted, "from the mounted window\n");
    await save(mounted);
    await explorer(window.page).click("b.txt", { clickCount: 2 });
    await waitForText(window.page, "from the mounted window");
  });

  test("a file is reset from the mounted window's Explorer", async () => {
    await explorer(mounted).contextMenu("b.txt", "Reset to Base");
    const dialog = mounted.locator(".monaco-dialog-box:visible");
    await dialog.getByRole("button", { name: "Reset", exact: true }).click();
    await until("the file to be the base's", async () => readFileSync(join(folder, "b.txt"), "utf8") === "of the base\n");
    await waitForText(window.page, "of the base");
  });

  test("a terminal from the virtual window stands in it, and Unmount names its shell", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Apply to Base…");
    await waitForNotification(page, "'base' is mounted, and its base must not change beneath the mount.");
    await runCommand(page, "Overlay: New Terminal");
    await page.locator(".terminal-wrapper.active .xterm-helper-textarea").focus();
    await page.keyboard.type("pwd > where.txt");
    await page.keyboard.press("Enter");
    await until("the shell to have written", async () => existsSync(join(folder, "where.txt")) && readFileSync(join(folder, "where.txt"), "utf8").trim() === folder);
    await runCommand(page, "Overlay: Unmount");
    expect((await waitForNotification(page, "The overlay was not unmounted")).message).toMatch(/in use by \w+ \(\d+\)/);
    await runCommand(page, "Terminal: Kill All Terminals");
    await until("the shell to have gone", async () => page.locator(".terminal-wrapper").count().then((count) => count === 0));
  });

  test("Unmount, offered when a language server of its own is in the way of a snapshot, goes on with the overlay, which shows the same; Reset Layers: as new; the base is untouched", async () => {
    await explorer(mounted).click("data.json", { clickCount: 2 });
    await until("the window's own language server to stand in the mount", async () => standingIn(folder).length > 0, { timeout: 60_000 });
    await runCommand(mounted, "Overlay: Take Snapshot…");
    await typeInput(mounted, "before the end");
    await answerNotification(mounted, "this needs the overlay unmounted for a moment, and the mounted overlay is in use by", "Unmount");
    await mounted.waitForURL((url) => url.searchParams.get("folder")?.startsWith("overlay:") ?? false, { timeout: 60_000 });
    await until("the mount to be gone", async () => !isMounted(), { timeout: 30_000 });
    expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
    await explorer(mounted).row("new.txt");
    const { page } = window;
    await explorer(page).click("new.txt", { clickCount: 2 });
    await waitForText(page, "by a program");
    expect(differences(before, recordTree(window.base))).toEqual([]);
    expect(readdirSync(window.base)).not.toContain("new.txt");
  });
});
