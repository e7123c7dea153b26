/** Layers of edits over one base, by what is told apart when they are joined. */
import type { Overlay } from "../../src/engine/index.js";
import { World, type WorldOptions } from "./world.js";

export const base = { "a": "A", "b": "B", "d/x": "X", "d/y": "Y", "d/e/z": "Z", "old/f": "F", "old/s/g": "G", "empty/": null, "link": { symlink: "a" } };

export const withoutLinks = (tree: Readonly<Record<string, string>>) => JSON.stringify(tree, undefined, 1).replaceAll(/ x\d+ /g, " ");

export type Step = (o: Overlay) => Promise<unknown>;

/** A snapshot after each but the last. */
export async function layered(steps: readonly (readonly Step[])[], options: WorldOptions = {}): Promise<World> {
  const world = await World.create({ base, ...options });
  for (const [i, some] of steps.entries()) {
    for (const step of some) await step(world.overlay);
    if (i < steps.length - 1) await world.overlay.takeSnapshot(`s${String(i + 1)}`);
  }
  return world;
}

export const rm = (path: string): Step => (o) => o.remove(path, { recursive: true });
export const mkdir = (path: string): Step => (o) => o.createDirectory(path);
export const write = (path: string, text: string): Step => (o) => o.writeFile(path, text);
export const mv = (from: string, to: string): Step => (o) => o.rename(from, to);

export const cases: Record<string, readonly (readonly Step[])[]> = {
  "edits over edits": [[write("/a", "1"), write("/n", "1")], [write("/a", "2"), write("/m", "2")], []],
  "a whiteout over an added file goes": [[write("/n", "1")], [rm("/n")], []],
  "a whiteout that hides something stays": [[write("/a", "1")], [rm("/a")], []],
  "a file over a whiteout": [[rm("/a")], [write("/a", "2")], []],
  "a folder made over a deleted one is opaque": [[rm("/d")], [mkdir("/d"), write("/d/new", "2")], []],
  "an opaque folder that is added to": [[rm("/d"), mkdir("/d"), write("/d/1", "1")], [write("/d/2", "2")], []],
  "a rename of a renamed folder": [[mv("/old", "/r1")], [mv("/r1", "/r2"), write("/r2/n", "2")], []],
  "a renamed folder whose content was deleted below": [[rm("/old/f"), write("/old/1", "1")], [mv("/old", "/r")], []],
  "a folder moved out of a renamed one": [[mv("/old", "/r")], [mv("/r/s", "/s"), write("/s/n", "2")], []],
  "a rename back to the old name": [[mv("/old", "/r")], [mv("/r", "/old")], []],
  "a folder renamed into a new one": [[mkdir("/n")], [mv("/d", "/n/d")], []],
  "a file over a folder": [[rm("/d"), write("/d", "file")], [write("/d", "file 2")], []],
  "a folder over a file over a folder": [[rm("/d"), write("/d", "file")], [rm("/d"), mkdir("/d")], []],
  "with changes above": [[mv("/old", "/r")], [write("/r/1", "1")], [mv("/r", "/q"), write("/q/2", "2"), rm("/d/x")]],
  "symlinks and modes": [[(o) => o.symlink("b", "/l"), (o) => o.chmod("/a", 0o600)], [(o) => o.chmod("/d", 0o750), rm("/link")], []],
};
