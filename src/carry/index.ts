/** The border of this folder: an overlay's changes as a patch, a folder, a layer, and a patch into it. Never writes the base. */
export { exportFolder, type FolderReport } from "./exportFolder.js";
export { type ExportedLayer, exportLayer, layerTar, type LayerReport } from "./exportLayer.js";
export { type ExportedPatch, exportPatch, type PatchReport } from "./exportPatch.js";
export { exportPatchFile } from "./intoFile.js";
export { originContent, type OriginContent } from "./originContent.js";
export { importPatch, type ImportReport } from "./importPatch.js";
export type { Carried, CarryOptions, LeftOut, Selection } from "./types.js";
