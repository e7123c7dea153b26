/**
 * Random operations on an overlay that is mounted and unmounted in between, half of them through the Overlay interface and
 * half through the mount path as any program would: always the same tree as a plain folder that the same was done to, in the
 * mount and in the overlay; and the base is never written.
 */
import * as fc from "fast-check";
import { lstatSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { OpenOverlay } from "../../src/host/index.js";
import type { MountedOverlay } from "../../src/mount/index.js";
import { treeDifference, Untouched } from "../differential/compare.js";
import { operations } from "../support/model/arbitrary.js";
import { diskTree } from "../support/model/diskTree.js";
import { plantLayer } from "../support/model/layers.js";
import { plainSubject } from "../support/model/mounts.js";
import { isComposite, type Operation, type Outcome, type Tree } from "../support/model/operations.js";
import { OverlayPlayer } from "../support/model/overlayPlayer.js";
import type { PosixSubject } from "../support/model/posixSubject.js";
import { worlds } from "../support/model/worlds.js";
import { seedFrom } from "../support/seed.js";
import { MountWorld, missing } from "./mountWorld.js";

const runs = Number(process.env["INTEROP_RUNS"] ?? 25);
const seed = seedFrom("INTEROP_SEED");
const longest = 50;

/**
 * Left out: hard links (two lower names of one inode are one file to fuse-overlayfs, and a copy-up parts them), what leads out
 * of the overlay (its own tests), names that fuse-overlayfs cannot hide or would take for a marker, and handles.
 */
const base = (worlds[0]?.base ?? [])
  .filter(([path, entry]) => entry.kind !== "hardLink" && !["lb", "out"].includes(path) && path.length < 200)
  .map(([path, entry]) => [path, entry.kind === "directory" && entry.mode !== undefined ? { ...entry, mode: entry.mode & 0o777 } : entry] as const);

/** A folder's set-group-ID bit is lost when fuse-overlayfs copies it up. */
function plainMode(operation: Operation): Operation {
  return "mode" in operation ? { ...operation, mode: operation.mode & 0o777 } : operation;
}

function fits(operation: Operation): boolean {
  if (["link", "open", "handleRead", "handleWrite", "handleTruncate", "handleStat", "handleClose"].includes(operation.op)) return false;
  if (operation.op === "symlink" && /\.\.|\{here\}|\/proc/.test(operation.target)) return false;
  const paths = "path" in operation ? operation.path : "from" in operation ? `${operation.from} ${operation.to}` : "";
  return !/[^/]{200}|\/\.wh\.|\/lb|\/out/.test(paths);
}

/** What fuse-overlayfs 1.10 fails at in its own mount: a folder moved over an empty one that a lower layer has. Through the overlay that is done. */
function isBeyondFuse(operation: Operation, { point }: MountedOverlay): boolean {
  return operation.op === "rename" && isFolder(point + operation.from) && isFolder(point + operation.to);
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** The overlay as its user has it: open here, or mounted. */
class Subject {
  private constructor(private readonly world: MountWorld, private overlay: OpenOverlay | MountedOverlay, private player: OverlayPlayer) {}

  static async open(world: MountWorld): Promise<Subject> {
    const overlay = await world.open();
    return new Subject(world, overlay, new OverlayPlayer(overlay, world.base));
  }

  get mounted(): MountedOverlay | undefined {
    return "point" in this.overlay ? this.overlay : undefined;
  }

  async toggle(): Promise<void> {
    const { mounted } = this;
    if (mounted !== undefined) await mounted.unmount();
    await this.overlay.dispose();
    this.overlay = await (mounted === undefined ? this.world.mount() : this.world.open());
    this.player = new OverlayPlayer(this.overlay, this.world.base);
  }

  async run(operation: Operation, throughFiles: boolean): Promise<Outcome> {
    const { mounted } = this;
    if (mounted === undefined || !throughFiles) return this.player.run(operation);
    if (isBeyondFuse(operation, mounted)) return this.player.run(operation);
    const outcome = await plainSubject(mounted.point).run(operation);
    // What comes back by itself after it was deleted (1.10, too) is taken away by the keeper, a moment later.
    await mounted.settle();
    // As mv does, for a folder that a lower layer has: fuse-overlayfs does not move those.
    return "code" in outcome && outcome.code === "EXDEV" ? this.player.run(operation) : outcome;
  }

  async freeze(): Promise<void> {
    await this.overlay.takeSnapshot();
  }

  trees(): Promise<Tree[]> {
    const { mounted } = this;
    return Promise.all([this.player.tree(), ...(mounted === undefined ? [] : [Promise.resolve(diskTree(mounted.point))])]);
  }

  async close(): Promise<void> {
    if (this.mounted !== undefined) await this.toggle();
    await this.overlay.changes();
    await this.overlay.dispose();
  }
}

/** The times of folders and links are not compared: fuse-overlayfs makes copies in a folder and does not put it back, and a link's copy is new. */
function comparable(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).map(([path, line]) => [path, line.replace(/^((?:directory|symlink) \S+) \S+/, "$1")]));
}

