// `npm run screenshots`: takes the README's pictures from the running thing, into media/screenshots. What they show is done
// in the workbench as a user does it, on the tree that the journey test uses. OVERLAY_SCREENSHOT_THEME and
// OVERLAY_SCREENSHOT_FOLDER take them in another theme, to another place. stale.png is one that `npm run test:ui -- stale`
// leaves in .vscode-test/screenshots.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { buildProduct } from "./build.ts";
import { makeSourceTree } from "./journey/sourceTree.ts";
import { requireNode24, root, say } from "./paths.ts";
import { makeTemp, removeTemp } from "./processes.ts";
import {
  appendText, explorer, growView, newFile, newTopFolder, ownSearch, quickPickRows, remove, rename, runCommand, save, sourceControl, startWorkbench, typeInput, until, useMenu, view,
  waitForEditor, waitForOverlay, waitForStatus, waitForText,
} from "./vscode/ui/index.ts";

const size = { width: 1400, height: 900 };

async function main(): Promise<void> {
  say("building");
  await buildProduct();
  const folder = makeTemp("screenshots");
  const base = join(folder, "eslint");
  makeSourceTree(base);
  say("starting VS Code");
  const workbench = await startWorkbench({
    extension: "dev", env: { OVERLAY_WORKSPACE_OPEN: base, XDG_RUNTIME_DIR: makeFolder(folder, "run") },
    settings: { "editor.minimap.enabled": false, "workbench.colorTheme": process.env["OVERLAY_SCREENSHOT_THEME"] ?? "Default Light Modern", "diffEditor.renderSideBySide": true, "json.validate.enable": false, "overlay.search.useBuiltInSearch": "never" },
  });
  try {
    await workbench.page.setViewportSize(size);
    await waitForOverlay(workbench.page);
    await makeChanges(workbench.page, base);
    await takePictures(workbench.page);
  } finally {
    await workbench.close();
    removeTemp(folder);
  }
}

function makeFolder(folder: string, name: string): string {
  const made = join(folder, name);
  mkdirSync(made, { mode: 0o700 });
  return made;
}

async function makeChanges(page: Page, base: string): Promise<void> {
  await explorer(page).row("lib/cli.js");
  await growView(page, "Overlay Changes", 60);
  await explorer(page).click("lib/cli.js", { clickCount: 2 });
  await waitForEditor(page, "cli.js");
  const lines = readFileSync(join(base, "lib", "cli.js"), "utf8").split("\n");
  const format = lines.findIndex((line) => line.includes("const output = await formatter.format("));
  await typeAtEndOf(page, format + 1, "\ndebug(`Formatted ${results.length} results in ${Math.round(performance.now() - since)} ms`);");
  await typeAtEndOf(page, format, "\tconst since = performance.now();\n");
  await save(page);
  await newFile(page, "lib", "notes.md");
  await waitForEditor(page, "notes.md");
  await appendText(page, "# Notes\n");
  await save(page);
  await rename(page, "lib/rules", "checks");
  await explorer(page).row("lib/checks");
  await explorer(page).collapse("lib");
  await remove(page, "LICENSE");
  await remove(page, "conf");
  await remove(page, "messages");
  await newTopFolder(page, "README.md", "messages");
  await newFile(page, "messages", "own.js");
  await waitForEditor(page, "own.js");
  await appendText(page, "module.exports = {};\n");
  await save(page);
  await runCommand(page, "View: Close All Editors");
  await waitForStatus(page, "8 changes");
}

async function typeAtEndOf(page: Page, line: number, text: string): Promise<void> {
  await page.keyboard.press("Control+G");
  await typeInput(page, `:${line}`);
  await waitForStatus(page, `Ln ${line},`);
  await page.keyboard.press("End");
  await page.keyboard.insertText(text);
}

