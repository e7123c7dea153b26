/** A copy-up leaves the times of the folder that it publishes into; a real change, before or after, is seen in them. */
import { describe, expect, test } from "vitest";
import { compose, failing, gate, recorder } from "../support/layers/hooks.js";
import { onScratch } from "../support/faultCase.js";
import type { Hook } from "../support/layers/intercept.js";
import { codeOf, World } from "../support/world.js";

const base = { "d/x": "X", "d/y": "Y", "d/z": "Z" };
const mtime = async (world: World) => (await world.overlay.stat("/d")).mtimeMs;

describe("the folder's times", () => {
  test("many first writes at once: put back once, by the last", async () => {
    const seen = recorder();
    const held = gate(onScratch("link", "upper/d/x"));
    const world = await World.create({ base, hook: compose(seen.hook, held.hook) });
    await world.overlay.utimes("/d", 5, 6);
    seen.calls.length = 0;
    const copies = ["x", "y", "z"].map((name) => world.overlay.copyUp(`/d/${name}`));
    await held.reached;
    for (let i = 0; i < 300; i++) await Promise.resolve(); // the others are staged, and wait for the lock
    held.open();
    await Promise.all(copies);
    expect(seen.calls.filter((call) => call.path === "upper/d" && (call.name === "utimes" || call.name === "lstat")).map((call) => call.name)).toEqual(["lstat", "utimes"]);
    expect(await world.overlay.stat("/d")).toMatchObject({ mtimeMs: 6000, atimeMs: 5000 });
    // And again, from what they are now.
    await world.overlay.utimes("/d", 7, 8);
    await world.overlay.unlink("/d/x");
    const now = await mtime(world);
    expect(now).not.toBe(8000);
    await world.overlay.createDirectory("/d/n");
    expect(await mtime(world)).toBeGreaterThan(now);
  });

  test("two publish at the same time: one look at the times before either changes them", async () => {
    const seen = recorder();
    const held = gate(onScratch("lstat", "upper/d"));
    const world = await World.create({ base, hook: compose(seen.hook, held.hook) });
    held.open();
    await world.overlay.utimes("/d", 5, 6);
    const look = gate(onScratch("lstat", "upper/d"));
    const again = await World.open(world.disk, { hook: compose(seen.hook, look.hook) });
    seen.calls.length = 0;
    const copies = ["x", "y"].map((name) => again.overlay.copyUp(`/d/${name}`));
    await look.reached;
    for (let i = 0; i < 300; i++) await Promise.resolve();
    look.open();
    await Promise.all(copies);
    expect(seen.calls.filter(onScratch("lstat", "upper/d"))).toHaveLength(1);
    expect(await mtime(again)).toBe(6000);
  });

  test("one that comes while they are put back goes by the same, and puts them back again", async () => {
    const held = gate(onScratch("utimes", "upper/d"));
    const world = await World.create({ base, scratch: { "upper/d/": null }, hook: held.hook });
    const before = (await world.overlay.stat("/d")).mtimeMs;
    const first = world.overlay.copyUp("/d/x");
    await held.reached;
    const second = world.overlay.copyUp("/d/y");
    for (let i = 0; i < 300; i++) await Promise.resolve();
    expect(world.upper()).toMatchObject({ "d/y": 'file "Y"' }); // published beside the one that is held
    held.open();
    await Promise.all([first, second]);
    expect(await mtime(world)).toBe(before);
  });

  test("one that is in the middle when they have been put back puts them back again", async () => {
    const link = gate(onScratch("link", "upper/d/y"));
    let answer: () => void = () => undefined;
    let done: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => { answer = resolve; });
    const putBack = new Promise<void>((resolve) => { done = resolve; });
    let restores = 0;
    const late: Hook = async (call, run) => {
      const result = await run();
      if (onScratch("utimes", "upper/d")(call) && restores++ === 0) {
        done();
        await answered;
      }
      return result;
    };
    const world = await World.create({ base, scratch: { "upper/d/": null }, hook: compose(link.hook, late) });
    const before = (await world.overlay.stat("/d")).mtimeMs;
    const first = world.overlay.copyUp("/d/x");
    await putBack;
    const second = world.overlay.copyUp("/d/y");
    await link.reached;
    answer();
    await first;
    link.open();
    await second;
    expect(await mtime(world)).toBe(before);
  });

  test("what is kept is what the disk says by then", async () => {
    const world = await World.create({ base, scratch: { "upper/d/": null } });
    await world.overlay.copyUp("/d/x");
    world.disk.inode("/scratch/upper/d", "test").mtime = 9_000_000_000n;
    await world.overlay.copyUp("/d/y");
    expect(await mtime(world)).toBe(9000);
  });

  test("a folder that its owner may not write to: one by one, and its mode and times are as before", async () => {
    const seen = recorder();
    let links = 0;
    const held = gate((call) => call.name === "link" && links++ === 0);
    const world = await World.create({ base, scratch: { "upper/d": { directory: true, mode: 0o555 } }, disk: { uid: 1000 }, hook: compose(seen.hook, held.hook) });
    const before = await world.overlay.stat("/d");
    const copies = ["x", "y", "z"].map((name) => world.overlay.copyUp(`/d/${name}`));
    await held.reached;
    for (let i = 0; i < 300; i++) await Promise.resolve();
    expect([Object.keys(world.upper()), seen.count("link")]).toEqual([["d"], 1]);
    held.open();
    await Promise.all(copies);
    expect(await world.overlay.stat("/d")).toMatchObject({ mode: before.mode, mtimeMs: before.mtimeMs });
    expect(Object.keys(world.upper())).toEqual(["d", "d/x", "d/y", "d/z"]);
  });

  test("and then one that its owner may write to: put back once by many again", async () => {
    const seen = recorder();
    const held = gate(onScratch("link", "upper/d/y"));
    const tree = { ...base, "d/w": "W" };
    const world = await World.create({ base: tree, scratch: { "upper/d": { directory: true, mode: 0o555 } }, disk: { uid: 1000 }, hook: compose(seen.hook, held.hook) });
    await world.overlay.copyUp("/d/x");
    await world.overlay.chmod("/d", 0o755);
    seen.calls.length = 0;
    const copies = ["y", "z", "w"].map((name) => world.overlay.copyUp(`/d/${name}`));
    await held.reached;
    for (let i = 0; i < 300; i++) await Promise.resolve();
    held.open();
    await Promise.all(copies);
    expect(seen.calls.filter(onScratch("utimes", "upper/d"))).toHaveLength(1);
  });

  test("times that are set between two copies stay", async () => {
    const held = gate(onScratch("link", "upper/d/x"));
    const world = await World.create({ base, hook: held.hook });
    await world.overlay.utimes("/d", 5, 6);
    const first = world.overlay.copyUp("/d/x");
    await held.reached;
    const set = world.overlay.utimes("/d", 7, 8);
    for (let i = 0; i < 300; i++) await Promise.resolve();
    const second = world.overlay.copyUp("/d/y");
    for (let i = 0; i < 300; i++) await Promise.resolve();
    held.open();
    await Promise.all([first, set, second]);
    expect(await mtime(world)).toBe(8000);
  });

  test("one that fails, and one that is cancelled before its lock, do not keep the next from it", async () => {
    let fail = true;
    const world = await World.create({ base, hook: failing((call) => fail && onScratch("link", "upper/d/x")(call), "EIO") });
    await world.overlay.utimes("/d", 5, 6);
    expect(await codeOf(world.overlay.copyUp("/d/x"))).toBe("EIO");
    expect(await mtime(world)).toBe(6000);
    fail = false;
    await world.overlay.copyUp("/d/y");
    expect(await mtime(world)).toBe(6000);
    await world.overlay.writeFile("/d/n", "N");
    expect(await mtime(world)).not.toBe(6000);
  });

  test("a change that comes between two copies ends the keeping", async () => {
    const held = gate(onScratch("link", "upper/d/x"));
    const world = await World.create({ base, hook: held.hook });
    await world.overlay.utimes("/d", 5, 6);
    const first = world.overlay.copyUp("/d/x");
    await held.reached;
    const change = world.overlay.symlink("s", "/d/n");
    const second = world.overlay.copyUp("/d/y");
    for (let i = 0; i < 300; i++) await Promise.resolve();
    held.open();
    await Promise.all([first, change, second]);
    expect(await mtime(world)).not.toBe(6000);
  });

  test("a file of the lower is written over between two copies: that is no change of the folder either", async () => {
    const held = gate(onScratch("link", "upper/d/x"));
    const world = await World.create({ base, hook: held.hook });
    await world.overlay.utimes("/d", 5, 6);
    const first = world.overlay.copyUp("/d/x");
    await held.reached;
    const over = world.overlay.writeFile("/d/z", "new");
    for (let i = 0; i < 300; i++) await Promise.resolve();
    const second = world.overlay.copyUp("/d/y");
    for (let i = 0; i < 300; i++) await Promise.resolve();
    held.open();
    await Promise.all([first, over, second]);
    expect(await mtime(world)).toBe(6000);
  });

  test("they cannot be put back: logged, and the copy stands", async () => {
    const world = await World.create({ base, hook: failing(onScratch("utimes", "upper/d"), "EIO") });
    await world.overlay.copyUp("/d/x");
    expect(world.logged).toEqual([{ level: "warn", message: expect.stringMatching(/^the times of \/d could not be kept: .*EIO/) as string }]);
    expect(world.upper()).toEqual({ "d": "dir", "d/x": 'file "X"' });
  });

  test("a folder that has gone is left alone", async () => {
    const staged = gate((call) => call.name === "handle.sync");
    const seen = recorder();
    const world = await World.create({ base, hook: compose(seen.hook, staged.hook) });
    await world.overlay.chmod("/d", 0o755);
    const copy = codeOf(world.overlay.copyUp("/d/x"));
    await staged.reached;
    await world.overlay.remove("/d", { recursive: true });
    seen.calls.length = 0;
    staged.open();
    expect(await copy).toBe("ENOENT");
    expect(seen.count("utimes")).toBe(0);
    expect(world.logged).toEqual([]);
  });
});
