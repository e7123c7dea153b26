/**
 * What was applied leaves the upper, in an order that never shows another merged tree: first the whiteouts of what the
 * base has no more, then each change in which nothing differs from the base any longer.
 */
import { type Change, type ErrorCode, OverlayError } from "../engine/index.js";
import { changesAgainstBase, difference, foldersAbove } from "../carry/difference.js";
import type { Sides } from "../carry/sides.js";
import type { NotDone } from "./types.js";

/**
 * @param removed what is gone from the base, @param put what is new in it: overlay paths.
 * @returns the changes that were applied whole and stay, each with its reason.
 */
export async function leaveUpper(sides: Sides, removed: readonly string[], put: readonly string[]): Promise<NotDone[]> {
  const { overlay } = sides;
  await overlay.baseChanged([...removed.map((path) => ({ type: "deleted" as const, path })), ...put.map((path) => ({ type: "changed" as const, path }))]);
  const folders = new Map<string, boolean>();
  for (const path of removed) {
    // What a link leads to is another entry, with whiteouts of its own.
    if (!(await isBeneathFolders(sides, path, folders))) continue;
    const isGone = async (): Promise<boolean> => (await sides.inMerged(path)) === undefined && (await sides.inBase(path)) === undefined;
    // In a deleted folder, or one of the upper alone, its own mark is not there to be taken away.
    await resetIf(sides, path, isGone, "ENOENT", "ENOTDIR", "EINVAL", "EBUSY");
  }
  const touched = new Set([...put, ...removed].flatMap((path) => [path, ...foldersAbove(path)]));
  const stays: NotDone[] = [];
  for (const region of (await difference(sides, "apply")).regions) {
    if (region.kind === "deleted" || !touched.has(region.path)) continue;
    const reason = (await whyNot(sides, region)) ?? (await resetIf(sides, region.path, () => sides.isSameTree(region.path), "EBUSY", "EINVAL"));
    if (reason !== undefined && (await sides.isSameTree(region.path))) stays.push({ path: region.path, reason });
  }
  // A folder whose mode was applied is in upper for nothing else now.
  for (const path of put) {
    const entry = await sides.inMerged(path);
    if (entry?.type !== "directory" || !("layer" in entry.stat) || entry.stat.layer !== "merged") continue;
    await resetIf(sides, path, async () => (await overlay.changes(path, { folders: true })).length === 0, "EBUSY", "EINVAL", "ENOENT");
  }
  return stays;
}

/** Whether merged has nothing but folders above a path, as far as it has something. */
async function isBeneathFolders(sides: Sides, path: string, known: Map<string, boolean>): Promise<boolean> {
  for (const folder of foldersAbove(path).reverse()) {
    const found = known.has(folder) ? undefined : await sides.inMerged(folder);
    const isFolder = known.get(folder) ?? (found === undefined || found.type === "directory");
    known.set(folder, isFolder);
    if (!isFolder) return false;
  }
  return true;
}

/** What is changed between the look and the reset stays. @returns why it was not reset, if it should have been. */
async function resetIf({ overlay }: Sides, path: string, isSo: () => Promise<boolean>, ...tolerated: ErrorCode[]): Promise<string | undefined> {
  try {
    await overlay.resetIf(path, isSo);
    return undefined;
  } catch (error) {
    if (!(error instanceof OverlayError) || !tolerated.includes(error.code)) throw error;
    return error.reason;
  }
}

/** A reset of what was renamed goes by way of its old name: while that is marked as deleted, it would come back. */
async function whyNot(sides: Sides, region: Change): Promise<string | undefined> {
  if (region.kind !== "renamed") return undefined;
  const old = await sides.inBase(region.from);
  const isMarked = old !== undefined && (await sides.inMerged(region.from)) === undefined;
  if (!isMarked && region.type !== "directory") return undefined;
  return `'${region.from}', from which it was renamed, is still in the base`;
}

/** Upper depends on the base through renamed folders: everything that they show gets a copy of its own first. */
export async function hasRenamedFolders(sides: Sides): Promise<boolean> {
  return (await changesAgainstBase(sides.overlay)).some(({ kind, type }) => kind === "renamed" && type === "directory");
}
