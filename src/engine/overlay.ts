/**
 * The public operations: parse the path, count the operation, delegate, and translate the error. No decisions here.
 */
import type { Cancellable, Overlay, OverlayHandle, OverlayOptions, WriteFileOptions } from "./api.js";
import { baseChanged } from "./baseChanged.js";
import { changeOf, changes } from "./changes.js";
import type { Context } from "./context.js";
import { copy } from "./copy.js";
import { copyUp } from "./copyUp.js";
import { CopyUpRegistry } from "./copyUpRegistry.js";
import { createDirectory, defaultDirectoryMode, link, symlink } from "./create.js";
import { asOverlayError, Refusal } from "./errors.js";
import { EventQueue } from "./events.js";
import { flatten } from "./flatten.js";
import { append, chmod, defaultFileMode, truncate, utimes, writeFile } from "./file.js";
import { open } from "./handle.js";
import { Inodes } from "./inodes.js";
import type { BaseLayer, Env, LowerLayer, OutsideReader, ScratchLayer } from "./layer.js";
import { Locks } from "./locks.js";
import { BaseDirectory, type LowerDirectory, LowerMemory, MarkedView } from "./lowerView.js";
import { parseOpenFlags } from "./openFlags.js";
import { type Origin, Origins } from "./origins.js";
import { type OverlayPath, parseOverlayPath, rootPath } from "./paths.js";
import { readDirectory } from "./readdir.js";
import { readFile, readlink, readLowerFile, stat, statLower } from "./read.js";
import { clean, recover } from "./recover.js";
import { removeAny, rmdir, unlink } from "./remove.js";
import { rename } from "./rename.js";
import { resetPath } from "./reset.js";
import { Tree } from "./tree.js";
import type { Change, Disposable, OverlayDirent, OverlayEvent, OverlayStat } from "./types.js";
import { isUnchangedCopy } from "./unchanged.js";
import { Workdir } from "./workdir.js";

export interface OverlayParts {
  readonly base: BaseLayer;
  /** Read-only layers in the upper's format between the snapshots and the base, topmost first. */
  readonly lowers?: readonly LowerLayer[];
  readonly scratch: ScratchLayer;
  /** Layer paths of the frozen snapshots inside the scratch ("layers/2"), topmost first. */
  readonly snapshots?: readonly string[];
  readonly outside: OutsideReader;
  readonly env: Env;
  readonly options?: OverlayOptions;
}

/**
 * Opens an overlay. The caller owns the upper, unless `options.readOnly`.
 * @throws OverlayError.
 */
export async function createOverlay(parts: OverlayParts): Promise<Overlay> {
  try {
    const ctx = build(parts);
    const readOnly = parts.options?.readOnly ?? false;
    const leftovers = readOnly ? [] : await recover(ctx.scratch, ctx.work, ctx.lowerRoot);
    const overlay = new OverlayEngine(ctx, !readOnly);
    if (!readOnly) overlay.inBackground(() => clean(ctx.scratch, ctx.work, ctx.env, leftovers));
    return overlay;
  } catch (error) {
    throw asOverlayError(error, "open", rootPath);
  }
}

function build(parts: OverlayParts): Context {
  const { base, scratch, outside, env, options = {} } = parts;
  const durability = options.durability ?? "data";
  const readOnly = options.readOnly ?? false;
  const lowerMemory = new LowerMemory(env);
  let lowerRoot: LowerDirectory = new BaseDirectory(base.layer, "", rootPath, lowerMemory);
  for (const layer of [...(parts.lowers ?? [])].reverse()) lowerRoot = new MarkedView(layer, "", lowerRoot, lowerMemory).root;
  for (const path of [...(parts.snapshots ?? [])].reverse()) lowerRoot = new MarkedView(scratch, path, lowerRoot, lowerMemory).root;
  const locks = new Locks();
  return {
    base, scratch, outside, env, durability, lowerRoot, lowerMemory, locks,
    work: new Workdir(scratch, env, durability),
    tree: new Tree(scratch, locks, lowerRoot, env, options.caseSensitive ?? true),
    registry: new CopyUpRegistry(),
    inodes: new Inodes(),
    origins: new Origins(scratch, env, readOnly),
    events: new EventQueue(env),
  };
}

/** How old, in ms, a read-only opener's view of an upper that another process owns may be. */
const borrowedMs = 250;

