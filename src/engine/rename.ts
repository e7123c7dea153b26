/**
 * Rename. Whatever the size, one rename(2) decides (INV-7, INV-8): what must hold beside it is made before and means
 * nothing until then (a void whiteout, a redirect to where the directory is anyway, an opaque mark on a directory that
 * has no lower), or is cleared after (the target's whiteout, void from then on).
 * Locks: a file takes the namespace lock shared and both parents' mutexes; a directory takes it exclusively.
 */
import { again, type Again, type Context } from "./context.js";
import { copyUpDirectory, copyUpEntry, outsideRefusal } from "./copyUp.js";
import { makeOpaque, reloadIfFailed } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import { foundPath, lookup, type Lookup, type Place } from "./lookup.js";
import { checkChangeable, checkCreatable, redirectMarker, whiteoutName } from "./markers.js";
import type { Under } from "./originRecords.js";
import { baseName, isWithin, type OverlayPath } from "./paths.js";
import { checkEmpty } from "./remove.js";
import type { CopyOptions } from "./stage.js";
import { nothingUnder, underOf } from "./stale.js";
import type { UpperDirectory } from "./tree.js";
import { askFirst, lowerHas, lowerOfName, lowerToHide, makeWhiteout, removeVoidWhiteout, takeBackWhiteout } from "./whiteout.js";

export interface RenameOptions extends CopyOptions {
  readonly overwrite: boolean;
}

type Source = Exclude<Lookup, { kind: "absent" | "outside" }>;
type Target = Exclude<Lookup, { kind: "outside" }>;

type Done = "done";

/** A name in a directory that is in upper. */
interface Slot {
  readonly directory: UpperDirectory;
  readonly name: string;
}

/** @throws Refusal ENOENT, EEXIST, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL, EBUSY, EROFS, EXDEV, ENAMETOOLONG, ECANCELED; LayerError. */
export async function rename(ctx: Context, from: OverlayPath, to: OverlayPath, options: RenameOptions): Promise<void> {
  for (;;) {
    const found = await lookup(ctx, from, { follow: false });
    let target = targetOf(await lookup(ctx, to, { follow: false }));
    if (isRoot(found) || isRoot(target)) throw new Refusal("EBUSY", "the root of an overlay cannot be renamed");
    const source = sourceOf(found);
    target = freeOfItself(ctx, source, target, to);
    if (await isSameEntry(ctx, source, target)) {
      if (!options.overwrite) throw new Refusal("EEXIST");
      return;
    }
    await check(ctx, source, target, options);

    const slots = await prepare(ctx, source, target, options);
    if (slots === again) continue;
    for (const { directory, name } of [slots.from, slots.to]) await askFirst(ctx, directory, name);
    const done = source.kind === "directory"
      ? await renameDirectory(ctx, from, to, slots, options)
      : await ctx.locks.shared([slots.from.directory, slots.to.directory], () => renameFile(ctx, slots.from, slots.to, target));
    if (done === again) continue;
    // The moved folder first: under its new name it is nothing without its redirect.
    const moved = source.kind === "directory" ? [ctx.tree.entryPath(slots.to.directory, slots.to.name)] : [];
    await ctx.work.syncDirectories(...moved, ctx.tree.upperPath(slots.to.directory), ctx.tree.upperPath(slots.from.directory));
    return;
  }
}

function isRoot(found: Lookup): boolean {
  return found.kind === "directory" && found.place.parent === undefined;
}

function sourceOf(found: Lookup): Source {
  if (found.kind === "outside") throw outsideRefusal(found.physical);
  if (found.kind === "absent") throw new Refusal("ENOENT");
  return found;
}

function targetOf(found: Lookup): Target {
  if (found.kind === "outside") throw outsideRefusal(found.physical);
  return found;
}

