// Small files whole, by the pool and by the call thread: the same bytes, and nothing where a file is not what was said of it.
import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { SmallFiles } from "../../src/carry/smallFiles.js";
import { callThread } from "../../src/host/callThread.js";
import { makeNodeHost, makeThreadHost, type TestHost } from "../support/layers/hosts.js";

afterAll(() => callThread.end());

// The pool first: once the thread is there, all goes through it.
describe.each([["pool", makeNodeHost], ["call thread", makeThreadHost]] as const)("%s", (how, makeHost) => {
  let host: TestHost;
  /** On Linux alone it can be told. */
  const openHere = (): string[] => (process.platform === "linux" ? fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${fd}`)].filter((path) => path.startsWith(host.lowerRoot));
    } catch {
      return []; // that of the listing itself
    }
  }) : []);
  const at = (name: string): string => join(host.lowerRoot, name);
  beforeEach(async () => {
    host = await makeHost();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    expect(openHere(), "left open").toEqual([]);
    await host.dispose();
  });

  test("many of many sizes, each its own bytes, in whatever order they are taken", async () => {
    const sizes = Array.from({ length: 100 }, (_, i) => [1, 17, 4096, 65_536, 65_537, 200_000, 1 << 20][i % 7] ?? 1);
    const content = (i: number): Uint8Array => Uint8Array.from({ length: sizes[i] ?? 0 }, (_, at) => (at * 31 + i) % 251);
    for (const i of sizes.keys()) fs.writeFileSync(at(String(i)), content(i));
    const files = new SmallFiles();
    const calls = vi.spyOn(callThread, "do");
    const read = await Promise.all(sizes.map((size, i) => files.read(at(String(i)), size)));
    for (const [i, bytes] of read.entries()) expect(Buffer.compare(bytes ?? new Uint8Array(), content(i)), String(i)).toBe(0);
    const messages = calls.mock.calls.map((args) => (args[4] as unknown as readonly string[]).length);
    if (how === "pool") expect(messages).toEqual([]);
    else expect([Math.max(...messages), messages.reduce((a, b) => a + b)]).toEqual([16, sizes.filter((size) => size <= 65_536).length]);
  });

  test("one alone is not waited for", async () => {
    fs.writeFileSync(at("f"), "text");
    expect(Buffer.from((await new SmallFiles().read(at("f"), 4)) ?? []).toString()).toBe("text");
  });

  test("nothing of one that has grown, shrunk, gone, or is no file; and those beside it are read", async () => {
    await host.plantLower({ "f": "text", "d/": "", "link": { symlink: "f" }, "p": { special: "fifo" }, "empty": "" });
    const files = new SmallFiles();
    const names = ["f", "d", "link", "p", "gone", "f/x", "f"];
    const read = await Promise.all([files.read(at("f"), 3), files.read(at("f"), 5), files.read(at("empty"), 0), ...names.map((name) => files.read(at(name), 4))]);
    expect(read.map((bytes) => (bytes === undefined ? undefined : Buffer.from(bytes).toString())))
      .toEqual([undefined, undefined, undefined, "text", undefined, undefined, undefined, undefined, undefined, "text"]);
  });

  test("a slow disk is asked by the pool for a while, then once more by the thread", async () => {
    for (let i = 0; i < 40; i++) fs.writeFileSync(at(String(i)), String(i));
    const files = new SmallFiles(0); // whatever it takes is slow
    const calls = vi.spyOn(callThread, "do");
    const all = async (): Promise<void> => {
      const read = await Promise.all(Array.from({ length: 40 }, (_, i) => files.read(at(String(i)), String(i).length)));
      expect(read.map((bytes) => Buffer.from(bytes ?? []).toString())).toEqual(Array.from({ length: 40 }, (_, i) => String(i)));
    };
    const messages: number[] = [];
    for (let i = 0; i < 9; i++) {
      await all();
      messages.push(calls.mock.calls.length);
    }
    // 40 in three messages; then 256 by the pool, which is six times 40 and 16 of the next.
    expect(messages).toEqual(how === "pool" ? [0, 0, 0, 0, 0, 0, 0, 0, 0] : [3, 3, 3, 3, 3, 3, 3, 5, 5]);
  });

  test("what the thread has not answered when it ends is nothing, and the pool reads what comes after", async () => {
    fs.writeFileSync(at("f"), "text");
    const files = new SmallFiles();
    const ended = vi.spyOn(callThread, "do").mockImplementation(() => Promise.reject(new Error("the thread has ended")));
    expect(await files.read(at("f"), 4)).toEqual(how === "pool" ? Buffer.from("text") : undefined);
    ended.mockRestore();
    await callThread.end();
    expect(await files.read(at("f"), 4)).toEqual(Buffer.from("text"));
  });
});
