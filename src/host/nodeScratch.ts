/**
 * ScratchLayer on node:fs: the calls that change something. None follows a symlink in the last component, so that no
 * name planted in the scratch can lead a write out of it (INV-1).
 */
import * as fs from "node:fs";
import type { LowerLayer, OpenWrite, ReadHandle, ScratchLayer, SmallCopy, WriteHandle } from "../engine/layer.js";
import type { Fingerprint, LayerStat } from "../engine/types.js";
import { callThread } from "./callThread.js";
import { Cloner } from "./nodeClone.js";
import { chmodEntry } from "./nodeChmod.js";
import { errnoOf, nodeFault, performed, promised } from "./nodeFault.js";
import { NodeReadHandle, NodeWriteHandle } from "./nodeHandle.js";
import { NodeLowerLayer } from "./nodeLayer.js";
import { noFollow, noWait, openRegular } from "./nodeRead.js";
import { fromNumbers, toOpened, utimesArgument } from "./nodeStat.js";
import { retryBusy } from "./retryBusy.js";

const windows = process.platform === "win32";
const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_WRONLY } = fs.constants;

/** link(2) on a filesystem that has no hard links; Windows says it in its own way. */
const noHardLinks: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR"]);
/** fsync of a directory where there is no such thing. */
const noDirectorySync: ReadonlySet<unknown> = new Set(["EINVAL", "EBADF", "ENOTSUP", "EOPNOTSUPP", "EISDIR"]);

export class NodeScratchLayer extends NodeLowerLayer implements ScratchLayer {
  readonly privileged: boolean = process.geteuid?.() === 0;
  readonly #cloner = new Cloner();

  /** As creatorProbe.ts found it. */
  readonly creator: ScratchLayer["creator"];

  constructor(root: string, creator?: ScratchLayer["creator"]) {
    super(root);
    this.creator = creator;
  }

  create(path: string, mode: number): Promise<WriteHandle> {
    const physical = this.physical(path);
    return promised<number>("open", physical, (done) => {
      fs.open(physical, O_RDWR | O_CREAT | O_EXCL | noFollow, mode, done);
    }).then((fd) => new NodeWriteHandle(fd, physical, false));
  }

