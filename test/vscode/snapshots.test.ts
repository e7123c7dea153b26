// Snapshots, resets of layers and their undo, by commands with everything given, as a user would see what comes of them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { utimesSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as vscode from "vscode";
import type { Overlay } from "../../src/engine/index.ts";
import { atEnd, extensionId, fs, makeOverlay, names, read, until, write, type Rig, type Tree } from "./support.ts";

const run = (command: string, ...args: unknown[]): Thenable<unknown> => vscode.commands.executeCommand(`overlay.${command}`, ...args);

interface Layered extends Rig {
  readonly overlay: Overlay;
  readonly snapshot: (name: string) => Promise<string>;
  readonly snapshots: () => Promise<string[]>;
}

async function makeLayered(tree: Tree): Promise<Layered> {
  const rig = await makeOverlay(tree);
  const overlay = await rig.api.acquire(rig.root);
  const snapshots = async (): Promise<string[]> => (await overlay.snapshots()).map(({ name }) => name);
  const snapshot = async (name: string): Promise<string> => {
    await run("takeSnapshot", rig.root, { name });
    return (await overlay.snapshots())[0]?.id ?? assert.fail("there is a snapshot");
  };
  return { ...rig, overlay, snapshot, snapshots };
}

const rowsOf = ({ api, root }: Rig): string[] =>
  (api.sourceControl(root)?.groups.changes.resourceStates ?? []).map(({ resourceUri }) => resourceUri.path.slice(root.path.length + 1)).sort();
const rowsAre = (rig: Rig, ...wanted: string[]): Promise<unknown> =>
  until(`the rows ${wanted.join(", ")}; there are: ${rowsOf(rig).join(", ")}`, () => JSON.stringify(rowsOf(rig)) === JSON.stringify(wanted) || undefined);
const activeTab = (): unknown => vscode.window.tabGroups.activeTabGroup.activeTab?.input;

async function show(uri: vscode.Uri): Promise<vscode.TextDocument> {
  const document = await vscode.workspace.openTextDocument(uri);
  await vscode.window.showTextDocument(document);
  return document;
}

