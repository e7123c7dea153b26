/**
 * "Keep mine": the present lower entry becomes the origin of a change. Only the record of origins is written, which is
 * advisory, so no lock is taken; what is looked at a moment too early is stale again at the next look.
 */
import { changeOf } from "./changes.js";
import type { Context } from "./context.js";
import { lookup } from "./lookup.js";
import { atLower } from "./lowerContent.js";
import type { LowerFound } from "./lowerView.js";
import type { OverlayPath } from "./paths.js";
import { naturalPath, nothingUnder, underOf, underStat } from "./stale.js";
import type { UpperDirectory } from "./tree.js";

/** @throws Refusal ENOENT; LayerError. */
export async function adoptOrigin(ctx: Context, path: OverlayPath): Promise<void> {
  const change = await changeOf(ctx, path);
  if (change === undefined) return;
  const found = await lookup(ctx, path, { follow: false });
  if (found.kind === "outside") return;
  const parent = found.kind === "directory" ? found.place.parent?.upper : found.place.upper;
  const name = found.kind === "directory" ? found.place.name : found.name;
  const natural = parent === undefined ? undefined : naturalPath(parent, name);
  const lowerPath = change.kind === "renamed" ? (change.from as OverlayPath) : natural;
  if (parent === undefined || lowerPath === undefined) return;
  const lower = await atLower(ctx.lowerRoot, lowerPath);
  const records = await ctx.origins.records();
  const told = new Set<string>([path]);
  if (change.kind !== "renamed") adoptUnder(ctx, parent, name, path, lower);
  if (records.entries.has(path)) await adoptEntry(ctx, path, lowerPath, lower);
  if (change.kind === "renamed" || change.kind === "deleted") {
    // A rename is two changes of one lower entry, here and at its old name: what is decided of it holds for both.
    for (const [other, origin] of [...records.entries]) {
      if (other === path || origin.lower !== lowerPath) continue;
      await adoptEntry(ctx, other as OverlayPath, lowerPath, lower);
      told.add(other);
    }
    for (const [other, under] of [...records.under]) {
      if (other === path || under.lower !== lowerPath || lower.kind === "absent" || lower.stat === undefined) continue;
      ctx.origins.hide(other as OverlayPath, underStat(under.lower, lower.stat));
      told.add(other);
    }
  }
  ctx.staleness.tell([...told]);
}

function adoptUnder(ctx: Context, parent: UpperDirectory, name: string, path: OverlayPath, lower: LowerFound): void {
  ctx.origins.hide(path, lower.kind === "absent" ? nothingUnder(parent, name) : underOf(parent, name, lower));
}

/** What came from a lower entry that is no more has come from nowhere. */
async function adoptEntry(ctx: Context, path: OverlayPath, lowerPath: OverlayPath, lower: LowerFound): Promise<void> {
  if (lower.kind === "other") ctx.origins.set(path, lowerPath, await lower.layer.fingerprint(lower.layerPath));
  else ctx.origins.forget(path);
}
