/** Copies within the scratch: of what an upper or a snapshot has, with its owner, mode and times, as a file of its own. */
import type { Context } from "./context.js";
import { chownIfAllowed, copyBytes, type CopyOptions } from "./stage.js";

/** @param to a free name; what is made there when this fails is the caller's to remove. @throws Refusal ECANCELED; LayerError. */
export async function copyWithin(ctx: Context, from: string, to: string, options: CopyOptions): Promise<void> {
  const stat = await ctx.scratch.lstat(from);
  if (stat.type === "symlink") {
    await ctx.scratch.makeSymlink(await ctx.scratch.readLink(from), to);
    await ctx.scratch.utimes(to, stat.atimeMs, stat.mtimeMs);
    return;
  }
  const source = await ctx.scratch.openRead(from);
  try {
    const file = (await ctx.scratch.cloneFrom(source, to, 0o600)) ? await ctx.scratch.openWrite(to, {}) : await ctx.scratch.create(to, 0o600);
    try {
      if ((await file.stat()).size < stat.size) await copyBytes(source, file, stat.size, options);
      await chownIfAllowed(ctx, stat, (uid, gid) => file.chown(uid, gid));
      await file.chmod(stat.mode);
      await file.utimes(stat.atimeMs, stat.mtimeMs);
      if (ctx.durability !== "none") await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await source.close();
  }
}

/**
 * Gives each file of a tree an inode of its own, by copies in the place of those that have other names: those may lie in
 * a layer that is frozen, and a file with several names is written in place. Each step leaves the tree with what it had.
 */
export async function unshare(ctx: Context, path: string): Promise<void> {
  const { type, nlink } = await ctx.scratch.lstat(path);
  if (type === "directory") {
    for (const { name } of (await ctx.scratch.readDirectory(path)).entries) await unshare(ctx, `${path}/${name}`);
    return;
  }
  if (type !== "file" || nlink < 2) return;
  const staged = ctx.work.temp();
  try {
    await copyWithin(ctx, path, staged, {});
    await ctx.work.inside(path.slice(0, path.lastIndexOf("/")), true, () => ctx.scratch.rename(staged, path));
  } catch (error) {
    await ctx.work.discard(staged);
    throw error;
  }
}
