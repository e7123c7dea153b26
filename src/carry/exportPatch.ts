/** The changes as a patch that `git apply` takes on a pristine copy of the base, and what no patch can say. */
import type { Change, FileMode, PatchFile } from "../patch/index.js";
import { gitRefuses, orderChanges, writePatch } from "../patch/index.js";
import { nodeCodec } from "../patch/node.js";
import { ahead, checkCancelled } from "./cancel.js";
import { difference, foldersAbove, isWithin } from "./difference.js";
import { Sides } from "./sides.js";
import type { Carried, Entry, LeftOut, Pair, Selection } from "./types.js";

export interface PatchReport {
  /** Files that the patch may change; one that turns out to be as it was says nothing in it. */
  readonly files: number;
  /** What merged has and the patch has not: who applies it gets a tree without. */
  readonly leftOut: readonly LeftOut[];
}

export interface ExportedPatch extends AsyncIterable<Uint8Array> {
  /** What the patch holds; may be asked before or after it is read. */
  report(): Promise<PatchReport>;
}

/** Both contents are in memory while a diff is made. */
const largest = 512 * 1024 * 1024;
/** How many files are read before their turn, and of how many bytes, so that memory stays small. */
const readAhead = { count: 32, bytes: 32 * 1024 * 1024 };

/**
 * A git-format patch of everything, or of the chosen paths; without changes it is empty. Progress counts files.
 * The base and the overlay are read while the patch is; it may be read several times.
 * @throws from iterating and report(): OverlayError (ECANCELED among others), LayerError for what cannot be read
 */
export function exportPatch(overlay: Carried, options: Selection = {}): ExportedPatch {
  const plan = memoized(() => planPatch(overlay, options));
  return {
    report: async () => (await plan()).report,
    async *[Symbol.asyncIterator]() {
      const { sides, ordered } = await plan();
      let done = 0;
      const load = async ({ pair, before, after }: Ordered): Promise<Change> => {
        checkCancelled(options.signal, "exportPatch", before?.path ?? after?.path);
        const isOld = before !== undefined && after !== undefined && pair.before !== undefined && pair.after !== undefined && isSameFile(pair.before, pair.after);
        const [old, now] = await Promise.all([before && contentOf(sides, before, pair.before), isOld ? undefined : after && contentOf(sides, after, pair.after)]);
        options.onProgress?.(++done, ordered.length);
        return { before: old, after: isOld && old !== undefined ? { ...after, content: old.content } : now };
      };
      yield* writePatch(ahead(ordered, load, readAhead, sizeOf), nodeCodec);
    },
  };
}

/** A side is named here, and read when its turn comes. */
interface Ordered {
  readonly pair: Pair;
  readonly before?: { readonly path: string; readonly mode: FileMode } | undefined;
  readonly after?: { readonly path: string; readonly mode: FileMode } | undefined;
}

async function planPatch(overlay: Carried, options: Selection): Promise<{ sides: Sides; ordered: Ordered[]; report: PatchReport }> {
  const sides = await Sides.of(overlay, "exportPatch");
  const found = await difference(sides, "exportPatch", options);
  const leftOut = [...found.leftOut, ...(await emptyFolders(sides, found.pairs))];
  const inTheWay = emptiesGone(found.pairs);
  let changes: Ordered[] = [];
  for (const pair of found.pairs) {
    if (pair.before?.type === "directory" && pair.after?.type === "directory" && pair.before.path === pair.after.path && pair.before.stat.mode !== pair.after.stat.mode) {
      leftOut.push({ path: pair.after.path, reason: "a patch cannot hold a folder's mode" });
    }
    const before = name(pair.before, leftOut);
    const after = name(pair.after, leftOut);
    if (pair.before !== undefined && isLeftOut(pair.before)) inTheWay.push(pair.before.path);
    // With one side alone it would delete what it cannot bring anew, or make what is there already, which git refuses with all the rest.
    if ([pair.before, pair.after].some((entry) => entry !== undefined && isLeftOut(entry)) || (before === undefined && after === undefined)) continue;
    if (before?.path === after?.path && before?.mode === after?.mode && pair.before !== undefined && pair.after !== undefined && isSameFile(pair.before, pair.after)) continue;
    changes.push({ pair, before, after });
  }
  if (inTheWay.length > 0) changes = withoutPlace(changes, inTheWay, leftOut);
  const ordered = orderChanges(changes);
  return { sides, ordered, report: { files: changes.length, leftOut: leftOut.sort((a, b) => (a.path < b.path ? -1 : 1)) } };
}

