// A base that is not on a disk, as a layer: no call whose answer is known, faults that are never taken for "absent".
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RemoteLowerLayer, type RemoteLayerOptions } from "../../src/host/remoteLayer.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { held, RemoteDisk, RemoteError, unavailable } from "../support/layers/remoteDisk.js";
import { codeOf } from "../support/world.js";

let root: string;
let disk: RemoteDisk;
let layer: RemoteLowerLayer;

function open(options: Partial<RemoteLayerOptions> = {}): RemoteLowerLayer {
  return new RemoteLowerLayer(disk, { name: "remote:/base", ...options });
}

function write(path: string, text: string): void {
  fs.mkdirSync(join(root, path, ".."), { recursive: true });
  fs.writeFileSync(join(root, path), text);
}

const text = async (path: string): Promise<string> => new TextDecoder().decode(await layer.readFile(path));
const names = async (path: string): Promise<string[]> => (await layer.readDirectory(path)).entries.map(({ name }) => name).sort();

beforeEach(() => {
  root = temporaryFolder("remote");
  disk = new RemoteDisk(root);
  layer = open();
  write("a.txt", "a");
  write("d/b.txt", "bb");
  write("d/e/c.txt", "ccc");
});
afterEach(() => { fs.rmSync(root, { recursive: true, force: true }); });

describe("calls", () => {
  test("what was asked once is not asked again, by whichever question", async () => {
    await layer.lstat("d/b.txt");
    await layer.lstat("d/b.txt");
    await layer.fingerprint("d/b.txt");
    expect(disk.made()).toEqual(["stat d/b.txt"]);
    await layer.readDirectory("d");
    await layer.readDirectory("d");
    expect(disk.made()).toEqual(["readDirectory d"]);
    expect(await text("d/b.txt")).toBe("bb");
    expect(await text("d/b.txt")).toBe("bb");
    expect(disk.made()).toEqual(["readFile d/b.txt"]);
  });

  test("the root is listed before a name in it is asked for: many names, as an editor looks for at its start, are one call", async () => {
    const found = await Promise.all([".vscode", ".github", "package.json", "a.txt"].map((path) => codeOf(layer.lstat(path))));
    expect(found).toEqual(["ENOENT", "ENOENT", "ENOENT", "ok"]);
    expect(disk.made()).toEqual(["readDirectory /", "stat a.txt"]);
  });

  test("a listing says what is absent, and of what kind the rest is, without a call", async () => {
    await layer.readDirectory("");
    disk.made();
    expect(await codeOf(layer.lstat("package.json"))).toBe("ENOENT");
    expect(await codeOf(layer.readFile(".vscode"))).toBe("ENOENT");
    expect(await codeOf(layer.lstat("a.txt/x"))).toBe("ENOTDIR");
    expect(await codeOf(layer.readDirectory("a.txt"))).toBe("ENOTDIR");
    expect([layer.kindOf("d"), layer.kindOf("a.txt"), layer.kindOf("none")]).toEqual(["directory", "file", undefined]);
    expect(disk.made()).toEqual([]);
  });

  test("a second name that is looked for in vain lists the directory; no third costs anything", async () => {
    expect(await codeOf(layer.lstat("d/x.ts"))).toBe("ENOENT");
    expect(await codeOf(layer.lstat("d/x.ts"))).toBe("ENOENT");
    expect(disk.made()).toEqual(["stat d/x.ts"]);
    expect(await codeOf(layer.lstat("d/x.tsx"))).toBe("ENOENT");
    expect(await codeOf(layer.lstat("d/x.d.ts"))).toBe("ENOENT");
    expect(disk.made()).toEqual(["readDirectory d"]);
  });

  test("the same question from many at once is one call", async () => {
    const gate = held(({ call }) => call === "readDirectory");
    disk.schedule = gate.schedule;
    const lists = [names(""), names(""), names("")];
    await gate.reached;
    gate.open();
    expect(await Promise.all(lists)).toEqual([["a.txt", "d"], ["a.txt", "d"], ["a.txt", "d"]]);
    expect(disk.made()).toEqual(["readDirectory /"]);
  });

  test("each caller may change what it was given", async () => {
    const listing = await layer.readDirectory("");
    listing.entries.length = 0;
    const bytes = await layer.readFile("a.txt");
    bytes.fill(0);
    expect(await names("")).toEqual(["a.txt", "d"]);
    expect(await text("a.txt")).toBe("a");
  });

  test("what is remembered is bounded: what was used longest ago is asked for again", async () => {
    layer = open({ limits: { entries: 6, bytes: 1 << 20 } });
    await layer.readDirectory("d");
    await layer.readDirectory("d/e");
    await layer.readDirectory("");
    disk.made();
    await layer.readDirectory("");
    await layer.readDirectory("d/e");
    expect(disk.made()).toEqual([]);
    await layer.readDirectory("d");
    expect(disk.made()).toEqual(["readDirectory d"]);
  });

  test("content that is kept counts only for the stat that it came with", async () => {
    layer = open({ limits: { entries: 2, bytes: 1 << 20 } });
    expect(await text("a.txt")).toBe("a");
    fs.writeFileSync(join(root, "a.txt"), "b");
    fs.utimesSync(join(root, "a.txt"), 1000, 1000);
    await layer.readDirectory("d"); // there is no room for both: the stat of a.txt goes
    expect(await text("a.txt")).toBe("b");
  });

  test("of files no more bytes are kept than allowed, and no large one", async () => {
    write("f1", "x".repeat(100));
    write("f2", "y".repeat(100));
    write("large", "z".repeat(500));
    layer = open({ limits: { entries: 1000, bytes: 1000 } });
    for (const path of ["f1", "large", "f1", "large"]) await layer.readFile(path);
    expect(disk.made().filter((call) => call.startsWith("readFile"))).toEqual(["readFile f1", "readFile large", "readFile large"]);
  });
});

