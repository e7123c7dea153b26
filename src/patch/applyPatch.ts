/**
 * A whole patch against a tree, by the rules of `git apply`: renames and copies take their source as it was before the
 * patch, other entries build on the earlier ones of the same file, a name that is taken away is free for another file,
 * wherever in the patch that is said. Of a series of commits each one starts where the one before ended. Nothing is
 * written here: the caller gets the changes, or one error that lists every entry that does not apply.
 */
import { applyEntry } from "./applyEntry.js";
import { equal } from "./bytes.js";
import { type Failure, PatchApplyError } from "./errors.js";
import { parsePatch } from "./parse.js";
import { type Codec, type Entry, type FileMode, type FileState, symlink } from "./types.js";

/** The tree that a patch is applied to. */
export interface PatchBase {
  /**
   * A file or a symbolic link, without following one; undefined where nothing is. A directory may be given as undefined
   * too: then a file that the patch creates in its place is found out by the caller.
   * @throws anything; it ends the application and reaches the caller as it is.
   */
  read(path: string): Promise<FileState | "directory" | undefined>;
}

/**
 * What the tree's owner has to do. Every path that goes away or is moved from means the tree before, so all of these
 * are taken away first, and then all others are put; that allows two files to change names.
 */
export type PatchChange =
  | { readonly kind: "delete"; readonly path: string }
  /** A new file, or another content (and mode) of one. */
  | { readonly kind: "write"; readonly path: string; readonly mode: FileMode; readonly content: Uint8Array; readonly isNew: boolean }
  | { readonly kind: "mode"; readonly path: string; readonly mode: FileMode }
  /** Something at `path` that is not moved itself has a "delete" of its own. */
  | { readonly kind: "rename"; readonly from: string; readonly path: string; readonly mode: FileMode; readonly content: Uint8Array; readonly isEdited: boolean };

/** Parses and applies. @throws PatchError, PatchApplyError, and what `base` throws. */
export async function applyPatch(patch: Uint8Array, base: PatchBase, codec: Codec): Promise<PatchChange[]> {
  return applyEntries(parsePatch(patch), base, codec);
}

/** @returns the changes: deletions, then the others by path. @throws PatchApplyError, and what `base` throws. */
export async function applyEntries(entries: readonly Entry[], base: PatchBase, codec: Codec): Promise<PatchChange[]> {
  const tree = new Patched(base);
  for (let first = 0; first < entries.length;) {
    const part = entries[first]?.part;
    const end = entries.findIndex((entry, n) => n > first && entry.part !== part);
    const step = new Step(tree, entries.slice(first, end < 0 ? undefined : end), codec);
    tree.take(await step.run());
    first = end < 0 ? entries.length : end;
  }
  return tree.changes();
}

/** A file of the tree as it is now, and which file of the tree before it was. */
interface Now extends FileState {
  readonly origin?: string;
}

/** The tree with what was applied so far. */
class Patched {
  private readonly before = new Map<string, FileState | "directory" | undefined>();
  private readonly now = new Map<string, Now | undefined>();

  /** Folders in which something was taken away or put. */
  private readonly touched = new Set<string>();

  constructor(private readonly base: PatchBase) {}

  async read(path: string): Promise<Now | "directory" | undefined> {
    const known = this.now.get(path);
    if (known !== undefined) return known;
    if (this.touched.has(path)) {
      const inside = [...this.now].filter(([other]) => other.startsWith(`${path}/`));
      if (inside.some(([, state]) => state !== undefined)) return "directory";
      // What else is in it, the base cannot say; it may be empty, and git has no empty folders.
      if (inside.length > 0 && (this.now.has(path) || (await this.readBefore(path)) === "directory")) return undefined;
    }
    return this.now.has(path) ? undefined : this.readBefore(path);
  }

  private async readBefore(path: string): Promise<Now | "directory" | undefined> {
    if (!this.before.has(path)) this.before.set(path, await this.base.read(path));
    const before = this.before.get(path);
    return before === undefined || before === "directory" ? before : { ...before, origin: path };
  }

