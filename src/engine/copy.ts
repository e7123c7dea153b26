/**
 * Copies within merged. The whole copy is staged in work/ and appears in one step: a file as a whole-file write, a
 * directory by one rename. INV-6: everything is read and written without a lock; the step that publishes a directory
 * takes the namespace lock, exclusively when it replaces one.
 */
import { again, type Context } from "./context.js";
import { copyUpDirectory, outsideRefusal } from "./copyUp.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { appeared, isStillAbsent, makeOpaque, reloadIfFailed, symlink } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import { putFile } from "./file.js";
import { giveGroup, groupOf } from "./group.js";
import type { ReadHandle } from "./layer.js";
import { foundPath, lookup, type Lookup, type Place } from "./lookup.js";
import { checkCreatable, isReserved } from "./markers.js";
import type { Under } from "./originRecords.js";
import { childPath, isWithin, type OverlayPath } from "./paths.js";
import { settle } from "./raced.js";
import { listPlace } from "./readdir.js";
import { copyBytes, type CopyOptions } from "./stage.js";
import { underOf } from "./stale.js";
import { despiteSwitches } from "./steady.js";
import { trashedPath } from "./trash.js";
import type { UpperDirectory } from "./tree.js";
import type { LayerStat } from "./types.js";
import { lowerHas, lowerOfName, makeWhiteout, takeBackWhiteout } from "./whiteout.js";

export interface CopyTreeOptions extends CopyOptions {
  readonly overwrite: boolean;
}

/** How often a child may go away while it is copied. */
const patience = 3;

type Found = Exclude<Lookup, { kind: "absent" }>;

/** @throws Refusal ENOENT, EEXIST, EISDIR, ENOTDIR, EINVAL (into itself), EROFS, ENOTSUP (a special file), ECANCELED; LayerError. */
export async function copy(ctx: Context, from: OverlayPath, to: OverlayPath, options: CopyTreeOptions): Promise<void> {
  for (;;) {
    const source = await lookup(ctx, from, { follow: false });
    if (source.kind === "absent") throw new Refusal("ENOENT");
    if (source.kind === "outside") throw outsideRefusal(source.physical);
    const type = typeOf(source);
    const target = await lookup(ctx, to, { follow: false });
    if (target.kind === "outside") throw outsideRefusal(target.physical);
    if (target.kind !== "absent") {
      if (!options.overwrite) throw new Refusal("EEXIST");
      if (foundPath(target) === foundPath(source)) throw new Refusal("EINVAL", "it cannot be copied onto itself");
      if (type === "directory" && target.kind !== "directory") throw new Refusal("ENOTDIR");
      if (type !== "directory" && target.kind === "directory") throw new Refusal("EISDIR");
      if (isWithin(foundPath(source), foundPath(target))) throw new Refusal("ENOTEMPTY", "a folder cannot be replaced by something in it");
    }
    if (source.kind === "directory") {
      if (isWithin(foundPath(target), foundPath(source))) throw new Refusal("EINVAL", "a folder cannot be copied into itself");
      await copyDirectory(ctx, foundPath(source), to, options);
      return;
    }
    if (type === "symlink") {
      if (target.kind !== "absent") throw new Refusal("EEXIST", "a link is not copied over something else; delete that first");
      await symlink(ctx, await despiteSwitches(ctx, () => readTarget(ctx, source)), to);
      return;
    } else if (type === "file") {
      if ((await copyFile(ctx, source, to, options)) !== again) return;
    } else throw new Refusal("ENOTSUP", `a ${type} cannot be copied`);
  }
}

function typeOf(found: Found) {
  if (found.kind === "directory") return "directory";
  return found.kind === "upper" ? found.entry.type : found.kind === "lower" ? found.file.stat.type : "unknown";
}

async function readTarget(ctx: Context, found: Found): Promise<string> {
  if (found.kind === "upper") return ctx.scratch.readLink(ctx.tree.entryPath(found.directory, found.name));
  if (found.kind === "lower") return found.file.layer.readLink(found.file.layerPath);
  throw new Refusal("EINVAL");
}

