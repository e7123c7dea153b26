/**
 * Tells whether a copied entry is what the base has again, and remembers it for as long as both sides look as they did:
 * only the first time are bytes read. Sizes and modes are looked at first, which settles nearly every edited file.
 */
import type { Overlay, OverlayStat } from "../engine/index.js";

export type Compared = Pick<Overlay, "lstat" | "statLower" | "isUnchangedCopy">;

/** A file that changed this recently may change again without its times showing it. */
const recentMs = 2000;
/** Past that all is forgotten, as memory must not grow with the overlay. */
const limit = 20_000;

export class CopyComparer {
  private readonly known = new Map<string, { readonly prints: string; readonly same: boolean }>();

  constructor(private readonly overlay: () => Compared, private readonly now: () => number) {}

  /** @throws OverlayError, as the overlay does. */
  async isUnchanged(path: string, signal: AbortSignal): Promise<boolean> {
    const overlay = this.overlay();
    const [mine, base] = await Promise.all([overlay.lstat(path), overlay.statLower(path)]);
    if (mine.layer !== "upper" || mine.type !== base.type || mine.size !== base.size || mine.mode !== base.mode) return false;
    const prints = `${print(mine)} ${print(base)}`;
    const known = this.known.get(path);
    if (known?.prints === prints) return known.same;
    const same = await overlay.isUnchangedCopy(path, { signal });
    this.remember(path, [mine, base], prints, same);
    return same;
  }

  private remember(path: string, stats: readonly OverlayStat[], prints: string, same: boolean): void {
    this.known.delete(path);
    const newest = Math.max(...stats.flatMap(({ mtimeMs, ctimeMs }) => [mtimeMs, ctimeMs]));
    if (newest > this.now() - recentMs) return;
    if (this.known.size >= limit) this.known.clear();
    this.known.set(path, { prints, same });
  }
}

function print({ dev, ino, size, mode, mtimeMs, ctimeMs }: OverlayStat): string {
  return [dev, ino, size, mode, mtimeMs, ctimeMs].join(":");
}
