/** What carries changes out of an open overlay and into it, in the words of the adapter's port: each call is passed on. */
import { exportFolder, exportLayer, exportPatch, exportPatchFile, importPatch } from "./carry/index.js";
import type { OpenOverlay } from "./host/index.js";
import type { Carrier } from "./vscode/carrier.js";

export function createCarrier(overlay: OpenOverlay): Carrier {
  return {
    patch: (options) => exportPatch(overlay, options),
    patchFile: (target, options) => exportPatchFile(overlay, target, options),
    folder: (target, options) => exportFolder(overlay, target, options),
    layerFile: (target, options) => exportLayer(overlay, target, options),
    importPatch: (patch, options) => importPatch(overlay, patch, options),
  };
}