async function takePictures(page: Page): Promise<void> {
  await explorer(page).click("lib/cli.js", { clickCount: 2 });
  await waitForEditor(page, "cli.js");
  await runCommand(page, "Overlay: Compare with Base");
  await waitForText(page, "performance.now()");
  await take(page, "overview");

  await explorer(page).click("lib/cli.js", { button: "right" });
  await page.locator(".monaco-menu .action-label").first().waitFor();
  await take(page, "menu");
  await useMenu(page, undefined);

  await runCommand(page, "Overlay: Reset Layers…");
  await quickPickRows(page);
  await take(page, "reset-layers");
  await page.keyboard.press("Escape");

  await runCommand(page, "View: Close All Editors");
  await sourceControl(page).row("Changes/cli.js");
  await runCommand(page, "Overlay: Open All Changes");
  await until("the changes", async () => (await page.locator(".multiDiffEntry .file-path .title.modified .label-name").count()) >= 3);
  await take(page, "source-control");

  await runCommand(page, "View: Close All Editors");
  await runCommand(page, "Overlay: Apply to Base…");
  await quickPickRows(page);
  await take(page, "apply");
  await page.keyboard.press("Escape");

  await takeSearch(page);

  await explorer(page).collapse("lib");
  await explorer(page).contextMenu("README.md", undefined);
  await view(page, "Overlays").contextMenu("eslint", "Duplicate Overlay");
  await view(page, "Overlays").row("eslint 2");
  await view(page, "Overlays").row("eslint/Size");
  await growView(page, "Overlays", 160);
  await view(page, "Overlays").waitFor("the size", (rows) => rows.some(({ label, description }) => label === "Size" && /\d/.test(description)));
  await runCommand(page, "Notifications: Clear All Notifications");
  await page.mouse.move(900, 300); // away from the edge that was pulled
  await take(page, "overlays");
  await takeMounted(page);
}

/** A window on the mounted overlay, with a shell in it. */
async function takeMounted(page: Page): Promise<void> {
  const opened = page.context().waitForEvent("page");
  await runCommand(page, "Overlay: Open Mounted");
  const mounted = await opened;
  await mounted.setViewportSize(size);
  await waitForStatus(mounted, /eslint: \d+ changes/, { timeout: 60_000 });
  await explorer(mounted).click("lib/cli.js", { clickCount: 2 });
  await waitForEditor(mounted, "cli.js");
  await growView(mounted, "Overlay Changes", 60);
  await runCommand(mounted, "Terminal: Create New Terminal");
  await mounted.locator(".terminal-wrapper.active .xterm-helper-textarea").focus();
  for (const line of ["PS1='$ '; clear", "git switch -c experiment", "git diff --stat -- lib/cli.js", "ls lib/checks | wc -l"]) {
    await mounted.keyboard.type(line);
    await mounted.keyboard.press("Enter");
  }
  await waitForStatus(mounted, "experiment");
  await mounted.mouse.move(900, 300);
  await take(mounted, "mounted");
  await runCommand(mounted, "Terminal: Kill All Terminals");
  await runCommand(mounted, "Overlay: Unmount");
  await until("the mount to be gone", async () => mounted.url().includes("folder=overlay"), { timeout: 60_000 });
  await waitForOverlay(mounted);
  await mounted.close();
}

/** The view Overlay Search with something to replace, and the comparison that shows it. */
async function takeSearch(page: Page): Promise<void> {
  const search = ownSearch(page);
  await search.open();
  await search.search("formatter");
  await search.button("toggleDetails").click();
  await search.box("includes").fill("lib/**/*.js");
  await search.button("toggleReplace").click();
  await search.box("replacement").fill("reporter");
  await (await search.row("lib/cli.js", 2)).click();
  await until("the comparison", async () => (await page.locator(".editor-instance .editor.modified .view-line").count()) > 0);
  await page.mouse.move(900, 500);
  await take(page, "search");
  await runCommand(page, "View: Close All Editors");
}

/** Waits until nothing moves any more: menus and quick picks fade in. */
async function take(page: Page, name: string): Promise<void> {
  let last = "";
  await until("the window to come to rest", async () => {
    const now = (await page.screenshot()).toString("base64");
    const still = now === last;
    last = now;
    return still;
  });
  const folder = process.env["OVERLAY_SCREENSHOT_FOLDER"] ?? join(root, "media", "screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

requireNode24();
await main();
