/** What carries changes out of an overlay works on: an open overlay with its folders, and pairs of what was and what is. */
import type { CancelSignal, EntryType, LayerStat, LowerLayer, Overlay, OverlayStat, Progress } from "../engine/index.js";

/** An open overlay with what the host knows of it (`OpenOverlay` is one). */
export interface Carried extends Overlay {
  readonly manifest: { readonly base: string; readonly snapshots: readonly unknown[] };
  /** The overlay's folder: real path. */
  readonly folder: string;
  /** The base when it is not on a disk; then `manifest.base` is its URI. */
  readonly remote?: LowerLayer | undefined;
}

export interface CarryOptions {
  readonly signal?: CancelSignal;
  /** Done and in all; in which unit, each function says. */
  readonly onProgress?: Progress;
}

export interface Selection extends CarryOptions {
  /** Overlay paths; what lies beneath a folder belongs to it. A rename is carried whole when either of its names is. */
  readonly paths?: readonly string[];
}

/** One name of the base, or of merged. */
export interface Entry {
  readonly side: "base" | "merged";
  /** Overlay path, "/a/b". */
  readonly path: string;
  readonly type: EntryType;
  readonly stat: LayerStat | OverlayStat;
}

/** Without `before` it is new, without `after` it is gone; with two paths it was renamed. */
export type Pair =
  | { readonly before: Entry; readonly after: Entry }
  | { readonly before: Entry; readonly after?: undefined }
  | { readonly before?: undefined; readonly after: Entry };

/** Something that could not be carried; `reason` goes on after "…, because". */
export interface LeftOut {
  readonly path: string;
  readonly reason: string;
}
