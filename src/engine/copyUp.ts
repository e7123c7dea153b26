/**
 * Copy-up: lower -> work -> upper, before the first change of an entry. Keeps INV-3 (nobody sees part of a copy),
 * INV-4 (an unlink that comes meanwhile wins), INV-5 (one copy per entry), INV-6 (data is copied without any lock),
 * INV-11 (what fails leaves nothing). Takes the namespace lock and the parent's lock, both shared, for the publish alone.
 *
 *   copy-up meets          and this is why it comes out right
 *   another copy-up        the registry lets one copy; the others wait without a lock, then look again
 *   unlink, rmdir, reset   they do not wait; the publish finds the whiteout, or the parent gone, and discards the copy
 *   overwriting rename     the publish finds the name taken in upper: the renamed file stays, the copy is discarded
 *   rename of the source   it copies up itself first (here, so it waits its turn), then moves the whole copy
 *   rename of a parent     the key is the node, not the path: the copy is published where the node now is
 *   chmod                  it waits its turn here, then changes the upper copy under the parent's lock
 *   a reader               it has the lower file open, whole, until the publish, and keeps it afterwards
 *   stat, readdir          one link publishes: before it the lower, after it the upper, never neither
 */
import { again, type Again, type Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { isCode, Refusal } from "./errors.js";
import { alone, keepingTimes, rememberTimes } from "./keepTimes.js";
import { lookup, type Place } from "./lookup.js";
import type { LowerFile } from "./lowerView.js";
import { checkChangeable } from "./markers.js";
import { childPath, type OverlayPath } from "./paths.js";
import { chownIfAllowed, type CopyOptions, sameFile, type Staged, stageCopy, type StageOptions } from "./stage.js";
import type { UpperDirectory } from "./tree.js";

/** How often a lower file may change under the copying hand before that is said: EBUSY. */
const maxCopies = 5;

/** An entry that is now in upper: a name in a directory's node, or the root. */
export type Upper =
  | { readonly kind: "entry"; readonly directory: UpperDirectory; readonly name: string }
  | { readonly kind: "directory"; readonly directory: UpperDirectory };

/**
 * Makes sure that what `path` leads to has its upper copy. Another operation may change that before the caller's next
 * step: it locks and looks again.
 * @throws Refusal ENOENT, ENOTDIR, ELOOP, EROFS (outside the base), ENOTSUP (a special file), EBUSY, ECANCELED; LayerError.
 */
export async function copyUp(ctx: Context, path: OverlayPath, follow: boolean, options: CopyOptions = {}): Promise<Upper> {
  for (;;) {
    checkCancelled(options.signal);
    const found = await lookup(ctx, path, { follow });
    switch (found.kind) {
      case "absent":
        throw new Refusal("ENOENT");
      case "outside":
        throw outsideRefusal(found.physical);
      case "upper":
        return { kind: "entry", directory: found.directory, name: found.name };
      case "directory": {
        const directory = await copyUpDirectory(ctx, found.place);
        if (directory !== again) return { kind: "directory", directory };
        break;
      }
      case "lower": {
        const parent = await copyUpDirectory(ctx, found.place);
        if (parent !== again) await copyUpEntry(ctx, parent, found.name, options, found.file);
        break; // done, or overtaken: the next look tells
      }
    }
  }
}

export function outsideRefusal(physical: string): Refusal {
  return new Refusal("EROFS", `it leads to '${physical}', outside the overlay, which is only ever read`);
}

/**
 * Makes sure that a directory of merged has its upper directory, its ancestors first. It has the lower's mode, owner
 * and times from the moment it appears. Nothing of its content is copied.
 * @returns the node, or `again` when another operation overtook this one.
 */
export async function copyUpDirectory(ctx: Context, place: Place): Promise<UpperDirectory | Again> {
  if (place.upper !== undefined) return place.upper;
  if (place.parent === undefined || place.below === undefined) return again;
  const { name, below } = place;
  const parent = await copyUpDirectory(ctx, place.parent);
  if (parent === again) return again;
  checkChangeable(name);

  const outcome = await ctx.registry.run(parent, ctx.tree.key(name), undefined, async () => {
    const present = ctx.tree.entry(parent, name);
    if (present !== undefined) return present.node ?? again;
    const stat = await below.stat();
    if (stat.type !== "directory") return again;
    const staged = ctx.work.temp();
    await ctx.scratch.makeDirectory(staged, 0o700);
    let published = false as boolean; // set under the lock
    try {
      await chownIfAllowed(ctx, stat, (uid, gid) => ctx.scratch.chown(staged, uid, gid));
      await ctx.scratch.chmod(staged, stat.mode);
      await ctx.scratch.utimes(staged, stat.atimeMs, stat.mtimeMs);
      return await keepingTimes(ctx, parent, async (isAlone) => {
        if (!isFree(ctx, parent, name)) return again;
        const directory = ctx.tree.upperPath(parent);
        const known = await rememberTimes(ctx, parent);
        if (ctx.work.isLocked(known) && !isAlone) return alone;
        await ctx.work.inside(directory, false, () => ctx.work.moveDirectory(staged, `${directory}/${name}`), known);
        published = true;
        ctx.events.queue("changed", ctx.tree.mergedPath(parent, name));
        return ctx.tree.addDirectoryCopy(parent, name, below);
      });
    } finally {
      if (!published) await ctx.work.discardTree(staged);
    }
  });
  if (outcome === "waited" || outcome === again || outcome === alone) return again;
  await ctx.work.syncDirectories(ctx.tree.upperPath(parent));
  return outcome;
}

/**
 * Steps 2 to 7 of the protocol for one name of a directory that is in upper. Returns when there is a reason to look
 * again: published, another one published, or the name is no lower entry any more.
 * @param looked what the caller's own look found in the lower; whether it still is that is asked before the publish.
 * @returns true when what was published is this one's own copy with what it was to add: then all is done.
 */
export async function copyUpEntry(
  ctx: Context, parent: UpperDirectory, name: string, options: StageOptions, looked?: LowerFile,
): Promise<boolean> {
  checkChangeable(name);
  const added = await ctx.registry.run(parent, ctx.tree.key(name), options.signal, async () => {
    for (let copies = 0; copies < maxCopies; copies++) {
      // Look, now that the registry is ours. No load here: without content the caller's walk loads it.
      if (!isFree(ctx, parent, name)) return false;
      const found = copies === 0 && looked !== undefined ? looked : await parent.content?.below?.lookup(name);
      if (found?.kind !== "other") return false;

      const staged = await stageCopy(ctx, found, options);
      if (staged === undefined) continue;
      const outcome = await publish(ctx, parent, name, found, staged);
      if (outcome !== "changed") return outcome === "published" && staged.added;
    }
    throw new Refusal("EBUSY", "the file in the base keeps changing while it is copied; try again when it is at rest");
  });
  return added === true;
}

/** Steps 5 to 7: lock, look again, link. The staged copy is used up or discarded. */
async function publish(ctx: Context, parent: UpperDirectory, name: string, file: LowerFile, staged: Staged): Promise<"published" | "overtaken" | "changed"> {
  let published = false as boolean; // set under the lock
  try {
    const outcome = await keepingTimes(ctx, parent, async (isAlone) => {
      // An unlink, rename, reset or another publish was first: its outcome stands, the caller looks again.
      if (!isFree(ctx, parent, name)) return "overtaken";
      const known = await rememberTimes(ctx, parent);
      if (ctx.work.isLocked(known) && !isAlone) return alone;
      const directory = ctx.tree.upperPath(parent);
      try {
        const outcome = await ctx.work.inside(directory, false, () => publishUnchanged(ctx, staged, file, `${directory}/${name}`), known);
        if (outcome === "changed") return outcome;
      } catch (error) {
        await ctx.tree.reloadName(parent, name);
        if (isCode(error, "EEXIST", "ENOENT")) return "overtaken"; // the tree was wrong and now is right: look again
        throw error;
      }
      published = true;
      ctx.tree.addCopy(parent, name, file.stat.type);
      const below = parent.content?.below;
      if (below !== undefined) ctx.origins.set(ctx.tree.mergedPath(parent, name), childPath(below.path, name), staged.print);
      ctx.events.queue("changed", ctx.tree.mergedPath(parent, name));
      return "published";
    });
    if (published) await ctx.work.syncDirectories(ctx.tree.upperPath(parent));
    return outcome === alone ? "changed" : outcome;
  } finally {
    if (!published) await ctx.work.discard(staged.path);
  }
}

/** Whether a name is in the lower's hands alone, as far as the tree says: attached parent, no upper entry, no whiteout. */
function isFree(ctx: Context, parent: UpperDirectory, name: string): boolean {
  return (
    parent.content !== undefined &&
    ctx.tree.isAttached(parent) &&
    ctx.tree.entry(parent, name) === undefined &&
    !ctx.tree.isWhitedOut(parent, name)
  );
}

/** Only while the entry is still the one that was copied: else it would be published over a change that nobody has seen copied. */
async function publishUnchanged(ctx: Context, staged: Staged, file: LowerFile, target: string): Promise<"published" | "changed"> {
  const outcome = await ctx.work.publishInOneStep(staged.path, target, file.layer, file.layerPath, staged.print);
  if (outcome !== undefined) return outcome;
  if (!sameFile(staged.print, await fingerprintIfThere(file))) return "changed";
  await ctx.work.publish(staged.path, target);
  return "published";
}

const gone = { size: -1n, mtimeNs: 0n, ctimeNs: 0n, dev: 0n, ino: 0n };

async function fingerprintIfThere(file: LowerFile) {
  try {
    return await file.layer.fingerprint(file.layerPath);
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return gone;
    throw error;
  }
}
