/**
 * Undo: what was dropped goes back to its place, with its whiteout, opaque mark or redirect as it was. INV-11: whatever
 * stands in the way refuses before anything is touched, naming the path. An entry comes by one rename under the
 * namespace lock, exclusively; a whole upper as in switchUpper.ts.
 */
import { again, type Again, type Context } from "./context.js";
import { copyUpDirectory } from "./copyUp.js";
import { makeOpaque, reloadIfFailed } from "./create.js";
import { unshare } from "./copyWithin.js";
import { findItem } from "./dropped.js";
import { isCode, Refusal } from "./errors.js";
import { changesBetween } from "./layerDiff.js";
import { noLayers } from "./layers.js";
import { foundPath, lookup, type Lookup, type Place } from "./lookup.js";
import { readMarked, redirectMarker } from "./markers.js";
import { childPath, type OverlayPath, parentPath } from "./paths.js";
import { removeAny } from "./remove.js";
import { rename } from "./rename.js";
import { type TrashItem, type TrashRecord, trashedPath } from "./trash.js";
import type { UpperContent, UpperDirectory } from "./tree.js";
import { bringBackLayers } from "./undoLayers.js";
import { askFirst, removeVoidWhiteout } from "./whiteout.js";

/**
 * @throws Refusal ENOENT (no such id, or its folder is not there), EEXIST (something newer is in the way), EINVAL (its
 * path is not known, or the layers it needs are gone), EROFS; LayerError.
 */
export async function bringBack(ctx: Context, id: string, replace: boolean): Promise<void> {
  if (ctx.layers.dropped(id) !== undefined) return bringBackLayers(ctx, id, replace);
  const item = await findItem(ctx, id);
  const { record } = item;
  if (record === undefined) {
    throw new Refusal("EINVAL", `where it was is not known: the program ended before that was written down. It lies in the overlay's trash as '${id}'`);
  }
  const later = record.renamedTo === undefined ? undefined : await freeForRename(ctx, record.renamedTo, record);
  if (item.type === "whiteout") await hideAgain(ctx, record);
  else await placeEntry(ctx, item, record);
  if (record.renamedTo === undefined) return;
  // Whole operations each: what the lowers have there is hidden again, then it has its name back.
  if (later === "covered") await removeAny(ctx, record.renamedTo, true);
  await rename(ctx, record.path, record.renamedTo, { overwrite: false });
}

const inTheWay = (path: string): Refusal => new Refusal("EEXIST", `'${path}' is in the way: it was made or changed since. Rename it, or delete it, first`);

/** Whether the name to which it goes back is free, or shows what the lowers have. */
async function freeForRename(ctx: Context, path: OverlayPath, record: TrashRecord): Promise<"free" | "covered"> {
  const found = await find(ctx, path);
  if (found.kind === "absent") return "free";
  await checkOlder(ctx, found, path, record);
  return "covered";
}

function isInUpper(found: Lookup): boolean {
  return found.kind === "upper" || (found.kind === "directory" && found.place.upper !== undefined);
}

/**
 * What stands there must be what the lowers had when it was dropped: what upper has, or what was frozen since, is newer.
 * @throws Refusal EEXIST.
 */
async function checkOlder(ctx: Context, found: Lookup, path: OverlayPath, { top }: TrashRecord): Promise<void> {
  if (isInUpper(found)) throw inTheWay(path);
  const { layers } = ctx;
  if (found.kind === "absent" || top === layers.top) return;
  const then = top !== undefined && layers.state.snapshots.some(({ id }) => id === top) ? top : "base";
  if ((await changesBetween(ctx, layers.root, layers.view(then), path)).length > 0) throw inTheWay(path);
}

/** The folder that it was in must be there, as a folder, under the same name. */
async function find(ctx: Context, path: OverlayPath): Promise<Exclude<Lookup, { kind: "outside" }>> {
  const parent = parentPath(path);
  try {
    const found = await lookup(ctx, path, { follow: false });
    if (found.kind !== "outside" && foundPath(found) === path) return found;
  } catch (error) {
    if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
    throw new Refusal("ENOENT", `the folder '${parent}' that it was in is not there; bring that back, or make it, first`, { cause: error });
  }
  throw new Refusal("EEXIST", `'${parent}' is in the way: it leads somewhere else by now`);
}

async function hideAgain(ctx: Context, record: TrashRecord): Promise<void> {
  const found = await find(ctx, record.path);
  await checkOlder(ctx, found, record.path, record);
  if (found.kind !== "absent") await removeAny(ctx, record.path, true);
  await ctx.trash.gone(record.id);
}

/** What a folder must say for itself where it goes, so that it shows what it showed. */
type Fix = { readonly kind: "none" | "opaque" } | { readonly kind: "redirect"; readonly staged: string };

