/**
 * Reading both sides: the base raw, as it lies on the disk and never through a symlink, and merged through the overlay.
 * Nothing here writes.
 */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { isCode, type LowerLayer, OverlayError, toErrorCode } from "../engine/index.js";
import { callThread } from "../host/callThread.js";
import { errnoOf } from "../host/nodeFault.js";
import { NodeLowerLayer } from "../host/nodeLayer.js";
import { checkCancelled, pooled } from "./cancel.js";
import { piecesOf } from "./pieces.js";
import { largestSmall, SmallFiles } from "./smallFiles.js";
import type { Carried, Entry, LeftOut } from "./types.js";

/** From so many files on, the thread for small calls is worth its start. */
const many = 64;

export class Sides {
  private readonly small = { base: new SmallFiles(), upper: new SmallFiles() };

  /** @param base its real path; its URI when it is not `onDisk`. */
  private constructor(readonly overlay: Carried, readonly base: string, private readonly layer: LowerLayer, readonly onDisk: boolean) {}

  /** @throws OverlayError when the base is gone. */
  static async of(overlay: Carried, operation: string): Promise<Sides> {
    const { base } = overlay.manifest;
    if (overlay.remote !== undefined) return new Sides(overlay, base, overlay.remote, false);
    const real = await realpath(base).catch((error: unknown) => {
      throw new OverlayError(toErrorCode(errnoOf(error)), operation, base, { reason: `the base folder '${base}' cannot be reached`, cause: error });
    });
    return new Sides(overlay, real, new NodeLowerLayer(real), true);
  }

  /** So many files are going to be read. */
  expect(files: number): void {
    if (files >= many) void callThread.start();
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
    const { side, path, stat } = entry;
    if (side === "base") return (this.onDisk ? await this.small.base.read(join(this.base, path), stat.size) : undefined) ?? this.layer.readFile(path.slice(1));
    // What is in upper lies there under the path that merged has for it: redirects lead to lowers only.
    const known = "layer" in stat && stat.layer === "upper" ? await this.small.upper.read(join(this.overlay.folder, "upper", path), stat.size) : undefined;
    return known ?? this.overlay.readFile(path);
  }

  async readlink(entry: Entry): Promise<string> {
    return entry.side === "base" ? this.layer.readLink(entry.path.slice(1)) : this.overlay.readlink(entry.path);
  }

  /** A file in pieces, whatever its size. Each piece is the caller's until it asks for the next. */
  async *pieces(entry: Entry): AsyncGenerator<Uint8Array, void, undefined> {
    const handle = entry.side === "base" ? await this.layer.openRead(entry.path.slice(1)) : await this.overlay.open(entry.path, "r");
    try {
      yield* piecesOf(handle);
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

  /** Whether merged shows at a path, and beneath it, what the base has there. */
  async isSameTree(path: string): Promise<boolean> {
    const [old, now] = await Promise.all([this.inBase(path), this.inMerged(path)]);
    if (old === undefined || now === undefined) return old === now;
    if (!(await this.isSame(old, now))) return false;
    if (old.type !== "directory") return true;
    const leftOut: LeftOut[] = [];
    const names = (await this.namesInBase(path, leftOut)).sort();
    const shown = (await this.overlay.readDirectory(path)).map(({ name }) => name).sort();
    if (leftOut.length > 0 || names.length !== shown.length || names.some((name, i) => name !== shown[i])) return false;
    for (const name of names) if (!(await this.isSameTree(path === "/" ? `/${name}` : `${path}/${name}`))) return false;
    return true;
  }

  async sameContent(before: Entry, after: Entry): Promise<boolean> {
    if (before.stat.size !== after.stat.size) return false;
    if (before.stat.dev === after.stat.dev && before.stat.ino === after.stat.ino) return true;
    if (before.stat.size <= largestSmall) {
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

export function entryOf(side: Entry["side"], path: string, stat: Entry["stat"]): Entry {
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
