// The Source Control view of an overlay, as far as the API tells: its rows and groups, the gutter's base, what a click opens.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { fs, makeOverlay, names, read, until, write, type Rig, type Tree } from "./support.ts";

type State = vscode.SourceControlResourceState;

function control({ api, root }: Rig) {
  const shown = api.sourceControl(root);
  assert(shown, "the overlay has no source control");
  return shown;
}

const nameOf = (uri: vscode.Uri): string => uri.path.split("/").slice(2).join("/");

async function makeOpen(tree: Tree): Promise<Rig> {
  const rig = await makeOverlay(tree);
  await rig.api.acquire(rig.root);
  return rig;
}

/** The rows as "name: tooltip". */
function rows(rig: Rig): string[] {
  return control(rig).groups.changes.resourceStates.map(({ resourceUri, decorations }) => `${nameOf(resourceUri)}: ${decorations?.tooltip ?? ""}`).sort();
}

async function rowsAre(rig: Rig, ...wanted: string[]): Promise<void> {
  await until(`the rows ${wanted.join("; ")}`, () => JSON.stringify(rows(rig)) === JSON.stringify(wanted) || undefined).catch(() => { assert.deepEqual(rows(rig), wanted); });
}

async function rowOf(rig: Rig, name: string): Promise<State> {
  return until(`a row for ${name}`, () => control(rig).groups.changes.resourceStates.find(({ resourceUri }) => nameOf(resourceUri) === name));
}

/** As a click on the row does. */
async function click({ command }: State): Promise<void> {
  assert(command);
  await vscode.commands.executeCommand(command.command, ...((command.arguments ?? []) as unknown[]), true);
}

const activeInput = (): unknown => vscode.window.tabGroups.activeTabGroup.activeTab?.input;

async function diffOf(state: State): Promise<vscode.TabInputTextDiff> {
  await click(state);
  return until("the comparison", () => { const input = activeInput(); return input instanceof vscode.TabInputTextDiff ? input : undefined; });
}

