// What the ports do when they succeed, the same on both hosts: content, handles, names, link counts, times, modes.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LayerStat } from "../../src/engine/types.js";
import type { ScratchLayer } from "../../src/engine/layer.js";
import { hostKinds } from "../support/layers/hosts.js";
import type { TestHost } from "../support/layers/hosts.js";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = async (layer: ScratchLayer, path: string): Promise<string> => new TextDecoder().decode(await layer.readFile(path));
const names = async (layer: ScratchLayer, path: string): Promise<string[]> => (await layer.readDirectory(path)).entries.map((e) => e.name).sort();

async function put(layer: ScratchLayer, path: string, content: string, mode = 0o644): Promise<void> {
  const handle = await layer.create(path, mode);
  await handle.write(encode(content), 0);
  await handle.close();
}

/** Times that differ must be seen to: the coarsest clock of a disk in use ticks every 4 ms. */
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 12));

describe.each(hostKinds)("behaviour of the ports on the $name host", (kind) => {
  let host: TestHost;
  let s: ScratchLayer;
  let handles = 0;
  let umask = 0;
  beforeEach(async () => {
    umask = process.umask(0o022);
    host = await kind.make();
    s = host.scratch;
    handles = await host.openHandles();
  });
  afterEach(async () => {
    expect(await host.openHandles(), "handles left open").toBe(handles);
    await host.dispose();
    process.umask(umask);
  });

  test("readDirectory tells every type and nothing of what links point at", async () => {
    await host.plantLower({ f: "1", "d/": "", link: { symlink: "d" }, nowhere: { symlink: "gone" }, p: { special: "fifo" }, s: { special: "socket" } });
    const { entries, undecodable } = await host.lower.readDirectory("");
    expect(Object.fromEntries(entries.map((e) => [e.name, e.type]))).toEqual({
      f: "file", d: "directory", link: "symlink", nowhere: "symlink", p: "fifo", s: "socket",
    });
    expect(undecodable).toBe(0);
    for (const entry of entries) expect((await host.lower.lstat(entry.name)).type).toBe(entry.type);
  });

  test("names that are not Unicode are counted and left out; ones that hold U+FFFD are names like any other", async () => {
    await host.plantUndecodable("odd");
    await put(s, "odd/good", "1");
    await put(s, "odd/\uFFFD", "2");
    const listing = await s.readDirectory("odd");
    expect(listing.undecodable).toBe(1);
    expect(listing.entries.map((e) => e.name).sort()).toEqual(["good", "link", "\uFFFD"]);
    expect(await text(s, "odd/\uFFFD")).toBe("2");
    await expect(s.readLink("odd/link")).rejects.toMatchObject({ code: "EINVAL" });
    for (const name of ["good", "link", "\uFFFD"]) await s.unlink(`odd/${name}`);
    await expect(s.removeDirectory("odd")).rejects.toMatchObject({ code: "ENOTEMPTY" });
  });

  test("names and targets of more than one byte a character", async () => {
    await put(s, "größe-日本-🎈", "1");
    await s.makeSymlink("größe-日本-🎈", "zu");
    expect(await names(s, "")).toEqual(["größe-日本-🎈", "zu"].sort());
    expect(await s.readLink("zu")).toBe("größe-日本-🎈");
    expect((await s.lstat("zu")).size).toBe(new TextEncoder().encode("größe-日本-🎈").byteLength);
  });

  test.each([0, 1, 4095, 4096, 4097, 70_000, 1 << 20])("readFile gives %i bytes as they are, in memory of their own", async (size) => {
    const content = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 251);
    const handle = await s.create("f", 0o644);
    await handle.write(content, 0);
    await handle.close();
    const read = await s.readFile("f");
    expect(Buffer.compare(read, content)).toBe(0);
    expect(read.buffer.byteLength).toBe(size);
    expect(Object.getPrototypeOf(read)).toBe(Uint8Array.prototype);
  });

  test("read fills the buffer and is short only at the end", async () => {
    await put(s, "f", "0123456789");
    const handle = await s.openRead("f");
    const buffer = new Uint8Array(6);
    expect([await handle.read(buffer, 0), new TextDecoder().decode(buffer)]).toEqual([6, "012345"]);
    expect(await handle.read(buffer, 6)).toBe(4);
    expect(new TextDecoder().decode(buffer.subarray(0, 4))).toBe("6789");
    expect(await handle.read(buffer, 10)).toBe(0);
    expect(await handle.read(buffer, 1000)).toBe(0);
    expect(await handle.read(new Uint8Array(0), 0)).toBe(0);
    expect(await handle.read(new Uint8Array(encode("....")).subarray(1, 2), 3)).toBe(1);
    await handle.close();
  });

  test("a write past the end leaves a hole of zeros; truncate cuts and grows with zeros", async () => {
    await put(s, "f", "abc");
    const handle = await s.openWrite("f", { read: true });
    await handle.write(encode("Z"), 10_000);
    expect((await handle.stat()).size).toBe(10_001);
    const hole = new Uint8Array(9_997).fill(1);
    expect(await handle.read(hole, 3)).toBe(9_997);
    expect(hole.every((byte) => byte === 0)).toBe(true);
    await handle.truncate(2);
    await handle.truncate(5);
    await handle.close();
    expect([...(await s.readFile("f"))]).toEqual([97, 98, 0, 0, 0]);
  });

  test("opened to append, every write lands at the end, whatever the position says", async () => {
    await put(s, "f", "abc");
    const one = await s.openWrite("f", { append: true });
    const two = await s.openWrite("f", { append: true, read: true });
    await one.write(encode("1"), 0);
    await two.write(encode("22"), 0);
    await one.write(encode("3"), 0);
    const buffer = new Uint8Array(3);
    expect(await two.read(buffer, 0)).toBe(3);
    expect(new TextDecoder().decode(buffer)).toBe("abc");
    await one.close();
    await two.close();
    expect(await text(s, "f")).toBe("abc1223");
  });

  test("openWrite changes nothing by itself, and everything with truncate; create gives a handle that reads", async () => {
    await put(s, "f", "abc");
    await (await s.openWrite("f", {})).close();
    expect(await text(s, "f")).toBe("abc");
    await (await s.openWrite("f", { truncate: true })).close();
    expect(await text(s, "f")).toBe("");
    const handle = await s.create("g", 0o000);
    await handle.write(encode("xyz"), 0);
    const buffer = new Uint8Array(3);
    expect(await handle.read(buffer, 0)).toBe(3);
    expect((await handle.stat()).mode).toBe(0);
    await handle.sync();
    await handle.close();
  });

  test("an open handle keeps its file through rename, overwriting and unlink", async () => {
    await put(s, "f", "first");
    await put(s, "g", "second");
    const handle = await s.openWrite("f", { read: true });
    await s.rename("f", "moved");
    await handle.write(encode("F"), 0);
    expect(await text(s, "moved")).toBe("First");
    await s.rename("g", "moved");
    expect(await text(s, "moved")).toBe("second");
    expect((await handle.stat()).nlink).toBe(0);
    const buffer = new Uint8Array(5);
    await handle.write(encode("!"), 4);
    expect(await handle.read(buffer, 0)).toBe(5);
    expect(new TextDecoder().decode(buffer)).toBe("Firs!");
    expect(await text(s, "moved")).toBe("second");
    await handle.close();
  });

  test("close waits for what is under way", async () => {
    await put(s, "f", "x".repeat(100_000));
    const handle = await s.openRead("f");
    const buffers = Array.from({ length: 8 }, () => new Uint8Array(100_000));
    const reads = buffers.map((buffer) => handle.read(buffer, 0));
    await handle.close();
    expect(await Promise.all(reads)).toEqual(buffers.map(() => 100_000));
  });

  test("modes: the umask is taken off what is made and never off chmod; no call touches a symlink's target", async () => {
    await put(s, "f", "", 0o777);
    await s.makeDirectory("d", 0o777);
    expect([(await s.lstat("f")).mode, (await s.lstat("d")).mode]).toEqual([0o755, 0o755]);
    for (const mode of [0o000, 0o777, 0o4711, 0o640]) {
      await s.chmod("f", mode);
      expect((await s.lstat("f")).mode).toBe(mode);
    }
    await s.chmod("d", 0o1777);
    expect((await s.lstat("d")).mode).toBe(0o1777);
    await host.plantScratch({ p: { special: "fifo" } });
    await s.chmod("p", 0o600);
    expect((await s.lstat("p")).mode).toBe(0o600);
    const handle = await s.openWrite("f", {});
    await handle.chmod(0o751);
    await handle.close();
    expect((await s.lstat("f")).mode).toBe(0o751);
    await s.makeSymlink("f", "link");
    await s.utimes("link", 1000, 2000);
    await s.chown("link", -1, -1);
    expect((await s.lstat("link")).mtimeMs).toBe(2000);
    expect((await s.lstat("f")).mtimeMs).not.toBe(2000);
  });

  test("chown by root: of the entry itself, be it a symlink; set-id bits go", async () => {
    if (!s.privileged) return;
    await put(s, "f", "1");
    await s.chmod("f", 0o6755);
    await s.makeSymlink("f", "link");
    await s.chown("link", 1234, 2345);
    expect(await s.lstat("link")).toMatchObject({ uid: 1234, gid: 2345 });
    expect(await s.lstat("f")).toMatchObject({ uid: 0, mode: 0o6755 });
    const handle = await s.openWrite("f", {});
    await handle.chown(7, -1);
    await handle.close();
    expect(await s.lstat("f")).toMatchObject({ uid: 7, gid: 0, mode: 0o755 });
  });

  test("link counts: files by their names, directories by their children", async () => {
    const counts = async (...paths: string[]): Promise<number[]> => Promise.all(paths.map(async (p) => (await s.lstat(p)).nlink));
    await put(s, "f", "1");
    await s.makeDirectory("d", 0o755);
    await s.makeDirectory("d/e", 0o755);
    await s.link("f", "d/g");
    expect(await counts("f", "d", "d/e", "")).toEqual([2, 3, 2, 3]);
    expect((await s.lstat("f")).ino).toBe((await s.lstat("d/g")).ino);
    await s.rename("d/e", "e");
    expect(await counts("d", "e", "")).toEqual([2, 2, 4]);
    await s.unlink("f");
    expect(await counts("d/g")).toEqual([1]);
    await s.makeSymlink("nowhere", "l");
    await s.link("l", "m");
    expect(await s.readLink("m")).toBe("nowhere");
    expect((await s.lstat("l")).ino).toBe((await s.lstat("m")).ino);
  });

  test("rename of one of two names of a file onto the other does nothing", async () => {
    await put(s, "f", "1");
    await s.link("f", "g");
    await s.rename("f", "g");
    await s.rename("f", "f");
    expect(await names(s, "")).toEqual(["f", "g"]);
  });

  test("rename replaces files, symlinks, FIFOs and empty directories, and takes what is beneath along", async () => {
    await host.plantScratch({ "d/x/y": "deep", "empty/": "", f: "1", link: { symlink: "f" }, p: { special: "fifo" } });
    await s.rename("d", "empty");
    expect(await text(s, "empty/x/y")).toBe("deep");
    await s.rename("link", "p");
    expect(await s.readLink("p")).toBe("f");
    await s.rename("f", "p");
    expect(await text(s, "p")).toBe("1");
    expect(await names(s, "")).toEqual(["empty", "p"]);
  });

  test("times: what changes an entry moves its times and those of the directories it is in or leaves, and no others", async () => {
    await host.plantScratch({ "a/f": "1", "b/": "", "c/": "" });
    const look = async (): Promise<Record<string, LayerStat>> => ({ a: await s.lstat("a"), b: await s.lstat("b"), c: await s.lstat("c"), f: await s.lstat("a/f").catch(() => s.lstat("b/f")) });
    const moved = async (change: () => Promise<unknown>): Promise<string> => {
      const before = await look();
      await tick();
      await change();
      const after = await look();
      return Object.keys(before).flatMap((k) => {
        const [x, y] = [before[k], after[k]];
        const m = x?.mtimeMs !== y?.mtimeMs;
        const c = x?.ctimeMs !== y?.ctimeMs;
        return m || c ? [`${k}:${m ? "m" : ""}${c ? "c" : ""}`] : [];
      }).join(" ");
    };
    expect(await moved(() => s.chmod("a/f", 0o600))).toBe("f:c");
    expect(await moved(() => s.readFile("a/f"))).toBe("");
    expect(await moved(() => s.link("a/f", "b/g"))).toBe("b:mc f:c");
    expect(await moved(() => s.unlink("b/g"))).toBe("b:mc f:c");
    expect(await moved(() => s.rename("a/f", "b/f"))).toBe("a:mc b:mc f:c");
    expect(await moved(() => s.utimes("b/f", 5, 6))).toBe("f:mc");
    expect(await moved(() => s.makeDirectory("c/x", 0o755))).toBe("c:mc");
    expect(await moved(() => s.removeDirectory("c/x"))).toBe("c:mc");
    expect(await moved(async () => {
      const handle = await s.openWrite("b/f", {});
      await handle.write(encode("2"), 0);
      await handle.close();
    })).toBe("f:mc");
  });

  test("copied times come back to the same millisecond, and to the microsecond below", async () => {
    await put(s, "f", "1");
    const handle = await s.openWrite("f", {});
    let seed = 12345;
    const random = (): number => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    const odd = [0, 1, 999, 1_700_000_000_123, 1_699_999_999_999.999, 946_684_800_000, 4_000_000_000_000.5, -1, -86_400_000.25, -1_000_000_000_123];
    const many = Array.from({ length: 400 }, (_, i) => Math.floor(random() * 4e12) + (i % 3 === 0 ? 0 : i % 3 === 1 ? random() : Math.floor(random() * 1e6) / 1e6));
    for (const ms of [...odd, ...many]) {
      await (ms > 2e12 ? handle.utimes(ms, ms) : s.utimes("f", ms, ms));
      const { mtimeMs, atimeMs } = await s.lstat("f");
      expect([Math.floor(mtimeMs), Math.floor(atimeMs)], `seed 12345, ${ms}`).toEqual([Math.floor(ms), Math.floor(ms)]);
      expect(Math.abs(mtimeMs - ms), `seed 12345, ${ms}`).toBeLessThan(0.0015);
      await s.utimes("f", atimeMs, mtimeMs); // again from what was read: nothing drifts
      expect(Math.floor((await s.lstat("f")).mtimeMs), `seed 12345, ${ms}, again`).toBe(Math.floor(ms));
    }
    await handle.close();
  });

  test("a fingerprint is the stat in full, and tells any change of content, mode or identity", async () => {
    await put(s, "f", "1");
    const before = await s.fingerprint("f");
    const stat = await s.lstat("f");
    expect([Number(before.size), Number(before.ino), Number(before.dev)]).toEqual([stat.size, stat.ino, stat.dev]);
    expect(Math.floor(Number(before.mtimeNs / 1000n) / 1000)).toBe(Math.floor(stat.mtimeMs));
    const handle = await s.openRead("f");
    expect(await handle.fingerprint()).toEqual(before);
    await handle.close();
    expect(await s.fingerprint("f")).toEqual(before);
    await tick();
    await s.chmod("f", 0o600);
    expect((await s.fingerprint("f")).ctimeNs > before.ctimeNs).toBe(true);
    await s.unlink("f");
    await s.makeSymlink("f", "f");
    expect(await s.fingerprint("f")).not.toEqual(before);
  });

  test("components before the last are followed, .. included; realPath resolves all", async () => {
    await host.plantLower({ "d/f": "1", up: { symlink: "../base/d" }, away: { symlink: host.lowerRoot }, "d/back": { symlink: "../d/f" } });
    expect((await host.lower.lstat("up/f")).type).toBe("file");
    expect((await host.lower.lstat("away/d/f")).type).toBe("file");
    expect(await host.outside.realPath(`${host.lowerRoot}/up/back`)).toBe(`${host.lowerRoot}/d/f`);
    expect(await host.outside.realPath(`${host.lowerRoot}/d/..`)).toBe(host.lowerRoot);
    const read = await host.outside.layer.readFile(`${host.lowerRoot.slice(1)}/d/f`);
    expect(new TextDecoder().decode(read)).toBe("1");
  });

  test("cloneFrom: a whole copy with its own life, or false and nothing made; again says the same", async () => {
    await put(s, "f", "content", 0o751);
    const source = await s.openRead("f");
    const answers = [await s.cloneFrom(source, "g", 0o640), await s.cloneFrom(source, "h", 0o600)];
    expect(answers[1]).toBe(answers[0]);
    await source.close();
    expect(await names(s, "")).toEqual(answers[0] === true ? ["f", "g", "h"] : ["f"]);
    if (answers[0] !== true) return;
    expect([await text(s, "g"), (await s.lstat("g")).mode]).toEqual(["content", 0o640]);
  });

  test("syncDirectory of a directory, and of the layer's own root", async () => {
    await s.makeDirectory("d", 0o755);
    await s.syncDirectory("d");
    await s.syncDirectory("");
    expect((await s.lstat("")).type).toBe("directory");
  });
});
