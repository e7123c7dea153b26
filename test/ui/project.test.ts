// Real work in the window of a mounted overlay: a clone of this repository, with its history, in the running VS Code. What
// a virtual window cannot do works here as in any folder: language servers, VS Code's own git, search, tasks, the debugger.
// Afterwards the virtual window shows the same, and the base is to the last nanosecond what it was.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openOverlay } from "../../src/host/index.js";
import { canMount } from "../support/canMount.ts";
import { differences, recordTree, type TreeRecord } from "../support/journey/treeRecord.ts";
import { screenshots } from "../support/paths.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import { standingIn } from "../support/standing.ts";
import { git, makeProject, type Project } from "../support/project.ts";
import {
  acceptInput, appendText, explorer, keepEvidence, offersCommand, pick, quickPickRows, runCommand, save, shownFolder, sourceControl, startWorkbench, tabs, typeInput, until, waitForEditor,
  waitForNotification, waitForOverlay, waitForStatus, type Workbench,
} from "../support/vscode/ui/index.ts";
import { treeDifferences, type WholeTree, wholeTreeOf, wholeTreeOnDisk } from "../support/wholeTree.ts";

/** A program of the project's own, for the debugger: it stops in a file that was there before. */
const program = `import { Random } from "./support/random.ts";

const random = new Random(42);
console.log(random.below(1000));
`;

