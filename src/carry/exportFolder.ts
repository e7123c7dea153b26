/**
 * Merged as a plain folder. It grows under another name beside its place, where each file is a clone if the filesystem
 * can, and gets its name by one rename: what was cancelled or has failed leaves nothing.
 */
import { basename, join } from "node:path";
import { mkdir, rename, rmdir } from "node:fs/promises";
import { OverlayError, type ReadHandle, toErrorCode } from "../engine/index.js";
import { errnoOf } from "../host/nodeFault.js";
import { NodeLowerLayer } from "../host/nodeLayer.js";
import { NodeScratchLayer } from "../host/nodeScratch.js";
import { removeTree } from "../host/treeOnDisk.js";
import { checkCancelled } from "./cancel.js";
import { Sides } from "./sides.js";
import { checkTarget, type Target } from "./target.js";
import type { Carried, CarryOptions, Entry, LeftOut } from "./types.js";

export interface FolderReport {
  readonly files: number;
  readonly folders: number;
  readonly symlinks: number;
  /** Bytes of all files; cloned ones count as any other. */
  readonly bytes: number;
  readonly cloned: number;
  /** Special files, and names that are no Unicode. */
  readonly leftOut: readonly LeftOut[];
}

/** What a file adds to the progress beside its bytes: making it costs something, too. */
const perEntry = 1024;

/**
 * Modes, times and symlinks as merged has them; hard links become files of their own, and the owner is who exports.
 * Progress counts bytes, and 1024 for each entry.
 * @param target absolute; a new name, or an empty folder.
 * @throws OverlayError: what `checkTarget` refuses, ENOTDIR when `path` is no folder, ECANCELED, ENOSPC and the like
 */
export async function exportFolder(overlay: Carried, target: string, options: CarryOptions & { readonly path?: string } = {}): Promise<FolderReport> {
  const place = await checkTarget(overlay, target, "folder", "exportFolder");
  const sides = await Sides.of(overlay, "exportFolder");
  const leftOut: LeftOut[] = [];
  const root = await sides.inMerged(options.path ?? "/");
  if (root === undefined) throw new OverlayError("ENOENT", "exportFolder", options.path ?? "/");
  if (root.type !== "directory") throw new OverlayError("ENOTDIR", "exportFolder", root.path);
  const entries = await sides.tree(root, leftOut, "exportFolder", options.signal);
  const carried = entries.filter((entry) => {
    const special = entry.type !== "file" && entry.type !== "directory" && entry.type !== "symlink";
    if (special) leftOut.push({ path: entry.path, reason: `it is a ${entry.type}` });
    return !special;
  });
  try {
    const copy = new FolderCopy(sides, root, place, carried, options);
    await mkdir(place.staged, 0o700);
    await copy.run();
    checkCancelled(options.signal, "exportFolder", target);
    await publish(place);
    return { ...copy.counts, leftOut };
  } catch (error) {
    await removeTree(place.staged).catch(() => undefined);
    throw exportFault(error, target, "exportFolder");
  }
}

/** What the system or a layer said, as the export's own error; bugs pass unchanged. */
export function exportFault(error: unknown, target: string, operation: string): unknown {
  if (error instanceof OverlayError) return error;
  const code = error instanceof Error && "code" in error ? toErrorCode(error.code) : undefined;
  if (code === undefined) return error;
  const reason = code === "ENOSPC" ? `no space is left where '${target}' is; nothing was left there` : undefined;
  return new OverlayError(code, operation, target, { ...(reason === undefined ? {} : { reason }), cause: error });
}

/** Over an empty folder, rename(2) puts it in one step; Windows wants the place free. */
async function publish({ path, staged, exists }: Target): Promise<void> {
  if (exists && process.platform === "win32") await rmdir(path);
  await rename(staged, path).catch((error: unknown) => {
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(String(errnoOf(error)))) {
      throw new OverlayError("ENOTEMPTY", "exportFolder", path, { reason: "something else has appeared there meanwhile; choose another place", cause: error });
    }
    throw error;
  });
}

