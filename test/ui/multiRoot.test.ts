// Two overlays over one base and a plain folder in one workspace file: each is told from the others wherever it shows.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { canMount } from "../support/canMount.ts";
import { withOverlay } from "../support/journey/script.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import { standingIn } from "../support/standing.ts";
import {
  appendText, explorer, growView, keepEvidence, plantFiles, quickInputText, quickPickRows, runCommand, save, sourceControl, startWorkbench, until, view, waitForEditor, waitForFolders, waitForStatus,
  waitForText, pick, type Workbench,
} from "../support/vscode/ui/index.ts";

describe("a workspace with two overlays over one base and a plain folder", () => {
  const folder = makeTemp("multi-root");
  const base = join(folder, "base");
  const file = join(folder, "work.code-workspace");
  const runtime = join(folder, "run");
  let workbench: Workbench;

  beforeAll(async () => {
    mkdirSync(runtime, { mode: 0o700 });
    plantFiles(base, { "a.txt": "a of the base\n", "b.txt": "b of the base\n" });
    plantFiles(join(folder, "plain"), { "p.txt": "plain\n" });
    for (const name of ["first", "second"]) {
      await withOverlay(base, join(folder, "scratch", name), name === "first" ? 'await overlay.append("/a.txt", "of the first\\n");' : "");
      const manifest = join(folder, "scratch", name, "overlay.json");
      writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"name": "base"', `"name": "${name}"`));
    }
    writeFileSync(file, JSON.stringify({
      folders: [{ uri: "overlay://first/base", name: "First" }, { uri: "overlay://second/base", name: "Second" }, { path: "plain", name: "Plain" }],
    }));
    // Named from outside, the base needs no question.
    workbench = await startWorkbench({ extension: "dev", workspace: file, env: { OVERLAY_WORKSPACE_OPEN: base, XDG_RUNTIME_DIR: runtime }, settings: { "overlay.scratchRoot": join(folder, "scratch"), "scm.providerCountBadge": "visible" } });
    await waitForFolders(workbench, file, 3);
  });
  afterEach((context) => keepEvidence(context, workbench));
  afterAll(async () => {
    await workbench.close();
    removeTemp(folder);
  });

  const badge = async (path: string): Promise<string> => (await explorer(workbench.page).read(path)).badge;
  async function open(path: string): Promise<void> {
    await explorer(workbench.page).click(path, { clickCount: 2 });
    await waitForEditor(workbench.page, path.split("/").at(-1) ?? "");
  }

  test("shows the three folders, each overlay with its own badges", async () => {
    const { page } = workbench;
    await explorer(page).waitFor("the folders", (rows) => ["First", "Second", "Plain"].every((name) => rows.some(({ label, level }) => level === 1 && label === name)));
    await until("the first's badge", async () => (await badge("First/a.txt")) === "M");
    expect(await badge("Second/a.txt")).toBe("");
    await explorer(page).row("Plain/p.txt");
  });

  test("an edit in the second is the second's alone; the plain folder's own is written to the disk", async () => {
    const { page } = workbench;
    await open("Second/b.txt");
    await appendText(page, "of the second\n");
    await save(page);
    await until("its badge", async () => (await badge("Second/b.txt")) === "M");
    expect(await badge("First/b.txt")).toBe("");
    await open("Plain/p.txt");
    await appendText(page, "mine\n");
    await save(page);
    expect(await badge("Plain/p.txt")).toBe("");
  });

  test("the status bar is that of the active editor's overlay", async () => {
    const { page } = workbench;
    await open("First/a.txt");
    await waitForStatus(page, "first: 1 change");
    await open("Second/a.txt");
    await waitForStatus(page, "second: 1 change");
  });

  test("Source Control has both, each with its rows; Overlay Changes, too", async () => {
    const { page } = workbench;
    await explorer(page).row("First/a.txt");
    await growView(page, "Overlay Changes", 100);
    for (const path of ["first/a.txt", "second/b.txt"]) await view(page, "Overlay Changes").row(path); // unfolds them
    const rows = await view(page, "Overlay Changes").waitFor("both", (all) => all.length === 4);
    expect(rows.map(({ label, level }) => `${level} ${label}`)).toEqual(["1 first", "2 a.txt", "1 second", "2 b.txt"]);
    // VS Code has them in the order in which they came, or the user's. Each change stands beneath its own overlay.
    await sourceControl(page).row("First/Changes/a.txt");
    await sourceControl(page).row("Second/Changes/b.txt");
    const shown = await sourceControl(page).waitFor("both", (all) => all.length === 6);
    expect(shown.map(({ label, level }) => `${level} ${label}`).sort()).toEqual(["1 First", "1 Second", "2 Changes", "2 Changes", "3 a.txt", "3 b.txt"]);
  });

  test("in Source Control each overlay has its title and its own count; a save in one changes that one's alone", async () => {
    const { page } = workbench;
    const counts = async (): Promise<string[]> => {
      await sourceControl(page).row("First/Changes/a.txt"); // shows the view
      const rows = await page.locator(".scm-view .monaco-list-row:has(.scm-provider)").evaluateAll((all) =>
        all.map((row) => `${row.querySelector(".label-name")?.textContent ?? ""} ${row.querySelector(".count")?.textContent ?? ""}`.trim()));
      return rows.sort();
    };
    const countsAre = async (...wanted: string[]): Promise<void> => {
      await until(`the counts ${wanted.join(", ")}`, async () => JSON.stringify(await counts()) === JSON.stringify(wanted)).catch(async () => { expect(await counts()).toEqual(wanted); });
    };
    await countsAre("First 1", "Second 1");
    // Every count that is drawn meanwhile is kept: the other one's must never have been another.
    await page.evaluate(() => {
      const drawn = new Set<string>();
      const view = document.querySelector(".scm-view");
      const look = (): void => {
        for (const row of view?.querySelectorAll(".monaco-list-row:has(.scm-provider)") ?? []) drawn.add(`${row.querySelector(".label-name")?.textContent ?? ""} ${row.querySelector(".count")?.textContent ?? ""}`.trim());
      };
      look();
      if (view !== null) new MutationObserver(look).observe(view, { subtree: true, childList: true, characterData: true });
      Object.assign(globalThis, { drawnCounts: () => [...drawn].sort() });
    });
    await waitForEditor(page, "a.txt"); // the second's
    await appendText(page, "and more\n");
    await save(page);
    await countsAre("First 1", "Second 2");
    const drawn = await page.evaluate(() => (globalThis as unknown as { drawnCounts(): string[] }).drawnCounts());
    expect(drawn.filter((text) => text.startsWith("First"))).toEqual(["First 1"]);
  });

  test("a command that is about one overlay asks which, the active editor's first", async () => {
    const { page } = workbench;
    await open("Second/a.txt");
    await runCommand(page, "Overlay: Reset Layers…");
    expect((await quickInputText(page)).placeholder).toBe("Which overlay?");
    expect((await quickPickRows(page)).map(({ label, description }) => [label, description])).toEqual([["second", base], ["first", base]]);
    await pick(page, "second");
    await until("what of the second", async () => (await quickInputText(page)).title.includes("second"));
    await page.keyboard.press("Escape");
  });

  test("Compare with Base takes the file that it was called on", async () => {
    const { page } = workbench;
    await explorer(page).contextMenu("First/a.txt", "Compare with Base");
    await waitForText(page, "of the first");
    await runCommand(page, "View: Close All Editors");
  });

  test("a reload, and the workspace file opened anew, find all of it again", async () => {
    const { page } = workbench;
    for (const again of [() => workbench.reload(), () => workbench.open(file)]) {
      await again();
      await explorer(page).waitFor("the folders", (rows) => rows.filter(({ level }) => level === 1).length === 3);
      await until("the badges", async () => (await badge("First/a.txt")) === "M" && (await badge("Second/b.txt")) === "M");
      await open("Second/b.txt");
      await waitForText(page, "of the second");
      await waitForStatus(page, "second: 2 changes");
    }
  });

  test.skipIf(!canMount)("a mounted overlay among other folders: Unmount puts the virtual one in its place, and leaves the others", async () => {
    const { page } = workbench;
    await open("First/a.txt");
    await runCommand(page, "Overlay: New Terminal");
    await pick(page, "first");
    await page.locator(".terminal-wrapper.active .xterm-helper-textarea").waitFor({ timeout: 60_000 });
    const point = join(runtime, "overlay-workspace", "first", "base");
    await runCommand(page, "Terminal: Kill All Terminals");
    await until("the shell to have gone", async () => standingIn(point).length === 0);
    writeFileSync(file, JSON.stringify({ folders: [{ path: point, name: "Mounted" }, { uri: "overlay://second/base", name: "Second" }, { path: "plain", name: "Plain" }] }));
    await until("its badge in the mount", async () => (await badge("Mounted/a.txt")) === "M", { timeout: 60_000 });
    await runCommand(page, "Overlay: Unmount");
    await until("the mount to be gone", async () => !existsSync(point), { timeout: 60_000 });
    await until("the overlay in the workspace file", async () => readFileSync(file, "utf8").includes("overlay://first/base"), { timeout: 30_000 });
    // A change of the first folder loads the window anew.
    await until("the folders in their order", async () => (await explorer(page).rows()).filter(({ level }) => level === 1).map(({ label }) => label).join() === "Mounted,Second,Plain", { timeout: 60_000 });
    await until("its badge", async () => (await badge("Mounted/a.txt")) === "M", { timeout: 30_000 });
    await open("Mounted/a.txt");
    await waitForText(page, "of the first");
  });
});
