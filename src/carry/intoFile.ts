/** An export that is one file: it appears whole or not at all, and replaces a file of this name. */
import { open, rename, unlink } from "node:fs/promises";
import { exportFault } from "./exportFolder.js";
import { exportPatch, type PatchReport } from "./exportPatch.js";
import { checkTarget } from "./target.js";
import type { Carried, Selection } from "./types.js";

/** @throws OverlayError: what may not be a target, and what making the pieces throws */
export async function intoFile(overlay: Carried, target: string, pieces: AsyncIterable<Uint8Array>, operation: string): Promise<void> {
  const place = await checkTarget(overlay, target, "file", operation);
  try {
    const file = await open(place.staged, "wx", 0o644);
    try {
      for await (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(place.staged, place.path);
  } catch (error) {
    await unlink(place.staged).catch(() => undefined);
    throw exportFault(error, target, operation);
  }
}

/**
 * The patch into a file.
 * @param target absolute
 * @throws OverlayError: what may not be a target, and what `exportPatch` throws
 */
export async function exportPatchFile(overlay: Carried, target: string, options: Selection = {}): Promise<PatchReport> {
  const patch = exportPatch(overlay, options);
  await intoFile(overlay, target, patch, "exportPatch");
  return patch.report();
}
