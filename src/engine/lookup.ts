/**
 * Path -> absent | upper | lower | directory | outside. The walk itself never waits: it either ends, on one state of the
 * tree, or names one thing it must learn first and then starts anew. So no path is put together from two moments.
 * INV-2: only a name that the tree does not have goes down its parent's stack; ENOTDIR never falls through.
 * Symlinks are followed in merged; takes no lock itself (loading a node takes the namespace lock unless it is held).
 */
import type { Context } from "./context.js";
import { isCode, Refusal } from "./errors.js";
import type { LowerDirectory, LowerFile } from "./lowerView.js";
import { childPath, components, isWithin, type OverlayPath, rootPath } from "./paths.js";
import type { UpperDirectory, UpperEntry } from "./tree.js";

/** A directory of merged: its upper node, or the lower directory it shows, or both. */
export interface Place {
  readonly parent: Place | undefined;
  readonly name: string;
  readonly upper: UpperDirectory | undefined;
  readonly below: LowerDirectory | undefined;
}

export type Lookup =
  | { readonly kind: "absent"; readonly place: Place; readonly name: string; readonly hidden: boolean }
  | { readonly kind: "upper"; readonly place: Place; readonly directory: UpperDirectory; readonly name: string; readonly entry: UpperEntry }
  | { readonly kind: "lower"; readonly place: Place; readonly name: string; readonly file: LowerFile }
  | { readonly kind: "directory"; readonly place: Place }
  /** Reached through a symlink that leaves the base. `physical` is absolute; its parent's symlinks are resolved. */
  | { readonly kind: "outside"; readonly physical: string };

export interface LookupOptions {
  /** Follow a symlink in the last component. */
  readonly follow: boolean;
  /** The caller holds the namespace lock. */
  readonly held?: boolean;
  /** A folder of upper in the last component is not read: it may be damaged, and is to be dropped whole. */
  readonly unread?: boolean;
}

/** Linux's limit (MAXSYMLINKS). */
const maxSymlinks = 40;
/** Each round learns something that the next one need not; more than this means that the world will not hold still. */
const maxRounds = 10_000;

export function placePath(place: Place): OverlayPath {
  if (place.parent === undefined) return rootPath;
  let path = `/${place.name}`;
  for (let at = place.parent; at.parent !== undefined; at = at.parent) path = `/${at.name}${path}`;
  return path as OverlayPath;
}

/** The canonical path that a lookup ended on: symlinks in it resolved. */
export function foundPath(found: Exclude<Lookup, { kind: "outside" }>): OverlayPath {
  return found.kind === "directory" ? placePath(found.place) : childPath(placePath(found.place), found.name);
}

/** As lookup does; a folder of upper that cannot be read, because its redirect is damaged, is found unread. */
export async function lookupToDrop(ctx: Context, path: OverlayPath, held = false): Promise<Lookup> {
  try {
    return await lookup(ctx, path, { follow: false, held });
  } catch (error) {
    if (!isCode(error, "EIO")) throw error;
    return lookup(ctx, path, { follow: false, held, unread: true });
  }
}

/**
 * @throws Refusal ENOENT (a directory on the way is missing), ENOTDIR, ELOOP, EBUSY; LayerError.
 */
export async function lookup(ctx: Context, path: OverlayPath, options: LookupOptions): Promise<Lookup> {
  let names = components(path);
  let leaves = 0;
  for (let round = 0; round < maxRounds; round++) {
    const step = walk(ctx, names, options);
    switch (step.kind) {
      case "wait":
        await step.learn();
        continue;
      case "leave": {
        const back = await goOutside(ctx, step.physical, step.rest, options.follow);
        if (back.kind === "outside") return back;
        if (++leaves > maxSymlinks) throw new Refusal("ELOOP"); // out and in again, for ever
        names = components(back.path);
        continue;
      }
      case "below": {
        const found = await step.below.lookup(step.name);
        if (found.kind === "absent") {
          if (step.directoryOnly) throw new Refusal("ENOENT");
          return { kind: "absent", place: step.place, name: step.name, hidden: false };
        }
        if (found.kind === "directory") {
          return { kind: "directory", place: { parent: step.place, name: step.name, upper: undefined, below: found.directory } };
        }
        if (found.stat.type !== "symlink" && step.directoryOnly) throw new Refusal("ENOTDIR");
        if (found.stat.type !== "symlink" || !options.follow) return { kind: "lower", place: step.place, name: step.name, file: found };
        await step.below.learn(step.name);
        continue;
      }
      default:
        return step;
    }
  }
  throw new Refusal("EBUSY");
}

