/**
 * Makes the staged copy of a lower entry in work/: data, owner, mode, times, and the proof that what was copied is one
 * state of the lower and not a mixture. INV-6: no lock is held anywhere in this file.
 */
import type { Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { isCode, Refusal } from "./errors.js";
import type { Opened, ReadHandle, WriteHandle } from "./layer.js";
import type { LowerFile } from "./lowerView.js";
import { sameBytes } from "./sameBytes.js";
import type { CancelSignal, Fingerprint, LayerStat, Progress } from "./types.js";

export interface CopyOptions {
  readonly signal?: CancelSignal;
  readonly onProgress?: Progress;
}

/** Bytes read and written at a time: large enough that the calls do not show, small enough for the processor's cache. */
const chunkSize = 1 << 18;
/** From here on, in bytes, it pays to let the system do it where the scratch can. */
const largeSize = 1 << 26;
/** Up to here, in bytes, a file is copied in one call where the scratch can: the calls cost more than the bytes. */
const smallSize = 64 * 1024;
/** A change this recent, in ms, may have left size and times as they were: file systems' clocks are coarse. */
const racyMs = 2000;

export interface Staged {
  readonly path: string;
  /** What the lower entry was when it was copied. */
  readonly print: Fingerprint;
  /** Whether what was to be added is in it. */
  readonly added: boolean;
}

export interface StageOptions extends CopyOptions {
  /** Added to the end of the copy where that costs no more than a write: of a small file, whose copy its owner may write to. */
  readonly adding?: Uint8Array;
}

export function sameFile(a: Fingerprint, b: Fingerprint): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs && a.ino === b.ino && a.dev === b.dev;
}

/**
 * @returns undefined when the lower changed while it was copied: stage again.
 * @throws Refusal ENOTSUP for what is no file or symlink; ECANCELED; LayerError. Nothing is left in work/ then.
 */
export async function stageCopy(ctx: Context, file: LowerFile, options: StageOptions): Promise<Staged | undefined> {
  switch (file.stat.type) {
    case "file":
      return ctx.work.copying(async () => (await stageSmall(ctx, file, options)) ?? stageRegular(ctx, file, options));
    case "symlink":
      return stageSymlink(ctx, file);
    default:
      throw new Refusal("ENOTSUP", `a ${file.stat.type} cannot be copied into the overlay`);
  }
}

async function stageSymlink(ctx: Context, file: LowerFile): Promise<Staged> {
  const print = await file.layer.fingerprint(file.layerPath);
  const path = ctx.work.temp();
  await ctx.scratch.makeSymlink(await file.layer.readLink(file.layerPath), path);
  try {
    await chownIfAllowed(ctx, file.stat, (uid, gid) => ctx.scratch.chown(path, uid, gid));
    await ctx.scratch.utimes(path, file.stat.atimeMs, file.stat.mtimeMs);
  } catch (error) {
    await ctx.work.discard(path);
    throw error;
  }
  return { path, print, added: false };
}

/** Undefined when it is not to be had in one call, or not to be trusted: then it is copied the long way. */
async function stageSmall(ctx: Context, file: LowerFile, { adding, signal }: StageOptions): Promise<Staged | undefined> {
  const { size } = file.stat;
  // Some virtual filesystems say 0 of every file.
  if (ctx.scratch.copySmall === undefined || size === 0 || size > smallSize) return undefined;
  const path = ctx.work.temp();
  let made;
  try {
    made = await ctx.scratch.copySmall(file.layer, file.layerPath, path, file.stat);
  } catch (error) {
    await ctx.work.discard(path); // it may be there: the fault can come after that
    throw error;
  }
  if (made === undefined) return undefined;
  const { stat, print } = made.source;
  const adds = adding !== undefined && adding.length <= smallSize && (ctx.scratch.privileged || (stat.mode & 0o200) !== 0);
  let keep = false;
  try {
    let closed: Promise<void> | undefined;
    try {
      checkCancelled(signal);
      keep = sameStat(stat, file.stat) && !isRacy(ctx, print);
      if (keep) {
        await copyOwnerAndMode(ctx, made.file, stat);
        if (adds) await made.file.write(adding, stat.size);
        if (ctx.durability !== "none") {
          await made.file.sync();
          // What is on the disk cannot fail any more: the close says nothing that is worth waiting for.
          closed = made.file.close().catch((error: unknown) => { ctx.env.log("warn", String(error)); });
        }
      }
    } finally {
      if (closed === undefined) await made.file.close();
    }
  } catch (error) {
    keep = false;
    throw error;
  } finally {
    if (!keep) await ctx.work.discard(path);
  }
  return keep ? { path, print, added: adds } : undefined;
}

/** Whether mode and times of the look are those of the file that was opened, as far as a copy can have them. */
function sameStat(a: LayerStat, b: LayerStat): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.mode === b.mode && a.size === b.size && a.uid === b.uid && a.gid === b.gid &&
    Math.floor(a.mtimeMs) === Math.floor(b.mtimeMs) && Math.floor(a.ctimeMs) === Math.floor(b.ctimeMs);
}

