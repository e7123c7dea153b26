/**
 * What runs in the call thread (callThread.ts): several of the system's calls for one message, and many messages at a
 * time. Its text is handed to the thread as it stands, so that it needs no file of its own beside a bundle: it may name
 * nothing but its parameters and what it declares itself.
 */
import type * as Fs from "node:fs";
import type { MessagePort } from "node:worker_threads";

/** Numbers of fstat: dev, mode, nlink, uid, gid, rdev, ino, size, then atime, mtime, ctime, birth time in ns. */
export type StatNumbers = BigInt64Array;

/** A request: its number, its operation, its arguments. The answer: the number, and what came of it. */
export type Request = readonly [number, keyof Operations, ...unknown[]];
export type Answer = readonly [number, unknown] | readonly [number, undefined, { readonly code: unknown; readonly message: string }];

export interface Operations {
  /** A regular file of at most `limit` bytes, copied to a new one with these times. Undefined for any other. */
  copySmall(from: string, readFlags: number, limit: number, to: string, createFlags: number, mode: number, atime: string, mtime: string): [number, StatNumbers] | undefined;
  /** A regular file's descriptor; undefined, and nothing open, for anything else. */
  open(path: string, flags: number): [number, StatNumbers] | undefined;
  /**
   * Files one after the other, each with a byte behind it. Whether each is of the size that was said, and how many ms they
   * took.
   */
  readSmall(flags: number, paths: readonly string[], sizes: readonly number[]): [Uint8Array, boolean[], number];
  close(fd: number): void;
  /** All of `bytes`, at `position` or, without one, where the descriptor stands. */
  write(fd: number, bytes: Uint8Array, position: number | null): void;
  lstat(path: string): StatNumbers;
  link(from: string, to: string): void;
  unlink(path: string): void;
  /**
   * Links `from` to `to` and unlinks `from`, unless `source` is not what these five numbers say any more: size, mtime,
   * ctime, dev, ino. When only the unlink fails the file has two names: `linked`.
   */
  publish(from: string, to: string, source: string, print: StatNumbers): "published" | "linked" | "changed";
}

export function callThreadMain(fs: typeof Fs, port: MessagePort): void {
  const numbers = (s: Fs.BigIntStats): StatNumbers =>
    BigInt64Array.of(s.dev, s.mode, s.nlink, s.uid, s.gid, s.rdev, s.ino, s.size, s.atimeNs, s.mtimeNs, s.ctimeNs, s.birthtimeNs);

  const readAll = (fd: number, size: number): Uint8Array => {
    const bytes = new Uint8Array(size);
    let total = 0;
    for (let got = -1; got !== 0 && total < size; total += got) got = fs.readSync(fd, bytes, total, size - total, total);
    return bytes.subarray(0, total);
  };

  const operations: Operations = {
    copySmall: (from, readFlags, limit, to, createFlags, mode, atime, mtime) => {
      const source = operations.open(from, readFlags);
      if (source === undefined) return undefined;
      const [fd, stat] = source;
      try {
        const size = Number(stat[7]);
        if (size > limit) return undefined;
        const content = readAll(fd, size);
        const copy = fs.openSync(to, createFlags, mode);
        try {
          operations.write(copy, content, 0);
          fs.futimesSync(copy, atime, mtime);
        } catch (error) {
          try {
            fs.closeSync(copy);
          } finally {
            fs.unlinkSync(to);
          }
          throw error;
        }
        return [copy, stat];
      } finally {
        fs.closeSync(fd);
      }
    },
    open: (path, flags) => {
      const fd = fs.openSync(path, flags);
      try {
        const stat = fs.fstatSync(fd, { bigint: true });
        if (stat.isFile()) return [fd, numbers(stat)];
      } catch (error) {
        fs.closeSync(fd);
        throw error;
      }
      fs.closeSync(fd);
      return undefined;
    },
    readSmall: (flags, paths, sizes) => {
      const start = performance.now();
      const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size + 1, 0));
      let at = 0;
      const are = paths.map((path, i) => {
        const size = sizes[i] ?? 0;
        const here = at;
        at += size + 1; // one byte more than there should be: it tells a file that has grown
        try {
          const fd = fs.openSync(path, flags);
          try {
            return fs.readSync(fd, bytes, here, size + 1, 0) === size;
          } finally {
            fs.closeSync(fd);
          }
        } catch {
          return false;
        }
      });
      return [bytes, are, performance.now() - start];
    },
    write: (fd, bytes, position) => {
      for (let total = 0; total < bytes.length; ) {
        const put = fs.writeSync(fd, bytes, total, bytes.length - total, position === null ? null : position + total);
        if (put === 0) throw Object.assign(new Error("nothing was written"), { code: "EIO" });
        total += put;
      }
    },
    close: (fd) => { fs.closeSync(fd); },
    lstat: (path) => numbers(fs.lstatSync(path, { bigint: true })),
    link: (from, to) => { fs.linkSync(from, to); },
    unlink: (path) => { fs.unlinkSync(path); },
    publish: (from, to, source, print) => {
      let now;
      try {
        now = fs.lstatSync(source, { bigint: true });
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT" || code === "ENOTDIR") return "changed";
        throw error;
      }
      if (now.size !== print[0] || now.mtimeNs !== print[1] || now.ctimeNs !== print[2] || now.dev !== print[3] || now.ino !== print[4]) return "changed";
      fs.linkSync(from, to);
      try {
        fs.unlinkSync(from);
      } catch {
        return "linked";
      }
      return "published";
    },
  };

  port.on("message", (requests: readonly Request[]) => {
    port.postMessage(requests.map(([id, operation, ...args]): Answer => {
      try {
        return [id, (operations[operation] as (...args: unknown[]) => unknown)(...args)];
      } catch (error) {
        const fault = error as NodeJS.ErrnoException;
        return [id, undefined, { code: fault.code, message: fault.message }];
      }
    }));
  });
  port.postMessage([]); // it listens
}
