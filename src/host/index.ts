/** The engine with the node host, as one call: what dist/overlay.mjs offers to a script, and the extension to itself. */
import { recoverApplies, settleRecovered } from "../apply/index.js";
import { createOverlay } from "../engine/index.js";
import type { Disposable, Overlay } from "../engine/index.js";
import { prepare } from "./openOverlay.js";
import type { Hold, OpenOverlayOptions, Prepared } from "./openOverlay.js";
import type { Manifest } from "./manifest.js";
import type { RemoteLowerLayer } from "./remoteLayer.js";

export * from "../engine/index.js";
export type { Manifest } from "./manifest.js";
export type { Hold, OpenOverlayOptions, Ports } from "./openOverlay.js";
export { breakLock, currentOwner, describeOwner, onReleased, requestYield } from "./ownership.js";
export type { Owner, OverlayLock } from "./ownership.js";
export { readMountMark } from "./mountMark.js";
export type { MountMark } from "./mountMark.js";
export { createSearcher, ripgrepIn } from "../search/index.js";
export type { FileIndex, FindOptions, Searcher, TextOptions, TextQuery, TextResult } from "../search/index.js";
export { exportFolder, exportLayer, exportPatch, exportPatchFile, importPatch, layerTar, originContent } from "../carry/index.js";
export type { Carried, CarryOptions, ExportedLayer, ExportedPatch, FolderReport, ImportReport, LayerReport, LeftOut, OriginContent, PatchReport, Selection } from "../carry/index.js";
export { apply, appliedRecords, forgetApply, planApply, undoApply } from "../apply/index.js";
export type { Action, Applied, ApplyOptions, ApplyReport, NotDone, Plan, PlanItem, Print, UndoReport } from "../apply/index.js";
export { isBaseUri, type RemoteBase } from "./remoteBase.js";
export type { RemoteFiles, RemoteStat } from "./remoteFiles.js";
export type { RemoteChange, RemoteLowerLayer } from "./remoteLayer.js";
export { OverlayStore } from "./store.js";
export type { DamagedOverlay, Listing, StoredOverlay } from "./store.js";

/** An open overlay, and what the host knows of it beyond its content. */
export interface OpenOverlay extends Overlay {
  /** As it is now. */
  readonly manifest: Manifest;
  /** The overlay's folder. */
  readonly folder: string;
  /** The base, when it is not on a disk; then `manifest.base` is its URI. */
  readonly remote: RemoteLowerLayer | undefined;
  readonly hold: Hold;
  /** A user broke our lock: every change from here on would meet another owner's. Never called for a reader. */
  onLost(listener: () => void): Disposable;
}

/**
 * Opens an overlay over `base`, making it when `scratch` holds none yet.
 * @throws OverlayError: EBUSY when another process has it (its reason names that one), EINVAL where the folders cannot
 * go together or the manifest is damaged, ENOTSUP for a newer version's, and what the system says of a folder.
 */
export async function openOverlay(options: OpenOverlayOptions): Promise<OpenOverlay> {
  const prepared = await prepare(options);
  try {
    // An apply that a crash cut short: the base is put right before anything of it is read.
    const isOnDisk = prepared.remote === undefined;
    const recovered = prepared.hold.kind === "owner" && isOnDisk ? await recoverApplies(prepared.folder, prepared.manifest.base) : undefined;
    const overlay = withHost(await createOverlay(prepared.ports), prepared);
    // Only tidies: what stays in the upper says what the base has.
    if (recovered !== undefined) await settleRecovered(overlay, recovered).catch(() => undefined);
    return overlay;
  } catch (error) {
    await release(prepared.hold);
    throw error;
  }
}

/** The engine's own object with the host's knowledge added, so that calls take no detour. */
function withHost(overlay: Overlay, prepared: Prepared): OpenOverlay {
  const { live, folder, hold, remote } = prepared;
  const disposeEngine = overlay.dispose.bind(overlay);
  let disposed: Promise<void> | undefined;
  // A getter, which Object.assign would read once: snapshots come and go.
  Object.defineProperty(overlay, "manifest", { get: () => live.latest, enumerable: true });
  return Object.assign(overlay as Overlay & { readonly manifest: Manifest }, {
    folder,
    hold,
    remote,
    onLost: (listener: () => void): Disposable => (hold.kind === "owner" ? hold.lock.onLost(listener) : { dispose: () => undefined }),
    // Every operation has ended before another process may begin.
    dispose: () => (disposed ??= disposeEngine().finally(() => release(hold))),
  });
}

async function release(hold: Hold): Promise<void> {
  if (hold.kind === "owner") await hold.lock.release();
}
