/**
 * stat, readFile, readlink, and the lower side of a path. INV-3: what is found in a lower is read whole from there, what
 * is found in upper whole from upper. ENOENT on a name that the tree has means "raced": look up again. Takes no lock.
 */
import type { Context } from "./context.js";
import { isCode, Refusal } from "./errors.js";
import type { LowerLayer } from "./layer.js";
import { glance, lookup, type Lookup } from "./lookup.js";
import type { LowerDirectory, LowerFound } from "./lowerView.js";
import { components, type OverlayPath } from "./paths.js";
import type { LayerKind, LayerStat, OverlayStat } from "./types.js";

/** After this many misses in a row nobody is racing: the upper was changed by hand, and its node is read again. */
const patience = 3;

/** Looks up and reads; starts again when the upper entry moved between the two. */
async function reading<T>(ctx: Context, path: OverlayPath, follow: boolean, read: (found: Lookup) => Promise<T> | T): Promise<T> {
  for (let misses = 0; ; misses++) {
    const found = await lookup(ctx, path, { follow });
    try {
      return await read(found);
    } catch (error) {
      const upper = found.kind === "upper" ? found.directory : found.kind === "directory" ? found.place.upper : undefined;
      if (upper === undefined || !isCode(error, "ENOENT", "ENOTDIR") || misses > 2 * patience) throw error;
      if (misses >= patience) await ctx.locks.shared([upper.parent ?? upper], () => ctx.tree.reload(upper.parent ?? upper));
      if (misses >= patience && found.kind === "upper") await ctx.locks.shared([upper], () => ctx.tree.reload(upper));
    }
  }
}

/**
 * Most of what an editor asks, so without async frames of its own: where one walk and one look tell, nothing else runs.
 * @throws Refusal ENOENT, ENOTDIR, ELOOP; LayerError.
 */
export function stat(ctx: Context, path: OverlayPath, follow: boolean): Promise<OverlayStat> {
  const step = glance(ctx, path, follow);
  if (step.kind === "upper") {
    return ctx.scratch.lstat(ctx.tree.entryPath(step.directory, step.name)).then((found) => from("upper", found), (error: unknown) => {
      if (isCode(error, "ENOENT", "ENOTDIR")) return statSeen(ctx, path, follow); // raced
      throw error;
    });
  }
  if (step.kind !== "below" || step.directoryOnly) return statSeen(ctx, path, follow);
  return step.below.lookup(step.name).then((found) => {
    if (found.kind === "absent") throw new Refusal("ENOENT");
    return found.stat === undefined || (follow && found.stat.type === "symlink") ? statSeen(ctx, path, follow) : from("lower", found.stat);
  });
}

function statSeen(ctx: Context, path: OverlayPath, follow: boolean): Promise<OverlayStat> {
  return reading(ctx, path, follow, (found) => statFound(ctx, found, follow));
}

/** What a lower has, the lookup itself has looked at. */
function statFound(ctx: Context, found: Lookup, follow: boolean): Promise<OverlayStat> | OverlayStat {
  switch (found.kind) {
    case "absent":
      throw new Refusal("ENOENT");
    case "lower":
      return from("lower", found.file.stat);
    case "upper":
      return ctx.scratch.lstat(ctx.tree.entryPath(found.directory, found.name)).then((stat) => from("upper", stat));
    case "directory": {
      const { upper, below } = found.place;
      if (upper !== undefined) {
        return ctx.scratch.lstat(ctx.tree.upperPath(upper)).then((stat) => from(below === undefined ? "upper" : "merged", withKeptTimes(stat, upper.times)));
      }
      if (below === undefined) throw new Refusal("ENOENT");
      return below.stat().then((stat) => from("lower", stat));
    }
    case "outside":
      return statOutside(ctx, found.physical, follow);
  }
}

/** Between copy-ups that follow each other a directory's times are those that the last of them will restore. */
function withKeptTimes(stat: LayerStat, times: LayerStat | undefined): LayerStat {
  return times === undefined ? stat : { ...stat, atimeMs: times.atimeMs, mtimeMs: times.mtimeMs };
}

async function statOutside(ctx: Context, physical: string, follow: boolean): Promise<OverlayStat> {
  const at = follow ? await ctx.outside.realPath(physical) : physical;
  return from("lower", await ctx.outside.layer.lstat(at.slice(1)));
}

