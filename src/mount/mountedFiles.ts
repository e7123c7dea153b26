/**
 * The file operations of an overlay, done through its mount: the system's own calls, with the engine's codes and its rules
 * where those are stricter. A whole-file write appears in one step, as it does in the engine. What is dropped is kept
 * aside first, so that it can be brought back.
 */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import * as fs from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Cancellable, CancelSignal, Durability, OverlayDirent, WriteFileOptions } from "../engine/index.js";
import { Refusal } from "../engine/errors.js";
import { baseName, byteLength, isWithin, type OverlayPath, parentPath } from "../engine/paths.js";
import type { LayerStat } from "../engine/types.js";
import { errnoOf, nodeFault } from "../host/nodeFault.js";
import { toLayerStat, typeOfDirent, utimesArgument } from "../host/nodeStat.js";
import type { Found, MountPaths } from "./mountPaths.js";

/** fuse-overlayfs ends when it is to hide a name that leaves its marker no room. */
const longestHidden = 251;
const markerPrefix = ".wh.";
const copyModeMask = 0o7777;

export interface FilesParts {
  readonly paths: MountPaths;
  readonly durability: Durability;
  readonly keepAside: (path: OverlayPath, what: "delete" | "replaced") => Promise<unknown>;
  /** Resolves when nothing of what lies below is found in a folder that was made (veil.ts). */
  readonly veiled: (path: OverlayPath) => Promise<void>;
  /** Whether a path is there and nothing of it is in the upper. */
  readonly isLower: (path: OverlayPath) => Promise<boolean>;
}

/** One call of the system, its fault told of the physical path. */
export async function call<T>(name: string, physical: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Refusal ? error : nodeFault(error, name, physical);
  }
}

export class MountedFiles {
  constructor(private readonly parts: FilesParts) {}

  private get paths(): MountPaths {
    return this.parts.paths;
  }

  /** Where something is to be changed. @throws Refusal EROFS outside of the overlay. */
  private async inside(path: OverlayPath, follow: boolean): Promise<Found & { readonly path: OverlayPath }> {
    const found = await this.paths.find(path, follow);
    if (found.path === undefined) throw new Refusal("EROFS", `it leads out of the overlay, to '${found.physical}', where nothing is changed`);
    return { physical: found.physical, path: found.path };
  }

  /** The same for a name that may come to be. */
  private async toMake(path: OverlayPath, follow = false): Promise<Found & { readonly path: OverlayPath }> {
    const found = await this.inside(path, follow);
    if (baseName(found.path).startsWith(markerPrefix)) throw new Refusal("EINVAL", `names that start with '${markerPrefix}' are kept for the overlay's own markers`);
    return found;
  }

  private async toDrop(path: OverlayPath): Promise<Found & { readonly path: OverlayPath }> {
    const found = await this.inside(path, false);
    const bytes = byteLength(baseName(found.path));
    if (bytes > longestHidden && bytes <= 255 && (await exists(found.physical))) throw new Refusal("ENAMETOOLONG", "a name of more than 251 bytes cannot be hidden while the overlay is mounted");
    return found;
  }

  async lstat(path: OverlayPath, follow: boolean): Promise<{ readonly stat: LayerStat; readonly found: Found }> {
    const found = await this.paths.find(path, follow);
    return { stat: toLayerStat(await call("lstat", found.physical, () => fs.lstat(found.physical))), found };
  }

  async readDirectory(path: OverlayPath): Promise<OverlayDirent[]> {
    const { physical } = await this.paths.find(path, true);
    const entries = await call("readdir", physical, () => fs.readdir(physical, { withFileTypes: true }));
    return entries.map((entry) => ({ name: entry.name, type: typeOfDirent(entry) }));
  }

  async readFile(path: OverlayPath): Promise<Uint8Array> {
    const { physical } = await this.paths.find(path, true);
    await refuseSpecial(physical);
    return call("open", physical, () => fs.readFile(physical));
  }

  async readlink(path: OverlayPath): Promise<string> {
    const { physical } = await this.paths.find(path, false);
    return call("readlink", physical, () => fs.readlink(physical));
  }