/** Where case does not count, a name whose case alone is to change is free: what stands in its way is the source itself. */
function freeOfItself(ctx: Context, source: Source, target: Target, to: OverlayPath): Target {
  if (ctx.tree.caseSensitive || target.kind === "absent" || ctx.tree.key(foundPath(source)) !== ctx.tree.key(foundPath(target))) return target;
  const place = parentOf(target);
  const name = baseName(to);
  return place === undefined || name === nameOf(source) ? target : { kind: "absent", place, name, hidden: false };
}

/** Two names of one inode, or one name: rename(2) does nothing then, before it looks at anything else. */
async function isSameEntry(ctx: Context, source: Source, target: Target): Promise<boolean> {
  if (target.kind === "absent") return false;
  if (foundPath(source) === foundPath(target)) return true;
  if (source.kind !== "upper" || target.kind !== "upper") return false;
  try {
    const a = await ctx.scratch.lstat(ctx.tree.entryPath(source.directory, source.name));
    const b = await ctx.scratch.lstat(ctx.tree.entryPath(target.directory, target.name));
    return a.nlink > 1 && a.ino === b.ino && a.dev === b.dev;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false; // raced: the look under the lock finds out
    throw error;
  }
}

/** The rules of rename(2), and ours for names. Pure but for the look into a target directory. */
async function check(ctx: Context, source: Source, target: Target, options: RenameOptions): Promise<void> {
  const from = foundPath(source);
  const to = foundPath(target);
  checkChangeable(nameOf(source));
  checkCreatable(nameOf(target));
  if (target.kind !== "absent" && !options.overwrite) throw new Refusal("EEXIST");
  if (source.kind === "directory" && isWithin(to, from)) throw new Refusal("EINVAL", "a folder cannot be moved into itself");
  if (target.kind === "absent") return;
  if (isWithin(from, to)) throw new Refusal("ENOTEMPTY");
  if (source.kind === "directory" && target.kind !== "directory") throw new Refusal("ENOTDIR");
  if (source.kind !== "directory" && target.kind === "directory") throw new Refusal("EISDIR");
  if (target.kind === "directory") await checkEmpty(ctx, target.place);
}

function nameOf(found: Target): string {
  return found.kind === "directory" ? found.place.name : found.name;
}

/** Before anything is copied: a source that a lower has needs a whiteout, which must have room for its name. */
function checkHideable(source: Source, name: string): void {
  if (source.kind === "lower" || (source.kind === "directory" && source.place.below !== undefined)) whiteoutName(name);
}

/** Copies up what has to be in upper, without any lock: the source (a directory itself, not its content), both parents. */
async function prepare(ctx: Context, source: Source, target: Target, options: CopyOptions): Promise<{ from: Slot; to: Slot } | Again> {
  checkHideable(source, nameOf(source));
  if (source.kind === "lower" && source.file.stat.type !== "file" && source.file.stat.type !== "symlink") {
    throw new Refusal("EXDEV", `a ${source.file.stat.type} of the base cannot be moved`);
  }
  const fromPlace = parentOf(source);
  const toPlace = parentOf(target);
  if (fromPlace === undefined || toPlace === undefined) throw new Refusal("EBUSY");
  const fromDirectory = await copyUpDirectory(ctx, fromPlace);
  const toDirectory = await copyUpDirectory(ctx, toPlace);
  if (fromDirectory === again || toDirectory === again) return again;
  if (source.kind === "directory") {
    if ((await copyUpDirectory(ctx, source.place)) === again) return again;
  } else if (source.kind === "lower") {
    await copyUpEntry(ctx, fromDirectory, source.name, options);
  }
  return { from: { directory: fromDirectory, name: nameOf(source) }, to: { directory: toDirectory, name: nameOf(target) } };
}

function parentOf(found: Target): Place | undefined {
  return found.kind === "directory" ? found.place.parent : found.place;
}

