/** A signal of our own: the engine has no AbortController. */
import type { CancelSignal } from "./types.js";

export class Stop implements CancelSignal {
  aborted = false;
  private readonly listeners = new Set<() => void>();
  addEventListener(_type: "abort", listener: () => void): void {
    this.listeners.add(listener);
  }
  removeEventListener(_type: "abort", listener: () => void): void {
    this.listeners.delete(listener);
  }
  abort(): void {
    this.aborted = true;
    for (const listener of [...this.listeners]) listener();
  }
}
