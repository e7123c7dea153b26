/** The engine on a real disk, through its public interface alone, as a subject of comparison. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openOverlay, type OpenOverlay } from "../../../src/host/index.js";
import type { Subject } from "./operations.js";
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

  async freeze(): Promise<void> {
    await this.dispose();
    this.lowers = [this.upper, ...this.lowers];
    this.frozen++;
    this.overlay = await openAt(this.place, this.lowers, this.frozen);
  }

  close(): Promise<void> {
    return this.dispose();
  }
}

/** Without fsync: no power is cut here. */
function openAt(place: OverlayPlace, lowers: readonly string[], generation: number): Promise<OpenOverlay> {
  return openOverlay({ base: place.base, lowers, scratch: join(place.own, `scratch${generation}`), durability: "none", caseSensitive: true });
}
