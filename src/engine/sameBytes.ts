/** Whether two open files hold the same bytes: a piece of each side at a time, so that neither has to fit into memory. */
import { checkCancelled } from "./copyUpRegistry.js";
import type { ReadHandle } from "./layer.js";
import type { CancelSignal } from "./types.js";

const pieceSize = 64 * 1024;

/** @throws Refusal ECANCELED; LayerError. */
export async function sameBytes(a: ReadHandle, b: ReadHandle, signal: CancelSignal | undefined): Promise<boolean> {
  const left = new Uint8Array(pieceSize);
  const right = new Uint8Array(pieceSize);
  for (let position = 0; ; position += pieceSize) {
    checkCancelled(signal);
    const [mine, theirs] = await Promise.all([a.read(left, position), b.read(right, position)]);
    if (mine !== theirs) return false;
    for (let i = 0; i < mine; i++) if (left[i] !== right[i]) return false;
    if (mine < pieceSize) return true;
  }
}