/**
 * The walk that a lookup of `path` begins with, without what it may have to wait for: what the tree says, or which lower
 * directory is to be asked for the last name.
 */
export function glance(ctx: Context, path: OverlayPath, follow: boolean): Step {
  return walk(ctx, components(path), { follow });
}

export type Step =
  | Lookup
  | { readonly kind: "wait"; readonly learn: () => Promise<unknown> }
  | { readonly kind: "below"; readonly place: Place; readonly below: LowerDirectory; readonly name: string; readonly directoryOnly: boolean }
  | { readonly kind: "leave"; readonly physical: string; readonly rest: readonly string[] };

/**
 * One walk over what is known, from the root, without waiting. This is most of what a stat costs beside the disk: no
 * closure here may hold a variable of the loop, or each turn of it makes an object for them.
 */
function walk(ctx: Context, path: readonly string[], options: LookupOptions): Step {
  const { tree } = ctx;
  const held = options.held ?? false;
  let todo = path;
  let at = 0;
  let links = 0;
  let place: Place = { parent: undefined, name: "", upper: tree.root, below: ctx.lowerRoot };

  for (; at < todo.length; at++) {
    const name = todo[at] ?? "";
    if (name === "" || name === ".") continue;
    if (name === "..") {
      if (place.parent === undefined) return { kind: "leave", physical: `${ctx.base.real}/..`, rest: todo.slice(at + 1) };
      place = place.parent;
      continue;
    }
    const last = isLast(todo, at);
    // A symlink's target may end in a slash: then it names a directory or nothing.
    const directoryOnly = last && at < todo.length - 1;
    const { upper, below } = place;
    const content = upper?.content;
    if (upper !== undefined && content === undefined) return loading(ctx, upper, held);

    const entry = upper === undefined ? undefined : tree.entry(upper, name);
    if (upper !== undefined && entry !== undefined) {
      const { node, type } = entry;
      if (node !== undefined) {
        const inner = node.content;
        if (inner === undefined && last && options.unread === true) {
          return { kind: "directory", place: { parent: place, name: entry.name, upper: node, below: undefined } };
        }
        if (inner === undefined) return loading(ctx, node, held);
        place = { parent: place, name: entry.name, upper: node, below: inner.below };
        continue;
      }
      if (type === "symlink" && (!last || options.follow)) {
        const { target } = entry;
        if (target === undefined) return readingTarget(ctx, upper, entry);
        const next = follow(ctx, target, todo.slice(at + 1), place, ++links);
        if ("kind" in next) return next;
        ({ todo, place } = next);
        at = -1;
        continue;
      }
      if (last && !directoryOnly) return { kind: "upper", place, directory: upper, name: entry.name, entry };
      throw new Refusal("ENOTDIR");
    }
    const hidden = upper !== undefined && tree.isWhitedOut(upper, name);
    if (hidden || below === undefined) {
      if (last && !directoryOnly) return { kind: "absent", place, name, hidden };
      throw new Refusal("ENOENT");
    }
    const known = below.peek(name);
    if (known?.kind === "symlink" && (!last || options.follow)) {
      const next = follow(ctx, known.target, todo.slice(at + 1), place, ++links);
      if ("kind" in next) return next;
      ({ todo, place } = next);
      at = -1;
      continue;
    }
    if (last && !(known?.kind === "directory" && known.sure === true)) return { kind: "below", place, below, name, directoryOnly };
    if (known === undefined || known.kind !== "directory") return learning(below, name);
    place = { parent: place, name, upper: undefined, below: known.directory };
  }
  // Trailing "." and ".." and empty components end on a directory.
  if (place.upper !== undefined && place.upper.content === undefined) return loading(ctx, place.upper, held);
  return { kind: "directory", place };
}

