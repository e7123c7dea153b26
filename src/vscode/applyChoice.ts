/** What goes with a choice of the things that applying would do, and how many there are of each kind. Pure. */
import type { ApplyAction, ApplyItem } from "./carrier.js";
import { ancestorsOf, isWithin } from "./paths.js";

/** What can be done at all, and is not known to undo somebody else's work, is chosen at first. */
export function isChosenAtFirst(item: ApplyItem): boolean {
  return item.refused === undefined && item.base !== "stale";
}

/**
 * A new file needs the folders that it goes into, so they are made with it. A folder cannot go while something stays in it,
 * so it stays as well. What cannot be done is never among the result.
 */
export function completed(all: readonly ApplyItem[], chosen: readonly ApplyItem[]): ApplyItem[] {
  const wanted = new Set(chosen);
  const needed = new Set(chosen.flatMap(({ path }) => ancestorsOf(path)));
  const staying = all.filter((item) => !wanted.has(item) && (item.action === "delete" || item.action === "rename" || item.action === "rmdir")).map(({ from, path }) => from ?? path);
  return all.filter((item) => {
    if (item.refused !== undefined) return false;
    if (item.action === "mkdir" && needed.has(item.path)) return true;
    if (!wanted.has(item)) return false;
    return item.action !== "rmdir" || !staying.some((path) => path !== item.path && isWithin(path, item.path));
  });
}

export interface Counts {
  readonly overwritten: number;
  readonly created: number;
  readonly deleted: number;
  readonly renamed: number;
  /** Of all of them: those that the base changed meanwhile. */
  readonly stale: number;
}

const kinds: Readonly<Record<ApplyAction, Exclude<keyof Counts, "stale">>> = {
  create: "created", mkdir: "created", overwrite: "overwritten", mode: "overwritten", replace: "overwritten", delete: "deleted", rmdir: "deleted", rename: "renamed",
};

export function countsOf(items: readonly ApplyItem[]): Counts {
  const counts = { overwritten: 0, created: 0, deleted: 0, renamed: 0, stale: 0 };
  for (const { action, base } of items) {
    counts[kinds[action]]++;
    if (base === "stale") counts.stale++;
  }
  return counts;
}
