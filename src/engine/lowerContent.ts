/** Looks at a lower path from the root of the view below the upper, and at what a file there holds. Takes no lock. */
import { isCode } from "./errors.js";
import type { LowerDirectory, LowerFile, LowerFound, LowerStep } from "./lowerView.js";
import { components, type OverlayPath } from "./paths.js";
import type { CancelSignal, LayerStat } from "./types.js";

/** Bytes up to which the content of a file is hashed. */
export const largestHashed = 8 * 1024 * 1024;
const pieceSize = 1024 * 1024;

/** To the millisecond: what a stat tells in doubles has no more. */
export function sameTime(mtimeNs: string, { mtimeMs }: LayerStat): boolean {
  return Math.abs(Number(mtimeNs) / 1e6 - mtimeMs) < 0.5;
}

/** What lies at a path of the view below the upper. */
export async function atLower(root: LowerDirectory, path: OverlayPath): Promise<LowerFound> {
  let at: LowerFound = { kind: "directory", directory: root };
  const names = components(path);
  for (const [i, name] of names.entries()) {
    if (at.kind !== "directory") return { kind: "absent" };
    const known: LowerStep | undefined = i < names.length - 1 ? at.directory.peek(name) : undefined;
    at = known?.kind === "directory" ? known : await at.directory.lookup(name);
  }
  return at;
}

/** The whole content, or undefined when it is too large, goes away, or is not wanted any more. @throws LayerError. */
export async function contentOf({ layer, layerPath, stat }: LowerFile, signal?: CancelSignal): Promise<Uint8Array | undefined> {
  if (stat.type !== "file" || stat.size > largestHashed) return undefined;
  const content = new Uint8Array(stat.size);
  try {
    const handle = await layer.openRead(layerPath);
    try {
      for (let at = 0; at < content.length; at += pieceSize) {
        if (signal?.aborted === true) return undefined;
        const piece = content.subarray(at, at + pieceSize);
        if ((await handle.read(piece, at)) < piece.length) return undefined;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "EINVAL", "ELOOP", "EISDIR")) return undefined;
    throw error;
  }
  return content;
}
