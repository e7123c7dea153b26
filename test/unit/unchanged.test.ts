/** Copies that are what the base has again: found by type, mode and content, the cheap questions first. */
import { describe, expect, test } from "vitest";
import { codeOf, type PlantedTree, World } from "../support/world.js";

const long = "x".repeat(300_000);
const base: PlantedTree = { "a": "same", "d/b": long, "l": { symlink: "a" }, "t": "type" };

describe("isUnchangedCopy", () => {
  test("a copy is unchanged until it is written, and again when it is written back", async () => {
    const { overlay } = await World.create({ base });
    await overlay.copyUp("/a");
    await overlay.copyUp("/d/b");
    expect([await overlay.isUnchangedCopy("/a"), await overlay.isUnchangedCopy("/d/b")]).toEqual([true, true]);
    await overlay.writeFile("/a", "SAME");
    expect(await overlay.isUnchangedCopy("/a")).toBe(false);
    await overlay.writeFile("/a", "same");
    expect(await overlay.isUnchangedCopy("/a")).toBe(true);
  });

  test("the last byte of a large file counts, and so does its mode", async () => {
    const { overlay } = await World.create({ base });
    await overlay.writeFile("/d/b", `${long.slice(1)}y`);
    expect(await overlay.isUnchangedCopy("/d/b")).toBe(false);
    await overlay.writeFile("/d/b", long);
    expect(await overlay.isUnchangedCopy("/d/b")).toBe(true);
    await overlay.chmod("/d/b", 0o600);
    expect(await overlay.isUnchangedCopy("/d/b")).toBe(false);
  });

  test("nothing is read where the sizes differ, nor where there is no copy", async () => {
    const opened: string[] = [];
    const { overlay } = await World.create({ base, scratch: { "upper/a": "longer", "upper/n": "same" }, hook: (call, run) => { if (call.name === "openRead") opened.push(call.path); return run(); } });
    for (const path of ["/a", "/n", "/d", "/d/b", "/none", "/a/b"]) expect(await overlay.isUnchangedCopy(path), path).toBe(false);
    expect(opened).toEqual([]);
  });

  test("what another entry took the place of is no copy", async () => {
    const { overlay } = await World.create({ base });
    await overlay.rename("/a", "/moved");
    await overlay.unlink("/t");
    await overlay.createDirectory("/t");
    expect([await overlay.isUnchangedCopy("/moved"), await overlay.isUnchangedCopy("/a"), await overlay.isUnchangedCopy("/t")]).toEqual([false, false, false]);
  });

  test("a link is unchanged when it leads to the same place", async () => {
    const same = await World.create({ base, scratch: { "upper/l": { symlink: "a" } } });
    expect(await same.overlay.isUnchangedCopy("/l")).toBe(true);
    const other = await World.create({ base, scratch: { "upper/l": { symlink: "t" } } });
    expect(await other.overlay.isUnchangedCopy("/l")).toBe(false);
  });

  test("cancelling ends it", async () => {
    const { overlay } = await World.create({ base });
    await overlay.copyUp("/d/b");
    const signal = AbortSignal.abort();
    expect(await codeOf(overlay.isUnchangedCopy("/d/b", { signal }))).toBe("ECANCELED");
  });
});
