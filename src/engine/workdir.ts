/**
 * Staging: everything that takes time or can fail halfway is made under work/, where nothing is visible, and appears by
 * one link or rename. INV-11: what was staged is discarded in every outcome but success. What a crash leaves in work/
 * is swept by the next owner. Takes no lock; publish is called under the parent's lock, which guards the name.
 */
import { Semaphore } from "async-mutex";
import { isCode } from "./errors.js";
import type { Env, LowerLayer, ScratchLayer, WriteHandle } from "./layer.js";
import type { Durability, EntryType, Fingerprint, LayerStat } from "./types.js";

/** How many data copies, and how many other writes, have files open at once: descriptors and buffers are finite. */
const copySlots = 16;
const writeSlots = 64;

export class Workdir {
  private readonly copies = new Semaphore(copySlots);
  private readonly writes = new Semaphore(writeSlots);
  /** Whether this filesystem has hard links; found out by the first that fails. */
  private hardLinks = true;

  constructor(private readonly scratch: ScratchLayer, private readonly env: Env, private readonly durability: Durability) {}

  /** Runs a data copy when it is its turn. Never asked for with a lock held, so that who waits here holds up nobody. */
  copying<T>(copy: () => Promise<T>): Promise<T> {
    return this.copies.runExclusive(copy);
  }

  /** The same for what writes a file: large copies do not hold up small saves. */
  writing<T>(write: () => Promise<T>): Promise<T> {
    return this.writes.runExclusive(write);
  }

  /** A fresh name in work/. */
  temp(): string {
    return `work/${this.env.id()}`;
  }

  /** Makes a staged file: `fill` writes it; it is synced as the durability says. Discarded when anything fails. */
  async stageFile(mode: number, fill: (file: WriteHandle) => Promise<void>): Promise<string> {
    const path = this.temp();
    const file = await this.scratch.create(path, mode);
    try {
      try {
        await fill(file);
        if (this.durability !== "none") await file.sync();
      } finally {
        await file.close();
      }
      return path;
    } catch (error) {
      await this.discard(path);
      throw error;
    }
  }

  /** A small staged file that is on the disk whatever the durability: a marker whose content matters. */
  async stageSynced(content: Uint8Array): Promise<string> {
    return this.stageFile(0o644, async (file) => {
      await file.write(content, 0);
      if (this.durability === "none") await file.sync();
    });
  }

  /**
   * Gives a staged file or symlink its name, and the staged name up. The target name is free: its parent's lock is
   * held and the tree says so. link() rather than rename(), because it fails where the tree would be wrong.
   * @throws LayerError EEXIST when the disk has the name after all, ENOENT when the parent went.
   */
  async publish(staged: string, target: string): Promise<void> {
    if (this.hardLinks) {
      try {
        await this.scratch.link(staged, target);
      } catch (error) {
        if (isCode(error, "ENOTSUP")) {
          this.hardLinks = false;
          this.env.log("info", "the scratch folder's filesystem has no hard links: publishing by rename");
          await this.publishByRename(staged, target);
          return;
        }
        // A success whose answer was lost (NFS): the staged file has its second name.
        if (!isCode(error, "EEXIST") || (await this.scratch.lstat(staged)).nlink !== 2) throw error;
      }
      // Still under the lock, so that nobody ever sees a link count of two.
      await this.discard(staged);
      return;
    }
    await this.publishByRename(staged, target);
  }

  /**
   * Publishes a copy if the lower entry still is what was copied, where the scratch can do that in one step.
   * @returns undefined where it cannot: nothing is done then.
   * @throws LayerError as publish.
   */
  async publishInOneStep(staged: string, target: string, from: LowerLayer, fromPath: string, print: Fingerprint): Promise<"published" | "changed" | undefined> {
    if (!this.hardLinks) return undefined;
    try {
      const outcome = await this.scratch.publishCopy?.(staged, target, from, fromPath, print);
      if (outcome !== "linked") return outcome;
      await this.discard(staged);
      return "published";
    } catch (error) {
      if (isCode(error, "ENOTSUP", "EEXIST")) return undefined; // by hand, which knows what these two may mean
      throw error;
    }
  }

  private async publishByRename(staged: string, target: string): Promise<void> {
    await this.scratch.rename(staged, target);
  }

  /** Removes a staged file or symlink if it is still there. Never fails: the next sweep gets what stays. */
  async discard(staged: string): Promise<void> {
    try {
      await this.scratch.unlink(staged);
    } catch (error) {
      if (!isCode(error, "ENOENT")) this.env.log("warn", `could not remove ${staged}: ${String(error)}`);
    }
  }

  /** Removes a tree in the scratch, whatever its directories' modes. Never fails. */
  async discardTree(path: string): Promise<void> {
    try {
      await this.removeTree(path);
    } catch (error) {
      if (!isCode(error, "ENOENT")) this.env.log("warn", `could not remove ${path}: ${String(error)}`);
    }
  }

