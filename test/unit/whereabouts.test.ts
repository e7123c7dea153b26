/**
 * Where what the layers have on the disk is seen in merged: walks of the layers, put through it, are a walk of merged.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LayerError, type LayerPlace, type Overlay } from "../../src/engine/index.js";
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
type Edit = readonly [what: "write" | "remove" | "mkdir" | "rename" | "copyUp" | "snapshot" | "squash" | "reset" | "reset all" | "undo" | "flatten" | "link", at: string, to: string];
const edits = fc.array(
  fc.tuple(fc.constantFrom<Edit[0]>("write", "remove", "mkdir", "rename", "rename", "rename", "copyUp", "snapshot", "squash", "reset", "reset all", "undo", "flatten", "link"), path, path),
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
    squash: async () => overlay.squash(),
    reset: () => overlay.reset(at),
    "reset all": () => overlay.reset(),
    undo: async () => overlay.bringBack((await overlay.dropped()).at(-1)?.id ?? ""),
    flatten: () => overlay.flatten(),
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
        for (const [index, edit] of all.entries()) {
          await world.overlay.whereabouts(); // of which nothing may be left after the edit
          await perform(world, edit, index);
          expect(await byLayers(world)).toEqual(await byMerged(world.overlay));
        }
        const found = await codeOf(world.overlay.readDirectory(folder));
        expect(await codeOf(world.overlay.whereabouts(folder))).toBe(found);
        if (found === "ok") {
          const { folder: real } = await world.overlay.whereabouts(folder);
          expect(real).not.toBe("/");
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

  test("it is found once for as long as nothing changes, but for what is remembered of the base's folders", async () => {
    const world = await World.create({ base, scratch: { "upper/.wh.a": "" } });
    await world.overlay.whereabouts(); // the upper is read
    const first = await world.overlay.whereabouts();
    const second = await world.overlay.whereabouts();
    expect(second.areas.at(-1)?.hidden).toEqual(["a"]);
    expect(second.areas.at(-1)?.hidden).toBe(first.areas.at(-1)?.hidden);
    expect(second.areas.at(-1)?.directory("d")).not.toBe(first.areas.at(-1)?.directory("d"));
  });

  test("what changes while it is found out is in the next one", async () => {
    let during: (() => Promise<void>) | undefined;
    const world = await World.create({
      base, scratch: { "upper/d/x": "", "upper/e/x": "" },
      hook: async (call, run) => {
        const done = await run();
        const act = call.name === "readDirectory" && call.path.endsWith("upper/e") ? during : undefined;
        during = undefined;
        await act?.();
        return done;
      },
    });
    await world.overlay.readDirectory("/d");
    during = () => world.overlay.unlink("/d/x");
    await world.overlay.whereabouts();
    expect(during).toBeUndefined();
    expect([...(await world.overlay.whereabouts()).ownFiles()]).toEqual(["/e/x"]);
  });

  test("snapshots that became one", async () => {
    const world = await World.create({ base });
    for (const name of ["/d/x", "/d/y"]) {
      await world.overlay.writeFile(name, name);
      await world.overlay.takeSnapshot();
    }
    await world.overlay.whereabouts();
    await world.overlay.whereabouts();
    await world.overlay.squash();
    expect(await byLayers(world)).toEqual(await byMerged(world.overlay));
  });

  test("what a failed step left on the disk, at each of its calls", async () => {
    for (const act of ["writeFile", "unlink", "rename", "remove"] as const) {
      for (let at = 0, reached = true; reached; at++) {
        let left = Infinity;
        const world = await World.create({
          base, scratch: { "upper/d/x": "", "upper/e/y": "" },
          hook: async (call, run) => {
            const done = await run();
            if (left-- === 0) throw new LayerError("EIO", call.name, call.path);
            return done;
          },
        });
        for (let i = 0; i < 2; i++) await world.overlay.whereabouts();
        left = at;
        const { overlay } = world;
        await { writeFile: () => overlay.writeFile("/d/a", "new"), unlink: () => overlay.unlink("/d/b"), rename: () => overlay.rename("/d", "/e/n"), remove: () => overlay.remove("/d", { recursive: true }) }[act]().catch(() => undefined);
        reached = left < 0;
        left = Infinity;
        expect(await byLayers(world), `${act}, call ${String(at)}`).toEqual(await byMerged(overlay));
      }
    }
  });

  test("a folder that could not be read for a moment is not remembered as one", async () => {
    let refuses = true;
    const world = await World.create({
      base, scratch: { "upper/d/new": "" },
      hook: (call, run) => (refuses && call.name === "readDirectory" && call.path.endsWith("upper/d") ? Promise.reject(new LayerError("EACCES", call.name, call.path)) : run()),
    });
    expect((await world.overlay.whereabouts()).faults).toHaveLength(1);
    refuses = false;
    const all = await world.overlay.whereabouts();
    expect(all.faults).toEqual([]);
    expect([...all.ownFiles()]).toEqual(["/d/new"]);
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
