/**
 * Everything that was thrown away and is still kept: what lies in the trash, and whole uppers with their snapshots, of
 * which the manifest speaks. Listed, measured, forgotten by hand or by age and size. INV-8: what is forgotten is gone
 * from the list by one step, and its space follows; a crash between leaves it to the next owner's sweep.
 */
import type { Context } from "./context.js";
import { isCode, Refusal } from "./errors.js";
import type { DroppedLayers } from "./layer.js";
import { lookup } from "./lookup.js";
import { publicSnapshot } from "./snapshot.js";
import { Stop } from "./stop.js";
import type { TrashItem } from "./trash.js";
import type { CancelSignal, Dropped, Retention } from "./types.js";
import { usageOf } from "./usage.js";

export const defaultRetention: Required<Retention> = { maxAgeMs: 7 * 24 * 60 * 60 * 1000, maxBytes: 2 * 1024 ** 3 };

/** Newest first. */
export async function dropped(ctx: Context): Promise<Dropped[]> {
  const all: Dropped[] = ctx.layers.state.dropped.map((item) => ({
    id: item.id, path: "/", what: item.thawed === true ? "thawed" : item.snapshots.length === 0 ? "reset-all" : "reset-to", when: item.when, type: "directory",
    snapshots: item.snapshots.map(publicSnapshot),
  }));
  for (const item of await ctx.trash.list()) {
    if (await isStillThere(ctx, item)) continue;
    all.push({ id: item.id, path: item.record?.path, what: item.record?.what ?? "unknown", when: item.when, type: item.type, snapshots: [] });
  }
  return all.sort((a, b) => b.when - a.when || (a.id < b.id ? 1 : -1));
}

/** A whiteout whose reset never came to pass, because a crash came first: it still hides its name. */
async function isStillThere(ctx: Context, { type, record }: TrashItem): Promise<boolean> {
  if (type !== "whiteout" || record === undefined) return false;
  try {
    const found = await lookup(ctx, record.path, { follow: false });
    return found.kind === "absent" && found.hidden;
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR", "EIO")) return false;
    throw error;
  }
}

export async function findItem(ctx: Context, id: string): Promise<TrashItem> {
  const item = (await ctx.trash.list()).find((one) => one.id === id);
  if (item === undefined) throw new Refusal("ENOENT", `nothing that was dropped has the id '${id}'; it may have been brought back, or forgotten`);
  return item;
}

/** Bytes of all files in it. @throws Refusal ENOENT, ECANCELED; LayerError. */
export async function sizeOfDropped(ctx: Context, id: string, signal?: CancelSignal): Promise<number> {
  const layers = ctx.layers.dropped(id);
  if (layers !== undefined) return sizeOf(ctx, pathsOf(layers), signal);
  const item = await findItem(ctx, id);
  return item.type === "whiteout" ? 0 : sizeOf(ctx, [`trash/${id}`], signal);
}

async function sizeOf(ctx: Context, paths: readonly string[], signal?: CancelSignal): Promise<number> {
  let bytes = 0;
  for (const path of paths) bytes += (await usageOf(ctx, path, signal)).bytes;
  return bytes;
}

const pathsOf = (item: DroppedLayers): string[] => [item.upper, ...item.snapshots.map((snapshot) => snapshot.path)];

/** Without ids everything. Returns the bytes that are free now. @throws Refusal ENOENT (an id), LayerError. */
export async function forget(ctx: Context, ids?: readonly string[]): Promise<number> {
  const wanted = ids ?? [...ctx.layers.state.dropped.map(({ id }) => id), ...(await ctx.trash.list()).map(({ id }) => id)];
  let freed = 0;
  for (const id of wanted) freed += ctx.layers.dropped(id) !== undefined ? await forgetLayers(ctx, id) : await forgetItem(ctx, id);
  return freed;
}

