/**
 * A git-format patch into the overlay, all or nothing. The whole patch is worked out in memory first. Then each step
 * leaves behind how it is taken back: what only a lower has comes back by a reset, what upper has is set aside in a
 * folder of the overlay until all is done. So taking back needs no space, and a full disk loses nothing.
 */
import { isUtf8 } from "node:buffer";
import { randomBytes } from "node:crypto";
import { applyPatch, type FileMode, gitRefuses, PatchApplyError, type PatchBase, type PatchChange, PatchError } from "../patch/index.js";
import { nodeCodec } from "../patch/node.js";
import { isCode, OverlayError } from "../engine/index.js";
import { checkCancelled } from "./cancel.js";
import { foldersAbove, isWithin } from "./difference.js";
import type { CarryOptions, Carried } from "./types.js";

export interface ImportReport {
  /** Overlay paths, each in one list; of a rename the new one. */
  readonly created: readonly string[];
  readonly modified: readonly string[];
  readonly deleted: readonly string[];
  readonly renamed: readonly { readonly from: string; readonly path: string }[];
  /** Things of the import's own that could not be cleared away; all else is done. */
  readonly leftBehind: readonly string[];
}

/**
 * Progress counts files. Folders that lose their last file go, as with `git apply`.
 * @throws OverlayError: EINVAL for what is no patch, does not fit the files, or leads where no patch may (its reason names
 * the line, the file, and what is wrong); EROFS for a read-only overlay; ECANCELED; or the fault that ended the writing.
 * After each of them the overlay is as it was; where even that failed, the reason says what is left.
 */
export async function importPatch(overlay: Carried, patch: Uint8Array, options: CarryOptions = {}): Promise<ImportReport> {
  if (!overlay.writable) throw new OverlayError("EROFS", "importPatch", "/", { reason: "the overlay is read-only here" });
  const changes = await workedOut(overlay, patch, options);
  checkCancelled(options.signal, "importPatch");
  const steps = new Steps(overlay);
  try {
    await carryOut(overlay, changes, steps, options);
  } catch (error) {
    throw await takenBack(steps, error);
  }
  return { ...reportOf(changes), leftBehind: await steps.finish() };
}

async function workedOut(overlay: Carried, patch: Uint8Array, { signal }: CarryOptions): Promise<PatchChange[]> {
  const base: PatchBase = {
    async read(path) {
      checkCancelled(signal, "importPatch", `/${path}`);
      return readMerged(overlay, `/${path}`);
    },
  };
  let changes: PatchChange[];
  try {
    changes = await applyPatch(patch, base, nodeCodec);
  } catch (error) {
    if (error instanceof PatchApplyError) throw refused(error.message, error);
    if (error instanceof PatchError) throw refused(`this is not a patch that can be used: ${error.message}`, error);
    throw error;
  }
  for (const change of changes) refuseName(change);
  return changes;
}

async function readMerged(overlay: Carried, path: string): ReturnType<PatchBase["read"]> {
  try {
    const { type, mode } = await overlay.lstat(path);
    // git has no empty folders: a file may take the place of one.
    if (type === "directory") return (await overlay.readDirectory(path)).length === 0 ? undefined : "directory";
    if (type === "symlink") return { mode: 0o120000, content: new TextEncoder().encode(await overlay.readlink(path)) };
    if (type === "file") return { mode: (mode & 0o100) === 0 ? 0o100644 : 0o100755, content: await overlay.readFile(path) };
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR", "ENAMETOOLONG")) return undefined;
    throw error;
  }
  throw refused(`'${path}' is neither a file nor a symbolic link`);
}

function refused(reason: string, cause?: unknown): OverlayError {
  return new OverlayError("EINVAL", "importPatch", "/", { reason, ...(cause === undefined ? {} : { cause }) });
}

/** What would be refused in the middle is refused before the beginning. */
function refuseName(change: PatchChange): void {
  const { path } = change;
  if (gitRefuses(path, change.kind === "delete" ? undefined : change.mode)) throw refused(`'${path}' is refused: it could be a repository's own file`);
  if (change.kind === "delete") return;
  const parts = path.split("/");
  if (parts.some((part) => part.startsWith(".wh."))) throw refused(`'${path}' is refused: names that start with '.wh.' mark deletions in an overlay`);
  if (parts.some((part) => Buffer.byteLength(part) > 255)) throw refused(`'${path}' is refused: a name in it has more than 255 bytes`);
  if (change.mode === 0o120000 && change.kind !== "mode" && !isTarget(change.content)) throw refused(`'${path}' is refused: what the symbolic link points at is not Unicode text`);
}

function isTarget(content: Uint8Array): boolean {
  return content.length > 0 && isUtf8(content) && !content.includes(0);
}