  async writeFile(path: OverlayPath, data: Uint8Array | string, options: WriteFileOptions): Promise<void> {
    const { create = true, overwrite = true, mode = 0o666, signal } = options;
    const { physical } = await this.toMake(path, true);
    const old = await fs.lstat(physical).catch(() => undefined);
    if (old?.isDirectory() === true) throw new Refusal("EISDIR");
    if (old !== undefined && !overwrite) throw new Refusal("EEXIST");
    if (old === undefined && !create) throw new Refusal("ENOENT");
    await refuseSpecial(physical);
    if (old === undefined || old.nlink > 1) {
      // A new name, or one that others share: there is nothing to replace.
      const file = await call("open", physical, () => fs.open(physical, old === undefined ? "wx" : "r+", mode));
      await this.fill(physical, file, data, signal, old === undefined ? () => fs.unlink(physical) : undefined, old !== undefined);
      return;
    }
    const staged = join(dirname(physical), stagedName());
    const file = await call("open", staged, () => fs.open(staged, "wx", 0o600));
    await this.fill(staged, file, data, signal, () => fs.unlink(staged), false, async () => {
      await like(staged, old, old);
      await call("rename", physical, () => fs.rename(staged, physical));
    });
  }

  private async fill(
    physical: string, file: fs.FileHandle, data: Uint8Array | string, signal: CancelSignal | undefined, discard: (() => Promise<void>) | undefined, truncate: boolean,
    publish?: () => Promise<void>,
  ): Promise<void> {
    try {
      try {
        if (truncate) await call("ftruncate", physical, () => file.truncate(0));
        checkCancelled(signal);
        await call("write", physical, () => file.writeFile(data));
        if (this.parts.durability !== "none") await call("fsync", physical, () => file.sync());
      } finally {
        // What the system could not write it may say only now.
        await call("close", physical, () => file.close());
      }
      checkCancelled(signal);
      await publish?.();
    } catch (error) {
      await discard?.().catch(() => undefined);
      throw error;
    }
  }

  async append(path: OverlayPath, data: Uint8Array | string, mode: number): Promise<void> {
    const { physical } = await this.toMake(path, true);
    await refuseSpecial(physical);
    await call("open", physical, () => fs.appendFile(physical, data, { mode }));
  }

  async truncate(path: OverlayPath, size: number): Promise<void> {
    const { physical } = await this.inside(path, true);
    if (!(size >= 0)) throw new Refusal("EINVAL");
    await refuseSpecial(physical);
    await call("truncate", physical, () => fs.truncate(physical, size));
  }

  async createDirectory(path: OverlayPath, mode: number): Promise<void> {
    const { physical, path: at } = await this.toMake(path);
    if (path === "/") throw new Refusal("EEXIST");
    await call("mkdir", physical, async () => { await fs.mkdir(physical, { mode }); });
    await this.parts.veiled(at);
  }

  async unlink(path: OverlayPath): Promise<void> {
    if (path === "/") throw new Refusal("EISDIR");
    const { physical, path: at } = await this.toDrop(path);
    await call("unlink", physical, () => fs.unlink(physical));
    await this.mend(at);
  }

  async rmdir(path: OverlayPath): Promise<void> {
    if (path === "/") throw new Refusal("EBUSY");
    const { physical, path: at } = await this.toDrop(path);
    await call("rmdir", physical, () => fs.rmdir(physical));
    await this.mend(at);
  }

  async remove(path: OverlayPath, recursive: boolean): Promise<void> {
    if (path === "/") throw new Refusal("EBUSY");
    const { physical, path: at } = await this.toDrop(path);
    const stat = await call("lstat", physical, () => fs.lstat(physical));
    if (stat.isDirectory() && !recursive && (await call("readdir", physical, () => fs.readdir(physical))).length > 0) throw new Refusal("ENOTEMPTY");
    await this.parts.keepAside(at, "delete");
    await this.drop(physical);
    await this.mend(at);
  }

  /** fuse-overlayfs (1.10) forgets that something lay below: what was deleted or moved away is there again, as the lower has it. */
  private async mend(path: OverlayPath): Promise<void> {
    const physical = this.paths.physical(path);
    if ((await exists(physical)) && (await this.parts.isLower(path))) await fs.rm(physical, { recursive: true, force: true });
  }

  private async drop(physical: string): Promise<void> {
    await call("rm", physical, () => fs.rm(physical, { recursive: true }));
  }

