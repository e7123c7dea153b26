/**
 * What can be done to a file tree, as data that can be generated, shrunk, printed and kept in a corpus, and what comes
 * of it in a form that two file systems can be compared by.
 */

export type Operation =
  | { readonly op: "writeFile"; readonly path: string; readonly data: string; readonly create: boolean; readonly overwrite: boolean; readonly mode: number }
  | { readonly op: "append"; readonly path: string; readonly data: string; readonly mode: number }
  | { readonly op: "truncate"; readonly path: string; readonly size: number }
  | { readonly op: "mkdir"; readonly path: string; readonly mode: number }
  | { readonly op: "unlink" | "rmdir" | "removeAll"; readonly path: string }
  | { readonly op: "rename" | "copy"; readonly from: string; readonly to: string; readonly overwrite: boolean }
  | { readonly op: "symlink"; readonly target: string; readonly path: string }
  | { readonly op: "link"; readonly from: string; readonly to: string }
  | { readonly op: "chmod"; readonly path: string; readonly mode: number }
  | { readonly op: "utimes"; readonly path: string; readonly seconds: number }
  | { readonly op: "copyUp" | "readFile" | "readDirectory" | "stat" | "lstat" | "readlink"; readonly path: string }
  | { readonly op: "open"; readonly slot: number; readonly path: string; readonly flags: OpenFlag; readonly mode: number }
  | { readonly op: "handleRead"; readonly slot: number; readonly length: number; readonly position: number | null }
  | { readonly op: "handleWrite"; readonly slot: number; readonly data: string; readonly position: number | null }
  | { readonly op: "handleTruncate"; readonly slot: number; readonly size: number }
  | { readonly op: "handleStat" | "handleClose"; readonly slot: number }
  /** Compare the whole trees. */
  | { readonly op: "compare" }
  /** Close and open again. */
  | { readonly op: "reopen" }
  /** Make what was written so far a read-only layer, and go on with an empty upper over it. */
  | { readonly op: "freeze" }
  | LayersOperation;

export interface LayersOperation {
  readonly op: "layers";
  /** `reset` throws away the upper, and what `nth` says of the snapshots below it: none, some, or all. */
  readonly change: "snapshot" | "squash" | "thaw" | "reset";
  readonly nth: number;
  /** What was thrown away, or thawed, comes back at once. */
  readonly back: boolean;
}

/** Of how many snapshots, from the topmost on, a reset takes more than the upper: all, or those above one that stays. */
export function snapshotsAbove({ nth }: LayersOperation, snapshots: number): number {
  return nth % (snapshots + 1);
}

export type OpenFlag = "r" | "r+" | "w" | "wx" | "w+" | "a" | "a+" | "ax" | "ax+";

export const handleSlots = 3;

/** Stands for the folder's own absolute path in symlink targets. */
export const here = "{here}";

export type Value = string | number | null | readonly Value[] | { readonly [key: string]: Value };

export type Outcome = { readonly value: Value } | { readonly code: string };

/** Path to a line that says everything compared of an entry. */
export type Tree = Readonly<Record<string, string>>;

/** A file system under test: the overlay, a mount, or a plain folder. */
export interface Subject {
  /** Never rejects, but for what is no answer of a file system. */
  run(operation: Operation): Promise<Outcome>;
  tree(): Promise<Tree>;
  reopen(): Promise<void>;
  freeze(): Promise<void>;
  changeLayers(operation: LayersOperation): Promise<void>;
  close(): Promise<void>;
}

/** What is compared of one entry, whichever side it comes from. */
export interface EntryFacts {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Times later than this were given by a clock, not by a test. */
const clockMs = Date.UTC(2020, 0);

/** Link counts are not compared: the overlay's trash counts (see differences.ts). Sizes of directories, and modes of symlinks, are each system's own. */
export function facts(stat: EntryFacts): Readonly<Record<string, string | number>> {
  const { type, mode, uid, gid, size, mtimeMs } = stat;
  const common = { type, owner: `${uid}:${gid}`, mtime: mtimeMs > clockMs ? "now" : Math.floor(mtimeMs) };
  if (type === "directory") return { ...common, mode: mode.toString(8) };
  if (type === "symlink") return common;
  return { ...common, mode: mode.toString(8), size };
}

export function factsLine(stat: EntryFacts, content: string): string {
  return `${Object.values(facts(stat)).join(" ")}${content === "" ? "" : ` ${content}`}`;
}

export type Composite = Extract<Operation, { op: "compare" | "reopen" | "freeze" | "layers" }>;

export function isComposite(operation: Operation): operation is Composite {
  return operation.op === "compare" || operation.op === "reopen" || operation.op === "freeze" || operation.op === "layers";
}