async function openSource(ctx: Context, found: Found): Promise<ReadHandle> {
  if (found.kind === "upper") return ctx.scratch.openRead(ctx.tree.entryPath(found.directory, found.name));
  if (found.kind === "lower") return found.file.layer.openRead(found.file.layerPath);
  throw new Refusal("EISDIR");
}

async function copyFile(ctx: Context, source: Found, to: OverlayPath, options: CopyTreeOptions): Promise<typeof again | undefined> {
  let from;
  try {
    from = await openSource(ctx, source);
  } catch (error) {
    if (!isCode(error, "ENOENT") || source.kind !== "upper") throw error;
    await settle(ctx, source.directory, source.name);
    return again;
  }
  try {
    const { size, mode } = await from.stat();
    const put = { ...options, create: true, mode };
    await putFile(ctx, to, put, async (file) => {
      await copyBytes(from, file, size, options);
      await file.chmod(mode); // the original's: no umask, and writing takes the set-id bits
    }, mode);
    return undefined;
  } finally {
    await from.close();
  }
}

/** Stages the visible content of a directory and gives it its name. */
async function copyDirectory(ctx: Context, source: OverlayPath, to: OverlayPath, options: CopyTreeOptions): Promise<void> {
  const staged = ctx.work.temp();
  let leftover = staged as string | undefined; // until it is published
  try {
    await despiteSwitches(ctx, async () => {
      try {
        await stageTree(ctx, source, staged, await groupAt(ctx, to), options);
      } catch (error) {
        await ctx.work.discardTree(staged);
        throw error;
      }
    });
    for (;;) {
      const target = await lookup(ctx, to, { follow: false });
      if (target.kind === "outside") throw outsideRefusal(target.physical);
      const place = target.kind === "directory" ? target.place.parent : target.place;
      const name = target.kind === "directory" ? target.place.name : target.name;
      if (target.kind !== "absent" && (target.kind !== "directory" || !options.overwrite)) throw new Refusal("EEXIST");
      if (place === undefined) throw new Refusal("EBUSY");
      checkCreatable(name);
      const parent = await copyUpDirectory(ctx, place);
      if (parent === again) continue;
      if (parent.content?.below !== undefined) {
        await makeOpaque(ctx, staged);
        await ctx.work.syncDirectories(staged);
      }

      const publish = async (done?: () => void, under?: Under) => {
        const directory = ctx.tree.upperPath(parent);
        await reloadIfFailed(ctx, parent, () => ctx.work.inside(directory, false, () => ctx.work.moveDirectory(staged, `${directory}/${name}`)));
        leftover = undefined;
        done?.();
        // Loaded on first use: a copy may be large, and nothing of it is needed yet.
        ctx.tree.addUnread(parent, name);
        await appeared(ctx, parent, name, under);
        return directory;
      };
      const outcome = target.kind === "absent"
        ? await ctx.locks.shared([parent], async () => (isStillAbsent(ctx, parent, name, target.hidden) ? publish() : again))
        : await ctx.locks.exclusive(async () => {
            const now = await lookup(ctx, to, { follow: false, held: true });
            if (now.kind !== "directory" || now.place.parent?.upper !== parent) return again;
            return replaceDirectory(ctx, parent, name, publish);
          });
      if (outcome === again) continue;
      await ctx.work.syncDirectories(outcome);
      await ctx.trash.written();
      return;
    }
  } finally {
    if (leftover !== undefined) await ctx.work.discardTree(leftover);
  }
}

/** The group that what is made at `to` gets from its directory. */
async function groupAt(ctx: Context, to: OverlayPath): Promise<number | undefined> {
  const target = await lookup(ctx, to, { follow: false });
  const place = target.kind === "directory" ? target.place.parent : target.kind === "outside" ? undefined : target.place;
  return place === undefined ? undefined : groupOf(ctx, place);
}

