/** What a mounted overlay tells of: listeners that cannot hurt each other. */
import type { Disposable, OverlayEvent } from "../engine/index.js";
import type { Log } from "./keeperLink.js";
import type { Ending } from "./protocol.js";

class Signal<T extends readonly unknown[]> {
  private readonly listeners = new Set<(...args: T) => void>();

  constructor(private readonly log: Log) {}

  on(listener: (...args: T) => void): Disposable {
    const own = (...args: T): void => { listener(...args); };
    this.listeners.add(own);
    return { dispose: () => { this.listeners.delete(own); } };
  }

  fire(...args: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(...args);
      } catch (error) {
        this.log("error", String(error));
      }
    }
  }

  clear(): void {
    this.listeners.clear();
  }
}

export class Signals {
  readonly change: Signal<[readonly OverlayEvent[]]>;
  readonly layers: Signal<[]>;
  readonly staleness: Signal<[readonly string[]]>;
  readonly ended: Signal<[Ending]>;

  constructor(log: Log) {
    this.change = new Signal(log);
    this.layers = new Signal(log);
    this.staleness = new Signal(log);
    this.ended = new Signal(log);
  }

  clear(): void {
    for (const signal of [this.change, this.layers, this.staleness, this.ended]) signal.clear();
  }
}
