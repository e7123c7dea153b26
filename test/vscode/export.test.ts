// Exports and the import with everything given, so that no dialog is needed: what arrives, what is refused, what is left.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { atEnd, fs, makeOverlay, read, until, write, type Rig, type Tree } from "./support.ts";

function outside(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "overlay-out-")));
  atEnd(() => { rmSync(folder, { recursive: true, force: true }); });
  return folder;
}

const tree: Tree = { "a.txt": "one\ntwo\n", "b.txt": "b\n", d: { "x.txt": "x\n", "y.txt": "y\n" } };

/** A file modified, one added, one deleted, one in a folder modified. */
async function makeChanged(): Promise<Rig & { readonly out: string }> {
  const rig = await makeOverlay(tree);
  await write(rig.at("a.txt"), "one\ntwo\nthree\n");
  await write(rig.at("new.txt"), "new\n");
  await write(rig.at("d/x.txt"), "mine\n");
  await fs.delete(rig.at("b.txt"));
  return { ...rig, out: outside() };
}

const run = (command: string, ...args: unknown[]): Thenable<unknown> => vscode.commands.executeCommand(`overlay.${command}`, ...args);
const heads = (patch: string): string[] => patch.split("\n").filter((line) => line.startsWith("diff --git ")).map((line) => line.slice("diff --git a/".length).split(" b/")[0] ?? "").sort();

describe("carrying changes out and in", () => {
  it("a patch of everything is what git applies on the base", async () => {
    const { root, base, out } = await makeChanged();
    const target = join(out, "all.patch");
    await run("exportPatch", root, { target: vscode.Uri.file(target) });
    assert.deepEqual(heads(readFileSync(target, "utf8")), ["a.txt", "b.txt", "d/x.txt", "new.txt"]);
    assert.deepEqual(readdirSync(out), ["all.patch"]);
    execFileSync("cp", ["-r", base, join(out, "copy")]);
    try {
      execFileSync("git", ["apply", target], { cwd: join(out, "copy"), env: { ...process.env, GIT_CEILING_DIRECTORIES: out } });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return; // no git on this machine
    }
    assert.equal(readFileSync(join(out, "copy", "a.txt"), "utf8"), "one\ntwo\nthree\n");
    assert.equal(existsSync(join(out, "copy", "b.txt")), false);
  });

  it("a patch of a folder, and of a selection, holds no more", async () => {
    const { at, out } = await makeChanged();
    await run("exportPatch", at("d"), { target: join(out, "d.patch") });
    assert.deepEqual(heads(readFileSync(join(out, "d.patch"), "utf8")), ["d/x.txt"]);
    await run("exportPatch", at("a.txt"), [at("a.txt"), at("new.txt")], { target: join(out, "two.patch") });
    assert.deepEqual(heads(readFileSync(join(out, "two.patch"), "utf8")), ["a.txt", "new.txt"]);
  });

  it("a patch goes to a place that is no disk through VS Code's file service", async () => {
    const { root } = await makeChanged();
    const other = await makeOverlay({});
    await run("exportPatch", root, { target: other.at("all.patch") });
    assert.deepEqual(heads(await read(other.at("all.patch"))), ["a.txt", "b.txt", "d/x.txt", "new.txt"]);
  });

  it("a folder of everything, and of one folder, is merged without markers", async () => {
    const { root, at, out } = await makeChanged();
    await run("exportFolder", root, { target: join(out, "whole") });
    assert.deepEqual(readdirSync(join(out, "whole")).sort(), ["a.txt", "d", "new.txt"]);
    assert.equal(readFileSync(join(out, "whole", "d", "x.txt"), "utf8"), "mine\n");
    await run("exportFolder", at("d"), { target: join(out, "d") });
    assert.deepEqual(readdirSync(join(out, "d")).sort(), ["x.txt", "y.txt"]);
  });

  it("a layer is a tar with what is new and a whiteout for what is gone", async () => {
    const { root, out } = await makeChanged();
    const target = join(out, "layer.tar");
    await run("exportLayer", root, { target });
    const names = execFileSync("tar", ["tf", target], { encoding: "utf8" }).split("\n").filter((name) => name !== "");
    assert.deepEqual(names.sort(), [".wh.b.txt", "a.txt", "d/", "d/x.txt", "new.txt"]);
  });

  it("what would go into the base is refused, and nothing is there", async () => {
    const { root, base, out } = await makeChanged();
    // The error's notification waits for an answer that nobody gives here, so the command does not end.
    void run("exportPatch", root, { target: join(base, "bad.patch") });
    void run("exportFolder", root, { target: join(base, "bad") });
    await run("exportPatch", root, { target: join(out, "good.patch") });
    await until("the export", () => existsSync(join(out, "good.patch")) || undefined);
    assert.deepEqual(readdirSync(base).sort(), ["a.txt", "b.txt", "d"]);
  });

  it("a patch is imported whole, into another overlay over the same files", async () => {
    const { root, out } = await makeChanged();
    await run("exportPatch", root, { target: join(out, "all.patch") });
    const other = await makeOverlay(tree);
    await run("importPatch", other.root, { source: vscode.Uri.file(join(out, "all.patch")) });
    assert.equal(await read(other.at("a.txt")), "one\ntwo\nthree\n");
    assert.equal(await read(other.at("d/x.txt")), "mine\n");
    await assert.rejects(async () => fs.stat(other.at("b.txt")), vscode.FileSystemError);
    assert.equal(lstatSync(join(other.base, "b.txt")).size, 2);
  });

  it("a patch is imported from the clipboard, its last line's end missing", async () => {
    const { root, at } = await makeOverlay(tree);
    const before = await vscode.env.clipboard.readText();
    atEnd(async () => { await vscode.env.clipboard.writeText(before); });
    await vscode.env.clipboard.writeText("--- a/b.txt\n+++ b/b.txt\n@@ -1 +1 @@\n-b\n+B");
    await run("importPatch", root, { source: "clipboard" });
    assert.equal(await read(at("b.txt")), "B\n");
  });

  it("a patch that does not fit changes nothing", async () => {
    const { root, api, out } = await makeOverlay(tree).then((rig) => ({ ...rig, out: outside() }));
    writeFileSync(join(out, "bad.patch"), "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+ONE\n--- a/d/x.txt\n+++ b/d/x.txt\n@@ -1 +1 @@\n-what is not there\n+y\n");
    void run("importPatch", root, { source: join(out, "bad.patch") });
    writeFileSync(join(out, "empty.patch"), "--- a/d/y.txt\n+++ b/d/y.txt\n@@ -1 +1 @@\n-y\n+Y\n");
    await run("importPatch", root, { source: join(out, "empty.patch") });
    const overlay = await api.acquire(root);
    assert.deepEqual((await overlay.changes()).filter(({ type }) => type !== "directory").map(({ path }) => path), ["/d/y.txt"]);
  });
});
