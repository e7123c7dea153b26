/**
 * Where what the layers have on the disk is seen in merged: walks of the layers, put through it, are a walk of merged.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LayerPlace, Overlay } from "../../src/engine/index.js";
import { dump } from "../../src/host/memoryTree.js";
import { codeOf, type PlantedTree, World, type WorldOptions } from "../support/world.js";

function rootOf(layer: LayerPlace): string {
  switch (layer.kind) {
    case "base": return "/base";
    case "whole": return layer.path;
    case "lower": return `/lower${String(layer.index)}`;
    default: return `/scratch/${layer.path}`;
  }
}

function isFolder({ disk }: World, path: string): boolean {
  try {
    return disk.inode(path, "test").body.kind === "directory";
  } catch {
    return false;
  }
}

/** Everything but directories as the layers have it, put through whereabouts; a path that is shown twice is said twice. */
async function byLayers(world: World, folder = "/"): Promise<string[]> {
  const shown: string[] = [];
  const own: string[] = [];
  const all = await world.overlay.whereabouts(folder);
  const { areas } = all;
  for (const area of areas) {
    const root = `${rootOf(area.layer)}${area.from === "" ? "" : `/${area.from}`}`;
    if (!isFolder(world, root)) continue;
    for (const [path, what] of Object.entries(dump(world.disk, root))) {
      if (what === "dir" || what === "character" || path.endsWith("?")) continue;
      const slash = path.lastIndexOf("/");
      const directory = area.directory(slash < 0 ? "" : path.slice(0, slash));
      const name = path.slice(slash + 1);
      const isShown = directory?.shows(name) ?? false;
      if (isShown) shown.push(`${directory?.path === "/" ? "" : directory?.path ?? ""}/${name} ${what}`);
      const isHidden = area.hidden.some((one) => path === one || path.startsWith(`${one}/`));
      if (isShown && area.layer.kind !== "base" && what.startsWith("file")) own.push(`${directory?.path === "/" ? "" : directory?.path ?? ""}/${name}`);
      expect(isShown && isHidden, `${path} of ${rootOf(area.layer)} is shown, and said to be hidden`).toBe(false);
    }
  }
  expect([...all.ownFiles()].sort()).toEqual(own.sort());
  return shown.sort();
}

async function byMerged(overlay: Overlay, folder = "/"): Promise<string[]> {
  const shown: string[] = [];
  for (const { name, type } of await overlay.readDirectory(folder)) {
    const path = `${folder === "/" ? "" : folder}/${name}`;
    if (type === "directory") shown.push(...(await byMerged(overlay, path)));
    else if (type === "symlink") shown.push(`${path} symlink -> ${await overlay.readlink(path)}`);
    else shown.push(`${path} file ${JSON.stringify(new TextDecoder().decode(await overlay.readFile(path)))}`);
  }
  return shown.sort();
}

/** Every file says where it lies, so that no other one can stand for it. */
function tree(layer: string, ...entries: readonly string[]): PlantedTree {
  return Object.fromEntries(entries.map((entry) => {
    const [path = "", rest] = entry.split(" ");
    if (rest !== undefined) return [path, rest === "0/0" ? { special: "character", rdev: 0 } : rest];
    return [path, path.split("/").at(-1)?.startsWith(".wh.") === true ? "" : `${layer}:${path}`];
  }));
}

const base = tree("base", "a", "b", "d/a", "d/b", "d/e/a", "d/e/f/a", "e/a", "f/a", "f/d/a", "g/a", "h/a", ".wh.a", "d/.wh.b", "n/n/n/a");
const lowers = [
  tree("above", "a", "d/b/a", ".wh.e", ".wh.h", "i/.wh..wh..redirect /h", "i/.wh.a", "i/c", "k/.wh..wh..redirect /n", "k/n/.wh..wh..opq", "k/n/x"),
  tree("below", ".wh.a", "b", "c/a", "d/.wh.a", "d/e/.wh..wh..opq", "d/e/b", ".wh.f", "h/.wh..wh..redirect /f", "h/b", "g 0/0", "d/b", "d/.wh.b"),
];
const worlds: Readonly<Record<string, WorldOptions>> = {
  "one base": { base },
  "layers that rename what layers renamed": { base, lowers },
  "where case does not count": { base, lowers, disk: { caseSensitive: false }, overlay: { caseSensitive: false } },
};