/** What has been done, and how each thing is undone. */
class Steps {
  private readonly undo: (() => Promise<unknown>)[] = [];
  private asideFolder: string | undefined;
  private aside: { readonly path: string; readonly isFolder: boolean }[] = [];

  constructor(private readonly overlay: Carried) {}

  /** Does it, and remembers how to undo it when it succeeds. */
  async do(act: () => Promise<unknown>, undo: () => Promise<unknown>): Promise<void> {
    await act();
    this.undo.push(undo);
  }

  /** A free name in the folder where things wait. */
  async asideName(isFolder: boolean): Promise<string> {
    if (this.asideFolder === undefined) {
      const folder = `/.overlay-import-${randomBytes(6).toString("hex")}`;
      await this.do(() => this.overlay.createDirectory(folder, 0o700), () => this.overlay.rmdir(folder));
      this.asideFolder = folder;
    }
    const path = `${this.asideFolder}/${this.aside.length}`;
    this.aside.push({ path, isFolder });
    return path;
  }

  /** Away from its name, and back with everything that upper knows of it. */
  async setAside(path: string, isFolder: boolean): Promise<string> {
    const to = await this.asideName(isFolder);
    await this.do(() => this.overlay.rename(path, to), () => this.overlay.rename(to, path));
    return to;
  }

  async takeBack(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const undo of this.undo.reverse()) await undo().catch((error: unknown) => { failures.push(error); });
    return failures;
  }

  /** Clears away what waits. @returns what could not be. */
  async finish(): Promise<string[]> {
    for (const { path, isFolder } of this.aside.reverse()) {
      await (isFolder ? this.overlay.rmdir(path) : this.overlay.unlink(path)).catch(() => undefined); // what was moved on is not there
    }
    const folder = this.asideFolder;
    if (folder === undefined) return [];
    // The trash takes in one step what would not go piece by piece.
    return this.overlay.rmdir(folder).catch(() => this.overlay.remove(folder, { recursive: true })).then(() => [], () => [folder]);
  }
}

async function takenBack(steps: Steps, error: unknown): Promise<unknown> {
  const failures = await steps.takeBack();
  const code = error instanceof OverlayError ? error.code : "EIO";
  const reason = error instanceof OverlayError ? `${error.reason} ('${error.path}')` : String(error);
  const outcome = failures.length === 0 ? "everything that was done is taken back" : `taking back what was done failed as well: ${failures.map(String).join("; ")}`;
  return new OverlayError(code, "importPatch", error instanceof OverlayError ? error.path : "/", { reason: `the patch could not be written: ${reason}; ${outcome}`, cause: error });
}

/** Removals and rename sources first, then all that is put: files may change names, or become folders. */
async function carryOut(overlay: Carried, changes: readonly PatchChange[], steps: Steps, { signal, onProgress }: CarryOptions): Promise<void> {
  const waiting = new Map<PatchChange, string>();
  for (const change of changes) {
    checkCancelled(signal, "importPatch", `/${change.path}`);
    if (change.kind === "delete") await take(overlay, steps, `/${change.path}`);
    else if (change.kind === "rename") waiting.set(change, await takeForRename(overlay, steps, `/${change.from}`));
  }
  await removeEmptied(overlay, steps, changes);
  let done = 0;
  for (const change of changes) {
    checkCancelled(signal, "importPatch", `/${change.path}`);
    if (change.kind !== "delete") await put(overlay, steps, change, waiting.get(change));
    onProgress?.(++done, changes.length);
  }
}

/** Only a lower has it: a whiteout, that a reset takes away. Else it waits aside. */
async function take(overlay: Carried, steps: Steps, path: string): Promise<void> {
  if ((await overlay.lstat(path)).layer === "lower") await steps.do(() => overlay.unlink(path), () => overlay.reset(path));
  else await steps.setAside(path, false);
}

/** Renamed through the waiting place, so that upper goes on knowing where it came from. */
async function takeForRename(overlay: Carried, steps: Steps, from: string): Promise<string> {
  const isLower = (await overlay.lstat(from)).layer === "lower";
  if (!isLower) return steps.setAside(from, false);
  const to = await steps.asideName(false);
  await steps.do(() => overlay.rename(from, to), async () => {
    await overlay.unlink(to);
    await overlay.reset(from);
  });
  return to;
}

async function removeEmptied(overlay: Carried, steps: Steps, changes: readonly PatchChange[]): Promise<void> {
  const left = changes.flatMap((change) => (change.kind === "delete" ? [change.path] : change.kind === "rename" ? [change.from] : []));
  const folders = new Set(left.flatMap((path) => foldersAbove(`/${path}`)));
  const filled = (folder: string): boolean => changes.some((change) => change.kind !== "delete" && isWithin(`/${change.path}`, folder) && `/${change.path}` !== folder);
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
    if (!filled(folder) && (await overlay.readDirectory(folder)).length === 0) await steps.setAside(folder, true);
  }
}