  async rename(from: OverlayPath, to: OverlayPath, options: Cancellable & { readonly overwrite?: boolean }): Promise<void> {
    if (from === "/" || to === "/") throw new Refusal("EBUSY");
    const source = await this.toDrop(from);
    const target = await this.toMake(to);
    const stat = await call("lstat", source.physical, () => fs.lstat(source.physical));
    if (options.overwrite === false && (await exists(target.physical))) throw new Refusal("EEXIST");
    if (source.path === target.path) return;
    // fuse-overlayfs loses its way over an empty folder that a lower layer has.
    if (stat.isDirectory() && !isWithin(target.path, source.path) && !isWithin(source.path, target.path) && (await isEmptyFolder(target.physical))) await call("rmdir", target.physical, () => fs.rmdir(target.physical));
    try {
      await fs.rename(source.physical, target.physical);
    } catch (error) {
      // fuse-overlayfs moves no folder that a lower layer has: it is copied, and the copy takes its place.
      if (errnoOf(error) !== "EXDEV" || !stat.isDirectory()) throw nodeFault(error, "rename", source.physical);
      if (isWithin(target.path, source.path)) throw new Refusal("EINVAL");
      await this.refuseFull(target.physical);
      await this.copyTo(source.physical, target.physical, options.signal, true);
      await this.drop(source.physical);
    }
    await this.mend(source.path);
    if (stat.isDirectory()) await this.parts.veiled(target.path);
  }

  /** A folder takes the place of an empty one, and of nothing else. */
  private async refuseFull(physical: string): Promise<void> {
    const over = await fs.lstat(physical).catch(() => undefined);
    if (over === undefined) return;
    if (!over.isDirectory()) throw new Refusal("ENOTDIR");
    if ((await call("readdir", physical, () => fs.readdir(physical))).length > 0) throw new Refusal("ENOTEMPTY");
  }

  async copy(from: OverlayPath, to: OverlayPath, options: Cancellable & { readonly overwrite?: boolean }): Promise<void> {
    const source = await this.paths.find(from, false);
    if (source.path === undefined) throw new Refusal("EROFS", "it leads out of the overlay: what is there is read, not copied");
    const stat = await call("lstat", source.physical, () => fs.lstat(source.physical));
    const target = await this.toMake(to, !stat.isDirectory() && !stat.isSymbolicLink());
    const over = await fs.lstat(target.physical).catch(() => undefined);
    if (over !== undefined) {
      if (options.overwrite !== true || stat.isSymbolicLink()) throw new Refusal("EEXIST");
      if (source.path === target.path) throw new Refusal("EINVAL");
      if (stat.isDirectory() && !over.isDirectory()) throw new Refusal("ENOTDIR");
      if (!stat.isDirectory() && over.isDirectory()) throw new Refusal("EISDIR");
    }
    if (!stat.isDirectory() && over !== undefined) return this.writeFile(target.path, await fs.readFile(source.physical), { ...options, overwrite: true });
    if (stat.isDirectory() && isWithin(target.path, source.path)) throw new Refusal("EINVAL");
    if (over?.isDirectory() === true) {
      if (isWithin(source.path, target.path)) throw new Refusal("ENOTEMPTY");
      await this.parts.keepAside(target.path, "replaced");
    }
    await this.copyTo(source.physical, target.physical, options.signal);
    if (stat.isDirectory()) await this.parts.veiled(target.path);
  }

