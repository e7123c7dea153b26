/**
 * Open files. A handle keeps reading the file that it opened, whatever becomes of the name (INV-3; the kernel's later
 * reads switch to the upper copy, ours deliberately do not). Opening for writing copies up first and registers the
 * writer under the parent's lock, so that a whole-file write never replaces the file under its hands.
 */
import type { OverlayHandle } from "./api.js";
import { again, type Context } from "./context.js";
import { copyUpDirectory, outsideRefusal } from "./copyUp.js";
import { appeared, isStillAbsent, reloadIfFailed } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import { copyUpIfThere, putFile } from "./file.js";
import type { ReadHandle } from "./layer.js";
import { foundPath, lookup } from "./lookup.js";
import { checkCreatable } from "./markers.js";
import { type OpenFile, openUpper, registerWriter } from "./openFile.js";
import type { OpenFlags } from "./openFlags.js";
import type { OverlayPath } from "./paths.js";
import { settle } from "./raced.js";
import type { UpperDirectory } from "./tree.js";
import type { LayerKind, OverlayStat } from "./types.js";

/**
 * @throws Refusal ENOENT, EEXIST, EISDIR, ENOTDIR, ELOOP, EINVAL (a special file), EROFS, ENAMETOOLONG; LayerError.
 */
export async function open(ctx: Context, path: OverlayPath, flags: OpenFlags, mode: number): Promise<OverlayHandle> {
  for (;;) {
    const found = await lookup(ctx, path, { follow: !flags.exclusive && !flags.noFollow });
    if (found.kind === "outside" && (flags.write || flags.exclusive)) throw outsideRefusal(found.physical);
    const exists = found.kind !== "absent";
    if (exists && flags.create && flags.exclusive) throw new Refusal("EEXIST");
    if (!exists && !flags.create) throw new Refusal("ENOENT");
    if (found.kind === "directory") throw new Refusal("EISDIR");
    const handle = flags.write || (flags.create && !exists)
      ? await openWriter(ctx, found, flags, mode)
      : await openReader(ctx, found);
    if (handle !== again) return handle;
  }
}

type Found = Exclude<Awaited<ReturnType<typeof lookup>>, { kind: "directory" }>;

async function openReader(ctx: Context, found: Found): Promise<Handle | typeof again> {
  switch (found.kind) {
    case "absent":
      return again;
    case "outside":
      return new Handle({ kind: "reader", raw: await ctx.outside.layer.openRead(found.physical.slice(1)) }, "lower");
    case "lower":
      return new Handle({ kind: "reader", raw: await found.file.layer.openRead(found.file.layerPath) }, "lower");
    case "upper":
      if (found.entry.type === "symlink") throw new Refusal("ELOOP");
      try {
        return new Handle({ kind: "reader", raw: await ctx.scratch.openRead(ctx.tree.entryPath(found.directory, found.name)) }, "upper");
      } catch (error) {
        if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
        await settle(ctx, found.directory, found.name);
        return again;
      }
  }
}

async function openWriter(ctx: Context, found: Found, flags: OpenFlags, mode: number): Promise<Handle | typeof again> {
  if (found.kind === "outside") throw outsideRefusal(found.physical);
  if (found.kind === "absent") {
    checkCreatable(found.name);
    const parent = await copyUpDirectory(ctx, found.place);
    if (parent === again) return again;
    const { name, hidden } = found;
    const file = await ctx.locks.shared([parent], async () => {
      if (!isStillAbsent(ctx, parent, name, hidden)) return again;
      return createUpper(ctx, parent, name, mode);
    });
    if (file === again) return again;
    await ctx.work.syncDirectories(ctx.tree.upperPath(parent));
    return new Handle({ kind: "writer", file, readable: flags.read, append: flags.append }, "upper");
  }
  const type = found.kind === "lower" ? found.file.stat.type : found.entry.type;
  if (type === "symlink") throw new Refusal("ELOOP");
  if (type !== "file") throw new Refusal("EINVAL", `it is a ${type}, not a file`);
  if (found.kind === "lower" && flags.truncate) {
    try {
      await putFile(ctx, foundPath(found), { create: false, overwrite: true, mode: 0 }, () => Promise.resolve(), 0);
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error; // deleted meanwhile: the next look says whether to make it
    }
    return again;
  }
  const upper = found.kind === "upper" ? found : await copyUpIfThere(ctx, foundPath(found), {});
  if (upper === undefined || upper.kind === "directory") return again;
  const { directory, name } = upper;
  const file = await ctx.locks.alongside(directory, async () => {
    if (ctx.tree.entry(directory, name)?.type !== "file" || !ctx.tree.isAttached(directory)) return again;
    return openUpper(ctx, directory, name, { read: flags.read, append: flags.append });
  });
  if (file === again) return again;
  if (flags.truncate) await empty(file);
  return new Handle({ kind: "writer", file, readable: flags.read, append: flags.append }, "upper");
}

