/**
 * One more Overlay: that of a window while the overlay is mounted. Files go through the mount, so that whoever looks sees
 * the same; what reviews is asked of an engine that reads the upper beneath it; what must not be done beneath a live mount
 * is the keeper's. While the keeper unmounts for a moment, what is asked waits.
 */
import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import { asOverlayError, Refusal } from "../engine/errors.js";
import { parseOpenFlags } from "../engine/openFlags.js";
import { type OverlayPath, parseOverlayPath } from "../engine/paths.js";
import {
  type Cancellable, type Change, type Disposable, type Dropped, type Durability, type LayerInfo, type LayerKind, openOverlay, OverlayError, type Origin, type OriginFile, type OpenOverlay, type Overlay,
  type OverlayDirent, type OverlayEvent, type OverlayHandle, type OverlayStat, type Retention, type Snapshot, type Whereabouts, type WriteFileOptions,
} from "../host/index.js";
import { hasOwnUsersOnly } from "./busy.js";
import type { KeeperLink, Log } from "./keeperLink.js";
import { MountedFiles } from "./mountedFiles.js";
import { MountedHandle } from "./mountedHandle.js";
import { resetThrough } from "./mountedReset.js";
import { MountPaths } from "./mountPaths.js";
import type { EngineCall, Ending } from "./protocol.js";
import { Signals } from "./signals.js";

export interface MountedOptions {
  readonly base: string;
  readonly scratch: string;
  readonly point: string;
  readonly durability?: Durability;
  readonly log: Log;
}

export class MountedOverlay implements Overlay {
  readonly writable = true;
  private active = 0;
  private drained: (() => void) | undefined;
  private paused: Promise<void> | undefined;
  private resume: (() => void) | undefined;
  private closed = false;
  private readonly handles = new Set<OverlayHandle>();
  private readonly signals: Signals;
  private readonly files: MountedFiles;

  private constructor(private readonly keeper: KeeperLink, private readonly review: OpenOverlay, private readonly paths: MountPaths, durability: Durability, log: Log) {
    this.signals = new Signals(log);
    this.files = new MountedFiles({ paths, durability, keepAside: (path, what) => this.keepAside(path, what), isLower: (path) => this.isLower(path), veiled: (path) => this.veiled(path) });
    keeper.listener = {
      changed: (events) => { this.review.upperChanged(); this.signals.change.fire(events); },
      layers: () => { this.review.upperChanged(); this.signals.layers.fire(); },
      stale: (found) => { this.review.upperChanged(); this.signals.staleness.fire(found); },
      pause: () => this.pause(),
      resume: () => { this.goOn(); },
      ended: (ending) => {
        this.signals.ended.fire(ending);
        this.goOn(); // what waits shall fail rather than wait
      },
    };
    // Of the base, which the engine beneath is told of.
    review.onDidChange((events) => { this.signals.change.fire(events); });
    review.onDidChangeStaleness((found) => { this.signals.staleness.fire(found); });
  }

