/**
 * A disk in memory, as ext4 behaves: inodes with link counts, names that move, times, permissions, a capacity. The
 * state that layers share; every operation is one synchronous step, so what a schedule can tear is the caller's own.
 */
import { LayerError } from "../engine/errors.js";
import type { ErrorCode } from "../engine/errors.js";
import { byteLength, pathMax } from "../engine/paths.js";
import { MemoryContent, pageSize } from "./memoryFile.js";
import type { ChargePages } from "./memoryFile.js";
import { isDirectory, isFile } from "./memoryInode.js";
import type { MemoryBody, MemoryDirectory, MemoryFile, MemoryInode } from "./memoryInode.js";
import { pathOf, permission, walk } from "./memoryWalk.js";
import type { Fault, Walked } from "./memoryWalk.js";

export interface MemoryDiskOptions {
  /** Nanoseconds since the epoch, asked once per change. Default: a clock that steps by a microsecond. */
  readonly clock?: () => bigint;
  readonly umask?: number;
  /** Whose process this is: 0 may everything, anyone else is checked. Default 0. */
  readonly uid?: number;
  readonly gid?: number;
  readonly hardLinks?: boolean;
  readonly reflink?: boolean;
  /** Whether scratch layers have copySmall and publishCopy. */
  readonly oneStep?: boolean;
  readonly caseSensitive?: boolean;
  /** Bytes, in pages of 4096; only file content counts. */
  readonly capacity?: number;
  readonly dev?: number;
}

const mostLinks = 65_000;
const newSymlinkMode = 0o777;

export class MemoryDisk {
  readonly options: Required<MemoryDiskOptions>;
  /** A mount that turned read-only: every change is EROFS. */
  readOnly = false;
  /** Bytes that file content may take; a test may change it at any time. */
  capacity: number;
  readonly root: MemoryDirectory;
  /** What is open now; a test that ends with something in here has found a leak. */
  readonly handles = new Set<object>();
  #lastIno = 1;
  #pages = 0;

  constructor(options: MemoryDiskOptions = {}) {
    this.options = {
      clock: steppingClock(), umask: 0o022, uid: 0, gid: options.uid ?? 0, hardLinks: true, reflink: false, oneStep: false,
      caseSensitive: true, capacity: Infinity, dev: 64_769, ...options,
    };
    this.capacity = this.options.capacity;
    this.root = this.#newInode({ kind: "directory", entries: new Map(), undecodable: 0, parent: undefined }, 0o755) as MemoryDirectory;
    this.root.nlink = 2;
  }

  get usedBytes(): number {
    return this.#pages * pageSize;
  }

  fold(name: string): string {
    return this.options.caseSensitive ? name : name.normalize("NFC").toLowerCase();
  }

  need(inode: MemoryInode, bits: number, fault: Fault): void {
    const { uid, gid } = this.options;
    if (uid === 0) return;
    const shift = uid === inode.uid ? 6 : gid === inode.gid ? 3 : 0;
    if (((inode.mode >> shift) & bits) !== bits) throw fault("EACCES");
  }

  find(path: string, call: string, followLast = false): Walked {
    return walk(this, path, faultOf(call, path), followLast);
  }

  inode(path: string, call: string): MemoryInode {
    const { entry } = this.find(path, call);
    if (entry === undefined) throw faultOf(call, path)("ENOENT");
    return entry.inode;
  }

  realPath(path: string): string {
    const found = this.find(path, "realpath", true);
    if (found.entry === undefined) throw faultOf("realpath", path)("ENOENT");
    return found.name === "" ? pathOf(found.parent, "") : pathOf(found.parent, found.entry.name);
  }

