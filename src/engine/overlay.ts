/**
 * The public operations: parse the path, count the operation, delegate, and translate the error. No decisions here.
 */
import type { Cancellable, Overlay, OverlayHandle, WriteFileOptions } from "./api.js";
import { adoptOrigin } from "./adopt.js";
import { baseChanged } from "./baseChanged.js";
import { build, type OverlayParts } from "./build.js";
import { changeOf, changes } from "./changes.js";
import type { Context } from "./context.js";
import { copy } from "./copy.js";
import { copyUp } from "./copyUp.js";
import { originFile, originIn } from "./deepOrigins.js";
import { createDirectory, defaultDirectoryMode, link, symlink } from "./create.js";
import { asOverlayError, Refusal } from "./errors.js";
import { dropped, forget, Keeper, sizeOfDropped } from "./dropped.js";
import { flatten } from "./flatten.js";
import { append, chmod, defaultFileMode, truncate, utimes, writeFile } from "./file.js";
import { open } from "./handle.js";
import { parseOpenFlags } from "./openFlags.js";
import { changesBetween } from "./layerDiff.js";
import { mergedView } from "./mergedView.js";
import { layerInfo } from "./layerInfo.js";
import { stackOf } from "./layers.js";
import type { Origin } from "./originRecords.js";
import { type OverlayPath, parseOverlayPath, rootPath } from "./paths.js";
import { keepAside, lend } from "./lend.js";
import { readDirectory } from "./readdir.js";
import { readFile, readlink, readLowerFile, stat, statLower } from "./read.js";
import { clean, recover } from "./recover.js";
import { removeAny, rmdir, unlink } from "./remove.js";
import { rename } from "./rename.js";
import { resetIf, resetPath } from "./reset.js";
import { resetTo } from "./resetLayers.js";
import { renameSnapshot, snapshots, takeSnapshot } from "./snapshot.js";
import { squash } from "./squash.js";
import { steady } from "./steady.js";
import { syncTree } from "./syncTree.js";
import { thaw } from "./thaw.js";
import { takeBack } from "./takeBack.js";
import type { Change, Disposable, Dropped, LayerInfo, OriginFile, OverlayDirent, OverlayEvent, OverlayStat, Retention, Snapshot } from "./types.js";
import { bringBack } from "./undo.js";
import { isUnchangedCopy } from "./unchanged.js";
import { type Whereabouts, WhereaboutsOf } from "./whereabouts.js";

/**
 * Opens an overlay. The caller owns the upper, unless `options.readOnly`.
 * @throws OverlayError.
 */
export async function createOverlay(parts: OverlayParts): Promise<Overlay> {
  try {
    const ctx = build(parts);
    const readOnly = parts.options?.readOnly ?? false;
    ctx.layers.use(await ctx.layers.read());
    if (!readOnly) await ctx.baseRoot.note();
    const leftovers = readOnly ? [] : await recover(ctx.scratch, ctx.work, ctx.lowerRoot, ctx.layers.state);
    const overlay = new OverlayEngine(ctx, !readOnly, parts.options?.retention ?? {});
    if (!readOnly) overlay.inBackground(() => clean(ctx.work, ctx.env, leftovers, overlay.tidying()));
    return overlay;
  } catch (error) {
    throw asOverlayError(error, "open", rootPath);
  }
}

/** How old, in ms, a read-only opener's view of an upper that another process owns may be. */
const borrowedMs = 250;

class OverlayEngine implements Overlay {
  private active = 0;
  /** How many there were ever: whether anything goes on. */
  private operations = 0;
  private drained: (() => void) | undefined;
  private readonly handles = new Set<OverlayHandle>();
  private closed = false;
  private viewedAt = -Infinity;
  /** What is open for writing, or being opened, by path. */
  private readonly writing = new Map<object, string>();
  private readonly keeper: Keeper;
  private readonly surveyor: WhereaboutsOf;
  /** Another tool writes the upper. */
  private lent = false;

  constructor(private readonly ctx: Context, readonly writable: boolean, retention: Retention) {
    ctx.hasher.activity = () => this.operations;
    if (writable) ctx.hasher.inBackground = (act) => { this.inBackground(act); };
    this.surveyor = new WhereaboutsOf(ctx);
    this.keeper = new Keeper(ctx, retention, (act) => { if (writable) this.inBackground(act); });
  }

  /** What the owner puts in order after opening. */
  tidying(): (() => Promise<unknown>)[] {
    return [() => this.keeper.tidy()];
  }

  // The frame of every operation.

  /** Runs one operation: counted, so that dispose can wait for it; its fault told of `operation` and `path`. */
  private async run<T>(operation: string, raw: string, act: (path: OverlayPath) => T | Promise<T>): Promise<T> {
    this.active++;
    this.operations++;
    try {
      if (this.closed) throw new Refusal("EBADF", "the overlay is closed");
      if (!this.writable || this.lent) await this.refresh();
      return await act(parseOverlayPath(raw));
    } catch (error) {
      throw asOverlayError(error, operation, raw);
    } finally {
      if (--this.active === 0) this.drained?.();
    }
  }