describe("what others change", () => {
  test("an event makes the next question a call again, for that path alone", async () => {
    for (const path of ["", "d", "d/e"]) await layer.readDirectory(path);
    for (const path of ["a.txt", "d/b.txt"]) await layer.readFile(path);
    write("a.txt", "new content");
    layer.changed([{ type: "changed", path: "/a.txt" }]);
    disk.made();
    expect(await text("a.txt")).toBe("new content");
    expect((await layer.lstat("a.txt")).size).toBe(11);
    expect(await text("d/b.txt")).toBe("bb");
    expect(disk.made()).toEqual(["stat a.txt", "readFile a.txt"]);
  });

  test("what came is in the listing, what went is not, nor what lay beneath it", async () => {
    for (const path of ["", "d", "d/e"]) await layer.readDirectory(path);
    await layer.lstat("d/e/c.txt");
    write("new.txt", "1");
    fs.rmSync(join(root, "d"), { recursive: true });
    layer.changed([{ type: "created", path: "/new.txt" }, { type: "deleted", path: "/d" }]);
    expect(await names("")).toEqual(["a.txt", "new.txt"]);
    expect(await codeOf(layer.lstat("d/e/c.txt"))).toBe("ENOENT");
    expect(await codeOf(layer.readDirectory("d/e"))).toBe("ENOENT");
  });

  test("an answer that was on its way when the event came is given, and not kept", async () => {
    const gate = held(({ call, n }) => call === "readDirectory" && n === 1);
    disk.schedule = gate.schedule;
    const early = layer.readDirectory("");
    await gate.reached;
    layer.changed([{ type: "created", path: "/x" }]);
    gate.open();
    await early;
    await layer.readDirectory("");
    expect(disk.made()).toEqual(["readDirectory /", "readDirectory /"]);
  });

  test("who asks after the event does not join who asked before it", async () => {
    const gate = held(({ n }) => n === 1);
    disk.schedule = gate.schedule;
    const early = layer.lstat("d/b.txt");
    await gate.reached;
    write("d/b.txt", "longer");
    layer.changed([{ type: "changed", path: "/d/b.txt" }]);
    expect((await layer.lstat("d/b.txt")).size).toBe(6);
    gate.open();
    await early;
    expect((await layer.lstat("d/b.txt")).size).toBe(6);
    expect(disk.made()).toEqual(["stat d/b.txt", "stat d/b.txt"]);
  });

  test("what went without an event is noticed when it is asked for, and from then on it is absent", async () => {
    for (const path of ["", "d"]) await layer.readDirectory(path);
    await layer.lstat("a.txt");
    fs.rmSync(join(root, "a.txt"));
    fs.rmSync(join(root, "d"), { recursive: true });
    expect(await codeOf(layer.readFile("a.txt"))).toBe("ENOENT");
    expect(await codeOf(layer.readDirectory("d/e"))).toBe("ENOENT");
    expect(await codeOf(layer.lstat("a.txt"))).toBe("ENOENT");
    expect(await names("")).toEqual([]);
  });

  test("forget asks for everything anew", async () => {
    await layer.readDirectory("");
    await layer.readFile("a.txt");
    disk.made();
    layer.forget();
    await layer.readDirectory("");
    await layer.readFile("a.txt");
    expect(disk.made()).toEqual(["readDirectory /", "stat a.txt", "readFile a.txt"]);
  });

  test("a file that is another one than its stat says is looked at again before it is read again", async () => {
    await layer.lstat("a.txt");
    write("a.txt", "another");
    disk.made();
    expect(await text("a.txt")).toBe("another");
    expect((await layer.lstat("a.txt")).size).toBe(7);
    expect(disk.made()).toEqual(["readFile a.txt", "stat a.txt", "readFile a.txt"]);
  });

  test("where sizes are never told right, the content is what comes, whole, also to a handle", async () => {
    const wrong = Object.assign(Object.create(disk) as RemoteDisk, { stat: async (path: string) => ({ ...(await disk.stat(path)), size: 0 }) });
    layer = new RemoteLowerLayer(wrong, { name: "remote:/base" });
    expect(await text("d/e/c.txt")).toBe("ccc");
    const handle = await layer.openRead("d/e/c.txt");
    expect((await handle.stat()).size).toBe(3);
    const buffer = new Uint8Array(8);
    expect(await handle.read(buffer, 1)).toBe(2);
    await handle.close();
  });

  test("a file that never holds still is said to be in use", async () => {
    let size = 1;
    const moving = Object.assign(Object.create(disk) as RemoteDisk, { stat: async (path: string) => ({ ...(await disk.stat(path)), size: ++size + 10 }) });
    layer = new RemoteLowerLayer(moving, { name: "remote:/base" });
    expect(await codeOf(layer.readFile("a.txt"))).toBe("EBUSY");
  });

  test("where case does not count, what is known under one name is known under the other", async () => {
    layer = open({ caseSensitive: false });
    await layer.readDirectory("");
    disk.made();
    expect([layer.kindOf("D"), layer.kindOf("A.TXT")]).toEqual(["directory", "file"]);
    await layer.lstat("a.txt");
    await layer.lstat("A.txt");
    expect(disk.made()).toEqual(["stat a.txt"]);
  });
});

