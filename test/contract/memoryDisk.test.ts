// What only the disk in memory offers to tests: capacity, no hard links, clones, caseless names, read-only, snapshots.
import { describe, expect, test } from "vitest";
import { MemoryDisk } from "../../src/host/memoryDisk.js";
import type { MemoryDiskOptions } from "../../src/host/memoryDisk.js";
import { MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { dump, plant, snapshot } from "../../src/host/memoryTree.js";
import type { PlantedTree } from "../../src/host/memoryTree.js";

function disk(options: MemoryDiskOptions = {}, tree: PlantedTree = {}): { disk: MemoryDisk; layer: MemoryScratchLayer } {
  const made = new MemoryDisk(options);
  plant(made, "/", { "s/": null });
  plant(made, "/s", tree);
  return { disk: made, layer: new MemoryScratchLayer(made, "/s") };
}

describe("a disk in memory", () => {
  test("capacity: a write that does not fit leaves nothing of itself, and space comes back with the last handle", async () => {
    const { disk: d, layer } = disk({ capacity: 3 * 4096 }, { a: "x".repeat(4096) });
    const handle = await layer.create("b", 0o644);
    await expect(handle.write(new Uint8Array(3 * 4096), 0)).rejects.toMatchObject({ code: "ENOSPC", call: "write" });
    expect((await handle.stat()).size).toBe(0);
    await handle.write(new Uint8Array(2 * 4096), 0);
    expect(d.usedBytes).toBe(3 * 4096);
    await layer.unlink("b");
    await expect((await layer.openWrite("a", {})).write(new Uint8Array(1), 4096)).rejects.toMatchObject({ code: "ENOSPC" });
    await handle.close();
    expect(d.usedBytes).toBe(4096);
    const a = await layer.openWrite("a", { truncate: true });
    expect(d.usedBytes).toBe(0);
    await a.write(new Uint8Array(1), 1e12); // a hole takes no space
    expect(d.usedBytes).toBe(4096);
  });

  test("without hard links: ENOTSUP, and EPERM still for a directory", async () => {
    const { layer } = disk({ hardLinks: false }, { f: "1", "d/": null });
    await expect(layer.link("f", "g")).rejects.toMatchObject({ code: "ENOTSUP" });
    await expect(layer.link("d", "g")).rejects.toMatchObject({ code: "EPERM" });
  });

  test("clones share pages until one of the two is written", async () => {
    const { layer } = disk({ reflink: true }, { f: "x".repeat(10_000) });
    const source = await layer.openWrite("f", { read: true });
    expect(await layer.cloneFrom(source, "g", 0o640)).toBe(true);
    await source.write(new Uint8Array([65]), 0);
    const copy = await layer.openWrite("g", {});
    await copy.write(new Uint8Array([66]), 9_999);
    const [f, g] = [await layer.readFile("f"), await layer.readFile("g")];
    expect([f[0], f[9_999], g[0], g[9_999], (await layer.lstat("g")).mode]).toEqual([65, 120, 120, 66, 0o640]);
    await expect(layer.cloneFrom(source, "g", 0o600)).rejects.toMatchObject({ code: "EEXIST" });
    const elsewhere = disk({ reflink: true });
    expect(await elsewhere.layer.cloneFrom(source, "h", 0o600)).toBe(false);
    expect(dump(elsewhere.disk, "/s")).toEqual({});
  });

  test("caseless: one entry under every spelling, renamed to another spelling as a user does", async () => {
    const { disk: d, layer } = disk({ caseSensitive: false }, { "Read.me": "1", "Dir/x": "2" });
    expect((await layer.lstat("READ.ME")).type).toBe("file");
    await expect(layer.create("read.ME", 0o644)).rejects.toMatchObject({ code: "EEXIST" });
    await layer.rename("read.me", "README");
    await layer.rename("dir", "DIR");
    expect(dump(d, "/s", { links: true })).toEqual({ README: 'file "1" x1', DIR: "dir x2", "DIR/x": 'file "2" x1' });
  });

  test("read-only: every change is EROFS, reading goes on", async () => {
    const { disk: d, layer } = disk({}, { f: "1", "d/": null });
    const handle = await layer.openWrite("f", {});
    d.readOnly = true;
    const changes: (() => Promise<unknown>)[] = [
      () => layer.create("x", 0o644), () => layer.makeDirectory("x", 0o755), () => layer.makeSymlink("t", "x"), () => layer.link("f", "x"),
      () => layer.rename("f", "x"), () => layer.unlink("f"), () => layer.unlink("gone"), () => layer.removeDirectory("d"), () => layer.chmod("f", 0),
      () => layer.chown("f", 1, 1), () => layer.utimes("f", 0, 0), () => layer.openWrite("f", {}), () => handle.write(new Uint8Array(1), 0),
      () => handle.truncate(0), () => handle.chmod(0),
    ];
    for (const change of changes) await expect(change(), change.toString()).rejects.toMatchObject({ code: "EROFS" });
    expect(await layer.readFile("f")).toEqual(new Uint8Array([49]));
  });

  test("a snapshot is what a new process would find: names as they are, orphans gone, nothing shared afterwards", async () => {
    const { disk: d, layer } = disk({ capacity: 1 << 20 }, { f: "1", "d/g": "2", orphan: "x".repeat(5000), "odd": { undecodable: 2 }, p: { special: "fifo" }, l: { symlink: "f" } });
    await layer.link("f", "f2");
    const handle = await layer.openWrite("orphan", {});
    await layer.unlink("orphan");
    const before = dump(d, "/s", { links: true, modes: true, times: true });
    const copy = snapshot(d);
    expect(dump(copy, "/s", { links: true, modes: true, times: true })).toEqual(before);
    expect([copy.usedBytes, d.usedBytes, copy.handles.size]).toEqual([2 * 4096, 4 * 4096, 0]);
    const other = new MemoryScratchLayer(copy, "/s");
    const written = await other.openWrite("f", {});
    await written.write(new TextEncoder().encode("changed"), 0);
    await other.rename("d", "moved");
    expect(dump(d, "/s", { links: true, modes: true, times: true })).toEqual(before);
    expect(dump(copy, "/s")).toMatchObject({ f: 'file "changed"', f2: 'file "changed"', "moved/g": 'file "2"' });
    expect(copy.realPath("/s/moved/../l")).toBe("/s/f");
    await handle.close();
  });

  test("a test's own clock decides every time, in nanoseconds", async () => {
    let now = 1_700_000_000_123_456_789n;
    const { layer } = disk({ clock: () => now });
    await layer.create("f", 0o644);
    expect((await layer.fingerprint("f")).mtimeNs).toBe(now);
    now += 1n;
    await layer.chmod("f", 0o600);
    expect(await layer.fingerprint("f")).toMatchObject({ mtimeNs: now - 1n, ctimeNs: now });
  });

  test("a directory with the set-group-id bit hands group and bit down", async () => {
    const { disk: d, layer } = disk({}, { "d/": null });
    await layer.chown("d", 0, 7);
    await layer.chmod("d", 0o2775);
    await layer.create("d/f", 0o644);
    await layer.makeDirectory("d/e", 0o755);
    expect(await layer.lstat("d/f")).toMatchObject({ gid: 7, mode: 0o644 });
    expect(await layer.lstat("d/e")).toMatchObject({ gid: 7, mode: 0o2755 });
    expect(d.handles.size).toBe(1);
  });
});