/** Layers give a fresh object for each call: the one more property costs no copy. */
function from(layer: LayerKind, stat: LayerStat): OverlayStat {
  return Object.assign(stat, { layer });
}

/**
 * A file of the base is opened without a look before: opening refuses what is no regular file, and then the look says
 * what it is. @throws Refusal ENOENT, EISDIR, EINVAL (a special file), EFBIG; LayerError.
 */
export function readFile(ctx: Context, path: OverlayPath): Promise<Uint8Array> {
  const step = glance(ctx, path, true);
  const unseen = step.kind === "below" && !step.directoryOnly ? step.below.unseen(step.name) : undefined;
  if (unseen === undefined) return readSeen(ctx, path);
  return unseen.layer.readFile(unseen.layerPath).catch((error: unknown) => {
    if (isCode(error, "ENOENT", "ELOOP", "EISDIR", "ENOTDIR", "EINVAL")) return readSeen(ctx, path);
    throw error;
  });
}

function readSeen(ctx: Context, path: OverlayPath): Promise<Uint8Array> {
  return reading(ctx, path, true, (found) => {
    const { layer, at } = whereIs(ctx, found, "EISDIR");
    return layer.readFile(at);
  });
}

/** @throws Refusal ENOENT, EINVAL (no symlink); LayerError. */
export function readlink(ctx: Context, path: OverlayPath): Promise<string> {
  return reading(ctx, path, false, (found) => {
    const { layer, at } = whereIs(ctx, found, "EINVAL");
    return layer.readLink(at);
  });
}

function whereIs(ctx: Context, found: Lookup, directory: "EISDIR" | "EINVAL"): { layer: LowerLayer; at: string } {
  switch (found.kind) {
    case "absent":
      throw new Refusal("ENOENT");
    case "directory":
      throw new Refusal(directory);
    case "lower":
      return { layer: found.file.layer, at: found.file.layerPath };
    case "upper":
      return { layer: ctx.scratch, at: ctx.tree.entryPath(found.directory, found.name) };
    case "outside":
      return { layer: ctx.outside.layer, at: found.physical.slice(1) };
  }
}

/** What the lowers have where this path's entry came from; with `layer`, what that view shows under this path. @throws Refusal ENOENT; LayerError. */
async function lowerSide(ctx: Context, path: OverlayPath, layer: string | undefined): Promise<Exclude<LowerFound, { kind: "absent" }>> {
  const found = layer !== undefined ? await inLowers(ctx, path, ctx.layers.view(layer)) : (await besideUpper(ctx, path)) ?? (await inLowers(ctx, path));
  if (found.kind === "absent") throw new Refusal("ENOENT", layer === undefined || layer === "base" ? "the base has nothing there" : "the snapshot has nothing there");
  return found;
}

async function besideUpper(ctx: Context, path: OverlayPath): Promise<LowerFound | undefined> {
  let found: Lookup;
  try {
    found = await lookup(ctx, path, { follow: false });
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return undefined; // beneath a deleted folder
    throw error;
  }
  if (found.kind === "outside") throw new Refusal("ENOENT");
  if (found.kind === "lower") return found.file;
  if (found.kind === "directory") {
    const { below, parent, name } = found.place;
    return below === undefined ? parent?.below?.lookup(name) : { kind: "directory", directory: below };
  }
  const origin = found.kind === "upper" ? await ctx.origins.get(path) : undefined;
  if (origin !== undefined) return inLowers(ctx, origin.lower);
  return (await found.place.below?.lookup(found.name)) ?? { kind: "absent" };
}

async function inLowers(ctx: Context, path: OverlayPath, view: LowerDirectory = ctx.lowerRoot): Promise<LowerFound> {
  let at: LowerFound = { kind: "directory", directory: view };
  for (const name of components(path)) {
    if (at.kind !== "directory") return { kind: "absent" };
    at = await at.directory.lookup(name);
  }
  return at;
}

export async function statLower(ctx: Context, path: OverlayPath, layer?: string): Promise<OverlayStat> {
  const found = await lowerSide(ctx, path, layer);
  return from("lower", found.kind === "directory" ? await found.directory.stat() : found.stat);
}

/** @throws Refusal ENOENT, EISDIR; LayerError. */
export async function readLowerFile(ctx: Context, path: OverlayPath, layer?: string): Promise<Uint8Array> {
  const found = await lowerSide(ctx, path, layer);
  if (found.kind === "directory") throw new Refusal("EISDIR");
  return found.layer.readFile(found.layerPath);
}
