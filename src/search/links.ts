/**
 * What ripgrep found through a symlink. It follows links within one layer, merged across all of them: so such a file is
 * told only when merged, asked for the same path, gives the very file that was read.
 */
import { lstatSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Overlay } from "../engine/index.js";
import type { Mapped } from "./mapper.js";

export class Links {
  /** By physical path: whether the folder is a link, or lies beneath one that was followed. */
  private readonly folders = new Map<string, boolean>();

  constructor(private readonly overlay: Overlay) {}

  /** Whether the folder of this file was reached through a link. */
  isInLinked({ placed: { physical }, within }: Mapped): boolean {
    const slash = within.lastIndexOf("/");
    return slash > 0 && this.isLinkedFolder(physical, within.slice(0, slash));
  }

  /** The same, or the file is a link itself. */
  isLinked(file: Mapped): boolean {
    return this.isInLinked(file) || isLink(join(file.placed.physical, file.within));
  }

  async isTrue({ path, placed: { physical }, within }: Mapped): Promise<boolean> {
    try {
      const [merged, read] = await Promise.all([this.overlay.stat(path), stat(join(physical, within))]);
      return merged.type === "file" && merged.ino === read.ino && merged.dev === read.dev;
    } catch {
      return false; // it leads nowhere in merged
    }
  }

  private isLinkedFolder(root: string, folder: string): boolean {
    const physical = join(root, folder);
    const known = this.folders.get(physical);
    if (known !== undefined) return known;
    const slash = folder.lastIndexOf("/");
    const linked = (slash > 0 && this.isLinkedFolder(root, folder.slice(0, slash))) || isLink(physical);
    this.folders.set(physical, linked);
    return linked;
  }
}

/** At once: thousands of folders are asked for in the middle of a stream, and each answer is in the system's memory. */
function isLink(physical: string): boolean {
  return lstatSync(physical, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
