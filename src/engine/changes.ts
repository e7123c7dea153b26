/**
 * What upper says against the lowers: one walk of upper, never of the base, and one look into a lower for each name;
 * a second one for a renamed file, where it came from.
 * Takes no lock: it is a report, and whoever acts on it looks again.
 */
import { checkCancelled } from "./copyUpRegistry.js";
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import { lookup } from "./lookup.js";
import { atLower } from "./lowerContent.js";
import { type ChangesOptions, seen } from "./layerDiff.js";
import type { LowerDirectory, LowerFound } from "./lowerView.js";
import type { Origin, Records } from "./originRecords.js";
import type { OverlayPath } from "./paths.js";
import { isStale, naturalPath } from "./stale.js";
import type { UpperDirectory, UpperEntry } from "./tree.js";
import type { Change } from "./types.js";
import { lowerOfName } from "./whiteout.js";

/** How many looks into a lower are under way at once: enough to keep a disk busy, few enough for libuv's four threads. */
const width = 16;

/** Parents before children, names in order. */
export async function changes(ctx: Context, path: OverlayPath, options: ChangesOptions = {}): Promise<Change[]> {
  const found = await lookupIfThere(ctx, path);
  const all: Change[] = [];
  if (found?.kind !== "directory") {
    const change = await changeOf(ctx, path);
    return change === undefined ? [] : [change];
  }
  const own = await changeOf(ctx, path);
  if (own !== undefined) all.push(own);
  if (found.place.upper !== undefined) await walk({ ctx, records: await ctx.origins.records(), ...options }, found.place.upper, all);
  return all;
}

interface Walk extends ChangesOptions {
  readonly ctx: Context;
  readonly records: Records;
}

async function walk(on: Walk, directory: UpperDirectory, all: Change[]): Promise<void> {
  const { ctx } = on;
  checkCancelled(on.signal);
  await ctx.tree.load(directory, false);
  const { content } = directory;
  if (content === undefined) return; // moved or deleted meanwhile: an event says so
  const hidden = [...content.whiteouts].filter((name) => !content.children.has(name));
  const names = [...[...content.children.values()].map((entry) => entry.name), ...hidden].sort();
  for (let i = 0; i < names.length; i += width) {
    const some = names.slice(i, i + width);
    const found = await Promise.all(some.map((name) => changeOfName(on, directory, name)));
    for (const [j, change] of found.entries()) {
      if (change !== undefined) all.push(change);
      const node = ctx.tree.entry(directory, some[j] ?? "")?.node;
      if (node !== undefined) await walk(on, node, all);
    }
  }
}

/** What upper says of one path, without what lies beneath it. */
export async function changeOf(ctx: Context, path: OverlayPath): Promise<Change | undefined> {
  const found = await lookupIfThere(ctx, path);
  if (found === undefined || found.kind === "outside") return undefined;
  const parent = found.kind === "directory" ? found.place.parent?.upper : found.place.upper;
  return parent === undefined ? undefined : changeOfName({ ctx, records: await ctx.origins.records() }, parent, found.kind === "directory" ? found.place.name : found.name);
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

async function changeOfName(on: Walk, directory: UpperDirectory, name: string): Promise<Change | undefined> {
  const { tree } = on.ctx;
  const path = tree.mergedPath(directory, name);
  const entry = tree.entry(directory, name);
  if (entry !== undefined) return entry.node === undefined ? changeOfFile(on, directory, entry, path) : changeOfDirectory(on, directory, entry, entry.node, path);
  if (!tree.isWhitedOut(directory, name)) return undefined;
  const lower = await lowerOfName(directory, name);
  // A whiteout of what the base has no more says nothing: both have come to the same.
  if (lower.kind === "absent") return undefined;
  const natural = naturalPath(directory, name);
  return { kind: "deleted", path, type: typeOf(lower), ...(await staleness(on, on.records.restsOn(path, natural), lower)), ...seen(on, path, natural, lower) };
}

async function changeOfFile(on: Walk, directory: UpperDirectory, entry: UpperEntry, path: OverlayPath): Promise<Change> {
  const { type } = entry;
  const lower = await lowerOfName(directory, entry.name);
  const natural = naturalPath(directory, entry.name);
  const origin = on.records.restsOn(path, natural);
  if (origin !== undefined && origin.lower !== natural) {
    return { kind: "renamed", path, type, from: origin.lower, ...(await staleness(on, origin, await atLower(on.ctx.lowerRoot, origin.lower))), ...seen(on, path, natural, lower) };
  }
  const stale = await staleness(on, origin, lower);
  if (lower.kind === "absent") return { kind: "added", path, type, ...stale };
  return { kind: typeOf(lower) === type ? "copied" : "replaced", path, type, ...stale, ...seen(on, path, natural, lower) };
}

async function changeOfDirectory(
  on: Walk, directory: UpperDirectory, entry: UpperEntry, node: UpperDirectory, path: OverlayPath,
): Promise<Change | undefined> {
  const type = "directory";
  await on.ctx.tree.load(node, false);
  const { content } = node;
  if (content === undefined) return undefined;
  const natural = naturalPath(directory, entry.name);
  if (content.shape.kind === "redirect" && content.shape.to !== natural) return { kind: "renamed", path, type, from: content.shape.to };
  const { below } = content;
  if (below !== undefined && ((await below.isThere?.()) ?? true)) return on.folders === true && (await hasOtherMode(on.ctx, node, below)) ? { kind: "copied", path, type } : undefined;
  const lower = await lowerOfName(directory, entry.name);
  const stale = await staleness(on, on.records.restsOn(path, natural), lower);
  return { kind: lower.kind === "absent" ? "added" : "replaced", path, type, ...stale, ...seen(on, path, natural, lower) };
}

/** Of a merged folder all else is what lies beneath it, which speaks for itself. */
async function hasOtherMode(ctx: Context, node: UpperDirectory, below: LowerDirectory): Promise<boolean> {
  return (await ctx.scratch.lstat(ctx.tree.upperPath(node))).mode !== (await below.stat()).mode;
}

async function staleness({ ctx, records, signal }: Walk, origin: Origin | undefined, lower: LowerFound): Promise<{ readonly stale?: true }> {
  return origin !== undefined && (await isStale(ctx, (path) => records.hashes.get(path), origin, lower, signal)) ? { stale: true } : {};
}

function typeOf(found: Exclude<LowerFound, { kind: "absent" }>) {
  return found.kind === "directory" ? "directory" : found.stat.type;
}