describe("faults", () => {
  test("a fault of the moment is asked once more, at once, and nothing is said of it", async () => {
    disk.schedule = ({ n }) => { if (n === 1) throw unavailable(); };
    expect(await names("")).toEqual(["a.txt", "d"]);
    expect(disk.made()).toEqual(["readDirectory /", "readDirectory /"]);
    expect(layer.state.fault).toBeUndefined();
  });

  test.each(["Unavailable", "Unknown", "FileExists", "ENOENT"])("%s is a fault with what the base said, never absent, and not kept (INV-2)", async (code) => {
    disk.schedule = () => { throw new RemoteError(code, "no route to host"); };
    for (const call of [layer.lstat("a.txt"), layer.readDirectory("d"), layer.readFile("a.txt")]) {
      await expect(call).rejects.toMatchObject({ code: "EIO", reason: "the base did not answer: no route to host" });
    }
    expect(layer.state.fault).toBe("the base did not answer: no route to host");
    disk.schedule = () => undefined;
    expect((await layer.lstat("a.txt")).size).toBe(1);
    expect(layer.state.fault).toBeUndefined();
  });

  test("a base that says 'not found' in words of its own is believed where its listing says the same", async () => {
    disk.schedule = ({ call }) => { if (call === "stat") throw new Error("ENOENT: no such file"); };
    expect(await codeOf(layer.lstat("gone.txt"))).toBe("ENOENT");
    expect(await codeOf(layer.lstat("a.txt"))).toBe("EIO");
  });

  test("what the base forbids is EACCES with its words, and is not asked twice", async () => {
    disk.schedule = () => { throw new RemoteError("NoPermissions", "not yours"); };
    await expect(layer.readDirectory("d")).rejects.toMatchObject({ code: "EACCES", reason: "the base refuses it: not yours" });
    expect(disk.made()).toEqual(["readDirectory d"]);
  });

  test("a base that is gone as a whole is not taken for gone for good", async () => {
    disk.schedule = () => { throw new RemoteError("FileNotFound", ""); };
    expect(await codeOf(layer.lstat(""))).toBe("ENOENT");
    disk.schedule = () => undefined;
    expect((await layer.lstat("")).type).toBe("directory");
  });

  test("who waits can be let go; what comes later is kept all the same", async () => {
    const gate = held(() => true);
    disk.schedule = gate.schedule;
    const waiting = [layer.readDirectory(""), layer.readDirectory("")];
    await gate.reached;
    expect(layer.state.waiting).toBe(2);
    layer.cancel();
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: "ECANCELED" });
    expect(layer.state.waiting).toBe(0);
    const later = names("");
    gate.open();
    expect(await later).toEqual(["a.txt", "d"]);
    expect(disk.made()).toEqual(["readDirectory /"]);
  });

  test("a file larger than can be had in memory is EFBIG before a byte of it is asked for", async () => {
    layer = open({ largestFile: 2 });
    await expect(layer.openRead("d/e/c.txt")).rejects.toMatchObject({ code: "EFBIG" });
    expect(disk.made()).toEqual(["stat d/e/c.txt"]);
    expect(await text("d/b.txt")).toBe("bb");
  });
});

