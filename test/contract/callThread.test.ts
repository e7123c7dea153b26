// The call thread on a real disk: what only it does (copies and publishes in one step), and what goes through it.
import * as fs from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { LayerError } from "../../src/engine/errors.js";
import type { LayerStat } from "../../src/engine/types.js";
import { callThread } from "../../src/host/callThread.js";
import { NodeLowerLayer } from "../../src/host/nodeLayer.js";
import { NodeScratchLayer } from "../../src/host/nodeScratch.js";
import { toLayerStat } from "../../src/host/nodeStat.js";
import { makeThreadHost, type TestHost } from "../support/layers/hosts.js";

const linux = process.platform === "linux";
const descriptors = (): number => (linux ? fs.readdirSync("/proc/self/fd").length : 0);

let host: TestHost;
let base: NodeLowerLayer;
let s: NodeScratchLayer;
let open = 0;
beforeEach(async () => {
  host = await makeThreadHost();
  base = new NodeLowerLayer(host.lowerRoot);
  s = new NodeScratchLayer(host.scratchRoot);
  open = descriptors();
});
afterEach(async () => {
  expect(descriptors(), "descriptors left open").toBe(open);
  await host.dispose();
});
afterAll(() => callThread.end());

const made = (): string[] => fs.readdirSync(host.scratchRoot).sort();
const content = (name: string): string => fs.readFileSync(join(host.scratchRoot, name), "utf8");
const copySmall = async (from: string, to: string, look: Partial<LayerStat> = {}) =>
  s.copySmall(base, from, to, { ...(await base.lstat("f")), ...look });

describe("a small copy", () => {
  test.each([1, 4096, 65_536])("of %i bytes: content, mode, times; its descriptor reads and writes", async (size) => {
    const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 251);
    fs.writeFileSync(join(host.lowerRoot, "f"), bytes);
    fs.chmodSync(join(host.lowerRoot, "f"), 0o751);
    const source = { stat: await base.lstat("f"), print: await base.fingerprint("f") };
    const copy = await copySmall("f", "c");
    if (copy === undefined) throw new Error("not to be had");
    expect(copy.source).toEqual(source);
    expect(fs.readFileSync(join(host.scratchRoot, "c")).equals(bytes)).toBe(true);
    fs.writeFileSync(join(host.scratchRoot, "like"), "", { mode: 0o751 }); // as the umask lets it
    expect((await s.lstat("c")).mode).toBe((await s.lstat("like")).mode);
    const buffer = new Uint8Array(1);
    expect([await copy.file.read(buffer, 0), buffer[0]]).toEqual([1, 0]);
    await copy.file.write(new Uint8Array([9]), 0);
    await copy.file.close();
    expect(fs.readFileSync(join(host.scratchRoot, "c"))[0]).toBe(9);
  });

  test("its times are the look's, to the millisecond", async () => {
    await host.plantLower({ f: "1" });
    const odd = [0, 1, 999, 1_700_000_000_123, 1_699_999_999_999.999, 4_000_000_000_000.5, -1, -86_400_000.25, -1_000_000_000_123];
    const many = Array.from({ length: 200 }, (_, i) => ((i * 2_654_435_761) % 4_000_000_000) * 1000 + (i % 3) * 333.3337);
    for (const [i, ms] of [...odd, ...many].entries()) {
      await (await copySmall("f", `c${String(i)}`, { atimeMs: ms, mtimeMs: ms }))?.file.close();
      const { atimeMs, mtimeMs } = fs.lstatSync(join(host.scratchRoot, `c${String(i)}`));
      expect([Math.floor(atimeMs), Math.floor(mtimeMs)], String(ms)).toEqual([Math.floor(ms), Math.floor(ms)]);
    }
  });

  test("of what is no regular file: nothing is followed, waited for or made", async () => {
    await host.plantLower({ "f": "text", "d/": "", "link": { symlink: "f" }, "p": { special: "fifo" }, "s": { special: "socket" } });
    open = descriptors(); // the socket's
    expect([await copySmall("p", "c"), await copySmall("d", "c")]).toEqual([undefined, undefined]);
    if (linux) expect(await s.copySmall(new NodeLowerLayer("/dev"), "zero", "c", await base.lstat("f"))).toBeUndefined();
    await expect(copySmall("link", "c")).rejects.toMatchObject({ code: "ELOOP", call: "copy" });
    await expect(copySmall("s", "c")).rejects.toBeInstanceOf(LayerError);
    await expect(copySmall("gone", "c")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(copySmall("f/x", "c")).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(copySmall("f", "gone/c")).rejects.toMatchObject({ code: "ENOENT" });
    await expect(copySmall("f\0", "c")).rejects.toMatchObject({ code: "EINVAL" });
    expect(made()).toEqual([]);
  });

  test("of a file that is larger by now: left to others; of a smaller one: what there is", async () => {
    await host.plantLower({ f: "12345" });
    expect(await copySmall("f", "c", { size: 4 })).toBeUndefined();
    expect(made()).toEqual([]);
    const copy = await copySmall("f", "c", { size: 9 });
    await copy?.file.close();
    expect([copy?.source.stat.size, content("c")]).toEqual([5, "12345"]);
  });

  test("a name that is taken stays what it was, and a symlink there leads nowhere", async () => {
    await host.plantLower({ f: "new" });
    await host.plantScratch({ taken: "old", away: { symlink: join(host.lowerRoot, "made") } });
    for (const name of ["taken", "away"]) await expect(copySmall("f", name)).rejects.toMatchObject({ code: "EEXIST" });
    expect([content("taken"), fs.readdirSync(host.lowerRoot)]).toEqual(["old", ["f"]]);
  });
});