class OverlayEngine implements Overlay {
  private active = 0;
  private drained: (() => void) | undefined;
  private readonly handles = new Set<OverlayHandle>();
  private closed = false;
  private viewedAt = -Infinity;

  constructor(private readonly ctx: Context, readonly writable: boolean) {}

  // The frame of every operation.

  /** Runs one operation: counted, so that dispose can wait for it; its fault told of `operation` and `path`. */
  private async run<T>(operation: string, raw: string, act: (path: OverlayPath) => T | Promise<T>): Promise<T> {
    this.active++;
    try {
      if (this.closed) throw new Refusal("EBADF", "the overlay is closed");
      if (!this.writable) this.refresh();
      return await act(parseOverlayPath(raw));
    } catch (error) {
      throw asOverlayError(error, operation, raw);
    } finally {
      if (--this.active === 0) this.drained?.();
    }
  }

  private change<T>(operation: string, raw: string, act: (path: OverlayPath) => Promise<T>): Promise<T> {
    return this.run(operation, raw, (path) => {
      if (!this.writable) throw new Refusal("EROFS", "the overlay is open for reading only: another process is the one that changes it");
      return act(path);
    });
  }

  inBackground(act: () => Promise<void>): void {
    this.active++;
    void act()
      .catch((error: unknown) => { this.ctx.env.log("warn", String(error)); })
      .finally(() => { if (--this.active === 0) this.drained?.(); });
  }

  /** Who does not own the upper does not trust the cache. */
  private refresh(): void {
    const now = this.ctx.env.now();
    if (now - this.viewedAt < borrowedMs) return;
    this.viewedAt = now;
    this.ctx.tree.forget();
  }

  private bytes(data: Uint8Array | string): Uint8Array {
    return typeof data === "string" ? this.ctx.env.encode(data) : data;
  }

  // Reading.

  stat(path: string): Promise<OverlayStat> {
    return this.run("stat", path, (p) => stat(this.ctx, p, true));
  }

  lstat(path: string): Promise<OverlayStat> {
    return this.run("lstat", path, (p) => stat(this.ctx, p, false));
  }

  readDirectory(path: string): Promise<OverlayDirent[]> {
    return this.run("readDirectory", path, (p) => readDirectory(this.ctx, p));
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.run("readFile", path, (p) => readFile(this.ctx, p));
  }

  readlink(path: string): Promise<string> {
    return this.run("readlink", path, (p) => readlink(this.ctx, p));
  }

  async open(path: string, flags: string | number = "r", mode = defaultFileMode): Promise<OverlayHandle> {
    const handle = await this.run("open", path, (p) => {
      const parsed = parseOpenFlags(flags);
      const writes = parsed.write || parsed.create;
      if (writes && !this.writable) throw new Refusal("EROFS", "the overlay is open for reading only: another process is the one that changes it");
      return open(this.ctx, p, parsed, mode);
    });
    this.handles.add(handle);
    return this.guard(handle, path);
  }

  /** The same handle with faults told of its path, and forgotten when it is closed. */
  private guard(handle: OverlayHandle, path: string): OverlayHandle {
    return {
      read: (buffer, position) => this.run("read", path, () => handle.read(buffer, position)),
      write: (buffer, position) => this.run("write", path, () => handle.write(buffer, position)),
      truncate: (size) => this.run("truncate", path, () => handle.truncate(size)),
      stat: () => this.run("stat", path, () => handle.stat()),
      sync: () => this.run("sync", path, () => handle.sync()),
      close: async () => {
        this.handles.delete(handle);
        await handle.close();
      },
    };
  }

  // Changing.

  writeFile(path: string, data: Uint8Array | string, options: WriteFileOptions = {}): Promise<void> {
    const put = { create: true, overwrite: true, mode: defaultFileMode, ...options };
    return this.change("writeFile", path, (p) => writeFile(this.ctx, p, this.bytes(data), put));
  }

  append(path: string, data: Uint8Array | string, options: Cancellable & { readonly mode?: number } = {}): Promise<void> {
    return this.change("append", path, (p) => append(this.ctx, p, this.bytes(data), { mode: defaultFileMode, ...options }));
  }

  truncate(path: string, size = 0): Promise<void> {
    return this.change("truncate", path, (p) => truncate(this.ctx, p, size, {}));
  }

