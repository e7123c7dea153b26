/**
 * What was applied leaves the upper, in an order that never shows another merged tree: first the whiteouts of what the
 * base has no more, then each change in which nothing differs from the base any longer.
 */
import { type Change, isCode } from "../engine/index.js";
import { changesAgainstBase, difference, isWithin, settle } from "../carry/difference.js";
import type { Sides } from "../carry/sides.js";
import type { NotDone } from "./types.js";

/**
 * @param removed what is gone from the base, @param put what is new in it: overlay paths.
 * @returns the changes that were applied whole and stay, each with its reason.
 */
export async function leaveUpper(sides: Sides, removed: readonly string[], put: readonly string[]): Promise<NotDone[]> {
  const { overlay } = sides;
  await overlay.baseChanged([...removed.map((path) => ({ type: "deleted" as const, path })), ...put.map((path) => ({ type: "changed" as const, path }))]);
  for (const path of removed) {
    if ((await sides.inMerged(path)) !== undefined || (await sides.inBase(path)) !== undefined) continue;
    // In a deleted folder, or one of the upper alone, its own mark is not there to be taken away.
    await overlay.reset(path).catch((error: unknown) => { if (!isCode(error, "ENOENT", "ENOTDIR", "EINVAL")) throw error; });
  }
  const touched = new Set([...put, ...removed]);
  const found = await settle(sides, await difference(sides, "apply"), "apply");
  const left = found.pairs.flatMap(({ before, after }) => [before?.path, after?.path]).filter((path) => path !== undefined);
  const stays: NotDone[] = [];
  for (const region of found.regions) {
    if (region.kind === "deleted" || ![...touched].some((path) => isWithin(path, region.path))) continue;
    if (left.some((path) => isWithin(path, region.path))) continue;
    const reason = await whyNot(sides, region);
    if (reason === undefined) await overlay.reset(region.path);
    else stays.push({ path: region.path, reason });
  }
  return stays;
}

/** A reset of what was renamed goes by way of its old name: while that is marked as deleted, it would come back. */
async function whyNot(sides: Sides, region: Change): Promise<string | undefined> {
  if (region.kind !== "renamed") return undefined;
  const old = await sides.inBase(region.from);
  if (old === undefined && region.type !== "directory") return undefined;
  return `'${region.from}', from which it was renamed, is still in the base`;
}

/** Upper depends on the base through renamed folders: everything that they show gets a copy of its own first. */
export async function hasRenamedFolders(sides: Sides): Promise<boolean> {
  return (await changesAgainstBase(sides.overlay)).some(({ kind, type }) => kind === "renamed" && type === "directory");
}
