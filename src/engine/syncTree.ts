/** Forces a tree of the scratch to the disk, file by file. */
import type { Context } from "./context.js";

/** Forces files and directories of the upper to the disk, whatever the durability was while they were written. */
export async function syncTree(ctx: Context, directory: string): Promise<void> {
  const { entries } = await ctx.scratch.readDirectory(directory);
  for (const { name, type } of entries) {
    const path = `${directory}/${name}`;
    if (type === "directory") await syncTree(ctx, path);
    else if (type === "file") {
      const file = await ctx.scratch.openWrite(path, {});
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    }
  }
  await ctx.scratch.syncDirectory(directory);
}