describe.skipIf(!canMount)("a project under git in the window of its mount", () => {
  const folder = makeTemp("project");
  const base = join(folder, "project");
  const runtime = join(folder, "run");
  let project: Project;
  let workbench: Workbench;
  let page: Page;
  let point = "";
  let before: TreeRecord;

  beforeAll(async () => {
    project = makeProject(base);
    before = recordTree(base);
    mkdirSync(runtime, { mode: 0o700 });
    workbench = await startWorkbench({
      extension: "dev",
      env: { OVERLAY_WORKSPACE_OPEN: base, XDG_RUNTIME_DIR: runtime, GIT_CONFIG_GLOBAL: project.env["GIT_CONFIG_GLOBAL"] ?? "", GIT_CONFIG_NOSYSTEM: "1" },
      settings: {
        "overlay.scratchRoot": join(folder, "scratch"), "git.useEditorAsCommitInput": false, "git.autofetch": false, "git.confirmSync": false, "npm.autoDetect": "off",
        "workbench.colorTheme": "Default Light Modern", "editor.minimap.enabled": false,
      },
    });
    await workbench.page.setViewportSize({ width: 1400, height: 900 });
    await waitForOverlay(workbench.page);
    await waitForStatus(workbench.page, "project: 0 changes", { timeout: 60_000 });
  });

  afterEach((context) => keepEvidence(context, workbench));

  afterAll(async () => {
    await workbench.close();
    if (point !== "") await until("the mount to go with its last window", async () => !existsSync(point), { timeout: 60_000 });
    removeTemp(folder);
  });

  const at = (path: string): string => join(point, path);
  const gitHere = (...args: readonly string[]): string => git(point, project.env, ...args);

  async function openFile(path: string): Promise<void> {
    await page.keyboard.press("Control+P");
    await typeInputOnceFound(path);
    await waitForEditor(page, path.slice(path.lastIndexOf("/") + 1));
  }

  /** As VS Code's own git says it, beside the overlay, in Source Control. */
  async function branchIs(name: string): Promise<void> {
    await until(`the branch ${name}`, async () => {
      await sourceControl(page).rows();
      return (await page.locator(".scm-view:not(.scm-history-view) .scm-provider").allInnerTexts()).some((text) => new RegExp(`\\b${name}\\b`).test(text));
    }, { timeout: 60_000 });
  }

  /** Go to File finds a moment later than one types. */
  async function typeInputOnceFound(path: string): Promise<void> {
    const box = page.locator(".quick-input-widget:visible .quick-input-box input");
    await box.fill(path);
    const name = path.slice(path.lastIndexOf("/") + 1);
    await until(`${path} in Go to File`, async () => (await quickPickRows(page))[0]?.label === name, { timeout: 60_000 });
    await acceptInput(page);
  }

  async function goToLine(line: number, column = 1): Promise<void> {
    await page.keyboard.press("Control+G");
    await typeInput(page, `:${String(line)}:${String(column)}`);
    await waitForStatus(page, `Ln ${String(line)}, Col ${String(column)}`);
  }

  /** Line and column, from 1, of the text in a file of the mount. */
  function placeOf(path: string, text: string): { line: number; column: number } {
    const lines = readFileSync(at(path), "utf8").split("\n");
    const line = lines.findIndex((one) => one.includes(text));
    expect(line, `${path} has '${text}'`).toBeGreaterThanOrEqual(0);
    return { line: line + 1, column: (lines[line] ?? "").indexOf(text) + 1 };
  }

  test("Open Mounted opens it as an ordinary folder, and VS Code's own git shows its branch", async () => {
    const { page: virtual } = workbench;
    await runCommand(virtual, "Overlay: Open Mounted");
    page = await until("its window", async () => virtual.context().pages().find((one) => one !== virtual && shownFolder(one) !== undefined), { timeout: 60_000 });
    await page.setViewportSize({ width: 1400, height: 900 });
    await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
    point = (shownFolder(page) ?? "").replace(/^vscode-remote:\/\/[^/]*/, "");
    expect(point.startsWith(join(runtime, "overlay-workspace"))).toBe(true);
    await explorer(page).row("src");
    await branchIs("main");
    await waitForStatus(page, "project: 0 changes", { timeout: 60_000 });
  });

  test("Go to File and Go to Definition lead from one file to another", async () => {
    await openFile("src/patch/write.ts");
    const { line, column } = placeOf("src/patch/write.ts", "encodeLines(");
    await goToLine(line, column + 2);
    // The language server reads the whole project first, and who asks before it listens gets no answer.
    const arrived = (): Promise<unknown> => waitForEditor(page, "base85.ts", { timeout: 5_000 });
    await until("the definition", async () => {
      if (!(await tabs(page)).some(({ label }) => label === "base85.ts")) await page.keyboard.press("F12");
      return arrived().then(() => true, () => false);
    }, { timeout: 90_000 });
    await waitForStatus(page, `Ln ${String(placeOf("src/patch/base85.ts", "encodeLines(").line)},`);
    await runCommand(page, "View: Close All Editors");
  });

  test("a branch is made, a file edited and committed with VS Code's own git", async () => {
    await runCommand(page, "Git: Create Branch...");
    await typeInput(page, "experiment");
    await branchIs("experiment");
    await openFile("src/patch/base85.ts");
    await appendText(page, "\n// an experiment\n");
    await save(page);
    await until("git's own view to have the change", async () => (await sourceControl(page).rows()).filter(({ label }) => label === "base85.ts").length === 2);
    await runCommand(page, "Git: Commit All");
    await typeInput(page, "An experiment");
    await until("the commit", async () => gitHere("log", "-1", "--format=%s") === "An experiment");
    expect(gitHere("status", "--porcelain")).toBe("");
    expect(gitHere("log", "--format=%s", "main..experiment")).toBe("An experiment");
    await waitForStatus(page, /project: [1-9]\d* changes/);
  });

  test("Find in Files finds what was just written", async () => {
    await runCommand(page, "Search: Find in Files");
    await page.locator(".search-view .search-widget textarea").first().fill("// an experiment");
    await page.keyboard.press("Enter");
    await until("the file", async () => (await page.locator(".search-view .monaco-list-row").allInnerTexts()).some((text) => text.includes("base85.ts")), { timeout: 60_000 });
    await runCommand(page, "View: Close All Editors");
  });

  test("a task runs the project's own tests there", async () => {
    // A login shell has a PATH of its own, perhaps with another Node.
    const run = `'${process.execPath}' test/support/run.ts unit patchBinary`;
    writeFileSync(at(".vscode/tasks.json"), JSON.stringify({ version: "2.0.0", tasks: [{ label: "own tests", type: "shell", command: `${run} > task.txt 2>&1; pwd >> task.txt`, problemMatcher: [] }] }));
    await runCommand(page, "Tasks: Run Task");
    await pick(page, "own tests");
    await until("the task to end", async () => existsSync(at("task.txt")) && readFileSync(at("task.txt"), "utf8").trimEnd().endsWith(point), { timeout: 90_000 });
    expect(readFileSync(at("task.txt"), "utf8")).toMatch(/\n\d\d+ passed, 0 failed\n/);
  });

  test("the debugger stops at a breakpoint in a file of the mount, and shows what is there", async () => {
    writeFileSync(at("test/roll.ts"), program);
    writeFileSync(at(".vscode/launch.json"), JSON.stringify({
      version: "0.2.0",
      configurations: [{ name: "Roll", type: "node", request: "launch", program: "${workspaceFolder}/test/roll.ts", runtimeExecutable: process.execPath, console: "internalConsole", outFiles: [] }],
    }));
    await openFile("test/support/random.ts");
    const { line } = placeOf("test/support/random.ts", "return (mixed >>> 0) % limit;");
    await goToLine(line);
    await page.keyboard.press("F9");
    await page.locator(".codicon-debug-breakpoint").first().waitFor();
    await page.keyboard.press("F5");
    await until("the debugger to stop", async () => (await page.locator(".debug-call-stack .monaco-list-row").allInnerTexts()).some((text) => text.includes("below")), { timeout: 90_000 });
    await until("the line where it stands", async () => (await page.locator(".debug-top-stack-frame-line").count()) > 0);
    await page.locator(".debug-variables .monaco-list-row", { hasText: "Local" }).first().click();
    await page.keyboard.press("ArrowRight");
    await until("what is there", async () => (await page.locator(".debug-variables .monaco-list-row").allInnerTexts()).some((text) => /^mixed\s*[:=]/.test(text)), { timeout: 30_000 });
    await page.screenshot({ path: join(screenshots, "debug-mounted.png") });
    await runCommand(page, "Debug: Continue");
    await until("what the program says", async () => (await page.locator(".repl .monaco-list-row").allInnerTexts()).some((text) => /^\d{1,3}\b/.test(text.trim())), { timeout: 30_000 });
    await until("the end of the session", async () => (await page.locator(".debug-toolbar:visible").count()) === 0);
    await runCommand(page, "View: Close All Editors");
  });

  test("Unmount goes on with the virtual overlay, which shows the very same", async () => {
    const worked = wholeTreeOnDisk(point);
    await runCommand(page, "Terminal: Kill All Terminals");
    // A shell or Git at its work is named; a language server of this window's own is in nobody's way.
    await until("nothing else to stand in it", async () => {
      await runCommand(page, "Overlay: Unmount");
      return page.waitForURL((url) => url.searchParams.get("folder")?.startsWith("overlay:") ?? false, { timeout: 10_000 }).then(() => true);
    }, { timeout: 60_000 }).catch((error: unknown) => { throw new Error(`in it stand: ${standingIn(point).join("; ")}`, { cause: error }); });
    await waitForOverlay(page);
    await until("the mount to be gone", async () => !existsSync(point), { timeout: 60_000 });
    await waitForStatus(page, /project: [1-9]\d* changes/, { timeout: 60_000 });
    expect(treeDifferences(worked, await shown())).toEqual([]);
    await explorer(page).row("test/roll.ts");
  }, 300_000);

  test("Reset Layers makes it as new, and the base is as it was, .git included", async () => {
    await page.close(); // of two windows on one overlay one can write; with this one gone it is the other
    await until("the other window to write", () => offersCommand(workbench.page, "Overlay: Reset Layers…"), { timeout: 60_000 });
    await runCommand(workbench.page, "Overlay: Reset Layers…");
    await until("the figures", async () => (await quickPickRows(workbench.page))[0]?.description.includes(" · "), { timeout: 60_000 });
    await acceptInput(workbench.page);
    await waitForNotification(workbench.page, "'project' is as the base again.");
    await waitForStatus(workbench.page, "project: 0 changes", { timeout: 60_000 });
    expect(treeDifferences(wholeTreeOnDisk(base), await shown())).toEqual([]);
    expect(differences(before, recordTree(base))).toEqual([]);
  });

  /** The overlay's tree, read beside the windows. */
  async function shown(): Promise<WholeTree> {
    const scratch = join(folder, "scratch");
    const [id = ""] = readdirSync(scratch);
    const overlay = await openOverlay({ base, scratch: join(scratch, id), readOnly: true });
    try {
      return await wholeTreeOf(overlay);
    } finally {
      await overlay.dispose();
    }
  }
});
