/**
 * Which changes rest on what happened in the base, and who is told. Apart from the events of merged: a base entry that a
 * copy hides changes nothing that merged shows (INV-12), and yet the copy may be stale.
 */
import type { Env } from "./layer.js";
import type { Records } from "./originRecords.js";
import { isWithin, type OverlayPath, parentPath, parseOverlayPath } from "./paths.js";
import type { Disposable, OverlayEvent } from "./types.js";

type Listener = (paths: readonly string[]) => void;

export class Staleness {
  private readonly listeners = new Set<Listener>();

  constructor(private readonly env: Env) {}

  tell(paths: readonly string[]): void {
    if (paths.length === 0) return;
    for (const listener of [...this.listeners]) {
      try {
        listener(paths);
      } catch (error) {
        this.env.log("error", `a listener for staleness failed: ${String(error)}`);
      }
    }
  }

  onDidChange(listener: Listener): Disposable {
    const own: Listener = (paths) => { listener(paths); };
    this.listeners.add(own);
    return { dispose: () => { this.listeners.delete(own); } };
  }

  clear(): void {
    this.listeners.clear();
  }
}

/** The paths of merged whose records name a lower path that changed, or one in a folder that came or went. */
export function restingOn(records: Records, changes: readonly OverlayEvent[]): string[] {
  if (records.entries.size + records.under.size === 0) return [];
  const exact = new Set<string>();
  const folders: OverlayPath[] = [];
  for (const { type, path } of changes) {
    const parsed = parseOverlayPath(path);
    exact.add(parsed);
    if (type === "changed") continue;
    folders.push(parsed);
    exact.add(parentPath(parsed)); // a deleted folder is another one when its entries are
  }
  const found = new Set<string>();
  for (const map of [records.entries, records.under]) {
    for (const [path, { lower }] of map) {
      if (exact.has(lower) || folders.some((folder) => isWithin(lower, folder))) found.add(path);
    }
  }
  return [...found];
}
