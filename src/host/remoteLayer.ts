/**
 * LowerLayer over a base that is not on a disk. No call is made whose answer is known: listings, stats and small files are
 * kept until `changed` or `forget`; what a listing does not name is absent; the root is listed before a name in it is asked
 * for, another directory once a name was asked for in vain.
 *
 * What such a base cannot say: links are what they lead to; modes are guessed; an entry has no identity, so a fingerprint
 * is path, size and times. A file comes whole in one call, so it is never a mixture of two states, and an open one is read
 * from memory. `fingerprint` makes no call where the stat is known: the engine asks for it under a lock.
 */
import { LayerError, isCode, type ErrorCode } from "../engine/errors.js";
import type { LayerListing, LowerLayer, Opened, ReadHandle } from "../engine/layer.js";
import { byteLength, nameMax, pathMax } from "../engine/paths.js";
import type { Disposable, EntryType, Fingerprint, LayerStat } from "../engine/types.js";
import { RemoteCalls, type RemoteState } from "./remoteCalls.js";
import { isNotFound, isUnreachable, modeOf, type RemoteFiles, type RemoteStat, typeOf } from "./remoteFiles.js";
import { absent, isBeneath, nameOf, parentOf, type RemoteLimits, type RemoteListing, RemoteMemory, toListing } from "./remoteMemory.js";

export interface RemoteLayerOptions {
  /** What the base is called in errors: its URI, readable. */
  readonly name: string;
  /** Default true. */
  readonly caseSensitive?: boolean;
  /** Default: 200,000 entries, 16 MiB. */
  readonly limits?: RemoteLimits;
  /** In bytes; a larger file is EFBIG, as it has to be in memory whole. Default: 256 MiB. */
  readonly largestFile?: number;
}

/** Something happened to a path of the base: with a leading slash, "/" for all of it. */
export interface RemoteChange {
  readonly type: "created" | "changed" | "deleted";
  readonly path: string;
}

const defaultLimits: RemoteLimits = { entries: 200_000, bytes: 16 * 1024 * 1024 };
const defaultLargest = 256 * 1024 * 1024;
/** No device of this machine has it. */
const noDevice = -1;
/** How often a file may have another size than its stat says before that is said: EBUSY. */
const maxReads = 3;
/** From this many names on that were asked for in vain, a directory is listed; the root at once, as whoever opens it lists it. */
const missesToList = 1;

interface Content {
  readonly bytes: Uint8Array;
  readonly stat: RemoteStat;
}

export class RemoteLowerLayer implements LowerLayer {
  readonly costly = true;
  private readonly memory: RemoteMemory;
  private readonly calls: RemoteCalls;
  private readonly largest: number;

  constructor(private readonly files: RemoteFiles, options: RemoteLayerOptions) {
    this.calls = new RemoteCalls(options.name);
    this.memory = new RemoteMemory(options.limits ?? defaultLimits, options.caseSensitive === false ? (path) => path.toLowerCase() : (path) => path);
    this.largest = options.largestFile ?? defaultLargest;
  }

  get state(): RemoteState {
    return this.calls.state;
  }

  /** A call began or ended. */
  onDidChangeState(listener: (state: RemoteState) => void): Disposable {
    return this.calls.onDidChange(listener);
  }

  /** Whoever waits for the base gets ECANCELED; what the base is still to answer is kept when it comes. */
  cancel(): void {
    this.calls.cancel();
  }

  /** What is known of these paths is not any more. */
  changed(changes: readonly RemoteChange[]): void {
    if (changes.some(({ path }) => path === "/")) {
      this.forget();
      return;
    }
    for (const { type, path } of changes) {
      const key = this.memory.fold(path.slice(1));
      if (type === "changed") this.memory.forgetEntry(key);
      else this.memory.forgetTree(key);
      this.calls.overtake((under) => {
        const other = this.memory.fold(under);
        return other === key || (type !== "changed" && (other === parentOf(key) || isBeneath(other, key)));
      });
    }
  }

  forget(): void {
    this.memory.clear();
    this.calls.overtake(() => true);
  }

  kindOf(path: string): EntryType | undefined {
    return this.memory.kind(path);
  }

