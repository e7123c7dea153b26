/**
 * INV-5: at most one copy-up of one lower entry into one upper runs at a time. The key is the directory node and the
 * name in it, so a directory that is renamed keeps its copy-ups. Who comes second waits, then looks again for itself:
 * it inherits neither the result nor the failure nor the cancellation of the first. Nobody waits here with a lock held.
 */
import { Refusal } from "./errors.js";
import type { UpperDirectory } from "./tree.js";
import type { CancelSignal } from "./types.js";

export class CopyUpRegistry {
  private readonly running = new WeakMap<UpperDirectory, Map<string, Promise<void>>>();

  /**
   * Runs `copy` unless one for this key is under way; then waits for that one's end, whatever it is.
   * @returns what `copy` returned, or `waited` when another one ran: look again.
   * @throws what `copy` throws; Refusal ECANCELED when `signal` fires while waiting.
   */
  async run<T>(directory: UpperDirectory, key: string, signal: CancelSignal | undefined, copy: () => Promise<T>): Promise<T | "waited"> {
    const first = this.running.get(directory)?.get(key);
    if (first !== undefined) {
      await unlessCancelled(first, signal);
      return "waited";
    }
    const own = copy();
    const end = own.then(ignore, ignore);
    let names = this.running.get(directory);
    if (names === undefined) this.running.set(directory, (names = new Map<string, Promise<void>>()));
    names.set(key, end);
    try {
      return await own;
    } finally {
      names.delete(key);
    }
  }
}

function ignore(): void {
  // The first one's outcome is its own caller's.
}

/** @throws Refusal ECANCELED as soon as the signal fires; the thing waited for goes on. */
function unlessCancelled(end: Promise<void>, signal: CancelSignal | undefined): Promise<void> {
  if (signal === undefined) return end;
  return new Promise((resolve, reject) => {
    const cancel = () => {
      reject(new Refusal("ECANCELED"));
    };
    if (signal.aborted) {
      cancel();
      return;
    }
    signal.addEventListener("abort", cancel);
    void end.then(() => {
      signal.removeEventListener("abort", cancel);
      resolve();
    });
  });
}

/** @throws Refusal ECANCELED. */
export function checkCancelled(signal: CancelSignal | undefined): void {
  if (signal?.aborted === true) throw new Refusal("ECANCELED");
}
