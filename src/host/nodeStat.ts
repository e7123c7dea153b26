/**
 * Node's stat results and directory entry types as the ports' shapes, and times on their way back: seconds that
 * neither Node's rounding nor libuv's can carry into the millisecond before.
 */
import { constants } from "node:fs";
import type { BigIntStats, Dirent, Stats } from "node:fs";
import type { EntryType, Fingerprint, LayerStat } from "../engine/types.js";
import type { StatNumbers } from "./callThreadMain.js";

const { S_IFMT, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFSOCK, S_IFBLK, S_IFCHR } = constants;

export function typeOfMode(mode: number): EntryType {
  switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "symlink";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFBLK: return "block";
    case S_IFCHR: return "character";
    default: return "unknown";
  }
}

/** `unknown` where the filesystem puts no type into its directories; an lstat tells. */
export function typeOfDirent(entry: Dirent<string | Buffer>): EntryType {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symlink";
  if (entry.isFIFO()) return "fifo";
  if (entry.isSocket()) return "socket";
  if (entry.isBlockDevice()) return "block";
  if (entry.isCharacterDevice()) return "character";
  return "unknown";
}

export function toLayerStat(s: Stats): LayerStat {
  return {
    type: typeOfMode(s.mode),
    mode: s.mode & 0o7777,
    uid: s.uid,
    gid: s.gid,
    size: s.size,
    nlink: s.nlink,
    dev: s.dev,
    ino: s.ino,
    rdev: s.rdev,
    atimeMs: s.atimeMs,
    mtimeMs: s.mtimeMs,
    ctimeMs: s.ctimeMs,
    birthtimeMs: s.birthtimeMs,
  };
}

/** What an exact look brings, from Node or from the call thread. */
export type ExactStat = Pick<BigIntStats, "dev" | "mode" | "nlink" | "uid" | "gid" | "rdev" | "ino" | "size" | "atimeNs" | "mtimeNs" | "ctimeNs" | "birthtimeNs">;

export function fromNumbers(numbers: StatNumbers): ExactStat {
  const [dev = 0n, mode = 0n, nlink = 0n, uid = 0n, gid = 0n, rdev = 0n, ino = 0n, size = 0n, atimeNs = 0n, mtimeNs = 0n, ctimeNs = 0n, birthtimeNs = 0n] = numbers;
  return { dev, mode, nlink, uid, gid, rdev, ino, size, atimeNs, mtimeNs, ctimeNs, birthtimeNs };
}

/** What one exact look says, in both forms. */
export function toOpened(s: ExactStat): { readonly stat: LayerStat; readonly print: Fingerprint } {
  const mode = Number(s.mode);
  const stat: LayerStat = {
    type: typeOfMode(mode),
    mode: mode & 0o7777,
    uid: Number(s.uid),
    gid: Number(s.gid),
    size: Number(s.size),
    nlink: Number(s.nlink),
    dev: Number(s.dev),
    ino: Number(s.ino),
    rdev: Number(s.rdev),
    atimeMs: toMs(s.atimeNs),
    mtimeMs: toMs(s.mtimeNs),
    ctimeMs: toMs(s.ctimeNs),
    birthtimeMs: toMs(s.birthtimeNs),
  };
  return { stat, print: toFingerprint(s) };
}

/** As Node's own: the whole milliseconds are exact, so that none is lost to rounding. */
function toMs(ns: bigint): number {
  const million = 1_000_000n;
  return Number(ns / million) + Number(ns % million) / 1e6;
}

export function toFingerprint(s: ExactStat): Fingerprint {
  return { size: s.size, mtimeNs: s.mtimeNs, ctimeNs: s.ctimeNs, dev: s.dev, ino: s.ino };
}

/**
 * Milliseconds as the argument of Node's utimes. A double holds today's seconds to a quarter of a microsecond, and
 * libuv cuts what it gets (older ones to whole microseconds, toward zero): .123 would come back as .122999. So the
 * nearest value is taken that stays in its millisecond after either cut. As text, because Node takes a negative number
 * for "now".
 */
export function utimesArgument(ms: number): string {
  const exact = ms / 1000;
  const step = Math.abs(exact) * Number.EPSILON;
  const microseconds = Math.floor(ms * 1000);
  const candidates = [exact, exact + step, exact + 2 * step, (microseconds + 0.5) / 1e6, (microseconds - 0.5) / 1e6];
  return String(candidates.find((seconds) => staysInMillisecond(seconds, Math.floor(ms))) ?? exact);
}

function staysInMillisecond(seconds: number, millisecond: number): boolean {
  const whole = Math.trunc(seconds);
  const ns = Math.trunc((seconds - whole) * 1e9);
  const back = (cut: number): number => whole * 1000 + Math.floor(cut / 1e6);
  return back(ns) === millisecond && back(ns - (ns % 1000)) === millisecond;
}
