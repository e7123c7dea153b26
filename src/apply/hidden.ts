/**
 * Since when the overlay hides what the base has in a folder that it deleted, replaced or made itself. Nothing is written
 * down of the single entries in there: what the base has changed later is told by the time that its own disk gave it.
 */
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { foldersAbove } from "../carry/difference.js";
import type { Carried } from "../carry/types.js";
import { type Change, opaqueMarker, whiteoutName } from "../engine/index.js";
import type { Print } from "./types.js";

export class Hidden {
  private readonly since = new Map<Change, Promise<number | undefined>>();

  constructor(private readonly overlay: Carried, private readonly changes: ReadonlyMap<string, Change>) {}

  /** Whether an entry of the base at `path`, beneath such a folder, is another than when it was hidden; undefined where nothing tells. */
  async isNewer(path: string, now: Print): Promise<boolean | undefined> {
    // The topmost: what lies in it was hidden with it.
    const change = foldersAbove(path).map((folder) => this.changes.get(folder)).findLast((one) => one?.type === "directory" && one.kind !== "copied");
    if (change === undefined || change.kind === "renamed") return undefined;
    const known = this.since.get(change) ?? sinceWhen(this.overlay, change);
    this.since.set(change, known);
    const since = await known;
    // In a snapshot, where it is not looked for, it is the folder that tells.
    return since === undefined ? change.stale : Number(now.ctimeNs) / 1e6 > since;
  }
}

/** In ms: when upper was given the mark. What is in upper lies there under the path that merged has for it. */
async function sinceWhen({ folder }: Carried, { kind, path }: Change): Promise<number | undefined> {
  const at = join(folder, "upper", path);
  const cut = path.lastIndexOf("/") + 1;
  // A whiteout is our marker, or a device of the name itself (fuse-overlayfs).
  const marks = kind === "deleted" ? [join(folder, "upper", path.slice(0, cut), whiteoutName(path.slice(cut))), at] : [join(at, opaqueMarker)];
  for (const mark of marks) {
    const made = await lstat(mark).then(({ mtimeMs }) => mtimeMs, () => undefined);
    if (made !== undefined) return made;
  }
  const born = await lstat(at).then(({ birthtimeMs }) => birthtimeMs, () => 0);
  return born > 0 ? born : undefined;
}
