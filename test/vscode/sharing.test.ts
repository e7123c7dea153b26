// Two processes on one overlay, and bases that nobody vouched for.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as vscode from "vscode";
import { activate, atEnd, extensionId, fails, fs, makeBase, makeOverlay, read, until, write } from "./support.ts";

/** Another process that owns the overlay, as another window's extension host would. */
async function ownElsewhere(base: string, scratch: string): Promise<ChildProcess> {
  const module = pathToFileURL(join(vscode.extensions.getExtension(extensionId)?.extensionPath ?? "", "dist", "overlay.mjs")).href;
  const script = `
    const { openOverlay } = await import(${JSON.stringify(module)});
    const overlay = await openOverlay({ base: ${JSON.stringify(base)}, scratch: ${JSON.stringify(scratch)} });
    await overlay.writeFile("/theirs.txt", "theirs");
    console.log("open");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" }, stdio: ["ignore", "pipe", "pipe"] });
  atEnd(() => { child.kill("SIGKILL"); });
  let output = "";
  child.stdout.on("data", (data: Buffer) => { output += data.toString(); });
  child.stderr.on("data", (data: Buffer) => { output += data.toString(); });
  await until(`the other process to open the overlay`, () => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes("open") || undefined;
  });
  return child;
}

describe("sharing", () => {
  it("is read-only while another process owns the overlay, says so, and becomes writable when that ends", async function () {
    this.timeout(60_000);
    const { api, base, root, at } = await makeOverlay({ "a.txt": "one" });
    await write(at("a.txt"), "two");
    await api.close(root);
    const info = (await api.overlays()).find(({ id }) => id === root.authority);
    assert(info);
    const other = await ownElsewhere(base, info.scratch);

    assert.equal(await read(at("a.txt")), "two");
    assert.equal(await read(at("theirs.txt")), "theirs");
    assert.equal((await fs.stat(at("a.txt"))).permissions, vscode.FilePermission.Readonly);
    const message = await fails("NoPermissions", () => write(at("a.txt"), "three"));
    assert.match(message, new RegExp(String(other.pid)), "the owner is named");
    await fails("NoPermissions", () => fs.rename(at("a.txt"), at("b.txt")));
    await fails("NoPermissions", () => fs.createDirectory(at("d")));
    assert.equal(await read(at("a.txt")), "two");

    other.kill("SIGKILL");
    await until("the overlay to become writable", () => api.get(root)?.writable === true || undefined, 20_000);
    await write(at("a.txt"), "three");
    assert.equal((await fs.stat(at("a.txt"))).permissions, undefined);
    assert.equal(await read(at("a.txt")), "three");
  });

  it("serves nothing of a base that nobody trusted", async () => {
    const api = await activate();
    const base = makeBase({ "secret.txt": "s" });
    const root = await api.open(base);
    atEnd(() => api.delete(root.authority));
    // The question is modal, and modal questions are refused under test.
    await assert.rejects(async () => fs.readFile(vscode.Uri.joinPath(root, "secret.txt")), vscode.FileSystemError);
    assert.equal(api.get(root), undefined);
  });

  it("keeps several overlays over one base apart", async () => {
    const first = await makeOverlay({ "a.txt": "base" });
    const second = await first.api.open(first.base, { trusted: true });
    atEnd(() => first.api.delete(second.authority));
    await write(first.at("a.txt"), "first");
    assert.equal(await read(vscode.Uri.joinPath(second, "a.txt")), "base");
    const names = (await first.api.overlays()).filter(({ base }) => base === first.base).map(({ name }) => name);
    assert.equal(new Set(names).size, 2);
  });
});
