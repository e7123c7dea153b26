// Searching in an overlay's window, by VS Code's own means and by ours: Ctrl+Shift+F and Ctrl+P find what merged shows, and
// nothing else; replacing goes to the upper, and can be undone.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openOverlay, OverlayStore } from "../../src/host/index.ts";
import { scratchFolder } from "../support/journey/scratch.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import {
  answerDialog, answerNotification, appendText, builtInSearch, editorText, explorer, gone, keepEvidence, openOverlayWindow, ownSearch, plantFiles, quickPickRows, remove, rename, replaceText, runCommand, save, startWorkbench, tabs, until,
  waitForEditor, waitForFolders, waitForStatus, waitForText, type FoundFile, type OverlayWindow, type Workbench,
} from "../support/vscode/ui/index.ts";

const base = {
  "src/changed.txt": "needle of the base\n", "src/kept.txt": "a needle, and another needle\n", "src/other.txt": "nothing\n",
  "gone/in.txt": "needle beneath a whiteout\n", "old/deep/in.txt": "needle in a folder\n", "later/in.txt": "needle that is ignored\n", ".gitignore": "later\n",
};

/** What a user did before searching. */
async function makeChanges({ page }: OverlayWindow): Promise<void> {
  await edit("src/changed.txt", "needle of mine\n");
  await edit(".gitignore", "kept.txt\n");
  await remove(page, "gone");
  await rename(page, "old", "new");
  await explorer(page).row("new");
  await runCommand(page, "View: Close All Editors");
  await waitForStatus(page, "5 changes");

  async function edit(path: string, text: string): Promise<void> {
    const name = path.split("/").at(-1) ?? "";
    await explorer(page).click(path, { clickCount: 2 });
    await waitForEditor(page, name);
    await replaceText(page, text);
    await save(page);
  }
}

const merged: FoundFile[] = [
  { path: "later/in.txt", lines: ["needle that is ignored"] },
  { path: "new/deep/in.txt", lines: ["needle in a folder"] },
  { path: "src/changed.txt", lines: ["needle of mine"] },
];

const upperFile = (window: OverlayWindow, path: string): string => join(scratchFolder(window.scratchRoot, window.uri), "upper", path);
const inUpper = (window: OverlayWindow, path: string): string | undefined => (existsSync(upperFile(window, path)) ? readFileSync(upperFile(window, path), "utf8") : undefined);
const inBase = (window: OverlayWindow, path: string): string => readFileSync(join(window.base, path), "utf8");

describe.each([["VS Code's own search", "auto", builtInSearch], ["our own search", "never", ownSearch]] as const)("%s", (_, setting, view) => {
  let window: OverlayWindow;

  beforeAll(async () => {
    window = await openOverlayWindow(base, { settings: { "overlay.search.useBuiltInSearch": setting } });
    await makeChanges(window);
  });
  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  test("Ctrl+Shift+F finds what merged shows: new text and not the old, nothing deleted, new names, the ignore file of the upper", async () => {
    const search = view(window.page);
    await search.open();
    await search.search("needle");
    expect(await search.waitFor("the results", (files) => files.length >= 3)).toEqual(merged);
    expect(await search.message()).toContain("3 results in 3 files");
  });

  test("Ctrl+P offers what merged shows, and opens it at the line that was typed", async () => {
    const { page } = window;
    await until("Go to File to offer in.txt", async () => {
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+P");
      await page.locator(".quick-input-widget:visible input").fill("in.txt");
      const found = await quickPickRows(page);
      return found.length === 2 && found.every(({ label }) => label.trim() === "in.txt") && found.map(({ description }) => description.trim()).sort().join() === "later,new/deep";
    });
    await page.locator(".quick-input-widget:visible input").fill("newdeep:1:8");
    await until("the row", async () => (await quickPickRows(page))[0]?.description.trim() === "new/deep");
    await page.keyboard.press("Enter");
    await waitForEditor(page, "in.txt");
    await waitForStatus(page, "Ln 1, Col 8");
    await runCommand(page, "View: Close All Editors");
  });

  test("unsaved text counts in place of the file", async () => {
    const { page } = window;
    await explorer(page).click("src/other.txt", { clickCount: 2 });
    await waitForEditor(page, "other.txt");
    await replaceText(page, "an unsaved needle\n");
    const search = view(page);
    await search.open();
    await search.search("needle");
    await search.waitFor("the unsaved text", (files) => files.some(({ path, lines }) => path === "src/other.txt" && lines[0] === "an unsaved needle"));
    await runCommand(page, "File: Revert File");
    await search.open();
    await search.search("needle");
    expect(await search.waitFor("it to be gone", (files) => files.length === 3)).toEqual(merged);
    await runCommand(page, "View: Close All Editors");
  });
});

