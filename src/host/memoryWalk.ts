/**
 * From a physical path to an inode of a disk in memory, as namei does it: symlinks followed in every component but
 * the last, "..", the limits on names, paths and links, and permission to search where the disk has an ordinary user.
 */
import type { LayerError } from "../engine/errors.js";
import type { ErrorCode } from "../engine/errors.js";
import { byteLength, nameMax, pathMax } from "../engine/paths.js";
import { isDirectory } from "./memoryInode.js";
import type { MemoryDirectory, MemoryEntry, MemoryInode } from "./memoryInode.js";

/** Linux gives up after as many. */
const mostLinks = 40;

export const permission = { read: 4, write: 2, search: 1 } as const;

export interface Walked {
  readonly parent: MemoryDirectory;
  /** The last component; "" for the root itself. */
  readonly name: string;
  readonly entry: MemoryEntry | undefined;
}

export interface Fault {
  (code: ErrorCode): LayerError;
}

export interface WalkRules {
  readonly root: MemoryDirectory;
  fold(name: string): string;
  /** Throws EACCES. */
  need(inode: MemoryInode, bits: number, fault: Fault): void;
}

/** Resolves `path`, absolute; the last component is looked up, not followed, unless `followLast`. */
export function walk(rules: WalkRules, path: string, fault: Fault, followLast = false): Walked {
  if (path.includes("\0")) throw fault("EINVAL");
  if (byteLength(path) >= pathMax) throw fault("ENAMETOOLONG");
  let pending = split(path);
  let links = 0;
  let directory = rules.root;
  for (;;) {
    const name = pending.shift();
    if (name === undefined) return { parent: directory, name: "", entry: { name: "", inode: directory } };
    if (name === "..") {
      const up = directory.body.parent;
      if (up !== undefined && isDirectory(up)) directory = up;
      continue;
    }
    rules.need(directory, permission.search, fault);
    if (byteLength(name) > nameMax) throw fault("ENAMETOOLONG");
    const entry = directory.body.entries.get(rules.fold(name));
    const last = pending.length === 0;
    if (last && !(followLast && entry?.inode.body.kind === "symlink")) return { parent: directory, name, entry };
    if (entry === undefined) throw fault("ENOENT");
    if (entry.inode.body.kind === "symlink") {
      if (++links > mostLinks) throw fault("ELOOP");
      const { target } = entry.inode.body;
      if (target.startsWith("/")) directory = rules.root;
      pending = [...split(target), ...pending];
    } else if (isDirectory(entry.inode)) directory = entry.inode;
    else throw fault("ENOTDIR");
  }
}

function split(path: string): string[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}

/** The path of a directory or entry with no symlink in it. */
export function pathOf(directory: MemoryDirectory, name: string): string {
  const names = name === "" ? [] : [name];
  for (let at: MemoryInode = directory; isDirectory(at) && at.body.parent !== undefined && at.body.parent !== at; at = at.body.parent) {
    const child = at;
    const { parent } = at.body;
    if (!isDirectory(parent)) break;
    for (const entry of parent.body.entries.values()) if (entry.inode === child) names.unshift(entry.name);
  }
  return `/${names.join("/")}`;
}
