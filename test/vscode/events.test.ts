// INV-12 as an extension hears it: every change has its event, on the right path, and no event lies.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as vscode from "vscode";
import { atEnd, fs, makeOverlay, read, until, write, type Rig } from "./support.ts";

/** What the watcher heard, as "+path", "~path", "-path". */
async function listen(rig: Rig): Promise<string[]> {
  const heard: string[] = [];
  const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(rig.root, "**"));
  atEnd(() => { watcher.dispose(); });
  // VS Code matches the pattern by path alone, so the base side's events (overlay-base:) come here too.
  const note = (mark: string) => (uri: vscode.Uri) => { if (uri.scheme === "overlay") heard.push(mark + uri.path.slice(rig.root.path.length + 1)); };
  watcher.onDidCreate(note("+"));
  watcher.onDidChange(note("~"));
  watcher.onDidDelete(note("-"));
  await rig.api.acquire(rig.root);
  // Once this one is heard, the watcher is there.
  await until("the watcher to start", async () => {
    await write(rig.at("probe"), String(Math.random()));
    await pause(150);
    return heard.length > 0 || undefined;
  });
  await fs.delete(rig.at("probe"));
  await until("the probe to go", () => heard.includes("-probe"));
  await pause(300);
  heard.length = 0;
  return heard;
}

const pause = async (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

describe("events", () => {
  it("tell of a created, a changed and a deleted file", async () => {
    const rig = await makeOverlay({ "a.txt": "one", "b.txt": "two" });
    const heard = await listen(rig);
    await write(rig.at("new.txt"), "x");
    await write(rig.at("a.txt"), "changed");
    await fs.delete(rig.at("b.txt"));
    await until("three events", () => heard.length >= 3);
    assert.deepEqual([...new Set(heard)].sort(), ["+new.txt", "-b.txt", "~a.txt"]);
  });

  it("tell of both names of a renamed folder", async () => {
    const rig = await makeOverlay({ d: { "a.txt": "one" } });
    const heard = await listen(rig);
    await fs.rename(rig.at("d"), rig.at("e"));
    await until("two events", () => heard.length >= 2);
    assert(heard.includes("-d") && heard.includes("+e"), heard.join(" "));
  });

  it("are one change when a file is deleted and renamed over, as the Explorer does it", async () => {
    const rig = await makeOverlay({ "a.txt": "one", "b.txt": "two" });
    const heard = await listen(rig);
    await read(rig.at("b.txt"));
    await fs.stat(rig.at("b.txt"));
    await fs.delete(rig.at("b.txt"));
    await fs.rename(rig.at("a.txt"), rig.at("b.txt"), { overwrite: true });
    await until("the events", () => heard.includes("-a.txt"));
    await pause(200);
    assert(!heard.includes("-b.txt"), heard.join(" "));
    assert(heard.includes("~b.txt"), heard.join(" "));
  });

  it("tell of the base where it is visible, and not where it is hidden", async () => {
    const rig = await makeOverlay({ d: { "seen.txt": "1" }, hidden: { "x.txt": "1" }, "mine.txt": "base" });
    await fs.delete(rig.at("hidden"), { recursive: true });
    await write(rig.at("mine.txt"), "mine");
    const heard = await listen(rig);
    await pause(800);
    writeFileSync(join(rig.base, "hidden", "x.txt"), "2");
    writeFileSync(join(rig.base, "mine.txt"), "2");
    mkdirSync(join(rig.base, "d", "new"));
    writeFileSync(join(rig.base, "d", "seen.txt"), "22");
    await until("what is visible", () => heard.includes("~d/seen.txt") && heard.includes("+d/new"), 15_000);
    assert.deepEqual(heard.filter((event) => event.includes("hidden") || event.includes("mine")), []);
    assert.equal(await read(rig.at("d/seen.txt")), "22");
  });

  it("follow a reset of everything", async () => {
    const rig = await makeOverlay({ "a.txt": "one", "gone.txt": "x" });
    await write(rig.at("a.txt"), "two");
    await write(rig.at("new.txt"), "new");
    await fs.delete(rig.at("gone.txt"));
    const heard = await listen(rig);
    await (await rig.api.acquire(rig.root)).reset();
    await until("three events", () => ["~a.txt", "+gone.txt", "-new.txt"].every((event) => heard.includes(event)));
  });
});
