/**
 * INV-2: ENOENT on a name that the tree has means "raced": look up again, but not again and again. Waits for whoever is
 * about to take the name out of the tree; when nobody is, the upper was changed by hand, and the disk is believed.
 * Takes the namespace lock, shared, and the directory's mutex.
 */
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import type { UpperDirectory } from "./tree.js";

export async function settle(ctx: Context, directory: UpperDirectory, name: string): Promise<void> {
  await ctx.locks.shared([directory], async () => {
    if (ctx.tree.entry(directory, name) === undefined || !ctx.tree.isAttached(directory)) return;
    try {
      await ctx.scratch.lstat(ctx.tree.entryPath(directory, name));
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
      await ctx.tree.reload(directory);
    }
  });
}
