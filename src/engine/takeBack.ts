/**
 * The upper comes back from another tool that wrote it (lend.ts): its form of whiteouts becomes ours, those that hide nothing
 * and copies that are what the lower has go, and what was copied up or hidden meanwhile gets its record of origin. Nothing
 * that merged shows changes, so every step may fail, or be cut short by a crash, and only tidies less. One walk of upper,
 * under the namespace lock, exclusively: nobody uses the overlay yet.
 */
import type { Context } from "./context.js";
import type { LowerFile, LowerFound } from "./lowerView.js";
import type { Records } from "./originRecords.js";
import type { OverlayPath } from "./paths.js";
import { naturalPath, nothingUnder, underOf } from "./stale.js";
import type { UpperDirectory, UpperEntry } from "./tree.js";
import type { LayerStat } from "./types.js";
import { isSameAsLower } from "./unchanged.js";
import { lowerOfName, makeWhiteout, removeDeviceWhiteout, removeWhiteout } from "./whiteout.js";
import { forget } from "./lend.js";
import { dropPlainLayers } from "./plainLayers.js";

export async function takeBack(ctx: Context): Promise<void> {
  forget(ctx);
  await dropPlainLayers(ctx);
  const records = await ctx.origins.records();
  await ctx.locks.exclusive(() => tidyBeneath(ctx, ctx.tree.root, records, false));
}

async function tidyBeneath(ctx: Context, directory: UpperDirectory, records: Records, isInOpaque: boolean): Promise<void> {
  await ctx.tree.load(directory, true);
  const { content } = directory;
  if (content === undefined) return;
  const hides = content.shape.kind === "opaque" || (isInOpaque && content.shape.kind === "plain");
  if (hides) await quietly(ctx, () => dropWhiteouts(ctx, directory, records));
  for (const name of [...content.whiteouts]) await quietly(ctx, () => tidyWhiteout(ctx, directory, name, records));
  for (const entry of [...content.children.values()]) {
    await quietly(ctx, () => tidyEntry(ctx, directory, entry, records));
    if (entry.node !== undefined) await tidyBeneath(ctx, entry.node, records, hides);
  }
}

/** In an opaque folder, and in those that it holds, they hide nothing: the mount has needed them (src/mount/veil.ts). */
async function dropWhiteouts(ctx: Context, directory: UpperDirectory, records: Records): Promise<void> {
  const names = [...(directory.content?.whiteouts ?? [])];
  if (names.length === 0) return;
  await ctx.work.inside(ctx.tree.upperPath(directory), true, async () => {
    for (const name of names) {
      await removeWhiteout(ctx, directory, name);
      const path = ctx.tree.mergedPath(directory, name);
      if (!directory.content?.children.has(name) && records.under.has(path)) ctx.origins.hide(path, undefined);
    }
  });
}

async function tidyWhiteout(ctx: Context, directory: UpperDirectory, name: string, records: Records): Promise<void> {
  await removeDeviceWhiteout(ctx, directory, name, () => makeWhiteout(ctx, directory, name));
  const path = ctx.tree.mergedPath(directory, name);
  if (records.restsOn(path, naturalPath(directory, name)) !== undefined) return;
  ctx.origins.hide(path, underOf(directory, name, await lowerOfName(directory, name)));
}

async function tidyEntry(ctx: Context, directory: UpperDirectory, entry: UpperEntry, records: Records): Promise<void> {
  const path = ctx.tree.mergedPath(directory, entry.name);
  const lower = await lowerOfName(directory, entry.name);
  if (entry.node !== undefined) {
    await ctx.tree.load(entry.node, true);
    if (entry.node.content?.below !== undefined) return; // merged: what is beneath speaks for itself
    if (records.restsOn(path, naturalPath(directory, entry.name)) === undefined) ctx.origins.hide(path, hiddenUnder(directory, entry.name, lower));
    return;
  }
  const upper = await ctx.scratch.lstat(ctx.tree.entryPath(directory, entry.name));
  if (lower.kind === "other" && (await isIdle(ctx, directory, entry, upper, lower))) {
    await ctx.scratch.unlink(ctx.tree.entryPath(directory, entry.name));
    ctx.tree.remove(directory, entry.name);
    ctx.origins.drop(path, false);
    return;
  }
  if (records.restsOn(path, naturalPath(directory, entry.name)) !== undefined) return;
  const natural = naturalPath(directory, entry.name);
  if (natural !== undefined && lower.kind === "other" && lower.stat.type === entry.type) await recordCopy(ctx, path, natural, upper, lower);
  else ctx.origins.hide(path, hiddenUnder(directory, entry.name, lower));
}

function hiddenUnder(directory: UpperDirectory, name: string, lower: LowerFound) {
  return lower.kind === "absent" ? nothingUnder(directory, name) : underOf(directory, name, lower);
}

/** What was the lower entry when the copy was made: known to be this one unless it changed since, else that it is another. */
async function recordCopy(ctx: Context, path: OverlayPath, natural: OverlayPath, upper: LayerStat, lower: LowerFile): Promise<void> {
  const changedSince = upper.birthtimeMs > 0 && lower.stat.ctimeMs > upper.birthtimeMs;
  const print = changedSince ? { size: 0n, mtimeNs: 0n, ctimeNs: 0n, dev: 0n, ino: 0n } : await lower.layer.fingerprint(lower.layerPath);
  ctx.origins.set(path, natural, print);
}

/** A copy that says nothing: a reset that was done through a mount leaves one. Its time tells it from what only looks so. */
async function isIdle(ctx: Context, directory: UpperDirectory, entry: UpperEntry, upper: LayerStat, lower: LowerFile): Promise<boolean> {
  const { stat } = lower;
  if (upper.nlink !== 1 || upper.uid !== stat.uid || upper.gid !== stat.gid || Math.floor(upper.mtimeMs) !== Math.floor(stat.mtimeMs)) return false;
  return isSameAsLower(ctx, ctx.tree.entryPath(directory, entry.name), lower, undefined);
}

async function quietly(ctx: Context, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    ctx.env.log("warn", `not everything could be put in order after the mount: ${String(error)}`);
  }
}
