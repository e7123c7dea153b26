/** The merged listing of a directory: upper's names from the tree, the lower's less what upper hides. Takes no lock. */
import type { Context } from "./context.js";
import { isCode, Refusal } from "./errors.js";
import type { LayerDirent } from "./layer.js";
import { lookup, type Place } from "./lookup.js";
import type { OverlayPath } from "./paths.js";
import type { OverlayDirent } from "./types.js";

export interface PlaceListing {
  readonly entries: LayerDirent[];
  readonly undecodable: number;
}

/** The upper part is one state of the tree: it is merged in after the lower was read, in one step. */
export async function listPlace(ctx: Context, place: Place): Promise<PlaceListing> {
  const lower = place.below === undefined ? { entries: [], undecodable: 0 } : await place.below.list();
  const content = place.upper?.content;
  if (content === undefined) return lower;
  const { children, whiteouts } = content;
  const { key } = ctx.tree;
  const entries = children.size === 0 && whiteouts.size === 0
    ? lower.entries
    : lower.entries.filter(({ name }) => !children.has(key(name)) && !whiteouts.has(key(name)));
  for (const { name, type } of children.values()) entries.push({ name, type });
  return { entries, undecodable: content.undecodable + lower.undecodable };
}

/** @throws Refusal ENOENT, ENOTDIR, ELOOP; LayerError. */
export async function readDirectory(ctx: Context, path: OverlayPath): Promise<OverlayDirent[]> {
  for (let attempt = 0; ; attempt++) {
    const found = await lookup(ctx, path, { follow: true });
    if (found.kind === "outside") {
      return (await ctx.outside.layer.readDirectory(found.physical.slice(1))).entries;
    }
    if (found.kind === "absent") throw new Refusal("ENOENT");
    if (found.kind !== "directory") throw new Refusal("ENOTDIR");
    try {
      const { entries, undecodable } = await listPlace(ctx, found.place);
      if (undecodable > 0) ctx.env.log("warn", `${String(undecodable)} name(s) in ${path} are not valid Unicode and are left out`);
      return entries;
    } catch (error) {
      // A lower directory that went while it was read: look again what is there now.
      if (!isCode(error, "ENOENT") || attempt > 0) throw error;
      ctx.lowerMemory.forget();
    }
  }
}
