/**
 * Reading a lower layer on node:fs: opening without ever waiting for a peer, whole files, directory listings.
 * Callbacks by hand where it counts: these three and lstat carry nearly all of an editor's load.
 */
import * as fs from "node:fs";
import { constants as bufferLimits } from "node:buffer";
import type { LayerError } from "../engine/errors.js";
import type { LayerDirent, LayerListing } from "../engine/layer.js";
import { nodeFault, promised, refuse, errnoOf } from "./nodeFault.js";
import { typeOfDirent, typeOfMode } from "./nodeStat.js";

/** Absent on Windows; a bit that is not there adds nothing. */
const openFlags: Partial<Record<string, number>> = fs.constants;
export const noFollow = openFlags["O_NOFOLLOW"] ?? 0;
export const noWait = openFlags["O_NONBLOCK"] ?? 0;

/** As Node's own readFile: what one read call and every version's buffers can hold. */
export const largestWhole = Math.min(bufferLimits.MAX_LENGTH, 2 ** 31 - 1);

/** How much is read at a time from what says it is empty (some virtual filesystems say so of every file). */
const blindRead = 64 * 1024;

/** What is no regular file is refused by what it is. */
function refusal(mode: number, path: string): LayerError | undefined {
  switch (typeOfMode(mode)) {
    case "file": return undefined;
    case "directory": return refuse("EISDIR", "open", path);
    default: return refuse("EINVAL", "open", path);
  }
}

/** Ends in one of two calls: a descriptor of a regular file with what fstat says of it, or a fault and nothing open. */
export function openRegular(
  path: string,
  flags: number,
  use: (fd: number, stat: fs.BigIntStats) => void,
  fail: (fault: LayerError) => void,
): void {
  const open = (): void => {
    fs.open(path, flags | noFollow | noWait, (error, fd) => {
      // A device without a driver: refused for what it is, not for what it lacks.
      if (error) fail(nodeFault(error, "open", path, errnoOf(error) === "ENODEV" ? "EINVAL" : undefined));
      else {
        // Exact, because a copy-up wants a fingerprint: one look then serves for all.
        fs.fstat(fd, { bigint: true }, (unknown, stat) => {
          const fault = unknown ? nodeFault(unknown, "fstat", path) : refusal(Number(stat.mode), path);
          if (fault === undefined) use(fd, stat);
          else fs.close(fd, () => { fail(fault); });
        });
      }
    });
  };
  try {
    if (noFollow !== 0) open();
    else {
      // Windows: no O_NOFOLLOW, so the name is looked at first. Nothing there can hang.
      fs.lstat(path, (error, stat) => {
        if (error) fail(nodeFault(error, "open", path));
        else if (stat.isSymbolicLink()) fail(refuse("ELOOP", "open", path));
        else open();
      });
    }
  } catch (error) {
    fail(nodeFault(error, "open", path));
  }
}

export function readWhole(path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const read = (fd: number, stat: fs.BigIntStats): void => {
      const size = Number(stat.size);
      const settle: Settle = (error, bytes) => {
        fs.close(fd, () => {
          if (error === null) resolve(bytes);
          else reject(error);
        });
      };
      if (size > largestWhole) settle(refuse("EFBIG", "read", path), nothing);
      else if (size === 0) readBlind(fd, path, settle);
      else readSized(fd, path, size, settle);
    };
    openRegular(path, fs.constants.O_RDONLY, read, reject);
  });
}

const nothing = new Uint8Array(0);
type Settle = (error: Error | null, bytes: Uint8Array) => void;

/** The file as long as fstat said: one that grows meanwhile is read up to there, one that shrinks up to its end. */
function readSized(fd: number, path: string, size: number, settle: Settle): void {
  let bytes: Uint8Array;
  try {
    const memory = Buffer.allocUnsafeSlow(size); // not from the pool: the caller's array must hold nothing of others
    bytes = new Uint8Array(memory.buffer, memory.byteOffset, size);
  } catch (error) {
    settle(nodeFault(error, "read", path, "EFBIG"), nothing);
    return;
  }
  let total = 0;
  const more = (): void => {
    fs.read(fd, bytes, total, size - total, total, (error, got) => {
      if (error) {
        settle(nodeFault(error, "read", path), nothing);
        return;
      }
      total += got;
      if (got === 0) settle(null, bytes.slice(0, total)); // a copy: a view would keep the whole memory alive
      else if (total === size) settle(null, bytes);
      else more();
    });
  };
  more();
}