/** What is copied belongs to who copies it, as with cp; its mode is the original's. */
async function stageTree(ctx: Context, path: OverlayPath, staged: string, group: number | undefined, options: CopyOptions): Promise<void> {
  checkCancelled(options.signal);
  const source = await lookup(ctx, path, { follow: false });
  if (source.kind !== "directory") throw new Refusal("ENOENT", `'${path}' went away while it was copied`);
  const { place } = source;
  const stat = await (place.upper !== undefined ? ctx.scratch.lstat(ctx.tree.upperPath(place.upper)) : statBelow(place));
  await ctx.scratch.makeDirectory(staged, 0o700);
  for (const { name } of (await listPlace(ctx, place)).entries) {
    // The base's own ".wh." names would be markers in a copy.
    if (isReserved(name)) throw new Refusal("ENOTSUP", `it contains '${name}', a name that is kept for the overlay's markers`);
    await stageChild(ctx, childPath(path, name), `${staged}/${name}`, group, options);
  }
  if (group !== undefined) await giveGroup(ctx, staged, group, "directory");
  await ctx.scratch.chmod(staged, stat.mode);
  await ctx.work.syncDirectories(staged);
}

/** Nothing when it was deleted since it was listed: looked at again, unless it keeps going away. */
async function stageChild(ctx: Context, path: OverlayPath, at: string, group: number | undefined, options: CopyOptions): Promise<void> {
  for (let misses = 0; ; misses++) {
    const found = await lookup(ctx, path, { follow: false });
    if (found.kind === "absent") return;
    try {
      if (found.kind === "directory") {
        await stageTree(ctx, path, at, group, options);
        return;
      }
      await stageEntry(ctx, found, at, options);
      if (group !== undefined) await giveGroup(ctx, at, group, typeOf(found));
      return;
    } catch (error) {
      if (!isCode(error, "ENOENT") || misses >= patience) throw error;
      if (found.kind === "upper") await settle(ctx, found.directory, found.name);
      await ctx.work.discardTree(at);
    }
  }
}

/**
 * Under the namespace lock, exclusively: the folder that is replaced goes to the trash, and comes back when the copy
 * cannot take its place (INV-11). The tree keeps it until then, so that nobody sees the name absent. One that only a
 * lower has stays where it is: the copy is opaque. A crash in between leaves the name gone, its content in the trash.
 */
async function replaceDirectory(ctx: Context, parent: UpperDirectory, name: string, publish: (done: () => void, under?: Under) => Promise<string>): Promise<string> {
  const { tree } = ctx;
  const path = tree.entryPath(parent, name);
  const merged = tree.mergedPath(parent, name);
  let slot: string | undefined;
  let made = false;
  return reloadIfFailed(ctx, parent, () => ctx.work.inside(tree.upperPath(parent), false, async () => {
    try {
      const entry = tree.entry(parent, name);
      if (entry !== undefined) {
        made = (await lowerHas(parent, name)) && (await makeWhiteout(ctx, parent, name));
        slot = await ctx.trash.keep(path, entry, { path: merged, what: "replaced" });
      }
      const under = entry === undefined ? underOf(parent, name, await lowerOfName(parent, name)) : undefined;
      return await publish(() => {
        if (slot !== undefined) ctx.origins.keep(merged, trashedPath(slot), true);
        else ctx.origins.drop(merged, true);
        ctx.events.queue("deleted", merged);
      }, under);
    } catch (error) {
      if (slot !== undefined) await ctx.work.moveDirectory(`trash/${slot}`, path);
      if (made) await takeBackWhiteout(ctx, parent, name);
      throw error;
    }
  }));
}

function statBelow(place: Place): Promise<LayerStat> {
  if (place.below === undefined) throw new Refusal("ENOENT");
  return place.below.stat();
}

async function stageEntry(ctx: Context, found: Found, at: string, options: CopyOptions): Promise<void> {
  const type = typeOf(found);
  if (type === "symlink") {
    await ctx.scratch.makeSymlink(await readTarget(ctx, found), at);
    return;
  }
  if (type !== "file") throw new Refusal("ENOTSUP", `it contains a ${type}, which cannot be copied`);
  const from = await openSource(ctx, found);
  try {
    const stat = await from.stat();
    const file = await ctx.scratch.create(at, 0o600);
    try {
      await copyBytes(from, file, stat.size, options);
      await file.chmod(stat.mode);
      if (ctx.durability !== "none") await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await from.close();
  }
}
