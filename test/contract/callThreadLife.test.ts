// When the call thread starts, rests and ends; a process of its own; and its operations when the system fails them.
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { MessagePort } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import { CallThread } from "../../src/host/callThread.js";
import { type Answer, callThreadMain, type Operations, type Request } from "../../src/host/callThreadMain.js";
import { bundleScript, startChild } from "../support/layers/child.js";
import { temporaryFolder } from "../support/layers/hosts.js";

describe("its life", () => {
  afterEach(() => { vi.restoreAllMocks(); });

  test("asked to start while it ends: not there, and then again", async () => {
    const thread = new CallThread();
    expect(await thread.start()).toBe(true);
    const ended = thread.end();
    expect(await thread.start()).toBe(false);
    await ended;
    expect([await thread.start(), await thread.start()]).toEqual([true, true]);
    await thread.end();
  });

  test("idle, it ends; not while something is asked for", async () => {
    const thread = new CallThread(40);
    await thread.start();
    const until = performance.now() + 200;
    while (performance.now() < until) {
      await thread.do("lstat", "lstat", "/", "/");
      expect(thread.ready).toBe(true);
    }
    await vi.waitUntil(() => !thread.ready);
    await thread.end();
  });

  test.runIf(process.platform === "linux")("a call that takes longer than it waits for more is waited for", async () => {
    const folder = temporaryFolder("fifo");
    try {
      const fifo = join(folder, "p");
      execFileSync("mkfifo", [fifo]);
      const thread = new CallThread(40);
      await thread.start();
      const opening = thread.do("open", "open", fifo, fifo, fs.constants.O_RDONLY); // until somebody writes
      await new Promise((resolve) => setTimeout(resolve, 150));
      fs.closeSync(fs.openSync(fifo, fs.constants.O_WRONLY));
      expect(await opening).toBeUndefined();
      await thread.end();
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });

  test.each([[8, 99, true], [7, 0, false], [8, 101, false]])("asked for %i times, the last after %i ms: it starts, %s", async (times, later, starts) => {
    let now = 1000;
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    const thread = new CallThread();
    for (let i = 1; i < times; i++) expect(thread.wanted()).toBe(false);
    now += later;
    thread.wanted();
    clock.mockRestore();
    if (starts) await vi.waitUntil(() => thread.ready);
    else await new Promise((resolve) => setTimeout(resolve, 100));
    expect(thread.ready).toBe(starts);
    await thread.end();
  });

  test.each(["rests", "starts", "asks", "works"])("a process that %s ends by itself, at once, and not under a call", async (what) => {
    const script = await bundleScript("threadChild.ts");
    const folder = temporaryFolder("thread");
    try {
      const child = startChild(script, [what, folder]);
      const begun = performance.now();
      expect(await child.line()).toBe({ rests: "up", starts: "starting", asks: "answered 100", works: "400 copies, thread" }[what]);
      expect(await child.ended).toBe("0");
      expect(performance.now() - begun).toBeLessThan(4000); // it would rest for five seconds
    } finally {
      fs.rmSync(folder, { recursive: true });
      fs.rmSync(dirname(script), { recursive: true });
    }
  });
});

describe("its operations, when the system fails them", () => {
  type Fs = typeof fs;

  /** What the thread runs, here, on a file system of which some calls are others. */
  async function ask<Op extends keyof Operations>(changed: Partial<Record<keyof Fs, unknown>>, operation: Op, ...args: Parameters<Operations[Op]>) {
    let deliver: (requests: readonly Request[]) => void = () => undefined;
    const said: (readonly Answer[])[] = [];
    const port = { on: (_: string, listen: typeof deliver) => { deliver = listen; }, postMessage: (answers: readonly Answer[]) => { said.push(answers); } };
    callThreadMain({ ...fs, ...changed } as Fs, port as unknown as MessagePort);
    expect(said).toEqual([[]]); // it says that it listens
    deliver([[1, operation, ...args]]);
    return said[1]?.[0];
  }

  /** A small copy of eight bytes on that file system: what is said, what is left, what is still open. */
  async function copying(changed: Partial<Record<keyof Fs, unknown>>, closed: () => void = () => undefined) {
    const folder = temporaryFolder("operations");
    try {
      fs.writeFileSync(join(folder, "f"), "12345678");
      const opened = new Set<number>();
      const openSync = (...args: Parameters<Fs["openSync"]>): number => {
        const fd = fs.openSync(...args);
        opened.add(fd);
        return fd;
      };
      const closeSync = (fd: number): void => {
        opened.delete(fd);
        fs.closeSync(fd);
        closed();
      };
      const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = fs.constants;
      const answer = await ask({ openSync, closeSync, ...changed }, "copySmall", join(folder, "f"), O_RDONLY, 8, join(folder, "c"), O_RDWR | O_CREAT | O_EXCL, 0o644, "1", "2");
      const left = fs.readdirSync(folder).sort().map((name) => `${name} ${fs.readFileSync(join(folder, name), "utf8")}`);
      const count = opened.size;
      for (const fd of opened) fs.closeSync(fd);
      return { code: answer?.[2]?.code, left, count };
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  }
  const short = (call: (...args: never[]) => number) => (fd: number, bytes: Uint8Array, offset: number, length: number, at: number | null) =>
    (call as (...args: unknown[]) => number)(fd, bytes, offset, Math.min(length, 3), at);
  const fault = (code: string) => Object.assign(new Error(code), { code });

  test("short reads and writes are carried on", async () => {
    expect(await copying({ readSync: short(fs.readSync), writeSync: short(fs.writeSync) })).toEqual({ code: undefined, left: ["c 12345678", "f 12345678"], count: 1 });
  });

  test("no space after a part: no half file, nothing open", async () => {
    let left = 1;
    const writeSync = (...args: Parameters<ReturnType<typeof short>>): number => {
      if (left-- <= 0) throw fault("ENOSPC");
      return short(fs.writeSync)(...args);
    };
    expect(await copying({ writeSync })).toEqual({ code: "ENOSPC", left: ["f 12345678"], count: 0 });
  });

  test.each(["futimesSync", "readSync", "fstatSync"] as const)("%s fails: no half file, nothing open", async (name) => {
    expect(await copying({ [name]: () => { throw fault("EIO"); } })).toEqual({ code: "EIO", left: ["f 12345678"], count: 0 });
  });

  test("a write that writes nothing is no endless loop", async () => {
    expect(await copying({ writeSync: () => 0 })).toEqual({ code: "EIO", left: ["f 12345678"], count: 0 });
  });

  test("the descriptor of a copy that failed cannot be closed: the copy goes all the same", async () => {
    let failed = false;
    const { code, left, count } = await copying({ writeSync: () => { failed = true; throw fault("EDQUOT"); } }, () => {
      if (!failed) return;
      failed = false;
      throw fault("EDQUOT");
    });
    expect({ code, left, count }).toEqual({ code: "EDQUOT", left: ["f 12345678"], count: 0 });
  });

  test("a publish whose staged name cannot be removed says so", async () => {
    const folder = temporaryFolder("operations");
    try {
      for (const name of ["f", "staged"]) fs.writeFileSync(join(folder, name), "1");
      const s = fs.lstatSync(join(folder, "f"), { bigint: true });
      const print = BigInt64Array.of(s.size, s.mtimeNs, s.ctimeNs, s.dev, s.ino);
      const answer = await ask({ unlinkSync: () => { throw fault("EIO"); } }, "publish", join(folder, "staged"), join(folder, "made"), join(folder, "f"), print);
      expect([answer?.[1], fs.readdirSync(folder).sort()]).toEqual(["linked", ["f", "made", "staged"]]);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