async function forgetItem(ctx: Context, id: string): Promise<number> {
  const item = await findItem(ctx, id);
  if (item.type === "whiteout") {
    await ctx.trash.gone(id);
    return 0;
  }
  const { own } = await usageOf(ctx, `trash/${id}`);
  const leftover = ctx.work.temp();
  if (item.type === "directory") await ctx.work.moveDirectory(`trash/${id}`, leftover);
  else await ctx.scratch.rename(`trash/${id}`, leftover);
  await ctx.work.discardTree(leftover);
  return own;
}

async function forgetLayers(ctx: Context, id: string): Promise<number> {
  return ctx.layers.turn.runExclusive(async () => {
    const { state } = ctx.layers;
    const item = ctx.layers.dropped(id);
    if (item === undefined) return 0; // somebody was first
    await ctx.layers.rewrite({ ...state, dropped: state.dropped.filter((one) => one !== item), doomed: [...state.doomed, ...pathsOf(item)] });
    return sweepDoomed(ctx, pathsOf(item));
  });
}

/** Deletes layers that nobody needs. With the layers' turn. Returns the bytes that are free now. */
async function sweepDoomed(ctx: Context, paths: readonly string[]): Promise<number> {
  let freed = 0;
  for (const path of paths) {
    freed += (await usageOf(ctx, path)).own;
    const leftover = ctx.work.temp();
    try {
      await ctx.work.moveDirectory(path, leftover);
    } catch (error) {
      if (isCode(error, "ENOENT")) continue;
      throw error;
    }
    await ctx.work.discardTree(leftover);
    await ctx.work.discard(ctx.origins.fileBeside(path));
  }
  ctx.layers.swept(paths);
  return freed;
}

/** How long after a drop, in ms, what is kept is measured: nobody waits, and nobody still reads from a layer that was joined. */
const laterMs = 60_000;

/** Keeps what was dropped to its limits, behind everybody's back. */
export class Keeper {
  private readonly sizes = new Map<string, number>();
  private readonly stop = new Stop();
  private waiting = false;
  limits: Required<Retention>;

  /** @param inBackground runs what nobody waits for, but for the end of the overlay. */
  constructor(private readonly ctx: Context, limits: Retention, private readonly inBackground: (act: () => Promise<void>) => void) {
    this.limits = { ...defaultRetention, ...limits };
    ctx.trash.onKept(() => { this.later(); });
    ctx.layers.onDidChange(() => { this.later(); });
  }

  /** Once for all that comes within the next minute. */
  private later(): void {
    if (this.waiting || this.stop.aborted) return;
    this.waiting = true;
    this.inBackground(async () => {
      await this.ctx.env.sleep(laterMs, this.stop);
      this.waiting = false;
      if (!this.stop.aborted) await this.tidy(this.stop);
    });
  }

  end(): void {
    this.stop.abort();
  }

  /** Forgets what is too old, then, oldest first, what is too much. Measures each thing once. Returns the bytes freed. */
  async tidy(signal?: CancelSignal): Promise<number> {
    const { ctx } = this;
    const items = (await dropped(ctx)).reverse();
    await ctx.trash.compact(new Set(items.map(({ id }) => id)));
    const now = ctx.env.now();
    let freed = await ctx.layers.turn.runExclusive(() => sweepDoomed(ctx, ctx.layers.doomedFor(laterMs)));
    if (ctx.layers.state.doomed.length > 0) this.later();
    let total = 0;
    const kept: { id: string; size: number }[] = [];
    for (const { id, when } of items) {
      if (now - when > this.limits.maxAgeMs) {
        freed += await this.drop(id);
        continue;
      }
      if (this.limits.maxBytes === Infinity) continue;
      const size = this.sizes.get(id) ?? (await sizeOfDropped(ctx, id, signal));
      this.sizes.set(id, size);
      kept.push({ id, size });
      total += size;
    }
    for (const { id, size } of kept) {
      if (total <= this.limits.maxBytes) break;
      freed += await this.drop(id);
      total -= size;
    }
    return freed;
  }

  private async drop(id: string): Promise<number> {
    this.sizes.delete(id);
    try {
      return await forget(this.ctx, [id]);
    } catch (error) {
      if (isCode(error, "ENOENT")) return 0; // brought back meanwhile
      throw error;
    }
  }
}