  createDirectory(path: string, mode = defaultDirectoryMode): Promise<void> {
    return this.change("createDirectory", path, (p) => createDirectory(this.ctx, p, mode));
  }

  unlink(path: string): Promise<void> {
    return this.change("unlink", path, (p) => unlink(this.ctx, p));
  }

  rmdir(path: string): Promise<void> {
    return this.change("rmdir", path, (p) => rmdir(this.ctx, p));
  }

  remove(path: string, options: { readonly recursive?: boolean } = {}): Promise<void> {
    return this.change("remove", path, (p) => removeAny(this.ctx, p, options.recursive ?? false));
  }

  rename(from: string, to: string, options: Cancellable & { readonly overwrite?: boolean } = {}): Promise<void> {
    return this.change("rename", from, (p) => rename(this.ctx, p, parseOverlayPath(to), { overwrite: true, ...options }));
  }

  copy(from: string, to: string, options: Cancellable & { readonly overwrite?: boolean } = {}): Promise<void> {
    return this.change("copy", from, (p) => copy(this.ctx, p, parseOverlayPath(to), { overwrite: false, ...options }));
  }

  symlink(target: string, path: string): Promise<void> {
    return this.change("symlink", path, (p) => symlink(this.ctx, target, p));
  }

  link(existing: string, path: string): Promise<void> {
    return this.change("link", existing, (p) => link(this.ctx, p, parseOverlayPath(path)));
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.change("chmod", path, (p) => chmod(this.ctx, p, mode));
  }

  utimes(path: string, atime: number | Date, mtime: number | Date): Promise<void> {
    const ms = (time: number | Date) => (typeof time === "number" ? time * 1000 : time.getTime());
    return this.change("utimes", path, (p) => utimes(this.ctx, p, ms(atime), ms(mtime)));
  }

  copyUp(path: string, options: Cancellable = {}): Promise<void> {
    return this.change("copyUp", path, async (p) => { await copyUp(this.ctx, p, true, options); });
  }

  reset(path = "/"): Promise<void> {
    return this.change("reset", path, (p) => resetPath(this.ctx, p));
  }

  flatten(options: Cancellable = {}): Promise<void> {
    return this.change("flatten", "/", () => flatten(this.ctx, options));
  }

  // Reviewing.

  changes(path = "/", options: Cancellable = {}): Promise<Change[]> {
    return this.run("changes", path, (p) => changes(this.ctx, p, options.signal));
  }

  changeOf(path: string): Promise<Change | undefined> {
    return this.run("changeOf", path, (p) => changeOf(this.ctx, p));
  }

  isUnchangedCopy(path: string, options: Cancellable = {}): Promise<boolean> {
    return this.run("isUnchangedCopy", path, (p) => isUnchangedCopy(this.ctx, p, options.signal));
  }

  statLower(path: string): Promise<OverlayStat> {
    return this.run("statLower", path, (p) => statLower(this.ctx, p));
  }

  readLowerFile(path: string): Promise<Uint8Array> {
    return this.run("readLowerFile", path, (p) => readLowerFile(this.ctx, p));
  }

  originOf(path: string): Promise<Origin | undefined> {
    return this.run("originOf", path, (p) => this.ctx.origins.get(p));
  }

  // Living together.

  onDidChange(listener: (events: readonly OverlayEvent[]) => void): Disposable {
    return this.ctx.events.onDidChange(listener);
  }

  baseChanged(changed: readonly OverlayEvent[]): Promise<void> {
    return this.run("baseChanged", "/", () => baseChanged(this.ctx, changed));
  }

  upperChanged(): void {
    if (this.writable) return; // the owner's tree is right: nobody else changes the upper
    this.ctx.tree.forget();
    this.ctx.lowerMemory.forget();
  }

  sync(): Promise<void> {
    return this.run("sync", "/", async () => {
      if (this.writable) await syncTree(this.ctx, "upper");
    });
  }

  async dispose(): Promise<void> {
    this.closed = true;
    if (this.active > 0) await new Promise<void>((resolve) => { this.drained = resolve; });
    for (const handle of [...this.handles]) await handle.close().catch(() => undefined);
    this.handles.clear();
    await this.ctx.origins.close();
    this.ctx.events.clear();
  }
}

/** Forces files and directories of the upper to the disk, whatever the durability was while they were written. */
async function syncTree(ctx: Context, directory: string): Promise<void> {
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
