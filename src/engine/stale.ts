/**
 * Whether a lower entry is still what it was when upper copied, replaced or deleted it: size and time tell; where only
 * the time is another and the hash of the content is known, the content does. Advisory, takes no lock.
 */
import type { Context } from "./context.js";
import { sameTime } from "./lowerContent.js";
import type { LowerFound } from "./lowerView.js";
import type { ContentHash, Origin, Under } from "./originRecords.js";
import { childPath, type OverlayPath } from "./paths.js";
import type { UpperDirectory } from "./tree.js";
import type { CancelSignal, LayerStat } from "./types.js";

/** What a name of upper hides, from the look that found it. Undefined where that told nothing of it. */
export function underOf(parent: UpperDirectory, name: string, found: LowerFound): Under | undefined {
  const lower = naturalPath(parent, name);
  return lower === undefined || found.kind === "absent" || found.stat === undefined ? undefined : underStat(lower, found.stat);
}

export function underStat(lower: OverlayPath, { size, mtimeMs, ctimeMs, type }: LayerStat): Under {
  return { lower, size: String(size), mtimeNs: nanoseconds(mtimeMs), ctimeNs: nanoseconds(ctimeMs), type };
}

/** That the lowers have no such name; undefined where they cannot come to have it. */
export function nothingUnder(parent: UpperDirectory, name: string): Under | undefined {
  const lower = naturalPath(parent, name);
  return lower === undefined ? undefined : { lower, size: "0", mtimeNs: "0", ctimeNs: "0", type: "nothing" };
}

/** Where the lower content of the folder has this name. */
export function naturalPath(parent: UpperDirectory, name: string): OverlayPath | undefined {
  const below = parent.content?.below;
  return below === undefined ? undefined : childPath(below.path, name);
}

/**
 * @param hashes of the content that was at a lower path then, where it is known.
 * @param lower what is at `origin.lower` now.
 */
export async function isStale(ctx: Context, hashes: (lower: OverlayPath) => ContentHash | undefined, origin: Origin | Under, lower: LowerFound, signal?: CancelSignal): Promise<boolean> {
  if ("type" in origin && origin.type === "nothing") return lower.kind !== "absent";
  if (lower.kind === "absent") return true;
  const known = "type" in origin ? origin.type : undefined;
  if (lower.kind === "directory") {
    // A folder that has other entries than when it was deleted has another time.
    return known !== "directory" || (lower.stat !== undefined && !sameTime(origin.mtimeNs, lower.stat));
  }
  if (known !== undefined && known !== lower.stat.type) return true;
  if (origin.size !== String(lower.stat.size)) return true;
  if (sameTime(origin.mtimeNs, lower.stat)) return false;
  const hash = hashes(origin.lower);
  if (hash?.size !== origin.size || hash.mtimeNs !== origin.mtimeNs) return true;
  return (await ctx.hasher.present(origin.lower, lower, signal)) !== hash.is;
}

const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);