function readBlind(fd: number, path: string, settle: Settle): void {
  const parts: Uint8Array[] = [];
  let total = 0;
  const more = (): void => {
    const part = Buffer.allocUnsafe(blindRead);
    fs.read(fd, part, 0, blindRead, total, (error, got) => {
      if (error) settle(nodeFault(error, "read", path), nothing);
      else if (got === 0) settle(null, total === 0 ? new Uint8Array(0) : new Uint8Array(Buffer.concat(parts, total)));
      else if (total + got > largestWhole) settle(refuse("EFBIG", "read", path), nothing);
      else {
        parts.push(part.subarray(0, got));
        total += got;
        more();
      }
    });
  };
  more();
}

const replacement = "\uFFFD";

/**
 * readdir follows a symlink in the last component, so an lstat runs beside it and has the first word. Names that are
 * not UTF-8 come back with U+FFFD in them; only a listing that has one is read again as bytes.
 */
export function listDirectory(path: string): Promise<LayerListing> {
  return new Promise((resolve, reject) => {
    let waiting = 2;
    let listed: fs.Dirent[] = [];
    let unlisted: Error | null = null;
    let refused: Error | undefined;
    const proceed = (): void => {
      if (--waiting > 0) return;
      if (refused !== undefined) reject(refused);
      else if (unlisted) reject(nodeFault(unlisted, "readdir", path));
      else resolve(toListing(path, listed));
    };
    try {
      fs.lstat(path, (error, stat) => {
        if (error) refused = nodeFault(error, "readdir", path);
        else if (!stat.isDirectory()) refused = refuse("ENOTDIR", "readdir", path);
        proceed();
      });
      fs.readdir(path, { withFileTypes: true }, (error, value) => {
        unlisted = error;
        listed = value;
        proceed();
      });
    } catch (error) {
      reject(nodeFault(error, "readdir", path));
    }
  });
}

function toListing(path: string, listed: fs.Dirent[]): LayerListing | Promise<LayerListing> {
  let doubtful = false;
  const entries = new Array<LayerDirent>(listed.length); // sized, and a plain loop: a quarter of what map costs here
  let i = 0;
  for (const entry of listed) {
    const { name } = entry;
    const type = typeOfDirent(entry);
    doubtful ||= type === "unknown" || name.includes(replacement);
    entries[i++] = { name, type };
  }
  return doubtful ? settleDoubts(path, entries) : { entries, undecodable: 0 };
}

async function settleDoubts(path: string, listed: LayerDirent[]): Promise<LayerListing> {
  let entries: LayerDirent[] = listed;
  let undecodable = 0;
  if (listed.some((entry) => entry.name.includes(replacement))) {
    const raw = await promised<fs.Dirent<Buffer>[]>("readdir", path, (done) => {
      fs.readdir(path, { withFileTypes: true, encoding: "buffer" }, done);
    });
    const decoded: LayerDirent[] = [];
    for (const entry of raw) {
      const name = decodeExactly(entry.name);
      if (name === undefined) undecodable++;
      else decoded.push({ name, type: typeOfDirent(entry) });
    }
    entries = decoded;
  }
  if (entries.some((entry) => entry.type === "unknown")) entries = await Promise.all(entries.map((entry) => lookAt(path, entry)));
  return { entries, undecodable };
}

async function lookAt(directory: string, entry: LayerDirent): Promise<LayerDirent> {
  if (entry.type !== "unknown") return entry;
  try {
    const stat = await promised<fs.Stats>("lstat", `${directory}/${entry.name}`, (done) => { fs.lstat(`${directory}/${entry.name}`, done); });
    return { name: entry.name, type: typeOfMode(stat.mode) };
  } catch {
    return entry; // gone since, or not to be looked at: it stays a name of which we know no more
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes as text, or undefined where they are not UTF-8. */
export function decodeExactly(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
