/**
 * INV-12: every change has an event, queued under the lock that made it, so the order of events is the order of the
 * changes. They are delivered in batches after the lock is gone: a listener may call the overlay again.
 */
import type { Env } from "./layer.js";
import { isWithin, type OverlayPath, rootPath } from "./paths.js";
import type { Disposable, OverlayEvent } from "./types.js";

type Listener = (events: readonly OverlayEvent[]) => void;

/** One look at a path that is to be true until it is acted upon: as events are queued under the lock, asking under it is certain. */
export class Watch {
  changed = false;

  constructor(private readonly path: OverlayPath, readonly dispose: () => void) {}

  note(path: OverlayPath): void {
    if (isWithin(path, this.path) || isWithin(this.path, path)) this.changed = true;
  }
}

export class EventQueue {
  private readonly watches = new Set<Watch>();
  private readonly listeners = new Set<Listener>();
  private pending: (OverlayEvent | (() => Promise<OverlayEvent[]>))[] = [];
  private delivering = false;

  constructor(private readonly env: Env) {}

  /** Whether anything at a path, beneath it or above it, changes from now on. End it with `dispose`. */
  watch(path: OverlayPath): Watch {
    const watch = new Watch(path, () => { this.watches.delete(watch); });
    this.watches.add(watch);
    return watch;
  }

  queue(type: OverlayEvent["type"], path: string): void {
    for (const watch of this.watches) watch.note(path as OverlayPath);
    this.add({ type, path });
  }

  /** Keeps a place in the order for events that take time to find out; later ones wait for them. */
  queueLater(find: () => Promise<OverlayEvent[]>): void {
    for (const watch of this.watches) watch.note(rootPath);
    this.add(find);
  }

  private add(item: OverlayEvent | (() => Promise<OverlayEvent[]>)): void {
    if (this.listeners.size === 0) return;
    this.pending.push(item);
    if (this.delivering) return;
    this.delivering = true;
    void Promise.resolve().then(() => this.deliver());
  }

  private async deliver(): Promise<void> {
    while (this.pending.length > 0) {
      const items = this.pending;
      this.pending = [];
      const events: OverlayEvent[] = [];
      for (const item of items) {
        if (typeof item !== "function") events.push(item);
        else events.push(...(await item().catch((error: unknown) => this.failed(error))));
      }
      for (const listener of [...this.listeners]) {
        try {
          listener(events);
        } catch (error) {
          this.failed(error);
        }
      }
    }
    this.delivering = false;
  }

  private failed(error: unknown): OverlayEvent[] {
    this.env.log("error", `a listener for changes failed: ${String(error)}`);
    return [];
  }

  onDidChange(listener: Listener): Disposable {
    // A wrapper of its own, so that registering one function twice means two registrations.
    const own: Listener = (events) => { listener(events); };
    this.listeners.add(own);
    return { dispose: () => { this.listeners.delete(own); } };
  }

  clear(): void {
    this.listeners.clear();
  }
}
