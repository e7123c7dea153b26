/**
 * What an overlay offers. Adapters code against this interface alone. All paths are overlay paths ("/", "/a/b");
 * every method rejects with OverlayError and nothing else, and a rejected one has left what was there before (INV-11).
 * Symlinks are followed inside merged, except by the l-forms and by what acts on a name (unlink, rename, ...).
 */
import type { Origin } from "./originRecords.js";
import type {
  CancelSignal, Change, Disposable, Dropped, Durability, LayerInfo, OriginFile, OverlayDirent, OverlayEvent, OverlayStat, Progress, Retention, Snapshot,
} from "./types.js";
import type { Whereabouts } from "./whereabouts.js";

export interface Cancellable {
  readonly signal?: CancelSignal;
  readonly onProgress?: Progress;
}

export interface WriteFileOptions extends Cancellable {
  /** Make the file when it does not exist (default true; false: ENOENT). */
  readonly create?: boolean;
  /** Replace the content of an existing file (default true; false: EEXIST). */
  readonly overwrite?: boolean;
  /** Permission bits of a file that is made (default 0o666, less the umask). An existing file keeps its own. */
  readonly mode?: number;
}

export interface OverlayHandle {
  /**
   * Reads into `buffer` from `position` (null: from where the last such read or write ended).
   * Returns the bytes read, 0 at the end. A handle keeps reading the file that it opened (INV-3).
   */
  read(buffer: Uint8Array, position?: number | null): Promise<number>;
  /** Writes all of `buffer`; returns its length. A handle opened to append ignores `position`. */
  write(buffer: Uint8Array, position?: number | null): Promise<number>;
  truncate(size?: number): Promise<void>;
  stat(): Promise<OverlayStat>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Overlay {
  /** False while another process owns the upper: every change is EROFS. */
  readonly writable: boolean;

  stat(path: string): Promise<OverlayStat>;
  lstat(path: string): Promise<OverlayStat>;
  readDirectory(path: string): Promise<OverlayDirent[]>;
  readFile(path: string): Promise<Uint8Array>;
  readlink(path: string): Promise<string>;
  /** `flags` as in Node's fs.open: "r", "r+", "w", "wx", "w+", "a", "ax", "a+", ... or O_ bits (Linux values). */
  open(path: string, flags?: string | number, mode?: number): Promise<OverlayHandle>;

  writeFile(path: string, data: Uint8Array | string, options?: WriteFileOptions): Promise<void>;
  /** Adds to the end, making the file when it does not exist. Concurrent appends all land, whole. */
  append(path: string, data: Uint8Array | string, options?: Cancellable & { readonly mode?: number }): Promise<void>;
  truncate(path: string, size?: number): Promise<void>;
  createDirectory(path: string, mode?: number): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  /** Deletes into the overlay's trash, in one step whatever the size. A directory that is not empty wants `recursive`. */
  remove(path: string, options?: { readonly recursive?: boolean }): Promise<void>;
  /** With `overwrite` (the default) as rename(2); without it an existing target is EEXIST. */
  rename(from: string, to: string, options?: Cancellable & { readonly overwrite?: boolean }): Promise<void>;
  /**
   * Copies a file, a symlink, or a directory with all that is visible in it; the whole appears in one step. An existing
   * target is EEXIST (the default), or with `overwrite` replaced; a directory that is replaced goes to the trash.
   */
  copy(from: string, to: string, options?: Cancellable & { readonly overwrite?: boolean }): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  link(existing: string, path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** Times as in Node's fs.utimes: seconds since the epoch, or a Date. */
  utimes(path: string, atime: number | Date, mtime: number | Date): Promise<void>;
  /** Gives a lower entry its upper copy without changing it. Nothing to do when it has one. */
  copyUp(path: string, options?: Cancellable): Promise<void>;

  /**
   * What upper says against the lowers at and beneath `path` (default "/"), parents before children, sorted. `since` a
   * snapshot's id, or "base": what merged shows against that view, whichever layer says it; files are compared by where
   * they come from, not by content. ENOENT for an unknown id. With `folders` also those that both sides have and that
   * have another mode, as copied: else a folder is a change only where it is new, renamed, or in the place of another.
   * With `stats` each change brings what the lower, or that view, has at its path, where finding it told.
   */
  changes(path?: string, options?: Cancellable & { readonly since?: string; readonly folders?: boolean; readonly stats?: boolean }): Promise<Change[]>;
  /** What upper says of this one path; undefined when nothing differs. A directory is asked of itself alone. */
  changeOf(path: string): Promise<Change | undefined>;
  /** Whether a copied entry has the type, mode and content of the lower one again. Reads both sides when sizes are equal. */
  isUnchangedCopy(path: string, options?: Cancellable): Promise<boolean>;
  /**
   * Makes a path what the lowers have there; without a path, everything: the upper becomes empty, snapshots stay. What is
   * dropped can be brought back.
   */
  reset(path?: string): Promise<void>;
  /**
   * Resets a path if `isSo` says that it may be, and nothing was changed at or beneath it since that was asked: EBUSY
   * then, and for what is open for writing. EINVAL for a renamed entry whose old name is free, which takes several steps.
   * Returns what `isSo` said.
   */
  resetIf(path: string, isSo: () => Promise<boolean>): Promise<boolean>;

  /**
   * Freezes the upper as a layer under a new, empty one. Merged does not change and there are no events, yet nothing is
   * changed against the lowers any more (`onDidChangeLayers`). Constant in cost. `name` is 1 to 200 characters without
   * control characters (EINVAL), by default "Snapshot <n>". EBUSY while a file is open for writing: the reason names it.
   */
  takeSnapshot(name?: string): Promise<Snapshot>;
  /** Topmost first. */
  snapshots(): Promise<readonly Snapshot[]>;
  /** ENOENT; EINVAL as for takeSnapshot. */
  renameSnapshot(id: string, name: string): Promise<void>;
  /**
   * Joins snapshots that lie on each other (all, without `ids`) into one with the same merged result, the topmost's id,
   * name and time. EINVAL for fewer than two, or when one lies between; EBUSY when the layers change meanwhile.
   */
  squash(ids?: readonly string[], options?: Cancellable): Promise<Snapshot>;
  /**
   * Throws away what lies above a layer: above a snapshot (its id) the upper and the snapshots over it; above "base" all
   * of them; "upper" what is in the upper alone, as reset() does. Constant in cost; can be brought back. ENOENT.
   */
  resetTo(layer: string): Promise<void>;
  /**
   * Makes the snapshots part of the upper again, which then says against the base all that they and it said: merged does
   * not change. What there was is dropped, and `bringBack` has it as it was. Returns its id; undefined when there are no
   * snapshots. Cost in proportion to what is in the layers, which are copied, or cloned where the filesystem can. EBUSY
   * while a file is open for writing, or when changes do not cease meanwhile.
   */
  thaw(options?: Cancellable): Promise<string | undefined>;
  /** The upper, then the snapshots, topmost first. Walks each of them: ask when it is shown. */
  layerInfo(options?: Cancellable): Promise<readonly LayerInfo[]>;
  /** Snapshots were taken, renamed, joined, thrown away or brought back, or something dropped with them was forgotten. */
  onDidChangeLayers(listener: () => void): Disposable;

  /** What was thrown away (remove, reset, a folder replaced by a copy) and is still kept. Newest first. */
  dropped(): Promise<readonly Dropped[]>;
  /** Bytes of all files in it. ENOENT. */
  sizeOfDropped(id: string, options?: Cancellable): Promise<number>;
  /**
   * Puts it back as it was. Refused, with nothing changed and the reason naming the path, when something newer is there
   * (EEXIST), its folder is not (ENOENT), or it needs layers that are not the ones below now (EINVAL). A whole upper goes
   * over an empty one only, with no newer snapshot, unless `replace`: then those are dropped in turn.
   */
  bringBack(id: string, options?: { readonly replace?: boolean }): Promise<void>;
  /** Deletes it for good, everything without `ids`. Returns how many bytes are free now. ENOENT. */
  forget(ids?: readonly string[]): Promise<number>;
  /** Sets how long, and how much, is kept, and applies it now. Returns how many bytes are free now. */
  keepDropped(limits: Retention): Promise<number>;

  /**
   * Puts the upper into plain form, without redirects and without void whiteouts, so that other tools read it as merged
   * shows it: an OCI layer, or a fuse-overlayfs upperdir. What renamed folders show is copied up for it.
   * ENOTSUP while the base shows a name that starts with ".wh.": others would take it for a marker. Looks everywhere for one.
   */
  flatten(options?: Cancellable): Promise<void>;

  /**
   * Hands the upper to another tool that writes it, in plain form (see flatten): a fuse-overlayfs mount. Until `takeBack`
   * this object reads it afresh each time, and refuses what would change it (EBUSY); what only concerns the trash and the
   * records goes on. EXDEV, naming it, for a symbolic link that leads to the base by its absolute path, unless allowed:
   * whoever follows it on the disk is past the overlay. EBUSY while a file is open for writing. `asItIs`: the other tool has
   * it already, so nothing is looked at or put in order. Returns where the layers between upper and base are in plain form:
   * paths in the overlay's folder, topmost first.
   */
  lend(options?: Cancellable & { readonly allowLinksToBase?: boolean; readonly asItIs?: boolean }): Promise<readonly string[]>;
  /** The other tool has ended: what it left is put in order, and its copies get their records of origin. */
  takeBack(): Promise<void>;
  /**
   * While the upper is lent: keeps what it has at a path for `dropped`, before the other tool drops it. Undefined when it
   * has nothing there. ENOTSUP where there are no hard links.
   */
  keepAside(path: string, what: "delete" | "reset" | "replaced"): Promise<string | undefined>;

  /**
   * The lower side of a path for a diff: what the lowers have where this entry came from. With `layer`, a snapshot's id
   * or "base": what that view shows under this very path; symlinks are not followed. ENOENT when nothing.
   */
  statLower(path: string, layer?: string): Promise<OverlayStat>;
  readLowerFile(path: string, layer?: string): Promise<Uint8Array>;
  /**
   * The lower entry that a path's upper copy came from, as it was then: size in bytes and times in nanoseconds, decimal
   * text. With `layer`, a snapshot's id or "base": the entry of that view, through the snapshots between. Undefined where
   * nothing was copied, or no record is left of it: it is advisory.
   */
  originOf(path: string, layer?: string): Promise<Origin | undefined>;
  /**
   * The file of the base that the change at this path was made from (copied, deleted, replaced or renamed). Undefined for
   * what was no file, or whose content was not looked at before it went: up to 8 MiB it is, some seconds after the change.
   */
  originFile(path: string): Promise<OriginFile | undefined>;
  /**
   * "Keep mine": takes what the lowers have now for what the change at this one path was made from, so that it is stale
   * no more. Nothing to do where nothing differs. For "take base" there is `reset`.
   */
  adoptOrigin(path: string): Promise<void>;
  /**
   * Whether the changes at these paths are stale may be different now: the base moved beneath them, or an origin was
   * adopted. Merged is not: that has events of its own.
   */
  onDidChangeStaleness(listener: (paths: readonly string[]) => void): Disposable;

  /**
   * Which of what the layers have on the disk merged shows at and beneath a folder, and where: for who looks at the
   * layers themselves. As it is now; the next change makes it old. ENOENT, ENOTDIR; ENOTSUP outside the base.
   */
  whereabouts(folder?: string): Promise<Whereabouts>;

  /** Events in the order of the changes, in batches, after the operation's lock is gone. */
  onDidChange(listener: (events: readonly OverlayEvent[]) => void): Disposable;
  /**
   * Tells that someone else changed these paths in the base (relative to it, "/a/b"). Where the change is visible,
   * events follow, on the paths at which merged shows it.
   */
  baseChanged(changes: readonly OverlayEvent[]): Promise<void>;
  /** Tells a read-only opener that the owner of the upper may have changed it: caches are dropped. */
  upperChanged(): void;
  /** Forces everything written so far to the disk. */
  sync(): Promise<void>;
  /** Waits for every operation under way, then lets go of the upper. */
  dispose(): Promise<void>;
}

export interface OverlayOptions {
  readonly durability?: Durability;
  /** Whether names that differ only in case are different names, in the base and the scratch. Default true. */
  readonly caseSensitive?: boolean;
  readonly readOnly?: boolean;
  /** How long, and up to how much, what is dropped is kept. Applied after opening and some time after drops. */
  readonly retention?: Retention;
}
