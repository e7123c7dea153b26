/**
 * The ports on a disk in memory, faithful to Linux on ext4 in every error code; without node:*, so that it can serve
 * tests and a browser host alike. Several layers may share a disk, each rooted at a folder of it.
 */
import type { ErrorCode } from "../engine/errors.js";
import { isCode } from "../engine/errors.js";
import type { LayerListing, LowerLayer, OpenWrite, OutsideReader, ReadHandle, ScratchLayer, WriteHandle } from "../engine/layer.js";
import type { Fingerprint, LayerStat } from "../engine/types.js";
import { faultOf } from "./memoryDisk.js";
import type { MemoryDisk } from "./memoryDisk.js";
import { MemoryHandle, setMode, setOwner, setTimes } from "./memoryHandle.js";
import type { Access } from "./memoryHandle.js";
import { copySmall, publishCopy } from "./memoryOneStep.js";
import { fingerprintOf, isDirectory, isFile, statOf, typeOfInode } from "./memoryInode.js";
import type { MemoryFile, MemoryInode } from "./memoryInode.js";
import { permission } from "./memoryWalk.js";

/** The same limit as the Node host's. */
const largestWhole = 2 ** 31 - 1;

export class MemoryLowerLayer implements LowerLayer {
  /** `root` is an absolute path of the disk with no symlink in it, "/" for all of it. */
  constructor(
    readonly disk: MemoryDisk,
    private readonly root: string,
  ) {}

  physical(path: string): string {
    return path === "" ? this.root : this.root === "/" ? `/${path}` : `${this.root}/${path}`;
  }

  async lstat(path: string): Promise<LayerStat> {
    return statOf(this.disk.inode(this.physical(path), "lstat"), this.disk.options.dev);
  }

  async fingerprint(path: string): Promise<Fingerprint> {
    return fingerprintOf(this.disk.inode(this.physical(path), "lstat"), this.disk.options.dev);
  }

  async readDirectory(path: string): Promise<LayerListing> {
    const physical = this.physical(path);
    const fault = faultOf("readdir", physical);
    const inode = this.disk.inode(physical, "readdir");
    if (!isDirectory(inode)) throw fault("ENOTDIR");
    this.disk.need(inode, permission.read, fault);
    const entries = [...inode.body.entries.values()].map((entry) => ({ name: entry.name, type: typeOfInode(entry.inode) }));
    return { entries, undecodable: inode.body.undecodable };
  }

  async readLink(path: string): Promise<string> {
    const physical = this.physical(path);
    const { body } = this.disk.inode(physical, "readlink");
    if (body.kind !== "symlink" || !body.decodable) throw faultOf("readlink", physical)("EINVAL");
    return body.target;
  }

  async openRead(path: string): Promise<ReadHandle> {
    return this.openInode(path, { read: true, write: false, append: false });
  }

  async readFile(path: string): Promise<Uint8Array> {
    const physical = this.physical(path);
    const inode = this.regular(physical, permission.read);
    const { content } = inode.body;
    if (content.size > largestWhole) throw faultOf("read", physical)("EFBIG");
    const bytes = new Uint8Array(content.size);
    content.read(bytes, 0);
    return bytes;
  }

  protected openInode(path: string, access: Access): MemoryHandle {
    const physical = this.physical(path);
    const wanted = (access.read ? permission.read : 0) | (access.write ? permission.write : 0);
    const inode = this.regular(physical, wanted);
    const { dev } = this.disk.options;
    return new MemoryHandle(this.disk, inode, physical, access, { stat: statOf(inode, dev), print: fingerprintOf(inode, dev) });
  }

  protected regular(physical: string, wanted: number): MemoryFile {
    const fault = faultOf("open", physical);
    const inode = this.disk.inode(physical, "open");
    if (!isFile(inode)) throw fault(refusals[inode.body.kind]);
    if ((wanted & permission.write) !== 0 && this.disk.readOnly) throw fault("EROFS");
    this.disk.need(inode, wanted, fault);
    return inode;
  }
}

const refusals: Readonly<Record<MemoryInode["body"]["kind"], ErrorCode>> = {
  file: "EIO", // asked of what is no file only
  directory: "EISDIR",
  symlink: "ELOOP",
  special: "EINVAL",
};

