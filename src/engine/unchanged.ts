/**
 * Whether a copied-up entry is what the lower has again: type, mode and content, the times aside. The cheap questions
 * first, then the bytes, a piece of each side at a time. Takes no lock: it is a report, and whoever acts on it looks again.
 */
import { changeOf } from "./changes.js";
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import { lookup } from "./lookup.js";
import type { LowerFile } from "./lowerView.js";
import type { OverlayPath } from "./paths.js";
import { sameBytes } from "./sameBytes.js";
import type { CancelSignal } from "./types.js";

/** False as well for what is no copy, and for what goes while it is looked at. @throws Refusal ECANCELED; LayerError. */
export async function isUnchangedCopy(ctx: Context, path: OverlayPath, signal?: CancelSignal): Promise<boolean> {
  try {
    if ((await changeOf(ctx, path))?.kind !== "copied") return false;
    const found = await lookup(ctx, path, { follow: false });
    if (found.kind !== "upper") return false;
    const lower = await found.place.below?.lookup(found.name);
    return lower?.kind === "other" && (await isSameAsLower(ctx, ctx.tree.entryPath(found.directory, found.name), lower, signal));
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** Type, mode and content; a special file is the same as nothing. */
export async function isSameAsLower(ctx: Context, upperPath: string, lower: LowerFile, signal: CancelSignal | undefined): Promise<boolean> {
  const upper = await ctx.scratch.lstat(upperPath);
  if (upper.type !== lower.stat.type || upper.mode !== lower.stat.mode || upper.size !== lower.stat.size) return false;
  if (upper.type === "symlink") return (await ctx.scratch.readLink(upperPath)) === (await lower.layer.readLink(lower.layerPath));
  if (upper.type !== "file") return false;
  const mine = await ctx.scratch.openRead(upperPath);
  try {
    const base = await lower.layer.openRead(lower.layerPath);
    try {
      return await sameBytes(mine, base, signal);
    } finally {
      await base.close();
    }
  } finally {
    await mine.close();
  }
}
