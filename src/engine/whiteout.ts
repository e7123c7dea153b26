/**
 * Making and taking away whiteouts. A whiteout that is made while its name stands in upper is void until the name goes:
 * so it comes first, and one unlink or rename then decides (INV-4, INV-8). All called under the directory's mutex, or
 * the namespace lock exclusively.
 */
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import type { LowerFound } from "./lowerView.js";
import { whiteoutName } from "./markers.js";
import type { UpperDirectory } from "./tree.js";

/** Whether the lower that this directory merges has the name: then a name that goes needs a whiteout. */
export async function lowerHas(directory: UpperDirectory, name: string): Promise<boolean> {
  return (await lowerOfName(directory, name)).kind !== "absent";
}

/** What the lower that this directory merges has under a name. */
export async function lowerOfName(directory: UpperDirectory, name: string): Promise<LowerFound> {
  return directory.content?.below === undefined ? { kind: "absent" } : directory.content.below.lookup(name);
}

/** The same for a name that is to go from upper. @throws Refusal EIO when the base only looks as if it had no such name. */
export async function lowerToHide(ctx: Context, directory: UpperDirectory, name: string): Promise<LowerFound> {
  const found = await lowerOfName(directory, name);
  if (found.kind === "absent" && directory.content?.below !== undefined && !ctx.tree.isWhitedOut(directory, name)) await ctx.baseRoot.check();
  return found;
}

/**
 * Before a lock is taken: has a lower whose calls are costly say what it has under a name, so that under the lock it answers
 * from memory and nobody waits there for it. Its fault ends the operation before anything was changed.
 */
export async function askFirst({ base }: Context, directory: UpperDirectory, name: string): Promise<void> {
  if (base.layer.costly === true) await lowerOfName(directory, name);
}

/** Makes a whiteout unless there is one. Returns whether it was made now, so that a failing caller can take it back. */
export async function makeWhiteout(ctx: Context, directory: UpperDirectory, name: string): Promise<boolean> {
  if (ctx.tree.isWhitedOut(directory, name)) return false;
  const path = ctx.tree.entryPath(directory, whiteoutName(name));
  try {
    await (await ctx.scratch.create(path, 0o644)).close();
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
  ctx.tree.addWhiteout(directory, name);
  return true;
}

/** @throws LayerError; a whiteout that is not there is no error. */
export async function removeWhiteout(ctx: Context, directory: UpperDirectory, name: string): Promise<void> {
  if (!ctx.tree.isWhitedOut(directory, name)) return;
  await unlinkMarker(ctx, ctx.tree.entryPath(directory, whiteoutName(name)), ctx.tree.entryPath(directory, name));
  ctx.tree.removeWhiteout(directory, name);
}

/** A whiteout is our marker, or a character device 0/0 of the name itself (fuse-overlayfs). */
async function unlinkMarker(ctx: Context, marker: string, device: string): Promise<void> {
  try {
    await ctx.scratch.unlink(marker);
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
    const stat = await ctx.scratch.lstat(device).catch((fault: unknown) => {
      if (isCode(fault, "ENOENT")) return undefined;
      throw fault;
    });
    if (stat?.type === "character" && stat.rdev === 0) await ctx.scratch.unlink(device);
  }
}

/** Another tool's whiteout, a device under the name itself, in our form: `instead` makes ours, which counts beside it too. */
export async function removeDeviceWhiteout(ctx: Context, directory: UpperDirectory, name: string, instead: () => Promise<unknown>): Promise<void> {
  const device = ctx.tree.entryPath(directory, name);
  const stat = await ctx.scratch.lstat(device).catch((fault: unknown) => {
    if (isCode(fault, "ENOENT")) return undefined;
    throw fault;
  });
  if (stat?.type !== "character" || stat.rdev !== 0) return;
  ctx.tree.removeWhiteout(directory, name);
  await instead();
  await ctx.scratch.unlink(device);
}

/**
 * Takes away a whiteout that has just become void, after the operation has succeeded. A failure changes nothing that
 * anyone can see, so it is logged and the marker stays.
 */
export async function removeVoidWhiteout(ctx: Context, directory: UpperDirectory, name: string): Promise<void> {
  try {
    await removeWhiteout(ctx, directory, name);
  } catch (error) {
    ctx.env.log("warn", `a void whiteout of '${name}' stays: ${String(error)}`);
  }
}

/** Takes back a whiteout that a failing operation made. */
export const takeBackWhiteout = removeVoidWhiteout;
