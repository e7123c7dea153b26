/**
 * Changes as a git-format patch (git's Documentation/diff-format, "Generating patch text with -p"): what `git apply`
 * takes on a pristine copy. Object names are written in full, since git applies a binary patch to nothing else. The
 * patch comes in pieces, and one change at a time is in memory.
 */
import { encodeLines } from "./base85.js";
import { ByteWriter, commonPrefix, commonSuffix, equal } from "./bytes.js";
import { makeDelta } from "./delta.js";
import { writeHunks } from "./hunks.js";
import { diffLines, type Edit } from "./lineDiff.js";
import { checkPath, quoteName } from "./names.js";
import { type Change, type Codec, type FileMode, type PatchFile, symlink } from "./types.js";

const noOid = "0".repeat(40);

/** git looks for a NUL in this many bytes to tell binary from text. */
const binaryLook = 8000;

/** What a change has before its content is read. */
export interface ChangeNames {
  readonly before?: { readonly path: string; readonly mode: FileMode } | undefined;
  readonly after?: { readonly path: string; readonly mode: FileMode } | undefined;
}

/**
 * The order a patch needs, by names alone, so that contents can be read one after the other later. Deletions come
 * first: git takes one that follows a rename to the same name for a deletion of the renamed file. Creations come last:
 * `git apply -R` goes backwards and makes deletions of them. Between, by path. A file that becomes a symbolic link, or
 * the other way, and a link that is renamed become a deletion and a creation; so both sides of `T` must be optional.
 */
export function orderChanges<T extends ChangeNames>(changes: Iterable<T>): T[] {
  const split = [...changes].flatMap((change) => (isTwo(change) ? [{ ...change, after: undefined }, { ...change, before: undefined }] : [change]));
  const placed = split.map((change) => {
    const turn = change.after === undefined ? 0 : change.before === undefined ? 2 : 1;
    return { change, place: `${turn}${change.after?.path ?? change.before?.path ?? ""}` };
  });
  return placed.sort((a, b) => (a.place < b.place ? -1 : 1)).map(({ change }) => change);
}

/**
 * The changes as a patch, in the order given (`orderChanges`). Changes that change nothing give nothing.
 * @throws PatchError for a path that no patch can carry; what the codec and the changes throw.
 */
export async function* writePatch(changes: Iterable<Change> | AsyncIterable<Change>, codec: Codec): AsyncGenerator<Uint8Array, void, undefined> {
  const out = new ByteWriter();
  for await (const change of changes) {
    if (isTwo(change)) {
      yield* writeChange(out, { before: change.before }, codec);
      yield* writeChange(out, { after: change.after }, codec);
    } else yield* writeChange(out, change, codec);
    if (out.isFull) yield out.take();
  }
  if (!out.isEmpty) yield out.take();
}

/**
 * Whether git needs it as a deletion and a creation: file and symbolic link are two types, and of a link that is only
 * renamed no mode is written, so `git apply` would not know that it goes away and refuse a folder in its place.
 */
function isTwo({ before, after }: ChangeNames): boolean {
  if (before === undefined || after === undefined) return false;
  const links = [before, after].filter(({ mode }) => mode === symlink).length;
  return links === 1 || (links === 2 && before.path !== after.path);
}

async function* writeChange(out: ByteWriter, { before, after }: Change, codec: Codec): AsyncGenerator<Uint8Array> {
  const old = before?.content ?? new Uint8Array();
  const now = after?.content ?? new Uint8Array();
  const one = before ?? after;
  if (one === undefined) return;
  for (const file of [before, after]) if (file !== undefined) checkPath(file.path);
  const same = equal(old, now);
  const whole = before === undefined || after === undefined;
  if (!whole && same && before.path === after.path && before.mode === after.mode) return;
  const isBinary = looksBinary(before) || looksBinary(after);
  const edits = same || isBinary ? [] : diffLines(old, now);
  writeHeader(out, before ?? one, after ?? one, { before, after }, () => similarity(old, now, isBinary ? undefined : edits));
  if (same && !whole) return;
  const oids = `${before === undefined ? noOid : oidOf(before, codec)}..${after === undefined ? noOid : oidOf(after, codec)}`;
  out.ascii(`index ${oids}${!whole && before.mode === after.mode ? ` ${octal(after.mode)}` : ""}\n`);
  if (same) return; // an empty file
  if (isBinary) {
    yield* writeBinary(out, old, now, codec);
    return;
  }
  out.ascii(`--- ${before === undefined ? "/dev/null" : contentName("a/", before.path)}\n`);
  out.ascii(`+++ ${after === undefined ? "/dev/null" : contentName("b/", after.path)}\n`);
  yield* writeHunks(out, old, now, edits);
}

function writeHeader(out: ByteWriter, old: PatchFile, now: PatchFile, { before, after }: Change, percent: () => number): void {
  out.ascii(`diff --git ${quoteName(`a/${old.path}`)} ${quoteName(`b/${now.path}`)}\n`);
  if (before === undefined) out.ascii(`new file mode ${octal(now.mode)}\n`);
  else if (after === undefined) out.ascii(`deleted file mode ${octal(old.mode)}\n`);
  else if (old.mode !== now.mode) out.ascii(`old mode ${octal(old.mode)}\nnew mode ${octal(now.mode)}\n`);
  // With one side alone both paths are the same.
  if (old.path !== now.path) out.ascii(`similarity index ${percent()}%\nrename from ${quoteName(old.path)}\nrename to ${quoteName(now.path)}\n`);
}

function octal(mode: FileMode): string {
  return mode.toString(8).padStart(6, "0");
}

/** A tab ends a name that has spaces: without it, what follows a space could be a date. */
function contentName(prefix: string, path: string): string {
  return `${quoteName(prefix + path)}${path.includes(" ") ? "\t" : ""}`;
}

function looksBinary(file: PatchFile | undefined): boolean {
  if (file === undefined) return false;
  const found = file.content.subarray(0, binaryLook).indexOf(0);
  return found >= 0;
}

/** The name of the blob that git would make of the content. */
export function oidOf({ content }: { readonly content: Uint8Array }, codec: Codec): string {
  return codec.sha1(new TextEncoder().encode(`blob ${content.length}\0`), content);
}

/** How much of the longer content is in both, in percent; 100 only for the same. It tells readers, git applies any. */
function similarity(old: Uint8Array, now: Uint8Array, edits: Iterable<Edit> | undefined): number {
  if (equal(old, now)) return 100;
  let shared = old.length;
  if (edits === undefined) {
    const prefix = commonPrefix(old, now);
    shared = prefix + commonSuffix(old, now, prefix);
  } else for (const edit of edits) shared -= edit.oldEnd - edit.oldAt;
  return Math.min(99, Math.floor((100 * shared) / Math.max(old.length, now.length)));
}

async function* writeBinary(out: ByteWriter, old: Uint8Array, now: Uint8Array, codec: Codec): AsyncGenerator<Uint8Array> {
  out.ascii("GIT binary patch\n");
  // Forwards, then backwards: `git apply -R` has only what stands here.
  for (const [from, to] of [[old, now], [now, old]] as const) {
    const delta = makeDelta(from, to);
    const data = delta ?? to;
    const deflated = await codec.deflate(data);
    out.ascii(`${delta === undefined ? "literal" : "delta"} ${data.length}\n`);
    yield* encodeLines(out, deflated);
    out.ascii("\n");
  }
}
