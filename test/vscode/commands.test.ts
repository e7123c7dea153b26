// The commands as far as a test inside VS Code can go: modal questions are refused here, the UI tests answer them.
import assert from "node:assert/strict";
import * as vscode from "vscode";
import { activate, extensionId, fs, makeOverlay, names, read, until, write } from "./support.ts";

function activeDiff(): vscode.TabInputTextDiff | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  return input instanceof vscode.TabInputTextDiff ? input : undefined;
}

async function compare(uri: vscode.Uri): Promise<vscode.TabInputTextDiff> {
  await vscode.commands.executeCommand("overlay.compareWithBase", uri);
  return until("the comparison", activeDiff);
}

describe("commands", () => {
  it("are all there, as contributed", async () => {
    await activate();
    const manifest = vscode.extensions.getExtension(extensionId)?.packageJSON as { contributes: { commands: { command: string }[] } };
    const known = new Set(await vscode.commands.getCommands(true));
    assert.deepEqual(manifest.contributes.commands.map(({ command }) => command).filter((command) => !known.has(command)), []);
  });

  it("compare a changed file with the base's", async () => {
    const { at } = await makeOverlay({ "a.txt": "base\n" });
    await write(at("a.txt"), "mine\n");
    const { original, modified } = await compare(at("a.txt"));
    assert.equal(modified.toString(), at("a.txt").toString());
    assert.equal(await read(original), "base\n");
    assert.equal(fs.isWritableFileSystem(original.scheme), false);
    assert.equal(fs.isWritableFileSystem(modified.scheme), true);
  });

  it("compare a file in a renamed folder with where it came from", async () => {
    const { at } = await makeOverlay({ d: { "a.txt": "base\n" } });
    await fs.rename(at("d"), at("e"));
    await write(at("e/a.txt"), "mine\n");
    assert.equal(await read((await compare(at("e/a.txt"))).original), "base\n");
  });

  it("compare an added file with nothing", async () => {
    const { at } = await makeOverlay({ "a.txt": "base\n" });
    await write(at("new.txt"), "mine\n");
    const { original, modified } = await compare(at("new.txt"));
    assert.equal(await read(original), "");
    assert.equal(await read(modified), "mine\n");
  });

  it("compare a deleted file with nothing", async () => {
    const { at } = await makeOverlay({ "a.txt": "base\n" });
    await fs.delete(at("a.txt"));
    const { original, modified } = await compare(at("a.txt"));
    assert.equal(await read(original), "base\n");
    assert.equal(await read(modified), "");
  });

  it("show binary content that is on one side only by itself", async () => {
    const { at } = await makeOverlay({});
    await fs.writeFile(at("new.bin"), new Uint8Array([1, 0, 2]));
    await vscode.commands.executeCommand("overlay.compareWithBase", at("new.bin"));
    await until("the file", () => vscode.window.tabGroups.activeTabGroup.activeTab);
    assert.equal(activeDiff(), undefined);
  });

  it("compare a file of 100 MB: alone in an editor of its own, left out where everything is opened, and nothing stops", async () => {
    const line = `${"x".repeat(99)}\n`;
    const { api, root, at } = await makeOverlay({ "a.txt": "base\n", "large.txt": line.repeat(1_000_000) });
    await (await api.acquire(root)).append("/large.txt", "mine\n");
    await write(at("a.txt"), "mine\n");
    await vscode.commands.executeCommand("overlay.openAllChanges");
    const label = (): string => vscode.window.tabGroups.activeTabGroup.activeTab?.label ?? "";
    await until("the editor of all that is not large", () => /Changes.*1/.test(label()) || undefined);
    const { original, modified } = await compare(at("large.txt"));
    assert.deepEqual([(await fs.stat(original)).size, (await fs.stat(modified)).size], [100_000_000, 100_000_005]);
    await write(at("a.txt"), "and on\n");
    assert.equal(await read(at("a.txt")), "and on\n");
  });

  it("restore a deleted entry with no question, for nothing is lost", async () => {
    const { root, at } = await makeOverlay({ d: { "a.txt": "base\n" } });
    await fs.delete(at("d"), { recursive: true });
    assert.deepEqual(await names(root), []);
    await vscode.commands.executeCommand("overlay.resetToBase", at("d"));
    assert.equal(await read(at("d/a.txt")), "base\n");
  });

  it("the base side cannot be changed", async () => {
    const { at } = await makeOverlay({ "a.txt": "base\n" });
    const lower = at("a.txt").with({ scheme: "overlay-base" });
    await assert.rejects(() => write(lower, "x"), vscode.FileSystemError);
    await assert.rejects(async () => fs.delete(lower), vscode.FileSystemError);
    assert.equal(await read(lower), "base\n");
  });
});
