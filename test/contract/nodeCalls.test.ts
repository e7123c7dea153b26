// What shows only in the calls that reach the system: node:fs patched, so that a file changes between two of them.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NodeScratchLayer } from "../../src/host/nodeScratch.js";
import { temporaryFolder } from "../support/layers/hosts.js";

type Callback = (...args: unknown[]) => void;
type CallbackFunction = (...args: unknown[]) => void;

describe("the node host's calls", () => {
  const table = fs as unknown as Record<string, CallbackFunction>;
  const originals = new Map<string, CallbackFunction>();
  let root: string;
  let layer: NodeScratchLayer;
  beforeEach(() => {
    root = temporaryFolder("calls");
    layer = new NodeScratchLayer(root);
  });
  afterEach(() => {
    for (const [name, original] of originals) table[name] = original;
    originals.clear();
    syncBuiltinESMExports();
    fs.rmSync(root, { recursive: true, force: true });
  });

  /** Every call of fs.<name> goes to `replacement`, which is given the original. */
  function patch(name: string, replacement: (original: CallbackFunction, args: unknown[]) => void): void {
    const original = table[name];
    if (original === undefined) throw new Error(`no fs.${name}`);
    originals.set(name, original);
    table[name] = (...args) => { replacement(original, args); };
    syncBuiltinESMExports();
  }

  /** Runs `meanwhile` after fstat has answered and before anybody hears of it. */
  function afterStat(meanwhile: () => void): void {
    patch("fstat", (original, args) => {
      const done = args.pop() as Callback;
      original(...args, (...answer: unknown[]) => {
        meanwhile();
        done(...answer);
      });
    });
  }

  test.each([[5000, 10], [5000, 0], [5000, 5000]])("a file of %i bytes that shrinks to %i between fstat and read is as long as it is then", async (before, after) => {
    fs.writeFileSync(join(root, "f"), "a".repeat(before));
    afterStat(() => { fs.truncateSync(join(root, "f"), after); });
    const read = await layer.readFile("f");
    expect(new TextDecoder().decode(read)).toBe("a".repeat(after));
    expect(read.buffer.byteLength).toBe(after);
  });

  test.each([10, 0])("a file of %i bytes that grows meanwhile is one of its states", async (before) => {
    fs.writeFileSync(join(root, "f"), "a".repeat(before));
    afterStat(() => { fs.appendFileSync(join(root, "f"), "bbb"); });
    const read = new TextDecoder().decode(await layer.readFile("f"));
    expect(["a".repeat(before), `${"a".repeat(before)}bbb`]).toContain(read);
  });

  test("close waits for calls that have begun", async () => {
    fs.writeFileSync(join(root, "f"), "abc");
    patch("read", (original, args) => { setTimeout(() => { original(...args); }, 20); });
    const handle = await layer.openRead("f");
    const reading = handle.read(new Uint8Array(3), 0);
    await handle.close();
    expect(await reading).toBe(3);
  });

  test("short reads and writes are carried on", async () => {
    patch("read", (original, args) => { original(args[0], args[1], args[2], Math.min(Number(args[3]), 3), ...args.slice(4)); });
    patch("write", (original, args) => { original(args[0], args[1], args[2], Math.min(Number(args[3]), 3), ...args.slice(4)); });
    const handle = await layer.create("f", 0o644);
    await handle.write(new TextEncoder().encode("0123456789"), 0);
    const buffer = new Uint8Array(8);
    expect(await handle.read(buffer, 1)).toBe(8);
    expect(new TextDecoder().decode(buffer)).toBe("12345678");
    await handle.close();
    const appending = await layer.openWrite("f", { append: true });
    await appending.write(new TextEncoder().encode("abcdefgh"), 0);
    await appending.close();
    expect(new TextDecoder().decode(await layer.readFile("f"))).toBe("0123456789abcdefgh");
  });

  test("to append, no position is given: not every system ignores it", async () => {
    fs.writeFileSync(join(root, "f"), "abc");
    const positions: unknown[] = [];
    patch("write", (original, args) => {
      positions.push(args[4]);
      original(...args);
    });
    const handle = await layer.openWrite("f", { append: true });
    await handle.write(new Uint8Array(1), 7);
    await handle.close();
    expect(positions).toEqual([null]);
  });

  test.runIf(process.platform === "linux")("chmod goes through the entry that is held, and nothing stays open", async () => {
    fs.writeFileSync(join(root, "f"), "");
    const paths: string[] = [];
    patch("chmod", (original, args) => {
      paths.push(String(args[0]));
      original(...args);
    });
    const before = fs.readdirSync("/proc/self/fd").length;
    await layer.chmod("f", 0o600);
    expect(paths).toEqual([expect.stringMatching(/^\/proc\/self\/fd\/\d+$/)]);
    expect(fs.readdirSync("/proc/self/fd").length).toBe(before);
  });

  test("an unknown error of a call is EIO, never absence", async () => {
    patch("lstat", (_, args) => { (args.at(-1) as Callback)(Object.assign(new Error("bad"), { code: "EUCLEAN" })); });
    await expect(layer.lstat("f")).rejects.toMatchObject({ code: "EIO", call: "lstat" });
  });

  test("entries whose directory does not tell their type are looked at", async () => {
    fs.mkdirSync(join(root, "d"));
    fs.writeFileSync(join(root, "f"), "");
    patch("readdir", (original, args) => {
      const done = args.pop() as Callback;
      original(...args, (error: unknown, entries: fs.Dirent[]) => {
        for (const entry of entries) entry.isFile = entry.isDirectory = () => false;
        done(error, entries);
      });
    });
    const { entries } = await layer.readDirectory("");
    expect(entries.map((e) => `${e.name} ${e.type}`).sort()).toEqual(["d directory", "f file"]);
  });
});
