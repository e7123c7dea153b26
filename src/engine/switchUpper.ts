/**
 * Another upper in the place of the one that is there: the step that snapshots, resets of layers and their undo share.
 * The old upper is renamed to a layer path of its own; the manifest says what that means, which is the one step that
 * decides (INV-8); the new one is renamed in. Before the manifest speaks, a layer with a number that it has not given
 * out is an upper on its way, and goes back; afterwards a missing upper is an empty one, or what the manifest names.
 * All called with the layers' turn; the namespace lock is taken here, exclusively. Constant in cost.
 */
import type { Context } from "./context.js";
import { isCode, Refusal } from "./errors.js";
import type { LayerState } from "./layer.js";
import type { UpperDirectory } from "./tree.js";
import type { LayerStat } from "./types.js";

export interface Switch {
  /** Where the old upper goes: from `nextLayer`. */
  readonly out: string;
  /** Where the new one lies now. */
  readonly into: string;
  readonly state: LayerState;
}

/** A layer path that never was any layer's. */
export async function nextLayer(ctx: Context): Promise<{ readonly path: string; readonly next: number }> {
  try {
    await ctx.scratch.makeDirectory("layers", 0o700);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
  for (let number = ctx.layers.state.next; ; number++) {
    const path = `layers/${String(number)}`;
    try {
      await ctx.scratch.lstat(path);
    } catch (error) {
      if (isCode(error, "ENOENT")) return { path, next: number + 1 };
      throw error;
    }
  }
}

/** An empty upper in work/, not seen by anybody yet. Whoever asked for it discards it unless it was used. */
export async function stageUpper(ctx: Context): Promise<string> {
  const staged = ctx.work.temp();
  await ctx.scratch.makeDirectory(staged, 0o700);
  return staged;
}

/** The root of merged is the upper's own: an empty upper looks like what it shows. */
export async function lookLike(ctx: Context, staged: string, root: LayerStat): Promise<void> {
  await ctx.scratch.chmod(staged, root.mode);
  await ctx.scratch.utimes(staged, root.atimeMs, root.mtimeMs);
}

/** Under the namespace lock, exclusively. Whatever fails leaves the old upper in its place (INV-11). Returns the old tree. */
export async function switchUpper(ctx: Context, { out, into, state }: Switch): Promise<UpperDirectory> {
  const before = ctx.layers.state;
  ctx.layers.switches++;
  await ctx.work.moveDirectory("upper", out);
  try {
    // The manifest must never speak of a layer that a power cut takes back.
    await ctx.scratch.syncDirectory("layers");
    await ctx.scratch.syncDirectory("");
    await ctx.layers.commit(state);
  } catch (error) {
    await ctx.work.moveDirectory(out, "upper");
    throw error;
  }
  try {
    await ctx.work.moveDirectory(into, "upper");
  } catch (error) {
    await ctx.layers.commit(before);
    await ctx.work.moveDirectory(out, "upper");
    throw error;
  }
  const { root } = ctx.tree;
  ctx.tree.forget();
  ctx.layers.use(state);
  ctx.lowerMemory.forget();
  return root;
}

/**
 * Whether nothing is changed in the upper: no name and no whiteout. The attributes of its root are not looked at.
 * The caller holds the namespace lock.
 */
export async function isEmpty(ctx: Context): Promise<boolean> {
  await ctx.tree.load(ctx.tree.root, true);
  const { content } = ctx.tree.root;
  if (content === undefined) throw new Refusal("EBUSY");
  return content.children.size === 0 && content.whiteouts.size === 0 && content.undecodable === 0;
}

/**
 * Whether the upper is empty and merged's own mode, which is its root's, that of another layer's root: of one that is
 * known to have what nobody has changed, not of what it should have, as some filesystems have no modes.
 */
export async function isUntouched(ctx: Context, like: string): Promise<boolean> {
  return (await isEmpty(ctx)) && (await ctx.scratch.lstat("upper")).mode === (await ctx.scratch.lstat(like)).mode;
}