  private async removeTree(path: string): Promise<void> {
    const { type, mode } = await this.scratch.lstat(path);
    if (type !== "directory") {
      await this.scratch.unlink(path);
      return;
    }
    if (!this.scratch.privileged && (mode & 0o700) !== 0o700) await this.scratch.chmod(path, 0o700);
    const { entries } = await this.scratch.readDirectory(path);
    for (const { name } of entries) await this.removeTree(`${path}/${name}`);
    await this.scratch.removeDirectory(path);
  }

  /**
   * Empties work/ of what a crash left. Files go at once (a published file must not keep a second name); directories
   * are only collected: the caller removes them when nobody waits.
   */
  async sweep(): Promise<string[]> {
    const { entries } = await this.scratch.readDirectory("work");
    const later: string[] = [];
    for (const { name, type } of entries) {
      if (type === "directory") later.push(`work/${name}`);
      else await this.discard(`work/${name}`);
    }
    return later;
  }

  /** With durability `full`, forces changed directories to the disk. Called without any lock. */
  async syncDirectories(...directories: readonly string[]): Promise<void> {
    if (this.durability !== "full") return;
    for (const directory of new Set(directories)) {
      try {
        await this.scratch.syncDirectory(directory);
      } catch (error) {
        // Moved, deleted or replaced meanwhile: whoever did that syncs it. Or its mode forbids its owner to read it.
        if (!isCode(error, "ENOENT", "ENOTDIR", "EACCES")) throw error;
      }
    }
  }

  /**
   * Changes the mode or times of an upper entry. Returns what, with durability `full`, forces that to the disk: to be
   * called without any lock.
   */
  async changeAttributes(path: string, type: EntryType, change: () => Promise<void>): Promise<() => Promise<void>> {
    const isFile = this.durability === "full" && type === "file";
    // The old mode or the new one may forbid its owner to open it; a program that runs cannot be opened at all.
    let file = isFile ? await this.openIfAllowed(path) : undefined;
    try {
      await change();
    } catch (error) {
      await file?.close();
      throw error;
    }
    if (type === "directory") return () => this.syncDirectories(path);
    if (isFile) file ??= await this.openIfAllowed(path);
    return async () => {
      try {
        await file?.sync();
      } finally {
        await file?.close();
      }
    };
  }

  private async openIfAllowed(path: string): Promise<WriteHandle | undefined> {
    try {
      return await this.scratch.openWrite(path, {});
    } catch (error) {
      this.env.log("debug", `not synced: ${String(error)}`);
      return undefined;
    }
  }

  /** Whether we, its owner, may not change the entries of a directory. */
  isLocked(directory: LayerStat): boolean {
    return !this.scratch.privileged && (directory.mode & 0o300) !== 0o300;
  }

  /**
   * Runs `change` on the entries of an upper directory that its owner may not write to (0555, as in a module cache),
   * giving u+w for the moment of the change. With `keepTimes` the directory's times are as before afterwards.
   * The caller holds the directory's mutex, or the namespace lock exclusively.
   * @param known what an lstat of the directory has said under the same lock.
   */
  async inside<T>(directory: string, keepTimes: boolean, change: () => Promise<T>, known?: LayerStat): Promise<T> {
    if (this.scratch.privileged && !keepTimes) return change();
    const before = known ?? (await this.scratch.lstat(directory));
    const locked = this.isLocked(before);
    if (locked) await this.scratch.chmod(directory, before.mode | 0o700);
    try {
      return await change();
    } finally {
      if (locked) await this.quietly(this.scratch.chmod(directory, before.mode));
      if (keepTimes) await this.quietly(this.scratch.utimes(directory, before.atimeMs, before.mtimeMs));
    }
  }

  /**
   * Renames a directory. One that its owner may not write to (0555) is writable for that moment, because its ".."
   * changes. The mode is put back at the new place, or at the old one when the rename fails.
   */
  async moveDirectory(from: string, to: string): Promise<void> {
    if (this.scratch.privileged) return this.scratch.rename(from, to);
    const { mode } = await this.scratch.lstat(from);
    if ((mode & 0o200) !== 0) return this.scratch.rename(from, to);
    await this.scratch.chmod(from, mode | 0o200);
    let at = from;
    try {
      await this.scratch.rename(from, to);
      at = to;
    } finally {
      await this.quietly(this.scratch.chmod(at, mode));
    }
  }

  /** Moves an upper entry to where it can be brought back from. One rename. Returns where it is now. */
  async moveToTrash(path: string, directory: boolean, id = this.env.id()): Promise<string> {
    const slot = `trash/${id}`;
    if (directory) await this.moveDirectory(path, slot);
    else await this.scratch.rename(path, slot);
    return slot;
  }

  /** What is put back after a change: worth a word in the log, not the failure of what was done. */
  private async quietly(step: Promise<void>): Promise<void> {
    try {
      await step;
    } catch (error) {
      this.env.log("warn", String(error));
    }
  }
}
