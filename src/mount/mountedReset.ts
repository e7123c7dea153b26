/**
 * Reset through a live mount, where a terminal may stand in it. What the lower layers have is put in place as a copy that
 * says nothing, and goes when the mount does; what is dropped is kept aside first. Whole folders that came, went or were
 * replaced in the base, and renamed entries, need the upper itself: for them a short unmount.
 */
import { Refusal } from "../engine/errors.js";
import { type OverlayPath, parentPath } from "../engine/paths.js";
import type { Change, Overlay } from "../engine/index.js";
import type { MountedFiles } from "./mountedFiles.js";

export interface ResetParts {
  /** Reads the upper beneath the mount. */
  readonly review: Overlay;
  readonly files: MountedFiles;
  readonly keepAside: (path: OverlayPath) => Promise<unknown>;
}

/** False, with nothing done, when it takes an unmount. @throws Refusal EINVAL; LayerError. */
export async function resetThrough(parts: ResetParts, path: OverlayPath): Promise<boolean> {
  if (path === "/") return false;
  const { review } = parts;
  review.upperChanged();
  const found = await review.changes(path);
  if (found.length === 0) return false;
  for (const change of found) if (!(await isSimple(review, change))) return false;
  await refuseInNew(review, path);
  // In a folder that came as a whole, the folder says it all.
  const added = new Set(found.filter(({ kind, type }) => kind === "added" && type === "directory").map((change) => change.path));
  for (const change of found) if (!isInside(change.path, added)) await resetOne(parts, change);
  return true;
}

/** Something that only upper has, or a file that the lower layers have. */
async function isSimple(review: Overlay, { kind, type, path }: Change): Promise<boolean> {
  if (kind === "added") return true;
  return kind !== "renamed" && type !== "directory" && (await review.statLower(path)).type === "file";
}

function isInside(path: string, folders: ReadonlySet<string>): boolean {
  for (let at = parentPath(path as OverlayPath); at !== "/"; at = parentPath(at)) if (folders.has(at)) return true;
  return false;
}

/** As the engine says it: beneath what has nothing below it there is nothing to go back to. */
async function refuseInNew(review: Overlay, path: OverlayPath): Promise<void> {
  let highest: OverlayPath | undefined;
  for (let at = parentPath(path); at !== "/"; at = parentPath(at)) {
    const change = await review.changeOf(at);
    if (change?.kind === "added" || change?.kind === "replaced") highest = at;
  }
  if (highest !== undefined) throw new Refusal("EINVAL", `nothing lies below it; reset '${highest}' instead`);
}

async function resetOne({ review, files, keepAside }: ResetParts, change: Change): Promise<void> {
  const path = change.path as OverlayPath;
  if (change.kind !== "deleted") await keepAside(path);
  if (change.kind === "added") await files.discard(path);
  else await files.put(path, await review.readLowerFile(path), await review.statLower(path));
}