  /** @param link connected to the keeper of the mount at `point`. */
  static async open(link: KeeperLink, options: MountedOptions): Promise<MountedOverlay> {
    const { base, scratch, point, durability = "data", log } = options;
    try {
      const review = await openOverlay({ base, scratch, readOnly: true, log });
      const roots = [await realpath(base).catch(() => base), base, point];
      return new MountedOverlay(link, review, new MountPaths(point, roots), durability, log);
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Where it stands. */
  get point(): string {
    return this.paths.point;
  }

  get folder(): string {
    return this.review.folder;
  }

  get manifest(): OpenOverlay["manifest"] {
    return this.review.manifest;
  }

  /** The mount is no more: nothing can be done through this object. At once when it has ended already. */
  onEnded(listener: (ending: Ending) => void): Disposable {
    if (this.keeper.isOver) queueMicrotask(() => { listener({ how: "failed", reason: "it has ended" }); });
    return this.signals.ended.on(listener);
  }

  /** Whether nothing keeps it busy but what this very process has started. */
  hasOwnUsersOnly(): Promise<boolean> {
    return hasOwnUsersOnly(this.point);
  }

  /** @throws OverlayError EBUSY, naming who is in it. */
  unmount(): Promise<void> {
    return this.keeper.unmount();
  }

  /** Every event of what was done through the mount so far has been told. */
  async settle(): Promise<void> {
    await this.keeper.settle();
  }

  // The frame of every operation.

  private async run<T>(operation: string, raw: string, act: (path: OverlayPath) => T | Promise<T>): Promise<T> {
    try {
      while (this.paused !== undefined) await this.paused;
      if (this.closed || this.keeper.isOver) throw new Refusal("EBADF", "the overlay is not mounted any more");
      this.active++;
      try {
        return await act(parseOverlayPath(raw));
      } finally {
        if (--this.active === 0) this.drained?.();
      }
    } catch (error) {
      throw asOverlayError(error, operation, raw);
    }
  }

  private change<T>(operation: string, raw: string, act: (path: OverlayPath) => Promise<T>): Promise<T> {
    return this.run(operation, raw, async (path) => {
      try {
        return await act(path);
      } finally {
        this.review.upperChanged();
      }
    });
  }

  /** The keeper's to do. Not counted: it may have to wait for us. */
  private async kept(call: EngineCall, ...args: readonly unknown[]): Promise<unknown> {
    while (this.paused !== undefined) await this.paused;
    try {
      return await this.keeper.engine(call, args);
    } catch (error) {
      const path = call === "reset" && typeof args[0] === "string" ? args[0] : "/";
      if (!(error instanceof OverlayError) || error.operation !== "unmount") throw asOverlayError(error, call, path);
      throw new OverlayError(error.code, call, path, { reason: `this needs the overlay unmounted for a moment, and ${error.reason}`, cause: error });
    } finally {
      this.review.upperChanged();
    }
  }

  private async pause(): Promise<void> {
    this.paused ??= new Promise((resolve) => { this.resume = resolve; });
    // An open file would keep the mount busy; who has one meets EBADF, as after a close.
    for (const handle of [...this.handles]) await handle.close().catch(() => undefined);
    if (this.active > 0) await new Promise<void>((resolve) => { this.drained = resolve; });
  }

  private goOn(): void {
    const { resume } = this;
    this.paused = undefined;
    this.resume = undefined;
    this.review.upperChanged();
    resume?.();
  }

  // Reading.

  stat(path: string): Promise<OverlayStat> {
    return this.run("stat", path, (p) => this.look(p, true));
  }

  lstat(path: string): Promise<OverlayStat> {
    return this.run("lstat", path, (p) => this.look(p, false));
  }

  private async look(path: OverlayPath, follow: boolean): Promise<OverlayStat> {
    const { stat, found } = await this.files.lstat(path, follow);
    return { ...stat, layer: found.path === undefined ? "lower" : await this.layerOf(found.path) };
  }

  /** What lies beneath the mount says where an entry comes from. */
  private async layerOf(path: OverlayPath): Promise<LayerKind> {
    return this.review.lstat(path).then(({ layer }) => layer, () => "upper");
  }

  private async isLower(path: OverlayPath): Promise<boolean> {
    this.review.upperChanged();
    return (await this.layerOf(path)) === "lower";
  }

  /** The keeper does it by itself, a moment later; a lower folder is what there is to wait for. */
  private async veiled(path: OverlayPath): Promise<void> {
    const layers = ["base", ...(await this.review.snapshots()).map(({ id }) => id)];
    const below = await Promise.all(layers.map((layer) => this.review.statLower(path, layer).then(({ type }) => type !== "file", () => false)));
    if (below.includes(true)) await this.keeper.settle().catch(() => undefined); // it is done; without a keeper there is no mount
  }

  readDirectory(path: string): Promise<OverlayDirent[]> {
    return this.run("readDirectory", path, (p) => this.files.readDirectory(p));
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.run("readFile", path, (p) => this.files.readFile(p));
  }

  readlink(path: string): Promise<string> {
    return this.run("readlink", path, (p) => this.files.readlink(p));
  }

  open(path: string, flags: string | number = "r", mode = 0o666): Promise<OverlayHandle> {
    return this.run("open", path, async (p) => {
      const how = parseOpenFlags(flags);
      const { file, found } = await this.files.open(p, flags, mode, how.write || how.create);
      const at = found.path;
      const inner = new MountedHandle(file, found.physical, how.append, () => (at === undefined ? Promise.resolve("lower") : this.layerOf(at)));
      const handle: OverlayHandle = {
        read: (buffer, position) => this.run("read", path, () => inner.read(buffer, position)),
        write: (buffer, position) => this.change("write", path, () => inner.write(buffer, position)),
        truncate: (size) => this.change("truncate", path, () => inner.truncate(size)),
        stat: () => this.run("stat", path, () => inner.stat()),
        sync: () => this.run("sync", path, () => inner.sync()),
        close: async () => {
          this.handles.delete(handle);
          await inner.close().catch((error: unknown) => { throw asOverlayError(error, "close", path); });
        },
      };
      this.handles.add(handle);
      return handle;
    });
  }

  // Changing, through the mount.

  writeFile(path: string, data: Uint8Array | string, options: WriteFileOptions = {}): Promise<void> {
    return this.change("writeFile", path, (p) => this.files.writeFile(p, data, options));
  }

  append(path: string, data: Uint8Array | string, options: Cancellable & { readonly mode?: number } = {}): Promise<void> {
    return this.change("append", path, (p) => this.files.append(p, data, options.mode ?? 0o666));
  }

  truncate(path: string, size = 0): Promise<void> {
    return this.change("truncate", path, (p) => this.files.truncate(p, size));
  }

  createDirectory(path: string, mode = 0o777): Promise<void> {
    return this.change("createDirectory", path, (p) => this.files.createDirectory(p, mode));
  }

  unlink(path: string): Promise<void> {
    return this.change("unlink", path, (p) => this.files.unlink(p));
  }

  rmdir(path: string): Promise<void> {
    return this.change("rmdir", path, (p) => this.files.rmdir(p));
  }

  remove(path: string, options: { readonly recursive?: boolean } = {}): Promise<void> {
    return this.change("remove", path, (p) => this.files.remove(p, options.recursive ?? false));
  }

  rename(from: string, to: string, options: Cancellable & { readonly overwrite?: boolean } = {}): Promise<void> {
    return this.change("rename", from, (p) => this.files.rename(p, parseOverlayPath(to), options));
  }

  copy(from: string, to: string, options: Cancellable & { readonly overwrite?: boolean } = {}): Promise<void> {
    return this.change("copy", from, (p) => this.files.copy(p, parseOverlayPath(to), options));
  }

  symlink(target: string, path: string): Promise<void> {
    return this.change("symlink", path, (p) => this.files.symlink(target, p));
  }

  link(existing: string, path: string): Promise<void> {
    return this.change("link", existing, (p) => this.files.link(p, parseOverlayPath(path)));
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.change("chmod", path, (p) => this.files.chmod(p, mode));
  }

  utimes(path: string, atime: number | Date, mtime: number | Date): Promise<void> {
    const ms = (time: number | Date) => (typeof time === "number" ? time * 1000 : time.getTime());
    return this.change("utimes", path, (p) => this.files.utimes(p, ms(atime), ms(mtime)));
  }

  copyUp(path: string): Promise<void> {
    return this.change("copyUp", path, (p) => this.files.copyUp(p));
  }

  // Reviewing, beneath the mount.

  changes(path = "/", options: Cancellable & { readonly since?: string; readonly folders?: boolean } = {}): Promise<Change[]> {
    return this.review.changes(path, options);
  }

  changeOf(path: string): Promise<Change | undefined> {
    return this.review.changeOf(path);
  }

  isUnchangedCopy(path: string, options: Cancellable = {}): Promise<boolean> {
    return this.review.isUnchangedCopy(path, options);
  }

  statLower(path: string, layer?: string): Promise<OverlayStat> {
    return this.review.statLower(path, layer);
  }

  readLowerFile(path: string, layer?: string): Promise<Uint8Array> {
    return this.review.readLowerFile(path, layer);
  }

  originOf(path: string, layer?: string): Promise<Origin | undefined> {
    return this.review.originOf(path, layer);
  }

  originFile(path: string): Promise<OriginFile | undefined> {
    return this.review.originFile(path);
  }

  whereabouts(folder?: string): Promise<Whereabouts> {
    return this.review.whereabouts(folder);
  }

  snapshots(): Promise<readonly Snapshot[]> {
    return this.review.snapshots();
  }

  layerInfo(options: Cancellable = {}): Promise<readonly LayerInfo[]> {
    return this.review.layerInfo(options);
  }

  dropped(): Promise<readonly Dropped[]> {
    return this.review.dropped();
  }

  sizeOfDropped(id: string, options: Cancellable = {}): Promise<number> {
    return this.review.sizeOfDropped(id, options);
  }

  baseChanged(changes: readonly OverlayEvent[]): Promise<void> {
    return this.review.baseChanged(changes);
  }

  upperChanged(): void {
    this.review.upperChanged();
  }

  // What the keeper does.

  /** Through the mount where that can be, so that nothing that is open in it is in the way; else in a short unmount. */
  async reset(path = "/"): Promise<void> {
    const done = await this.change("reset", path, (p) => resetThrough({ review: this.review, files: this.files, keepAside: (one) => this.keepAside(one, "reset") }, p));
    if (!done) await this.kept("reset", path);
  }

  /** What changes between the look and the reset is kept aside with the rest: nothing is lost by it. */
  async resetIf(path: string, isSo: () => Promise<boolean>): Promise<boolean> {
    if (!(await isSo())) return false;
    await this.reset(path);
    return true;
  }

  async keepAside(path: string, what: "delete" | "reset" | "replaced"): Promise<string | undefined> {
    return (await this.keeper.engine("keepAside", [path, what])) as string | undefined;
  }

  async takeSnapshot(name?: string): Promise<Snapshot> {
    return (await this.kept("takeSnapshot", name)) as Snapshot;
  }

  async renameSnapshot(id: string, name: string): Promise<void> {
    await this.kept("renameSnapshot", id, name);
  }

  async squash(ids?: readonly string[]): Promise<Snapshot> {
    return (await this.kept("squash", ids)) as Snapshot;
  }

  async resetTo(layer: string): Promise<void> {
    await this.kept("resetTo", layer);
  }

  async thaw(): Promise<string | undefined> {
    return (await this.kept("thaw")) as string | undefined;
  }

  async bringBack(id: string, options: { readonly replace?: boolean } = {}): Promise<void> {
    await this.kept("bringBack", id, options);
  }

  async forget(ids?: readonly string[]): Promise<number> {
    return (await this.kept("forget", ids)) as number;
  }

  async keepDropped(limits: Retention): Promise<number> {
    return (await this.kept("keepDropped", limits)) as number;
  }

  async adoptOrigin(path: string): Promise<void> {
    await this.kept("adoptOrigin", path);
  }

  /** A mounted overlay is plain already. */
  async flatten(): Promise<void> {
    return this.run("flatten", "/", () => undefined);
  }

  lend(): Promise<readonly string[]> {
    return this.run("lend", "/", () => { throw new Refusal("EBUSY", "it is mounted already"); });
  }

  takeBack(): Promise<void> {
    return this.run("takeBack", "/", () => { throw new Refusal("EBUSY", "it is mounted, and its keeper takes it back"); });
  }

  // Living together.

  onDidChange(listener: (events: readonly OverlayEvent[]) => void): Disposable {
    return this.signals.change.on(listener);
  }

  onDidChangeLayers(listener: () => void): Disposable {
    return this.signals.layers.on(listener);
  }

  onDidChangeStaleness(listener: (paths: readonly string[]) => void): Disposable {
    return this.signals.staleness.on(listener);
  }

  sync(): Promise<void> {
    return this.run("sync", "/", () => new Promise<void>((resolve, reject) => {
      execFile("sync", ["-f", this.point], (error) => { if (error === null) resolve(); else reject(new Refusal("EIO", error.message)); });
    }));
  }

  /** Lets go of the mount, which stays as long as others use it. */
  async dispose(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    for (const handle of [...this.handles]) await handle.close().catch(() => undefined);
    if (this.active > 0) await new Promise<void>((resolve) => { this.drained = resolve; });
    this.keeper.close();
    this.signals.clear();
    await this.review.dispose();
  }
}
