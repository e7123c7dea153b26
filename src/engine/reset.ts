/**
 * Reset of a path: it becomes what the lowers have. What is dropped goes to the trash by one rename, so the cost is
 * constant and nothing is lost. Takes the namespace lock exclusively: directories go. Everything: resetLayers.ts.
 */
import { again, type Again, type Context } from "./context.js";
import { reloadIfFailed } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import { lookup, type Lookup, lookupToDrop, placePath } from "./lookup.js";
import { baseName, childPath, components, type OverlayPath, parentPath } from "./paths.js";
import { rename } from "./rename.js";
import type { Tree, UpperDirectory, UpperEntry } from "./tree.js";
import { resetTo } from "./resetLayers.js";
import { trashedPath } from "./trash.js";
import { askFirst, lowerOfName, removeWhiteout } from "./whiteout.js";

/**
 * @throws Refusal ENOENT (nothing there in any layer), EINVAL (beneath a folder that has no lower: the reason names the
 * one to reset), EROFS; LayerError.
 */
export async function resetPath(ctx: Context, path: OverlayPath, { renamedTo, check }: How = {}): Promise<void> {
  if (path === "/") return resetTo(ctx, "upper");
  for (;;) {
    const found = await lookupOrSayWhich(ctx, path);
    if (found.kind === "outside") throw new Refusal("EROFS", "it lies outside the overlay, where nothing was changed");
    const renamedFrom = await oldName(ctx, found);
    if (renamedFrom !== undefined) {
      if (check !== undefined) throw new Refusal("EINVAL", `it was renamed from '${renamedFrom}', and resetting that is several steps`);
      // Operations that are whole each: it goes back under its old name with its edits, that is reset, and what the
      // lowers have under the new name, hidden so far, comes back.
      if (!(await renamedBack(ctx, path, renamedFrom))) continue;
      await resetPath(ctx, renamedFrom, { renamedTo: path });
      return uncover(ctx, path);
    }
    const parent = found.kind === "directory" ? found.place.parent?.upper : found.place.upper;
    const name = found.kind === "directory" ? found.place.name : found.name;
    if (parent === undefined) {
      if (found.kind === "absent") throw new Refusal("ENOENT");
      return; // nothing of it is in upper: it is what the lowers have
    }
    await askFirst(ctx, parent, name);
    const seen = ctx.tree.entry(parent, name);
    const outcome = await ctx.locks.exclusive(() => resetEntry(ctx, parent, name, { seen, absent: found.kind === "absent", renamedTo, check }));
    if (outcome === again) continue;
    await ctx.work.syncDirectories(outcome);
    await ctx.trash.written();
    return;
  }
}

interface How {
  /** The name under which it was, before it went back under its old one. */
  readonly renamedTo?: OverlayPath | undefined;
  /** Asked under the lock: it throws where the entry is not to be reset after all. */
  readonly check?: (() => Promise<void>) | undefined;
}

/**
 * Resets a path that `isSo` says may be reset, if nothing at or beneath it was changed since that was asked. Changes are
 * told under the lock that made them; what is written through a handle is known by its being open.
 * @returns what `isSo` said. @throws Refusal EBUSY (it was changed, or is open for writing); as resetPath.
 */
export async function resetIf(ctx: Context, path: OverlayPath, isSo: () => Promise<boolean>): Promise<boolean> {
  if (path === "/") throw new Refusal("EINVAL", "everything cannot be reset on a condition");
  const watch = ctx.events.watch(path);
  try {
    if (!(await isSo())) return false;
    await resetPath(ctx, path, { check: async () => {
      if (ctx.inodes.size > 0 && (await isWritten(ctx, path))) throw new Refusal("EBUSY", "it is open for writing");
      // Last: a writer that has left since has said what it did first.
      if (watch.changed) throw new Refusal("EBUSY", "it was changed meanwhile");
    } });
    return true;
  } finally {
    watch.dispose();
  }
}

/** Of a folder, whether anything is: which file an inode is of, only a walk would tell. Under the lock. */
async function isWritten(ctx: Context, path: OverlayPath): Promise<boolean> {
  const found = await lookup(ctx, path, { follow: false, held: true });
  return found.kind === "directory" || (found.kind === "upper" && ctx.inodes.hasWriters(await ctx.scratch.lstat(ctx.tree.entryPath(found.directory, found.name))));
}

/** False when its old name was taken, or it was moved or deleted meanwhile: look again. */
async function renamedBack(ctx: Context, path: OverlayPath, old: OverlayPath): Promise<boolean> {
  try {
    await rename(ctx, path, old, { overwrite: false });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST", "ENOENT")) return false;
    throw error;
  }
}

/** Takes away the whiteout that a rename back has left, if a lower has something there. */
async function uncover(ctx: Context, path: OverlayPath): Promise<void> {
  let found: Lookup;
  try {
    found = await lookup(ctx, path, { follow: false });
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return;
    throw error;
  }
  if (found.kind !== "absent" || !found.hidden || found.place.upper === undefined) return;
  const { name, place: { upper } } = found;
  const outcome = await ctx.locks.exclusive(() => resetEntry(ctx, upper, name, { seen: undefined, absent: false, unrecorded: true }));
  if (outcome !== again) await ctx.work.syncDirectories(outcome);
}