describe("source control", () => {
  it("has a row for each change, deleted ones struck through, and counts them; nothing is stale", async () => {
    const rig = await makeOpen({ "a.txt": "a", "b.txt": "b", "c.txt": "c", d: { "x.txt": "x" } });
    const { sourceControl, groups } = control(rig);
    assert.equal(sourceControl.rootUri?.toString(), rig.root.toString());
    assert.match(sourceControl.label, /project/);
    assert.equal(sourceControl.inputBox.visible, false);
    await write(rig.at("a.txt"), "mine");
    await write(rig.at("new.txt"), "mine");
    await fs.delete(rig.at("b.txt"));
    await fs.rename(rig.at("c.txt"), rig.at("e.txt"));
    await rowsAre(rig, "a.txt: modified", "b.txt: deleted", "c.txt: renamed to e.txt", "e.txt: renamed from c.txt", "new.txt: added");
    assert.equal(sourceControl.count, 5);
    const struck = groups.changes.resourceStates.filter(({ decorations }) => decorations?.strikeThrough === true).map(({ resourceUri }) => nameOf(resourceUri));
    assert.deepEqual(struck.sort(), ["b.txt", "c.txt"]);
    assert.deepEqual([groups.stale.resourceStates.length, groups.stale.hideWhenEmpty, groups.changes.hideWhenEmpty], [0, true, undefined]);
  });

  it("goes with its overlay, and is there again with it", async () => {
    const rig = await makeOpen({ "a.txt": "a" });
    await write(rig.at("a.txt"), "mine");
    await rig.api.close(rig.root);
    assert.equal(rig.api.sourceControl(rig.root), undefined);
    await rig.api.acquire(rig.root);
    await rowsAre(rig, "a.txt: modified");
  });

  it("a save of one file makes no other row anew", async () => {
    const rig = await makeOpen(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}.txt`, "base"])));
    for (let i = 0; i < 49; i++) await write(rig.at(`f${i}.txt`), "mine");
    await until("49 rows", () => control(rig).sourceControl.count === 49);
    const before = new Set(control(rig).groups.changes.resourceStates);
    await write(rig.at("f0.txt"), "mine again");
    await write(rig.at("f49.txt"), "mine");
    await until("50 rows", () => control(rig).sourceControl.count === 50);
    const made = control(rig).groups.changes.resourceStates.filter((state) => !before.has(state)).map(({ resourceUri }) => nameOf(resourceUri));
    assert.deepEqual(made, ["f49.txt"]);
  });

  it("10,000 changed files are there with the one walk, and one save makes one row", async () => {
    const names = Array.from({ length: 10_000 }, (_, i) => `d${i % 100}/f${i}.txt`);
    const rig = await makeOverlay({ "a.txt": "base" });
    const scratch = (await rig.api.overlays()).find(({ id }) => id === rig.root.authority)?.scratch ?? "";
    for (const folder of [rig.base, join(scratch, "upper")]) {
      for (let i = 0; i < 100; i++) mkdirSync(join(folder, `d${i}`), { recursive: true });
      for (const name of names) writeFileSync(join(folder, name), folder === rig.base ? "base" : "mine!");
    }
    const overlay = await rig.api.acquire(rig.root);
    const since = performance.now();
    await until("10,000 rows", () => control(rig).groups.changes.resourceStates.length === 10_000);
    const shown = performance.now() - since;
    const walking = performance.now();
    await overlay.changes();
    console.log(`│   10,000 rows after ${Math.round(shown)} ms; a walk alone takes ${Math.round(performance.now() - walking)} ms`);
    const before = new Set(control(rig).groups.changes.resourceStates);
    await write(rig.at("d7/f7.txt"), "mine again");
    await write(rig.at("a.txt"), "mine");
    await until("one row more", () => control(rig).sourceControl.count === 10_001);
    assert.deepEqual(control(rig).groups.changes.resourceStates.filter((state) => !before.has(state)).map(({ resourceUri }) => nameOf(resourceUri)), ["a.txt"]);
  });

  it("a click compares: modified with the base's, added and deleted with nothing, renamed with where it came from", async () => {
    const rig = await makeOpen({ "a.txt": "base a", "b.txt": "base b", "c.txt": "base c" });
    await write(rig.at("a.txt"), "mine");
    await write(rig.at("new.txt"), "mine");
    await fs.delete(rig.at("b.txt"));
    await fs.rename(rig.at("c.txt"), rig.at("e.txt"));
    for (const [name, left, right] of [["a.txt", "base a", "mine"], ["new.txt", "", "mine"], ["b.txt", "base b", ""], ["e.txt", "base c", "base c"]] as const) {
      const { original, modified } = await diffOf(await rowOf(rig, name));
      assert.deepEqual([await read(original), await read(modified)], [left, right], name);
      assert.equal(fs.isWritableFileSystem(original.scheme), false);
      if (name === "e.txt") assert.equal(original.path, rig.at("c.txt").path);
      await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
    }
  });

  it("two files that changed names are each compared with where they came from", async () => {
    const rig = await makeOpen({ "a.txt": "base a", "b.txt": "base b" });
    await fs.rename(rig.at("a.txt"), rig.at("t.txt"));
    await fs.rename(rig.at("b.txt"), rig.at("a.txt"));
    await fs.rename(rig.at("t.txt"), rig.at("b.txt"));
    await rowsAre(rig, "a.txt: renamed from b.txt", "b.txt: renamed from a.txt");
    const { original, modified } = await diffOf(await rowOf(rig, "a.txt"));
    assert.deepEqual([original.path, await read(original), await read(modified)], [rig.at("b.txt").path, "base b", "base b"]);
  });

  it("the gutter compares with the base's file where there is one", async () => {
    const rig = await makeOpen({ "a.txt": "base", "same.txt": "base", d: { "x.txt": "x" } });
    await write(rig.at("a.txt"), "mine");
    await write(rig.at("new.txt"), "mine");
    await fs.rename(rig.at("d/x.txt"), rig.at("y.txt"));
    await rowOf(rig, "new.txt");
    const original = async (name: string): Promise<string | undefined> => {
      const none = new vscode.CancellationTokenSource().token;
      const uri = await control(rig).sourceControl.quickDiffProvider?.provideOriginalResource?.(rig.at(name), none);
      return uri === null || uri === undefined ? undefined : read(uri);
    };
    assert.deepEqual([await original("a.txt"), await original("same.txt"), await original("y.txt"), await original("new.txt"), await original("d")], ["base", "base", "x", undefined, undefined]);
  });

  it("Open All Changes takes everything, a group, a folder or a selection", async () => {
    const rig = await makeOpen({ "a.txt": "a", d: { "x.txt": "x", "y.txt": "y" } });
    for (const name of ["a.txt", "d/x.txt", "new.txt"]) await write(rig.at(name), "mine");
    await fs.delete(rig.at("d/y.txt"));
    await rowsAre(rig, "a.txt: modified", "d/x.txt: modified", "d/y.txt: deleted", "new.txt: added");
    // The API has no name for such a tab's input; its label says what it shows.
    const opened = async (title: RegExp, ...args: unknown[]): Promise<void> => {
      await vscode.commands.executeCommand("overlay.openAllChanges", ...args);
      await until(`the tab ${String(title)}`, () => title.test(vscode.window.tabGroups.activeTabGroup.activeTab?.label ?? "") || undefined);
      await vscode.commands.executeCommand("workbench.action.closeActiveEditor");
    };
    const { sourceControl, groups } = control(rig);
    await opened(/Overlay project: Changes.*4/, sourceControl);
    await opened(/Overlay project: Changes.*4/, groups.changes);
    await opened(/d: Changes.*2/, rig.at("d"));
    await opened(/Overlay project: Changes.*2/, await rowOf(rig, "a.txt"), await rowOf(rig, "new.txt"));
  });

  it("Restore of one file asks nothing; Open File of a deleted one shows the base's", async () => {
    const rig = await makeOpen({ "a.txt": "base", "b.txt": "base b" });
    await write(rig.at("a.txt"), "mine");
    await fs.delete(rig.at("b.txt"));
    await vscode.commands.executeCommand("overlay.openFile", await rowOf(rig, "b.txt"));
    const input = await until("the base's file", () => { const now = activeInput(); return now instanceof vscode.TabInputText ? now : undefined; });
    assert.equal(await read(input.uri), "base b");
    await vscode.commands.executeCommand("overlay.restore", await rowOf(rig, "a.txt"));
    await rowsAre(rig, "b.txt: deleted");
    assert.equal(await read(rig.at("a.txt")), "base");
  });

  it("a copy that is what the base has again is no row, and comes back when it or the base differs", async () => {
    const rig = await makeOpen({ "a.txt": "base", "b.txt": "base" });
    await write(rig.at("a.txt"), "mine");
    await rowsAre(rig, "a.txt: modified");
    await write(rig.at("a.txt"), "base");
    await rowsAre(rig);
    assert.equal(control(rig).sourceControl.count, 0);
    await write(rig.at("a.txt"), "mine");
    await rowsAre(rig, "a.txt: modified");
    await write(rig.at("a.txt"), "base");
    await rowsAre(rig);
    await vscode.window.showTextDocument(rig.at("b.txt")); // what is shown is watched, and so is the base
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    writeFileSync(join(rig.base, "a.txt"), "changed beneath");
    await until("the row", () => control(rig).groups.stale.resourceStates.length === 1);
    await rowsAre(rig);
    writeFileSync(join(rig.base, "a.txt"), "base");
    await until("no row", () => control(rig).sourceControl.count === 0);
  });

  it("a row whose base is changed by others moves to Stale; Keep Mine moves it back, Take Base ends it", async () => {
    const rig = await makeOpen({ "a.txt": "base", "b.txt": "base", "c.txt": "base" });
    await write(rig.at("a.txt"), "mine");
    await fs.delete(rig.at("b.txt"));
    await rowsAre(rig, "a.txt: modified", "b.txt: deleted");
    await vscode.window.showTextDocument(rig.at("c.txt")); // what is shown is watched, and so is the base
    await new Promise((resolve) => { setTimeout(resolve, 1000); });
    const staleRows = (): string[] => control(rig).groups.stale.resourceStates.map(({ resourceUri, decorations, contextValue }) => `${nameOf(resourceUri)}: ${decorations?.tooltip ?? ""} (${contextValue ?? ""})`).sort();
    const staleAre = async (...wanted: string[]): Promise<void> => {
      await until(`the stale rows ${wanted.join("; ")}`, () => JSON.stringify(staleRows()) === JSON.stringify(wanted) || undefined).catch(() => { assert.deepEqual(staleRows(), wanted); });
    };
    const a = "a.txt: modified; the base has changed since (change:copied:stale:file)";
    const b = "b.txt: deleted; the base has changed since (change:deleted:stale:file)";
    for (const name of ["a.txt", "b.txt"]) writeFileSync(join(rig.base, name), "changed by others");
    await staleAre(a, b);
    await rowsAre(rig);
    assert.equal(control(rig).sourceControl.count, 2);
    const row = (name: string): State | undefined => control(rig).groups.stale.resourceStates.find(({ resourceUri }) => nameOf(resourceUri) === name);
    await vscode.commands.executeCommand("overlay.keepMine", row("a.txt"));
    await staleAre(b);
    await rowsAre(rig, "a.txt: modified");
    assert.equal(await read(rig.at("a.txt")), "mine");
    await vscode.commands.executeCommand("overlay.takeBase", row("b.txt"));
    await staleAre();
    assert.equal(await read(rig.at("b.txt")), "changed by others");
    writeFileSync(join(rig.base, "a.txt"), "changed once more");
    await staleAre(a);
    await vscode.commands.executeCommand("overlay.keepMine", control(rig).groups.stale);
    await rowsAre(rig, "a.txt: modified");
  });

  it("Prune Unchanged Copies removes those copies and nothing else", async () => {
    const rig = await makeOpen({ "a.txt": "base", "b.txt": "base", d: { "c.txt": "base" } });
    const overlay = await rig.api.acquire(rig.root);
    for (const path of ["/a.txt", "/b.txt", "/d/c.txt"]) await overlay.copyUp(path);
    await write(rig.at("b.txt"), "BASE");
    await write(rig.at("new.txt"), "base");
    await vscode.commands.executeCommand("overlay.pruneUnchangedCopies", control(rig).sourceControl);
    const layers = async (...paths: string[]): Promise<string[]> => Promise.all(paths.map(async (path) => (await overlay.lstat(path)).layer));
    assert.deepEqual(await layers("/a.txt", "/b.txt", "/d/c.txt", "/new.txt"), ["lower", "upper", "lower", "upper"]);
    assert.deepEqual(await names(rig.root), ["a.txt", "b.txt", "d", "new.txt"]);
    await rowsAre(rig, "b.txt: modified", "new.txt: added");
  });
});
