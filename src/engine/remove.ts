/**
 * unlink, rmdir, and recursive delete: a whiteout first when a lower has the name (void while the upper entry stands),
 * then one unlink or one rename out of upper. INV-4: none of them waits for a copy-up in flight; that one's publish
 * finds the whiteout and discards its copy. Files take the namespace lock shared and the parent's mutex; directories
 * take the namespace lock exclusively.
 */
import { again, type Again, type Context } from "./context.js";
import { copyUpDirectory, outsideRefusal } from "./copyUp.js";
import { reloadIfFailed } from "./create.js";
import { Refusal } from "./errors.js";
import { lookup, type Lookup, lookupToDrop, type Place } from "./lookup.js";
import { checkChangeable, whiteoutName } from "./markers.js";
import type { Under } from "./originRecords.js";
import type { OverlayPath } from "./paths.js";
import { listPlace } from "./readdir.js";
import { underOf } from "./stale.js";
import { trashedPath } from "./trash.js";
import type { UpperDirectory } from "./tree.js";
import { askFirst, lowerHas, lowerOfName, lowerToHide, makeWhiteout, takeBackWhiteout } from "./whiteout.js";

/** What becomes of the upper entry of a deleted name: gone, or kept in the trash. */
type Fate = "discard" | "trash";

/** @throws Refusal ENOENT, EISDIR, ENOTDIR, EROFS, ENAMETOOLONG; LayerError. */
export function unlink(ctx: Context, path: OverlayPath): Promise<void> {
  return remove(ctx, path, "discard", (found) => {
    if (found.kind === "directory") throw new Refusal("EISDIR");
  });
}

/** @throws Refusal ENOENT, ENOTDIR, ENOTEMPTY, EBUSY (the root), EROFS, ENAMETOOLONG; LayerError. */
export function rmdir(ctx: Context, path: OverlayPath): Promise<void> {
  return remove(ctx, path, "discard", async (found) => {
    if (found.kind !== "directory") throw new Refusal("ENOTDIR");
    refuseRoot(found.place);
    await checkEmpty(ctx, found.place);
  });
}

/** Deletes into the trash. @throws as rmdir does for a directory without `recursive`, as unlink does else. */
export function removeAny(ctx: Context, path: OverlayPath, recursive: boolean): Promise<void> {
  return remove(ctx, path, "trash", async (found) => {
    if (found.kind === "directory") {
      refuseRoot(found.place);
      if (!recursive) await checkEmpty(ctx, found.place);
    }
  }, recursive ? lookupToDrop : lookupEntry);
}

type Find = (ctx: Context, path: OverlayPath, held: boolean) => Promise<Lookup>;

const lookupEntry: Find = (ctx, path, held) => lookup(ctx, path, { follow: false, held });

function refuseRoot(place: Place): void {
  if (place.parent === undefined) throw new Refusal("EBUSY", "the root of an overlay cannot be removed");
}

/** Names that cannot be decoded are not shown, yet they are there. @throws Refusal ENOTEMPTY. */
export async function checkEmpty(ctx: Context, place: Place): Promise<void> {
  const { entries, undecodable } = await listPlace(ctx, place);
  if (entries.length > 0 || undecodable > 0) {
    throw new Refusal("ENOTEMPTY", entries.length > 0 ? undefined : "it holds names that are not valid Unicode and are not shown");
  }
}

type Existing = Exclude<Lookup, { kind: "absent" | "outside" }>;

type Allow = (found: Existing) => Promise<void> | void;

/** @param allow refuses by throwing; asked again under the lock for directories, whose content can change. */
async function remove(ctx: Context, path: OverlayPath, fate: Fate, allow: Allow, find: Find = lookupEntry): Promise<void> {
  for (;;) {
    const found = existing(await find(ctx, path, false));
    await allow(found);
    const parentPlace = found.kind === "directory" ? found.place.parent : found.place;
    if (parentPlace === undefined) throw new Refusal("EBUSY");
    const name = found.kind === "directory" ? found.place.name : found.name;
    checkChangeable(name);
    // Checked before anything is copied up, so that a refusal leaves no half-made parent.
    if (found.kind === "lower" || (found.kind === "directory" && found.place.below !== undefined)) whiteoutName(name);
    const parent = await copyUpDirectory(ctx, parentPlace);
    if (parent === again) continue;
    await askFirst(ctx, parent, name);

    const outcome = found.kind === "directory"
      ? await ctx.locks.exclusive(async () => {
          const now = existing(await find(ctx, path, true));
          if (now.kind !== "directory" || now.place.parent?.upper !== parent || now.place.name !== name) return again;
          await allow(now);
          return removeDirectory(ctx, parent, name, fate);
        })
      : await ctx.locks.shared([parent], () => removeFile(ctx, parent, name, fate));
    if (outcome === again) continue;
    await ctx.work.syncDirectories(outcome.directory);
    if (outcome.leftover !== undefined) await ctx.work.discardTree(outcome.leftover);
    if (fate === "trash") await ctx.trash.written();
    return;
  }
}

