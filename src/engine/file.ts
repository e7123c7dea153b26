/**
 * Whole-file writes and changes of one file: write, append, truncate, chmod, utimes. New content is staged and appears
 * in one step (INV-3, INV-8), except over a file with other names or open writers, which is written in place.
 * Locks: namespace shared and the parent's mutex for the step that publishes; data is written without them (INV-6),
 * in place one operation at a time through the inode's own queue.
 */
import { again, type Again, type Context } from "./context.js";
import { copyUp, copyUpDirectory, copyUpEntry, outsideRefusal, type Upper } from "./copyUp.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { isStillAbsent, reloadIfFailed } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import { inheritGroup } from "./group.js";
import { stopKeepingTimes } from "./keepTimes.js";
import type { WriteHandle } from "./layer.js";
import { foundPath, lookup, type Lookup } from "./lookup.js";
import { checkChangeable, checkCreatable } from "./markers.js";
import { type OpenFile, openUpper } from "./openFile.js";
import { childPath, type OverlayPath } from "./paths.js";
import { settle } from "./raced.js";
import { chownIfAllowed, type CopyOptions } from "./stage.js";
import { nothingUnder } from "./stale.js";
import type { UpperDirectory } from "./tree.js";
import type { LayerStat } from "./types.js";
import { removeVoidWhiteout } from "./whiteout.js";

export const defaultFileMode = 0o666;

export interface PutOptions extends CopyOptions {
  readonly create: boolean;
  readonly overwrite: boolean;
  readonly mode: number;
}

type Target = Extract<Lookup, { kind: "absent" | "lower" | "upper" }>;

/** @throws Refusal ENOENT, EEXIST, EISDIR, ENOTDIR, EROFS, EINVAL, ENAMETOOLONG, ECANCELED; LayerError. */
export async function writeFile(ctx: Context, path: OverlayPath, data: Uint8Array, options: PutOptions): Promise<void> {
  await putFile(ctx, path, options, (file) => file.write(data, 0), options.mode);
}

/**
 * Stages content and puts it at `path`. No data of an existing file is copied for it, and it waits for no copy-up: the
 * staged content is the new content. An existing file keeps its mode and owner.
 * @param fill writes the content; called once for each attempt that stages.
 */
export async function putFile(
  ctx: Context, path: OverlayPath, options: PutOptions, fill: (file: WriteHandle) => Promise<void>, mode: number,
): Promise<void> {
  for (;;) {
    const found = await lookup(ctx, path, { follow: true });
    const target = writable(found);
    if (target.kind === "absent" ? !options.create : !options.overwrite) throw new Refusal(target.kind === "absent" ? "ENOENT" : "EEXIST");
    if (target.kind === "absent") checkCreatable(target.name);
    else checkChangeable(target.name);
    const before = await statOf(ctx, target);
    if (before === again) continue;
    const parent = await copyUpDirectory(ctx, target.place);
    if (parent === again) continue;

    const done = await ctx.work.writing(async () => {
      const staged = await stageContent(ctx, before, fill, mode);
      let published = false;
      try {
        const outcome = await ctx.locks.shared([parent], () => putStaged(ctx, parent, target, before, staged));
        if (outcome === again) return again;
        published = outcome.kind === "published";
        if (outcome.kind === "inPlace") await writeInPlace(ctx, outcome.file, staged);
        return ctx.tree.upperPath(parent);
      } finally {
        if (!published) await ctx.work.discard(staged);
      }
    });
    if (done === again) continue;
    await ctx.work.syncDirectories(done);
    return;
  }
}

/** With the mode and owner of the file that it is to replace, if there is one. */
function stageContent(ctx: Context, before: LayerStat | undefined, fill: (file: WriteHandle) => Promise<void>, mode: number): Promise<string> {
  return ctx.work.stageFile(before === undefined ? mode : 0o600, async (file) => {
    await fill(file);
    if (before === undefined) return;
    await chownIfAllowed(ctx, before, (uid, gid) => file.chown(uid, gid));
    await file.chmod(keptMode(ctx, before.mode));
  });
}

function writable(found: Lookup): Target {
  if (found.kind === "outside") throw outsideRefusal(found.physical);
  if (found.kind === "directory") throw new Refusal("EISDIR");
  const type = found.kind === "upper" ? found.entry.type : found.kind === "lower" ? found.file.stat.type : "file";
  if (type !== "file") throw new Refusal("EINVAL", `it is a ${type}, not a file`);
  return found;
}

/** What an existing target is now; undefined when it is to be made. */
async function statOf(ctx: Context, target: Target): Promise<LayerStat | undefined | Again> {
  if (target.kind === "absent") return undefined;
  if (target.kind === "lower") return target.file.stat;
  return lstatUpper(ctx, target.directory, target.name);
}