  take(step: ReadonlyMap<string, Now | undefined>): void {
    for (const [path, state] of step) {
      this.now.set(path, state);
      for (const folder of foldersOf(path)) this.touched.add(folder);
    }
  }

  changes(): PatchChange[] {
    const paths = [...this.now.keys()].sort();
    const moved = this.moved(paths);
    const leaving = new Set(moved.values());
    const deletions: PatchChange[] = [];
    const others: PatchChange[] = [];
    for (const path of paths) {
      const now = this.now.get(path);
      const from = moved.get(path);
      const left = leaving.has(path) ? undefined : this.fileBefore(path);
      if (left !== undefined && (now === undefined || from !== undefined)) deletions.push({ kind: "delete", path });
      if (now === undefined) continue;
      const change = from === undefined ? inPlace(path, left, now) : this.renamed(path, from, now);
      if (change !== undefined) others.push(change);
    }
    return [...deletions, ...others];
  }

  /** Where each renamed file comes from. One that was renamed twice has one heir; the other is new. */
  private moved(paths: readonly string[]): Map<string, string> {
    const moved = new Map<string, string>();
    const taken = new Set<string>();
    for (const path of paths) {
      const origin = this.now.get(path)?.origin;
      if (origin === undefined || origin === path || taken.has(origin) || this.now.get(origin)?.origin === origin) continue;
      taken.add(origin);
      moved.set(path, origin);
    }
    return moved;
  }

  private fileBefore(path: string): FileState | undefined {
    const before = this.before.get(path);
    return before === "directory" ? undefined : before;
  }

  private renamed(path: string, from: string, { mode, content }: Now): PatchChange {
    const before = this.fileBefore(from);
    return { kind: "rename", from, path, mode, content, isEdited: before === undefined || !equal(before.content, content) };
  }
}

function inPlace(path: string, before: FileState | undefined, { mode, content }: Now): PatchChange | undefined {
  if (before === undefined || (before.mode === symlink) !== (mode === symlink) || !equal(before.content, content)) {
    return { kind: "write", path, mode, content, isNew: before === undefined };
  }
  return before.mode === mode ? undefined : { kind: "mode", path, mode };
}

/** The entries of one commit, all or nothing. */
class Step {
  private readonly removed = new Set<string>();
  private readonly written = new Map<string, Now>();
  /** Names that some entry takes away, also one that is still to come. */
  private readonly leaving: ReadonlySet<string>;
  private readonly failures: Failure[] = [];

  constructor(private readonly tree: Patched, private readonly entries: readonly Entry[], private readonly codec: Codec) {
    this.leaving = new Set(entries.filter(({ kind }) => kind === "delete" || kind === "rename").map(({ oldPath }) => oldPath));
  }

  /** @returns what stands at the names that were touched. @throws PatchApplyError */
  async run(): Promise<ReadonlyMap<string, Now | undefined>> {
    for (const entry of this.entries) {
      const failure = await this.one(entry);
      if (failure !== undefined) this.failures.push(failure);
    }
    const result = new Map<string, Now | undefined>([...[...this.removed].map((path) => [path, undefined] as const), ...this.written]);
    if (this.failures.length === 0) await this.checkPlaces(result);
    if (this.failures.length > 0) throw new PatchApplyError(this.failures);
    return result;
  }

