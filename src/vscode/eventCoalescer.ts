/**
 * Folds a run of events into the fewest that tell the truth about what is different now (INV-12). Pure: no timer.
 * created+changed=created, created+deleted=nothing, changed+deleted=deleted, deleted+created=replaced; what happened
 * beneath a folder is swallowed when the folder goes.
 */
import { isWithin } from "./paths.js";

export interface FileEvent {
  readonly type: "created" | "changed" | "deleted";
  readonly path: string;
}

/** `replaced`: there was something, and there is something else now under the same name. */
export type NetEvent = FileEvent | { readonly type: "replaced"; readonly path: string };

export class EventCoalescer {
  /** Insertion order is the order of the outcome: a name that comes back moves to the end. */
  private readonly net = new Map<string, NetEvent["type"]>();

  private deletion = false;

  get empty(): boolean {
    return this.net.size === 0;
  }

  /** Whether something was deleted since the last take(), even if it came back. */
  get hasDeletion(): boolean {
    return this.deletion;
  }

  add(event: FileEvent): void {
    const before = this.net.get(event.path);
    switch (event.type) {
      case "created":
        if (before === undefined) this.set(event.path, "created");
        else if (before === "deleted") this.set(event.path, "replaced");
        // Created twice, or created where something was: the first event stands.
        return;
      case "changed":
        if (before === undefined) this.set(event.path, "changed");
        else if (before === "deleted") this.set(event.path, "replaced");
        return;
      case "deleted":
        this.deletion = true;
        this.dropBeneath(event.path);
        if (before === "created") this.net.delete(event.path);
        else this.set(event.path, "deleted");
    }
  }

  /** Hands out what is left, and starts again. */
  take(): NetEvent[] {
    const events = [...this.net].map(([path, type]) => ({ path, type }));
    this.net.clear();
    this.deletion = false;
    return events;
  }

  private set(path: string, type: NetEvent["type"]): void {
    this.net.delete(path);
    this.net.set(path, type);
  }

  private dropBeneath(path: string): void {
    for (const other of this.net.keys()) if (other !== path && isWithin(other, path)) this.net.delete(other);
  }
}
