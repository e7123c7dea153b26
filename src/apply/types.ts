/** What is to be done to the base, what was done, and the words in which both are written down. */
import type { EntryType } from "../engine/index.js";
import type { LeftOut, Pair } from "../carry/types.js";

/** Enough to tell whether an entry of the base is still the one that was looked at; decimal text, times in nanoseconds. */
export interface Print {
  readonly type: EntryType;
  readonly mode: number;
  readonly size: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
  readonly ino: string;
}

export type Action = "create" | "overwrite" | "mode" | "delete" | "rename" | "replace" | "mkdir" | "rmdir";

export interface PlanItem {
  /** `replace`: a file where a folder was, or the other way. */
  readonly action: Action;
  /** Overlay path; of a rename the new name. */
  readonly path: string;
  /** Of a rename, the old name. */
  readonly from?: string;
  /** What it is afterwards; of what goes, what it was. */
  readonly type: EntryType;
  /**
   * Whether the base changed since the overlay copied it, or hid it with its folder: `stale` is refused unless it is
   * chosen. `unknown` where nothing says so, and the overlay has no record, as of what lies in a folder that it deleted.
   */
  readonly base: "fresh" | "stale" | "unknown";
  /** Why it cannot be done at all; a sentence. */
  readonly refused?: string;
  readonly pair: Pair;
  /** What the base had when the plan was made: whatever differs from it later is refused. Absent: nothing was there. */
  readonly print?: Print;
}

export interface Plan {
  /** Real path. */
  readonly base: string;
  /** How many snapshots become part of the upper for it. */
  readonly snapshots: number;
  /** Why nothing can be applied at all: offer the patch and the folder instead. */
  readonly unwritable?: string;
  readonly items: readonly PlanItem[];
  /** Changes of the upper that say what the base has anyway: they leave it as well. */
  readonly same: readonly string[];
  readonly leftOut: readonly LeftOut[];
}

export interface NotDone {
  readonly path: string;
  readonly reason: string;
}

export interface ApplyReport {
  /** For `undoApply`. */
  readonly id: string;
  readonly applied: readonly PlanItem[];
  /** Each with its reason: refused, failed, or not reached. A rename may have put its new name and kept the old one. */
  readonly notDone: readonly NotDone[];
  readonly cancelled: boolean;
  /** Changes that were applied whole and yet stay in the upper, where they now say what the base has. */
  readonly stays: readonly NotDone[];
}

/** What an entry of the base was before it was changed. */
export interface Kept extends Print {
  readonly target?: string;
  /** Its bytes, beneath the record's folder. */
  readonly file?: string;
}

/** One line of a journal, JSON. `op` numbers count from 0. */
export type Line =
  | { readonly begin: string; readonly base: string; readonly time: number; readonly thawed?: string }
  /**
   * Written, and forced, before the base is touched. `temp`: the name, in the target's folder, under which it grows. `stale`:
   * it was chosen although the base had changed.
   */
  | { readonly op: number; readonly kind: OpKind; readonly path: string; readonly before?: Kept; readonly temp?: string; readonly stale?: true }
  | { readonly staged: number; readonly print: Print }
  | { readonly done: number; readonly print?: Print }
  | { readonly failed: number; readonly reason: string }
  | { readonly undo: number; readonly temp?: string }
  | { readonly undone: number }
  | { readonly end: "finished" | "recovered"; readonly time: number }
  /** What the upper said when all was over: with snapshots, `undoApply` asks whether it still does. */
  | { readonly left: string };

export type OpKind = "mkdir" | "put" | "chmod" | "remove" | "rmdir";

/** An earlier apply, as its journal tells it. */
export interface Applied {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly base: string;
  /** `cut short`: the program ended in the middle; what it had begun is whole, old or new. */
  readonly outcome: "finished" | "cut short";
  readonly done: readonly { readonly kind: OpKind; readonly path: string; readonly undone: boolean }[];
  readonly failed: readonly NotDone[];
}
