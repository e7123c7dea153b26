/**
 * Snapshots that lie on each other become one with the same merged result. The new layer is built in work/ out of hard
 * links, while nothing is locked (the layers are frozen), and listed in the place of the old ones by one change of the
 * manifest (INV-8). Cost in proportion to what is joined. It keeps the topmost's id and name: what lies on it, and what
 * was dropped from there, sees no difference.
 */
import type { Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { isCode, Refusal } from "./errors.js";
import { Joining } from "./joinLayers.js";
import type { SnapshotRecord } from "./layer.js";
import { stackOf } from "./layers.js";
import { publicSnapshot } from "./snapshot.js";
import type { CopyOptions } from "./stage.js";
import type { Snapshot } from "./types.js";

/**
 * @param ids which; all without.
 * @throws Refusal ENOENT, EINVAL (fewer than two, or not adjacent), ECANCELED, EBUSY (the layers changed meanwhile); LayerError.
 */
export async function squash(ctx: Context, ids: readonly string[] | undefined, options: CopyOptions): Promise<Snapshot> {
  const { snapshots } = ctx.layers.state;
  const wanted = ids ?? snapshots.map(({ id }) => id);
  const at = [...new Set(wanted.map((id) => ctx.layers.indexOf(id)))].sort((a, b) => a - b);
  const [first] = at;
  if (first === undefined || at.length < 2) throw new Refusal("EINVAL", "it takes two snapshots to join");
  if (at.some((index, i) => index !== first + i)) throw new Refusal("EINVAL", "only snapshots that lie on each other can be joined: one lies between these");
  const joined = snapshots.slice(first, first + at.length);
  const [top] = joined;
  const bottom = joined.at(-1);
  if (top === undefined || bottom === undefined) throw new Refusal("EINVAL");
  const root = ctx.layers.view(top.id);
  const staged = ctx.work.temp();
  let listed = false;
  try {
    const joining = new Joining(ctx, ctx.layers.viewBelow(bottom.id), options, "linked");
    await joining.directory(root, staged, "none");
    checkCancelled(options.signal);
    const record = await list(ctx, staged, joined, top);
    listed = true;
    await ctx.origins.writeBeside(record.path, joining.lines);
    return publicSnapshot(record);
  } catch (error) {
    if (isCode(error, "ENOENT") && stackOf(ctx.layers.state) !== stackOf({ ...ctx.layers.state, snapshots })) throw changed();
    throw error;
  } finally {
    if (!listed) await ctx.work.discardTree(staged);
  }
}

const changed = () => new Refusal("EBUSY", "the snapshots changed while they were joined; try again");

/** The one step. The old layers are named for deletion with it, so that no crash leaves them for good. */
async function list(ctx: Context, staged: string, joined: readonly SnapshotRecord[], top: SnapshotRecord): Promise<SnapshotRecord> {
  return ctx.layers.turn.runExclusive(async () => {
    const { state } = ctx.layers;
    const first = state.snapshots.findIndex(({ id }) => id === top.id);
    if (first < 0 || joined.some(({ id, path }, i) => state.snapshots[first + i]?.id !== id || state.snapshots[first + i]?.path !== path)) throw changed();
    const record = { ...top, path: `layers/j${String(state.next)}` };
    await ctx.locks.exclusive(async () => {
      await ctx.work.moveDirectory(staged, record.path);
      const next = {
        ...state, next: state.next + 1, snapshots: [...state.snapshots.slice(0, first), record, ...state.snapshots.slice(first + joined.length)],
        doomed: [...state.doomed, ...joined.map(({ path }) => path)],
      };
      try {
        await ctx.scratch.syncDirectory("layers");
        await ctx.layers.commit(next);
      } catch (error) {
        await ctx.work.moveDirectory(record.path, staged);
        throw error;
      }
      // The upper's directories find out anew what they merge: nothing of it looks different. The old layers go later,
      // when nobody reads from them any more (Keeper).
      ctx.layers.use(next);
      try {
        await ctx.tree.refreshBelow(ctx.tree.root);
      } catch (error) {
        ctx.env.log("warn", `read anew after snapshots were joined: ${String(error)}`);
        ctx.tree.forget(); // a fault of the moment: whoever looks there next meets it, or does not
      }
    });
    return record;
  });
}
