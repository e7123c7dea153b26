/**
 * Says when a wait has become long, and when it is over. Waits that follow each other closely are one: many short calls
 * are as long to whoever waits for all of them.
 */
import type { Disposable } from "../engine/index.js";

/** What is over sooner need not be said. */
export const longMs = 500;
/** So long nothing must be waited for before a wait is over. */
export const pauseMs = 200;

export class LongWait implements Disposable {
  private begun: NodeJS.Timeout | undefined;
  private ending: NodeJS.Timeout | undefined;
  private long = false;
  /** The time is up; it is said unless the wait is just ending. */
  private due = false;

  constructor(private readonly onDidChange: (long: boolean) => void) {}

  set(waiting: boolean): void {
    if (waiting) {
      clearTimeout(this.ending);
      this.ending = undefined;
      if (this.due) this.change(true);
      this.begun ??= setTimeout(() => {
        this.due = true;
        if (this.ending === undefined) this.change(true);
      }, longMs);
    } else if (this.begun !== undefined) {
      this.ending ??= setTimeout(() => { this.end(); }, pauseMs);
    }
  }

  dispose(): void {
    clearTimeout(this.begun);
    clearTimeout(this.ending);
  }

  private end(): void {
    this.dispose();
    this.begun = undefined;
    this.ending = undefined;
    this.due = false;
    this.change(false);
  }

  private change(long: boolean): void {
    if (long === this.long) return;
    this.long = long;
    this.onDidChange(long);
  }
}
