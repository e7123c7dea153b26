/** What carries changes out of an open overlay and into it, in the words of the adapter's port: each call is passed on. */
import { exportFolder, exportLayer, exportPatch, exportPatchFile, importPatch, originContent } from "./carry/index.js";
import { apply, appliedRecords, type Carried, type OpenOverlay, OverlayError, planApply, undoApply } from "./host/index.js";
import type { ApplyPlan, Carrier, Selection } from "./vscode/carrier.js";

/** While it is mounted nothing is applied: the base would change beneath a live mount, which does not look at it again. */
export function createMountedCarrier(overlay: Carried): Carrier {
  const refuse = (operation: string): never => {
    throw new OverlayError("EBUSY", operation, "/", { reason: "the overlay is mounted; unmount it first (Overlay: Unmount)" });
  };
  return {
    ...carryOut(overlay),
    planApply: async () => refuse("planApply"),
    applied: async () => refuse("undoApply"),
    undoApply: async () => refuse("undoApply"),
  };
}

export function createCarrier(overlay: OpenOverlay): Carrier {
  return {
    ...carryOut(overlay),
    planApply: (options) => plan(overlay, options),
    applied: () => appliedRecords(overlay),
    undoApply: (id, options) => undoApply(overlay, id, options),
  };
}

function carryOut(overlay: Carried): Pick<Carrier, "patch" | "patchFile" | "folder" | "layerFile" | "importPatch" | "origin"> {
  return {
    patch: (options) => exportPatch(overlay, options),
    patchFile: (target, options) => exportPatchFile(overlay, target, options),
    folder: (target, options) => exportFolder(overlay, target, options),
    layerFile: (target, options) => exportLayer(overlay, target, options),
    importPatch: (patch, options) => importPatch(overlay, patch, options),
    origin: (path, signal) => originContent(overlay, path, signal),
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