  async lstat(path: string): Promise<LayerStat> {
    return toLayerStat(path, await this.look("lstat", path));
  }

  async fingerprint(path: string): Promise<Fingerprint> {
    return toFingerprint(path, await this.look("lstat", path));
  }

  async readDirectory(path: string): Promise<LayerListing> {
    const { entries, undecodable } = await this.list(path);
    return { entries: [...entries], undecodable };
  }

  /** There are none: a link is what it leads to. */
  async readLink(path: string): Promise<string> {
    await this.look("readlink", path);
    throw this.refused("EINVAL", "readlink", path);
  }

  async openRead(path: string): Promise<ReadHandle> {
    const { bytes, stat } = await this.read(path);
    // What is copied is what came, whatever the stat says of its size; what is compared is the stat.
    const opened = { stat: { ...toLayerStat(path, stat), size: bytes.length }, print: toFingerprint(path, stat) };
    return new RemoteReadHandle(this.calls.place(path), bytes, opened);
  }

  async readFile(path: string): Promise<Uint8Array> {
    return (await this.read(path)).bytes.slice();
  }

  /** @param call as errors name it. */
  private async look(call: string, path: string): Promise<RemoteStat> {
    this.check(call, path);
    const known = this.memory.stat(path);
    if (known === absent) throw this.refused("ENOENT", call, path);
    if (known !== undefined) return known;
    this.checkAbove(call, path);
    const parent = parentOf(path);
    const isListWorthIt = path !== "" && (parent === "" || this.memory.misses(parent) >= missesToList);
    if (isListWorthIt && (await this.isListedAbsent(parent, nameOf(path)))) throw this.refused("ENOENT", call, path);
    const found = await this.askStat(path).catch(async (error: unknown): Promise<typeof absent> => {
      // Some say "not found" in words that only they know; then the directory's listing says it.
      const says = isCode(error, "EIO") && path !== "" && !isUnreachable(causeOf(error)) && (await this.isListedAbsent(parent, nameOf(path)));
      if (says) return absent;
      throw this.named(error, call, path);
    });
    if (found === absent) throw this.refused("ENOENT", call, path);
    return found;
  }

  /** A fault of the call that was asked for, whichever call it took. */
  private named(error: unknown, call: string, path: string): unknown {
    if (!(error instanceof LayerError) || error.call === call) return error;
    return new LayerError(error.code, call, this.calls.place(path), { cause: error, ...(error.reason === undefined ? {} : { reason: error.reason }) });
  }

  private askStat(path: string): Promise<RemoteStat | typeof absent> {
    const run = async (): Promise<RemoteStat | typeof absent> => {
      try {
        return await this.files.stat(path);
      } catch (error) {
        if (isNotFound(error)) return absent;
        throw error;
      }
    };
    return this.calls.ask("lstat", path, run, (found) => {
      // A base that is gone as a whole may be back the next moment.
      if (path !== "" || found !== absent) this.memory.setStat(path, found);
    });
  }

  /** False where the directory cannot be listed: that says nothing of what is in it. */
  private async isListedAbsent(directory: string, name: string): Promise<boolean> {
    const { fold } = this.memory;
    try {
      return !(await this.list(directory)).entries.some((entry) => fold(entry.name) === fold(name));
    } catch (error) {
      if (isCode(error, "ECANCELED")) throw error;
      return false;
    }
  }

  private async list(path: string): Promise<RemoteListing> {
    this.check("readdir", path);
    const known = this.memory.listing(path);
    if (known !== undefined) return known;
    this.checkAbove("readdir", path);
    const kind = this.memory.kind(path);
    if (kind !== undefined && kind !== "directory") throw this.refused("ENOTDIR", "readdir", path);
    if (this.memory.stat(path) === absent) throw this.refused("ENOENT", "readdir", path);
    const run = async (): Promise<RemoteListing> => toListing(await this.files.readDirectory(path));
    return this.calls.ask("readdir", path, run, (listing) => { this.memory.setListing(path, listing); }).catch((error: unknown) => this.doubt(path, error));
  }

  /** What was known of an entry was wrong, as it is gone, or of another kind: the next look asks. */
  private doubt(path: string, error: unknown): never {
    if (isCode(error, "ENOENT", "ENOTDIR", "EISDIR")) this.memory.forgetTree(path);
    throw error;
  }