/** Writing takes the set-id bits from a file, unless root does it (file_remove_privs, fs/inode.c). */
function keptMode(ctx: Context, mode: number): number {
  if (ctx.scratch.privileged) return mode;
  const setGroupIdToo = (mode & 0o010) !== 0;
  return mode & ~(setGroupIdToo ? 0o6000 : 0o4000);
}

/** ENOENT on a name that the tree has means "raced": look up again. */
async function lstatUpper(ctx: Context, directory: UpperDirectory, name: string): Promise<LayerStat | Again> {
  try {
    return await ctx.scratch.lstat(ctx.tree.entryPath(directory, name));
  } catch (error) {
    if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
    await settle(ctx, directory, name);
    return again;
  }
}

type Put = { readonly kind: "published" } | { readonly kind: "inPlace"; readonly file: OpenFile };

/** Under the parent's mutex: look again, and give the staged content the name, or open what is there for writing. */
async function putStaged(ctx: Context, parent: UpperDirectory, target: Target, before: LayerStat | undefined, staged: string): Promise<Put | Again> {
  const { name } = target;
  const entry = ctx.tree.entry(parent, name);
  const directory = ctx.tree.upperPath(parent);
  const path = `${directory}/${name}`;

  if (entry === undefined) {
    // Absent before and now, or lower before and now; anything else was overtaken.
    if (target.kind === "upper" || !isStillAbsent(ctx, parent, name, target.kind === "absent" && target.hidden)) return again;
    if (target.kind === "lower" && ctx.tree.isWhitedOut(parent, name)) return again;
    // A name that was there before is no change of the directory: its times stay.
    const existed = target.kind === "lower";
    if (!existed) await inheritGroup(ctx, parent, staged, "file");
    await reloadIfFailed(ctx, parent, () => ctx.work.inside(directory, existed, () => ctx.work.publish(staged, path)));
    if (existed) ctx.tree.addCopy(parent, name, "file");
    else ctx.tree.add(parent, name, "file");
    await recordOrigin(ctx, parent, target);
    if (target.kind === "absent" && !target.hidden) ctx.origins.bare(ctx.tree.mergedPath(parent, name), nothingUnder(parent, name));
    ctx.events.queue(target.kind === "absent" ? "created" : "changed", ctx.tree.mergedPath(parent, name));
    await ctx.work.inside(directory, false, () => removeVoidWhiteout(ctx, parent, name));
    return { kind: "published" };
  }

  // A copy-up that published meanwhile is no failure; a file made meanwhile is one only for who wanted to make it.
  if (target.kind === "absent" || entry.type !== "file" || before === undefined || !ctx.tree.isAttached(parent)) return again;
  const now = await ctx.scratch.lstat(path);
  if (now.nlink > 1 || ctx.inodes.hasWriters(now)) {
    return { kind: "inPlace", file: await openUpper(ctx, parent, name, {}) };
  }
  if (now.mode !== before.mode) await ctx.scratch.chmod(staged, keptMode(ctx, now.mode)); // a chmod came between
  await reloadIfFailed(ctx, parent, () => ctx.work.inside(directory, true, () => ctx.scratch.rename(staged, path)));
  ctx.events.queue("changed", ctx.tree.mergedPath(parent, name));
  return { kind: "published" };
}

async function recordOrigin(ctx: Context, parent: UpperDirectory, target: Target): Promise<void> {
  const below = parent.content?.below;
  if (target.kind !== "lower" || below === undefined) return;
  const print = await target.file.layer.fingerprint(target.file.layerPath).catch(() => undefined);
  if (print !== undefined) ctx.origins.set(ctx.tree.mergedPath(parent, target.name), childPath(below.path, target.name), print);
}

/** Over a file that has other names or open writers: they must go on seeing one file, so its content is replaced in place. */
async function writeInPlace(ctx: Context, file: OpenFile, staged: string): Promise<void> {
  try {
    const source = await ctx.scratch.openRead(staged);
    try {
      await file.inode.io.runExclusive(async () => {
        await file.replace(source);
        if (ctx.durability !== "none") await file.raw.sync();
      });
    } finally {
      await source.close();
    }
    file.changed();
  } finally {
    await file.close();
  }
}

/**
 * Adds to the end of a file, which is made when it does not exist.
 * @throws Refusal as writeFile, EBUSY; LayerError.
 */
export async function append(ctx: Context, path: OverlayPath, data: Uint8Array, options: CopyOptions & { readonly mode: number }): Promise<void> {
  for (;;) {
    checkCancelled(options.signal);
    const target = writable(await lookup(ctx, path, { follow: true }));
    if (target.kind === "absent") {
      try {
        await putFile(ctx, foundPath(target), { ...options, create: true, overwrite: false }, (file) => file.write(data, 0), options.mode);
        return;
      } catch (error) {
        if (isCode(error, "EEXIST")) continue; // made by another meanwhile: add to that one
        throw error;
      }
    }
    // The copy of a small file comes with what is added to it: nothing is opened again, and a crash leaves old or new.
    if (target.kind === "lower") {
      const parent = await copyUpDirectory(ctx, target.place);
      if (parent !== again && (await copyUpEntry(ctx, parent, target.name, { ...options, adding: data }, target.file))) return;
      continue; // it is in upper now, or another operation overtook
    }
    if (await changeInPlace(ctx, target, options, true, (file) => file.append(data))) return;
  }
}

