/** The journal of the trash: a line may come at any moment of the writing of another one. */
import { expect, test } from "vitest";
import { Layers } from "../../src/engine/layers.js";
import { BaseDirectory, LowerMemory } from "../../src/engine/lowerView.js";
import { parseOverlayPath, rootPath } from "../../src/engine/paths.js";
import { Trash } from "../../src/engine/trash.js";
import { Workdir } from "../../src/engine/workdir.js";
import { MemoryDisk } from "../../src/host/memoryDisk.js";
import { MemoryLowerLayer, MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { MemoryManifest } from "../../src/host/memoryManifest.js";
import { plant } from "../../src/host/memoryTree.js";
import { testEnv } from "../support/world.js";

test("each is written, and before the end", async () => {
  for (let turns = 0; turns < 40; turns++) {
    const disk = new MemoryDisk();
    plant(disk, "/", { "scratch/work/": null, "scratch/trash/": null, "base/": null });
    const scratch = new MemoryScratchLayer(disk, "/scratch");
    const env = testEnv();
    const memory = new LowerMemory(env);
    const layers = new Layers(new MemoryManifest(scratch), scratch, new BaseDirectory(new MemoryLowerLayer(disk, "/base"), "", rootPath, memory), memory, (name) => name);
    const opened = (): Trash => new Trash(scratch, new Workdir(scratch, env, "data"), env, layers);
    const trash = opened();
    const first = trash.noteWhiteout({ path: parseOverlayPath("/a"), what: "reset" });
    for (let i = 0; i < turns; i++) await Promise.resolve();
    await Promise.all([first, trash.noteWhiteout({ path: parseOverlayPath("/b"), what: "reset" })]);
    await trash.close();
    expect((await opened().list()).map(({ record }) => record?.path).sort(), String(turns)).toEqual(["/a", "/b"]);
  }
});
