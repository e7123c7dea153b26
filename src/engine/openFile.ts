/**
 * Upper files that are open for writing, each registered with its inode. Opened under the mutex of the directory that
 * has the name, so that a whole-file write, which publishes under it, sees every writer.
 */
import type { Context } from "./context.js";
import { Refusal } from "./errors.js";
import type { Inode } from "./inodes.js";
import type { OpenWrite, ReadHandle, WriteHandle } from "./layer.js";
import type { UpperDirectory, UpperEntry } from "./tree.js";

/** An upper file that is open for writing, with its place in the tree for events. */
export class OpenFile {
  constructor(
    private readonly ctx: Context,
    readonly raw: WriteHandle,
    readonly inode: Inode,
    private readonly directory: UpperDirectory,
    private readonly entry: UpperEntry,
    private readonly size: number,
  ) {
    this.seen = ctx.inodes.isAsOpened(inode) ? inode.changes : undefined;
  }

  /** What had been done to the file when its size was looked at; not known when others were at it. */
  private readonly seen: number | undefined;

  write(data: Uint8Array, position: number): Promise<void> {
    this.inode.changes++;
    return this.raw.write(data, position);
  }

  /** Adds to the end, and says where that was; what a full disk let through of it is taken away again (INV-11). Called in the inode's queue. */
  async append(data: Uint8Array): Promise<number> {
    const size = this.inode.changes === this.seen ? this.size : (await this.raw.stat()).size;
    const writing = this.write(data, size);
    const own = this.inode.changes;
    try {
      await writing;
      return size;
    } catch (error) {
      // A handle that writes at a position, or cuts the file, has no turn to wait for: then nobody knows whose the end is.
      if (this.inode.changes === own) await this.raw.truncate(size).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Gives it the content of a staged file. What lies beyond the old end comes first: only that needs space, and where
   * there is none, the file is as it was (INV-11). Called in the inode's queue.
   */
  async replace(source: ReadHandle): Promise<void> {
    const before = (await this.raw.stat()).size;
    const after = (await source.stat()).size;
    try {
      await this.transfer(source, before, after);
    } catch (error) {
      await this.raw.truncate(before).catch(() => undefined);
      throw error;
    }
    await this.transfer(source, 0, Math.min(before, after));
    await this.truncate(after);
  }

  private async transfer(source: ReadHandle, from: number, to: number): Promise<void> {
    const buffer = new Uint8Array(1 << 20);
    for (let position = from; position < to;) {
      const count = await source.read(buffer.subarray(0, Math.min(buffer.length, to - position)), position);
      if (count === 0) throw new Refusal("EIO", "the staged file is shorter than it was");
      await this.write(buffer.subarray(0, count), position);
      position += count;
    }
  }

  truncate(size: number): Promise<void> {
    this.inode.changes++;
    return this.raw.truncate(size);
  }

  /** Says that the content changed, unless the file has no name any more. */
  changed(): void {
    const path = this.ctx.tree.placeOf(this.directory, this.entry);
    if (path !== undefined) this.ctx.events.queue("changed", path);
  }

  async close(): Promise<void> {
    try {
      await this.raw.close();
    } finally {
      // Last, so that nobody takes the file for one without writers while it has one.
      this.ctx.inodes.leave(this.inode);
    }
  }
}

/**
 * Opens an upper file for writing and registers the writer. The caller shares the lock of its directory. Nothing is cut
 * here: whoever else is at the file has to see that, so it is done through the OpenFile.
 */
export async function openUpper(ctx: Context, directory: UpperDirectory, name: string, how: Pick<OpenWrite, "read" | "append">): Promise<OpenFile> {
  const path = ctx.tree.entryPath(directory, name);
  return ctx.inodes.entering(async () => registerWriter(ctx, await ctx.scratch.openWrite(path, how), directory, name));
}

export async function registerWriter(ctx: Context, raw: WriteHandle, directory: UpperDirectory, name: string): Promise<OpenFile> {
  const entry = ctx.tree.entry(directory, name);
  try {
    if (entry === undefined) throw new Refusal("EBUSY");
    const stat = raw.opened?.stat ?? (await raw.stat());
    return new OpenFile(ctx, raw, ctx.inodes.enter(stat), directory, entry, stat.size);
  } catch (error) {
    await raw.close();
    throw error;
  }
}
