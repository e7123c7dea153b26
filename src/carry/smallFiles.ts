/**
 * Small files of known size, whole, of one disk. What a patch of many of them costs is calls: two of the pool for each
 * file, and a wake-up with each call, or, where the call thread runs, one message for sixteen files.
 */
import * as fs from "node:fs";
import { callThread } from "../host/callThread.js";
import { noFollow, noWait } from "../host/nodeRead.js";

/** Larger files, in bytes, are read in the layer's own way. */
export const largestSmall = 1 << 20;
/** Larger ones go by themselves: others are not to wait for them. */
const largestTogether = 1 << 16;
/** This many go over together. */
const together = 16;
/** A disk that takes longer for a file, in ms, is better asked by the pool, for several at a time. What is in memory takes a hundredth. */
const slowMs = 0.25;
/** So many files are left to the pool then. */
const afterSlow = 256;

const flags = fs.constants.O_RDONLY | noFollow | noWait;

interface Wanted {
  readonly path: string;
  readonly size: number;
  readonly take: (content: Uint8Array | undefined) => void;
}

export class SmallFiles {
  private wanted: Wanted[] = [];
  private alone = 0;

  /** @param slow ms a file. */
  constructor(private readonly slow = slowMs) {}

  /** Undefined for whatever is not as expected: the layer's own way of reading finds out what that is. */
  read(path: string, size: number): Promise<Uint8Array | undefined> {
    if (size === 0 || size > largestSmall || noFollow === 0) return Promise.resolve(undefined);
    if (size > largestTogether || !callThread.ready || this.alone > 0) {
      this.alone = Math.max(0, this.alone - 1);
      return readAlone(path, size);
    }
    return new Promise((take) => {
      const count = this.wanted.push({ path, size, take });
      // A full message goes at once, so that the thread reads while the files of the one before are worked on.
      if (count === together) void this.send();
      else if (count === 1) setImmediate(() => { void this.send(); });
    });
  }

  private async send(): Promise<void> {
    const wanted = this.wanted;
    if (wanted.length === 0) return; // gone with a full one
    this.wanted = [];
    try {
      const [bytes, isWhole, ms] = await callThread.do("readSmall", "read", wanted[0]?.path ?? "", flags, wanted.map(({ path }) => path), wanted.map(({ size }) => size));
      if (ms > this.slow * wanted.length) this.alone = afterSlow;
      let at = 0;
      for (const [i, { size, take }] of wanted.entries()) {
        take(isWhole[i] === true ? bytes.subarray(at, at + size) : undefined);
        at += size + 1;
      }
    } catch {
      for (const { take } of wanted) take(undefined); // the thread has ended
    }
  }
}

/** What is read by itself shares a buffer of this size. */
const slabSize = 1 << 20;
let slab = Buffer.alloc(0);

function room(size: number): Buffer {
  if (size > slabSize >> 3) return Buffer.allocUnsafeSlow(size);
  if (size > slab.length) slab = Buffer.allocUnsafeSlow(slabSize);
  const own = slab.subarray(0, size);
  slab = slab.subarray(size);
  return own;
}

/** In two calls of the pool. */
function readAlone(path: string, size: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    fs.open(path, flags, (fault, fd) => {
      if (fault) {
        resolve(undefined);
        return;
      }
      // One byte more than there should be: it tells a file that has grown.
      const buffer = room(size + 1);
      fs.read(fd, buffer, 0, size + 1, 0, (error, count) => {
        fs.closeSync(fd); // nothing was written: it has nothing to wait for
        resolve(error === null && count === size ? buffer.subarray(0, size) : undefined);
      });
    });
  });
}
