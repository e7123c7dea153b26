// Where an overlay that a window shows keeps what was changed.
import { join } from "node:path";

/** The overlay's folder, with upper/ in it: by the setting `overlay.scratchRoot` and the URI that the window shows. */
export function scratchFolder(scratchRoot: string, overlayUri: string): string {
  return join(scratchRoot, new URL(overlayUri).host);
}