async function compare(where: string, model: PosixSubject, subject: Subject): Promise<void> {
  const theirs = comparable(await model.tree());
  for (const [i, ours] of (await subject.trees()).entries()) {
    const lines = treeDifference(theirs, comparable(ours));
    if (lines.length > 0) throw new Error(`${where}, ${i === 0 ? "through the overlay" : "in the mount"}: the trees differ\n${lines.join("\n")}`);
  }
}

const failed = (outcome: Outcome): boolean => "code" in outcome;

async function play(sequence: readonly (readonly [Operation, boolean])[], folder: string, subject: Subject): Promise<void> {
  const model = plainSubject(folder);
  for (const [i, [given, throughFiles]] of sequence.entries()) {
    const operation = plainMode(given);
    const where = `operation ${String(i)}${subject.mounted === undefined ? "" : throughFiles ? ", mounted, as a file" : ", mounted"}: ${JSON.stringify(operation)}`;
    if (isComposite(operation)) {
      if (operation.op === "reopen") await subject.toggle();
      else if (operation.op === "freeze") await subject.freeze();
      await compare(where, model, subject);
      continue;
    }
    if (!fits(operation)) continue;
    const [theirs, ours] = [await model.run(operation), await subject.run(operation, throughFiles)];
    if (failed(theirs) !== failed(ours) || (!failed(theirs) && JSON.stringify(theirs).replaceAll(/"mtime":"?[^,"]+"?/g, "") !== JSON.stringify(ours).replaceAll(/"mtime":"?[^,"]+"?/g, ""))) {
      throw new Error(`${where}\n  model:   ${JSON.stringify(theirs)}\n  overlay: ${JSON.stringify(ours)}`);
    }
  }
  await compare("at the end", model, subject);
  await subject.toggle();
  await compare("at the end, after a mount or an unmount", model, subject);
}

test(`${String(runs)} random sequences through an overlay that comes and goes as a mount, seed ${String(seed)}`, async () => {
  expect(missing()).toBeUndefined();
  const umask = process.umask(0o022);
  let done = 0;
  // More mounts and unmounts than the generator has of itself.
  const step = fc.tuple(operations(4), fc.boolean(), fc.nat(11)).map(([some, throughFiles, chance]): (readonly [Operation, boolean])[] => [
    ...some.map((operation) => [operation, throughFiles] as const), ...(chance === 0 ? [[{ op: "reopen" }, false] as const] : []),
  ]);
  const toggle: readonly [Operation, boolean] = [{ op: "reopen" }, false];
  try {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: longest, size: "max" }), async (steps) => {
      const world = new MountWorld();
      plantLayer(world.base, base, "markers", world.base);
      const folder = join(world.folder, "model");
      mkdirSync(folder);
      plantLayer(folder, base, "markers", folder);
      const untouched = new Untouched([world.base]);
      const subject = await Subject.open(world);
      try {
        await play([toggle, ...steps.flat()], folder, subject);
        await subject.close();
        untouched.check();
        done++;
      } finally {
        await world.close();
      }
    }), { seed, numRuns: runs, endOnFailure: process.env["INTEROP_SHRINK"] === undefined });
  } finally {
    process.umask(umask);
  }
  expect(done).toBeGreaterThanOrEqual(runs);
}, 600_000);