describe("replacing, by VS Code's own search", () => {
  let window: OverlayWindow;

  beforeAll(async () => { window = await openOverlayWindow({ "one.txt": "needle\n", "two.txt": "a needle\n" }); });
  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  test("Replace All goes to the upper, the base stays, and Undo takes it back", async () => {
    const { page } = window;
    // VS Code forgets how to undo in a file of a scheme that is not its own when its last editor closes.
    for (const name of ["two.txt", "one.txt"]) {
      await explorer(page).click(name, { clickCount: 2 });
      await waitForEditor(page, name);
    }
    const search = builtInSearch(page);
    await search.open();
    await search.search("needle");
    await search.waitFor("the results", (files) => files.length === 2);
    await page.locator(".search-view .toggle-replace-button").click();
    await page.locator(".search-view .replace-container textarea").fill("pin");
    await page.locator(".search-view .replace-container .codicon-search-replace-all").click();
    await answerDialog(page, "Replace");
    await until("the upper to have it", async () => inUpper(window, "one.txt") === "pin\n" && inUpper(window, "two.txt") === "a pin\n");
    expect([inBase(window, "one.txt"), inBase(window, "two.txt")]).toEqual(["needle\n", "a needle\n"]);
    await waitForText(page, "pin");
    await page.locator(".editor-instance .view-lines").first().click();
    await page.keyboard.press("Control+Z");
    await waitForText(page, "needle");
    await runCommand(page, "File: Save All Files");
    await until("the upper to have it back", async () => inUpper(window, "one.txt") === "needle\n" && inUpper(window, "two.txt") === "a needle\n");
  });
});

