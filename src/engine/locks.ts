/**
 * The two locks, always taken in this order: the namespace lock (shared to publish a name, exclusive to move, delete
 * or reset a directory), then the locks of directories, by path, ancestors first: shared by those who publish copies
 * and open files there, exclusive for every other change of a name. Neither is re-entrant.
 * INV-6: nothing under them copies or syncs data, and nobody waits for the copy-up registry while holding one.
 */
import { Semaphore } from "async-mutex";
import type { UpperDirectory } from "./tree.js";

/** How many may publish at once. The semaphore's release costs time in proportion, so it is no larger than useful. */
const slots = 64;
/** How many may publish copies in one directory at once. */
const directorySlots = 16;

/** The lock of one directory. */
export function directoryLock(): Semaphore {
  return new Semaphore(directorySlots);
}

export class Locks {
  // One semaphore as a fair read-write lock: a mover takes every slot, and who comes after it waits behind it.
  private readonly namespace = new Semaphore(slots);

  /** Runs `change` while no directory moves and nobody else changes names in `directories`. */
  async shared<T>(directories: readonly UpperDirectory[], change: () => Promise<T>): Promise<T> {
    const [, leave] = await this.namespace.acquire(1);
    try {
      const [first, second] = directories;
      if (first === undefined) return await change();
      if (second === undefined || first === second) return await holding(first, directorySlots, change);
      // Paths are stable now, so the order cannot change between asking and locking.
      const [outer, inner] = precedes(first, second) ? [first, second] : [second, first];
      return await holding(outer, directorySlots, () => holding(inner, directorySlots, change));
    } finally {
      leave();
    }
  }

  /**
   * Runs `change` while no directory moves and nobody else changes names in `directory`, but for others who do the
   * same: for what concerns one name alone, which the registry, or the name itself, keeps from meeting another.
   */
  async alongside<T>(directory: UpperDirectory, change: () => Promise<T>): Promise<T> {
    const [, leave] = await this.namespace.acquire(1);
    try {
      return await holding(directory, 1, change);
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

async function holding<T>(directory: UpperDirectory, weight: number, change: () => Promise<T>): Promise<T> {
  const [, leave] = await directory.lock.acquire(weight);
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