/** @throws Refusal ENOENT, EISDIR, EINVAL, EROFS, ECANCELED, EBUSY; LayerError. */
export async function truncate(ctx: Context, path: OverlayPath, size: number, options: CopyOptions): Promise<void> {
  if (!Number.isSafeInteger(size) || size < 0) throw new Refusal("EINVAL", "the size must be a whole number, not negative");
  for (;;) {
    const target = writable(await lookup(ctx, path, { follow: true }));
    if (target.kind === "absent") throw new Refusal("ENOENT");
    if (target.kind === "lower" && size === 0) {
      // Nothing of the old content stays, so none of it is copied (overlayfs: O_TRUNC).
      await putFile(ctx, foundPath(target), { ...options, create: false, overwrite: true, mode: 0 }, () => Promise.resolve(), 0);
      return;
    }
    if (await changeInPlace(ctx, target, options, false, (file) => file.truncate(size))) return;
  }
}

/** Copies up, opens, changes. False when another operation overtook: look up again. */
async function changeInPlace(
  ctx: Context, target: Target, options: CopyOptions, append: boolean, change: (file: OpenFile) => Promise<unknown>,
): Promise<boolean> {
  const upper = target.kind === "upper"
    ? { kind: "entry" as const, directory: target.directory, name: target.name }
    : await copyUpIfThere(ctx, foundPath(target), options);
  if (upper?.kind !== "entry") return false;
  return ctx.work.writing(async () => {
    const file = await ctx.locks.alongside(upper.directory, async () => {
      const entry = ctx.tree.entry(upper.directory, upper.name);
      if (entry?.type !== "file" || !ctx.tree.isAttached(upper.directory)) return again;
      return openUpper(ctx, upper.directory, upper.name, { append });
    });
    if (file === again) return false;
    try {
      await file.inode.io.runExclusive(async () => {
        await change(file);
        if (ctx.durability === "full") await file.raw.sync();
      });
      file.changed();
    } finally {
      await file.close();
    }
    return true;
  });
}

/** Undefined when it was deleted or moved since it was found: who may make the file looks up again, and makes it. */
export async function copyUpIfThere(ctx: Context, path: OverlayPath, options: CopyOptions): Promise<Upper | undefined> {
  try {
    return await copyUp(ctx, path, false, options);
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** @throws Refusal ENOENT, EROFS, EINVAL; LayerError. */
export function chmod(ctx: Context, path: OverlayPath, mode: number): Promise<void> {
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777) throw new Refusal("EINVAL", "the mode must be between 0 and 07777");
  return changeAttributes(ctx, path, (physical) => ctx.scratch.chmod(physical, mode));
}

/** Times in ms. @throws Refusal ENOENT, EROFS, EINVAL; LayerError. */
export function utimes(ctx: Context, path: OverlayPath, atimeMs: number, mtimeMs: number): Promise<void> {
  if (!Number.isFinite(atimeMs) || !Number.isFinite(mtimeMs)) throw new Refusal("EINVAL", "the times must be finite");
  return changeAttributes(ctx, path, (physical) => ctx.scratch.utimes(physical, atimeMs, mtimeMs));
}

/** Copies up the entry, then changes it under the mutex of the directory that has its name. */
async function changeAttributes(ctx: Context, path: OverlayPath, change: (physical: string) => Promise<void>): Promise<void> {
  for (;;) {
    const upper = await copyUp(ctx, path, true);
    const isRoot = upper.kind === "directory" && upper.directory.parent === undefined;
    const holder = upper.kind === "entry" ? upper.directory : (upper.directory.parent ?? upper.directory);
    const name = upper.kind === "entry" ? upper.name : upper.directory.name;
    // A directory itself too: a copy-up into it must not put back what is changed here.
    const locked = upper.kind === "directory" && !isRoot ? [holder, upper.directory] : [holder];
    const outcome = await ctx.locks.shared(locked, async () => {
      if (!ctx.tree.isAttached(holder) || holder.content === undefined) return again;
      const entry = isRoot ? undefined : ctx.tree.entry(holder, name);
      if (!isRoot && (entry === undefined || (upper.kind === "directory" && entry.node !== upper.directory))) return again;
      const physical = isRoot ? ctx.tree.upperPath(holder) : ctx.tree.entryPath(holder, name);
      if (upper.kind === "directory") await stopKeepingTimes(ctx, upper.directory);
      const sync = await ctx.work.changeAttributes(physical, entry?.type ?? "directory", () => change(physical));
      ctx.events.queue("changed", isRoot ? "/" : ctx.tree.mergedPath(holder, name));
      return sync;
    });
    if (outcome === again) continue;
    await outcome();
    return;
  }
}