  async openWrite(path: string, how: OpenWrite): Promise<WriteHandle> {
    const physical = this.physical(path);
    const append = how.append === true;
    const flags = (how.read === true ? O_RDWR : O_WRONLY) | (append ? O_APPEND : 0);
    const handle = (await this.#openInThread(physical, flags, append)) ?? await new Promise<NodeWriteHandle>((resolve, reject) => {
      openRegular(physical, flags, (fd, stat) => { resolve(new NodeWriteHandle(fd, physical, append, toOpened(stat))); }, reject);
    });
    if (how.truncate === true) {
      // Not O_TRUNC: the file is cut only once it is known to be one.
      try {
        await handle.truncate(0);
      } catch (error) {
        await handle.close().catch(() => undefined);
        throw error;
      }
    }
    return handle;
  }

  /** Undefined where the pool is to do it, and to say what it is when it is no regular file. */
  async #openInThread(physical: string, flags: number, append: boolean): Promise<NodeWriteHandle | undefined> {
    if (!callThread.ready || noFollow === 0) return undefined;
    const opened = await callThread.do("open", "open", physical, physical, flags | noFollow | noWait);
    return opened && new NodeWriteHandle(opened[0], physical, append, toOpened(fromNumbers(opened[1])));
  }

  makeDirectory(path: string, mode: number): Promise<void> {
    const physical = this.physical(path);
    return performed("mkdir", physical, (done) => { fs.mkdir(physical, { mode }, done); });
  }

  makeSymlink(target: string, path: string): Promise<void> {
    const physical = this.physical(path);
    return performed("symlink", physical, (done) => { fs.symlink(target, physical, done); });
  }

  async link(from: string, to: string): Promise<void> {
    const source = this.physical(from);
    const physical = this.physical(to);
    // macOS would link what the symlink points at.
    if (process.platform === "darwin" && (await this.lstat(from)).type === "symlink") {
      await this.makeSymlink(await this.readLink(from), to);
      return;
    }
    try {
      if (callThread.ready) await callThread.do("link", "link", physical, source, physical);
      else await performed("link", physical, (done) => { fs.link(source, physical, done); });
    } catch (error) {
      throw await this.#linkFault(error, from, physical);
    }
  }

  /** EPERM is what vfat answers, and also what a directory deserves. */
  async #linkFault(fault: unknown, from: string, physical: string): Promise<unknown> {
    const cause: unknown = fault instanceof Error ? fault.cause : undefined;
    if (!noHardLinks.has(errnoOf(cause))) return fault;
    const stat = await this.lstat(from).catch(() => undefined);
    return nodeFault(cause, "link", physical, stat === undefined || stat.type === "directory" ? "EPERM" : "ENOTSUP");
  }

  async rename(from: string, to: string): Promise<void> {
    const source = this.physical(from);
    const physical = this.physical(to);
    const move = (): Promise<void> => performed("rename", physical, (done) => { fs.rename(source, physical, done); });
    try {
      await (windows ? retryBusy(move) : move());
    } catch (error) {
      // XFS and others say EEXIST of a directory that is not empty; rename(2) allows either.
      const cause: unknown = error instanceof Error ? error.cause : undefined;
      throw errnoOf(cause) === "EEXIST" ? nodeFault(cause, "rename", physical, "ENOTEMPTY") : error;
    }
  }

  async unlink(path: string): Promise<void> {
    const physical = this.physical(path);
    try {
      if (callThread.ready) await callThread.do("unlink", "unlink", physical, physical);
      else await performed("unlink", physical, (done) => { fs.unlink(physical, done); });
    } catch (error) {
      // POSIX lets a system answer EPERM to the unlink of a directory; macOS and Windows do.
      const cause: unknown = error instanceof Error ? error.cause : undefined;
      const directory = errnoOf(cause) === "EPERM" && (await this.lstat(path).catch(() => undefined))?.type === "directory";
      throw directory ? nodeFault(cause, "unlink", physical, "EISDIR") : error;
    }
  }

  async removeDirectory(path: string): Promise<void> {
    const physical = this.physical(path);
    try {
      await performed("rmdir", physical, (done) => { fs.rmdir(physical, done); });
    } catch (error) {
      const cause: unknown = error instanceof Error ? error.cause : undefined;
      throw errnoOf(cause) === "EEXIST" ? nodeFault(cause, "rmdir", physical, "ENOTEMPTY") : error;
    }
  }

  chmod(path: string, mode: number): Promise<void> {
    return chmodEntry(this.physical(path), mode);
  }

  chown(path: string, uid: number, gid: number): Promise<void> {
    const physical = this.physical(path);
    return performed("lchown", physical, (done) => { fs.lchown(physical, uid, gid, done); });
  }

  utimes(path: string, atimeMs: number, mtimeMs: number): Promise<void> {
    const physical = this.physical(path);
    return performed("lutimes", physical, (done) => {
      fs.lutimes(physical, utimesArgument(atimeMs), utimesArgument(mtimeMs), done);
    });
  }

  async syncDirectory(path: string): Promise<void> {
    if (windows) return;
    const physical = this.physical(path);
    const flags = O_RDONLY | noFollow | noWait | fs.constants.O_DIRECTORY;
    const fd = await promised<number>("open", physical, (done) => { fs.open(physical, flags, done); });
    try {
      await performed("fsync", physical, (done) => { fs.fsync(fd, done); });
    } catch (error) {
      if (!noDirectorySync.has(errnoOf(error instanceof Error ? error.cause : undefined))) throw error;
    } finally {
      await performed("close", physical, (done) => { fs.close(fd, done); });
    }
  }

  async copySmall(from: LowerLayer, fromPath: string, path: string, as: LayerStat): Promise<SmallCopy | undefined> {
    if (noFollow === 0 || !(from instanceof NodeLowerLayer) || !callThread.wanted()) return undefined;
    const source = from.physical(fromPath);
    const physical = this.physical(path);
    const made = await callThread.do(
      "copySmall", "copy", physical, source, O_RDONLY | noFollow | noWait, as.size,
      physical, O_RDWR | O_CREAT | O_EXCL | noFollow, as.mode & 0o777, utimesArgument(as.atimeMs), utimesArgument(as.mtimeMs),
    );
    if (made === undefined) return undefined;
    const [fd, stat] = made;
    return { source: toOpened(fromNumbers(stat)), file: new NodeWriteHandle(fd, physical, false) };
  }

  async publishCopy(staged: string, to: string, from: LowerLayer, fromPath: string, print: Fingerprint): Promise<"published" | "linked" | "changed" | undefined> {
    if (!(from instanceof NodeLowerLayer) || !callThread.ready) return undefined;
    const physical = this.physical(to);
    const numbers = BigInt64Array.of(print.size, print.mtimeNs, print.ctimeNs, print.dev, print.ino);
    try {
      return await callThread.do("publish", "link", physical, this.physical(staged), physical, from.physical(fromPath), numbers);
    } catch (error) {
      throw await this.#linkFault(error, staged, physical);
    }
  }

  async cloneFrom(source: ReadHandle, path: string, mode: number): Promise<boolean> {
    // A file that is in no file system of this machine has nothing that could be shared.
    if (!(source instanceof NodeReadHandle)) return false;
    return this.#cloner.clone(source, this.physical(path), this.physical(""), mode);
  }
}
