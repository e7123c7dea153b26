/** The engine on a real disk, through its public interface alone, as a subject of comparison. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openOverlay, type OpenOverlay } from "../../../src/host/index.js";
import { type LayersOperation, snapshotsAbove, type Subject } from "./operations.js";
import { OverlayPlayer } from "./overlayPlayer.js";

export interface OverlayPlace {
  readonly base: string;
  /** Read-only layers in the upper's format, topmost first. */
  readonly lowers: readonly string[];
  /** A folder of this subject alone. */
  readonly own: string;
}

export class OverlaySubject extends OverlayPlayer implements Subject {
  private lowers: readonly string[];
  private frozen = 0;

  private constructor(private readonly place: OverlayPlace, public override overlay: OpenOverlay) {
    super(overlay, place.base);
    this.lowers = place.lowers;
  }

  static async open(place: OverlayPlace): Promise<OverlaySubject> {
    await mkdir(place.own, { recursive: true });
    return new OverlaySubject(place, await openAt(place, place.lowers, 0));
  }

  /** The folder of the writable layer. */
  get upper(): string {
    return join(this.overlay.folder, "upper");
  }

  get layers(): readonly string[] {
    return this.lowers;
  }

  get work(): string {
    return join(this.overlay.folder, "work");
  }

  /** How many names a file has, the one in the trash included; 0 for what is none. */
  async linkCount(path: string): Promise<number> {
    return this.overlay.stat(path).then(({ type, nlink }) => (type === "file" ? nlink : 0), () => 0);
  }

  /** Which layer the file comes from that a slot has open. */
  async layerOf(slot: number): Promise<string | undefined> {
    return (await this.handles[slot]?.stat())?.layer;
  }

  private async dispose(): Promise<void> {
    await this.dropAll();
    await this.overlay.dispose();
  }

  async reopen(): Promise<void> {
    await this.dispose();
    this.overlay = await openAt(this.place, this.lowers, this.frozen);
  }

  /** When what goes on in the background has had its turn. */
  async tidied(): Promise<void> {
    await this.overlay.keepDropped({});
  }

  /** With snapshots, one more of them: they lie between what other layers could be put under. */
  async freeze(): Promise<void> {
    if ((await this.overlay.snapshots()).length > 0) {
      await this.changeLayers({ op: "layers", change: "snapshot", nth: 0, back: false });
      return;
    }
    await this.dispose();
    this.lowers = [this.upper, ...this.lowers];
    this.frozen++;
    this.overlay = await openAt(this.place, this.lowers, this.frozen);
  }

  async changeLayers(operation: LayersOperation): Promise<void> {
    await this.dropAll();
    const { overlay } = this;
    const snapshots = await overlay.snapshots();
    switch (operation.change) {
      case "snapshot":
        await overlay.takeSnapshot();
        return;
      case "squash":
        if (snapshots.length > 1) await overlay.squash();
        return;
      case "thaw": {
        const id = await overlay.thaw();
        if (operation.back && id !== undefined) await overlay.bringBack(id, { replace: true });
        return;
      }
      case "reset": {
        const before = new Set((await overlay.dropped()).map(({ id }) => id));
        const above = snapshotsAbove(operation, snapshots.length);
        await overlay.resetTo(above === 0 ? "upper" : (snapshots[above]?.id ?? "base"));
        // An upper with nothing in it is not kept.
        const gone = (await overlay.dropped()).find(({ id }) => !before.has(id));
        if (operation.back && gone !== undefined) await overlay.bringBack(gone.id);
      }
    }
  }

  close(): Promise<void> {
    return this.dispose();
  }
}

/** Without fsync: no power is cut here. */
function openAt(place: OverlayPlace, lowers: readonly string[], generation: number): Promise<OpenOverlay> {
  return openOverlay({ base: place.base, lowers, scratch: join(place.own, `scratch${generation}`), durability: "none", caseSensitive: true });
}