  private async read(path: string): Promise<Content> {
    for (let reads = 0; reads < maxReads; reads++) {
      const stat = await this.look("open", path);
      this.checkFile(path, stat);
      const bytes = this.memory.content(path, stat) ?? (await this.fetch(path, stat));
      if (bytes.length === stat.size) return { bytes, stat };
      // The file is another one by now, or its size was never told right.
      this.memory.forgetEntry(path);
      const now = await this.look("open", path);
      if (now.size === stat.size && now.mtime === stat.mtime) return { bytes, stat: now };
    }
    throw this.refused("EBUSY", "open", path);
  }

  private fetch(path: string, stat: RemoteStat): Promise<Uint8Array> {
    return this.calls.ask("read", path, () => this.files.readFile(path), (content) => { this.memory.setContent(path, content, stat); }).catch((error: unknown) => this.doubt(path, error));
  }

  private checkFile(path: string, stat: RemoteStat): void {
    const type = typeOf(stat.type);
    if (type === "directory") throw this.refused("EISDIR", "open", path);
    if (type !== "file") throw this.refused("EINVAL", "open", path);
    if (stat.size <= this.largest) return;
    const size = Math.round(stat.size / 1024 / 1024);
    throw new LayerError("EFBIG", "open", this.calls.place(path), {
      reason: `it has ${size} MiB; over a base that is not on a disk a file has to be read whole, which is done up to ${Math.round(this.largest / 1024 / 1024)} MiB`,
    });
  }

  private check(call: string, path: string): void {
    if (path.includes("\0")) throw this.refused("EINVAL", call, path);
    if (path.length < nameMax / 4) return;
    if (byteLength(path) >= pathMax || path.split("/").some((name) => byteLength(name) > nameMax)) throw this.refused("ENAMETOOLONG", call, path);
  }

  /** What is known to be no directory has nothing beneath it. */
  private checkAbove(call: string, path: string): void {
    const above = path === "" ? undefined : this.memory.kind(parentOf(path));
    if (above !== undefined && above !== "directory") throw this.refused("ENOTDIR", call, path);
  }

  private refused(code: ErrorCode, call: string, path: string): LayerError {
    return new LayerError(code, call, this.calls.place(path));
  }
}

/** The content of one file as it was when it was opened. */
class RemoteReadHandle implements ReadHandle {
  private closed = false;

  constructor(private readonly place: string, private readonly bytes: Uint8Array, readonly opened: Opened) {}

  async stat(): Promise<LayerStat> {
    this.need("fstat");
    return { ...this.opened.stat };
  }

  async fingerprint(): Promise<Fingerprint> {
    this.need("fstat");
    return this.opened.print;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.need("read");
    const part = this.bytes.subarray(position, position + buffer.length);
    buffer.set(part);
    return part.length;
  }

  async close(): Promise<void> {
    this.need("close");
    this.closed = true;
  }

  private need(call: string): void {
    if (this.closed) throw new LayerError("EBADF", call, this.place);
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

function toLayerStat(path: string, stat: RemoteStat): LayerStat {
  const type = typeOf(stat.type);
  const { size, mtime: mtimeMs, ctime: birthtimeMs } = stat;
  // Nobody tells when attributes changed; the modification is the one time that moves when something does.
  return {
    type, mode: modeOf(type, stat), ...me, size, nlink: 1, dev: noDevice, ino: Number(inodeOf(path)), rdev: 0,
    atimeMs: mtimeMs, mtimeMs, ctimeMs: mtimeMs, birthtimeMs,
  };
}

function toFingerprint(path: string, stat: RemoteStat): Fingerprint {
  const mtimeNs = nanoseconds(stat.mtime);
  return { size: BigInt(Math.trunc(stat.size)), mtimeNs, ctimeNs: mtimeNs, dev: BigInt(noDevice), ino: inodeOf(path) };
}

function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}

/** A number for a path that another path has as good as never: FNV-1a, as many bits as a double holds. */
function inodeOf(path: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of encoder.encode(path)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash >> 11n;
}

const encoder = new TextEncoder();