describe("the view Overlay Search", () => {
  let window: OverlayWindow;
  const files = {
    "src/one.ts": "const alpha = 1;\nconst beta = alpha + 1;\n", "src/two.ts": "use(alpha, Alpha);\n", "docs/readme.md": "about alphabets\n", "binary.bin": "alpha\0alpha\n", "latin.txt": "caf\u00e9 alpha\n",
  };

  beforeAll(async () => {
    window = await openOverlayWindow(files, { settings: { "overlay.search.useBuiltInSearch": "never", "search.exclude": { "**/*.bak": true } } });
    await explorer(window.page).row("src/one.ts");
    await ownSearch(window.page).open();
  });
  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  const paths = (found: FoundFile[]): string => found.map(({ path, lines }) => `${path} ${lines.length}`).join(", ");
  const shows = (wanted: string): Promise<FoundFile[]> => ownSearch(window.page).waitFor(`the results ${wanted}`, (found) => paths(found) === wanted);

  test("searches while it is typed; case, whole words, regular expressions and globs narrow it; binary files are passed over", async () => {
    const search = ownSearch(window.page);
    await search.box("pattern").fill("alpha");
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 2, src/two.ts 2");
    expect(await search.message()).toBe("6 results in 4 files");
    await search.button("case").click();
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 2, src/two.ts 1");
    await search.button("word").click();
    await shows("latin.txt 1, src/one.ts 2, src/two.ts 1");
    await search.button("case").click();
    await search.button("word").click();
    await search.button("toggleDetails").click();
    await search.box("includes").fill("*.ts");
    await search.box("excludes").fill("two*");
    await shows("src/one.ts 2");
    await search.box("includes").fill("");
    await search.box("excludes").fill("");
    await search.button("toggleDetails").click();
    await search.button("regexp").click();
    await search.box("pattern").fill("\\b[aA]lpha\\b [+=]");
    await until("the match to be what the expression says", async () => (await (await search.row("src/one.ts", 1)).locator(".match").innerText({ timeout: 1_000 })) === "alpha +");
    await shows("src/one.ts 2");
  });

  test("says under the box what is wrong with a regular expression, and goes on when it is put right", async () => {
    const search = ownSearch(window.page);
    await search.box("pattern").fill("alpha(");
    await search.frame.locator("#problem", { hasText: "Unterminated group" }).waitFor();
    expect(await search.box("pattern").getAttribute("aria-invalid")).toBe("true");
    await shows("");
    await search.box("pattern").fill("alpha(s?)");
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 2, src/two.ts 2");
    await search.frame.locator("#problem").waitFor({ state: "hidden" });
    await search.button("regexp").click();
    await search.box("pattern").fill("alpha");
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 2, src/two.ts 2");
  });

  test("says what ripgrep says when it refuses, with the way to the log", async () => {
    const search = ownSearch(window.page);
    await search.button("toggleDetails").click();
    await search.box("includes").fill("[z-a]");
    await until("what is wrong", async () => /glob.*\[z-a\].*Show Log/s.test(await search.message()));
    await search.box("includes").fill("");
    await search.button("toggleDetails").click();
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 2, src/two.ts 2");
    expect(await search.message()).toBe("6 results in 4 files");
  });

  test("keys go through the results and show each in passing; Enter opens it, F4 goes on from there, Delete takes it out", async () => {
    const { page } = window;
    const search = ownSearch(page);
    await search.box("pattern").press("Control+ArrowDown");
    for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowDown");
    const isOn = (label: string): Promise<boolean> => until(`the row ${label} to be the active one`, async () => {
      const id = await search.frame.locator("#results").getAttribute("aria-activedescendant");
      return id !== null && (await search.frame.locator(`#${id}`).getAttribute("aria-label", { timeout: 1_000 })) === label;
    });
    await isOn("const alpha = 1;, line 1");
    await waitForEditor(page, "one.ts");
    expect((await tabs(page)).map(({ label: name }) => name)).toEqual(["one.ts"]);
    await page.keyboard.press("ArrowLeft");
    await isOn("one.ts, src, 2 matches");
    await page.keyboard.press("ArrowLeft");
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 0, src/two.ts 2");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await waitForStatus(page, "Ln 1, Col 12 (5 selected)");
    await page.keyboard.press("F4");
    await waitForStatus(page, "Ln 2, Col 19 (5 selected)");
    await page.keyboard.press("F4");
    await waitForEditor(page, "two.ts");
    await page.keyboard.press("Shift+F4");
    await waitForEditor(page, "one.ts");
    await (await search.row("docs/readme.md", 0)).click();
    await waitForEditor(page, "readme.md");
    await search.frame.locator("#results").press("Delete");
    await shows("latin.txt 1, src/one.ts 2, src/two.ts 2");
    expect(await search.message()).toBe("5 results in 3 files");
    await runCommand(page, "View: Close All Editors");
  });

  test("takes the selection as what to search for, and follows what is typed in an editor", async () => {
    const { page } = window;
    await explorer(page).click("src/two.ts", { clickCount: 2 });
    await waitForEditor(page, "two.ts");
    await page.keyboard.press("Control+Home");
    await page.keyboard.press("Control+Shift+ArrowRight");
    await waitForStatus(page, "(3 selected)");
    const search = ownSearch(page);
    await search.open();
    await until("the selection in the box", async () => (await search.box("pattern").inputValue()) === "use");
    await shows("src/two.ts 1");
    await appendText(page, "use(beta);\n");
    await shows("src/two.ts 2");
    await runCommand(page, "File: Revert File");
    await shows("src/two.ts 1");
    await runCommand(page, "View: Close All Editors");
  });

  test("shows what replacing would do, and replaces one match, the matches of a file, and all; the base stays", async () => {
    const { page } = window;
    const search = ownSearch(page);
    await runCommand(page, "Overlay: Replace in Files");
    await search.box("replacement").waitFor();
    await search.button("regexp").click();
    await search.search("(al)(pha)");
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 2, src/two.ts 2");
    await search.box("replacement").fill("$2-$1");
    expect(await (await search.row("src/one.ts", 0)).locator(".inserted").innerText()).toBe("pha-al");
    await (await search.row("src/one.ts", 0)).click();
    await until("the comparison", async () => (await tabs(page)).some(({ title }) => title === "one.ts ↔ one.ts (Replace Preview)"));
    await waitForText(page, "const beta = pha-al + 1;");
    await search.frame.locator("#results").press("Control+Shift+Digit1");
    await until("one to be replaced", async () => inUpper(window, "src/one.ts") === "const pha-al = 1;\nconst beta = alpha + 1;\n");
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 1, src/two.ts 2");
    await (await search.row("src/two.ts")).hover();
    await (await search.row("src/two.ts")).locator('[data-action="replace"]').click();
    await until("a file to be replaced", async () => inUpper(window, "src/two.ts") === "use(pha-al, phA-Al);\n" || inUpper(window, "src/two.ts") === "use(pha-al, pha-Al);\n");
    await answerNotification(page, "Replaced 2 in 1 file.", "Undo");
    await until("it to be taken back", async () => inUpper(window, "src/two.ts") === files["src/two.ts"]);
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 1, src/two.ts 2");
    await search.button("replaceAll").click();
    await until("all to be replaced", async () => inUpper(window, "docs/readme.md") === "about pha-albets\n" && inUpper(window, "latin.txt") === "caf\u00e9 pha-al\n");
    await shows("");
    for (const [path, text] of Object.entries(files)) expect(inBase(window, path)).toBe(text);
    await answerNotification(page, "Replaced 5 in 4 files.", "Undo");
    await until("all to be taken back", async () => inUpper(window, "docs/readme.md") === files["docs/readme.md"] && inUpper(window, "latin.txt") === files["latin.txt"]);
    expect(inUpper(window, "src/one.ts")).toBe("const pha-al = 1;\nconst beta = alpha + 1;\n");
    await runCommand(page, "View: Close All Editors");
  });

  test("a file keeps its byte order mark and its line ends, and one in another encoding than the settings say stays as it is", async () => {
    const { page } = window;
    const search = ownSearch(page);
    const texts: Readonly<Record<string, Buffer>> = {
      "marked.txt": Buffer.from("\ufeffwide alpha\r\nend\n"), "wide.txt": Buffer.from("\ufeffwide alpha\r\n", "utf16le"), "damaged.txt": Buffer.from([0xff, 0x20, ...Buffer.from("wide alpha\n")]),
    };
    for (const [path, bytes] of Object.entries(texts)) writeFileSync(join(window.base, path), bytes);
    await search.search("wide alpha");
    await shows("damaged.txt 1, marked.txt 1, wide.txt 1");
    await search.box("replacement").fill("high");
    await search.button("replaceAll").click();
    await answerNotification(page, "1 files are in another encoding", "Undo");
    await shows("damaged.txt 1, marked.txt 1, wide.txt 1");
    await search.button("replaceAll").click();
    await until("both to be replaced", async () => existsSync(upperFile(window, "wide.txt")) && readFileSync(upperFile(window, "wide.txt")).equals(Buffer.from("\ufeffhigh\r\n", "utf16le"))
      && readFileSync(upperFile(window, "marked.txt")).equals(Buffer.from("\ufeffhigh\r\nend\n")));
    expect(existsSync(upperFile(window, "damaged.txt"))).toBe(false);
    await shows("damaged.txt 1");
    rmSync(join(window.base, "damaged.txt"));
  });

  test("a replaced file that was not saved before keeps what was typed, and stays unsaved", async () => {
    const { page } = window;
    const search = ownSearch(page);
    await explorer(page).click("docs/readme.md", { clickCount: 2 });
    await waitForEditor(page, "readme.md");
    await appendText(page, "typed alpha\n");
    await search.open();
    await search.search("typed (al)pha");
    await shows("docs/readme.md 1");
    await search.box("replacement").fill("kept $1");
    await search.button("replaceAll").click();
    await waitForText(page, "kept al");
    expect((await editorText(page)).trim()).toBe("about alphabets\nkept al");
    expect((await tabs(page)).find(({ active }) => active)?.dirty).toBe(true);
    expect(inUpper(window, "docs/readme.md")).toBe(files["docs/readme.md"]);
    await runCommand(page, "File: Revert File");
    await runCommand(page, "View: Close All Editors");
  });

  test("comes back with what it had when it was hidden, and is emptied by Clear Search", async () => {
    const { page } = window;
    const search = ownSearch(page);
    await search.open();
    await search.search("alpha");
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 1, src/two.ts 2");
    await explorer(page).row("src");
    await search.open();
    await shows("latin.txt 1, docs/readme.md 1, src/one.ts 1, src/two.ts 2");
    expect(await search.box("pattern").inputValue()).toBe("alpha");
    await page.locator('.sidebar .title-actions [aria-label^="Clear Search"]').click();
    await shows("");
    expect(await search.box("pattern").inputValue()).toBe("");
    expect(await search.message()).toBe("");
  });

  test("Find in Folder… searches beneath a folder of the Explorer", async () => {
    const { page } = window;
    const search = ownSearch(page);
    await explorer(page).contextMenu("docs", "Find in Folder…");
    await until("the folder in the box", async () => (await search.box("includes").inputValue()) === "./docs");
    await search.search("alpha");
    await shows("docs/readme.md 1");
  });

  test("Go to File hands over to VS Code what begins as a command or a line does", async () => {
    const { page } = window;
    await page.keyboard.press("Control+P");
    await page.locator(".quick-input-widget:visible input").fill(">Overlay: Show Log");
    await until("the palette", async () => (await quickPickRows(page)).some(({ label }) => label.trim() === "Overlay: Show Log"));
    await page.keyboard.press("Escape");
  });

  test("Go to File has what was opened last at the top, and answers what is not there with nothing", async () => {
    const { page } = window;
    for (const path of ["latin.txt", "src/two.ts"]) {
      await explorer(page).click(path, { clickCount: 2 });
      await waitForEditor(page, path.split("/").at(-1) ?? "");
    }
    await page.keyboard.press("Control+P");
    const rows = await until("the recent files", async () => {
      const found = await quickPickRows(page);
      return found.length > 1 && found;
    });
    expect(rows.slice(0, 2).map(({ label }) => label.trim())).toEqual(["two.ts", "latin.txt"]);
    await page.locator(".quick-input-widget:visible input").fill("nowhere");
    await until("no match", async () => (await quickPickRows(page)).map(({ label }) => label.trim()).join() === "No matching results");
    await page.keyboard.press("Escape");
    await remove(page, "latin.txt");
    await gone(page, "latin.txt");
    await page.keyboard.press("Control+P");
    await until("the deleted file to be gone", async () => !(await quickPickRows(page)).some(({ label }) => label.trim() === "latin.txt"));
    await page.keyboard.press("Escape");
  });
});

