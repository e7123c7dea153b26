/**
 * What upper says against the lowers: one walk of upper, never of the base, and one look into a lower for each name.
 * Takes no lock: it is a report, and whoever acts on it looks again.
 */
import { checkCancelled } from "./copyUpRegistry.js";
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import { lookup } from "./lookup.js";
import type { LowerFound } from "./lowerView.js";
import { childPath, type OverlayPath } from "./paths.js";
import type { UpperDirectory, UpperEntry } from "./tree.js";
import type { CancelSignal, Change } from "./types.js";

/** How many looks into a lower are under way at once: enough to keep a disk busy, few enough for libuv's four threads. */
const width = 16;

/** Parents before children, names in order. */
export async function changes(ctx: Context, path: OverlayPath, signal?: CancelSignal): Promise<Change[]> {
  const found = await lookupIfThere(ctx, path);
  const all: Change[] = [];
  if (found?.kind !== "directory") {
    const change = await changeOf(ctx, path);
    return change === undefined ? [] : [change];
  }
  const own = await changeOf(ctx, path);
  if (own !== undefined) all.push(own);
  if (found.place.upper !== undefined) await walk(ctx, found.place.upper, all, signal);
  return all;
}

async function walk(ctx: Context, directory: UpperDirectory, all: Change[], signal: CancelSignal | undefined): Promise<void> {
  checkCancelled(signal);
  await ctx.tree.load(directory, false);
  const { content } = directory;
  if (content === undefined) return; // moved or deleted meanwhile: an event says so
  const hidden = [...content.whiteouts].filter((name) => !content.children.has(name));
  const names = [...[...content.children.values()].map((entry) => entry.name), ...hidden].sort();
  for (let i = 0; i < names.length; i += width) {
    const some = names.slice(i, i + width);
    const found = await Promise.all(some.map((name) => changeOfName(ctx, directory, name)));
    for (const [j, change] of found.entries()) {
      if (change !== undefined) all.push(change);
      const node = ctx.tree.entry(directory, some[j] ?? "")?.node;
      if (node !== undefined) await walk(ctx, node, all, signal);
    }
  }
}

/** What upper says of one path, without what lies beneath it. */
export async function changeOf(ctx: Context, path: OverlayPath): Promise<Change | undefined> {
  const found = await lookupIfThere(ctx, path);
  if (found === undefined || found.kind === "outside") return undefined;
  const parent = found.kind === "directory" ? found.place.parent?.upper : found.place.upper;
  return parent === undefined ? undefined : changeOfName(ctx, parent, found.kind === "directory" ? found.place.name : found.name);
}

/** A path whose parent is gone is no change of its own: the parent's is. */
async function lookupIfThere(ctx: Context, path: OverlayPath) {
  try {
    return await lookup(ctx, path, { follow: false });
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

async function changeOfName(ctx: Context, directory: UpperDirectory, name: string): Promise<Change | undefined> {
  const path = ctx.tree.mergedPath(directory, name);
  const entry = ctx.tree.entry(directory, name);
  if (entry === undefined) {
    if (!ctx.tree.isWhitedOut(directory, name)) return undefined;
    const lower = await lowerOfName(directory, name);
    // A whiteout of what the base has no more says nothing.
    return lower.kind === "absent" ? undefined : { kind: "deleted", path, type: typeOf(lower) };
  }
  return entry.node === undefined ? changeOfFile(ctx, directory, entry, path) : changeOfDirectory(ctx, directory, entry, entry.node, path);
}

async function changeOfFile(ctx: Context, directory: UpperDirectory, entry: UpperEntry, path: OverlayPath): Promise<Change> {
  const { type } = entry;
  const lower = await lowerOfName(directory, entry.name);
  const origin = await ctx.origins.get(path);
  const natural = directory.content?.below === undefined ? undefined : childPath(directory.content.below.path, entry.name);
  if (origin !== undefined && origin.lower !== natural) return { kind: "renamed", path, type, from: origin.lower };
  if (lower.kind === "absent") return { kind: "added", path, type };
  return { kind: typeOf(lower) === type ? "copied" : "replaced", path, type };
}

async function changeOfDirectory(
  ctx: Context, directory: UpperDirectory, entry: UpperEntry, node: UpperDirectory, path: OverlayPath,
): Promise<Change | undefined> {
  const type = "directory";
  await ctx.tree.load(node, false);
  const { content } = node;
  if (content === undefined) return undefined;
  const natural = directory.content?.below === undefined ? undefined : childPath(directory.content.below.path, entry.name);
  if (content.shape.kind === "redirect" && content.shape.to !== natural) return { kind: "renamed", path, type, from: content.shape.to };
  if (content.below !== undefined) return undefined; // merged: what is beneath speaks for itself
  return { kind: (await lowerOfName(directory, entry.name)).kind === "absent" ? "added" : "replaced", path, type };
}

async function lowerOfName(directory: UpperDirectory, name: string): Promise<LowerFound> {
  const below = directory.content?.below;
  return below === undefined ? { kind: "absent" } : below.lookup(name);
}

function typeOf(found: Exclude<LowerFound, { kind: "absent" }>) {
  return found.kind === "directory" ? "directory" : found.stat.type;
}
