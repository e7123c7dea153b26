/** INV-2: the disk has not what the tree has, because another operation is at it, or because someone changed the upper by hand. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { gate } from "../support/layers/hooks.js";
import { codeOf, World } from "../support/world.js";

const scratch = { "upper/n": "N", "upper/d/m": "M" };

const operations: Record<string, { run: (overlay: Overlay) => Promise<unknown>; after: string }> = {
  "whole-file write": { run: (o) => o.writeFile("/n", "new"), after: "ok" },
  "append": { run: (o) => o.append("/n", "+"), after: "ok" },
  "open for reading": { run: async (o) => (await o.open("/n")).close(), after: "ENOENT" },
  "stat": { run: (o) => o.stat("/n"), after: "ENOENT" },
  "readFile": { run: (o) => o.readFile("/n"), after: "ENOENT" },
  "copy": { run: (o) => o.copy("/n", "/c"), after: "ENOENT" },
  "truncate": { run: (o) => o.truncate("/n", 0), after: "ENOENT" },
  "chmod": { run: (o) => o.chmod("/n", 0o600), after: "ENOENT" },
};

describe("a file that was taken out of upper by hand: believed after a look, never asked for without end", () => {
  test.each(["whole-file write", "open for reading", "stat", "readFile", "copy"])("%s", async (title) => {
    const world = await World.create({ scratch });
    await world.overlay.stat("/n");
    world.disk.unlink("/scratch/upper/n");
    expect(await codeOf(operations[title]?.run(world.overlay) ?? Promise.resolve())).toBe(operations[title]?.after);
  });
});

describe("a file that an unlink has taken from the disk and not yet from the tree", () => {
  test.each(Object.keys(operations))("%s waits for it", async (title) => {
    let calls = 0;
    const unlinked = gate((call) => call.name === "utimes");
    const world = await World.create({
      base: { "d/m": "m" }, scratch,
      hook: async (call, run) => {
        calls++;
        const result = await run();
        // The answer of the unlink is held.
        if (call.name === "unlink" && call.path === "upper/n") await unlinked.hook({ ...call, name: "utimes" }, () => Promise.resolve());
        return result;
      },
    });
    await world.overlay.stat("/n");
    const unlink = world.overlay.unlink("/n");
    await unlinked.reached;
    calls = 0;
    const result = codeOf(operations[title]?.run(world.overlay) ?? Promise.resolve());
    for (let i = 0; i < 300; i++) await Promise.resolve();
    expect(calls, "a handful of looks, then it waits").toBeLessThan(20);
    unlinked.open();
    await unlink;
    expect(await result).toBe(operations[title]?.after);
    expect(world.work()).toEqual([]);
  });
});

describe("copy of a folder in which a file is deleted meanwhile", () => {
  test("it is copied without that file", async () => {
    const held = gate((call) => call.name === "openRead" && call.path === "upper/d/m");
    const world = await World.create({ base: { "d/k": "K" }, scratch, hook: held.hook });
    const copy = world.overlay.copy("/d", "/c");
    await held.reached;
    await world.overlay.unlink("/d/m");
    held.open();
    await copy;
    expect(await world.merged()).toEqual({ "/c/": "", "/c/k": "K", "/d/": "", "/d/k": "K", "/n": "N" });
    expect(world.work()).toEqual([]);
  });
});
