/**
 * Open files on node:fs. A handle waits for its own calls before it closes, because a call that the thread pool
 * runs after the close could meet another file under the same descriptor number.
 */
import * as fs from "node:fs";
import type { Opened, ReadHandle, WriteHandle } from "../engine/layer.js";
import type { Fingerprint, LayerStat } from "../engine/types.js";
import { callThread } from "./callThread.js";
import { copyThrough, type FillOptions } from "./nodeFill.js";
import { performed, promised, refuse } from "./nodeFault.js";
import type { Done, DoneVoid } from "./nodeFault.js";
import { toFingerprint, toLayerStat, utimesArgument } from "./nodeStat.js";

/** Linux moves at most 0x7ffff000 bytes in one call, and Node refuses more than 2^31-1. */
const mostAtOnce = 1 << 30;

/** What is copied to the call thread rather than lent to the pool, in bytes. */
const smallWrite = 16 * 1024;

export class NodeReadHandle implements ReadHandle {
  #running = 0;
  #closed = false;
  #drained: (() => void) | undefined;

  constructor(
    protected readonly fd: number,
    protected readonly physicalPath: string,
    readonly opened?: Opened,
  ) {}

  get path(): string {
    return this.physicalPath;
  }

  /** Lends the descriptor: it stays open until `use` has ended. */
  async withDescriptor<T>(call: string, use: (fd: number) => Promise<T>): Promise<T> {
    if (this.#closed) throw refuse("EBADF", call, this.physicalPath);
    this.#running++;
    try {
      return await use(this.fd);
    } finally {
      this.#running--;
      if (this.#running === 0) this.#drained?.();
    }
  }

  protected run<T>(call: string, start: (fd: number, done: Done<T>) => void): Promise<T> {
    return this.withDescriptor(call, (fd) => promised<T>(call, this.physicalPath, (done) => { start(fd, done); }));
  }

  protected act(call: string, start: (fd: number, done: DoneVoid) => void): Promise<void> {
    return this.withDescriptor(call, (fd) => performed(call, this.physicalPath, (done) => { start(fd, done); }));
  }

  async stat(): Promise<LayerStat> {
    return toLayerStat(await this.run<fs.Stats>("fstat", (fd, done) => { fs.fstat(fd, done); }));
  }

  async fingerprint(): Promise<Fingerprint> {
    return toFingerprint(await this.run<fs.BigIntStats>("fstat", (fd, done) => { fs.fstat(fd, { bigint: true }, done); }));
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let total = 0;
    do {
      const offset = total;
      const length = Math.min(buffer.byteLength - offset, mostAtOnce);
      const got = await this.run<number>("read", (fd, done) => { fs.read(fd, buffer, offset, length, position + offset, done); });
      if (got === 0) break;
      total += got;
    } while (total < buffer.byteLength);
    return total;
  }

  async close(): Promise<void> {
    if (this.#closed) throw refuse("EBADF", "close", this.physicalPath);
    this.#closed = true;
    if (this.#running > 0) await new Promise<void>((resolve) => { this.#drained = resolve; });
    if (callThread.ready) await callThread.do("close", "close", this.physicalPath, this.fd);
    else await performed("close", this.physicalPath, (done) => { fs.close(this.fd, done); });
  }
}

export class NodeWriteHandle extends NodeReadHandle implements WriteHandle {
  constructor(fd: number, physicalPath: string, private readonly append: boolean, opened?: Opened) {
    super(fd, physicalPath, opened);
  }

  async write(buffer: Uint8Array, position: number): Promise<void> {
    if (callThread.ready && buffer.byteLength <= smallWrite) {
      // A copy: of a part of a buffer, all of the buffer would go over, and as it is by then.
      await this.withDescriptor("write", (fd) => callThread.do("write", "write", this.physicalPath, fd, new Uint8Array(buffer), this.append ? null : position));
      return;
    }
    let total = 0;
    while (total < buffer.byteLength) {
      const offset = total;
      const length = Math.min(buffer.byteLength - offset, mostAtOnce);
      // To append, no position: macOS would put the bytes there, Linux would not.
      const at = this.append ? null : position + offset;
      const put = await this.run<number>("write", (fd, done) => { fs.write(fd, buffer, offset, length, at, done); });
      if (put === 0) throw refuse("EIO", "write", this.physicalPath);
      total += put;
    }
  }

  async fillFrom(source: ReadHandle, options: FillOptions): Promise<number> {
    if (!(source instanceof NodeReadHandle)) return 0;
    return source.withDescriptor("copy", (from) => this.withDescriptor("copy", (to) => copyThrough(from, to, options)));
  }

  truncate(size: number): Promise<void> {
    // Node takes a negative length for 0; the system calls it EINVAL.
    if (!(size >= 0)) return Promise.reject(refuse("EINVAL", "ftruncate", this.physicalPath));
    return this.act("ftruncate", (fd, done) => { fs.ftruncate(fd, size, done); });
  }

  sync(): Promise<void> {
    return this.act("fsync", (fd, done) => { fs.fsync(fd, done); });
  }

  chmod(mode: number): Promise<void> {
    return this.act("fchmod", (fd, done) => { fs.fchmod(fd, mode, done); });
  }

  chown(uid: number, gid: number): Promise<void> {
    return this.act("fchown", (fd, done) => { fs.fchown(fd, uid, gid, done); });
  }

  utimes(atimeMs: number, mtimeMs: number): Promise<void> {
    return this.act("futimes", (fd, done) => {
      fs.futimes(fd, utimesArgument(atimeMs), utimesArgument(mtimeMs), done);
    });
  }
}