function loading(ctx: Context, directory: UpperDirectory, held: boolean): Step {
  return { kind: "wait", learn: () => ctx.tree.load(directory, held) };
}

function readingTarget(ctx: Context, directory: UpperDirectory, entry: UpperEntry): Step {
  return { kind: "wait", learn: () => readTarget(ctx, directory, entry) };
}

function learning(below: LowerDirectory, name: string): Step {
  return { kind: "wait", learn: () => learn(below, name) };
}

/** Goes on with a symlink's target in place of the component just read; a step when the target leaves the base. */
function follow(
  ctx: Context, target: string, rest: readonly string[], place: Place, links: number,
): Step | { readonly todo: readonly string[]; readonly place: Place } {
  if (links > maxSymlinks) throw new Refusal("ELOOP");
  if (target === "") throw new Refusal("ENOENT");
  if (!target.startsWith("/")) return { todo: [...target.split("/"), ...rest], place };
  const inside = insideBase(ctx, target);
  if (inside === undefined) return { kind: "leave", physical: target, rest };
  let root = place;
  while (root.parent !== undefined) root = root.parent;
  return { todo: [...inside.split("/"), ...rest], place: root };
}

/** Whether only empty and "." components follow: "link/" and "link/." still end on what link names. */
function isLast(todo: readonly string[], at: number): boolean {
  for (let i = at + 1; i < todo.length; i++) if (todo[i] !== "" && todo[i] !== ".") return false;
  return true;
}

/** An ancestor counts as a directory of a lower only once it is known to be one there. */
async function learn(below: LowerDirectory, name: string): Promise<void> {
  const found = await below.learn(name);
  if (found.kind === "absent") throw new Refusal("ENOENT");
  if (found.kind === "other" && found.stat.type !== "symlink") throw new Refusal("ENOTDIR");
}

async function readTarget(ctx: Context, directory: UpperDirectory, entry: UpperEntry): Promise<void> {
  try {
    entry.target = await ctx.scratch.readLink(ctx.tree.entryPath(directory, entry.name));
  } catch (error) {
    if (isCode(error, "ENOENT", "EINVAL") && ctx.tree.entry(directory, entry.name) !== entry) return; // raced: walk again
    throw error;
  }
}

/** The part of an absolute physical path below the base, by its given or its real name; undefined when it is not in it. */
function insideBase(ctx: Context, physical: string): string | undefined {
  for (const base of [ctx.base.given, ctx.base.real]) {
    if (isWithin(physical, base)) return physical.slice(base === "/" ? 1 : base.length + 1);
  }
  return undefined;
}

/**
 * Walks on the physical disk, one component at a time, until the path ends or comes back into the base: from there
 * merged decides again. The parent of what is returned as outside is resolved; the last component only when followed.
 */
async function goOutside(
  ctx: Context, start: string, rest: readonly string[], follow: boolean,
): Promise<{ readonly kind: "outside"; readonly physical: string } | { readonly kind: "back"; readonly path: OverlayPath }> {
  const todo = [...start.split("/"), ...rest].filter((name) => name !== "" && name !== ".");
  let at = "";
  for (const [i, name] of todo.entries()) {
    if (name === "..") {
      at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
    } else {
      const next = `${at}/${name}`;
      const last = i === todo.length - 1;
      if (last && !follow) {
        if (at !== "" && (await ctx.outside.layer.lstat(at.slice(1))).type !== "directory") throw new Refusal("ENOTDIR");
        return { kind: "outside", physical: next };
      }
      try {
        at = await ctx.outside.realPath(next);
      } catch (error) {
        if (last && isCode(error, "ENOENT")) return { kind: "outside", physical: next };
        throw error;
      }
      if (at === "/") at = "";
    }
    const inside = insideBase(ctx, at === "" ? "/" : at);
    // The rest may name "..": it goes through merged's own walk, which can leave again.
    if (inside !== undefined && i < todo.length) {
      const remaining = todo.slice(i + 1);
      if (!remaining.includes("..")) return { kind: "back", path: `/${[...inside.split("/"), ...remaining].filter((n) => n !== "").join("/")}` as OverlayPath };
    }
  }
  return { kind: "outside", physical: at === "" ? "/" : at };
}
