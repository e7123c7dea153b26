/**
 * The upper files that are open for writing, by identity, because hard links give one file many names. A whole-file
 * write must not replace a file under an open writer's hands, and what is done to a whole file in place (append,
 * truncate, write over) is done one at a time. That queue is not held together with any lock of locks.ts.
 */
import { Mutex } from "async-mutex";
import type { LayerStat } from "./types.js";

export interface Inode {
  readonly key: string;
  readonly io: Mutex;
  writers: number;
  /** Counts what was done to the content through any of its writers. */
  changes: number;
}

export class Inodes {
  private readonly open = new Map<string, Inode>();
  /** How many are being opened, and what was changed and left meanwhile: their look at it may be an old one. */
  private opening = 0;
  private readonly changed = new Set<string>();
  private waiting: (() => void)[] = [];

  hasWriters(stat: LayerStat): boolean {
    return this.open.has(keyOf(stat));
  }

  /** How many files have writers. */
  get size(): number {
    return this.open.size;
  }

  /** Runs what opens a file and registers the writer. */
  async entering<T>(open: () => Promise<T>): Promise<T> {
    this.opening++;
    try {
      return await open();
    } finally {
      if (--this.opening === 0) this.changed.clear();
    }
  }

  /** Whether nothing was done to a file, through another writer, since whoever just entered has opened it. */
  isAsOpened(inode: Inode): boolean {
    return inode.writers === 1 && !this.changed.has(inode.key);
  }

  /** Registers a writer. Called under the mutex of the directory in which the file was opened. */
  enter(stat: LayerStat): Inode {
    const key = keyOf(stat);
    let inode = this.open.get(key);
    if (inode === undefined) this.open.set(key, (inode = { key, io: new Mutex(), writers: 0, changes: 0 }));
    inode.writers++;
    return inode;
  }

  /** Resolves when the next writer leaves. */
  nextLeave(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  leave(inode: Inode): void {
    for (const resolve of this.waiting.splice(0)) resolve();
    if (--inode.writers > 0) return;
    this.open.delete(inode.key);
    if (inode.changes > 0 && this.opening > 0) this.changed.add(inode.key);
  }
}

function keyOf(stat: LayerStat): string {
  return `${String(stat.dev)}:${String(stat.ino)}`;
}
