// What is done with an overlay as a whole and must lose nothing: deleting and having it back, renaming, duplicating.
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openOverlay, OverlayStore, type OpenOverlay } from "../../src/host/index.js";
import { temporaryFolder } from "../support/layers/hosts.js";

describe("overlays that are kept", () => {
  let root: string;
  let base: string;
  let store: OverlayStore;
  beforeEach(() => {
    root = temporaryFolder("keeps");
    base = join(root, "base");
    fs.mkdirSync(join(base, "d"), { recursive: true });
    fs.writeFileSync(join(base, "a.txt"), "base");
    fs.writeFileSync(join(base, "d/x.txt"), "x");
    store = new OverlayStore(join(root, "overlays"));
  });
  afterEach(() => { fs.rmSync(root, { recursive: true, force: true }); });

  const open = (folder: string): Promise<OpenOverlay> => openOverlay({ base, scratch: folder });
  async function make(name = "mine"): Promise<{ id: string; folder: string }> {
    const made = await store.create(base);
    const overlay = await openOverlay({ base, scratch: made.folder, name });
    await overlay.writeFile("/a.txt", "mine");
    await overlay.writeFile("/new.txt", "new");
    await overlay.rename("/d", "/e");
    await overlay.dispose();
    return made;
  }
  const names = async (): Promise<string[]> => (await store.list()).overlays.map(({ name }) => name).sort();
  const seen = async (folder: string): Promise<unknown> => {
    const overlay = await open(folder);
    try {
      return { changes: (await overlay.changes()).map(({ kind, path }) => `${kind} ${path}`), a: Buffer.from(await overlay.readFile("/a.txt")).toString(), x: Buffer.from(await overlay.readFile("/e/x.txt")).toString(), writable: overlay.writable };
    } finally {
      await overlay.dispose();
    }
  };

  test("what is removed is in no list, and is as it was when it is had back, writable by who removed it", async () => {
    const { id, folder } = await make();
    const before = await seen(folder);
    const key = await store.remove(id, 1_000_000);
    expect(await names()).toEqual([]);
    expect(await store.find(id)).toBeUndefined();
    expect(await store.removed()).toEqual([{ key, id, name: "mine", base, deleted: 1_000_000 }]);
    expect(await store.restore(key)).toBe(id);
    expect(await store.removed()).toEqual([]);
    expect(await seen(folder)).toEqual(before);
    expect(before).toMatchObject({ writable: true, a: "mine" });
  });

  test("what is open cannot be removed, renamed or duplicated, and stays what it was", async () => {
    const { id, folder } = await make();
    const overlay = await open(folder);
    await expect(store.remove(id)).rejects.toMatchObject({ code: "EBUSY", reason: expect.stringContaining(String(process.pid)) as unknown });
    await expect(store.rename(id, "other")).rejects.toMatchObject({ code: "EBUSY" });
    await expect(store.duplicate(id, "other")).rejects.toMatchObject({ code: "EBUSY" });
    await overlay.append("/a.txt", "+");
    await overlay.dispose();
    expect(await names()).toEqual(["mine"]);
    expect(fs.readdirSync(store.root)).toEqual([id]);
  });

  test("it is had back once, and not over another one", async () => {
    const { id } = await make();
    const key = await store.remove(id);
    fs.mkdirSync(join(store.root, id));
    await expect(store.restore(key)).rejects.toMatchObject({ code: "EEXIST" });
    fs.rmdirSync(join(store.root, id));
    await store.restore(key);
    await expect(store.restore(key)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(store.restore("../../base")).rejects.toMatchObject({ code: "EINVAL" });
    await expect(store.discard("../../base")).rejects.toMatchObject({ code: "EINVAL" });
  });

  test("the sweep ends what was removed longer ago than it is kept, and nothing else", async () => {
    const [old, young, other] = [await make("old"), await make("young"), await make("other")];
    await store.remove(old.id, 1000);
    await store.remove(young.id, 5000);
    fs.mkdirSync(join(store.root, ".growing-now"));
    await store.sweep({ retentionMs: 3000, now: 6000 });
    expect((await store.removed()).map(({ name }) => name)).toEqual(["young"]);
    expect(fs.readdirSync(store.root).sort()).toEqual([".growing-now", `.removed-${(5000).toString(36)}-${young.id}`, other.id].sort());
    await store.discard((await store.removed())[0]?.key ?? "");
    expect(await store.removed()).toEqual([]);
  });

  test("a new name is the next opener's", async () => {
    const { id, folder } = await make();
    await store.rename(id, "Ünicode / name");
    expect((await store.find(id))?.name).toBe("Ünicode / name");
    expect(await seen(folder)).toMatchObject({ a: "mine" });
  });

  test("a duplicate shows the same, and neither shows what becomes of the other", async () => {
    const { id, folder } = await make();
    fs.linkSync(join(folder, "upper/new.txt"), join(folder, "upper/linked.txt"));
    fs.symlinkSync("nowhere", join(folder, "upper/link"));
    fs.mkdirSync(join(folder, "upper/fixed"));
    fs.writeFileSync(join(folder, "upper/fixed/f"), "f", { mode: 0o754 });
    fs.utimesSync(join(folder, "upper/fixed/f"), 1000, 2000);
    fs.chmodSync(join(folder, "upper/fixed"), 0o555);
    fs.mkdirSync(join(folder, "trash/old"));
    const copied = await store.duplicate(id, "second", { now: 1234 });
    const second = await store.find(copied);
    expect(second).toMatchObject({ name: "second", base, created: 1234 });
    const at = (path: string): string => join(second?.folder ?? "", path);
    expect(await seen(at(""))).toEqual(await seen(folder));
    expect(fs.statSync(at("upper/new.txt")).ino).toBe(fs.statSync(at("upper/linked.txt")).ino);
    expect(fs.readlinkSync(at("upper/link"))).toBe("nowhere");
    expect([fs.statSync(at("upper/fixed")).mode & 0o777, fs.statSync(at("upper/fixed/f")).mode & 0o777, fs.statSync(at("upper/fixed/f")).mtimeMs]).toEqual([0o555, 0o754, 2_000_000]);
    expect(fs.readdirSync(at("trash"))).toEqual([]);
    const overlay = await open(at(""));
    await overlay.append("/a.txt", " too");
    await overlay.dispose();
    expect(await seen(folder)).toMatchObject({ a: "mine" });
    fs.chmodSync(join(folder, "upper/fixed"), 0o755);
    fs.chmodSync(at("upper/fixed"), 0o755);
  });

  test("a duplicate has the snapshots, and nothing of what was thrown away", async () => {
    const { id, folder } = await make();
    const first = await open(folder);
    await first.takeSnapshot("one");
    await first.writeFile("/a.txt", "after one");
    await first.takeSnapshot("two");
    await first.writeFile("/b.txt", "after two");
    await first.resetTo("upper");
    await first.writeFile("/c.txt", "c");
    await first.dispose();
    const copied = await store.find(await store.duplicate(id, "second"));
    const second = await open(copied?.folder ?? "");
    expect((await second.snapshots()).map(({ name }) => name)).toEqual(["two", "one"]);
    expect(await second.dropped()).toEqual([]);
    expect((await second.changes("/", { since: "base" })).map(({ path }) => path)).toEqual(["/a.txt", "/c.txt", "/d", "/e", "/new.txt"]);
    await second.resetTo("base");
    expect(await second.changes("/", { since: "base" })).toEqual([]);
    await second.dispose();
    const again = await open(folder);
    expect(Buffer.from(await again.readFile("/a.txt")).toString()).toBe("after one");
    expect(await again.dropped()).toHaveLength(1);
    await again.dispose();
  });

  test("a duplicate that is cancelled, or fails, leaves nothing", async () => {
    const { id, folder } = await make();
    await expect(store.duplicate(id, "second", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "ECANCELED", operation: "duplicate" });
    fs.writeFileSync(join(folder, "upper/secret"), "x");
    fs.rmSync(join(folder, "overlay.json"));
    await expect(store.duplicate(id, "second")).rejects.toMatchObject({ code: "ENOENT" });
    expect(fs.readdirSync(store.root)).toEqual([id]);
  });

  test("measuring can be stopped", async () => {
    const { id } = await make();
    await expect((await store.find(id))?.sizeOnDisk(AbortSignal.abort())).rejects.toMatchObject({ code: "ECANCELED" });
  });
});
