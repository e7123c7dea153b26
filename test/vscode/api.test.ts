// What `activate` returns, as another extension uses it: no question, no notification.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as vscode from "vscode";
import { activate, atEnd, extensionId, makeBase, makeOverlay, read, write } from "./support.ts";

const AsyncFunction = (async () => undefined).constructor as new (...args: string[]) => (...values: unknown[]) => Promise<void>;

describe("the API", () => {
  it("README: the example does what it says", async () => {
    const base = makeBase({ "a.txt": "a" });
    const extension = vscode.extensions.getExtension(extensionId) ?? assert.fail("it is installed");
    const example = /```ts\n([^]*?)```/.exec(readFileSync(join(extension.extensionPath, "README.md"), "utf8"))?.[1] ?? "";
    const out = realpathSync(mkdtempSync(join(tmpdir(), "overlay-api-")));
    atEnd(() => { rmSync(out, { recursive: true, force: true }); });
    const said: unknown[] = [];
    await new AsyncFunction("vscode", "console", example.replaceAll("/tmp/", `${out}/`).replaceAll("/path/to/folder", base))(vscode, { log: (value: unknown) => said.push(value) });
    assert.deepEqual(said, [[{ kind: "added", path: "/new.txt", type: "file" }], { files: 1, leftOut: [] }]);
    assert.match(readFileSync(join(out, "experiment.patch"), "utf8"), /^\+mine$/m);
    assert.deepEqual(readdirSync(base), ["a.txt"]);
    assert.deepEqual((await (await activate()).overlays()).filter((one) => one.base === base), []);
  });

  it("creates, tells what differs, duplicates, carries out and in, and deletes", async () => {
    const { api, base, root, at } = await makeOverlay({ "a.txt": "base\n", d: { "x.txt": "x\n" } });
    const out = realpathSync(mkdtempSync(join(tmpdir(), "overlay-api-")));
    atEnd(() => { rmSync(out, { recursive: true, force: true }); });
    await write(at("a.txt"), "mine\n");
    await write(at("d/x.txt"), "mine too\n");
    assert.deepEqual((await api.changes(root)).filter(({ type }) => type === "file").map(({ kind, path }) => `${kind} ${path}`), ["copied /a.txt", "copied /d/x.txt"]);
    assert.deepEqual((await api.changes(at("d/x.txt"))).map(({ path }) => path), ["/d/x.txt"]);

    assert.deepEqual(await api.exportPatch(at("d"), join(out, "d.patch")), { files: 1, leftOut: [] });
    assert.equal((await api.exportFolder(at("d"), join(out, "d"))).files, 1);
    assert.equal((await api.exportLayer(root, join(out, "all.tar"))).whiteouts, 0);
    assert.equal(readFileSync(join(out, "d", "x.txt"), "utf8"), "mine too\n");
    await assert.rejects(api.exportFolder(root, base), { code: "EINVAL" });

    const second = await api.duplicate(root, "second");
    atEnd(() => api.delete(second.authority));
    assert.equal(await read(second.with({ path: at("a.txt").path })), "mine\n");

    const third = await api.open(base, { trusted: true });
    atEnd(() => api.delete(third.authority));
    assert.deepEqual((await api.importPatch(third, readFileSync(join(out, "d.patch")))).modified, ["/d/x.txt"]);
    assert.equal(await read(third.with({ path: at("d/x.txt").path })), "mine too\n");
    assert.deepEqual((await api.overlays()).filter((one) => one.base === base).map(({ name }) => name).sort(), ["project", "project 2", "second"]);
  });
});
