/**
 * Undo of a reset of everything, or of layers: the upper that was dropped is renamed in, and the manifest lists its
 * snapshots again, in one step with that (switchUpper.ts). Constant in cost. What is there by now is dropped in turn, if
 * the caller says so, and can be brought back the same way.
 */
import type { Context } from "./context.js";
import { isCode, Refusal } from "./errors.js";
import type { DroppedLayers, LayerState } from "./layer.js";
import { rootEvents } from "./resetLayers.js";
import { isEmpty, nextLayer, switchUpper } from "./switchUpper.js";

/** @throws Refusal ENOENT, EEXIST (changes or snapshots in the way), EINVAL (the snapshot it lay on is gone); LayerError. */
export async function bringBackLayers(ctx: Context, id: string, replace: boolean): Promise<void> {
  await ctx.layers.turn.runExclusive(async () => {
    const item = ctx.layers.dropped(id);
    if (item === undefined) throw new Refusal("ENOENT", "it was brought back, or forgotten");
    for (const path of [item.upper, ...item.snapshots.map((snapshot) => snapshot.path)]) await checkThere(ctx, path);
    const empty = await ctx.locks.exclusive(() => exchange(ctx, item, replace));
    await ctx.work.syncDirectories("");
    if (empty !== undefined) await ctx.work.discardTree(empty);
  });
}

async function checkThere(ctx: Context, path: string): Promise<void> {
  try {
    if ((await ctx.scratch.lstat(path)).type === "directory") return;
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
  throw new Refusal("EINVAL", `the layer '${path}' that belongs to it is missing`);
}

/** Under both locks. Returns where the old upper lies when nothing was in it. */
async function exchange(ctx: Context, item: DroppedLayers, replace: boolean): Promise<string | undefined> {
  const { state } = ctx.layers;
  const below = item.onto === undefined ? state.snapshots.length : state.snapshots.findIndex((snapshot) => snapshot.id === item.onto);
  if (below < 0) throw new Refusal("EINVAL", "the snapshot that it lay on is not there any more");
  const newer = state.snapshots.slice(0, below);
  const empty = await isEmpty(ctx);
  if (!replace) refuseOverNewer(ctx, newer[0]?.name, empty);
  const { path, next } = await nextLayer(ctx);
  const nothing = empty && newer.length === 0;
  const present: DroppedLayers = { id: ctx.env.id(), when: ctx.env.now(), upper: path, snapshots: newer, onto: item.onto };
  const others = state.dropped.filter((one) => one !== item);
  const after: LayerState = {
    snapshots: [...item.snapshots, ...state.snapshots.slice(below)], next, restore: item.upper,
    dropped: nothing ? others : [present, ...others], doomed: nothing ? [...state.doomed, path] : state.doomed,
  };
  const view = ctx.layers.root;
  const old = await switchUpper(ctx, { out: path, into: item.upper, state: after });
  ctx.origins.exchange(path, item.upper);
  ctx.events.queueLater(() => rootEvents(ctx, old, view, [...newer, ...item.snapshots]));
  return nothing ? path : undefined;
}

function refuseOverNewer(ctx: Context, snapshot: string | undefined, empty: boolean): void {
  if (snapshot !== undefined) {
    throw new Refusal("EEXIST", `the snapshot '${snapshot}' was taken since and is in the way; bring it back in place of that, which is then dropped in turn`);
  }
  if (empty) return;
  const { content } = ctx.tree.root;
  const [name] = [...(content?.children.values() ?? [])].map((entry) => entry.name).concat([...(content?.whiteouts ?? [])]).sort();
  throw new Refusal("EEXIST", `'/${name ?? ""}' was changed since and is in the way; bring it back in place of the changes, which are then dropped in turn`);
}