/** Under both parents' mutexes. */
async function renameFile(ctx: Context, from: Slot, to: Slot, target: Target): Promise<Done | Again> {
  const { tree } = ctx;
  const entry = tree.entry(from.directory, from.name);
  if (entry === undefined || entry.node !== undefined) return again;
  if (!tree.isAttached(from.directory) || !tree.isAttached(to.directory)) return again;
  // The target may have been copied up meanwhile, not made, deleted or replaced by a directory.
  const there = tree.entry(to.directory, to.name);
  if (there?.node !== undefined) return again;
  // Its own name in another case is in nobody's way.
  const beneath = there === undefined && !tree.isWhitedOut(to.directory, to.name) ? await lowerOfName(to.directory, to.name) : undefined;
  const present = there !== entry && (there !== undefined || (beneath !== undefined && beneath.kind !== "absent"));
  if (present !== (target.kind !== "absent")) return again;
  if (there === undefined && present && target.kind !== "lower") return again;

  const source = tree.entryPath(from.directory, from.name);
  const fromPath = tree.mergedPath(from.directory, from.name);
  const toPath = tree.mergedPath(to.directory, to.name);
  await inBoth(ctx, from, to, async () => {
    const hidden = await lowerToHide(ctx, from.directory, from.name);
    const made = hidden.kind !== "absent" && (await makeWhiteout(ctx, from.directory, from.name));
    try {
      await ctx.scratch.rename(source, tree.entryPath(to.directory, to.name));
    } catch (error) {
      if (made) await takeBackWhiteout(ctx, from.directory, from.name);
      throw error;
    }
    tree.remove(from.directory, from.name);
    tree.add(to.directory, to.name, entry.type);
    tree.moved(entry, to.directory, to.name);
    const over = beneath?.kind === "absent" ? nothingUnder(to.directory, to.name) : beneath && underOf(to.directory, to.name, beneath);
    ctx.origins.move(fromPath, toPath, false, { was: underOf(from.directory, from.name, hidden), over });
    ctx.events.queue("deleted", fromPath);
    ctx.events.queue(present ? "changed" : "created", toPath);
    await removeVoidWhiteout(ctx, to.directory, to.name);
  });
  return "done";
}

/** Both parents writable for the change; read again when a step fails. */
async function inBoth(ctx: Context, from: Slot, to: Slot, change: () => Promise<void>): Promise<void> {
  const outer = ctx.tree.upperPath(from.directory);
  const inner = ctx.tree.upperPath(to.directory);
  await reloadIfFailed(ctx, from.directory, () =>
    reloadIfFailed(ctx, to.directory, () =>
      ctx.work.inside(outer, false, () => (outer === inner ? change() : ctx.work.inside(inner, false, change))),
    ),
  );
}

/** Stages the redirect that the directory may need before it takes the lock: it is synced, and nothing is under a lock. */
async function renameDirectory(ctx: Context, from: OverlayPath, to: OverlayPath, slots: { from: Slot; to: Slot }, options: RenameOptions): Promise<Done | Again> {
  const node = ctx.tree.entry(slots.from.directory, slots.from.name)?.node;
  const content = node?.content;
  if (node === undefined || content === undefined) return again;
  const { below } = content;
  const merges = below !== undefined && ((await below.isThere?.()) ?? true);
  const redirect = merges && content.shape.kind !== "redirect" ? { staged: await ctx.work.stageSynced(ctx.env.encode(below.path)), to: below.path } : undefined;
  let leftover: string | undefined;
  try {
    return await ctx.locks.exclusive(async () => {
      const source = sourceOf(await lookup(ctx, from, { follow: false, held: true }));
      const target = freeOfItself(ctx, source, targetOf(await lookup(ctx, to, { follow: false, held: true })), to);
      if (source.kind !== "directory" || source.place.upper !== node || source.place.parent?.upper !== slots.from.directory) return again;
      if (parentOf(target)?.upper !== slots.to.directory || nameOf(target) !== slots.to.name) return again;
      if (node.content !== content || content.below !== below) return again;
      await check(ctx, source, target, options);
      leftover = await moveDirectory(ctx, node, redirect, slots, target.kind === "directory" ? target.place : undefined);
      return "done" as const;
    });
  } finally {
    if (redirect !== undefined) await ctx.work.discard(redirect.staged);
    if (leftover !== undefined) await ctx.work.discardTree(leftover);
  }
}

