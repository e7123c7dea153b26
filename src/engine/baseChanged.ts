/**
 * What others change in the base, as it shows in merged: nowhere where upper hides it, and under the new name where a
 * folder was renamed (INV-12: no event lies). A base folder that came or went changes what upper's folders merge.
 */
import type { Context } from "./context.js";
import { atLower } from "./lowerContent.js";
import { parseOverlayPath, childPath, components, isWithin, type OverlayPath } from "./paths.js";
import { restingOn } from "./staleness.js";
import type { UpperDirectory } from "./tree.js";
import type { OverlayEvent } from "./types.js";

export async function baseChanged(ctx: Context, changes: readonly OverlayEvent[]): Promise<void> {
  if (changes.length === 0) return;
  ctx.lowerMemory.forget();
  const touched = changes.filter((change) => change.type !== "changed").map((change) => parseOverlayPath(change.path));
  if (ctx.base.layer.costly === true) await askAhead(ctx, touched);
  if (touched.some((path) => mergers(ctx, path).length > 0)) {
    await ctx.locks.exclusive(async () => {
      for (const path of touched) for (const node of mergers(ctx, path)) await ctx.tree.refreshBelow(node);
    });
  }
  for (const { type, path } of changes) {
    for (const shown of shownAt(ctx, parseOverlayPath(path))) ctx.events.queue(type, shown);
  }
  ctx.staleness.tell(restingOn(await ctx.origins.records(), changes));
}

/** What redirects lead to is found out before the lock, under which a costly base then answers from memory. */
async function askAhead(ctx: Context, touched: readonly OverlayPath[]): Promise<void> {
  const targets = touched.flatMap((path) => mergers(ctx, path)).flatMap((node) => redirectsIn(node));
  for (const target of targets) await atLower(ctx.lowerRoot, target).catch(() => undefined); // its fault is told under the lock
}

function redirectsIn({ content }: UpperDirectory): OverlayPath[] {
  if (content === undefined) return [];
  const own = content.shape.kind === "redirect" ? [content.shape.to] : [];
  return [...own, ...[...content.children.values()].flatMap(({ node }) => (node === undefined ? [] : redirectsIn(node)))];
}

/** The loaded upper directories whose lower content is, or would be, at or beneath a lower path. */
function mergers(ctx: Context, path: OverlayPath): UpperDirectory[] {
  const found: UpperDirectory[] = [];
  const visit = (node: UpperDirectory, lower: OverlayPath | undefined): void => {
    const { content } = node;
    if (content === undefined || content.shape.kind === "opaque") return;
    const own = content.shape.kind === "redirect" ? content.shape.to : lower;
    if (own !== undefined && isWithin(own, path)) {
      found.push(node);
      return;
    }
    for (const { name, node: child } of content.children.values()) {
      if (child !== undefined) visit(child, own === undefined ? undefined : childPath(own, name));
    }
  };
  visit(ctx.tree.root, "/" as OverlayPath);
  return found;
}

/** The paths of merged at which a lower path is visible: its own, and those through redirects. */
function shownAt(ctx: Context, path: OverlayPath): OverlayPath[] {
  const shown: OverlayPath[] = [];
  const visit = (node: UpperDirectory, lower: OverlayPath | undefined): void => {
    const { content } = node;
    if (content === undefined || content.shape.kind === "opaque") return;
    const own = content.shape.kind === "redirect" ? content.shape.to : lower;
    if (own !== undefined && isWithin(path, own)) {
      const visible = beneath(ctx, node, components(path.slice(own === "/" ? 0 : own.length) as OverlayPath));
      if (visible !== undefined) shown.push(visible);
    }
    for (const { name, node: child } of content.children.values()) {
      if (child === undefined) continue;
      const isRedirect = child.content?.shape.kind === "redirect";
      // A plain child is reached by the walk below its parent; only redirects start a walk of their own.
      if (isRedirect) visit(child, undefined);
      else visitRedirects(child, own === undefined ? undefined : childPath(own, name));
    }
  };
  const visitRedirects = (node: UpperDirectory, lower: OverlayPath | undefined): void => {
    for (const { name, node: child } of node.content?.children.values() ?? []) {
      if (child === undefined) continue;
      if (child.content?.shape.kind === "redirect") visit(child, undefined);
      else visitRedirects(child, lower === undefined ? undefined : childPath(lower, name));
    }
  };
  visit(ctx.tree.root, "/" as OverlayPath);
  return shown;
}

/** Walks down from a node by plain names; undefined where upper hides what is there. */
function beneath(ctx: Context, from: UpperDirectory, names: readonly string[]): OverlayPath | undefined {
  let node: UpperDirectory | undefined = from;
  let path = ctx.tree.pathOf(from);
  for (const name of names) {
    path = childPath(path, name);
    if (node === undefined) continue; // pure lower from here on
    if (node.content === undefined) return undefined; // never read, so never shown
    const entry = ctx.tree.entry(node, name);
    if (entry === undefined) {
      if (ctx.tree.isWhitedOut(node, name)) return undefined;
      node = undefined;
    } else if (entry.node === undefined || (entry.node.content !== undefined && entry.node.content.shape.kind !== "plain")) return undefined;
    else node = entry.node;
  }
  return path;
}
