/**
 * The ports through which the engine touches the world: read-only layers, the scratch it may write, and Env.
 * Paths are layer paths: no leading slash, "" for the root. Every call throws LayerError and nothing else.
 * INV-1 rests on the split: a LowerLayer has no call that writes, and no path of one can be given to the scratch.
 */
import type { CancelSignal, EntryType, Fingerprint, LayerStat, Progress } from "./types.js";

export interface LayerDirent {
  readonly name: string;
  readonly type: EntryType;
}

export interface LayerListing {
  /** A fresh list for each call: the caller may keep it and change it. */
  readonly entries: LayerDirent[];
  /** How many names are not valid Unicode: they are not in `entries`, yet the directory is not empty. */
  readonly undecodable: number;
}

/** One look at an open file, in both forms. */
export interface Opened {
  readonly stat: LayerStat;
  readonly print: Fingerprint;
}

export interface ReadHandle {
  /** What the file was when it was opened, where opening it told. */
  readonly opened?: Opened | undefined;
  stat(): Promise<LayerStat>;
  fingerprint(): Promise<Fingerprint>;
  /** Fills `buffer` from `position`; short only at the end of the file. Returns the bytes read. */
  read(buffer: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

export interface WriteHandle extends ReadHandle {
  /** Writes all of `buffer` at `position`, or at the end of the file when opened with `append`. */
  write(buffer: Uint8Array, position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /**
   * Lets the system copy a large file into this one, which is empty, from its start: as much as it will, which may be
   * nothing. Stops soon after the signal. Returns how many bytes are there; whoever asked does the rest, and meets in
   * doing so whatever went wrong here.
   */
  fillFrom?(source: ReadHandle, options: { readonly signal?: CancelSignal; readonly onProgress?: Progress }): Promise<number>;
  sync(): Promise<void>;
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  utimes(atimeMs: number, mtimeMs: number): Promise<void>;
}

/** A layer that is only ever read. No call follows a symlink in the last component. */
export interface LowerLayer {
  lstat(path: string): Promise<LayerStat>;
  /** The identity of an entry, exact; the entry itself, also when it is a symlink. */
  fingerprint(path: string): Promise<Fingerprint>;
  readDirectory(path: string): Promise<LayerListing>;
  readLink(path: string): Promise<string>;
  /**
   * Opens a regular file for reading and never waits for a peer: a FIFO, socket, device is EINVAL, a directory
   * EISDIR, a symlink ELOOP.
   */
  openRead(path: string): Promise<ReadHandle>;
  /** The whole content of a regular file; refuses what openRead refuses; EFBIG when one buffer cannot hold it. */
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Set where a call may take seconds, or fail for a while (a base that is not on a disk): then nothing is read ahead or in
   * the background, what can be taken for granted is asked only when it is used, and never under a lock. Such a layer
   * answers again from memory what it was asked before.
   */
  readonly costly?: true | undefined;
  /** What is known of an entry without any call. */
  kindOf?(path: string): EntryType | undefined;
}

export interface SmallCopy {
  /** What the source was when it was opened. */
  readonly source: Opened;
  readonly file: WriteHandle;
}

export interface OpenWrite {
  readonly read?: boolean;
  readonly append?: boolean;
  readonly truncate?: boolean;
}

/**
 * The folder that holds upper/, work/, trash/ and layers/ of one overlay. No call follows a symlink in the last
 * component, the components before it are ours.
 */
export interface ScratchLayer extends LowerLayer {
  /** Creates a regular file, EEXIST if the name is taken. The umask applies to `mode`. */
  create(path: string, mode: number): Promise<WriteHandle>;
  openWrite(path: string, how: OpenWrite): Promise<WriteHandle>;
  makeDirectory(path: string, mode: number): Promise<void>;
  makeSymlink(target: string, path: string): Promise<void>;
  /** A second name for a file; EEXIST if taken. A symlink is linked itself. ENOTSUP where there are no hard links. */
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  removeDirectory(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void>;
  /** Forces a directory's entries to the disk; does nothing where the system cannot. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Creates `path` as a copy-on-write clone of an open lower file (FICLONE). False, with nothing created, where
   * source and scratch do not share a filesystem that can.
   */
  cloneFrom(source: ReadHandle, path: string, mode: number): Promise<boolean>;
  /**
   * Creates `path` as a copy of a small regular file of a lower, in one step: its content, with mode (as the umask lets
   * it) and times of `as`; not synced. Undefined, with nothing created, where that is not to be had: then copy by hand.
   */
  copySmall?(from: LowerLayer, fromPath: string, path: string, as: LayerStat): Promise<SmallCopy | undefined>;
  /**
   * Gives a staged copy its name, as link and unlink do, if the lower entry that it is a copy of still has this
   * fingerprint: look and link in one step. `linked` when the staged name stayed; undefined, with nothing done, where
   * that is not to be had: then by hand. Fails as link does.
   */
  publishCopy?(staged: string, to: string, from: LowerLayer, fromPath: string, print: Fingerprint): Promise<"published" | "linked" | "changed" | undefined>;
  /** Whose files are made here, and less which bits; undefined where that is not known: then all is set anew. */
  readonly creator: { readonly uid: number; readonly gid: number; readonly umask: number } | undefined;
  /** The free-standing truth of who we are, to know whether a chown can be expected to work. */
  readonly privileged: boolean;
}

/** What lies outside the base and is reached through a symlink: read, never changed. Paths are absolute, physical. */
export interface OutsideReader {
  /** The path with every symlink resolved, the last included. */
  realPath(path: string): Promise<string>;
  /** Rooted at "/": give it physical paths without their leading slash. */
  readonly layer: LowerLayer;
}

export interface BaseLayer {
  readonly layer: LowerLayer;
  /** The absolute path as the user gave it, and with symlinks resolved. */
  readonly given: string;
  readonly real: string;
}

/** A frozen layer. `id` stays when layers are joined; `path` is where it lies in the scratch ("layers/2"). */
export interface SnapshotRecord {
  readonly id: string;
  readonly path: string;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
}

/** A whole upper that was thrown away, with the snapshots that went with it, topmost first. They lie where they lay. */
export interface DroppedLayers {
  readonly id: string;
  readonly when: number;
  /** Where the upper is: a layer path that no snapshot has. */
  readonly upper: string;
  readonly snapshots: readonly SnapshotRecord[];
  /** The snapshot that they lay on; undefined for the base. */
  readonly onto?: string | undefined;
  /** Not thrown away: the upper was given a copy of all of it. */
  readonly thawed?: boolean | undefined;
}

/** What the manifest says of the layers. Everything else in it is the host's. */
export interface LayerState {
  /** Topmost first. */
  readonly snapshots: readonly SnapshotRecord[];
  /** The number of the next layer: none is given twice, so that a path means one layer for ever. */
  readonly next: number;
  readonly dropped: readonly DroppedLayers[];
  /** What takes upper's place when there is none, if it is there. */
  readonly restore?: string | undefined;
  /** Layer paths that nobody needs: to be deleted. */
  readonly doomed: readonly string[];
}

/** The manifest's part on layers. The engine's one record that is replaced whole or not at all (INV-8). */
export interface ManifestPort {
  read(): Promise<LayerState>;
  /** Returns when the new state is on the disk; a failure has changed nothing. @throws LayerError. */
  replace(state: LayerState): Promise<void>;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Time, identity and text, so that the engine has no global of any platform. */
export interface Env {
  /** Milliseconds since the epoch. */
  now(): number;
  /** A new file name for staging: unique, plain ASCII, sorts by time of making. */
  id(): string;
  /** Resolves after `ms`, or at once when cancelled. */
  sleep(ms: number, signal?: CancelSignal): Promise<void>;
  encode(text: string): Uint8Array;
  /** @throws TypeError when the bytes are not UTF-8. */
  decode(bytes: Uint8Array): string;
  /** A hash of it that no two contents share, as far as anyone knows. The same in every process. */
  digest(bytes: Uint8Array): string;
  log(level: LogLevel, message: string): void;
}
