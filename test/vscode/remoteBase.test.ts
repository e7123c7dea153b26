// Overlays over a base that is not on a disk: a provider of this extension host, in memory, that can be slow, silent, or fail.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { activate, atEnd, extensionId, fails, fs, makeBase, names, read, until, write, type Rig } from "./support.ts";

const { FileType } = vscode;

interface Entry {
  type: vscode.FileType;
  mtime: number;
  content: Uint8Array;
}

const longAgo = Date.UTC(2020, 0);

/** One folder for each authority. */
class SlowBase implements vscode.FileSystemProvider {
  readonly entries = new Map<string, Entry>();
  readonly calls: string[] = [];
  /** Awaited by each call; a rejection is the call's. */
  before: (call: string) => Promise<void> | undefined = () => undefined;
  private readonly emitter = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.emitter.event;

  plant(uri: vscode.Uri, content?: string, mtime = longAgo): void {
    this.entries.set(uri.toString(), { type: content === undefined ? FileType.Directory : FileType.File, mtime, content: new TextEncoder().encode(content ?? "") });
  }

  tell(type: vscode.FileChangeType, uri: vscode.Uri): void {
    this.emitter.fire([{ type, uri }]);
  }

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { type, mtime, content } = await this.find("stat", uri);
    return { type, ctime: longAgo, mtime, size: content.length, permissions: vscode.FilePermission.Readonly };
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    await this.find("list", uri);
    const prefix = `${uri.toString()}/`;
    return [...this.entries].flatMap(([at, { type }]): [string, vscode.FileType][] =>
      at.startsWith(prefix) && !at.slice(prefix.length).includes("/") ? [[decodeURIComponent(at.slice(prefix.length)), type]] : []);
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return (await this.find("read", uri)).content;
  }

  createDirectory(): never { throw refused(); }
  writeFile(): never { throw refused(); }
  delete(): never { throw refused(); }
  rename(): never { throw refused(); }

  private async find(call: string, uri: vscode.Uri): Promise<Entry> {
    this.calls.push(`${call} ${uri.path}`);
    await this.before(call);
    const entry = this.entries.get(uri.toString());
    if (entry === undefined) throw vscode.FileSystemError.FileNotFound(uri);
    return entry;
  }
}

const written: string[] = [];
function refused(): vscode.FileSystemError {
  written.push(new Error("the base was written").stack ?? "");
  return vscode.FileSystemError.NoPermissions("the base is never written");
}

const slow = new SlowBase();
let n = 0;

interface RemoteRig extends Rig {
  readonly folder: vscode.Uri;
}

async function overSlowBase(files: Readonly<Record<string, string>>): Promise<RemoteRig> {
  const api = await activate();
  const folder = vscode.Uri.from({ scheme: "slowbase", authority: `host${++n}`, path: "/some project" });
  slow.plant(folder);
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split("/");
    for (let i = 1; i < parts.length; i++) slow.plant(vscode.Uri.joinPath(folder, ...parts.slice(0, i)));
    slow.plant(vscode.Uri.joinPath(folder, path), content);
  }
  const root = await api.open(folder, { trusted: true });
  atEnd(async () => {
    slow.before = () => undefined;
    await api.delete(root.authority);
  });
  return { api, base: folder.toString(), folder, root, at: (path) => vscode.Uri.joinPath(root, path) };
}