describe("what entries look like", () => {
  test("sizes and times as given, modes as one would expect, one owner, no two paths with one identity", async () => {
    fs.chmodSync(join(root, "a.txt"), 0o444);
    fs.utimesSync(join(root, "d/b.txt"), 1000, 2000.5);
    const [a, b, d] = [await layer.lstat("a.txt"), await layer.lstat("d/b.txt"), await layer.lstat("d")];
    expect([a.mode, b.mode, d.mode]).toEqual([0o444, 0o644, 0o755]);
    expect([b.size, b.mtimeMs, b.nlink]).toEqual([2, 2_000_500, 1]);
    expect(new Set([a.ino, b.ino, d.ino]).size).toBe(3);
    expect((await layer.lstat("d/b.txt")).ino).toBe(b.ino);
    expect((await layer.fingerprint("d/b.txt")).mtimeNs).toBe(2_000_500_000_000n);
    expect(a.dev).toBeLessThan(0);
  });

  test("a link is what it leads to; one that leads nowhere is of no type, and is not opened", async () => {
    fs.symlinkSync("d", join(root, "linked"));
    fs.symlinkSync("gone", join(root, "lost"));
    const types = Object.fromEntries((await layer.readDirectory("")).entries.map(({ name, type }) => [name, type]));
    expect(types).toMatchObject({ linked: "directory", lost: "unknown" });
    expect((await layer.lstat("linked/b.txt")).size).toBe(2);
    expect(await codeOf(layer.readFile("lost"))).toBe("EINVAL");
  });

  test("names that no path can have are counted and not shown", async () => {
    const odd = { stat: (path: string) => disk.stat(path), readFile: (path: string) => disk.readFile(path), readDirectory: async () => [["ok", 1], ["a/b", 1], ["..", 2], ["", 1], ["ok", 2]] as [string, number][] };
    const listing = await new RemoteLowerLayer(odd, { name: "odd:" }).readDirectory("");
    expect(listing).toEqual({ entries: [{ name: "ok", type: "file" }], undecodable: 3 });
  });
});