  /** The charge for a file's pages; ENOSPC when the disk is full. */
  charge(call: string, path: string): ChargePages {
    return (pages) => {
      if (pages > 0 && (this.#pages + pages) * pageSize > this.capacity) throw faultOf(call, path)("ENOSPC");
      this.#pages += pages;
    };
  }

  makeFile(path: string, mode: number, call = "open"): MemoryFile {
    return this.#make(path, call, () => ({ kind: "file", content: new MemoryContent() }), mode & ~this.options.umask) as MemoryFile;
  }

  makeDirectory(path: string, mode: number): void {
    this.#make(path, "mkdir", (parent) => ({ kind: "directory", entries: new Map(), undecodable: 0, parent }), mode & 0o1777 & ~this.options.umask);
  }

  makeSymlink(target: string, path: string, decodable = true): void {
    if (target === "") throw faultOf("symlink", path)("ENOENT");
    if (target.includes("\0")) throw faultOf("symlink", path)("EINVAL");
    if (byteLength(target) >= pathMax) throw faultOf("symlink", path)("ENAMETOOLONG");
    this.#make(path, "symlink", () => ({ kind: "symlink", target, decodable }), newSymlinkMode);
  }

  makeSpecial(path: string, type: "fifo" | "socket" | "block" | "character", rdev = 0, mode = 0o644): void {
    this.#make(path, "mknod", () => ({ kind: "special", type, rdev }), mode);
  }

  link(from: string, to: string): void {
    const fault = faultOf("link", to);
    const source = this.find(from, "link");
    if (source.entry === undefined) throw fault("ENOENT");
    const target = this.find(to, "link");
    if (target.entry !== undefined) throw fault("EEXIST");
    this.#writable(target.parent, fault);
    const { inode } = source.entry;
    if (isDirectory(inode)) throw fault("EPERM");
    if (!this.options.hardLinks) throw fault("ENOTSUP");
    if (inode.nlink >= mostLinks) throw fault("EMLINK");
    inode.nlink++;
    inode.ctime = this.#add(target.parent, target.name, inode);
  }

  unlink(path: string): void {
    const fault = faultOf("unlink", path);
    const { parent, name, entry } = this.find(path, "unlink");
    this.#needDisk(fault);
    if (entry === undefined) throw fault("ENOENT");
    this.#writable(parent, fault);
    if (isDirectory(entry.inode)) throw fault("EISDIR");
    this.#drop(parent, name, entry.inode);
  }

  removeDirectory(path: string): void {
    const fault = faultOf("rmdir", path);
    const { parent, name, entry } = this.find(path, "rmdir");
    this.#needDisk(fault);
    if (entry === undefined) throw fault("ENOENT");
    if (name === "") throw fault("EBUSY");
    this.#writable(parent, fault);
    if (!isDirectory(entry.inode)) throw fault("ENOTDIR");
    if (!isEmpty(entry.inode)) throw fault("ENOTEMPTY");
    this.#drop(parent, name, entry.inode);
  }

  rename(from: string, to: string): void {
    const fault = faultOf("rename", to);
    const source = this.find(from, "rename");
    const target = this.find(to, "rename");
    if (source.name === "" || target.name === "") throw fault("EBUSY");
    this.#needDisk(fault);
    if (source.entry === undefined) throw fault("ENOENT");
    const { inode } = source.entry;
    if (isDirectory(inode) && isBeneath(target.parent, inode)) throw fault("EINVAL");
    if (target.entry !== undefined && isDirectory(target.entry.inode) && isBeneath(source.parent, target.entry.inode)) throw fault("ENOTEMPTY");
    if (target.entry?.inode === inode && target.entry !== source.entry) return; // two names of one file: nothing to do
    if (target.entry === source.entry && source.name === target.name) return;
    this.#writable(source.parent, fault);
    this.#writable(target.parent, fault);
    const replaced = target.entry === source.entry ? undefined : target.entry?.inode;
    if (replaced !== undefined) {
      if (isDirectory(inode) && !isDirectory(replaced)) throw fault("ENOTDIR");
      if (!isDirectory(inode) && isDirectory(replaced)) throw fault("EISDIR");
    }
    // Its ".." is about to change, which is a write to the directory itself.
    if (isDirectory(inode) && source.parent !== target.parent) this.need(inode, permission.write, fault);
    if (replaced !== undefined && isDirectory(replaced) && !isEmpty(replaced)) throw fault("ENOTEMPTY");
    if (replaced !== undefined) this.#drop(target.parent, target.name, replaced);
    source.parent.body.entries.delete(this.fold(source.name));
    this.#touch(source.parent);
    inode.ctime = this.#add(target.parent, target.name, inode);
    if (isDirectory(inode)) {
      inode.body.parent = target.parent;
      source.parent.nlink--;
      target.parent.nlink++;
    }
  }

  /** Permission bits, size and times are the inode's own: checked against its owner. */
  ownInode(path: string, call: string): MemoryInode {
    const inode = this.inode(path, call);
    this.needOwner(inode, faultOf(call, path));
    return inode;
  }

  needOwner(inode: MemoryInode, fault: Fault): void {
    if (this.readOnly) throw fault("EROFS");
    if (this.options.uid !== 0 && this.options.uid !== inode.uid) throw fault("EPERM");
  }

  now(): bigint {
    return this.options.clock();
  }

  /** A handle went, or a name did: content that nobody can reach any more gives its pages back. */
  release(inode: MemoryInode): void {
    if (inode.nlink === 0 && inode.open === 0 && isFile(inode)) this.#pages -= inode.body.content.pageCount;
  }

  /** For snapshots: the inode numbers and pages of the disk that was copied. */
  adopt(lastIno: number, pages: number): void {
    this.#lastIno = lastIno;
    this.#pages = pages;
  }

  get lastIno(): number {
    return this.#lastIno;
  }

  #make(path: string, call: string, body: (parent: MemoryDirectory) => MemoryBody, mode: number): MemoryInode {
    const fault = faultOf(call, path);
    const { parent, name, entry } = this.find(path, call);
    if (entry !== undefined) throw fault("EEXIST");
    this.#writable(parent, fault);
    const made = body(parent);
    if (made.kind === "directory" && parent.nlink >= mostLinks) throw fault("EMLINK");
    const inherits = (parent.mode & 0o2000) !== 0;
    const inode = this.#newInode(made, inherits && made.kind === "directory" ? mode | 0o2000 : mode);
    if (inherits) inode.gid = parent.gid;
    if (made.kind === "directory") {
      inode.nlink = 2;
      parent.nlink++;
    }
    this.#add(parent, name, inode);
    return inode;
  }

  #newInode(body: MemoryBody, mode: number): MemoryInode {
    const now = this.now();
    const { uid, gid } = this.options;
    return { ino: ++this.#lastIno, body, mode, uid, gid, nlink: 1, atime: now, mtime: now, ctime: now, birthtime: now, open: 0 };
  }

  /** Linux asks the mount before it looks for the name that goes. */
  #needDisk(fault: Fault): void {
    if (this.readOnly) throw fault("EROFS");
  }

