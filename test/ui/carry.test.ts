// Carrying changes out of an overlay and into it, by menus and dialogs, as a user does.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  answerNotification, appendText, choosePath, explorer, keepEvidence, newFile, newFolder, notifications, openOverlayWindow, remove, runCommand, save, sourceControl, view,
  waitForEditor, waitForNotification, waitForStatus, waitForText, type OverlayWindow,
} from "../support/vscode/ui/index.ts";

const menu = "Export Overlay Changes";

describe("carrying out", () => {
  let window: OverlayWindow;
  let out: string;

  beforeAll(async () => {
    window = await openOverlayWindow({ "a.txt": "a\n", "b.txt": "b\n", "d/x.txt": "x\n", "d/y.txt": "y\n" });
    out = join(dirname(window.base), "out");
    mkdirSync(out);
    const { page } = window;
    for (const path of ["a.txt", "d/x.txt"]) await edit(path);
    await remove(page, "b.txt");
    await newFile(page, "d", "new.txt");
    await waitForEditor(page, "new.txt");
    await appendText(page, "new\n");
    await save(page);
    await runCommand(page, "View: Close All Editors");
    await waitForStatus(page, "base: 4 changes");
  });

  afterEach((context) => keepEvidence(context, window.workbench));
  afterAll(() => window.close());

  async function edit(path: string): Promise<void> {
    await explorer(window.page).click(path, { clickCount: 2 });
    await waitForEditor(window.page, path.split("/").at(-1) ?? "");
    await appendText(window.page, "mine\n");
    await save(window.page);
  }
  const heads = (name: string): string[] => readFileSync(join(out, name), "utf8").split("\n").filter((line) => line.startsWith("diff --git")).map((line) => line.split(" b/")[1] ?? "").sort();
  /** Answers the file dialog with a path in `out`, and waits until something is there. */
  const choose = (name: string, made = name): Promise<void> => choosePath(window.page, `${out}/${name}`, async () => existsSync(join(out, made)));
  const chooseUntil = (path: string, text: string): Promise<void> =>
    choosePath(window.page, path, async () => (await notifications(window.page)).some(({ message }) => message.includes(text)));

  test("Export Patch… of a folder, from the Explorer's menu; the notification opens it", async () => {
    const { page } = window;
    await explorer(page).contextMenu("d", [menu, "Export Patch…"]);
    await choose("d.patch");
    expect(heads("d.patch")).toEqual(["d/new.txt", "d/x.txt"]);
    await answerNotification(page, "2 files were exported to 'd.patch'.", "Open");
    await waitForText(page, "diff --git");
    await runCommand(page, "View: Close All Editors");
  });

  test("Export Patch… of a selection, from the Overlay Changes view and from Source Control", async () => {
    const { page } = window;
    await view(page, "Overlay Changes").click("a.txt");
    await view(page, "Overlay Changes").click("b.txt", { modifiers: ["Control"] });
    await view(page, "Overlay Changes").contextMenu("b.txt", [menu, "Export Patch…"]);
    await choose("two.patch");
    expect(heads("two.patch")).toEqual(["a.txt", "b.txt"]);
    await sourceControl(page).contextMenu("Changes/a.txt", [menu, "Export Patch…"]);
    await choose("one.patch");
    expect(heads("one.patch")).toEqual(["a.txt"]);
    await runCommand(page, "View: Close All Editors");
  });

  test("what a patch cannot hold is said, and listed", async () => {
    const { page } = window;
    await newFolder(page, "d", "empty");
    await runCommand(page, "Overlay: Export Patch…");
    await choose("all.patch");
    expect((await waitForNotification(page, "1 entry could not be put in.")).severity).toBe("warning");
    await window.workbench.screenshot("export-left-out");
    await answerNotification(page, "1 entry could not be put in.", "Show What Is Missing");
    await waitForText(page, "/d/empty: a patch cannot hold an empty folder");
    await runCommand(page, "View: Close All Editors");
  });

  test("Export Folder… makes a folder in the one that is chosen", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Export Folder…");
    await choose("", "base");
    expect(readdirSync(join(out, "base")).sort()).toEqual(["a.txt", "d"]);
    await waitForNotification(page, "was made, with 4 files");
  });

  test("Export Layer… writes a tar", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Export Layer…");
    await choose("layer.tar");
    await waitForNotification(page, "1 deletions");
  });

  test("what may not be a target is refused with a sentence", async () => {
    const { page } = window;
    await runCommand(page, "Overlay: Export Layer…");
    await chooseUntil(join(window.base, "layer.tar"), "lies inside the base folder");
    const { message, severity } = await waitForNotification(page, "lies inside the base folder");
    expect([message, severity]).toEqual([expect.stringMatching(/^Nothing was exported\. '.*layer\.tar': it lies inside the base folder '.*'; choose a place outside\.$/), "error"]);
    expect(readdirSync(window.base).sort()).toEqual(["a.txt", "b.txt", "d"]);
  });

  test("Import Patch… from a file: the changes are there, and one that does not fit changes nothing", async () => {
    const { page } = window;
    writeFileSync(join(out, "good.patch"), "--- a/d/y.txt\n+++ b/d/y.txt\n@@ -1 +1 @@\n-y\n+patched\n");
    writeFileSync(join(out, "bad.patch"), "--- a/d/y.txt\n+++ b/d/y.txt\n@@ -1 +1 @@\n-something else\n+x\n");
    await runCommand(page, "Overlay: Import Patch…");
    await chooseUntil(join(out, "good.patch"), "'good.patch' was imported");
    await waitForNotification(page, "'good.patch' was imported: 1 modified.");
    await explorer(page).click("d/y.txt", { clickCount: 2 });
    await waitForText(page, "patched");
    await runCommand(page, "Overlay: Import Patch…");
    await chooseUntil(join(out, "bad.patch"), "The patch was not imported");
    expect((await waitForNotification(page, "The patch was not imported")).message).toContain("d/y.txt");
    await waitForStatus(page, "base: 6 changes");
  });
});
