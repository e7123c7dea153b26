/**
 * fuse-overlayfs (1.10) forgets that a folder is opaque: a name that only lower layers have at that path is found there again
 * when it is asked for, though no listing shows it. Whiteouts it does not forget. So whatever an opaque folder hides is
 * hidden name by name as well, in it and in the folders that it holds, before the mount and beneath it; there a whiteout says
 * nothing new to anybody else.
 * INV-1: a program may put a symbolic link in the place of any folder meanwhile, so all is done through the opened folder.
 */
import { constants, type Stats } from "node:fs";
import { lstat, open, readdir, readlink, rm, unlink, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isCode, readNames, whiteoutName } from "../host/index.js";
import { errnoOf } from "../host/nodeFault.js";
import { utimesArgument } from "../host/nodeStat.js";

export interface VeilParts {
  /** Real paths. */
  readonly upper: string;
  readonly point: string;
  /** Topmost first, the base last. */
  readonly lowers: readonly string[];
}

/** A folder that is held open: what is done by `at` is done in it, wherever it is by now. */
interface Held {
  readonly at: string;
  readonly handle: FileHandle;
}

type Names = ReturnType<typeof readNames>;

/** For a program that asks without end; what is left then stirs, and comes here again. */
const rounds = 5;

/** Beneath a live mount. */
export class Veil {
  constructor(private readonly parts: VeilParts) {}

  /** Deletes what was deleted and has come back: it is in the mount, and nothing of it in upper. */
  async drop(path: string): Promise<void> {
    const { upper, point } = this.parts;
    const folder = path.slice(0, path.lastIndexOf("/"));
    await dropFound(point + folder, upper + folder, [path.slice(folder.length + 1)]);
  }

  /** Whether anything was to be done for a folder of upper that is opaque, or in one that is. */
  async over(path: string): Promise<boolean> {
    const { upper, point, lowers } = this.parts;
    // fuse-overlayfs takes the whiteout away with what is deleted there: then it is found by the next who asks, so at once again.
    for (let round = 0; round < rounds; round++) {
      const made = await veilFolder(upper + path, lowers.map((lower) => lower + path));
      if (made === undefined) return round > 0;
      if (!(await dropFound(point + path, upper + path, made))) return true;
    }
    return true;
  }
}

/** A whole layer that nobody has mounted yet. */
export async function veilTree(folder: string, below: readonly string[], isInOpaque = false): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  const hides = isInOpaque || readNames(entries.map(({ name }) => name)).opaque;
  if (hides) await veilFolder(folder, below);
  for (const entry of entries) if (entry.isDirectory()) await veilTree(join(folder, entry.name), below.map((lower) => join(lower, entry.name)), hides);
}

/** @returns the names that are hidden now and were not; undefined when there was nothing to do. */
async function veilFolder(folder: string, below: readonly string[]): Promise<readonly string[] | undefined> {
  const lower = await namesBelow(below);
  return held(folder, async (there) => {
    const before = await namesIn(there);
    const missing = [...lower].filter((name) => !before.names.has(name) && !before.hidden.has(name));
    if (missing.length === 0 && pairs(before).length === 0) return undefined;
    const made: string[] = [];
    let removed = 0;
    await writable(there, () => leavingTimes(there, before, async () => {
      for (const name of missing) if (await makeWhiteout(there, name)) made.push(name);
      // What a program has made meanwhile is not to be hidden by the whiteout beside it.
      for (const name of pairs(await namesIn(there))) {
        await unlink(join(there.at, whiteoutName(name))).catch(unlessGone);
        removed++;
      }
    }));
    return made.length + removed === 0 ? undefined : made;
  });
}

/**
 * What was asked for before its whiteout was there is in fuse-overlayfs' memory, and in the system's, for as long as the mount
 * stands: it is deleted as any program would.
 */
async function dropFound(inMount: string, inUpper: string, names: readonly string[]): Promise<boolean> {
  let dropped = false;
  if (names.length > 0) await held(inMount, async ({ at }) => {
    for (const name of names) {
      const path = join(at, name);
      const stat = await lstat(path).catch(() => undefined);
      // The upper afterwards, and nothing between: what a program has made by then is its own.
      if (stat === undefined || (await isThere(join(inUpper, name)))) continue;
      dropped = true;
      if (stat.isDirectory()) await rm(path, { recursive: true, force: true });
      else await unlink(path).catch(unlessGone);
    }
  });
  return dropped;
}

/** Of links, too, that lead to a folder: fuse-overlayfs goes through them, out of the layer even, and finds what is there. */
async function namesBelow(folders: readonly string[]): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []); // no folder, or none that can be read there
    for (const name of readNames(names).names) if (canBeHidden(name)) found.add(name);
  }
  return found;
}

function canBeHidden(name: string): boolean {
  if (name.includes("\uFFFD")) return false; // perhaps not its name, but what is shown of one that is no Unicode
  try {
    whiteoutName(name);
    return true;
  } catch (error) {
    if (isCode(error, "ENAMETOOLONG")) return false;
    throw error;
  }
}

async function namesIn({ at }: Held): Promise<Names> {
  return readNames(await readdir(at));
}

function pairs({ names, hidden }: Names): string[] {
  return [...hidden].filter((name) => names.has(name));
}

async function makeWhiteout({ at }: Held, name: string): Promise<boolean> {
  try {
    await writeFile(join(at, whiteoutName(name)), "", { flag: "wx", mode: 0o644 });
    return true;
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    return false;
  }
}

/** Undefined when the folder is not there, or a link stands somewhere on the way to it. */
async function held<T>(folder: string, act: (there: Held) => Promise<T>): Promise<T | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR" || errno === "ELOOP") return undefined;
    throw error;
  }
  try {
    const at = `/proc/self/fd/${String(handle.fd)}`;
    return (await readlink(at)) === folder ? await act({ at, handle }) : undefined;
  } catch (error) {
    unlessGone(error); // the folder was deleted
    return undefined;
  } finally {
    await handle.close();
  }
}

/** A folder that its owner may not write to (0555) is made writable for that moment. */
async function writable(there: Held, act: () => Promise<void>): Promise<void> {
  const { mode } = await there.handle.stat();
  const locked = process.getuid?.() !== 0 && (mode & 0o300) !== 0o300;
  if (locked) await there.handle.chmod((mode & 0o7777) | 0o300);
  try {
    await act();
  } finally {
    if (locked) await there.handle.chmod(mode & 0o7777);
  }
}

/** Unless a program has changed the folder meanwhile, or set its times. */
async function leavingTimes(there: Held, names: Names, act: () => Promise<void>): Promise<void> {
  const before = await there.handle.stat();
  await act();
  const after = await there.handle.stat();
  if (isChangeOfNames(after) && isSame(names.names, (await namesIn(there)).names)) await there.handle.utimes(utimesArgument(before.atimeMs), utimesArgument(before.mtimeMs));
}

/** A name that comes or goes sets both to the same; who sets the one sets the other to now. */
function isChangeOfNames({ mtimeMs, ctimeMs }: Stats): boolean {
  return mtimeMs === ctimeMs;
}

function isSame(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((name) => other.has(name));
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(() => true, () => false);
}

function unlessGone(error: unknown): void {
  if (errnoOf(error) !== "ENOENT") throw error;
}