const name = fc.constantFrom("a", "b", "d", "e", "f", "h", "i", "n", "A", "D");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`);
type Edit = readonly [what: "write" | "remove" | "mkdir" | "rename" | "copyUp" | "snapshot" | "reset" | "link", at: string, to: string];
const edits = fc.array(
  fc.tuple(fc.constantFrom<Edit[0]>("write", "remove", "mkdir", "rename", "rename", "rename", "copyUp", "snapshot", "reset", "link"), path, path),
  { maxLength: 25, size: "max" },
);

async function perform({ overlay }: World, [what, at, to]: Edit, index: number): Promise<void> {
  const act: Record<Edit[0], () => Promise<unknown>> = {
    write: () => overlay.writeFile(at, `upper ${String(index)}`),
    remove: () => overlay.remove(at, { recursive: true }),
    mkdir: () => overlay.createDirectory(at),
    rename: () => overlay.rename(at, to),
    copyUp: () => overlay.copyUp(at),
    snapshot: () => overlay.takeSnapshot(),
    reset: () => overlay.reset(at),
    link: () => overlay.symlink(to.slice(1), at),
  };
  await act[what]().catch((error: unknown) => {
    if (!(error instanceof Error && error.name === "OverlayError")) throw error;
  });
}

describe("walks of the layers, put through whereabouts, are a walk of merged", () => {
  for (const [title, options] of Object.entries(worlds)) {
    test(title, async () => {
      const untouched = await World.create(options);
      expect(await byLayers(untouched)).toEqual(await byMerged(untouched.overlay));
      await fc.assert(fc.asyncProperty(edits, path, async (all, folder) => {
        const world = await World.create(options);
        for (const [index, edit] of all.entries()) await perform(world, edit, index);
        expect(await byLayers(world)).toEqual(await byMerged(world.overlay));
        const found = await codeOf(world.overlay.readDirectory(folder));
        expect(await codeOf(world.overlay.whereabouts(folder))).toBe(found);
        if (found === "ok") {
          const { folder: real } = await world.overlay.whereabouts(folder);
          expect(await byLayers(world, folder)).toEqual(await byMerged(world.overlay, real));
        }
        const again = await world.reopened();
        expect(await byLayers(again)).toEqual(await byMerged(again.overlay));
      }), { numRuns: 150 });
    });
  }
});

describe("what whereabouts costs, and says", () => {
  test("nothing of the base is read but what the upper merges, and frozen layers once", async () => {
    const calls: string[] = [];
    const world = await World.create({ base, scratch: { "upper/d/x": "X" }, lowers, hook: (call, run) => { calls.push(`${call.name} ${call.path}`); return run(); } });
    await world.overlay.whereabouts();
    calls.length = 0;
    const { areas } = await world.overlay.whereabouts();
    for (const area of areas) area.directory("n/n/n")?.shows("a");
    expect(calls).toEqual([]);
  });

  test("a folder whose redirect is damaged hides what lies beneath it, and is told", async () => {
    const world = await World.create({ base, scratch: { "upper/d/.wh..wh..redirect": "" } });
    const { areas, faults } = await world.overlay.whereabouts();
    expect(faults.map((fault) => fault.path)).toEqual(["/d"]);
    expect(areas.at(-1)?.directory("d")).toBeUndefined();
  });

  test("where a name is mentioned", async () => {
    const world = await World.create({ base, lowers });
    await world.overlay.writeFile("/n/x", "");
    await world.overlay.unlink("/d/e/b");
    const whereabouts = await world.overlay.whereabouts();
    expect([...whereabouts.mentions(new Set(["x", "b"]))].sort()).toEqual(["/", "/d", "/d/e", "/i", "/k/n", "/n"]);
    expect(whereabouts.mentions(new Set(["nothing"]))).toEqual([]);
  });
});
