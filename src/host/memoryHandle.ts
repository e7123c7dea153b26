/**
 * Open files of a disk in memory. A handle holds the inode, not the name: it goes on reading and writing the same
 * file after an unlink or a rename, and the content lives until the last handle closes.
 */
import type { ErrorCode } from "../engine/errors.js";
import type { Opened, ReadHandle, WriteHandle } from "../engine/layer.js";
import type { Fingerprint, LayerStat } from "../engine/types.js";
import { faultOf } from "./memoryDisk.js";
import type { MemoryDisk } from "./memoryDisk.js";
import { fingerprintOf, statOf, toNs } from "./memoryInode.js";
import type { MemoryFile, MemoryInode } from "./memoryInode.js";

/** ext4 with blocks of 4096 bytes. */
export const largestFile = 2 ** 44 - 4096;

export interface Access {
  readonly read: boolean;
  readonly write: boolean;
  readonly append: boolean;
}

export class MemoryHandle implements ReadHandle, WriteHandle {
  #closed = false;

  constructor(
    readonly disk: MemoryDisk,
    readonly inode: MemoryFile,
    private readonly path: string,
    private readonly access: Access,
    readonly opened?: Opened,
  ) {
    inode.open++;
    disk.handles.add(this);
  }

  toString(): string {
    return `handle of ${this.path}`;
  }

  async stat(): Promise<LayerStat> {
    this.#need("fstat", true);
    return statOf(this.inode, this.disk.options.dev);
  }

  async fingerprint(): Promise<Fingerprint> {
    this.#need("fstat", true);
    return fingerprintOf(this.inode, this.disk.options.dev);
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    this.#need("read", this.access.read);
    return this.inode.body.content.read(buffer, position);
  }

  async write(buffer: Uint8Array, position: number): Promise<void> {
    this.#need("write", this.access.write);
    if (this.disk.readOnly) throw this.#fault("write", "EROFS");
    const { content } = this.inode.body;
    const at = this.access.append ? content.size : position;
    if (at + buffer.byteLength > largestFile) throw this.#fault("write", "EFBIG");
    if (buffer.byteLength === 0) return;
    content.write(buffer, at, this.disk.charge("write", this.path));
    contentChanged(this.disk, this.inode);
  }

  async truncate(size: number): Promise<void> {
    this.#need("ftruncate", true);
    if (!this.access.write || !(size >= 0)) throw this.#fault("ftruncate", "EINVAL");
    if (size > largestFile) throw this.#fault("ftruncate", "EFBIG");
    if (this.disk.readOnly) throw this.#fault("ftruncate", "EROFS");
    this.inode.body.content.truncate(size, this.disk.charge("ftruncate", this.path));
    contentChanged(this.disk, this.inode);
  }

  async sync(): Promise<void> {
    this.#need("fsync", true);
  }

  async chmod(mode: number): Promise<void> {
    this.#need("fchmod", true);
    this.disk.needOwner(this.inode, faultOf("fchmod", this.path));
    setMode(this.disk, this.inode, mode);
  }

  async chown(uid: number, gid: number): Promise<void> {
    this.#need("fchown", true);
    setOwner(this.disk, this.inode, uid, gid, "fchown", this.path);
  }

  async utimes(atimeMs: number, mtimeMs: number): Promise<void> {
    this.#need("futimes", true);
    this.disk.needOwner(this.inode, faultOf("futimes", this.path));
    setTimes(this.disk, this.inode, atimeMs, mtimeMs);
  }

  async close(): Promise<void> {
    this.#need("close", true);
    this.#closed = true;
    this.inode.open--;
    this.disk.handles.delete(this);
    this.disk.release(this.inode);
  }

  #need(call: string, allowed: boolean): void {
    if (this.#closed || !allowed) throw this.#fault(call, "EBADF");
  }

  #fault(call: string, code: ErrorCode): Error {
    return faultOf(call, this.path)(code);
  }
}

/** A write by an ordinary user takes the set-id bits away. */
function contentChanged(disk: MemoryDisk, inode: MemoryInode): void {
  const now = disk.now();
  inode.mtime = now;
  inode.ctime = now;
  if (disk.options.uid !== 0) inode.mode = withoutSetId(inode.mode);
}

function withoutSetId(mode: number): number {
  return (mode & 0o010) === 0 ? mode & ~0o4000 : mode & ~0o6000;
}

export function setMode(disk: MemoryDisk, inode: MemoryInode, mode: number): void {
  inode.mode = mode & 0o7777;
  inode.ctime = disk.now();
}

/** An ordinary user may only say again what is so, or name the own group. -1 leaves as it is. */
export function setOwner(disk: MemoryDisk, inode: MemoryInode, uid: number, gid: number, call: string, path: string): void {
  const owner = uid === -1 ? inode.uid : uid;
  const group = gid === -1 ? inode.gid : gid;
  const fault = faultOf(call, path);
  disk.needOwner(inode, fault);
  const { options } = disk;
  if (options.uid !== 0 && (owner !== inode.uid || (group !== inode.gid && group !== options.gid))) throw fault("EPERM");
  inode.uid = owner;
  inode.gid = group;
  if (inode.body.kind !== "directory") inode.mode = withoutSetId(inode.mode);
  inode.ctime = disk.now();
}

export function setTimes(disk: MemoryDisk, inode: MemoryInode, atimeMs: number, mtimeMs: number): void {
  inode.atime = toNs(atimeMs);
  inode.mtime = toNs(mtimeMs);
  inode.ctime = disk.now();
}