async function put(overlay: Carried, steps: Steps, change: Exclude<PatchChange, { kind: "delete" }>, waiting: string | undefined): Promise<void> {
  const path = `/${change.path}`;
  if (change.kind === "mode") return putMode(overlay, steps, path, change.mode);
  const isThere = change.kind === "write" && !change.isNew;
  if (!isThere) {
    await makeParents(overlay, steps, path);
    await clearEmpty(overlay, steps, path);
  }
  if (waiting !== undefined) {
    await steps.do(() => overlay.rename(waiting, path, { overwrite: false }), () => overlay.rename(path, waiting));
    if (change.kind === "rename" && change.isEdited) await overwrite(overlay, steps, path, change);
    return putMode(overlay, steps, path, change.mode);
  }
  const old = isThere ? await overlay.lstat(path) : undefined;
  const isLink = change.mode === 0o120000;
  if (old !== undefined && (isLink || old.type === "symlink")) await take(overlay, steps, path);
  else if (old !== undefined) {
    await overwrite(overlay, steps, path, change);
    return putMode(overlay, steps, path, change.mode);
  }
  if (isLink) await steps.do(() => overlay.symlink(Buffer.from(change.content).toString(), path), () => overlay.unlink(path));
  else await steps.do(() => overlay.writeFile(path, change.content, { overwrite: false, mode: change.mode === 0o100755 ? 0o777 : 0o666 }), () => overlay.unlink(path));
}

/** An upper file keeps what it is copied from and its mode, also when it is taken back; a copy of it waits aside. */
async function overwrite(overlay: Carried, steps: Steps, path: string, { mode, content }: { mode: FileMode; content: Uint8Array }): Promise<void> {
  if (mode === 0o120000) {
    await take(overlay, steps, path);
    await steps.do(() => overlay.symlink(Buffer.from(content).toString(), path), () => overlay.unlink(path));
    return;
  }
  if ((await overlay.lstat(path)).layer === "lower") {
    await steps.do(() => overlay.writeFile(path, content, { create: false }), () => overlay.reset(path));
    return;
  }
  const { atimeMs, mtimeMs } = await overlay.lstat(path);
  const copy = await steps.asideName(false);
  await steps.do(() => overlay.copy(path, copy), () => overlay.unlink(copy).catch((error: unknown) => { if (!isCode(error, "ENOENT")) throw error; }));
  await steps.do(() => overlay.writeFile(path, content, { create: false }), async () => {
    try {
      // In its place, as what is written down of where it came from goes on being said of it.
      await overlay.writeFile(path, await overlay.readFile(copy), { create: false });
    } catch {
      await overlay.rename(copy, path); // that needs no space
    }
    await overlay.utimes(path, atimeMs / 1000, mtimeMs / 1000);
  });
}

/** A patch knows one bit; who may read may execute then, as git does it. */
async function putMode(overlay: Carried, steps: Steps, path: string, mode: FileMode): Promise<void> {
  if (mode === 0o120000) return;
  const { mode: old, layer } = await overlay.lstat(path);
  const now = mode === 0o100755 ? old | ((old & 0o444) >> 2) : old & ~0o111;
  if ((mode === 0o100755) === ((old & 0o100) !== 0)) return;
  await steps.do(() => overlay.chmod(path, now), () => (layer === "lower" ? overlay.reset(path) : overlay.chmod(path, old)));
}

/** An empty folder gives way; what is not empty any more is refused by what is put there. */
async function clearEmpty(overlay: Carried, steps: Steps, path: string): Promise<void> {
  const found = await overlay.lstat(path).catch((error: unknown) => { if (isCode(error, "ENOENT")) return undefined; throw error; });
  if (found?.type === "directory" && (await overlay.readDirectory(path)).length === 0) await steps.setAside(path, true);
}

async function makeParents(overlay: Carried, steps: Steps, path: string): Promise<void> {
  for (const folder of foldersAbove(path).reverse()) {
    const found = await overlay.lstat(folder).catch((error: unknown) => { if (isCode(error, "ENOENT")) return undefined; throw error; });
    if (found === undefined) await steps.do(() => overlay.createDirectory(folder), () => overlay.rmdir(folder));
  }
}

function reportOf(changes: readonly PatchChange[]): Omit<ImportReport, "leftBehind"> {
  const paths = (test: (change: PatchChange) => boolean): string[] => changes.filter(test).map(({ path }) => `/${path}`);
  return {
    created: paths((change) => change.kind === "write" && change.isNew),
    modified: paths((change) => change.kind === "mode" || (change.kind === "write" && !change.isNew)),
    deleted: paths((change) => change.kind === "delete"),
    renamed: changes.flatMap((change) => (change.kind === "rename" ? [{ from: `/${change.from}`, path: `/${change.path}` }] : [])),
  };
}