/** As git sees an entry; undefined, and a word in `leftOut`, for what it has no form for. Folders it does not see. */
function name(entry: Entry | undefined, leftOut: LeftOut[]): { path: string; mode: FileMode } | undefined {
  if (entry === undefined || entry.type === "directory") return undefined;
  const reason = obstacle(entry);
  if (reason !== undefined) {
    if (!leftOut.some(({ path }) => path === entry.path)) leftOut.push({ path: entry.path, reason });
    return undefined;
  }
  return { path: entry.path.slice(1), mode: modeOf(entry) };
}

/**
 * What stands in the base and no patch takes away keeps its place: what merged has there, or beneath it, stays out, and so
 * does the deletion of what else is in the base there. git refuses a whole patch for one file that cannot be put.
 */
function withoutPlace(changes: readonly Ordered[], inTheWay: readonly string[], leftOut: LeftOut[]): Ordered[] {
  const kept: string[] = [];
  for (const { after } of changes) {
    if (after === undefined) continue;
    const path = `/${after.path}`;
    const stands = inTheWay.find((one) => one !== path && (isWithin(one, path) || isWithin(path, one)));
    if (stands === undefined) continue;
    kept.push(path);
    leftOut.push({ path, reason: `the base has '${stands}', which a patch cannot delete` });
  }
  return changes.filter(({ before, after }) => (after === undefined ? !kept.some((path) => isWithin(`/${before?.path ?? ""}`, path)) : !kept.includes(`/${after.path}`)));
}

function isLeftOut(entry: Entry): boolean {
  return entry.type !== "directory" && obstacle(entry) !== undefined;
}

function obstacle({ path, type, stat }: Entry): string | undefined {
  if (type !== "file" && type !== "symlink") return `a patch cannot hold a ${type === "unknown" ? "thing of unknown kind" : type}`;
  if (/\p{Surrogate}/u.test(path)) return "its name is not Unicode text";
  if (gitRefuses(path.slice(1), type === "symlink" ? 0o120000 : undefined)) return "git writes no file of this name";
  return stat.size > largest ? `it is larger than ${largest / 1024 / 1024} MiB` : undefined;
}

/** git knows one bit of a file's mode: whether its owner may execute it. */
function modeOf({ type, stat }: Entry): FileMode {
  return type === "symlink" ? 0o120000 : (stat.mode & 0o100) === 0 ? 0o100644 : 0o100755;
}

/** git has no folders: one that is made or stays empty is lost, one that was empty and is gone comes back. */
async function emptyFolders(sides: Sides, pairs: readonly Pair[]): Promise<LeftOut[]> {
  const made = pairs.flatMap(({ before, after }) => (after?.type === "directory" && before?.type !== "directory" ? [after.path] : []));
  const found = [
    ...withoutFiles(made, pairs, "after").map((path) => ({ path, reason: "a patch cannot hold an empty folder" })),
    ...emptiesGone(pairs).map((path) => ({ path, reason: "a patch cannot delete an empty folder" })),
  ];
  const gone = new Set(pairs.flatMap(({ before, after }) => (before !== undefined && after?.path !== before.path ? [before.path] : [])));
  for (const path of new Set([...gone].map((file) => file.slice(0, file.lastIndexOf("/"))))) {
    if (path === "" || gone.has(path) || found.some((other) => isWithin(path, other.path))) continue;
    const left = await sides.inMerged(path);
    if (left?.type === "directory" && (await sides.overlay.readDirectory(path)).length === 0) found.push({ path, reason: "a patch cannot keep a folder that has become empty" });
  }
  return found;
}

/** Folders of the base without files, that merged has not: no patch deletes them. */
function emptiesGone(pairs: readonly Pair[]): string[] {
  return [...withoutFiles(pairs.flatMap(({ before, after }) => (before?.type === "directory" && after === undefined ? [before.path] : [])), pairs, "before")];
}

function withoutFiles(folders: readonly string[], pairs: readonly Pair[], side: "before" | "after"): readonly string[] {
  if (folders.length === 0) return folders;
  const filled = new Set(pairs.flatMap(({ [side]: entry }) => (entry === undefined || entry.type === "directory" ? [] : foldersAbove(entry.path))));
  return folders.filter((folder) => !filled.has(folder));
}

/** Merged shows the base's own inode: nothing was copied up. */
function isSameFile(before: Entry, after: Entry): boolean {
  return before.stat.ino === after.stat.ino && before.stat.dev === after.stat.dev && before.type === after.type;
}

async function contentOf(sides: Sides, as: { path: string; mode: FileMode }, entry: Entry | undefined): Promise<PatchFile> {
  return { path: as.path, mode: as.mode, content: entry === undefined ? new Uint8Array() : await sides.read(entry) };
}

/** Of both contents, in bytes. */
function sizeOf({ before, after, pair }: Ordered): number {
  return (before === undefined ? 0 : pair.before?.stat.size ?? 0) + (after === undefined ? 0 : pair.after?.stat.size ?? 0);
}

function memoized<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
