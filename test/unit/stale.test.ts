/** Whether the base is still what it was when a change was made: of each kind, over renames, restarts and hashes. */
import { describe, expect, test } from "vitest";
import { MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import type { Hook } from "../support/layers/intercept.js";
import { type PlantedTree, World, type WorldOptions } from "../support/world.js";

const base: PlantedTree = { a: "A", b: "B", "d/x": "X", "d/y": "Y", "e/z": "Z", l: { symlink: "a" } };

/** A clock of whole seconds, so that what is done later has another time. */
function clock(): () => bigint {
  let now = 1_700_000_000n;
  return () => (now += 1n) * 1_000_000_000n;
}

const make = (options: WorldOptions = {}) => World.create({ base, disk: { clock: clock() }, ...options });

/** What somebody else does in the base, which the engine then hears of. */
class Others {
  private readonly layer;
  constructor(private readonly world: World) {
    this.layer = new MemoryScratchLayer(world.disk, "/base");
  }
  async write(path: string, text: string): Promise<void> {
    await this.layer.unlink(path).catch(() => undefined);
    const file = await this.layer.create(path, 0o644);
    await file.write(new TextEncoder().encode(text), 0);
    await file.close();
    await this.world.overlay.baseChanged([{ type: "changed", path: `/${path}` }]);
  }
  async remove(path: string): Promise<void> {
    await this.layer.unlink(path);
    await this.world.overlay.baseChanged([{ type: "deleted", path: `/${path}` }]);
  }
  async touch(path: string): Promise<void> {
    await this.layer.utimes(path, 1_800_000_000_000, 1_800_000_000_000);
    await this.world.overlay.baseChanged([{ type: "changed", path: `/${path}` }]);
  }
}

async function all(world: World): Promise<string[]> {
  const changes = await world.overlay.changes();
  for (const change of changes) expect(await world.overlay.changeOf(change.path)).toEqual(change);
  return changes.map(({ kind, path, stale }) => `${kind} ${path}${stale === true ? " stale" : ""}`);
}

/** What is done in the overlay, what others then do, and what is stale before and after. */
const kinds: readonly [title: string, mine: (world: World) => Promise<void>, theirs: (others: Others) => Promise<void>, after: readonly string[]][] = [
  ["a copied file, other content", ({ overlay }) => overlay.append("/a", "+"), (o) => o.write("a", "A2"), ["copied /a stale"]],
  ["a copied file, same size", ({ overlay }) => overlay.append("/a", "+"), (o) => o.write("a", "Q"), ["copied /a stale"]],
  ["a file written whole", ({ overlay }) => overlay.writeFile("/a", "mine"), (o) => o.write("a", "A2"), ["copied /a stale"]],
  ["a copied file, gone", ({ overlay }) => overlay.append("/a", "+"), (o) => o.remove("a"), ["added /a stale"]],
  ["a deleted file", ({ overlay }) => overlay.unlink("/a"), (o) => o.write("a", "A2"), ["deleted /a stale"]],
  ["a deleted file, in the trash", async ({ overlay }) => { await overlay.append("/a", "+"); await overlay.remove("/a"); }, (o) => o.write("a", "A2"), ["deleted /a stale"]],
  ["a deleted file, gone: both have come to the same", ({ overlay }) => overlay.unlink("/a"), (o) => o.remove("a"), []],
  ["a deleted folder that has another entry", ({ overlay }) => overlay.remove("/d", { recursive: true }), (o) => o.write("d/new", "N"), ["deleted /d stale"]],
  ["a renamed file, at both of its names", ({ overlay }) => overlay.rename("/a", "/c"), (o) => o.write("a", "A2"), ["deleted /a stale", "renamed /c stale"]],
  ["a renamed file, gone", ({ overlay }) => overlay.rename("/a", "/c"), (o) => o.remove("a"), ["renamed /c stale"]],
  ["a renamed file in a renamed folder", async ({ overlay }) => { await overlay.rename("/a", "/d/c"); await overlay.rename("/d", "/q"); }, (o) => o.write("a", "A2"), ["deleted /a stale", "deleted /d", "renamed /q", "renamed /q/c stale"]],
  ["a copy in a renamed folder", async ({ overlay }) => { await overlay.append("/d/x", "+"); await overlay.rename("/d", "/q"); }, (o) => o.write("d/x", "X2"), ["deleted /d", "renamed /q", "copied /q/x stale"]],
  ["a deletion in a renamed folder", async ({ overlay }) => { await overlay.rename("/d", "/q"); await overlay.unlink("/q/x"); }, (o) => o.write("d/x", "X2"), ["deleted /d", "renamed /q", "deleted /q/x stale"]],
  ["a file replaced by a folder", async ({ overlay }) => { await overlay.unlink("/a"); await overlay.createDirectory("/a"); }, (o) => o.write("a", "A2"), ["replaced /a stale"]],
  ["a file replaced by a symlink", async ({ overlay }) => { await overlay.unlink("/a"); await overlay.symlink("b", "/a"); }, (o) => o.write("a", "A2"), ["replaced /a stale"]],
  ["a file made again after it was deleted", async ({ overlay }) => { await overlay.unlink("/a"); await overlay.writeFile("/a", "new"); }, (o) => o.write("a", "A2"), ["copied /a stale"]],
  ["a file that another one was renamed over", async ({ overlay }) => { await overlay.writeFile("/n", "new"); await overlay.rename("/n", "/a"); }, (o) => o.write("a", "A2"), ["copied /a stale"]],
  ["an added file whose name the base has gained", ({ overlay }) => overlay.writeFile("/n", "new"), (o) => o.write("n", "N"), ["copied /n stale"]],
  ["an added symlink whose name the base has gained", ({ overlay }) => overlay.symlink("a", "/n"), (o) => o.write("n", "N"), ["replaced /n stale"]],
  ["an added file that was renamed", async ({ overlay }) => { await overlay.writeFile("/n", "new"); await overlay.rename("/n", "/m"); }, (o) => o.write("m", "M"), ["copied /m stale"]],
  ["a folder that a copy replaced", async ({ overlay }) => { await overlay.createDirectory("/s"); await overlay.copy("/s", "/d", { overwrite: true }); }, (o) => o.write("d/new", "N"), ["replaced /d stale", "added /s"]],
  ["a copied symlink", async ({ overlay }) => { await overlay.rename("/l", "/m"); await overlay.rename("/m", "/l"); }, (o) => o.write("l", "now a file"), ["replaced /l stale"]],
];

describe("a change is stale once the base's entry is not what it was", () => {
  test.each(kinds)("%s", async (_title, mine, theirs, after) => {
    const world = await make();
    await mine(world);
    expect((await all(world)).filter((line) => line.endsWith("stale"))).toEqual([]);
    await theirs(new Others(world));
    expect(await all(world)).toEqual(after);
    await world.overlay.dispose();
    expect(await all(await world.reopened())).toEqual(after);
  });

  test.each(kinds)("and no more once it is adopted: %s", async (_title, mine, theirs, after) => {
    const world = await make();
    await mine(world);
    await theirs(new Others(world));
    const told: string[] = [];
    world.overlay.onDidChangeStaleness((paths) => told.push(...paths));
    for (const { path, stale } of await world.overlay.changes()) if (stale === true) await world.overlay.adoptOrigin(path);
    expect((await all(world)).filter((line) => line.endsWith("stale"))).toEqual([]);
    for (const line of after) if (line.endsWith(" stale")) expect(told).toContain(line.split(" ")[1]);
    await world.overlay.dispose();
    expect((await all(await world.reopened())).filter((line) => line.endsWith("stale"))).toEqual([]);
  });
});

test("a rename that is adopted is so at both of its names", async () => {
  const world = await make();
  await world.overlay.rename("/a", "/c");
  await new Others(world).write("a", "A2");
  await world.overlay.adoptOrigin("/c");
  expect(await all(world)).toEqual(["deleted /a", "renamed /c"]);
});

test("what was stale when it was deleted stays so", async () => {
  const world = await make();
  await world.overlay.append("/a", "+");
  await new Others(world).write("a", "A2");
  await world.overlay.unlink("/a");
  expect(await all(world)).toEqual(["deleted /a stale"]);
});

test("a reset takes the base, and what is changed next is fresh", async () => {
  const world = await make();
  const others = new Others(world);
  for (const change of [() => world.overlay.unlink("/a"), () => world.overlay.append("/a", "+"), () => world.overlay.unlink("/a")]) {
    await change();
    await others.write("a", `A${String(Math.random())}`);
    expect(await all(world)).toEqual([expect.stringContaining("stale")]);
    await world.overlay.reset("/a");
    expect(await all(world)).toEqual([]);
  }
  await world.overlay.unlink("/a");
  expect(await all(world)).toEqual(["deleted /a"]);
});

describe("the hash of the content", () => {
  test("unknown: another time alone makes it stale", async () => {
    const world = await make();
    await world.overlay.append("/a", "+");
    await new Others(world).touch("a");
    expect(await all(world)).toEqual(["copied /a stale"]);
  });

  test.each([["copied", "append"], ["deleted", "unlink"]] as const)("known of a %s file: another time alone does not, other content does, also in another process", async (kind, how) => {
    const world = await make();
    await (how === "append" ? world.overlay.append("/a", "+") : world.overlay.unlink("/a"));
    await world.idle();
    await new Others(world).touch("a");
    expect(await all(world)).toEqual([`${kind} /a`]);
    await world.overlay.dispose();
    const again = await world.reopened();
    expect(await all(again)).toEqual([`${kind} /a`]);
    await new Others(again).write("a", "Q");
    expect(await all(again)).toEqual([`${kind} /a stale`]);
  });

  test("is taken when nothing goes on, not before, and never of a file that has moved meanwhile", async () => {
    const reads: string[] = [];
    const hook: Hook = (call, run) => {
      if (call.layer === "base" && call.name === "openRead") reads.push(call.path);
      return run();
    };
    const world = await make({ hook });
    await world.overlay.unlink("/a");
    await world.overlay.unlink("/b");
    await new Others(world).write("a", "Q");
    expect(reads).toEqual([]);
    await world.idle();
    expect(reads).toEqual(["b"]);
    await new Others(world).touch("a");
    expect(await all(world)).toEqual(["deleted /a stale", "deleted /b"]);
  });

  test("does not hold up the end of the overlay", async () => {
    const world = await make();
    await world.overlay.append("/a", "+");
    await world.overlay.dispose();
  });
});

test("events of merged do not speak of it, and who asks is told", async () => {
  const world = await make();
  await world.overlay.append("/d/x", "+");
  await world.overlay.rename("/d/x", "/m");
  await Promise.resolve();
  world.events.length = 0;
  const told: string[] = [];
  world.overlay.onDidChangeStaleness((paths) => told.push(...paths));
  await new Others(world).write("d/x", "X2");
  expect([world.events, told.sort()]).toEqual([[], ["/d/x", "/m"]]);
});

test("a record that is lost costs itself alone: nothing is stale for want of it", async () => {
  const world = await make();
  await world.overlay.append("/a", "+");
  await world.overlay.unlink("/b");
  await world.overlay.dispose();
  const scratch = new MemoryScratchLayer(world.disk, "/scratch");
  await scratch.unlink("origins");
  const again = await world.reopened();
  await new Others(again).write("a", "A2");
  expect(await all(again)).toEqual(["copied /a", "deleted /b"]);
});