async function placeEntry(ctx: Context, item: TrashItem, record: TrashRecord): Promise<void> {
  const slot = `trash/${item.id}`;
  for (;;) {
    const { top } = ctx.layers;
    const found = await find(ctx, record.path);
    await checkOlder(ctx, found, record.path, record);
    const place: Place | undefined = found.kind === "directory" ? found.place.parent : found.place;
    if (place === undefined) throw new Refusal("EBUSY");
    const name = found.kind === "directory" ? found.place.name : found.name;
    if (item.type === "directory" && record.top !== top) await checkNeedsNoLower(ctx, slot, record);
    if (ctx.layers.state.next > noLayers.next) await unshare(ctx, slot); // there has been another upper
    const parent = await copyUpDirectory(ctx, place);
    if (parent === again) continue;
    const { content } = parent;
    if (content === undefined) continue;
    const fix: Fix = item.type === "directory" ? await fixFor(ctx, slot, record, content, name) : { kind: "none" };
    await askFirst(ctx, parent, name);
    try {
      const outcome = await ctx.locks.exclusive(() => (ctx.layers.top === top ? putBack(ctx, parent, name, content, fix, item, record) : Promise.resolve(again)));
      if (outcome === again) continue;
      await ctx.work.syncDirectories(outcome);
      return;
    } finally {
      if (fix.kind === "redirect") await ctx.work.discard(fix.staged);
    }
  }
}

/**
 * A folder that showed what lay below it, dropped from an upper over other layers than now: what it would show there is
 * something else. One that has all it showed can go anywhere.
 */
async function checkNeedsNoLower(ctx: Context, slot: string, record: TrashRecord): Promise<void> {
  if (record.lower === undefined && !(await holdsRedirect(ctx, slot))) return;
  throw new Refusal("EINVAL", `the folder '${record.path}' showed what lay below it, and those layers are not the ones below now; reset to the snapshot that it was changed over first`);
}

async function holdsRedirect(ctx: Context, directory: string): Promise<boolean> {
  const { children, shape } = await readMarked(ctx.scratch, directory, ctx.env);
  if (shape.kind === "redirect") return true;
  for (const { name, type } of children) if (type === "directory" && (await holdsRedirect(ctx, `${directory}/${name}`))) return true;
  return false;
}

async function fixFor(ctx: Context, slot: string, record: TrashRecord, parent: UpperContent, name: string): Promise<Fix> {
  let shape;
  try {
    shape = (await readMarked(ctx.scratch, slot, ctx.env)).shape;
  } catch (error) {
    if (isCode(error, "EIO")) return { kind: "none" }; // a damaged redirect: it comes back as it was
    throw error;
  }
  if (shape.kind !== "plain") return { kind: "none" };
  if (record.lower === undefined) return { kind: parent.below === undefined ? "none" : "opaque" };
  if (parent.below !== undefined && childPath(parent.below.path, name) === record.lower) return { kind: "none" };
  return { kind: "redirect", staged: await ctx.work.stageSynced(ctx.env.encode(record.lower)) };
}

/** Under the namespace lock, exclusively. */
async function putBack(
  ctx: Context, parent: UpperDirectory, name: string, content: UpperContent, fix: Fix, item: TrashItem, record: TrashRecord,
): Promise<string | Again> {
  const { tree } = ctx;
  if (parent.content !== content || !tree.isAttached(parent) || tree.entry(parent, name) !== undefined) return again;
  const slot = `trash/${item.id}`;
  const directory = tree.upperPath(parent);
  const isDirectory = item.type === "directory";
  const lower = content.below === undefined || tree.isWhitedOut(parent, name) ? undefined : await content.below.lookup(name);
  await reloadIfFailed(ctx, parent, () => ctx.work.inside(directory, false, async () => {
    if (fix.kind === "opaque") await ctx.work.inside(slot, true, () => makeOpaque(ctx, slot));
    if (fix.kind === "redirect") await ctx.work.inside(slot, true, () => ctx.scratch.rename(fix.staged, `${slot}/${redirectMarker}`));
    if (isDirectory) await ctx.work.moveDirectory(slot, `${directory}/${name}`);
    else await ctx.scratch.rename(slot, `${directory}/${name}`);
    if (isDirectory) tree.addUnread(parent, name);
    else if (item.type !== "whiteout") tree.add(parent, name, item.type);
    ctx.origins.move(trashedPath(item.id), record.path, isDirectory);
    const path = tree.mergedPath(parent, name);
    if (lower === undefined || lower.kind === "absent") ctx.events.queue("created", path);
    else if (isDirectory || lower.kind === "directory") {
      ctx.events.queue("deleted", path);
      ctx.events.queue("created", path);
    } else ctx.events.queue("changed", path);
    await removeVoidWhiteout(ctx, parent, name);
  }));
  return directory;
}
