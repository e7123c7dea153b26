/**
 * Hashes the lower files that upper's entries came from, so that a base whose times alone are other is not taken for
 * changed. In the background, one file at a time, only while nothing else goes on; ends with the overlay at once.
 */
import type { Env } from "./layer.js";
import { atLower, contentOf, largestHashed, sameTime } from "./lowerContent.js";
import type { LowerDirectory, LowerFile, LowerFound } from "./lowerView.js";
import type { Origin } from "./originRecords.js";
import type { Origins } from "./origins.js";
import type { OverlayPath } from "./paths.js";
import { Stop } from "./stop.js";
import type { CancelSignal } from "./types.js";

/** How long nothing must have gone on, in ms. */
const idleMs = 1500;
/** How many files wait at most: what is beyond is not hashed, and its time alone then counts. */
const mostWaiting = 20_000;
/** A file as young as this, in ms, may change without its time showing it. */
const racyMs = 2000;

interface Known {
  readonly size: number;
  readonly mtimeMs: number;
  readonly is: string;
}

export class Hasher {
  private readonly waiting = new Map<OverlayPath, Origin>();
  /** Of lower files whose time is not the origin's: so that they are read once for each time. */
  private readonly presents = new Map<OverlayPath, Known>();
  private readonly stop = new Stop();
  private running = false;
  /** The operations that had been when idleness was last looked at. */
  private seen = -1;

  /** Bound by the overlay: what runs in the background, and a count that grows with every operation. */
  inBackground: ((act: () => Promise<void>) => void) | undefined;
  activity: () => number = () => 0;

  constructor(private readonly env: Env, private readonly origins: Origins, private readonly root: () => LowerDirectory) {}

  /** Called for each new origin: does nothing but to note it. */
  add(origin: Origin): void {
    if (this.inBackground === undefined || this.stop.aborted || this.waiting.size >= mostWaiting) return;
    if (Number(origin.size) > largestHashed || ("type" in origin && origin.type !== "file")) return;
    this.waiting.set(origin.lower, origin);
    if (this.running) return;
    this.running = true;
    this.inBackground(() => this.drain());
  }

  end(): void {
    this.stop.abort();
    this.waiting.clear();
  }

  /** The hash of what a lower file has now; undefined when it cannot be read, or is too large. @throws LayerError. */
  async present(lower: OverlayPath, file: LowerFile, signal?: CancelSignal): Promise<string | undefined> {
    const { size, mtimeMs } = file.stat;
    const known = this.presents.get(lower);
    if (known?.size === size && known.mtimeMs === mtimeMs) return known.is;
    const content = await contentOf(file, signal);
    if (content === undefined) return undefined;
    const is = this.env.digest(content);
    if (this.env.now() - mtimeMs > racyMs) this.presents.set(lower, { size, mtimeMs, is });
    return is;
  }

  private async drain(): Promise<void> {
    try {
      while (this.waiting.size > 0) {
        if (!(await this.idle())) return;
        const [next] = this.waiting;
        if (next === undefined) return;
        this.waiting.delete(next[0]);
        await this.hash(next[1]);
      }
    } finally {
      this.running = false;
    }
  }

  /** False when the overlay ends. Waits only where something went on since the last file. */
  private async idle(): Promise<boolean> {
    while (this.seen !== this.activity() && !this.stop.aborted) {
      this.seen = this.activity();
      await this.env.sleep(idleMs, this.stop);
    }
    return !this.stop.aborted;
  }

  /** Nothing is kept of a file that is not, before and after it was read, what it was when it was copied. */
  private async hash(origin: Origin): Promise<void> {
    const records = await this.origins.records();
    const known = records.hashes.get(origin.lower);
    if (known?.size === origin.size && known.mtimeNs === origin.mtimeNs) return;
    const before = await atLower(this.root(), origin.lower);
    if (!isStill(origin, before)) return;
    const content = await contentOf(before, this.stop);
    if (content === undefined || !isStill(origin, await atLower(this.root(), origin.lower))) return;
    this.origins.hash(origin.lower, { size: origin.size, mtimeNs: origin.mtimeNs, is: this.env.digest(content) });
  }
}

function isStill(origin: Origin, found: LowerFound): found is LowerFile {
  return found.kind === "other" && found.stat.type === "file" && origin.size === String(found.stat.size) && sameTime(origin.mtimeNs, found.stat);
}
