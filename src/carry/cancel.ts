/** Ending early, and doing several things at once without starting all of them. */
import { type CancelSignal, OverlayError } from "../engine/index.js";

/** @throws OverlayError ECANCELED */
export function checkCancelled(signal: CancelSignal | undefined, operation: string, path = "/"): void {
  if (signal?.aborted === true) throw new OverlayError("ECANCELED", operation, path);
}

/** How many files are looked at at once: as many as keep a disk busy. */
const width = 16;

/** Calls `each` for all, some at a time; the results in the order of the items. The first failure ends it. */
export async function pooled<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await each(items[at] as T);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  } finally {
    next = items.length; // after a failure nothing more begins
  }
  return results;
}

/**
 * Like `pooled`, handed out one by one: what is ahead is being made meanwhile, `most.count` items of together `most.bytes`
 * bytes. A larger one is made when its turn comes.
 */
export async function* ahead<T, R>(items: readonly T[], each: (item: T) => Promise<R>, most: { readonly count: number; readonly bytes: number }, sizeOf: (item: T) => number): AsyncGenerator<R, void, undefined> {
  const started: { readonly made: Promise<R>; readonly size: number }[] = [];
  let bytes = 0;
  let next = 0;
  try {
    for (;;) {
      while (next < items.length && started.length < most.count) {
        const item = items[next] as T;
        const size = sizeOf(item);
        if (started.length > 0 && bytes + size > most.bytes) break;
        next++;
        bytes += size;
        const made = each(item);
        made.catch(() => undefined); // whoever takes it sees it; nobody may
        started.push({ made, size });
      }
      const first = started.shift();
      if (first === undefined) return;
      yield await first.made;
      bytes -= first.size;
    }
  } finally {
    await Promise.allSettled(started.map(({ made }) => made));
  }
}
