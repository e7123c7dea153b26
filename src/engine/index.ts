/** The engine's border: the only file of it that others import. */
export type { Cancellable, Overlay, OverlayHandle, OverlayOptions, WriteFileOptions } from "./api.js";
export type {
  CancelSignal, Change, ChangeKind, Disposable, Durability, EntryType, Fingerprint, LayerKind, LayerStat, OverlayDirent,
  OverlayEvent, OverlayStat, Progress,
} from "./types.js";
export type { Origin } from "./origins.js";
export { LayerError, OverlayError, errorCodes, isCode, toErrorCode } from "./errors.js";
export type { ErrorCode } from "./errors.js";
export type { BaseLayer, Env, LayerDirent, LayerListing, LowerLayer, OpenWrite, OutsideReader, ReadHandle, ScratchLayer, WriteHandle } from "./layer.js";
export { createOverlay } from "./overlay.js";
export type { OverlayParts } from "./overlay.js";