export class MemoryScratchLayer extends MemoryLowerLayer implements ScratchLayer {
  readonly copySmall?: NonNullable<ScratchLayer["copySmall"]>;
  readonly publishCopy?: NonNullable<ScratchLayer["publishCopy"]>;

  constructor(disk: MemoryDisk, root: string) {
    super(disk, root);
    if (!disk.options.oneStep) return;
    const here = (from: LowerLayer): from is MemoryLowerLayer => from instanceof MemoryLowerLayer && from.disk === disk;
    this.copySmall = async (from, fromPath, path, as) =>
      here(from) ? copySmall(disk, from.physical(fromPath), this.physical(path), as) : undefined;
    this.publishCopy = async (staged, to, from, fromPath, print) =>
      here(from) ? publishCopy(disk, this.physical(staged), this.physical(to), from.physical(fromPath), print) : undefined;
  }

  get privileged(): boolean {
    return this.disk.options.uid === 0;
  }

  get creator(): ScratchLayer["creator"] {
    const { uid, gid, umask } = this.disk.options;
    return { uid, gid, umask };
  }

  async create(path: string, mode: number): Promise<WriteHandle> {
    const physical = this.physical(path);
    const inode = this.disk.makeFile(physical, mode & 0o7777);
    return new MemoryHandle(this.disk, inode, physical, { read: true, write: true, append: false });
  }

  async openWrite(path: string, how: OpenWrite): Promise<WriteHandle> {
    const handle = this.openInode(path, { read: how.read === true, write: true, append: how.append === true });
    if (how.truncate === true) await handle.truncate(0);
    return handle;
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    this.disk.makeDirectory(this.physical(path), mode);
  }

  async makeSymlink(target: string, path: string): Promise<void> {
    this.disk.makeSymlink(target, this.physical(path));
  }

  async link(from: string, to: string): Promise<void> {
    this.disk.link(this.physical(from), this.physical(to));
  }

  async rename(from: string, to: string): Promise<void> {
    this.disk.rename(this.physical(from), this.physical(to));
  }

  async unlink(path: string): Promise<void> {
    this.disk.unlink(this.physical(path));
  }

  async removeDirectory(path: string): Promise<void> {
    this.disk.removeDirectory(this.physical(path));
  }

  async chmod(path: string, mode: number): Promise<void> {
    const physical = this.physical(path);
    const inode = this.disk.inode(physical, "chmod");
    if (inode.body.kind === "symlink") throw faultOf("chmod", physical)("ENOTSUP");
    setMode(this.disk, this.disk.ownInode(physical, "chmod"), mode);
  }

  async chown(path: string, uid: number, gid: number): Promise<void> {
    const physical = this.physical(path);
    setOwner(this.disk, this.disk.inode(physical, "lchown"), uid, gid, "lchown", physical);
  }

  async utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void> {
    setTimes(this.disk, this.disk.ownInode(this.physical(path), "lutimes"), atimeMs, mtimeMs);
  }

  async syncDirectory(path: string): Promise<void> {
    const physical = this.physical(path);
    if (!isDirectory(this.disk.inode(physical, "fsync"))) throw faultOf("fsync", physical)("ENOTDIR");
  }

  async cloneFrom(source: ReadHandle, path: string, mode: number): Promise<boolean> {
    const physical = this.physical(path);
    if (!(source instanceof MemoryHandle)) return false; // of another host
    await source.stat(); // EBADF when closed
    if (!this.disk.options.reflink || source.disk !== this.disk) return false;
    try {
      const { content } = source.inode.body;
      const inode = this.disk.makeFile(physical, mode, "clone");
      try {
        this.disk.charge("clone", physical)(content.pageCount);
      } catch (error) {
        this.disk.unlink(physical);
        throw error;
      }
      inode.body.content = content.clone();
      inode.mode = mode & 0o7777;
      return true;
    } catch (error) {
      if (isCode(error, "EEXIST", "ENOSPC", "EROFS")) throw error;
      return false;
    }
  }
}

export class MemoryOutsideReader implements OutsideReader {
  readonly layer: LowerLayer;

  constructor(private readonly disk: MemoryDisk) {
    this.layer = new MemoryLowerLayer(disk, "/");
  }

  async realPath(path: string): Promise<string> {
    return this.disk.realPath(path);
  }
}
