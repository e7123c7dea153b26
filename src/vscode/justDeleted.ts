/**
 * Deleting the overlay that a window is on closes its folder, and with it every notification. So the next window, which
 * comes at once, offers the undo; and what nobody has undone for long enough is ended.
 */
import type * as vscode from "vscode";
import type { FloorStore } from "./floorStore.js";
import type { OverlayStore } from "./ports.js";

/** As long as what is deleted in an overlay. */
const retentionMs = 7 * 24 * 60 * 60 * 1000;
/** A window that comes later than this is about something else. */
const offerMs = 60_000;

export interface Deleted {
  readonly key: string;
  readonly name: string;
  readonly time: number;
}

const memory = "justDeleted";

export class JustDeleted {
  constructor(private readonly memento: vscode.Memento) {}

  async note(key: string, name: string): Promise<void> {
    await this.memento.update(memory, { key, name, time: Date.now() } satisfies Deleted);
  }

  /** What a window before this one deleted on its way out. It stays: the window that comes may give way to another at once. */
  get last(): Deleted | undefined {
    const deleted = this.memento.get<Deleted>(memory);
    return deleted !== undefined && Date.now() - deleted.time < offerMs ? deleted : undefined;
  }

  async forget(): Promise<void> {
    if (this.memento.get(memory) !== undefined) await this.memento.update(memory, undefined);
  }
}

export async function clearOld(store: OverlayStore, floors: FloorStore): Promise<void> {
  for (const { key, id, deleted } of await store.removed()) {
    if (Date.now() - deleted <= retentionMs) continue;
    await store.discard(key);
    await floors.forget(id);
  }
  await store.sweep();
}
