/**
 * What a window leaves to the one that comes in its place. Closing or changing its folder ends a window's extensions and
 * notifications, so what is still to be said or done then is the next window's, which comes at once.
 */
import type * as vscode from "vscode";

/** A window that comes later than this is about something else. */
const validMs = 60_000;

export class ForNextWindow<T extends object> {
  constructor(private readonly memento: vscode.Memento, private readonly key: string) {}

  async leave(value: T): Promise<void> {
    await this.memento.update(this.key, { ...value, time: Date.now() });
  }

  /** What a window before this one left. It stays: the window that comes may give way to another at once. */
  get left(): T | undefined {
    const left = this.memento.get<T & { readonly time: number }>(this.key);
    return left !== undefined && Date.now() - left.time < validMs ? left : undefined;
  }

  async forget(): Promise<void> {
    if (this.memento.get(this.key) !== undefined) await this.memento.update(this.key, undefined);
  }
}

/** A deleted overlay, whose undo is offered. */
export interface Deleted {
  /** As the store knows it. */
  readonly key: string;
  readonly name: string;
}

/** An overlay to be unmounted once nothing of the window that showed its mount is in it any more. */
export interface LeftMount {
  readonly id: string;
}

export interface Handovers {
  readonly deleted: ForNextWindow<Deleted>;
  readonly leftMount: ForNextWindow<LeftMount>;
}

export function handovers(memento: vscode.Memento): Handovers {
  return { deleted: new ForNextWindow(memento, "justDeleted"), leftMount: new ForNextWindow(memento, "leftMount") };
}
