/**
 * INV-10: the modification time that the editor is told moves forward by at least 1 ms whenever content or layer of
 * a path changed, whatever a reset reveals, and stays when nothing changed. Pure: time and storage are handed in.
 *
 * A path is known by the signature of what was last reported for it. A new signature whose own time is not beyond the
 * last reported one gets a floor; only floors are kept for the next window, because a real time that is beyond them
 * needs none. Two changes within one tick of the file system's clock leave one signature, so an event about a path
 * whose last report was that fresh counts as a new signature too (as git does for "racily clean" entries).
 */

export interface StatForFloor {
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly size: number;
  readonly ino: number;
  readonly layer: string;
}

/** What is kept for the next window: path, floor in ms, signature. */
export type Floors = Record<string, readonly [floor: number, signature: string]>;

interface Reported {
  readonly mtime: number;
  readonly signature: string;
  /** The entry had just changed when it was looked at: an event may tell of a later change with the same signature. */
  readonly fresh: boolean;
}

/** Longer than the clock tick of file systems that keep fractions of a second, and of those that do not (FAT: 2 s). */
const fineTickMs = 50;
const coarseTickMs = 2000;
const defaultLimit = 50_000;

export class MtimeFloor {
  private readonly floors: Map<string, readonly [number, string]>;
  /** Oldest first; the first is forgotten when there are too many. */
  private readonly reported = new Map<string, Reported>();
  /** Paths of which an event told before they were reported again. */
  private readonly touched = new Set<string>();

  constructor(
    private readonly now: () => number,
    private readonly onDirty: () => void,
    kept: Floors = {},
    private readonly limit = defaultLimit,
  ) {
    this.floors = new Map(Object.entries(kept).filter(([, value]) => isFloor(value)));
  }

  /** An event says that content or layer of a path may be different. */
  note(path: string): void {
    const last = this.reported.get(path);
    if (last === undefined || last.fresh) this.touched.add(path);
  }

  /** The whole milliseconds to tell the editor for a file that looks like this now. */
  report(path: string, stat: StatForFloor): number {
    const signature = `${stat.mtimeMs}:${stat.ctimeMs}:${stat.size}:${stat.ino}:${stat.layer}`;
    const real = Math.trunc(stat.mtimeMs);
    const mtime = Math.max(real, this.least(path, signature));
    this.touched.delete(path);
    this.remember(path, { mtime, signature, fresh: this.isFresh(stat) });
    this.keep(path, mtime > real ? [mtime, signature] : undefined);
    return mtime;
  }

  /** Whether the editor has been told of a file here. */
  knows(path: string): boolean {
    return this.reported.has(path);
  }

  /** What the editor was told last. */
  last(path: string): number | undefined {
    return this.reported.get(path)?.mtime;
  }

  toJSON(): Floors {
    return Object.fromEntries(this.floors);
  }

  private isFresh(stat: StatForFloor): boolean {
    const tick = stat.mtimeMs % 1000 === 0 && stat.ctimeMs % 1000 === 0 ? coarseTickMs : fineTickMs;
    return this.now() - Math.max(stat.mtimeMs, stat.ctimeMs) < tick;
  }

  private least(path: string, signature: string): number {
    const last = this.reported.get(path);
    const touched = this.touched.has(path);
    if (last !== undefined) return last.signature === signature && !touched ? last.mtime : last.mtime + 1;
    const floor = this.floors.get(path);
    if (floor !== undefined) return floor[1] === signature && !touched ? floor[0] : floor[0] + 1;
    // Never told in this window, changed in it: an earlier window may have told any time up to now.
    return touched ? Math.trunc(this.now()) : 0;
  }

  private remember(path: string, entry: Reported): void {
    this.reported.delete(path);
    this.reported.set(path, entry);
    if (this.reported.size <= this.limit) return;
    const oldest = this.reported.keys().next();
    if (oldest.done === true) return;
    // What is forgotten and had been told keeps its floor where it needs one; else the next event asks for "now".
    this.reported.delete(oldest.value);
  }

  private keep(path: string, floor: readonly [number, string] | undefined): void {
    const before = this.floors.get(path);
    if (floor === undefined) {
      if (this.floors.delete(path)) this.onDirty();
    } else if (before?.[0] !== floor[0] || before[1] !== floor[1]) {
      this.floors.set(path, floor);
      this.onDirty();
    }
  }
}

/** What storage gives back is not trusted to have the shape that was put in. */
function isFloor(value: unknown): value is readonly [number, string] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "number" && typeof value[1] === "string";
}