class FolderCopy {
  readonly counts = { files: 0, folders: 0, symlinks: 0, bytes: 0, cloned: 0 };
  private readonly out: NodeScratchLayer;
  /** Where a file may lie as it is, under the path that merged has for it. */
  private readonly onDisk: readonly NodeLowerLayer[];
  private readonly total: number;
  private done = 0;

  constructor(private readonly sides: Sides, private readonly root: Entry, place: Target, private readonly entries: readonly Entry[], private readonly options: CarryOptions) {
    this.out = new NodeScratchLayer(join(place.parent, basename(place.staged)));
    const upper = new NodeLowerLayer(join(sides.overlay.folder, "upper"));
    this.onDisk = sides.onDisk ? [new NodeLowerLayer(sides.base), upper] : [upper];
    this.total = entries.reduce((sum, entry) => sum + perEntry + (entry.type === "file" ? entry.stat.size : 0), 0);
  }

  async run(): Promise<void> {
    for (const entry of this.entries) {
      checkCancelled(this.options.signal, "exportFolder", entry.path);
      await this.one(entry);
      this.progress(perEntry);
    }
    // A folder's own mode and times come last: what is put in it changes the one and needs the other.
    for (const entry of [...this.entries].reverse()) {
      if (entry.type !== "directory") continue;
      await this.out.chmod(this.at(entry), entry.stat.mode);
      await this.out.utimes(this.at(entry), entry.stat.atimeMs, entry.stat.mtimeMs);
    }
  }

  private async one(entry: Entry): Promise<void> {
    const at = this.at(entry);
    if (entry.type === "directory") {
      if (entry !== this.root) await this.out.makeDirectory(at, 0o700);
      this.counts.folders++;
      return;
    }
    if (entry.type === "symlink") {
      await this.out.makeSymlink(await this.sides.readlink(entry), at);
      this.counts.symlinks++;
    } else await this.file(entry, at);
    if (entry.type === "file") await this.out.chmod(at, entry.stat.mode);
    await this.out.utimes(at, entry.stat.atimeMs, entry.stat.mtimeMs);
  }

  private async file(entry: Entry, at: string): Promise<void> {
    const source = await this.physical(entry);
    try {
      this.counts.files++;
      this.counts.bytes += entry.stat.size;
      if (source !== undefined && entry.stat.size > 0 && (await this.out.cloneFrom(source, at, 0o600))) {
        this.counts.cloned++;
        this.progress(entry.stat.size);
        return;
      }
    } finally {
      await source?.close();
    }
    const file = await this.out.create(at, 0o600);
    try {
      let position = 0;
      for await (const piece of this.sides.pieces(entry)) {
        checkCancelled(this.options.signal, "exportFolder", entry.path);
        await file.write(piece, position);
        position += piece.length;
        this.progress(Math.min(piece.length, Math.max(0, entry.stat.size - position + piece.length)));
      }
      this.progress(Math.max(0, entry.stat.size - position)); // it has become shorter
    } finally {
      await file.close();
    }
  }

  /** The very file that merged shows, open, where its place on the disk is the plain one: else undefined. */
  private async physical(entry: Entry): Promise<ReadHandle | undefined> {
    for (const layer of this.onDisk) {
      try {
        const handle = await layer.openRead(entry.path.slice(1));
        const stat = await handle.stat();
        if (stat.dev === entry.stat.dev && stat.ino === entry.stat.ino) return handle;
        await handle.close();
      } catch {
        // Not there, or not to be opened: it is read through the overlay, which says so better.
      }
    }
    return undefined;
  }

  private at(entry: Entry): string {
    return entry === this.root ? "" : entry.path.slice(this.root.path === "/" ? 1 : this.root.path.length + 1);
  }

  private progress(by: number): void {
    this.done += by;
    this.options.onProgress?.(this.done, this.total);
  }
}
