/** The border of this folder: searches over an open overlay. Runs on Node, knows no VS Code. */
import type { Overlay } from "../engine/index.js";
import { OverlaySearcher } from "./searcher.js";
import type { Searcher } from "./types.js";

export { ripgrepIn } from "./ripgrepPath.js";
export type * from "./types.js";

/** An open overlay with its folders (`OpenOverlay` is one). */
export interface Searched extends Overlay {
  readonly manifest: { readonly base: string };
  /** The overlay's folder. */
  readonly folder: string;
  /** The base when it is not on a disk. */
  readonly remote?: unknown;
}

/**
 * @param ripgrep the program's absolute path, asked for with each search; undefined where there is none.
 * @param fail told what goes wrong in the background, where nobody waits for it.
 * @param lowers the read-only layers that the overlay was opened with.
 */
export function createSearcher(overlay: Searched, ripgrep: () => Promise<string | undefined>, fail: (error: unknown) => void, lowers: readonly string[] = []): Searcher {
  return new OverlaySearcher({ overlay, onDisk: overlay.remote === undefined, ripgrep, fail, roots: () => ({ base: overlay.manifest.base, scratch: overlay.folder, lowers }) });
}