  /** A copy that appears whole; what is in its place goes. */
  private async copyTo(source: string, target: string, signal: CancelSignal | undefined, moved = false): Promise<void> {
    const staged = join(dirname(target), stagedName());
    try {
      await copyTree(source, staged, signal, moved);
      const over = await fs.lstat(target).catch(() => undefined);
      if (over?.isDirectory() === true) await this.drop(target);
      await call("rename", target, () => fs.rename(staged, target));
    } catch (error) {
      await fs.rm(staged, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
  }

  async symlink(target: string, path: OverlayPath): Promise<void> {
    const { physical } = await this.toMake(path);
    await call("symlink", physical, () => fs.symlink(target, physical));
  }

  async link(existing: OverlayPath, path: OverlayPath): Promise<void> {
    const source = await this.inside(existing, false);
    const { physical } = await this.toMake(path);
    await call("link", physical, () => fs.link(source.physical, physical));
  }

  async chmod(path: OverlayPath, mode: number): Promise<void> {
    const { physical } = await this.inside(path, true);
    await call("chmod", physical, () => fs.chmod(physical, mode));
  }

  async utimes(path: OverlayPath, atimeMs: number, mtimeMs: number): Promise<void> {
    const { physical } = await this.inside(path, true);
    await call("utimes", physical, () => fs.utimes(physical, utimesArgument(atimeMs), utimesArgument(mtimeMs)));
  }

  /** A change that changes nothing makes the copy. */
  async copyUp(path: OverlayPath): Promise<void> {
    const { physical } = await this.inside(path, true);
    const { mode } = await call("stat", physical, () => fs.stat(physical));
    await call("chmod", physical, () => fs.chmod(physical, mode & copyModeMask));
  }

  async open(path: OverlayPath, flags: string | number, mode: number, writes: boolean): Promise<{ readonly file: fs.FileHandle; readonly found: Found }> {
    const found = writes ? await this.toMake(path, true) : await this.paths.find(path, true);
    await refuseSpecial(found.physical, true);
    return { file: await call("open", found.physical, () => fs.open(found.physical, flags, mode)), found };
  }

  /** Puts a whole file in the place of whatever file is there, with its mode and times. For resets. */
  async put(path: OverlayPath, data: Uint8Array, as: LayerStat): Promise<void> {
    const { physical } = await this.inside(path, false);
    await fs.mkdir(this.paths.physical(parentPath(path)), { recursive: true });
    const staged = join(dirname(physical), stagedName());
    try {
      await call("write", staged, () => fs.writeFile(staged, data, { flag: "wx", mode: 0o600, flush: this.parts.durability !== "none" }));
      await fs.chown(staged, as.uid, as.gid).catch(() => undefined); // as far as we may
      await call("chmod", staged, () => fs.chmod(staged, as.mode));
      await call("utimes", staged, () => fs.utimes(staged, utimesArgument(as.atimeMs), utimesArgument(as.mtimeMs)));
      await call("rename", physical, () => fs.rename(staged, physical));
    } catch (error) {
      await fs.unlink(staged).catch(() => undefined);
      throw error;
    }
  }

  /** Away with it, whatever it is, without keeping it. For resets. */
  async discard(path: OverlayPath): Promise<void> {
    const { physical, path: at } = await this.toDrop(path);
    await this.drop(physical);
    await this.mend(at);
  }
}

/** A name that says what it is to who meets it, and that no tool takes for source. */
function stagedName(): string {
  return `.overlay-${randomBytes(6).toString("hex")}.tmp`;
}

/** @param owner whose it is: what takes the place of something, or was moved, is whose that was; a copy is its maker's. */
async function like(physical: string, old: Stats, owner: Stats, times = false): Promise<void> {
  await fs.chown(physical, owner.uid, owner.gid).catch(() => undefined); // as far as we may
  await call("chmod", physical, () => fs.chmod(physical, old.mode & copyModeMask));
  if (times) await call("utimes", physical, () => fs.utimes(physical, old.atimeMs / 1000, utimesArgument(old.mtimeMs)));
}

async function isEmptyFolder(physical: string): Promise<boolean> {
  return fs.readdir(physical).then((names) => names.length === 0, () => false);
}

async function exists(physical: string): Promise<boolean> {
  return fs.lstat(physical).then(() => true, () => false);
}

/** A pipe would wait for its other end. @throws Refusal EINVAL, EISDIR. */
async function refuseSpecial(physical: string, directories = false): Promise<void> {
  const stat = await fs.lstat(physical).catch(() => undefined);
  if (stat === undefined || stat.isFile()) return;
  if (stat.isDirectory()) {
    if (directories) throw new Refusal("EISDIR");
  } else if (!stat.isSymbolicLink()) throw new Refusal("EINVAL");
}

function checkCancelled(signal: CancelSignal | undefined): void {
  if (signal?.aborted === true) throw new Refusal("ECANCELED");
}

/** @param moved it is the same thing under another name: its times go with it. */
async function copyTree(from: string, to: string, signal: CancelSignal | undefined, moved: boolean): Promise<void> {
  checkCancelled(signal);
  const stat = await call("lstat", from, () => fs.lstat(from));
  if (stat.isSymbolicLink()) {
    await call("symlink", to, async () => { await fs.symlink(await fs.readlink(from), to); });
    if (moved) await call("utimes", to, () => fs.lutimes(to, stat.atimeMs / 1000, utimesArgument(stat.mtimeMs)));
    return;
  }
  if (!stat.isDirectory()) {
    if (!stat.isFile()) throw new Refusal("ENOTSUP", "it is neither file, folder nor link, and cannot be copied");
    const own = await call("open", to, () => makeFile(to));
    await call("copyfile", to, () => fs.copyFile(from, to)); // which gives it the other's owner, with newer Nodes
    await like(to, stat, moved ? stat : own, moved);
    return;
  }
  await call("mkdir", to, () => fs.mkdir(to, { mode: 0o700 }));
  const own = await call("lstat", to, () => fs.lstat(to));
  for (const name of await call("readdir", from, () => fs.readdir(from))) await copyTree(join(from, name), join(to, name), signal, moved);
  await like(to, stat, moved ? stat : own, moved);
}

/** What the system says of whose a new file is. */
async function makeFile(path: string): Promise<Stats> {
  const file = await fs.open(path, "wx", 0o600);
  try {
    return await file.stat();
  } finally {
    await file.close();
  }
}
