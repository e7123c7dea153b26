/**
 * Reset of everything, or of everything above a snapshot: another, empty upper takes the place of the one that is there,
 * and the manifest forgets the snapshots above the chosen one, in one step (switchUpper.ts). Constant in cost. What is
 * thrown away stays where it lies, and the manifest says so: it can be brought back as it was.
 */
import type { Context } from "./context.js";
import type { SnapshotRecord } from "./layer.js";
import { lookup } from "./lookup.js";
import type { LowerDirectory, LowerFound } from "./lowerView.js";
import { readMarked } from "./markers.js";
import { childPath } from "./paths.js";
import { isUntouched, lookLike, nextLayer, stageUpper, switchUpper } from "./switchUpper.js";
import type { UpperDirectory } from "./tree.js";
import type { EntryType, OverlayEvent } from "./types.js";
import { lowerOfName } from "./whiteout.js";

/**
 * @param target "upper": what is in upper alone goes; a snapshot's id: what is above it too; "base": all snapshots too.
 * @throws Refusal ENOENT (no such snapshot); LayerError.
 */
export async function resetTo(ctx: Context, target: string): Promise<void> {
  await ctx.layers.turn.runExclusive(async () => {
    const { snapshots } = ctx.layers.state;
    const above = target === "upper" ? 0 : target === "base" ? snapshots.length : ctx.layers.indexOf(target);
    const kept = snapshots.slice(above);
    const staged = await stageUpper(ctx);
    let used = false as boolean; // set under the lock
    let empty: string | undefined;
    try {
      await lookLike(ctx, staged, await ctx.layers.view(kept[0]?.id ?? "base").stat());
      await ctx.locks.exclusive(async () => {
        empty = await dropAbove(ctx, staged, snapshots.slice(0, above), kept);
        used = true;
      });
      await ctx.work.syncDirectories("");
    } finally {
      if (!used) await ctx.work.discardTree(staged);
    }
    if (empty !== undefined) await ctx.work.discardTree(empty);
  });
}

/** Under both locks. Returns where the old upper lies when nothing was in it. */
async function dropAbove(ctx: Context, staged: string, gone: readonly SnapshotRecord[], kept: readonly SnapshotRecord[]): Promise<string | undefined> {
  const { state } = ctx.layers;
  const { path, next } = await nextLayer(ctx);
  const nothing = gone.length === 0 && (await isUntouchedAsFarAsKnown(ctx, staged));
  const item = { id: ctx.env.id(), when: ctx.env.now(), upper: path, snapshots: gone, onto: kept[0]?.id };
  const view = ctx.layers.root;
  const old = await switchUpper(ctx, {
    out: path, into: staged,
    state: { snapshots: kept, next, dropped: nothing ? state.dropped : [item, ...state.dropped], doomed: nothing ? [...state.doomed, path] : state.doomed },
  });
  ctx.origins.exchange(path);
  // Their place in the order is here; what they say is found out afterwards, from the tree that was.
  ctx.events.queueLater(() => (gone.length === 0 ? eventsOf(ctx, old) : rootEvents(ctx, old, view, gone)));
  return nothing ? path : undefined;
}

/** A root that cannot be read is one of the reasons to reset. */
async function isUntouchedAsFarAsKnown(ctx: Context, like: string): Promise<boolean> {
  try {
    return await isUntouched(ctx, like);
  } catch {
    return false;
  }
}

/**
 * Events for a merged tree that was exchanged: of each name in the root that a layer speaks of which came or went. One
 * pair stands for everything beneath a folder, which need not be walked for it.
 */
export async function rootEvents(ctx: Context, old: UpperDirectory, oldView: LowerDirectory, layers: readonly SnapshotRecord[]): Promise<OverlayEvent[]> {
  // What is exchanged has succeeded: a fault of the moment must not cost its events (INV-12).
  for (let attempt = 1; attempt < patience; attempt++) {
    try {
      return await lookForEvents(ctx, old, oldView, layers);
    } catch (error) {
      ctx.env.log("debug", `looking again for what changed: ${String(error)}`);
    }
  }
  return lookForEvents(ctx, old, oldView, layers);
}

const patience = 3;

async function lookForEvents(ctx: Context, old: UpperDirectory, oldView: LowerDirectory, layers: readonly SnapshotRecord[]): Promise<OverlayEvent[]> {
  await ctx.tree.load(ctx.tree.root, false);
  const names = new Set<string>();
  for (const content of [old.content, ctx.tree.root.content]) {
    for (const { name } of content?.children.values() ?? []) names.add(name);
    for (const name of content?.whiteouts ?? []) names.add(name);
  }
  for (const { path } of layers) {
    const { children, whiteouts } = await readMarked(ctx.scratch, path, ctx.env);
    for (const name of [...children.map((child) => child.name), ...whiteouts]) names.add(name);
  }
  const events: OverlayEvent[] = [];
  for (const name of [...names].sort()) {
    const path = childPath("/", name);
    const before = await typeBefore(ctx, old, oldView, name);
    const after = await typeNow(ctx, path);
    if (before !== undefined && after !== undefined && before !== "directory" && after !== "directory") events.push({ type: "changed", path });
    else {
      if (before !== undefined) events.push({ type: "deleted", path });
      if (after !== undefined) events.push({ type: "created", path });
    }
  }
  return events;
}

async function typeBefore(ctx: Context, old: UpperDirectory, view: LowerDirectory, name: string): Promise<EntryType | undefined> {
  const key = ctx.tree.key(name);
  const entry = old.content?.children.get(key);
  if (entry !== undefined) return entry.type;
  if (old.content?.whiteouts.has(key) === true) return undefined;
  const found = await view.lookup(name);
  return found.kind === "absent" ? undefined : found.kind === "directory" ? "directory" : found.stat.type;
}

async function typeNow(ctx: Context, path: ReturnType<typeof childPath>): Promise<EntryType | undefined> {
  const found = await lookup(ctx, path, { follow: false });
  switch (found.kind) {
    case "absent":
    case "outside":
      return undefined;
    case "directory":
      return "directory";
    case "upper":
      return found.entry.type;
    case "lower":
      return found.file.stat.type;
  }
}

/** Events for what was known of the old upper; what was never loaded was never shown. The old tree changes no more. */
async function eventsOf(ctx: Context, directory: UpperDirectory, events: OverlayEvent[] = []): Promise<OverlayEvent[]> {
  const { content } = directory;
  if (content === undefined) return events;
  for (const entry of content.children.values()) {
    const path = ctx.tree.mergedPath(directory, entry.name);
    const lower = await kindInLower(directory, entry.name);
    if (entry.node?.content?.shape.kind === "plain" && lower !== "absent") await eventsOf(ctx, entry.node, events);
    else if (entry.node === undefined && lower === "other") events.push({ type: "changed", path });
    else {
      events.push({ type: "deleted", path });
      if (lower !== "absent") events.push({ type: "created", path });
    }
  }
  for (const key of content.whiteouts) {
    if (!content.children.has(key)) events.push({ type: "created", path: ctx.tree.mergedPath(directory, key) });
  }
  return events;
}

/** A fault of the base is for those who look there next, not for the events of a reset that has succeeded. */
async function kindInLower(directory: UpperDirectory, name: string): Promise<LowerFound["kind"]> {
  try {
    return (await lowerOfName(directory, name)).kind;
  } catch {
    return "other";
  }
}