describe("a base that is not on a disk", () => {
  before(() => {
    vscode.workspace.registerFileSystemProvider("slowbase", slow, { isCaseSensitive: true, isReadonly: true });
  });
  afterEach(() => {
    slow.before = () => undefined;
    assert.deepEqual(written.splice(0), [], "INV-1");
  });

  it("is listed, read, edited, renamed and reset as any other, and never written", async () => {
    const { api, base, root, at } = await overSlowBase({ "a b.txt": "one", "src/b.txt": "two", "src/deep/c.txt": "three" });
    assert.equal(root.path, "/some project");
    assert.deepEqual(await names(root), ["a b.txt", "src"]);
    await write(at("a b.txt"), "mine");
    await write(at("new.txt"), "new");
    await fs.rename(at("src"), at("lib"));
    await fs.delete(at("lib/b.txt"));
    assert.equal(await read(at("lib/deep/c.txt")), "three");
    assert.deepEqual(await names(root), ["a b.txt", "lib", "new.txt"]);
    assert.deepEqual((await api.changes(root)).map(({ kind, path }) => `${kind} ${path}`), ["copied /a b.txt", "renamed /lib", "deleted /lib/b.txt", "added /new.txt", "deleted /src"]);
    assert.equal((await api.overlays()).find(({ id }) => id === root.authority)?.base, base);
    await (await api.acquire(root)).reset();
    assert.deepEqual(await names(root), ["a b.txt", "src"]);
    assert.equal(await read(at("a b.txt")), "one");
    assert.equal(await read(at("src/b.txt")), "two");
  });

  it("costs a call for what is not known, and none for what is", async () => {
    const { root, at } = await overSlowBase({ "a.txt": "one", "d/b.txt": "two" });
    await names(root);
    slow.calls.length = 0;
    await names(root);
    for (const path of ["package.json", ".vscode/settings.json", ".git"]) await fails("FileNotFound", () => fs.stat(at(path)));
    assert.deepEqual(slow.calls, []);
    await fs.stat(at("d/b.txt"));
    await fs.stat(at("d/b.txt"));
    assert.equal(await read(at("d/b.txt")), "two");
    assert.equal(await read(at("d/b.txt")), "two");
    assert.deepEqual(slow.calls, ["stat /some project/d/b.txt", "read /some project/d/b.txt"]);
  });

  it("tells what others change in it: shown at once, and stale where a change hides it", async () => {
    const { api, folder, root, at } = await overSlowBase({ "a.txt": "one", "b.txt": "two" });
    await write(at("a.txt"), "mine");
    assert.equal(await read(at("b.txt")), "two");
    for (const name of ["a.txt", "b.txt"]) {
      slow.plant(vscode.Uri.joinPath(folder, name), "another", Date.UTC(2021, 0));
      slow.tell(vscode.FileChangeType.Changed, vscode.Uri.joinPath(folder, name));
    }
    slow.plant(vscode.Uri.joinPath(folder, "c.txt"), "three");
    slow.tell(vscode.FileChangeType.Created, vscode.Uri.joinPath(folder, "c.txt"));
    await until("the base's new content", async () => (await read(at("b.txt"))) === "another");
    assert.deepEqual(await until("the new file", async () => { const found = await names(root); return found.length === 3 ? found : undefined; }), ["a.txt", "b.txt", "c.txt"]);
    assert.deepEqual(await api.changes(root), [{ kind: "copied", path: "/a.txt", type: "file", stale: true }]);
    assert.equal(await read(root.with({ scheme: "overlay-base", path: `${root.path}/a.txt` })), "another");
  });

  it("that tells of nothing is asked anew by Refresh Base", async () => {
    const { folder, root, at } = await overSlowBase({ "a.txt": "one" });
    assert.equal(await read(at("a.txt")), "one");
    await names(root);
    slow.plant(vscode.Uri.joinPath(folder, "a.txt"), "silently other", Date.UTC(2021, 0));
    slow.plant(vscode.Uri.joinPath(folder, "b.txt"), "silently new");
    assert.deepEqual([await read(at("a.txt")), await names(root)], ["one", ["a.txt"]]);
    await vscode.commands.executeCommand("overlay.refreshBase", root);
    assert.deepEqual([await read(at("a.txt")), await names(root)], ["silently other", ["a.txt", "b.txt"]]);
  });

  it("that tells of nothing is asked anew where something is reset", async () => {
    const { folder, root, at } = await overSlowBase({ "a.txt": "one", "b.txt": "two" });
    for (const name of ["a.txt", "b.txt"]) await write(at(name), `mine, not ${await read(at(name))}`);
    for (const name of ["a.txt", "b.txt"]) slow.plant(vscode.Uri.joinPath(folder, name), "silently other", Date.UTC(2021, 0));
    await vscode.commands.executeCommand("overlay.resetLayers", root, { layer: "upper" });
    assert.deepEqual([await read(at("a.txt")), await read(at("b.txt"))], ["silently other", "silently other"]);
  });

  it("needs the extension where the files are, in windows of every kind", async () => {
    await activate();
    const extension = vscode.extensions.getExtension(extensionId);
    const { extensionKind, capabilities } = extension?.packageJSON as { extensionKind: unknown; capabilities: Record<string, { supported: boolean }> };
    assert.deepEqual(extensionKind, ["workspace"]);
    assert.deepEqual([capabilities["virtualWorkspaces"]?.supported, capabilities["untrustedWorkspaces"]?.supported], [true, true]);
    // What VS Code makes of it: beside the files when they are elsewhere.
    assert.equal(extension?.extensionKind, vscode.env.remoteName === undefined ? vscode.ExtensionKind.UI : vscode.ExtensionKind.Workspace);
  });

  it("that fails says so, as nothing that is absent; what is in the overlay can be had and changed", async () => {
    const { api, root, at } = await overSlowBase({ "a.txt": "one", "d/b.txt": "two" });
    await write(at("d/b.txt"), "mine");
    await api.close(root);
    slow.before = () => Promise.reject(vscode.FileSystemError.Unavailable("the connection was lost"));
    assert.equal(await read(at("d/b.txt")), "mine");
    await write(at("d/b.txt"), "mine again");
    for (const call of [() => fs.stat(at("a.txt")), () => fs.readDirectory(root), () => write(at("new.txt"), ""), () => fs.delete(at("d/b.txt"))]) {
      assert.match(await fails("Unavailable", call), /the base did not answer: .*the connection was lost/);
    }
    slow.before = () => undefined;
    assert.deepEqual(await names(root), ["a.txt", "d"]);
    await fs.delete(at("d/b.txt"));
    await fails("FileNotFound", () => fs.stat(at("d/b.txt")));
  });

  it("of which every tenth call fails is worked in without noticing", async () => {
    const { api, root, at } = await overSlowBase(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`d${i % 4}/f${i}.txt`, `text ${i}`])));
    let calls = 0;
    slow.before = () => (++calls % 10 === 0 ? Promise.reject(vscode.FileSystemError.Unavailable("lost")) : undefined);
    for (let i = 0; i < 12; i++) {
      assert.equal(await read(at(`d${i % 4}/f${i}.txt`)), `text ${i}`);
      if (i % 3 === 0) await write(at(`d${i % 4}/f${i}.txt`), "mine");
      if (i % 3 === 1) await fs.delete(at(`d${i % 4}/f${i}.txt`));
    }
    assert.equal((await api.changes(root)).length, 8);
    assert(calls > 20);
  });

  it("that is slow holds up nobody who needs nothing of it, and who waits can be let go", async () => {
    const { root, at } = await overSlowBase({ "a.txt": "one", "d/b.txt": "two" });
    await write(at("d/mine.txt"), "1");
    await names(root);
    let reached = false;
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => { answer = resolve; });
    slow.before = () => { reached = true; return answered; };
    const reading = read(at("a.txt")).then((text) => text, (error: unknown) => String(error));
    await until("the call", () => reached || undefined);
    assert.equal(await read(at("d/mine.txt")), "1");
    await write(at("d/mine.txt"), "2");
    await vscode.commands.executeCommand("overlay.stopWaiting");
    assert.match(await reading, /had not answered yet/);
    answer();
    slow.before = () => undefined;
    assert.equal(await read(at("a.txt")), "one");
  });

  it("goes with snapshots, patches, layers, folders and duplicates", async () => {
    const { api, root, at } = await overSlowBase({ "a.txt": "one\n", "d/b.txt": "two\n" });
    const target = makeBase({});
    await write(at("a.txt"), "mine\n");
    const overlay = await api.acquire(root);
    await overlay.takeSnapshot("first");
    await fs.delete(at("d/b.txt"));
    await api.exportPatch(root, join(target, "p.patch"));
    assert.match(readFileSync(join(target, "p.patch"), "utf8"), /-one\n\+mine\n/);
    assert.equal((await api.exportFolder(root, join(target, "plain"))).files, 1);
    assert.equal((await api.exportLayer(root, join(target, "layer.tar"))).whiteouts, 1);
    const second = await api.duplicate(root);
    atEnd(() => api.delete(second.authority));
    assert.equal(await read(vscode.Uri.joinPath(second, "a.txt")), "mine\n");
    // Duplicating has closed the first, and opened it again.
    await (await api.acquire(root)).resetTo("base");
    assert.equal(await read(at("a.txt")), "one\n");
  });

  it("is refused when nothing serves it, or it is no folder, with nothing made", async () => {
    const api = await activate();
    const before = (await api.overlays()).length;
    const { folder } = await overSlowBase({ "a.txt": "one" });
    await assert.rejects(api.open(vscode.Uri.joinPath(folder, "none")), /does not exist/);
    await assert.rejects(api.open(vscode.Uri.joinPath(folder, "a.txt")), /is not a folder/);
    await assert.rejects(api.open(vscode.Uri.parse("nobody://host/x")), /cannot be opened: the base did not answer/);
    assert.equal((await api.overlays()).length, before + 1);
  });
});
