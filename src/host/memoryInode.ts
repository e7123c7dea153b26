/** The inodes of a disk in memory, and what lstat says of them. Unions, so that only a directory has entries. */
import type { EntryType, Fingerprint, LayerStat } from "../engine/types.js";
import type { MemoryContent } from "./memoryFile.js";

export interface MemoryEntry {
  /** As it was made; the key of a case-insensitive directory is folded. */
  name: string;
  inode: MemoryInode;
}

export type MemoryBody =
  | { readonly kind: "file"; content: MemoryContent }
  | { readonly kind: "directory"; readonly entries: Map<string, MemoryEntry>; undecodable: number; parent: MemoryInode | undefined }
  | { readonly kind: "symlink"; readonly target: string; readonly decodable: boolean }
  | { readonly kind: "special"; readonly type: "fifo" | "socket" | "block" | "character"; readonly rdev: number };

export interface MemoryInode {
  readonly ino: number;
  readonly body: MemoryBody;
  mode: number;
  uid: number;
  gid: number;
  nlink: number;
  /** Nanoseconds. */
  atime: bigint;
  mtime: bigint;
  ctime: bigint;
  readonly birthtime: bigint;
  /** Open handles: content lives on, uncounted among the names, until the last closes. */
  open: number;
}

export type MemoryDirectory = MemoryInode & { readonly body: Extract<MemoryBody, { kind: "directory" }> };
export type MemoryFile = MemoryInode & { readonly body: Extract<MemoryBody, { kind: "file" }> };

export function isDirectory(inode: MemoryInode): inode is MemoryDirectory {
  return inode.body.kind === "directory";
}

export function isFile(inode: MemoryInode): inode is MemoryFile {
  return inode.body.kind === "file";
}

export function typeOfInode(inode: MemoryInode): EntryType {
  return inode.body.kind === "special" ? inode.body.type : inode.body.kind;
}

const directorySize = 4096;

export function sizeOf(inode: MemoryInode): number {
  switch (inode.body.kind) {
    case "file": return inode.body.content.size;
    case "directory": return directorySize;
    case "symlink": return new TextEncoder().encode(inode.body.target).byteLength;
    case "special": return 0;
  }
}

export function statOf(inode: MemoryInode, dev: number): LayerStat {
  return {
    type: typeOfInode(inode),
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    size: sizeOf(inode),
    nlink: inode.nlink,
    dev,
    ino: inode.ino,
    rdev: inode.body.kind === "special" ? inode.body.rdev : 0,
    atimeMs: toMs(inode.atime),
    mtimeMs: toMs(inode.mtime),
    ctimeMs: toMs(inode.ctime),
    birthtimeMs: toMs(inode.birthtime),
  };
}

export function fingerprintOf(inode: MemoryInode, dev: number): Fingerprint {
  return { size: BigInt(sizeOf(inode)), mtimeNs: inode.mtime, ctimeNs: inode.ctime, dev: BigInt(dev), ino: BigInt(inode.ino) };
}

/** As Node does it: whole seconds and the rest apart, so that no more than a double's own digits are lost. */
export function toMs(ns: bigint): number {
  const seconds = ns / 1_000_000_000n;
  return Number(seconds) * 1000 + Number(ns - seconds * 1_000_000_000n) / 1e6;
}

/** Whole microseconds, as little as any system keeps. */
export function toNs(ms: number): bigint {
  return BigInt(Math.floor(ms * 1000 + 0.25)) * 1000n;
}