describe("several overlays in one window", () => {
  let folder: string;
  let workbench: Workbench;

  beforeAll(async () => {
    folder = makeTemp("several");
    const scratchRoot = join(folder, "scratch");
    const uris = await Promise.all(["one", "two"].map((name) => makeOverlay(scratchRoot, join(folder, name))));
    const file = join(folder, "both.code-workspace");
    writeFileSync(file, JSON.stringify({ folders: uris.map((uri) => ({ uri })), settings: { "search.exclude": { "**/*.log": true } } }));
    const settings = { "overlay.scratchRoot": scratchRoot, "overlay.search.useBuiltInSearch": "never", "security.workspace.trust.enabled": false };
    workbench = await startWorkbench({ extension: "dev", workspace: file, settings });
    await waitForFolders(workbench, file, 2);
    await explorer(workbench.page).row("two/src", { timeout: 60_000 });
  });
  afterEach((context) => keepEvidence(context, workbench));
  afterAll(async () => {
    await workbench.close();
    removeTemp(folder);
  });

  async function makeOverlay(scratchRoot: string, base: string): Promise<string> {
    mkdirSync(base);
    // Each folder has rules of its own: two leaves its *.skip out.
    plantFiles(base, { "src/in.txt": `needle of ${basename(base)}\n`, "a.log": "needle\n", "a.skip": "needle\n", ...(base.endsWith("two") ? { ".vscode/settings.json": '{ "search.exclude": { "**/*.skip": true } }' } : {}) });
    const { id, folder: scratch } = await new OverlayStore(scratchRoot).create(base);
    await (await openOverlay({ base, scratch })).dispose();
    return `overlay://${id}/${basename(base)}`;
  }

  const paths = (found: FoundFile[]): string[] => found.map(({ path }) => path);

  test("all of them are searched, each by its own settings; ./name searches one", async () => {
    const search = ownSearch(workbench.page);
    await search.open();
    await search.search("needle");
    const found = await search.waitFor("results in both", (files) => files.length === 3);
    expect(paths(found)).toEqual(["one/a.skip", "one · src/in.txt", "two · src/in.txt"]);
    await search.button("toggleDetails").click();
    await search.box("includes").fill("./two/src");
    expect(paths(await search.waitFor("one file", (files) => files.length === 1))).toEqual(["two · src/in.txt"]);
    await search.box("includes").fill("");
    await search.button("useExcludes").click();
    await search.waitFor("what is excluded, too", (files) => files.length === 6);
  });

  test("Go to File has the files of all, and says of which", async () => {
    const { page } = workbench;
    await page.keyboard.press("Control+P");
    await page.locator(".quick-input-widget:visible input").fill("in.txt");
    const rows = await until("both files", async () => {
      const found = await quickPickRows(page);
      return found.length === 2 && found;
    });
    expect(rows.map(({ description }) => description.trim()).sort()).toEqual(["one · src", "two · src"]);
    await page.keyboard.press("Escape");
  });
});
