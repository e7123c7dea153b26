// What only the node host can get wrong: devices, files too large for one buffer, missing hard links, clones, names.
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LayerError } from "../../src/engine/errors.js";
import { callThread } from "../../src/host/callThread.js";
import { chmodChecked } from "../../src/host/nodeChmod.js";
import { NodeEnv } from "../../src/host/nodeEnv.js";
import { nodeFault } from "../../src/host/nodeFault.js";
import { NodeLowerLayer } from "../../src/host/nodeLayer.js";
import { NodeScratchLayer } from "../../src/host/nodeScratch.js";
import { retryBusy } from "../../src/host/retryBusy.js";
import { temporaryFolder } from "../support/layers/hosts.js";

const linux = process.platform === "linux";

// The call thread second: once it is there, all goes through it.
describe.each(["the pool", "the call thread"])("the node host, through %s", (way) => {
  let root: string;
  let layer: NodeScratchLayer;
  beforeEach(async () => {
    expect(way === "the pool" ? !callThread.ready : await callThread.start()).toBe(true);
    root = temporaryFolder("node");
    layer = new NodeScratchLayer(root);
  });
  afterEach(() => { fs.rmSync(root, { recursive: true, force: true }); });

  test.runIf(linux)("devices are listed and never opened", async () => {
    const devices = new NodeLowerLayer("/dev");
    expect((await devices.lstat("null")).type).toBe("character");
    expect((await devices.readDirectory("")).entries.find((e) => e.name === "null")?.type).toBe("character");
    await expect(devices.openRead("zero")).rejects.toMatchObject({ code: "EINVAL" });
    await expect(devices.readFile("zero")).rejects.toMatchObject({ code: "EINVAL" });
    await expect(new NodeScratchLayer("/dev").openWrite("null", {})).rejects.toMatchObject({ code: "EINVAL" });
  });

  test("four FIFOs at once leave the thread pool free", async () => {
    if (!linux) return;
    const { execFileSync } = await import("node:child_process");
    execFileSync("mkfifo", ["a", "b", "c", "d"].map((name) => join(root, name)));
    const opened = await Promise.allSettled(["a", "b", "c", "d"].map((name) => layer.openRead(name)));
    expect(opened.map((o) => o.status)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
    expect((await layer.lstat("a")).type).toBe("fifo");
  });

  test("a file that no buffer can hold is EFBIG before anything is read, and can be read in parts", async () => {
    fs.writeFileSync(join(root, "big"), "");
    fs.truncateSync(join(root, "big"), 2 ** 31 + 10);
    await expect(layer.readFile("big")).rejects.toMatchObject({ code: "EFBIG", call: "read" });
    const handle = await layer.openRead("big");
    expect(await handle.read(new Uint8Array(100), 2 ** 31)).toBe(10);
    await handle.close();
  });

  test.runIf(linux)("what says it is empty and is not is read to its end", async () => {
    const read = await new NodeLowerLayer("/proc").readFile("self/status");
    expect(new TextDecoder().decode(read)).toContain("Pid:");
  });

  test("a file that grows or shrinks while it is read is one of its states, never padded", async () => {
    const path = join(root, "f");
    fs.writeFileSync(path, "a".repeat(100_000));
    for (let i = 0; i < 60; i++) {
      const reading = layer.readFile("f");
      if (i % 2 === 0) fs.truncateSync(path, 10);
      else fs.writeFileSync(path, "a".repeat(100_000));
      const read = await reading;
      expect(read.every((byte) => byte === 97)).toBe(true);
    }
  });

  test.runIf(linux)("EPERM of a filesystem without hard links is ENOTSUP", async () => {
    await expect(new NodeScratchLayer("/dev/pts").link("ptmx", "x")).rejects.toMatchObject({ code: "ENOTSUP", call: "link" });
  });

  test("an errno outside the closed set is EIO, and the cause is kept", () => {
    const cause = Object.assign(new Error("x"), { code: "EUCLEAN" });
    const fault = nodeFault(cause, "open", "/p");
    expect(fault).toMatchObject({ code: "EIO", call: "open", physicalPath: "/p", cause });
    for (const [errno, code] of [["EDQUOT", "ENOSPC"], ["ENOSPC", "ENOSPC"], ["ENFILE", "EMFILE"], ["EOPNOTSUPP", "ENOTSUP"]]) {
      expect(nodeFault(Object.assign(new Error("x"), { code: errnoText(errno) }), "open", "/p").code).toBe(code);
    }
  });

  test("chmod where there is no /proc: through a descriptor, and never to a symlink's target", async () => {
    fs.writeFileSync(join(root, "f"), "");
    fs.symlinkSync("f", join(root, "link"));
    await chmodChecked(join(root, "f"), 0o604);
    expect((await layer.lstat("f")).mode).toBe(0o604);
    await expect(chmodChecked(join(root, "link"), 0o777)).rejects.toMatchObject({ code: "ENOTSUP" });
    fs.mkdirSync(join(root, "d"));
    await chmodChecked(join(root, "d"), 0o700);
    expect((await layer.lstat("d")).mode).toBe(0o700);
    expect((await layer.lstat("f")).mode).toBe(0o604);
  });

  test("a failed clone leaves nothing, and a pair of devices is asked once", async () => {
    fs.writeFileSync(join(root, "f"), "content");
    const source = await layer.openRead("f");
    const works = await layer.cloneFrom(source, "g", 0o640);
    if (works) {
      expect(fs.readFileSync(join(root, "g"), "utf8")).toBe("content");
      await expect(layer.cloneFrom(source, "g", 0o640)).rejects.toMatchObject({ code: "EEXIST" });
    } else {
      expect(fs.readdirSync(root)).toEqual(["f"]);
      // A taken name would be EEXIST of the system; it is not asked any more.
      expect(await layer.cloneFrom(source, "f", 0o640)).toBe(false);
    }
    await source.close();
  });

  test("what Windows refuses for a moment is tried again, then the refusal stands", async () => {
    const pauses: number[] = [];
    let failures = 3;
    const attempt = async (): Promise<string> => {
      if (failures-- > 0) throw new LayerError("EBUSY", "rename", "p");
      return "done";
    };
    const pause = async (ms: number): Promise<void> => { pauses.push(ms); };
    expect(await retryBusy(attempt, pause)).toBe("done");
    expect(pauses).toHaveLength(3);
    failures = Infinity;
    await expect(retryBusy(attempt, pause)).rejects.toMatchObject({ code: "EBUSY" });
    await expect(retryBusy(async () => { throw new LayerError("ENOENT", "rename", "p"); }, () => { throw new Error("paused"); })).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("ids: plain, unique, in the order of making", () => {
    const [one, two] = [new NodeEnv(), new NodeEnv()];
    const ids = Array.from({ length: 5000 }, () => one.id());
    expect([...ids].sort()).toEqual(ids);
    const all = [...ids, ...Array.from({ length: 5000 }, () => two.id())];
    expect(new Set(all).size).toBe(all.length);
    for (const id of all.slice(0, 100)) expect(id).toMatch(/^[a-z0-9]{20,64}$/);
  });

  test("sleep ends at once when cancelled, before or during", async () => {
    const env = new NodeEnv();
    await env.sleep(60_000, AbortSignal.abort());
    const cancel = new AbortController();
    const sleeping = env.sleep(60_000, cancel.signal);
    cancel.abort();
    await sleeping;
    await env.sleep(1);
    expect(() => env.decode(new Uint8Array([0xff]))).toThrow(TypeError);
    expect(env.decode(env.encode("\uFEFFä"))).toBe("\uFEFFä");
  });
});

function errnoText(errno: string | undefined): string {
  return errno ?? "";
}