  private change<T>(operation: string, raw: string, act: (path: OverlayPath) => Promise<T>): Promise<T> {
    return this.run(operation, raw, (path) => {
      this.checkChangeable();
      return act(path);
    });
  }

  private checkChangeable(): void {
    if (!this.writable) throw new Refusal("EROFS", "the overlay is open for reading only: another process is the one that changes it");
    if (this.lent) throw new Refusal("EBUSY", "the overlay is mounted, and can be changed through the mount alone");
  }

  /** A change of the trash or of the records, which concerns nobody who has the upper. */
  private aside<T>(operation: string, raw: string, act: (path: OverlayPath) => Promise<T>): Promise<T> {
    if (!this.lent) return this.change(operation, raw, act);
    this.upperChanged();
    return this.run(operation, raw, act);
  }

  inBackground(act: () => Promise<void>): void {
    this.active++;
    void act()
      .catch((error: unknown) => { this.ctx.env.log("warn", String(error)); })
      .finally(() => { if (--this.active === 0) this.drained?.(); });
  }

  /** Who does not own the upper does not trust the cache. */
  private async refresh(): Promise<void> {
    const now = this.ctx.env.now();
    if (now - this.viewedAt < borrowedMs) return;
    this.viewedAt = now;
    this.ctx.tree.forget();
    const state = await this.ctx.layers.read();
    if (stackOf(state) !== stackOf(this.ctx.layers.state)) this.ctx.tree.forget();
    this.ctx.layers.use(state);
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
    const token = {};
    try {
      const handle = await this.run("open", path, (p) => {
        const parsed = parseOpenFlags(flags);
        const writes = parsed.write || parsed.create;
        if (writes) this.checkChangeable();
        if (writes) this.writing.set(token, path); // from before it is open, so that no snapshot comes between
        return open(this.ctx, p, parsed, mode);
      });
      this.handles.add(handle);
      return this.guard(handle, path, token);
    } catch (error) {
      this.writing.delete(token);
      throw error;
    }
  }

