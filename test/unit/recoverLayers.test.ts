/** INV-8 Opening where there is no upper: which layer takes its place; and which joined layers nobody has listed. */
import { describe, expect, test } from "vitest";
import type { LayerState } from "../../src/engine/layer.js";
import { noLayers } from "../../src/engine/layers.js";
import { BaseDirectory, LowerMemory } from "../../src/engine/lowerView.js";
import { rootPath } from "../../src/engine/paths.js";
import { joinedInVain, recover } from "../../src/engine/recover.js";
import { Workdir } from "../../src/engine/workdir.js";
import { MemoryDisk } from "../../src/host/memoryDisk.js";
import { MemoryLowerLayer, MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { dump, plant, type PlantedTree } from "../../src/host/memoryTree.js";
import { failing } from "../support/layers/hooks.js";
import { interceptedScratch } from "../support/layers/intercept.js";
import { codeOf, passThrough, testEnv } from "../support/world.js";

function scratch(tree: PlantedTree, fail = passThrough) {
  const disk = new MemoryDisk();
  plant(disk, "/", { "base/": null, "scratch/": null });
  plant(disk, "/scratch", { "work/": null, "trash/": null, ...tree });
  return { disk, layer: interceptedScratch(new MemoryScratchLayer(disk, "/scratch"), fail) };
}

async function opened(tree: PlantedTree, state: Partial<LayerState>, fail = passThrough): Promise<Record<string, string>> {
  const { disk, layer } = scratch(tree, fail);
  const env = testEnv();
  await recover(layer, new Workdir(layer, env, "data"), new BaseDirectory(new MemoryLowerLayer(disk, "/base"), "", rootPath, new LowerMemory(env)), { ...noLayers, ...state });
  return dump(disk, "/scratch/upper");
}

const layers = (...names: readonly string[]): PlantedTree => Object.fromEntries(names.map((name) => [`layers/${name}/a`, name]));

describe("a change of the layers that was not decided", () => {
  test.each<[string, PlantedTree, Partial<LayerState>, string | undefined]>([
    ["the one layer, with the number that comes next", layers("1"), {}, "1"],
    ["the highest of several", layers("1", "2", "3"), { next: 3 }, "3"],
    ["a number of more than one digit", layers("9", "12"), { next: 12 }, "12"],
    ["it comes before what the manifest names", layers("2", "7"), { next: 7, restore: "layers/2" }, "7"],
    ["none with a number that was not given out", layers("1", "2"), { next: 3 }, undefined],
    ["a file of that name is no layer", { "layers/5": "no folder" }, {}, undefined],
    ["nor what only begins with a number", layers("7x"), {}, undefined],
    ["nor one that is written otherwise", layers("07", "0"), {}, undefined],
    ["nor is one hidden by what only ends with a number", layers("3", "x7"), { next: 3 }, "3"],
    ["nor is the number of a file in its way", { ...layers("3"), "layers/8": "no folder" }, { next: 3 }, "3"],
    ["no layers at all", {}, {}, undefined],
  ])("%s", async (_, tree, state, from) => {
    expect(await opened(tree, state)).toEqual(from === undefined ? {} : { a: `file "${from}"` });
  });
});

describe("one that was decided: the manifest names the upper", () => {
  test.each<[string, PlantedTree, string | undefined]>([
    ["it is there", layers("2", "3"), "2"],
    ["it is not: an empty one", layers("3"), undefined],
    ["a file of that name is none", { ...layers("3"), "layers/2": "no folder" }, undefined],
  ])("%s", async (_, tree, from) => {
    expect(await opened(tree, { next: 5, restore: "layers/2" })).toEqual(from === undefined ? {} : { a: `file "${from}"` });
  });
});

test("the layers cannot be listed: told, and nothing is put in the upper's place", async () => {
  const { disk, layer } = scratch(layers("1"), failing((call) => call.name === "readDirectory" && call.path === "layers", "EIO"));
  const env = testEnv();
  const base = new BaseDirectory(new MemoryLowerLayer(disk, "/base"), "", rootPath, new LowerMemory(env));
  expect(await codeOf(recover(layer, new Workdir(layer, env, "data"), base, noLayers))).toBe("EIO");
  expect(Object.keys(dump(disk, "/scratch"))).not.toContain("upper");
});

test("what was joined and is neither a snapshot nor among what was dropped was joined in vain", async () => {
  const record = (path: string) => ({ id: path, name: path, created: 0, path });
  const { layer } = scratch(layers("1", "j1", "j2", "j13", "xj4", "j4x", "j"));
  const state: LayerState = {
    ...noLayers, snapshots: [record("layers/j1")],
    dropped: [{ id: "d", when: 0, upper: "layers/1", snapshots: [record("layers/j2")] }],
  };
  expect(await joinedInVain(layer, state)).toEqual(["layers/j13"]);
  expect(await joinedInVain(scratch({}).layer, noLayers)).toEqual([]);
});

test("it is out of the way before anything is served, so that nothing joined later can be taken for it", async () => {
  const { disk, layer } = scratch(layers("j1", "j2"));
  const env = testEnv();
  const base = new BaseDirectory(new MemoryLowerLayer(disk, "/base"), "", rootPath, new LowerMemory(env));
  const state: LayerState = { ...noLayers, snapshots: [{ id: "s", name: "s", created: 0, path: "layers/j1" }] };
  const leftovers = await recover(layer, new Workdir(layer, env, "data"), base, state);
  expect(await joinedInVain(layer, state)).toEqual([]);
  expect(leftovers).toHaveLength(1);
  expect(Object.keys(dump(disk, "/scratch")).filter((path) => path.startsWith("layers/"))).toEqual(expect.arrayContaining(["layers/j1"]));
});
