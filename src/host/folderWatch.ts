/**
 * Looks when something happens in a folder: by the system's watcher where there is one, and every few seconds in any
 * case, since a killed process and a network filesystem send no event. Neither keeps the process alive.
 */
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { basename } from "node:path";
import type { Disposable } from "../engine/types.js";

export interface FolderWatch extends Disposable {
  readonly disposed: boolean;
}

/**
 * `look` runs once at a time, first right away, and never after dispose. What it throws counts as "nothing to see".
 * @param concerns which names in the folder are worth a look, where the system names what changed.
 */
export function watchFolder(folder: string, pollMs: number, concerns: RegExp, look: () => Promise<void>): FolderWatch {
  let disposed = false;
  let running = false;
  let wanted = 0;
  let looked = 0;
  const run = async (): Promise<void> => {
    wanted++;
    if (running) return;
    running = true;
    while (looked < wanted && !disposed) {
      looked = wanted;
      await look().catch(() => undefined);
    }
    running = false;
  };
  const poke = (): void => {
    if (!disposed) void run();
  };
  const timer = setInterval(poke, pollMs);
  timer.unref();
  const watcher = startWatcher(folder, (name) => {
    // Its own name: the folder itself is gone.
    if (name === null || concerns.test(name) || name === basename(folder)) poke();
  });
  queueMicrotask(poke);
  return {
    get disposed() {
      return disposed;
    },
    dispose: () => {
      disposed = true;
      clearInterval(timer);
      watcher?.close();
    },
  };
}

/** Undefined where the system has no watcher left to give: the timer does it alone. */
function startWatcher(folder: string, happened: (name: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (_event, name) => { happened(name); });
    watcher.on("error", () => { watcher.close(); });
    return watcher;
  } catch {
    return undefined;
  }
}
