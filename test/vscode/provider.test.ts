// The provider through vscode.workspace.fs, which skips every check of the workbench: what is refused is refused here.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { activate, fails, fs, makeBase, makeOverlay, names, read, write } from "./support.ts";

const { FileType } = vscode;

describe("provider", () => {
  it("shows the base under overlay://<id>/<base folder name>", async () => {
    const { root, at } = await makeOverlay({ "a.txt": "one", src: { "b.txt": "two" } });
    assert.equal(root.scheme, "overlay");
    assert.equal(root.path, "/project");
    assert.deepEqual(await names(root), ["a.txt", "src"]);
    assert.equal(await read(at("src/b.txt")), "two");
    const stat = await fs.stat(at("a.txt"));
    assert.deepEqual([stat.type, stat.size, stat.permissions], [FileType.File, 3, undefined]);
  });

  it("INV-1 writes, deletes and renames beside the base, which stays as it was", async () => {
    const { base, root, at } = await makeOverlay({ "a.txt": "one", d: { "b.txt": "two" } });
    await write(at("a.txt"), "changed");
    await write(at("new.txt"), "new");
    await fs.rename(at("d"), at("e"));
    await fs.delete(at("e/b.txt"));
    assert.deepEqual(await names(root), ["a.txt", "e", "new.txt"]);
    assert.deepEqual(await names(at("e")), []);
    assert.equal(readFileSync(join(base, "a.txt"), "utf8"), "one");
    assert.equal(readFileSync(join(base, "d", "b.txt"), "utf8"), "two");
    assert(!existsSync(join(base, "new.txt")));
  });

  it("has a folder above the root that holds only the base's name", async () => {
    const { root } = await makeOverlay({ "a.txt": "one" });
    const above = root.with({ path: "/" });
    assert.deepEqual(await fs.readDirectory(above), [["project", FileType.Directory]]);
    await fails("NoPermissions", () => fs.delete(above, { recursive: true }));
    await fails("FileNotFound", () => fs.stat(root.with({ path: "/other" })));
  });

  it("says what failed, where, why and what to do", async () => {
    const { at } = await makeOverlay({ d: { "a.txt": "one" } });
    const message = await fails("Unknown", () => fs.delete(at("d"), { recursive: false }));
    assert.match(message, /Cannot delete 'project\/d': the folder is not empty\. .+/);
  });

  it("translates errors: missing, taken, no folder, a folder", async () => {
    const { at } = await makeOverlay({ "a.txt": "one", d: { "b.txt": "two" } });
    await fails("FileNotFound", () => fs.stat(at("none")));
    await fails("FileNotFound", () => fs.readFile(at("none")));
    await fails("FileNotFound", () => fs.delete(at("none")));
    await fails("FileNotFound", () => fs.rename(at("none"), at("x")));
    await fails("FileNotADirectory", () => fs.stat(at("a.txt/x")));
    await fails("FileNotADirectory", () => fs.readDirectory(at("a.txt")));
    await fails("FileIsADirectory", () => fs.readFile(at("d")));
    await fails("FileIsADirectory", () => write(at("d"), "x"));
    await fails("FileExists", () => fs.rename(at("a.txt"), at("d/b.txt"), { overwrite: false }));
    await fails("FileExists", () => fs.copy(at("a.txt"), at("d/b.txt"), { overwrite: false }));
    assert.equal(await read(at("d/b.txt")), "two");
  });

  it("refuses names that would be markers", async () => {
    const { root, at } = await makeOverlay({ "a.txt": "one" });
    await assert.rejects(() => write(at(".wh.a.txt"), ""));
    await assert.rejects(async () => fs.createDirectory(at("d/.wh..wh..opq")));
    assert.deepEqual((await names(root)).filter((name) => name.startsWith(".wh.")), []);
    assert.equal(await read(at("a.txt")), "one");
  });

  it("refuses an id that there is none of", async () => {
    await activate();
    await fails("FileNotFound", () => fs.stat(vscode.Uri.parse("overlay:/no-authority")));
    await assert.rejects(async () => fs.stat(vscode.Uri.parse("overlay://there-is-no-such-id/x")), vscode.FileSystemError);
  });

  it("renames over a file, and over nothing", async () => {
    const { root, at } = await makeOverlay({ "a.txt": "one", "b.txt": "two" });
    await fs.rename(at("a.txt"), at("b.txt"), { overwrite: true });
    assert.deepEqual(await names(root), ["b.txt"]);
    assert.equal(await read(at("b.txt")), "one");
  });

  it("copies a folder with all that is visible in it", async () => {
    const { at } = await makeOverlay({ d: { "a.txt": "one", "gone.txt": "x", e: { "b.txt": "two" } } });
    await fs.delete(at("d/gone.txt"));
    await write(at("d/e/new.txt"), "new");
    await fs.copy(at("d"), at("copy"));
    assert.deepEqual(await names(at("copy")), ["a.txt", "e"]);
    assert.equal(await read(at("copy/e/new.txt")), "new");
  });

  it("copies and moves between overlays", async () => {
    const one = await makeOverlay({ d: { "a.txt": "one", e: { "b.txt": "two" } } });
    const other = await makeOverlay({ "x.txt": "x" });
    await fs.copy(one.at("d"), other.at("d"));
    assert.equal(await read(other.at("d/e/b.txt")), "two");
    await fails("FileExists", () => fs.copy(one.at("d"), other.at("d"), { overwrite: false }));
    await fs.rename(one.at("d/a.txt"), other.at("x.txt"), { overwrite: true });
    assert.equal(await read(other.at("x.txt")), "one");
    assert.deepEqual(await names(one.at("d")), ["e"]);
    assert.deepEqual(await names(other.root), ["d", "x.txt"]);
  });

  it("makes folders, and INV-9 shows nothing old in one that is made again", async () => {
    const { at } = await makeOverlay({ d: { "old.txt": "old" } });
    await fs.delete(at("d"), { recursive: true });
    await fails("FileNotFound", () => fs.stat(at("d")));
    await fs.createDirectory(at("d"));
    assert.deepEqual(await names(at("d")), []);
  });

  it("keeps the executable bit when a file is saved", async function () {
    if (process.platform === "win32") this.skip();
    const { api, base, root, at } = await makeOverlay({ "run.sh": "#!/bin/sh\n" });
    execFileSync("chmod", ["755", join(base, "run.sh")]);
    await write(at("run.sh"), "#!/bin/sh\nexit 0\n");
    assert.equal((await (await api.acquire(root)).stat("/run.sh")).mode & 0o777, 0o755);
  });

  it("follows symbolic links, and lists those that lead nowhere", async function () {
    if (process.platform === "win32") this.skip();
    const { base, root, at } = await makeOverlay({ d: { "a.txt": "one" } });
    symlinkSync("d", join(base, "link"));
    symlinkSync("nowhere", join(base, "broken"));
    symlinkSync("loop", join(base, "loop"));
    assert.equal(await read(at("link/a.txt")), "one");
    const types = Object.fromEntries(await fs.readDirectory(root));
    assert.equal(types["link"], FileType.SymbolicLink | FileType.Directory);
    assert.equal(types["broken"], FileType.SymbolicLink);
    assert.equal(types["loop"], FileType.SymbolicLink);
    assert.equal((await fs.stat(at("broken"))).type, FileType.SymbolicLink);
  });

  it("lists a FIFO and never waits for it", async function () {
    if (process.platform === "win32") this.skip();
    const { base, root, at } = await makeOverlay({ "a.txt": "one" });
    execFileSync("mkfifo", [join(base, "pipe")]);
    assert.equal(Object.fromEntries(await fs.readDirectory(root))["pipe"], FileType.Unknown);
    await assert.rejects(async () => fs.readFile(at("pipe")), vscode.FileSystemError);
  });

  it("refuses a base that is none, with nothing made", async () => {
    const api = await activate();
    const base = makeBase({ "file.txt": "x" });
    const before = (await api.overlays()).length;
    await assert.rejects(() => api.open(join(base, "missing")));
    await assert.rejects(() => api.open(join(base, "file.txt")));
    assert.equal((await api.overlays()).length, before);
  });
});
