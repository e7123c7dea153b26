/**
 * A second overlay with the changes and snapshots of a first: files are clones where the filesystem can, copies else. It
 * grows under a name that no listing shows, and appears by one rename. Trash, locks and records of what was applied stay behind.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { chmod, copyFile, lchown, link, lstat, mkdir, readdir, readlink, rename, stat, symlink, utimes, lutimes } from "node:fs/promises";
import { join } from "node:path";
import { OverlayError, asOverlayError } from "../engine/errors.js";
import type { LayerState } from "../engine/layer.js";
import type { CancelSignal } from "../engine/types.js";
import { readManifest, writeManifest } from "./manifest.js";
import { nodeFault } from "./nodeFault.js";
import { whileOwned } from "./ownership.js";
import { makeOwnFolders } from "./scratch.js";
import { removeTree } from "./treeOnDisk.js";

const growing = /^\.growing-/;
/** What nobody has touched for so long is a crash's. */
const abandonedMs = 24 * 60 * 60 * 1000;

export interface DuplicateOptions {
  readonly signal?: CancelSignal;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** @throws OverlayError: EBUSY while the first is open somewhere, ECANCELED, ENOSPC and the like; nothing is left then. */
export async function duplicate(root: string, source: { readonly id: string; readonly folder: string }, name: string, options: DuplicateOptions): Promise<string> {
  const id = `${source.id.replace(/-[0-9a-f]{12}$/, "")}-${randomBytes(6).toString("hex")}`;
  const staged = join(root, `.growing-${id}`);
  return whileOwned(source.folder, "duplicate", async () => {
    try {
      const manifest = await readManifest(source.folder);
      if (manifest === undefined) throw new OverlayError("ENOENT", "duplicate", source.folder, { reason: "it is no overlay" });
      await mkdir(staged, { mode: 0o700 });
      await makeOwnFolders(staged);
      const names = await readdir(source.folder);
      // Only a crash in the middle of a reset leaves none; who opens it puts that right.
      if (!names.includes("upper")) throw new OverlayError("EBUSY", "duplicate", source.folder, { reason: "it was not closed as it should be: open it once, then duplicate it" });
      const copy = new TreeCopy(options.signal);
      for (const entry of ["upper", ...names.filter((name) => /^origins(\.|$)/.test(name)), ...manifest.snapshots]) await copy.entry(join(source.folder, entry), join(staged, entry));
      await copy.finish();
      await writeManifest(staged, { ...manifest, id, name, created: options.now, ...(manifest.layers === undefined ? {} : { layers: carried(manifest.layers) }) });
      await rename(staged, join(root, id));
      return id;
    } catch (error) {
      await removeTree(staged).catch(() => undefined);
      throw asOverlayError(error instanceof OverlayError ? error : nodeFault(error, "copy", source.folder), "duplicate", source.folder);
    }
  });
}

/** Removes what duplicating left behind when its process ended. */
export async function sweepGrowing(root: string, now: number): Promise<void> {
  for (const name of (await readdir(root).catch(() => [])).filter((one) => growing.test(one))) {
    const touched = await stat(join(root, name)).then(({ mtimeMs }) => mtimeMs, () => now);
    if (now - touched > abandonedMs) await removeTree(join(root, name)).catch(() => undefined);
  }
}

/** What was thrown away stays with the first, and so does what there is to clear away. */
function carried({ snapshots, next }: LayerState): LayerState {
  return { snapshots, next, dropped: [], doomed: [] };
}

class TreeCopy {
  private readonly linked = new Map<string, string>();
  /** A folder's mode and times come last: what is put in it changes the one and needs the other. */
  private readonly folders: { readonly to: string; readonly stat: fs.Stats }[] = [];

  constructor(private readonly signal: CancelSignal | undefined) {}

  async entry(from: string, to: string): Promise<void> {
    if (this.signal?.aborted === true) throw new OverlayError("ECANCELED", "duplicate", from);
    const found = await lstat(from);
    if (found.isDirectory()) {
      await mkdir(to, { mode: 0o700 });
      this.folders.push({ to, stat: found });
      for (const name of await readdir(from)) await this.entry(join(from, name), join(to, name));
      return;
    }
    const identity = `${found.dev}:${found.ino}`;
    const other = found.nlink > 1 ? this.linked.get(identity) : undefined;
    if (other !== undefined) {
      await link(other, to);
      return;
    }
    if (found.isSymbolicLink()) await symlink(await readlink(from), to);
    else if (found.isFile()) await copyFile(from, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
    else throw new OverlayError("ENOTSUP", "duplicate", from, { reason: `'${from}' is no file, folder or symbolic link` });
    if (found.nlink > 1) this.linked.set(identity, to);
    await this.attributes(to, found);
  }

  async finish(): Promise<void> {
    for (const { to, stat: found } of this.folders.reverse()) await this.attributes(to, found);
  }

  /** What a group inherits from its folder may be another's here: it is as it was where that is allowed. */
  private async attributes(to: string, found: fs.Stats): Promise<void> {
    const made = await lstat(to);
    if (made.uid !== found.uid || made.gid !== found.gid) await lchown(to, found.uid, found.gid).catch(() => undefined);
    if (found.isSymbolicLink()) {
      await lutimes(to, found.atime, found.mtime).catch(() => undefined);
      return;
    }
    await chmod(to, found.mode & 0o7777);
    await utimes(to, found.atimeMs / 1000, found.mtimeMs / 1000);
  }
}