  private async one(entry: Entry): Promise<Failure | undefined> {
    const failed = (reason: string): Failure => ({ path: entry.oldPath, line: entry.line, reason });
    const found = await this.source(entry);
    if (typeof found === "string") return failed(found);
    const applied = await applyEntry(entry, found.content, this.codec);
    if (applied.kind === "failed") {
      const { reason, line, hunk } = applied;
      return { path: entry.oldPath, line, reason, ...(hunk !== undefined && { hunk }) };
    }
    if (entry.kind === "delete" && applied.content.length > 0) return failed("the patch deletes it, but something of its content is left");
    if (entry.kind === "rename" || entry.kind === "copy") {
      const taken = await this.refuseTaken(entry.newPath);
      if (taken !== undefined) return { path: entry.newPath, line: entry.line, reason: taken };
    }
    if (entry.kind === "delete" || entry.kind === "rename") this.removed.add(entry.oldPath);
    if (entry.kind === "delete") this.written.delete(entry.oldPath);
    else this.written.set(entry.newPath, this.result(entry, found, applied.content));
    return undefined;
  }

  private result(entry: Entry, { mode, origin }: Now, content: Uint8Array): Now {
    const follows = origin !== undefined && entry.kind !== "copy" && entry.kind !== "create";
    return { mode: entry.newMode ?? mode, content, ...(follows && { origin }) };
  }

  /** What an entry starts from, or why it cannot. */
  private async source(entry: Entry): Promise<Now | string> {
    const path = entry.oldPath;
    if (entry.kind === "create") return (await this.refuseTaken(path)) ?? { mode: 0o100644, content: new Uint8Array() };
    const beyond = await this.standsBeyond(path);
    if (beyond !== undefined) return beyond;
    const apart = entry.kind === "rename" || entry.kind === "copy";
    const earlier = apart ? undefined : this.written.get(path);
    if (earlier === undefined && !apart && this.removed.has(path)) return "it is gone: an earlier part of the patch took it away";
    const found = earlier ?? (await this.tree.read(path));
    if (found === undefined) return mayCreate(entry) ? { mode: 0o100644, content: new Uint8Array() } : "it does not exist";
    if (found === "directory") return "it is a folder";
    const isLink = found.mode === symlink;
    if (entry.oldMode === undefined ? isLink && entry.body.kind !== "none" : isLink !== (entry.oldMode === symlink)) {
      return isLink ? "it is a symbolic link, and the patch is for a file" : "it is a file, and the patch is for a symbolic link";
    }
    return found;
  }

  private async refuseTaken(path: string): Promise<string | undefined> {
    if (this.written.has(path)) return "the patch creates it twice";
    if (this.leaving.has(path)) return undefined;
    const found = await this.tree.read(path);
    if (found === undefined) return undefined;
    if (found !== "directory") return "it already exists";
    return [...this.leaving].some((left) => left.startsWith(`${path}/`)) ? undefined : "a folder of this name already exists";
  }

  /** What is reached through a symbolic link is another place, perhaps outside the tree. */
  private async standsBeyond(path: string): Promise<string | undefined> {
    for (const folder of foldersOf(path)) {
      const found = await this.tree.read(folder);
      if (found !== undefined && found !== "directory") return inTheWay(folder, found);
    }
    return undefined;
  }

  /** Every file that was written needs folders above it, after all that the patch does. */
  private async checkPlaces(result: ReadonlyMap<string, Now | undefined>): Promise<void> {
    for (const [path, state] of result) {
      if (state === undefined) continue;
      for (const folder of foldersOf(path)) {
        const found = result.has(folder) ? result.get(folder) : await this.tree.read(folder);
        if (found === undefined || found === "directory") continue;
        const line = this.entries.findLast((entry) => entry.newPath === path)?.line ?? 1;
        this.failures.push({ path, line, reason: inTheWay(folder, found) });
        break;
      }
    }
  }
}

function inTheWay(folder: string, { mode }: FileState): string {
  return mode === symlink ? `it is beyond the symbolic link '${folder}'` : `'${folder}' is a file, not a folder`;
}

/** A plain diff does not say that it creates a file: one that has no old lines does, where there is none. */
function mayCreate({ plain, kind, body }: Entry): boolean {
  return plain && kind === "modify" && body.kind === "text" && body.hunks.every(({ oldLines }) => oldLines === 0);
}

/** "a/b/c" is in "a" and "a/b". */
function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) folders.push(path.slice(0, at));
  return folders;
}
