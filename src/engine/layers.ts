/**
 * The frozen layers below the upper: what the manifest says of them, and the view through each. Replaced as a whole,
 * under the namespace lock exclusively, by who has `turn`: one change of the layers at a time.
 */
import { Mutex } from "async-mutex";
import { Refusal } from "./errors.js";
import type { DroppedLayers, LayerState, ManifestPort, ScratchLayer, SnapshotRecord } from "./layer.js";
import { type LowerDirectory, type LowerMemory, MarkedView } from "./lowerView.js";

export const noLayers: LayerState = { snapshots: [], next: 1, dropped: [], doomed: [] };

/** Which view: a snapshot's id, or "base" for what lies below all of them. */
export type ViewId = string;

export class Layers {
  readonly turn = new Mutex();
  /** How often another upper has begun to take the place of the one that was there. */
  switches = 0;
  private views: readonly { readonly id: string; readonly root: LowerDirectory }[] = [];
  private current: LayerState = noLayers;
  private readonly listeners = new Set<() => void>();
  /** When this process doomed them: what was before that is in nobody's hands. */
  private readonly doomedSince = new Map<string, number>();

  constructor(
    private readonly manifest: ManifestPort,
    private readonly scratch: ScratchLayer,
    /** The base with the read-only layers that were given over it. */
    private readonly bottom: LowerDirectory,
    private readonly memory: LowerMemory,
    private readonly key: (name: string) => string,
  ) {}

  /** What the upper lies on. */
  get root(): LowerDirectory {
    return this.views[0]?.root ?? this.bottom;
  }

  get state(): LayerState {
    return this.current;
  }

  /** What an upper lies on, by name: joining layers keeps it, as the merged result stays. Undefined for the base. */
  get top(): string | undefined {
    return this.current.snapshots[0]?.id;
  }

  /** @throws Refusal ENOENT. */
  view(id: ViewId): LowerDirectory {
    if (id === "base") return this.bottom;
    const found = this.views.find((view) => view.id === id);
    if (found === undefined) throw noSnapshot(id);
    return found.root;
  }

  /** The view below a snapshot. */
  viewBelow(id: string): LowerDirectory {
    const index = this.indexOf(id);
    return this.views[index + 1]?.root ?? this.bottom;
  }

  /** Its place, 0 the topmost. @throws Refusal ENOENT. */
  indexOf(id: string): number {
    const index = this.current.snapshots.findIndex((snapshot) => snapshot.id === id);
    if (index < 0) throw noSnapshot(id);
    return index;
  }

  snapshot(id: string): SnapshotRecord {
    const found = this.current.snapshots[this.indexOf(id)];
    if (found === undefined) throw noSnapshot(id);
    return found;
  }

  dropped(id: string): DroppedLayers | undefined {
    return this.current.dropped.find((item) => item.id === id);
  }

  read(): Promise<LayerState> {
    return this.manifest.read();
  }

  /** Writes the manifest, and nothing else: who switches layers makes them true first, and calls `use` last. */
  commit(state: LayerState): Promise<void> {
    return this.manifest.replace(state);
  }

  /** Takes a state over, and builds the views anew where the stack is another one. */
  use(state: LayerState): void {
    const changed = stackOf(state) !== stackOf(this.current);
    if (this.current !== noLayers) {
      for (const path of state.doomed) if (!this.current.doomed.includes(path)) this.doomedSince.set(path, this.memory.env.now());
    }
    this.current = state;
    if (changed) {
      const views: { id: string; root: LowerDirectory }[] = [];
      let below = this.bottom;
      for (const { id, path } of [...state.snapshots].reverse()) {
        below = new MarkedView(this.scratch, path, below, this.memory, this.key).root;
        views.unshift({ id, root: below });
      }
      this.views = views;
      this.memory.forget();
    }
    for (const listener of [...this.listeners]) listener();
  }

  /** A change of the manifest that leaves the layers as they are. */
  async rewrite(state: LayerState): Promise<void> {
    await this.commit(state);
    this.use(state);
  }

  /** What is to be deleted, and has been for so long, in ms, that nobody reads from it any more. */
  doomedFor(ms: number): string[] {
    const until = this.memory.env.now() - ms;
    return this.current.doomed.filter((path) => (this.doomedSince.get(path) ?? -Infinity) <= until);
  }

  /** These are deleted. The manifest learns it with its next change: a path is never used again. */
  swept(paths: readonly string[]): void {
    this.current = { ...this.current, doomed: this.current.doomed.filter((path) => !paths.includes(path)) };
  }

  onDidChange(listener: () => void): { dispose(): void } {
    const own = () => {
      try {
        listener();
      } catch (error) {
        this.memory.env.log("error", `a listener for layers failed: ${String(error)}`);
      }
    };
    this.listeners.add(own);
    return { dispose: () => { this.listeners.delete(own); } };
  }

  clear(): void {
    this.listeners.clear();
  }
}

export function stackOf(state: LayerState): string {
  return JSON.stringify(state.snapshots.map(({ id, path }) => [id, path]));
}

function noSnapshot(id: string): Refusal {
  return new Refusal("ENOENT", `there is no snapshot '${id}'`);
}
