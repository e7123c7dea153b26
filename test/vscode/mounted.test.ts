// An overlay that is mounted while this window has it: the same files at a real path and through overlay:, and back again.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { atEnd, fails, fs, makeOverlay, names, read, type Rig, until, write } from "./support.ts";

/** Where there is no FUSE these would only say so: that is what test/interop is for. */
function canMount(): boolean {
  return process.platform === "linux" && existsSync("/dev/fuse") && (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, "fuse-overlayfs")));
}

async function mount({ api, root }: Rig): Promise<string> {
  const folder = await api.mount(root);
  atEnd(() => api.unmount(root).catch(() => undefined));
  return folder.fsPath;
}

describe("mounted", function () {
  this.timeout(60_000);

  before(function () {
    if (!canMount()) this.skip();
  });

  it("shows the same through overlay: and at its path, and goes on without the mount", async () => {
    const rig = await makeOverlay({ "a.txt": "A", "b.txt": "B", d: { "e.txt": "E" } });
    await write(rig.at("a.txt"), "before");
    await fs.rename(rig.at("d"), rig.at("k"));
    const folder = await mount(rig);
    assert.equal(readFileSync(join(folder, "a.txt"), "utf8"), "before");
    assert.equal(readFileSync(join(folder, "k/e.txt"), "utf8"), "E");
    writeFileSync(join(folder, "new.txt"), "by a program");
    rmSync(join(folder, "b.txt"));
    assert.deepEqual(await names(rig.root), ["a.txt", "k", "new.txt"]);
    assert.equal(await read(rig.at("new.txt")), "by a program");
    await write(rig.at("k/e.txt"), "by the window");
    assert.equal(readFileSync(join(folder, "k/e.txt"), "utf8"), "by the window");
    await fails("FileNotFound", () => fs.readFile(rig.at("b.txt")));
    await rig.api.unmount(rig.root);
    assert.equal(existsSync(folder), false);
    assert.deepEqual(await names(rig.root), ["a.txt", "k", "new.txt"]);
    assert.equal(await read(rig.at("k/e.txt")), "by the window");
    await write(rig.at("new.txt"), "after");
    assert.deepEqual(readdirSync(rig.base).sort(), ["a.txt", "b.txt", "d"]);
    assert.equal(readFileSync(join(rig.base, "a.txt"), "utf8"), "A");
  });

  it("tells of what programs do there: editors reload, and the changes are listed", async () => {
    const rig = await makeOverlay({ "a.txt": "A", d: { "e.txt": "E" } });
    const folder = await mount(rig);
    const document = await vscode.workspace.openTextDocument(rig.at("a.txt"));
    await vscode.window.showTextDocument(document);
    writeFileSync(join(folder, "a.txt"), "by a program");
    await until("the editor to show it", () => document.getText() === "by a program" || undefined);
    mkdirSync(join(folder, "n"));
    writeFileSync(join(folder, "d/e.txt"), "2");
    const listed = (): (string | undefined)[] => rig.api.sourceControl(rig.root)?.groups.changes.resourceStates.map(({ resourceUri }) => resourceUri.path.slice(rig.root.path.length)).sort() ?? [];
    await until("the list of changes", () => listed().length === 3 || undefined).catch(() => undefined);
    assert.deepEqual(listed(), ["/a.txt", "/d/e.txt", "/n"]);
  });

  it("resets a file although a terminal stands in it; unmounting names that terminal's shell", async () => {
    const rig = await makeOverlay({ "a.txt": "A" });
    const folder = await mount(rig);
    await vscode.commands.executeCommand("overlay.newTerminal", rig.root);
    const terminal = vscode.window.terminals.at(-1);
    assert(terminal);
    atEnd(() => { terminal.dispose(); });
    assert.equal((terminal.creationOptions as vscode.TerminalOptions).cwd, folder);
    terminal.sendText("pwd > where.txt");
    await until("the shell to have written", async () => (await read(rig.at("where.txt")).catch(() => "")).trim() === folder || undefined, 30_000);
    writeFileSync(join(folder, "a.txt"), "mine");
    await until("the change", async () => (await rig.api.changes(rig.root)).some(({ path }) => path === "/a.txt") || undefined);
    await rig.api.get(rig.root)?.reset("/a.txt");
    assert.equal(await read(rig.at("a.txt")), "A");
    const shell = await terminal.processId;
    await assert.rejects(() => rig.api.unmount(rig.root), new RegExp(`EBUSY.*\\(${String(shell)}\\)`));
    assert.equal(await read(rig.at("a.txt")), "A", "it goes on");
    terminal.dispose();
    await until("the shell to have gone", () => rig.api.unmount(rig.root).then(() => true, () => undefined), 30_000);
    assert.equal(await read(rig.at("where.txt")), `${folder}\n`);
  });

  it("gives tasks and launch configurations the path, mounting on demand", async () => {
    const rig = await makeOverlay({ "a.txt": "A" });
    const folder = await vscode.commands.executeCommand<string>("overlay.mountPoint", rig.root);
    atEnd(() => rig.api.unmount(rig.root).catch(() => undefined));
    assert.equal(readFileSync(join(folder, "a.txt"), "utf8"), "A");
  });

  it("is renamed and deleted after an unmount of its own", async () => {
    const rig = await makeOverlay({ "a.txt": "A" });
    const folder = await mount(rig);
    writeFileSync(join(folder, "a.txt"), "2");
    await vscode.commands.executeCommand("overlay.rename", rig.root, undefined, { name: "another name" });
    assert.equal(existsSync(folder), false);
    assert.equal((await rig.api.overlays()).find(({ id }) => id === rig.root.authority)?.name, "another name");
    assert.equal(await read(rig.at("a.txt")), "2");
    // Left mounted: what deletes the overlay after the test unmounts it first.
    await rig.api.mount(rig.root);
  });
});
