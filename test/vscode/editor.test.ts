// Documents and editors over an overlay: saving, conflicts, and INV-10, times that only move forward.
import assert from "node:assert/strict";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { fs, makeOverlay, read, until, write } from "./support.ts";

async function edit(document: vscode.TextDocument, text: string): Promise<void> {
  const change = new vscode.WorkspaceEdit();
  change.replace(document.uri, new vscode.Range(0, 0, document.lineCount, 0), text);
  assert(await vscode.workspace.applyEdit(change));
}

describe("editor", () => {
  it("opens, edits and saves; the base keeps its own", async () => {
    const { base, at } = await makeOverlay({ "a.txt": "one\n" });
    const document = await vscode.workspace.openTextDocument(at("a.txt"));
    await vscode.window.showTextDocument(document);
    await edit(document, "two\n");
    assert(await document.save());
    assert(!document.isDirty);
    assert.equal(await read(at("a.txt")), "two\n");
    assert.equal(readFileSync(join(base, "a.txt"), "utf8"), "one\n");
  });

  it("saves many times in a row with no conflict", async () => {
    const { at } = await makeOverlay({ "a.txt": "0\n" });
    const document = await vscode.workspace.openTextDocument(at("a.txt"));
    await vscode.window.showTextDocument(document);
    for (let i = 1; i <= 10; i++) {
      await edit(document, `${i}\n`);
      assert(await document.save(), `save ${i}`);
    }
    assert.equal(await read(at("a.txt")), "10\n");
  });

  it("INV-10 follows a reset that reveals an older file", async () => {
    const { api, base, root, at } = await makeOverlay({ "a.txt": "base\n" });
    utimesSync(join(base, "a.txt"), 1_000_000_000, 1_000_000_000);
    const overlay = await api.acquire(root);
    const document = await vscode.workspace.openTextDocument(at("a.txt"));
    await vscode.window.showTextDocument(document);
    await edit(document, "mine\n");
    await document.save();
    const saved = (await fs.stat(at("a.txt"))).mtime;
    await overlay.reset("/a.txt");
    await until("the editor to show the base's text", () => document.getText() === "base\n");
    const revealed = (await fs.stat(at("a.txt"))).mtime;
    assert(revealed > saved, `${revealed} is not after ${saved}`);
    assert.equal((await fs.stat(at("a.txt"))).mtime, revealed);
    assert.equal((await overlay.stat("/a.txt")).mtimeMs, 1_000_000_000_000, "the engine tells the truth");
    await edit(document, "mine again\n");
    assert(await document.save());
    assert.equal(await read(at("a.txt")), "mine again\n");
  });

  it("INV-10 outlives the overlay's closing and opening again", async () => {
    const { api, base, root, at } = await makeOverlay({ "a.txt": "base\n" });
    utimesSync(join(base, "a.txt"), 1_000_000_000, 1_000_000_000);
    await write(at("a.txt"), "mine\n");
    const saved = (await fs.stat(at("a.txt"))).mtime;
    await (await api.acquire(root)).reset("/a.txt");
    const revealed = (await fs.stat(at("a.txt"))).mtime;
    assert(revealed > saved);
    await api.close(root);
    assert.equal((await fs.stat(at("a.txt"))).mtime, revealed);
  });

  it("shows what others change in the base", async () => {
    const { base, at } = await makeOverlay({ "a.txt": "one\n" });
    const document = await vscode.workspace.openTextDocument(at("a.txt"));
    await vscode.window.showTextDocument(document);
    await new Promise((resolve) => { setTimeout(resolve, 1000); }); // The watcher starts with the editor.
    writeFileSync(join(base, "a.txt"), "changed beneath\n");
    await until("the editor to show the base's new text", () => document.getText() === "changed beneath\n", 15_000);
  });

  it("is still there after the overlay was closed and opened again", async () => {
    const { api, root, at } = await makeOverlay({ "a.txt": "one\n", "gone.txt": "x" });
    await write(at("a.txt"), "two\n");
    await fs.delete(at("gone.txt"));
    await api.close(root);
    assert.equal(api.get(root), undefined);
    assert.equal(await read(at("a.txt")), "two\n");
    await assert.rejects(async () => fs.stat(at("gone.txt")));
  });
});