describe("a publish", () => {
  beforeEach(async () => {
    await host.plantLower({ f: "text" });
    await host.plantScratch({ staged: "text", taken: "" });
  });
  const publish = async (to: string, change: Record<string, bigint> = {}, from = "f") =>
    s.publishCopy("staged", to, base, from, { ...(await base.fingerprint("f")), ...change });

  test("gives the name, and takes the staged one away", async () => {
    expect(await publish("made")).toBe("published");
    expect(made()).toEqual(["made", "taken"]);
    expect(fs.lstatSync(join(host.scratchRoot, "made")).nlink).toBe(1);
  });

  test.each(["size", "mtimeNs", "ctimeNs", "dev", "ino"])("not when the lower has another %s", async (field) => {
    expect(await publish("made", { [field]: -7n })).toBe("changed");
    expect(made()).toEqual(["staged", "taken"]);
  });

  test("not when the lower has gone, or its folder is a file by now", async () => {
    expect([await publish("made", {}, "gone"), await publish("made", {}, "f/x")]).toEqual(["changed", "changed"]);
    expect(made()).toEqual(["staged", "taken"]);
  });

  test("fails as link does, and leaves the staged name", async () => {
    await expect(publish("taken")).rejects.toMatchObject({ code: "EEXIST", call: "link" });
    await expect(publish("gone/made")).rejects.toMatchObject({ code: "ENOENT", call: "link" });
    await expect(publish("staged/made")).rejects.toMatchObject({ code: "ENOTDIR", call: "link" });
    expect(made()).toEqual(["staged", "taken"]);
  });

  test.runIf(linux)("where there are no hard links, says so", async () => {
    const print = await base.fingerprint("f");
    await expect(new NodeScratchLayer("/dev/pts").publishCopy("ptmx", "x", base, "f", print)).rejects.toMatchObject({ code: "ENOTSUP", call: "link" });
  });
});

describe("what goes through it", () => {
  test("a stat is the same, to the last bit", async () => {
    await host.plantScratch({ f: "1" });
    const path = join(host.scratchRoot, "f");
    for (let i = 0; i < 300; i++) {
      const at = ((i * 2_654_435_761) % 4_000_000_000) + ((i * 7919) % 1000) / 1000 + i / 1e6 - (i % 5 === 0 ? 2e9 : 0);
      fs.utimesSync(path, at, at / 2);
      expect(callThread.ready).toBe(true);
      expect(await s.lstat("f")).toEqual(toLayerStat(fs.lstatSync(path)));
    }
  });

  test("what is written is what the buffer held when it was asked for, of a part the part", async () => {
    const file = await s.create("f", 0o644);
    const buffer = new Uint8Array(1 << 20).fill(65);
    const writes = [file.write(buffer.subarray(10, 13), 0), file.write(Buffer.from("xyz"), 3), file.write(new Uint8Array(0), 0)];
    buffer.fill(66);
    await Promise.all(writes);
    await file.close();
    expect(content("f")).toBe("AAAxyz");
  });

  test("nothing of thousands of copies stays open, also after its end; what it opened outlives it", async () => {
    for (let i = 0; i < 20; i++) fs.writeFileSync(join(host.lowerRoot, i === 0 ? "f" : String(i)), String(i));
    for (let round = 0; round < 100; round++) {
      await Promise.all(Array.from({ length: 20 }, async (_, i) => {
        const name = i === 0 ? "f" : String(i);
        await (await s.copySmall(base, name, name, await base.lstat(name)))?.file.close();
        await s.unlink(name);
      }));
    }
    expect(descriptors()).toBe(open);
    const file = (await s.copySmall(base, "1", "kept", await base.lstat("1")))?.file;
    if (file === undefined) throw new Error("not to be had");
    await callThread.end();
    expect(descriptors()).toBeLessThanOrEqual(open + 1);
    await file.write(new Uint8Array([50]), 1);
    await file.close();
    expect(content("kept")).toBe("12");
    open = descriptors();
  });

  test("ended in the middle: what it has not answered is EIO; what comes then goes through the pool, until it is started", async () => {
    await host.plantScratch({ f: "1" });
    const calls = Array.from({ length: 50 }, () => s.lstat("f"));
    const ended = callThread.end();
    const later = s.lstat("f");
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.some(({ status }) => status === "rejected")).toBe(true);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      expect(outcome.reason).toBeInstanceOf(LayerError);
      expect(outcome.reason).toMatchObject({ code: "EIO", call: "lstat", physicalPath: join(host.scratchRoot, "f") });
    }
    expect((await later).size).toBe(1);
    await ended;
    expect([callThread.ready, (await s.lstat("f")).size]).toEqual([false, 1]);
    expect([await callThread.start(), (await s.lstat("f")).size]).toEqual([true, 1]);
  });
});
