/** What is known of the sizes of overlays that somebody looks at: looked for once, one after the other, and given up on demand. */
import type { CancelSignal } from "../engine/index.js";
import type { OverlaySize } from "./ports.js";

export type Measured =
  | { readonly kind: "none" }
  | { readonly kind: "looking" }
  | { readonly kind: "known"; readonly size: OverlaySize }
  | { readonly kind: "failed"; readonly error: unknown };

interface Look {
  readonly stop: AbortController;
  measured: Measured;
}

export class Measures {
  private readonly looks = new Map<string, Look>();
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly measure: (id: string, signal: CancelSignal) => Promise<OverlaySize>, private readonly changed: (id: string) => void) {}

  of(id: string): Measured {
    return this.looks.get(id)?.measured ?? { kind: "none" };
  }

  /** Does nothing where there is an answer, or one is on its way. */
  start(id: string): void {
    if (this.looks.has(id)) return;
    const look: Look = { stop: new AbortController(), measured: { kind: "looking" } };
    this.looks.set(id, look);
    this.last = this.last.then(() => this.run(id, look));
  }

  /** Gives up; that nothing is known stays so until it is dropped. */
  stop(id: string): void {
    const look = this.looks.get(id);
    if (look?.measured.kind !== "looking") return;
    look.stop.abort();
    look.measured = { kind: "none" };
    this.changed(id);
  }

  /** Forgets it: the next `start` looks anew. */
  drop(id: string): void {
    this.looks.get(id)?.stop.abort();
    this.looks.delete(id);
  }

  clear(): void {
    for (const id of [...this.looks.keys()]) this.drop(id);
  }

  private async run(id: string, look: Look): Promise<void> {
    if (look.stop.signal.aborted) return;
    const measured = await this.measure(id, look.stop.signal).then((size): Measured => ({ kind: "known", size }), (error: unknown): Measured => ({ kind: "failed", error }));
    // Stopped, or dropped: nobody asks any more.
    if (look.measured.kind !== "looking" || this.looks.get(id) !== look) return;
    look.measured = measured;
    this.changed(id);
  }
}