  #writable(directory: MemoryDirectory, fault: Fault): void {
    this.#needDisk(fault);
    this.need(directory, permission.write | permission.search, fault);
    if (directory.nlink === 0) throw fault("ENOENT");
  }

  #add(directory: MemoryDirectory, name: string, inode: MemoryInode): bigint {
    directory.body.entries.set(this.fold(name), { name, inode });
    return this.#touch(directory);
  }

  #drop(directory: MemoryDirectory, name: string, inode: MemoryInode): void {
    directory.body.entries.delete(this.fold(name));
    const now = this.#touch(directory);
    inode.ctime = now;
    if (isDirectory(inode)) {
      inode.nlink = 0;
      directory.nlink--;
    } else inode.nlink--;
    this.release(inode);
  }

  #touch(directory: MemoryDirectory): bigint {
    const now = this.now();
    directory.mtime = now;
    directory.ctime = now;
    return now;
  }
}

export function faultOf(call: string, path: string): Fault {
  return (code: ErrorCode) => new LayerError(code, call, path);
}

function isEmpty(directory: MemoryDirectory): boolean {
  return directory.body.entries.size === 0 && directory.body.undecodable === 0;
}

function isBeneath(directory: MemoryInode, ancestor: MemoryInode): boolean {
  for (let at: MemoryInode | undefined = directory; at !== undefined; at = isDirectory(at) ? at.body.parent : undefined) {
    if (at === ancestor) return true;
  }
  return false;
}

/** Starts at a fixed moment, so that a run can be repeated; every look moves it on. */
export function steppingClock(startMs = 1_700_000_000_000): () => bigint {
  let now = BigInt(startMs) * 1_000_000n;
  return () => (now += 1000n);
}
