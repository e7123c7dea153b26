/**
 * A directory with the setgid bit gives its group to what is made in it, and the bit to directories (inode_init_owner,
 * fs/inode.c). What is made in its place gets both from the system; what is staged in work/ gets them here.
 */
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import type { Place } from "./lookup.js";
import type { UpperDirectory } from "./tree.js";
import type { LayerStat } from "./types.js";

const setGroupId = 0o2000;

/** The group that a new entry of this directory gets; undefined when it is just its maker's. */
export async function groupOf(ctx: Context, { upper, below }: Pick<Place, "upper" | "below">): Promise<number | undefined> {
  const stat = upper !== undefined ? await ctx.scratch.lstat(ctx.tree.upperPath(upper)) : await below?.stat();
  return stat !== undefined && (stat.mode & setGroupId) !== 0 ? stat.gid : undefined;
}

/** Gives a staged entry the group, and a directory the bit. A group that we may not give away stays ours. */
export async function giveGroup(ctx: Context, staged: string, group: number, type: LayerStat["type"]): Promise<void> {
  const { uid, mode } = await ctx.scratch.lstat(staged);
  try {
    await ctx.scratch.chown(staged, uid, group);
  } catch (error) {
    if (!isCode(error, "EPERM", "EINVAL", "ENOTSUP", "EACCES")) throw error;
  }
  // chown takes the set-id bits from a file.
  if (type !== "symlink") await ctx.scratch.chmod(staged, type === "directory" ? mode | setGroupId : mode);
}

/** Both for an entry that is about to get a name in `parent`. The caller holds the parent's mutex. */
export async function inheritGroup(ctx: Context, parent: UpperDirectory, staged: string, type: LayerStat["type"]): Promise<void> {
  const group = await groupOf(ctx, { upper: parent, below: undefined });
  if (group !== undefined) await giveGroup(ctx, staged, group, type);
}
