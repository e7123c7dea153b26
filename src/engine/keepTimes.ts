/**
 * A copy-up is no change of the directory that it publishes into: that one's times stay. Who publishes while others wait
 * to do the same leaves restoring them to the last, so that many first writes cost one restore. A change that is one
 * (tree.add, tree.remove) ends the keeping: the times are then what the change made them. Under the directory's mutex.
 */
import type { Context } from "./context.js";
import type { UpperDirectory } from "./tree.js";

/**
 * Waits for the lock through `lock`, then runs `publish` under it.
 * @param lock takes the lock and runs what it is given; waiting for it never fails.
 */
export async function keepingTimes<T>(
  ctx: Context, directory: UpperDirectory, lock: (act: () => Promise<T>) => Promise<T>, publish: () => Promise<T>,
): Promise<T> {
  directory.arriving++;
  return lock(async () => {
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
