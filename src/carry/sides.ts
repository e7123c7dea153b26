/**
 * Reading both sides: the base raw, as it lies on the disk and never through a symlink, and merged through the overlay.
 * Nothing here writes.
 */
import * as fs from "node:fs";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { isCode, type LayerStat, type LowerLayer, OverlayError, toErrorCode } from "../engine/index.js";
import { errnoOf } from "../host/nodeFault.js";
import { NodeLowerLayer } from "../host/nodeLayer.js";
import { noFollow, noWait } from "../host/nodeRead.js";
import { checkCancelled, pooled } from "./cancel.js";
import type { Carried, Entry, LeftOut } from "./types.js";

const pieceSize = 256 * 1024;
/** Up to here two files are compared in one piece each. */
const small = 1 << 20;

export class Sides {
  private constructor(readonly overlay: Carried, readonly base: string, private readonly layer: LowerLayer) {}

  /** @throws OverlayError when the base is gone. */
  static async of(overlay: Carried, operation: string): Promise<Sides> {
    const { base } = overlay.manifest;
    const real = await realpath(base).catch((error: unknown) => {
      throw new OverlayError(toErrorCode(errnoOf(error)), operation, base, { reason: `the base folder '${base}' cannot be reached`, cause: error });
    });
    return new Sides(overlay, real, new NodeLowerLayer(real));
  }

  /** What the base has at a path, a symlink as itself; undefined for nothing. */
  async inBase(path: string): Promise<Entry | undefined> {
    const stat = await orAbsent(this.layer.lstat(path.slice(1)));
    return stat === undefined ? undefined : entryOf("base", path, stat);
  }

  async inMerged(path: string): Promise<Entry | undefined> {
    const stat = await orAbsent(this.overlay.lstat(path));
    return stat === undefined ? undefined : entryOf("merged", path, stat);
  }

  /** An entry and, of a folder, all beneath it, parents first. Names that are no Unicode go to `leftOut`. */
  async tree(entry: Entry, leftOut: LeftOut[], operation: string, signal: Parameters<typeof checkCancelled>[0], into: Entry[] = []): Promise<Entry[]> {
    checkCancelled(signal, operation, entry.path);
    into.push(entry);
    if (entry.type !== "directory") return into;
    const { path } = entry;
    const names = entry.side === "base" ? await this.namesInBase(path, leftOut) : (await this.overlay.readDirectory(path)).map(({ name }) => name);
    const children = await pooled(names.sort(), (name) => {
      const child = path === "/" ? `/${name}` : `${path}/${name}`;
      return entry.side === "base" ? this.inBase(child) : this.inMerged(child);
    });
    for (const child of children) if (child !== undefined) await this.tree(child, leftOut, operation, signal, into);
    return into;
  }

  private async namesInBase(path: string, leftOut: LeftOut[]): Promise<string[]> {
    const { entries, undecodable } = await this.layer.readDirectory(path.slice(1));
    if (undecodable > 0) leftOut.push({ path, reason: `${undecodable} of its names ${undecodable === 1 ? "is" : "are"} not Unicode text` });
    return entries.map(({ name }) => name);
  }

  /** The bytes of a file; of a symlink its target. @throws OverlayError, LayerError: EFBIG from 2 GiB on. */
  async read(entry: Entry): Promise<Uint8Array> {
    if (entry.type === "symlink") return new TextEncoder().encode(await this.readlink(entry));
    if (entry.side === "merged") return this.overlay.readFile(entry.path);
    return (await readKnown(join(this.base, entry.path), entry.stat.size)) ?? this.layer.readFile(entry.path.slice(1));
  }

  async readlink(entry: Entry): Promise<string> {
    return entry.side === "base" ? this.layer.readLink(entry.path.slice(1)) : this.overlay.readlink(entry.path);
  }

  /** A file in pieces, whatever its size. Each piece is the caller's until it asks for the next. */
  async *pieces(entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
    const handle = entry.side === "base" ? await this.layer.openRead(entry.path.slice(1)) : await this.overlay.open(entry.path, "r");
    try {
      const buffer = new Uint8Array(pieceSize);
      for (let at = 0; ;) {
        const count = await handle.read(buffer, at);
        if (count === 0) return;
        yield buffer.subarray(0, count);
        at += count;
      }
    } finally {
      await handle.close();
    }
  }

  /** Whether nothing of it differs but its times and owner. */
  async isSame(before: Entry, after: Entry): Promise<boolean> {
    if (before.type !== after.type) return false;
    if (before.type === "symlink") return (await this.readlink(before)) === (await this.readlink(after));
    if (before.stat.mode !== after.stat.mode) return false;
    return before.type !== "file" || this.sameContent(before, after);
  }

  async sameContent(before: Entry, after: Entry): Promise<boolean> {
    if (before.stat.size !== after.stat.size) return false;
    if (before.stat.dev === after.stat.dev && before.stat.ino === after.stat.ino) return true;
    if (before.stat.size <= small) {
      const [a, b] = await Promise.all([this.read(before), this.read(after)]);
      return Buffer.compare(a, b) === 0;
    }
    const other = this.pieces(after);
    try {
      for await (const piece of this.pieces(before)) {
        const next = await other.next();
        if (next.done === true || Buffer.compare(piece, next.value) !== 0) return false;
      }
      return true;
    } finally {
      await other.return();
    }
  }
}

/**
 * A small file of the base in three calls, its size being known. Undefined for whatever is not as expected: the layer's
 * own way of reading finds out what that is.
 */
function readKnown(path: string, size: number): Promise<Uint8Array | undefined> {
  if (size === 0 || size > small || noFollow === 0) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    fs.open(path, fs.constants.O_RDONLY | noFollow | noWait, (fault, fd) => {
      if (fault) {
        resolve(undefined);
        return;
      }
      // One byte more than there should be: it tells a file that has grown.
      const buffer = Buffer.allocUnsafe(size + 1);
      fs.read(fd, buffer, 0, size + 1, 0, (error, count) => {
        fs.close(fd, () => undefined);
        resolve(error === null && count === size ? buffer.subarray(0, size) : undefined);
      });
    });
  });
}

function entryOf(side: Entry["side"], path: string, stat: LayerStat): Entry {
  return { side, path, type: stat.type, stat };
}

async function orAbsent<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
