/** The merged listing of a directory: upper's names from the tree, the lower's less what upper hides. Takes no lock. */
import type { Context } from "./context.js";
import { isCode, Refusal } from "./errors.js";
import { lookup, type Place } from "./lookup.js";
import type { OverlayPath } from "./paths.js";
import type { UpperContent } from "./tree.js";
import type { EntryType, OverlayDirent } from "./types.js";

export interface PlaceListing {
  readonly entries: Map<string, EntryType>;
  readonly undecodable: number;
}

/** The upper part is one state of the tree: it is merged in after the lower was read, in one step. */
export async function listPlace(ctx: Context, place: Place): Promise<PlaceListing> {
  const lower = place.below === undefined ? undefined : await place.below.list();
  const entries = lower?.entries ?? new Map<string, EntryType>();
  const content = place.upper?.content;
  if (content === undefined) return { entries, undecodable: lower?.undecodable ?? 0 };
  for (const name of content.whiteouts) entries.delete(name);
  if (!ctx.tree.caseSensitive) hideFolded(ctx, entries, content);
  for (const { name, type } of content.children.values()) entries.set(name, type);
  return { entries, undecodable: content.undecodable + (lower?.undecodable ?? 0) };
}

/** Where case does not count, a lower name may be hidden by one that is written differently. */
function hideFolded(ctx: Context, entries: Map<string, EntryType>, content: UpperContent): void {
  for (const name of [...entries.keys()]) {
    const key = ctx.tree.key(name);
    if (content.whiteouts.has(key) || content.children.has(key)) entries.delete(name);
  }
}

/** @throws Refusal ENOENT, ENOTDIR, ELOOP; LayerError. */
export async function readDirectory(ctx: Context, path: OverlayPath): Promise<OverlayDirent[]> {
  for (let attempt = 0; ; attempt++) {
    const found = await lookup(ctx, path, { follow: true });
    if (found.kind === "outside") {
      const { entries } = await ctx.outside.layer.readDirectory(found.physical.slice(1));
      return entries.map(({ name, type }) => ({ name, type }));
    }
    if (found.kind === "absent") throw new Refusal("ENOENT");
    if (found.kind !== "directory") throw new Refusal("ENOTDIR");
    try {
      const { entries, undecodable } = await listPlace(ctx, found.place);
      if (undecodable > 0) ctx.env.log("warn", `${String(undecodable)} name(s) in ${path} are not valid Unicode and are left out`);
      const dirents: OverlayDirent[] = [];
      for (const [name, type] of entries) dirents.push({ name, type });
      return dirents;
    } catch (error) {
      // A lower directory that went while it was read: look again what is there now.
      if (!isCode(error, "ENOENT") || attempt > 0) throw error;
      ctx.lowerMemory.forget();
    }
  }
}