async function stageRegular(ctx: Context, file: LowerFile, options: CopyOptions): Promise<Staged | undefined> {
  const source = await file.layer.openRead(file.layerPath);
  try {
    // Attributes come from the file that is open, not from the look that led here.
    const { stat, print } = source.opened ?? (await look(source));
    const path = await copyData(ctx, source, stat, options);
    let keep = false;
    try {
      // The publish compares `print` with what is there by then; only what times cannot show is compared here.
      keep = !isRacy(ctx, print) || (await sameContent(ctx, source, path, options));
    } finally {
      if (!keep) await ctx.work.discard(path);
    }
    return keep ? { path, print, added: false } : undefined;
  } finally {
    await source.close();
  }
}

/** The fingerprint first: whatever changes after it is a change that the publish sees. */
async function look(source: ReadHandle): Promise<Opened> {
  const print = await source.fingerprint();
  return { print, stat: await source.stat() };
}

/** Clones where the filesystem can, else copies; returns the staged file, complete and synced. */
async function copyData(ctx: Context, source: ReadHandle, stat: LayerStat, options: CopyOptions): Promise<string> {
  const clone = ctx.work.temp();
  if (stat.size > 0 && (await ctx.scratch.cloneFrom(source, clone, stat.mode & 0o777))) {
    try {
      const file = await ctx.scratch.openWrite(clone, {});
      try {
        await copyAttributes(ctx, file, stat);
        if (ctx.durability !== "none") await file.sync();
      } finally {
        await file.close();
      }
      return clone;
    } catch (error) {
      await ctx.work.discard(clone);
      throw error;
    }
  }
  return ctx.work.stageFile(stat.mode & 0o777, async (file) => {
    await copyBytes(source, file, stat.size, options);
    await copyAttributes(ctx, file, stat);
  });
}

/**
 * Copies `expected` bytes, or up to where the source ends before; all there is when nothing is expected, because some
 * virtual filesystems say 0 of every file. Runs of zeros become holes. One chunk is read while the one before is written.
 */
export async function copyBytes(source: ReadHandle, target: WriteHandle, expected: number, options: CopyOptions): Promise<void> {
  const end = expected === 0 ? Infinity : expected;
  let position = expected < largeSize ? 0 : ((await target.fillFrom?.(source, options)) ?? 0);
  if (position > 0) options.onProgress?.(position, Math.max(expected, position));
  const size = Math.min(chunkSize, expected === 0 ? 65_536 : expected);
  let [buffer, other] = [new Uint8Array(size), expected > size ? new Uint8Array(size) : undefined];
  let written = position;
  let writing = Promise.resolve();
  try {
    while (position < end) {
      checkCancelled(options.signal);
      const wanted = Math.min(buffer.length, end - position);
      const count = await source.read(wanted === buffer.length ? buffer : buffer.subarray(0, wanted), position);
      await writing;
      if (count > 0) {
        const chunk = count === buffer.length ? buffer : buffer.subarray(0, count);
        if (count < chunkSize || !isZero(chunk)) {
          writing = target.write(chunk, position);
          writing.catch(ignore); // whoever awaits it says so
          written = position + count;
          if (other === undefined) await writing;
          else [buffer, other] = [other, buffer];
        }
        position += count;
        if (expected > chunkSize) options.onProgress?.(position, Math.max(expected, position));
      }
      if (count < wanted) break;
    }
  } finally {
    await writing; // nothing is under way when this has ended
  }
  if (written < position) await target.truncate(position);
}

function ignore(): void {
  // Awaited elsewhere.
}

function isZero(bytes: Uint8Array): boolean {
  // Nearly every chunk of data fails in its first bytes.
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

async function copyAttributes(ctx: Context, file: WriteHandle, stat: LayerStat): Promise<void> {
  await copyOwnerAndMode(ctx, file, stat);
  await file.utimes(stat.atimeMs, stat.mtimeMs);
}

/** Owner first, then mode: chown clears set-id bits. The umask has no say in a copy. */
async function copyOwnerAndMode(ctx: Context, file: WriteHandle, stat: LayerStat): Promise<void> {
  const { creator } = ctx.scratch;
  const foreign = stat.uid !== creator?.uid || stat.gid !== creator.gid;
  if (foreign) await chownIfAllowed(ctx, stat, (uid, gid) => file.chown(uid, gid));
  // Made with these bits already, as far as the umask let them through.
  if (foreign || stat.mode > 0o777 || (stat.mode & creator.umask) !== 0) await file.chmod(stat.mode);
}

/** Gives the lower's owner where we may; a file that we cannot give away stays ours, which is what its user wants. */
export async function chownIfAllowed(ctx: Context, stat: LayerStat, chown: (uid: number, gid: number) => Promise<void>): Promise<void> {
  if (!ctx.scratch.privileged) return;
  try {
    await chown(stat.uid, stat.gid);
  } catch (error) {
    if (!isCode(error, "EPERM", "EINVAL", "ENOTSUP", "EACCES")) throw error; // a filesystem or a user namespace without that owner
  }
}

function isRacy(ctx: Context, print: Fingerprint): boolean {
  const recent = BigInt(Math.floor(ctx.env.now()) - racyMs) * 1_000_000n;
  return print.mtimeNs >= recent || print.ctimeNs >= recent;
}

/** Reads both sides again: times this recent prove nothing. */
async function sameContent(ctx: Context, source: ReadHandle, staged: string, options: CopyOptions): Promise<boolean> {
  const copy = await ctx.scratch.openRead(staged);
  try {
    return await sameBytes(source, copy, options.signal);
  } finally {
    await copy.close();
  }
}
