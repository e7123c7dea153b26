/**
 * The two locks, always taken in this order: the namespace lock (shared to publish a name, exclusive to move, delete
 * or reset a directory), then directory mutexes, by path, ancestors first. Neither is re-entrant.
 * INV-6: nothing under them copies or syncs data, and nobody waits for the copy-up registry while holding one.
 */
import { Semaphore } from "async-mutex";
import type { UpperDirectory } from "./tree.js";

/** How many may publish at once. The semaphore's release costs time in proportion, so it is no larger than useful. */
const slots = 64;

export class Locks {
  // One semaphore as a fair read-write lock: a mover takes every slot, and who comes after it waits behind it.
  private readonly namespace = new Semaphore(slots);

  /** Runs `change` while no directory moves and nobody else changes names in `directories`. */
  async shared<T>(directories: readonly UpperDirectory[], change: () => Promise<T>): Promise<T> {
    const [, leave] = await this.namespace.acquire(1);
    try {
      const [first, second] = directories;
      if (first === undefined) return await change();
      if (second === undefined || first === second) return await withMutex(first, change);
      // Paths are stable now, so the order cannot change between asking and locking.
      const [outer, inner] = precedes(first, second) ? [first, second] : [second, first];
      return await withMutex(outer, () => withMutex(inner, change));
    } finally {
      leave();
    }
  }

  /** Runs `change` while nobody else changes any name. */
  async exclusive<T>(change: () => Promise<T>): Promise<T> {
    const [, leave] = await this.namespace.acquire(slots);
    try {
      return await change();
    } finally {
      leave();
    }
  }
}

async function withMutex<T>(directory: UpperDirectory, change: () => Promise<T>): Promise<T> {
  const leave = await directory.mutex.acquire();
  try {
    return await change();
  } finally {
    leave();
  }
}

function names(directory: UpperDirectory): string[] {
  const path: string[] = [];
  for (let at = directory; at.parent !== undefined; at = at.parent) path.unshift(at.name);
  return path;
}

/** Ancestors before descendants, siblings by name: one order for all, so that no two can wait for each other. */
function precedes(a: UpperDirectory, b: UpperDirectory): boolean {
  const left = names(a);
  const right = names(b);
  for (let i = 0; i < left.length && i < right.length; i++) {
    const l = left[i] ?? "";
    const r = right[i] ?? "";
    if (l !== r) return l < r;
  }
  return left.length <= right.length;
}
