/**
 * The snapshots become part of the upper again: merged does not change, and everything is a change against the base. The
 * upper is frozen first, so that nothing of what is joined moves; the joined layer is built in work/ out of copies, which
 * may be written again, and takes upper's place in one step (switchUpper.ts, INV-8). Cost in proportion to the layers'
 * content. The layers' turn is held throughout: nobody else changes them meanwhile. What is changed in merged meanwhile
 * lands in the new upper, and all is joined once more.
 */
import type { Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { Refusal } from "./errors.js";
import { Joining } from "./joinLayers.js";
import type { SnapshotRecord } from "./layer.js";
import { freezeUpper } from "./snapshot.js";
import type { CopyOptions } from "./stage.js";
import { isUntouched, nextLayer, switchUpper } from "./switchUpper.js";

/** How often what was changed meanwhile is joined as well. */
const patience = 3;

/**
 * @param openPath a path that is open for writing, if there is one.
 * @returns the id under which what there was can be brought back; undefined when there are no snapshots.
 * @throws Refusal EBUSY, ECANCELED; LayerError. Merged is then as it was, and so are the snapshots, if nobody writes.
 */
export async function thaw(ctx: Context, openPath: () => string | undefined, options: CopyOptions): Promise<string | undefined> {
  return ctx.layers.turn.runExclusive(async () => {
    if (ctx.layers.state.snapshots.length === 0) return undefined;
    const before = ctx.layers.state.snapshots.length;
    try {
      for (let attempt = 0; attempt < patience; attempt++) {
        const frozen = await freezeUpper(ctx, undefined, openPath);
        const id = await join(ctx, frozen, options);
        if (id !== undefined) return id;
      }
      throw new Refusal("EBUSY", "it was changed again and again while its snapshots were joined; try again when nothing writes to it");
    } catch (error) {
      await unfreeze(ctx, before).catch((fault: unknown) => { ctx.env.log("warn", `a snapshot was left: ${String(fault)}`); });
      throw error;
    }
  });
}

/** @returns undefined when something was changed since the upper was frozen. */
async function join(ctx: Context, frozen: SnapshotRecord, options: CopyOptions): Promise<string | undefined> {
  const staged = ctx.work.temp();
  let used = false;
  try {
    const joining = new Joining(ctx, ctx.layers.view("base"), options, "copied");
    await joining.directory(ctx.layers.root, staged, "none");
    checkCancelled(options.signal);
    const done = await ctx.locks.exclusive(() => exchange(ctx, staged, frozen, joining));
    if (done === undefined) return undefined;
    used = true;
    await ctx.work.syncDirectories("");
    await ctx.work.discardTree(done.empty);
    return done.id;
  } finally {
    if (!used) await ctx.work.discardTree(staged);
  }
}

/** Under both locks. */
async function exchange(ctx: Context, staged: string, frozen: SnapshotRecord, { lines }: Joining): Promise<{ id: string; empty: string } | undefined> {
  if (!(await isUntouched(ctx, frozen.path))) return undefined;
  const { state } = ctx.layers;
  const { path, next } = await nextLayer(ctx);
  const id = ctx.env.id();
  // A name that the manifest can give, should there be a crash before it is upper.
  const joined = `layers/j${String(next)}`;
  await ctx.work.moveDirectory(staged, joined);
  try {
    await switchUpper(ctx, {
      out: path, into: joined,
      state: {
        snapshots: [], next: next + 1, restore: joined, doomed: [...state.doomed, path],
        dropped: [{ id, when: ctx.env.now(), upper: frozen.path, snapshots: state.snapshots.filter((one) => one !== frozen), thawed: true }, ...state.dropped],
      },
    });
  } catch (error) {
    await ctx.work.moveDirectory(joined, staged);
    throw error;
  }
  ctx.origins.exchange(path);
  ctx.origins.fill(lines);
  return { id, empty: path };
}

/** What was frozen for it is the upper again, if that is all that happened. With the layers' turn. */
async function unfreeze(ctx: Context, before: number): Promise<void> {
  const empty = await ctx.locks.exclusive(async () => {
    const { state } = ctx.layers;
    const [frozen, ...others] = state.snapshots;
    if (frozen === undefined || others.length !== before || !(await isUntouched(ctx, frozen.path))) return undefined;
    const { path, next } = await nextLayer(ctx);
    await switchUpper(ctx, { out: path, into: frozen.path, state: { ...state, snapshots: others, next, restore: frozen.path, doomed: [...state.doomed, path] } });
    ctx.origins.exchange(path, frozen.path);
    return path;
  });
  if (empty !== undefined) await ctx.work.discardTree(empty);
}
