/** An event for the pure parts, which must not import vscode. A listener that throws does not silence the others. */
import type { Disposable } from "../engine/index.js";

export class Emitter<T> {
  private readonly listeners = new Set<(value: T) => void>();

  constructor(private readonly onFailure: (error: unknown) => void) {}

  readonly event = (listener: (value: T) => void): Disposable => {
    // A wrapper of its own for each registration, so that one function can be registered twice.
    const entry = (value: T): void => { listener(value); };
    this.listeners.add(entry);
    return { dispose: () => { this.listeners.delete(entry); } };
  };

  fire(value: T): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.onFailure(error);
      }
    }
  }
}