function existing(found: Lookup): Existing {
  if (found.kind === "outside") throw outsideRefusal(found.physical);
  if (found.kind === "absent") throw new Refusal("ENOENT");
  return found;
}

interface Removed {
  /** The upper directory that changed. */
  readonly directory: string;
  /** A tree in work/ to delete when the locks are gone. */
  readonly leftover?: string;
}

async function removeFile(ctx: Context, parent: UpperDirectory, name: string, fate: Fate): Promise<Removed | Again> {
  if (parent.content === undefined || !ctx.tree.isAttached(parent)) return again;
  const entry = ctx.tree.entry(parent, name);
  if (entry?.node !== undefined) return again;
  if (entry === undefined && (ctx.tree.isWhitedOut(parent, name) || !(await lowerHas(parent, name)))) return again;
  const directory = ctx.tree.upperPath(parent);
  const path = ctx.tree.mergedPath(parent, name);
  let kept: string | undefined;
  let was: Under | undefined;
  await reloadIfFailed(ctx, parent, () =>
    ctx.work.inside(directory, false, async () => { was = await hideAndDrop(ctx, parent, name, entry !== undefined, async (target) => {
      if (fate === "trash" && entry !== undefined) kept = await ctx.trash.keep(target, entry, { path, what: "delete" });
      else await ctx.scratch.unlink(target);
    }); }),
  );
  ctx.tree.remove(parent, name);
  if (kept !== undefined) ctx.origins.keep(path, trashedPath(kept), false, { was });
  else ctx.origins.drop(path, false, was);
  ctx.events.queue("deleted", path);
  return { directory };
}

/** Under the namespace lock, exclusively. Constant in cost: one whiteout, one rename. */
export async function removeDirectory(ctx: Context, parent: UpperDirectory, name: string, fate: Fate): Promise<Removed> {
  const directory = ctx.tree.upperPath(parent);
  const path = ctx.tree.mergedPath(parent, name);
  const entry = ctx.tree.entry(parent, name);
  const node = entry?.node;
  const leftover = ctx.work.temp();
  let kept: string | undefined;
  let was: Under | undefined;
  await reloadIfFailed(ctx, parent, () =>
    ctx.work.inside(directory, false, async () => { was = await hideAndDrop(ctx, parent, name, node !== undefined, async (target) => {
      if (fate === "trash" && entry !== undefined) kept = await ctx.trash.keep(target, entry, { path, what: "delete" });
      else await ctx.work.moveDirectory(target, leftover);
    }); }),
  );
  ctx.tree.remove(parent, name);
  if (kept !== undefined) ctx.origins.keep(path, trashedPath(kept), true, { was });
  else ctx.origins.drop(path, true, was);
  ctx.events.queue("deleted", path);
  return fate === "discard" && node !== undefined ? { directory, leftover } : { directory };
}

/** The one order that is right after a crash at any point: hide the lower's name, then let the upper's go. Returns what it hides. */
async function hideAndDrop(
  ctx: Context, parent: UpperDirectory, name: string, inUpper: boolean, drop: (target: string) => Promise<void>,
): Promise<Under | undefined> {
  const lower = await (inUpper ? lowerToHide(ctx, parent, name) : lowerOfName(parent, name));
  const made = lower.kind !== "absent" && (await makeWhiteout(ctx, parent, name));
  if (!inUpper) return underOf(parent, name, lower);
  try {
    await drop(ctx.tree.entryPath(parent, name));
  } catch (error) {
    if (made) await takeBackWhiteout(ctx, parent, name);
    throw error;
  }
  return underOf(parent, name, lower);
}