describe("snapshots", () => {
  it("are taken under a name; what they hold is shown, and no change any more", async () => {
    const rig = await makeLayered({ "a.txt": "base" });
    await write(rig.at("a.txt"), "mine");
    await rowsAre(rig, "a.txt");
    await rig.snapshot("before the storm");
    assert.deepEqual(await rig.snapshots(), ["before the storm"]);
    await rowsAre(rig);
    assert.equal(await read(rig.at("a.txt")), "mine");
    await write(rig.at("a.txt"), "later");
    await rowsAre(rig, "a.txt");
    await run("compareWithBase", rig.at("a.txt"));
    const { original } = await until("the comparison", () => { const input = activeTab(); return input instanceof vscode.TabInputTextDiff ? input : undefined; });
    assert.equal(await read(original), "mine", "what lies below is the snapshot's");
  });

  it("reset of layers goes back to one, and the undo brings everything back as it was", async () => {
    const rig = await makeLayered({ "a.txt": "base", d: { "b.txt": "base b" } });
    await write(rig.at("a.txt"), "one");
    const first = await rig.snapshot("first");
    await write(rig.at("a.txt"), "two");
    await rig.snapshot("second");
    await fs.delete(rig.at("d"), { recursive: true });
    await write(rig.at("new.txt"), "new");
    await run("resetLayers", rig.root, { layer: first });
    assert.deepEqual([await read(rig.at("a.txt")), await names(rig.root), await rig.snapshots()], ["one", ["a.txt", "d"], ["first"]]);
    await rowsAre(rig);
    const [dropped] = await rig.overlay.dropped();
    await run("undoReset", rig.root, { dropped: dropped?.id });
    assert.deepEqual([await read(rig.at("a.txt")), await names(rig.root), await rig.snapshots()], ["two", ["a.txt", "new.txt"], ["second", "first"]]);
    await rowsAre(rig, "d", "new.txt");
  });

  it("reset to the base, and of the upper alone", async () => {
    const rig = await makeLayered({ "a.txt": "base" });
    await write(rig.at("a.txt"), "one");
    await rig.snapshot("first");
    await write(rig.at("a.txt"), "two");
    await run("resetLayers", rig.root, { layer: "upper" });
    assert.equal(await read(rig.at("a.txt")), "one");
    await run("resetLayers", rig.root, { layer: "base" });
    assert.deepEqual([await read(rig.at("a.txt")), await rig.snapshots()], ["base", []]);
  });

  it("the undo is refused over newer changes, with nothing lost, and takes their place when told to; they can be had back", async () => {
    const rig = await makeLayered({ "a.txt": "base" });
    await write(rig.at("a.txt"), "old work");
    await run("resetLayers", rig.root, { layer: "base" });
    await write(rig.at("a.txt"), "newer");
    const [dropped] = await rig.overlay.dropped();
    await run("undoReset", rig.root, { dropped: dropped?.id });
    assert.equal(await read(rig.at("a.txt")), "newer");
    await run("undoReset", rig.root, { dropped: dropped?.id, replace: true });
    assert.equal(await read(rig.at("a.txt")), "old work");
    const [newer] = await rig.overlay.dropped();
    assert(newer !== undefined && newer.id !== dropped?.id);
    await run("undoReset", rig.root, { dropped: newer.id, replace: true });
    assert.equal(await read(rig.at("a.txt")), "newer");
  });

  it("the undo brings back what was deleted, and what Restore took", async () => {
    const rig = await makeLayered({ "a.txt": "base", d: { "b.txt": "b" } });
    await fs.delete(rig.at("d"), { recursive: true });
    await write(rig.at("a.txt"), "mine");
    await rowsAre(rig, "a.txt", "d");
    await run("restore", rig.at("a.txt"));
    assert.equal(await read(rig.at("a.txt")), "base");
    const reset = (await rig.overlay.dropped()).find(({ path }) => path === "/a.txt");
    await run("undoReset", rig.root, { dropped: reset?.id });
    assert.equal(await read(rig.at("a.txt")), "mine");
    await fs.delete(rig.at("a.txt"));
    const deleted = (await rig.overlay.dropped()).find(({ path, what }) => path === "/a.txt" && what === "delete");
    await run("undoReset", rig.root, { dropped: deleted?.id });
    assert.equal(await read(rig.at("a.txt")), "mine");
  });

  it("are joined, and renamed", async () => {
    const rig = await makeLayered({ "a.txt": "base", "b.txt": "b" });
    await write(rig.at("a.txt"), "one");
    await rig.snapshot("first");
    await write(rig.at("b.txt"), "two");
    const second = await rig.snapshot("second");
    await run("squashSnapshots", rig.root, { layers: [] });
    assert.deepEqual(await rig.snapshots(), ["second"]);
    assert.deepEqual([await read(rig.at("a.txt")), await read(rig.at("b.txt"))], ["one", "two"]);
    await run("renameSnapshot", rig.root, { layer: second, name: "both" });
    assert.deepEqual(await rig.snapshots(), ["both"]);
    await run("resetLayers", rig.root, { layer: "base" });
    assert.deepEqual([await read(rig.at("a.txt")), await read(rig.at("b.txt"))], ["base", "b"]);
  });

  it("a file is compared with what it was in one, and in the base below it", async () => {
    const rig = await makeLayered({ "a.txt": "base", "gone.txt": "gone" });
    await write(rig.at("a.txt"), "one");
    const first = await rig.snapshot("first");
    await write(rig.at("a.txt"), "two");
    await rig.snapshot("second");
    for (const [layer, text] of [[first, "one"], ["base", "base"]] as const) {
      await run("compareWithSnapshot", rig.at("a.txt"), { layer });
      const { original, modified } = await until(`the comparison with ${text}`, async () => {
        const input = activeTab();
        return input instanceof vscode.TabInputTextDiff && (await read(input.original)) === text ? input : undefined;
      });
      assert.deepEqual([original.scheme, modified.toString()], ["overlay-base", rig.at("a.txt").toString()]);
      await assert.rejects(() => write(original, "x"), vscode.FileSystemError);
    }
  });

  it("everything is compared with one in one editor, renamed files with where they were", async () => {
    const rig = await makeLayered({ "a.txt": "base", "gone.txt": "gone", "r.txt": "r" });
    await write(rig.at("a.txt"), "one");
    const first = await rig.snapshot("first");
    await write(rig.at("new.txt"), "new");
    await fs.delete(rig.at("gone.txt"));
    await fs.rename(rig.at("r.txt"), rig.at("s.txt"));
    await rig.snapshot("second"); // what lies below the upper is not what is compared with
    await run("compareWithSnapshot", rig.root, { layer: first });
    await until("the editor", () => vscode.window.tabGroups.activeTabGroup.activeTab?.label.includes("Changes since 'first'") || undefined);
    // Stable VS Code does not tell what such an editor holds, but which documents it has open.
    const texts = (): string[] => vscode.workspace.textDocuments.filter(({ uri }) => uri.authority === rig.root.authority && uri.query === `layer=${first}`).map((one) => `${one.uri.path.slice(rig.root.path.length + 1)}: ${one.getText()}`).sort();
    await until(`both that it has; there are: ${texts().join(", ")}`, () => JSON.stringify(texts()) === JSON.stringify(["gone.txt: gone", "r.txt: r"]) || undefined);
  });

  it("the trash is emptied of what it is told to, for good", async () => {
    const rig = await makeLayered({ "a.txt": "base" });
    await write(rig.at("a.txt"), "mine");
    await run("resetLayers", rig.root, { layer: "base" });
    await write(rig.at("a.txt"), "again");
    await fs.delete(rig.at("a.txt"));
    assert.equal((await rig.overlay.dropped()).length, 2);
    await run("emptyTrash", rig.root, { layers: [] });
    assert.deepEqual(await rig.overlay.dropped(), []);
    assert.deepEqual(await names(rig.root), []);
  });

  it("what is kept follows the settings", async () => {
    const rig = await makeLayered({ "a.txt": "base" });
    await write(rig.at("a.txt"), "x".repeat(2 * 1024 * 1024));
    await run("resetLayers", rig.root, { layer: "base" });
    assert.equal((await rig.overlay.dropped()).length, 1);
    const settings = vscode.workspace.getConfiguration("overlay.trash");
    atEnd(async () => { await settings.update("maxSize", undefined, vscode.ConfigurationTarget.Global); });
    await settings.update("maxSize", 1, vscode.ConfigurationTarget.Global);
    await until("what is too much to go", async () => (await rig.overlay.dropped()).length === 0 || undefined);
  });

  it("INV-10 open editors follow a reset of layers and its undo, in folders too, and can go on saving", async () => {
    const rig = await makeLayered({ "a.txt": "base", d: { "b.txt": "base b" } });
    for (const path of ["a.txt", "d/b.txt"]) utimesSync(join(rig.base, path), 1_000_000_000, 1_000_000_000);
    await write(rig.at("a.txt"), "one");
    await write(rig.at("d/b.txt"), "one b");
    await rig.snapshot("first");
    await write(rig.at("a.txt"), "two");
    await write(rig.at("d/b.txt"), "two b");
    const [a, b] = [await show(rig.at("a.txt")), await show(rig.at("d/b.txt"))];
    const times: number[] = [];
    const note = async (): Promise<void> => { times.push((await fs.stat(rig.at("d/b.txt"))).mtime); };
    await note();
    await run("resetLayers", rig.root, { layer: "base" });
    await until("the base's texts", () => (a.getText() === "base" && b.getText() === "base b") || undefined);
    await note();
    const [dropped] = await rig.overlay.dropped();
    await run("undoReset", rig.root, { dropped: dropped?.id });
    await until("the texts that were", () => (a.getText() === "two" && b.getText() === "two b") || undefined);
    await note();
    assert.deepEqual([...new Set(times)].sort((x, y) => x - y), times, "each is later than the one before");
    const edit = new vscode.WorkspaceEdit();
    edit.insert(b.uri, new vscode.Position(0, 0), "more ");
    assert(await vscode.workspace.applyEdit(edit));
    assert(await b.save());
    assert.equal(await read(b.uri), "more two b");
  });

  it("those that another process takes, and its resets, are seen where the overlay is read-only", async function () {
    this.timeout(60_000);
    const rig = await makeLayered({ "a.txt": "base" });
    const { scratch } = (await rig.api.overlays()).find(({ id }) => id === rig.root.authority) ?? assert.fail("it is listed");
    await rig.api.close(rig.root);
    const module = pathToFileURL(join(vscode.extensions.getExtension(extensionId)?.extensionPath ?? "", "dist", "overlay.mjs")).href;
    const script = `
      const { openOverlay } = await import(${JSON.stringify(module)});
      const overlay = await openOverlay({ base: ${JSON.stringify(rig.base)}, scratch: ${JSON.stringify(scratch)} });
      const steps = [
        async () => { await overlay.writeFile("/a.txt", "one"); await overlay.takeSnapshot("theirs"); },
        async () => { await overlay.resetTo("base"); },
      ];
      process.stdin.on("data", async () => { await steps.shift()(); });
      console.log("open");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" }, stdio: ["pipe", "pipe", "inherit"] });
    atEnd(() => { child.kill("SIGKILL"); });
    await new Promise((resolve) => { child.stdout.once("data", resolve); });
    const document = await show(rig.at("a.txt"));
    const overlay = await rig.api.acquire(rig.root);
    assert.equal(overlay.writable, false);
    child.stdin.write("next\n");
    await until("what it wrote", () => document.getText() === "one" || undefined, 15_000);
    await until("its snapshot", async () => (await overlay.snapshots())[0]?.name === "theirs" || undefined, 15_000);
    await rowsAre(rig);
    child.stdin.write("next\n");
    await until("the base's text", () => document.getText() === "base" || undefined, 15_000);
  });
});
