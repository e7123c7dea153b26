/**
 * Snapshots and an apply. What they say would go on hiding what the base gets, so they become part of the upper before
 * anything is written, and are brought back where the apply is undone, or came to nothing. Nobody's edits are dropped for
 * that: where the upper is another by then, they stay in "Undo Reset…".
 */
import type { Carried, CarryOptions } from "../carry/types.js";

export class Stack {
  private stamp: string | undefined;
  private constructor(private readonly overlay: Carried, readonly id: string) {}

  /** Undefined where there are no snapshots. @throws OverlayError EBUSY, ECANCELED, ENOSPC, ...: nothing is changed then. */
  static async thaw(overlay: Carried, options: Pick<CarryOptions, "signal">): Promise<Stack | undefined> {
    const id = await overlay.thaw(options);
    return id === undefined ? undefined : new Stack(overlay, id);
  }

  /** From now on the upper is to stay as it is. */
  async mark(): Promise<void> {
    this.stamp = await stampOf(this.overlay);
  }

  bringBack(): Promise<boolean> {
    return bringBackStack(this.overlay, this.id, this.stamp);
  }
}

/** What the upper says, and which very files say it: equal only while nothing of it was changed. */
export async function stampOf(overlay: Carried): Promise<string> {
  const lines: string[] = [];
  for (const { kind, path } of await overlay.changes("/", { folders: true })) {
    const stat = kind === "deleted" ? undefined : await overlay.lstat(path);
    lines.push(JSON.stringify([kind, path, ...(stat === undefined ? [] : [stat.type === "directory" ? stat.mode : stat.size, stat.type === "directory" ? 0 : stat.ctimeMs, stat.ino])]));
  }
  return lines.join();
}

/** @returns whether the snapshots are there again: not when the upper has changed since the stamp, or they were forgotten. */
export async function bringBackStack(overlay: Carried, id: string, stamp: string | undefined): Promise<boolean> {
  if (stamp === undefined || stamp !== (await stampOf(overlay))) return false;
  if (!(await overlay.dropped()).some((item) => item.id === id)) return false;
  await overlay.bringBack(id, { replace: true });
  return true;
}
