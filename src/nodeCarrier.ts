/** What carries changes out of an open overlay and into it, in the words of the adapter's port: each call is passed on. */
import { exportFolder, exportLayer, exportPatch, exportPatchFile, importPatch, originContent } from "./carry/index.js";
import { apply, appliedRecords, type OpenOverlay, planApply, undoApply } from "./host/index.js";
import type { ApplyPlan, Carrier, Selection } from "./vscode/carrier.js";

export function createCarrier(overlay: OpenOverlay): Carrier {
  return {
    patch: (options) => exportPatch(overlay, options),
    patchFile: (target, options) => exportPatchFile(overlay, target, options),
    folder: (target, options) => exportFolder(overlay, target, options),
    layerFile: (target, options) => exportLayer(overlay, target, options),
    importPatch: (patch, options) => importPatch(overlay, patch, options),
    origin: (path, signal) => originContent(overlay, path, signal),
    planApply: (options) => plan(overlay, options),
    applied: () => appliedRecords(overlay),
    undoApply: (id, options) => undoApply(overlay, id, options),
  };
}

async function plan(overlay: OpenOverlay, selection: Selection): Promise<ApplyPlan> {
  const whole = await planApply(overlay, selection);
  return {
    ...whole,
    apply(chosen, options) {
      const items = whole.items.filter((item) => chosen.includes(item));
      return apply(overlay, { ...whole, items }, { ...options, stale: items.flatMap(({ base, path }) => (base === "stale" ? [path] : [])) });
    },
  };
}