/** In the file's queue: what others do to the whole of it is done before, or after. */
async function empty(file: OpenFile): Promise<void> {
  try {
    await file.inode.io.runExclusive(() => file.truncate(0));
  } catch (error) {
    await file.close();
    throw error;
  }
  file.changed();
}

/** An empty file is whole from its first moment: it is made in its place, over a whiteout that is void from then on. */
async function createUpper(ctx: Context, parent: UpperDirectory, name: string, mode: number): Promise<OpenFile> {
  const directory = ctx.tree.upperPath(parent);
  const path = `${directory}/${name}`;
  const raw = await reloadIfFailed(ctx, parent, () => ctx.work.inside(directory, false, () => ctx.scratch.create(path, mode)));
  ctx.tree.add(parent, name, "file");
  await appeared(ctx, parent, name);
  return registerWriter(ctx, raw, parent, name);
}

type Source = { readonly kind: "reader"; readonly raw: ReadHandle } | { readonly kind: "writer"; readonly file: OpenFile; readonly readable: boolean; readonly append: boolean };

/** What callers hold. Its position moves only by reads and writes that name none. */
class Handle implements OverlayHandle {
  private position = 0;
  private closed = false;

  constructor(private readonly source: Source, private readonly layer: LayerKind) {}

  private get raw(): ReadHandle {
    if (this.closed) throw new Refusal("EBADF", "the file is closed");
    return this.source.kind === "reader" ? this.source.raw : this.source.file.raw;
  }

  private get writer(): OpenFile {
    if (this.closed) throw new Refusal("EBADF", "the file is closed");
    if (this.source.kind === "reader") throw new Refusal("EBADF", "the file is open for reading only");
    return this.source.file;
  }

  async read(buffer: Uint8Array, position: number | null = null): Promise<number> {
    const { raw } = this;
    if (this.source.kind === "writer" && !this.source.readable) throw new Refusal("EBADF", "the file is open for writing only");
    const at = position ?? this.position;
    const count = await raw.read(buffer, at);
    if (position === null) this.position = at + count;
    return count;
  }

  async write(buffer: Uint8Array, position: number | null = null): Promise<number> {
    const file = this.writer;
    // Appends take turns, so that none lands on another's place.
    const append = this.source.kind === "writer" && this.source.append;
    const at = append ? await file.inode.io.runExclusive(() => file.append(buffer)) : (position ?? this.position);
    if (!append) await file.write(buffer, at);
    if (position === null) this.position = at + buffer.length;
    file.changed();
    return buffer.length;
  }

  async truncate(size = 0): Promise<void> {
    // ftruncate(2) has a code of its own for this.
    if (!this.closed && this.source.kind === "reader") throw new Refusal("EINVAL", "the file is open for reading only");
    const file = this.writer;
    await file.truncate(size);
    file.changed();
  }

  async stat(): Promise<OverlayStat> {
    return { ...(await this.raw.stat()), layer: this.layer };
  }

  async sync(): Promise<void> {
    if (this.closed) throw new Refusal("EBADF", "the file is closed");
    if (this.source.kind === "writer") await this.source.file.raw.sync();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    if (this.source.kind === "reader") await this.source.raw.close();
    else await this.source.file.close();
  }
}
