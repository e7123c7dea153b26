/**
 * A copy-up is no change of the directory that it publishes into: that one's times stay. Many publish at once, sharing
 * the directory's lock, and whoever is last puts the times back, so that many first writes cost one restore. A change
 * that is one (tree.add, tree.remove) ends the keeping: the times are then what the change made them.
 */
import type { Context } from "./context.js";
import type { UpperDirectory } from "./tree.js";
import type { LayerStat } from "./types.js";

/** What `publish` answers when it must have the directory for itself. */
export const alone: unique symbol = Symbol("alone");

/**
 * Runs `publish` under the namespace lock and the directory's lock, both shared: it concerns one name that is its own.
 * Runs it once more with the directory's lock exclusive when it asks for that. Waiting for the locks never fails.
 */
export async function keepingTimes<T>(
  ctx: Context, directory: UpperDirectory, publish: (isAlone: boolean) => Promise<T | typeof alone>,
): Promise<T | typeof alone> {
  const turn = async (isAlone: boolean): Promise<T | typeof alone> => {
    try {
      return await publish(isAlone);
    } finally {
      await leave(ctx, directory);
    }
  };
  directory.arriving++;
  const outcome = await ctx.locks.alongside(directory, () => turn(false));
  if (outcome !== alone) return outcome;
  directory.arriving++;
  return ctx.locks.shared([directory], () => turn(true));
}

/** Called before the first step that changes the directory: one lstat for all who publish together. */
export async function rememberTimes(ctx: Context, directory: UpperDirectory): Promise<LayerStat> {
  if (directory.times !== undefined) return directory.times;
  // One look that all wait for: a second one could come after the first one's link.
  directory.looking ??= ctx.scratch.lstat(ctx.tree.upperPath(directory)).finally(() => {
    directory.looking = undefined;
  });
  return (directory.times = await directory.looking);
}

async function leave(ctx: Context, directory: UpperDirectory): Promise<void> {
  directory.arriving--;
  if (directory.arriving > 0) return;
  await putBack(ctx, directory);
  // Who came meanwhile goes by what is remembered, and puts it back in turn.
  if (directory.arriving === 0) directory.times = undefined;
}

/** Before the directory's attributes are changed on purpose. The caller holds its lock exclusively. */
export async function stopKeepingTimes(ctx: Context, directory: UpperDirectory): Promise<void> {
  await putBack(ctx, directory);
  directory.times = undefined;
}

async function putBack(ctx: Context, directory: UpperDirectory): Promise<void> {
  const { times } = directory;
  if (times === undefined || !ctx.tree.isAttached(directory)) return;
  try {
    await ctx.scratch.utimes(ctx.tree.upperPath(directory), times.atimeMs, times.mtimeMs);
  } catch (error) {
    ctx.env.log("warn", `the times of ${ctx.tree.pathOf(directory)} could not be kept: ${String(error)}`);
  }
}
