// Overlays as a whole, by commands with everything given: duplicate, rename, delete and undo, also while they are open.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import * as vscode from "vscode";
import { activate, atEnd, makeBase, makeOverlay, read, until, write } from "./support.ts";

const run = (command: string, ...args: unknown[]): Thenable<unknown> => vscode.commands.executeCommand(`overlay.${command}`, ...args);

async function idsOver(base: string): Promise<string[]> {
  return (await (await activate()).overlays()).filter((one) => one.base === base).map(({ id }) => id);
}

describe("overlays as a whole", () => {
  it("a duplicate of an open overlay shows its changes, and goes its own way; the first goes on being written", async () => {
    const { api, base, root, at } = await makeOverlay({ "a.txt": "base" });
    await write(at("a.txt"), "mine");
    const before = await api.acquire(root);
    await run("duplicate", root, { name: "second" });
    const [copied] = (await idsOver(base)).filter((id) => id !== root.authority);
    assert(copied !== undefined);
    atEnd(() => api.delete(copied));
    const other = at("a.txt").with({ authority: copied });
    assert.equal(await read(other), "mine");
    await write(other, "other");
    await write(at("a.txt"), "mine still");
    assert.deepEqual([await read(other), await read(at("a.txt"))], ["other", "mine still"]);
    assert.notEqual(await api.acquire(root), before); // it was let go for it
    assert.equal((await api.acquire(root)).writable, true);
  });

  it("what is written while an overlay is being duplicated waits, and is in the first alone", async () => {
    const { api, base, root, at } = await makeOverlay(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, "base"])));
    for (let i = 0; i < 100; i++) await write(at(`f${i}`), "mine");
    const duplicating = run("duplicate", root, { name: "second" });
    const writing = Promise.all(Array.from({ length: 100 }, (_, i) => write(at(`f${i}`), "later")));
    await Promise.all([duplicating, writing]);
    const [copied] = (await idsOver(base)).filter((id) => id !== root.authority);
    assert(copied !== undefined);
    atEnd(() => api.delete(copied));
    const texts = new Set(await Promise.all(Array.from({ length: 100 }, (_, i) => read(at(`f${i}`)))));
    assert.deepEqual([...texts], ["later"]);
    for (let i = 0; i < 100; i++) assert.match(await read(at(`f${i}`).with({ authority: copied })), /^(mine|later)$/);
  });

  it("a new name is shown by Source Control at once, and the changes with it", async () => {
    const { api, root, at } = await makeOverlay({ "a.txt": "base" });
    await write(at("a.txt"), "mine");
    await run("rename", root, { name: "Other Name" });
    await until("the name", () => api.sourceControl(root)?.sourceControl.label === "Overlay Other Name" || undefined);
    await until("the row", () => api.sourceControl(root)?.groups.changes.resourceStates.length === 1 || undefined);
    assert.equal((await api.overlays()).find(({ id }) => id === root.authority)?.name, "Other Name");
    await write(at("a.txt"), "again");
    assert.equal(await read(at("a.txt")), "again");
  });

  it("a deleted overlay is gone, and is as it was after the undo; its URIs work again", async () => {
    const { api, base, root, at } = await makeOverlay({ "a.txt": "base" });
    await write(at("a.txt"), "mine");
    const { scratch } = (await api.overlays()).find(({ id }) => id === root.authority) ?? assert.fail("it is listed");
    await run("delete", root);
    assert.deepEqual(await idsOver(base), []);
    await assert.rejects(() => read(at("a.txt")), vscode.FileSystemError);
    const [key] = readdirSync(dirname(scratch)).filter((name) => name.startsWith(".removed-") && name.endsWith(root.authority));
    await run("undoDelete", key);
    assert.deepEqual(await idsOver(base), [root.authority]);
    assert.equal(await read(at("a.txt")), "mine");
    await write(at("a.txt"), "again");
  });

  it("a second overlay over a folder is numbered", async () => {
    const api = await activate();
    const base = makeBase({});
    for (let i = 0; i < 2; i++) {
      const root = await api.open(base, { trusted: true });
      atEnd(() => api.delete(root.authority));
    }
    const names = (await api.overlays()).filter((one) => one.base === base).map(({ name }) => name);
    assert.equal(new Set(names).size, 2);
  });
});
