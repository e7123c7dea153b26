/** What was deleted, and nobody has undone for long enough, is ended. */
import type { FloorStore } from "./floorStore.js";
import type { OverlayStore } from "./ports.js";

/** As long as what is deleted in an overlay. */
const retentionMs = 7 * 24 * 60 * 60 * 1000;

export async function clearOld(store: OverlayStore, floors: FloorStore): Promise<void> {
  for (const { key, id, deleted } of await store.removed()) {
    if (Date.now() - deleted <= retentionMs) continue;
    await store.discard(key);
    await floors.forget(id);
  }
  await store.sweep();
}
