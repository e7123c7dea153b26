/**
 * The shapes that cross the engine's border: what a caller sees of an entry, a change, an event.
 * States are unions, not flags; times are milliseconds since the epoch unless a name says otherwise.
 */

/** What kind of thing a name stands for. `unknown` is what a layer cannot tell (a remote provider's odd entry). */
export type EntryType = "file" | "directory" | "symlink" | "fifo" | "socket" | "block" | "character" | "unknown";

/** Where an entry comes from: only the upper, only a lower, or a directory that both have. */
export type LayerKind = "upper" | "lower" | "merged";

/** What a layer knows of one of its entries. `mode` holds the permission bits only (07777). */
export interface LayerStat {
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly dev: number;
  readonly ino: number;
  readonly rdev: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
}

/** An entry of merged. `mode` holds the permission bits only (07777). */
export interface OverlayStat extends LayerStat {
  readonly layer: LayerKind;
}

export interface OverlayDirent {
  readonly name: string;
  readonly type: EntryType;
}

/**
 * Enough to tell whether a lower entry is still the one that was looked at before: size, modification and
 * change time in nanoseconds, and identity, all as bigint because doubles lose the low digits of each.
 */
export interface Fingerprint {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * What upper says against the lowers, for one path of merged. `stale`: what the lowers have there is not what they had
 * when the change was made, as far as that is known.
 */
export type Change = Difference & {
  readonly stale?: true;
  /** Of changes that are asked for with `stats`, where the look that found them told: what the lower has at this path. */
  readonly lower?: LayerStat;
};

type Difference =
  /** A lower entry that has an upper copy. */
  | { readonly kind: "copied"; readonly path: string; readonly type: EntryType }
  /** An entry that no lower has. */
  | { readonly kind: "added"; readonly path: string; readonly type: EntryType }
  /** A lower entry that is whited out. `type` is what the lower has there. */
  | { readonly kind: "deleted"; readonly path: string; readonly type: EntryType }
  /** An upper entry that hides a lower one of which it is no copy: another type, or an opaque directory. */
  | { readonly kind: "replaced"; readonly path: string; readonly type: EntryType }
  /** An entry whose lower content is found under another lower path, `from`. */
  | { readonly kind: "renamed"; readonly path: string; readonly type: EntryType; readonly from: string };

export type ChangeKind = Change["kind"];

/**
 * Something happened to a path of merged. `changed` covers content, attributes and the layer an entry comes
 * from. One event stands for everything beneath a created or deleted directory.
 */
export interface OverlayEvent {
  readonly type: "created" | "changed" | "deleted";
  readonly path: string;
}

export interface Disposable {
  dispose(): void;
}

/** The part of an AbortSignal that the engine listens to; an AbortSignal fits. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** Called now and then while data is copied, with bytes done and bytes in all. */
export type Progress = (done: number, total: number) => void;

/**
 * How much is forced to the disk before an operation is reported as done: file data before it is published
 * (`data`, overlayfs's fsync=auto), the directories too (`full`), or nothing (`none`).
 */
export type Durability = "data" | "full" | "none";

/** A frozen layer. Its id stays when snapshots below it are joined with it. */
export interface Snapshot {
  readonly id: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

/** Something that was thrown away and can be brought back. */
export interface Dropped {
  readonly id: string;
  /** Where it was in merged; "/" for a whole upper; undefined when that is not known. */
  readonly path: string | undefined;
  /**
   * `delete` and `reset` of an entry, `replaced` by the copy of a folder; `reset-all` of the upper, `reset-to` of the
   * upper with snapshots; `thawed`: the same, of which the upper has a copy; `unknown` when a crash came before that was written down.
   */
  readonly what: "delete" | "reset" | "replaced" | "reset-all" | "reset-to" | "thawed" | "unknown";
  /** Milliseconds since the epoch. */
  readonly when: number;
  /** `whiteout`: a deletion was reset, and bringing it back deletes again. */
  readonly type: EntryType | "whiteout";
  /** The snapshots that went with it, topmost first. */
  readonly snapshots: readonly Snapshot[];
}

/** How long, and up to how much, what was dropped is kept. Infinity for no limit. */
export interface Retention {
  /** Milliseconds. Default: seven days. */
  readonly maxAgeMs?: number;
  /** Bytes of files. Default: 2 GiB. The oldest goes first. */
  readonly maxBytes?: number;
}

export interface LayerInfo {
  /** "upper", or a snapshot's id. */
  readonly id: string;
  readonly name: string;
  /** When it began, in milliseconds since the epoch: of the upper, when the layer below it was frozen or it was reset. */
  readonly created: number;
  /** What it says against what lies below it, by kind. */
  readonly counts: Readonly<Record<ChangeKind, number>>;
  /** Bytes of all its files. */
  readonly bytes: number;
}

/** A file of the base as it was when a change was made from it. Its content is not kept; who has some can ask whether it is that. */
export interface OriginFile {
  /** Where it was, as an overlay path. */
  readonly lower: string;
  readonly size: number;
  is(content: Uint8Array): boolean;
}
