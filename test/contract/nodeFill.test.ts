/** Large files by way of the system: what it copies is exact, what it does not is left to the caller, it can be stopped. */
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openOverlay } from "../../src/host/index.js";
import { copyThrough } from "../../src/host/nodeFill.js";
import { NodeScratchLayer } from "../../src/host/nodeScratch.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { codeOf } from "../support/world.js";

const mib = 1 << 20;
const size = 80 * mib + 123;
const here = process.platform === "linux" && existsSync("/bin/cat");

/** No two pages alike, none of zeros. */
function pattern(length: number): Uint8Array {
  const numbers = new Uint32Array(Math.ceil(length / 4));
  for (let i = 0; i < numbers.length; i++) numbers[i] = (i * 2_654_435_761) >>> 0 || 1;
  return new Uint8Array(numbers.buffer, 0, length);
}

describe.skipIf(!here)("a large file", () => {
  const folder = temporaryFolder("fill");
  const base = join(folder, "base");
  const data = pattern(size);
  beforeAll(() => {
    mkdirSync(base);
    writeFileSync(join(base, "big"), data);
  });
  afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

  const layers = () => ({ source: new NodeScratchLayer(base), scratch: new NodeScratchLayer(folder) });

  test("all of it, whatever has been read of the source before", async () => {
    const { source, scratch } = layers();
    const [from, to] = [await source.openRead("big"), await scratch.create("all", 0o600)];
    await from.read(new Uint8Array(10), 500);
    expect(await to.fillFrom?.(from, {})).toBe(size);
    await Promise.all([from.close(), to.close()]);
    expect(Buffer.compare(await scratch.readFile("all"), data)).toBe(0);
  });

  test("a file with holes, and one that is nothing to us, are left to the caller", async () => {
    const { source, scratch } = layers();
    const holes = await open(join(base, "holes"), "w");
    await holes.truncate(size);
    await holes.write("end", size - 3);
    await holes.close();
    const [from, to] = [await source.openRead("holes"), await scratch.create("none", 0o600)];
    expect(await to.fillFrom?.(from, {})).toBe(0);
    expect(await to.fillFrom?.({ stat: () => from.stat(), fingerprint: () => from.fingerprint(), read: (b, p) => from.read(b, p), close: () => from.close() }, {})).toBe(0);
    await Promise.all([from.close(), to.close()]);
  });

  test.each(["/no/such/program", "/no\0program"])("%j cannot be started: nothing is done, and the caller does it", async (program) => {
    const [from, to] = [await open(join(base, "big"), "r"), await open(join(folder, "to"), "w+")];
    expect(await copyThrough(from.fd, to.fd, {}, program)).toBe(0);
    await Promise.all([from.close(), to.close()]);
  });

  test("stopped by the signal, with a prefix left or nothing", async () => {
    const { source, scratch } = layers();
    const [from, to] = [await source.openRead("big"), await scratch.create("part", 0o600)];
    const cancel = new AbortController();
    const filling = to.fillFrom?.(from, { signal: cancel.signal });
    cancel.abort();
    const got = (await filling) ?? -1;
    expect(got).toBe((await to.stat()).size);
    expect(Buffer.compare(await scratch.readFile("part"), data.subarray(0, got))).toBe(0);
    expect(await to.fillFrom?.(from, { signal: AbortSignal.abort() })).toBe(0);
    await Promise.all([from.close(), to.close()]);
  });

  test("a copy-up that goes this way: exact, with progress to the end, cancelled without a rest", async () => {
    const overlay = await openOverlay({ base, scratch: join(folder, "scratch") });
    const cancel = new AbortController();
    const cancelled = codeOf(overlay.copyUp("/big", { signal: cancel.signal }));
    setImmediate(() => { cancel.abort(); });
    expect(["ECANCELED", "ok"]).toContain(await cancelled);
    await overlay.reset();
    expect(existsSync(join(folder, "scratch", "upper", "big"))).toBe(false);
    const told: [number, number][] = [];
    await overlay.copyUp("/big", { onProgress: (done, all) => told.push([done, all]) });
    expect(told.at(-1)).toEqual([size, size]);
    expect(Buffer.compare(await overlay.readFile("/big"), data)).toBe(0);
    expect(statSync(join(base, "big")).size).toBe(size);
    await overlay.dispose();
  });
});
