/** The engine's border: the only file of it that others import. */
export type { Cancellable, Overlay, OverlayHandle, OverlayOptions, WriteFileOptions } from "./api.js";
export type {
  CancelSignal, Change, ChangeKind, Disposable, Dropped, Durability, EntryType, Fingerprint, LayerInfo, LayerKind, LayerStat, OriginFile, OverlayDirent,
  OverlayEvent, OverlayStat, Progress, Retention, Snapshot,
} from "./types.js";
export { shownWhole } from "./whereabouts.js";
export type { Area, LayerPlace, ShownDirectory, Whereabouts } from "./whereabouts.js";
export type { Origin } from "./originRecords.js";
export { LayerError, OverlayError, errorCodes, isCode, toErrorCode } from "./errors.js";
export type { ErrorCode } from "./errors.js";
export type { BaseLayer, DroppedLayers, Env, LayerDirent, LayerListing, LayerState, LowerLayer, ManifestPort, OpenWrite, OutsideReader, ReadHandle, ScratchLayer, SnapshotRecord, WriteHandle } from "./layer.js";
export { opaqueMarker, readNames, whiteoutName } from "./markers.js";
export { isWrittenOut } from "./plainLayers.js";
export { createOverlay } from "./overlay.js";
export type { OverlayParts } from "./build.js";