  /** The same handle with faults told of its path, and forgotten when it is closed. */
  private guard(handle: OverlayHandle, path: string, token: object): OverlayHandle {
    return {
      read: (buffer, position) => this.run("read", path, () => handle.read(buffer, position)),
      write: (buffer, position) => this.run("write", path, () => handle.write(buffer, position)),
      truncate: (size) => this.run("truncate", path, () => handle.truncate(size)),
      stat: () => this.run("stat", path, () => handle.stat()),
      sync: () => this.run("sync", path, () => handle.sync()),
      close: async () => {
        this.handles.delete(handle);
        try {
          await handle.close();
        } finally {
          this.writing.delete(token);
        }
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

  resetIf(path: string, isSo: () => Promise<boolean>): Promise<boolean> {
    return this.change("resetIf", path, (p) => resetIf(this.ctx, p, isSo));
  }

  flatten(options: Cancellable = {}): Promise<void> {
    return this.change("flatten", "/", () => flatten(this.ctx, options));
  }

  lend(options: Cancellable & { readonly allowLinksToBase?: boolean; readonly asItIs?: boolean } = {}): Promise<readonly string[]> {
    return this.change("lend", "/", async () => {
      const open = this.writing.values().next();
      if (open.done !== true) throw new Refusal("EBUSY", `'${open.value}' is open for writing; close it first`);
      const lowers = options.asItIs === true ? [] : await lend(this.ctx, options);
      this.lent = true;
      return lowers;
    });
  }

  takeBack(): Promise<void> {
    return this.run("takeBack", "/", async () => {
      if (!this.lent) return;
      this.lent = false;
      await takeBack(this.ctx);
    });
  }

  keepAside(path: string, what: "delete" | "reset" | "replaced"): Promise<string | undefined> {
    return this.aside("keepAside", path, (p) => {
      if (!this.lent) throw new Refusal("EINVAL", "the overlay is not mounted");
      return keepAside(this.ctx, p, what);
    });
  }

  // Reviewing.

  changes(path = "/", options: Cancellable & { readonly since?: string; readonly folders?: boolean; readonly stats?: boolean } = {}): Promise<Change[]> {
    const { since, signal, folders, stats } = options;
    return this.run("changes", path, (p) => steady(this.ctx, () =>
      since === undefined ? changes(this.ctx, p, { signal, folders, stats }) : changesBetween(this.ctx, mergedView(this.ctx), this.ctx.layers.view(since), p, { signal, folders, stats })));
  }

  changeOf(path: string): Promise<Change | undefined> {
    return this.run("changeOf", path, (p) => changeOf(this.ctx, p));
  }

  isUnchangedCopy(path: string, options: Cancellable = {}): Promise<boolean> {
    return this.run("isUnchangedCopy", path, (p) => isUnchangedCopy(this.ctx, p, options.signal));
  }

  statLower(path: string, layer?: string): Promise<OverlayStat> {
    return this.run("statLower", path, (p) => statLower(this.ctx, p, layer));
  }

  readLowerFile(path: string, layer?: string): Promise<Uint8Array> {
    return this.run("readLowerFile", path, (p) => readLowerFile(this.ctx, p, layer));
  }

  whereabouts(folder = "/"): Promise<Whereabouts> {
    return this.run("whereabouts", folder, (p) => this.surveyor.in(p));
  }

  // Layers, and what was dropped.

  takeSnapshot(name?: string): Promise<Snapshot> {
    return this.change("takeSnapshot", "/", () => takeSnapshot(this.ctx, name, () => this.writing.values().next().value));
  }

  snapshots(): Promise<readonly Snapshot[]> {
    return this.run("snapshots", "/", () => snapshots(this.ctx));
  }

  renameSnapshot(id: string, name: string): Promise<void> {
    return this.aside("renameSnapshot", "/", () => renameSnapshot(this.ctx, id, name));
  }

  squash(ids?: readonly string[], options: Cancellable = {}): Promise<Snapshot> {
    return this.change("squash", "/", () => squash(this.ctx, ids, options));
  }

  resetTo(layer: string): Promise<void> {
    return this.change("resetTo", "/", () => resetTo(this.ctx, layer));
  }

  thaw(options: Cancellable = {}): Promise<string | undefined> {
    return this.change("thaw", "/", () => thaw(this.ctx, () => this.writing.values().next().value, options));
  }

  layerInfo(options: Cancellable = {}): Promise<readonly LayerInfo[]> {
    return this.run("layerInfo", "/", () => layerInfo(this.ctx, options.signal));
  }

  onDidChangeLayers(listener: () => void): Disposable {
    return this.ctx.layers.onDidChange(listener);
  }

  dropped(): Promise<readonly Dropped[]> {
    return this.run("dropped", "/", () => dropped(this.ctx));
  }

  sizeOfDropped(id: string, options: Cancellable = {}): Promise<number> {
    return this.run("sizeOfDropped", "/", () => sizeOfDropped(this.ctx, id, options.signal));
  }

  bringBack(id: string, options: { readonly replace?: boolean } = {}): Promise<void> {
    return this.change("bringBack", "/", () => bringBack(this.ctx, id, options.replace ?? false));
  }

  forget(ids?: readonly string[]): Promise<number> {
    return this.aside("forget", "/", () => forget(this.ctx, ids));
  }

  keepDropped(limits: Retention): Promise<number> {
    return this.aside("keepDropped", "/", () => {
      this.keeper.limits = { ...this.keeper.limits, ...limits };
      return this.keeper.tidy();
    });
  }

  originOf(path: string, layer?: string): Promise<Origin | undefined> {
    return this.run("originOf", path, (p) => (layer === undefined ? this.ctx.origins.get(p) : originIn(this.ctx, p, this.ctx.layers.view(layer))));
  }

  originFile(path: string): Promise<OriginFile | undefined> {
    return this.run("originFile", path, (p) => originFile(this.ctx, p));
  }

  adoptOrigin(path: string): Promise<void> {
    return this.aside("adoptOrigin", path, (p) => adoptOrigin(this.ctx, p));
  }

  onDidChangeStaleness(listener: (paths: readonly string[]) => void): Disposable {
    return this.ctx.staleness.onDidChange(listener);
  }

  // Living together.

  onDidChange(listener: (events: readonly OverlayEvent[]) => void): Disposable {
    return this.ctx.events.onDidChange(listener);
  }

  baseChanged(changed: readonly OverlayEvent[]): Promise<void> {
    return this.run("baseChanged", "/", () => baseChanged(this.ctx, changed));
  }

  upperChanged(): void {
    if (this.writable && !this.lent) return; // the owner's tree is right: nobody else changes the upper
    this.viewedAt = -Infinity; // the next operation looks anew, at the layers too
    this.ctx.lowerMemory.forget();
  }

  sync(): Promise<void> {
    return this.run("sync", "/", async () => {
      if (this.writable) await syncTree(this.ctx, "upper");
    });
  }

  async dispose(): Promise<void> {
    this.closed = true;
    this.keeper.end();
    this.ctx.hasher.end();
    if (this.active > 0) await new Promise<void>((resolve) => { this.drained = resolve; });
    for (const handle of [...this.handles]) await handle.close().catch(() => undefined);
    this.handles.clear();
    await this.ctx.trash.close();
    await this.ctx.origins.close();
    this.ctx.layers.clear();
    this.ctx.events.clear();
    this.ctx.staleness.clear();
  }
}