/** Beneath a deleted folder there is nothing to reset to: EINVAL, naming the folder to reset. */
async function lookupOrSayWhich(ctx: Context, path: OverlayPath): Promise<Lookup> {
  try {
    return await lookupToDrop(ctx, path);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
    let at = "/" as OverlayPath;
    for (const name of components(path)) {
      at = childPath(at, name);
      const found = await lookup(ctx, at, { follow: false });
      if (found.kind === "absent" && found.hidden) throw new Refusal("EINVAL", `it lies in a deleted folder; reset '${at}' instead`);
    }
    throw error;
  }
}

/** Where a renamed entry came from, when that name is free in merged and waits there under a whiteout. */
async function oldName(ctx: Context, found: Lookup): Promise<OverlayPath | undefined> {
  let lower: OverlayPath | undefined;
  let merged: OverlayPath;
  if (found.kind === "directory") {
    const shape = found.place.upper?.content?.shape;
    if (shape?.kind !== "redirect") return undefined;
    lower = shape.to;
    merged = placePath(found.place);
  } else if (found.kind === "upper") {
    merged = childPath(placePath(found.place), found.name);
    lower = (await ctx.origins.get(merged))?.lower;
  } else return undefined;
  if (lower === undefined) return undefined;
  const holder = await findByLower(ctx, ctx.tree.root, parentPath(lower));
  if (holder === undefined) return undefined;
  const name = baseName(lower);
  const old = ctx.tree.mergedPath(holder, name);
  return old !== merged && ctx.tree.isWhitedOut(holder, name) && ctx.tree.entry(holder, name) === undefined ? old : undefined;
}

/** The upper directory that merges a lower path: usually the one of that path; else a renamed one is searched for. */
async function findByLower(ctx: Context, root: UpperDirectory, lower: OverlayPath): Promise<UpperDirectory | undefined> {
  await ctx.tree.load(root, false);
  if (root.content?.below?.path === lower) return root;
  for (const entry of root.content?.children.values() ?? []) {
    if (entry.node === undefined) continue;
    const found = await findByLower(ctx, entry.node, lower);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Reset extends How {
  /** The entry that was looked at: another one may have been renamed here since. */
  readonly seen: UpperEntry | undefined;
  readonly absent: boolean;
  /** The undo of a rename brings this whiteout back by itself. */
  readonly unrecorded?: boolean;
}

/** Under the namespace lock, exclusively. */
async function resetEntry(ctx: Context, parent: UpperDirectory, name: string, { seen, absent, renamedTo, check, unrecorded }: Reset): Promise<string | Again> {
  const { tree } = ctx;
  await check?.();
  if (parent.content === undefined || !tree.isAttached(parent)) return again;
  const entry = tree.entry(parent, name);
  if (entry !== seen) return again;
  const whitedOut = tree.isWhitedOut(parent, name);
  if (parent.content.below === undefined) {
    throw new Refusal("EINVAL", `nothing lies below it; reset '${highestWithoutLower(tree, parent)}' instead`);
  }
  if (entry === undefined && !whitedOut) {
    if (absent) throw new Refusal("ENOENT");
    return tree.upperPath(parent); // only the lower has it: nothing to do
  }
  const path = tree.mergedPath(parent, name);
  const directory = tree.upperPath(parent);
  const lower = await lowerOfName(parent, name);
  const inLower = lower.kind !== "absent";
  let kept: string | undefined;
  await reloadIfFailed(ctx, parent, () =>
    ctx.work.inside(directory, true, async () => {
      const about = { path, what: "reset" as const, renamedTo };
      if (entry === undefined && inLower && unrecorded !== true) await ctx.trash.noteWhiteout(about);
      // Void while the entry stands; without an entry this alone is the reset.
      await removeWhiteout(ctx, parent, name);
      if (entry !== undefined) kept = await ctx.trash.keep(tree.entryPath(parent, name), entry, about);
    }),
  );
  tree.remove(parent, name);
  if (kept !== undefined) ctx.origins.move(path, trashedPath(kept), entry?.node !== undefined);
  else ctx.origins.drop(path, false);
  ctx.lowerMemory.forget();
  if (entry?.node !== undefined || (entry !== undefined && lower.kind === "directory")) {
    // Everything beneath may be different now: "changed" would speak of the folder alone.
    ctx.events.queue("deleted", path);
    if (inLower) ctx.events.queue("created", path);
  } else if (entry !== undefined || inLower) ctx.events.queue(entry === undefined ? "created" : inLower ? "changed" : "deleted", path); // a whiteout of nothing hid nothing
  return directory;
}

/** The topmost folder above that is in upper alone: resetting it is what brings a lower's content back, if any. */
function highestWithoutLower(tree: Tree, directory: UpperDirectory): OverlayPath {
  let at = directory;
  while (at.parent?.parent !== undefined && at.parent.content?.below === undefined) at = at.parent;
  return tree.pathOf(at);
}
