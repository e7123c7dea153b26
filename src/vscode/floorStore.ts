/**
 * Keeps mtime floors (INV-10) from one window to the next, in the extension's own storage: that is where the editor
 * keeps its backups with the mtimes it was told. Written soon after a change, because a window may die.
 */
import type * as vscode from "vscode";
import { MtimeFloor, type Floors } from "./mtimeFloor.js";

const saveSoonMs = 250;
const keyOf = (id: string): string => `mtimeFloors:${id}`;

export class FloorStore {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(private readonly memento: vscode.Memento, private readonly onFailure: (error: unknown) => void) {}

  load(id: string): MtimeFloor {
    const floors: MtimeFloor = new MtimeFloor(Date.now, () => { this.saveSoon(id, floors); }, this.memento.get<Floors>(keyOf(id), {}));
    return floors;
  }

  async save(id: string, floors: MtimeFloor): Promise<void> {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    const kept = floors.toJSON();
    if (Object.keys(kept).length === 0 && this.memento.get(keyOf(id)) === undefined) return;
    await this.memento.update(keyOf(id), Object.keys(kept).length === 0 ? undefined : kept);
  }

  async forget(id: string): Promise<void> {
    clearTimeout(this.timers.get(id));
    this.timers.delete(id);
    await this.memento.update(keyOf(id), undefined);
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private saveSoon(id: string, floors: MtimeFloor): void {
    if (this.timers.has(id)) return;
    this.timers.set(id, setTimeout(() => { void this.save(id, floors).then(undefined, this.onFailure); }, saveSoonMs));
  }
}