/**
 * Under the namespace lock, exclusively. Constant in cost.
 * @param empty the visibly empty directory that is renamed over, if there is one.
 * @returns a tree in work/ to be deleted when the lock is gone.
 */
async function moveDirectory(
  ctx: Context, node: UpperDirectory, redirect: { staged: string; to: OverlayPath } | undefined,
  { from, to }: { from: Slot; to: Slot }, empty: Place | undefined,
): Promise<string | undefined> {
  const { tree } = ctx;
  const source = tree.entryPath(from.directory, from.name);
  const destination = tree.entryPath(to.directory, to.name);
  const fromPath = tree.mergedPath(from.directory, from.name);
  const toPath = tree.mergedPath(to.directory, to.name);
  let leftover: string | undefined;
  let was: Under | undefined;
  await inBoth(ctx, from, to, async () => {
    await fixContent(ctx, node, source, redirect, to);
    const undo: (() => Promise<void>)[] = [];
    try {
      if (empty !== undefined) leftover = await clearTarget(ctx, to, empty, undo);
      const hidden = await lowerToHide(ctx, from.directory, from.name);
      // What a renamed folder of the base has now is shown under its new name: of that nothing is hidden.
      if (node.content?.shape.kind !== "redirect") was = underOf(from.directory, from.name, hidden);
      if (hidden.kind !== "absent" && (await makeWhiteout(ctx, from.directory, from.name))) {
        undo.push(() => takeBackWhiteout(ctx, from.directory, from.name));
      }
      await ctx.work.moveDirectory(source, destination);
    } catch (error) {
      leftover = undefined;
      for (const step of undo.reverse()) await step();
      throw error;
    }
    tree.remove(from.directory, from.name);
    node.parent = to.directory;
    node.name = to.name;
    tree.add(to.directory, to.name, "directory", node);
    ctx.origins.move(fromPath, toPath, true, { was });
    ctx.events.queue("deleted", fromPath);
    ctx.events.queue("created", toPath);
    await removeVoidWhiteout(ctx, to.directory, to.name);
  });
  return leftover;
}

/**
 * Makes the directory say for itself what its lower content is, before it moves: at the old place that changes nothing.
 * A redirect that it has already stays: it names the same lower content wherever the directory is.
 */
async function fixContent(ctx: Context, node: UpperDirectory, source: string, redirect: { staged: string; to: OverlayPath } | undefined, to: Slot): Promise<void> {
  const { content } = node;
  if (content === undefined) return;
  if (redirect !== undefined) {
    await ctx.work.inside(source, true, () => ctx.scratch.rename(redirect.staged, `${source}/${redirectMarker}`));
    ctx.tree.setShape(node, { kind: "redirect", to: redirect.to });
  } else if (content.shape.kind === "plain" && to.directory.content?.below !== undefined) {
    await ctx.work.inside(source, true, () => makeOpaque(ctx, source));
    ctx.tree.setShape(node, { kind: "opaque" });
  }
}

/**
 * An empty directory of upper that is renamed over goes first; a crash here may leave it gone, and nothing else (INV-7).
 * The tree keeps it until the rename, so that nobody sees its name absent. One that only a lower has stays as it is: what
 * comes says for itself that it hides it.
 */
async function clearTarget(ctx: Context, to: Slot, empty: Place, undo: (() => Promise<void>)[]): Promise<string | undefined> {
  if (empty.upper === undefined) return undefined;
  if ((await lowerHas(to.directory, to.name)) && (await makeWhiteout(ctx, to.directory, to.name))) {
    undo.push(() => takeBackWhiteout(ctx, to.directory, to.name));
  }
  const path = ctx.tree.entryPath(to.directory, to.name);
  const leftover = ctx.work.temp();
  await ctx.work.moveDirectory(path, leftover);
  undo.push(() => ctx.work.moveDirectory(leftover, path));
  return leftover;
}
