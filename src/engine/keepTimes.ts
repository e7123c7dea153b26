/**
 * A copy-up is no change of the directory that it publishes into: that one's times stay. Who publishes while others wait
 * to do the same leaves restoring them to the last, so that many first writes cost one restore. A change that is one
 * (tree.add, tree.remove) ends the keeping: the times are then what the change made them.
 */
import type { Context } from "./context.js";
import type { UpperDirectory } from "./tree.js";

/** Runs `publish` under the namespace lock, shared, and the directory's mutex; waiting for them never fails. */
export async function keepingTimes<T>(ctx: Context, directory: UpperDirectory, publish: () => Promise<T>): Promise<T> {
  directory.arriving++;
  return ctx.locks.shared([directory], async () => {
    directory.arriving--;
    try {
      return await publish();
    } finally {
      if (directory.arriving === 0) await restore(ctx, directory);
    }
  });
}

/** Called before the first step that changes the directory; one lstat for all who follow each other. */
export async function rememberTimes(ctx: Context, directory: UpperDirectory): Promise<void> {
  directory.times ??= await ctx.scratch.lstat(ctx.tree.upperPath(directory));
}

async function restore(ctx: Context, directory: UpperDirectory): Promise<void> {
  const { times } = directory;
  directory.times = undefined;
  if (times === undefined || !ctx.tree.isAttached(directory)) return;
  try {
    await ctx.scratch.utimes(ctx.tree.upperPath(directory), times.atimeMs, times.mtimeMs);
  } catch (error) {
    ctx.env.log("warn", `the times of ${ctx.tree.pathOf(directory)} could not be kept: ${String(error)}`);
  }
}
