/**
 * One opened overlay of this window: its engine object, what differs, the mtimes told so far, and whether it can be
 * written. When another window lets go (or wants it), the engine object is replaced; everything else stays.
 */
import { isCode, type Disposable, type Overlay, type OverlayEvent, type Snapshot } from "../engine/index.js";
import type { Carrier } from "./carrier.js";
import { ChangeModel } from "./changeModel.js";
import { CopyComparer } from "./copyComparer.js";
import { Emitter } from "./emitter.js";
import type { MtimeFloor } from "./mtimeFloor.js";
import type { OpenedOverlay, OverlayInfo, RemoteBase } from "./ports.js";

export type Access = { readonly kind: "writable" } | { readonly kind: "readOnly"; readonly owner: string };

export interface SessionParts {
  readonly floors: MtimeFloor;
  readonly fail: (error: unknown) => void;
}

export class Session implements Disposable {
  readonly changes: ChangeModel;
  readonly floors: MtimeFloor;
  private readonly events: Emitter<readonly OverlayEvent[]>;
  private readonly accessChanges: Emitter<Access>;
  private readonly layerChanges: Emitter<readonly Snapshot[]>;
  private readonly fail: (error: unknown) => void;
  private layers: readonly Snapshot[] = [];
  private listening: Disposable;

  constructor(private known: OverlayInfo, private current: OpenedOverlay, parts: SessionParts) {
    this.floors = parts.floors;
    this.events = new Emitter(parts.fail);
    this.accessChanges = new Emitter(parts.fail);
    this.layerChanges = new Emitter(parts.fail);
    this.fail = parts.fail;
    this.listening = this.follow();
    const copies = new CopyComparer(() => this.overlay, Date.now);
    this.changes = new ChangeModel({
      changes: async (path) => (path === undefined ? this.overlay.changes() : this.overlay.changes(path)),
      changeOf: async (path) => this.overlay.changeOf(path),
      isUnchanged: (path, signal) => copies.isUnchanged(path, signal),
      onDidChange: (listener) => this.events.event(listener),
    }, parts.fail);
  }

  get id(): string {
    return this.known.id;
  }

  get info(): OverlayInfo {
    return this.known;
  }

  get overlay(): Overlay {
    return this.current.overlay;
  }

  /** Carries changes out of it, and into it. */
  get carrier(): Carrier {
    return this.current.carrier;
  }

  get opened(): OpenedOverlay {
    return this.current;
  }

  /** The base, when it is not on a disk. */
  get remote(): RemoteBase | undefined {
    return this.current.remote;
  }

  /** What is reset is to be what the base has now: a base that may not tell of changes is asked anew at these paths. */
  askBaseAgain(paths: readonly string[]): void {
    this.remote?.changed(paths.map((path) => ({ type: "created", path })));
  }

  get caseSensitive(): boolean {
    return this.current.caseSensitive;
  }

  get access(): Access {
    return this.current.kind === "writable" ? { kind: "writable" } : { kind: "readOnly", owner: this.current.owner };
  }

  get onDidChange(): Emitter<readonly OverlayEvent[]>["event"] {
    return this.events.event;
  }

  get onDidChangeAccess(): Emitter<Access>["event"] {
    return this.accessChanges.event;
  }

  /** Topmost first, as of the last time that they changed. */
  get snapshots(): readonly Snapshot[] {
    return this.layers;
  }

  /** Snapshots came, went, or have another name. */
  get onDidChangeLayers(): Emitter<readonly Snapshot[]>["event"] {
    return this.layerChanges.event;
  }

  /** Goes on with a freshly opened engine object. What another process changed meanwhile is found by a walk. */
  replace(opened: OpenedOverlay, info: OverlayInfo = this.known): void {
    this.listening.dispose();
    this.current = opened;
    this.known = info;
    this.listening = this.follow();
    this.accessChanges.fire(this.access);
    if (this.changes.count !== undefined) void this.changes.reload();
  }

  dispose(): void {
    this.listening.dispose();
    this.changes.dispose();
  }

  private follow(): Disposable {
    const { overlay } = this;
    const events = overlay.onDidChange((batch) => {
      // First the floors: whoever is told of the change may ask for the file at once.
      for (const { path, type } of batch) if (type !== "deleted") this.floors.note(path);
      this.events.fire(batch);
    });
    const layers = overlay.onDidChangeLayers(() => { void this.lookAtLayers(overlay); });
    void this.lookAtLayers(overlay);
    const staleness = overlay.onDidChangeStaleness((paths) => { this.changes.askAgain(paths); });
    return { dispose: () => { events.dispose(); layers.dispose(); staleness.dispose(); } };
  }

  /** For whoever knows that another process changes them. */
  async lookAtLayers(overlay = this.overlay): Promise<void> {
    try {
      const found = await overlay.snapshots();
      if (this.overlay !== overlay) return;
      const before = this.layers;
      this.layers = found;
      if (found.length === before.length && found.every(({ id, name }, at) => id === before[at]?.id && name === before[at].name)) return;
      // What upper says against the lowers is something else over other lowers, and no event says so (INV-12 is about merged).
      const moved = found.length !== before.length || found.some(({ id }, at) => id !== before[at]?.id);
      if (moved && this.changes.count !== undefined) await this.changes.reload();
      this.layerChanges.fire(found);
    } catch (error) {
      if (this.overlay === overlay && !isCode(error, "EBADF")) this.fail(error);
    }
  }
}
