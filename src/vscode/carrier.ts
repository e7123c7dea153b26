/**
 * The port through which an overlay's changes go out of it and come into it. What is a path here is one on the disk of
 * the machine that the overlay is on, unless it says overlay path ("/a/b").
 */
import type { CancelSignal, Progress } from "../engine/index.js";

export interface CarryOptions {
  readonly signal?: CancelSignal;
  /** Done and in all, in a unit that fits what is done. */
  readonly onProgress?: Progress;
}

export interface Selection extends CarryOptions {
  /** Overlay paths; a folder stands for what lies in it. Absent: everything. */
  readonly paths?: readonly string[];
}

/** Something that could not be carried; `reason` goes on after "…, because". */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}

export interface PatchReport {
  readonly files: number;
  readonly leftOut: readonly LeftOut[];
}

export interface FolderReport {
  readonly files: number;
  readonly folders: number;
  readonly symlinks: number;
  readonly bytes: number;
  readonly leftOut: readonly LeftOut[];
}

export interface LayerReport {
  readonly entries: number;
  readonly whiteouts: number;
  readonly leftOut: readonly LeftOut[];
}

export interface ImportReport {
  readonly created: readonly string[];
  readonly modified: readonly string[];
  readonly deleted: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly path: string }[];
  /** Things of the import's own that could not be cleared away. */
  readonly leftBehind: readonly string[];
}

export type OriginContent =
  | { readonly kind: "found"; readonly content: Uint8Array }
  /** `unknown`: nothing tells what it was. `noHistory`: there is no git, or no repository. `notInHistory`: no version in it is this. */
  | { readonly kind: "unknown" | "noHistory" | "notInHistory" };

export type ApplyAction = "create" | "overwrite" | "mode" | "delete" | "rename" | "replace" | "mkdir" | "rmdir";

/** One thing that applying would do to the base. */
export interface ApplyItem {
  readonly action: ApplyAction;
  /** Overlay path; of a rename the new name. */
  readonly path: string;
  /** Of a rename, the old name. */
  readonly from?: string;
  /** `stale`: the base changed since the overlay copied it. `unknown`: there is no record of it. */
  readonly base: "fresh" | "stale" | "unknown";
  /** Why it cannot be done at all; a sentence. */
  readonly refused?: string;
}

export interface ApplyReport {
  /** For `undoApply`. */
  readonly id: string;
  readonly applied: readonly ApplyItem[];
  /** Refused, failed, or not reached. */
  readonly notDone: readonly LeftOut[];
  readonly cancelled: boolean;
  /** Applied, and still in the overlay. */
  readonly stays: readonly LeftOut[];
}

export interface ApplyPlan {
  /** The folder that would be written. */
  readonly base: string;
  /** How many snapshots become part of the changes for it. */
  readonly snapshots: number;
  /** Why nothing can be applied at all. */
  readonly unwritable?: string;
  readonly items: readonly ApplyItem[];
  readonly leftOut: readonly LeftOut[];
  /** Does these of its items; a stale one that is among them was chosen as such. */
  apply(items: readonly ApplyItem[], options: CarryOptions): Promise<ApplyReport>;
}

/** An earlier apply. */
export interface Applied {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly base: string;
  readonly outcome: "finished" | "cut short";
  readonly done: readonly { readonly path: string; readonly undone: boolean }[];
}

export interface UndoReport {
  readonly undone: readonly string[];
  readonly notDone: readonly LeftOut[];
  readonly cancelled: boolean;
  /** Whether the snapshots that were there are there again; undefined when there were none. */
  readonly snapshots?: boolean;
}

/** Every call rejects with OverlayError; one that was cancelled (ECANCELED) or has failed leaves nothing behind. */
export interface Carrier {
  /** The patch in pieces, for a place that is no disk. */
  patch(options: Selection): AsyncIterable<Uint8Array> & { report(): Promise<PatchReport> };
  patchFile(target: string, options: Selection): Promise<PatchReport>;
  /** Merged, or a folder of it, as a new folder. */
  folder(target: string, options: CarryOptions & { readonly path?: string }): Promise<FolderReport>;
  layerFile(target: string, options: Selection): Promise<LayerReport>;
  importPatch(patch: Uint8Array, options: CarryOptions): Promise<ImportReport>;
  /** What the base had when the change at a path was made. Runs git in the base: for folders that the user trusts. */
  origin(path: string, signal?: CancelSignal): Promise<OriginContent>;
  /** What applying would do. Only its `apply`, and `undoApply`, ever write the base. */
  planApply(options: Selection): Promise<ApplyPlan>;
  /** Latest first. */
  applied(): Promise<readonly Applied[]>;
  undoApply(id: string, options: CarryOptions): Promise<UndoReport>;
}
