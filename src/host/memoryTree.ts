/**
 * A disk in memory as a whole: filled from a plain description, copied as of now (what a crash would leave), and
 * shown as a plain description for comparison.
 */
import { LayerError } from "../engine/errors.js";
import { MemoryDisk } from "./memoryDisk.js";
import type { MemoryDiskOptions } from "./memoryDisk.js";
import { isDirectory, isFile } from "./memoryInode.js";
import type { MemoryBody, MemoryDirectory, MemoryInode } from "./memoryInode.js";

/** A text or bytes make a file; `null` a directory (and a path that ends in "/" too). */
export type Planted =
  | string
  | Uint8Array
  | null
  | { readonly file: string | Uint8Array; readonly mode?: number }
  | { readonly directory: true; readonly mode?: number }
  | { readonly symlink: string; readonly decodable?: boolean }
  | { readonly special: "fifo" | "socket" | "block" | "character"; readonly rdev?: number }
  | { readonly linkTo: string }
  /** So many names in this directory that are not valid Unicode. */
  | { readonly undecodable: number };

export type PlantedTree = Readonly<Record<string, Planted>>;

/** Plants entries beneath `root`, parents made as needed. Neither umask nor permissions apply. */
export function plant(disk: MemoryDisk, root: string, tree: PlantedTree): void {
  for (const [path, what] of Object.entries(tree)) {
    const at = `${root === "/" ? "" : root}/${path.replace(/\/$/, "")}`;
    makeParents(disk, at);
    if (path.endsWith("/") || what === null) plantDirectory(disk, at, 0o755);
    else plantEntry(disk, at, what);
  }
}

function plantEntry(disk: MemoryDisk, at: string, what: Exclude<Planted, null>): void {
  if (typeof what === "string" || what instanceof Uint8Array) plantFile(disk, at, what, 0o644);
  else if ("file" in what) plantFile(disk, at, what.file, what.mode ?? 0o644);
  else if ("directory" in what) plantDirectory(disk, at, what.mode ?? 0o755);
  else if ("symlink" in what) disk.makeSymlink(what.symlink, at, what.decodable ?? true);
  else if ("special" in what) disk.makeSpecial(at, what.special, what.rdev);
  else if ("linkTo" in what) disk.link(what.linkTo, at);
  else {
    plantDirectory(disk, at, 0o755);
    const inode = disk.inode(at, "plant");
    if (isDirectory(inode)) inode.body.undecodable += what.undecodable;
  }
}

function plantFile(disk: MemoryDisk, at: string, content: string | Uint8Array, mode: number): void {
  const inode = disk.makeFile(at, mode);
  inode.body.content.write(typeof content === "string" ? new TextEncoder().encode(content) : content, 0, disk.charge("plant", at));
  inode.mode = mode;
}

function plantDirectory(disk: MemoryDisk, at: string, mode: number): void {
  const { entry } = disk.find(at, "plant");
  if (entry === undefined) disk.makeDirectory(at, mode);
  else if (!isDirectory(entry.inode)) throw new LayerError("ENOTDIR", "plant", at);
  disk.inode(at, "plant").mode = mode;
}

function makeParents(disk: MemoryDisk, at: string): void {
  const names = at.split("/").slice(1, -1);
  for (let depth = 1; depth <= names.length; depth++) {
    const parent = `/${names.slice(0, depth).join("/")}`;
    if (disk.find(parent, "plant").entry === undefined) plantDirectory(disk, parent, 0o755);
  }
}

/**
 * The disk as it stands, independent from now on: what a new process would find if this one died here. Open handles
 * stay with the old disk, and files without a name are gone. File content is shared until one side writes.
 */
export function snapshot(disk: MemoryDisk, changes: MemoryDiskOptions = {}): MemoryDisk {
  const copy = new MemoryDisk({ ...disk.options, capacity: disk.capacity, ...changes });
  const known = new Map<MemoryInode, MemoryInode>();
  let pages = 0;
  const copyInode = (inode: MemoryInode, parent: MemoryDirectory | undefined): MemoryInode => {
    const before = known.get(inode);
    if (before !== undefined) return before;
    const made: MemoryInode = { ...inode, body: copyBody(inode, parent), open: 0 };
    known.set(inode, made);
    if (isFile(made)) pages += made.body.content.pageCount;
    if (isDirectory(inode) && isDirectory(made)) {
      for (const [key, entry] of inode.body.entries) made.body.entries.set(key, { name: entry.name, inode: copyInode(entry.inode, made) });
    }
    return made;
  };
  Object.assign(copy.root, disk.root, { body: copy.root.body });
  copy.root.body.undecodable = disk.root.body.undecodable;
  known.set(disk.root, copy.root);
  for (const [key, entry] of disk.root.body.entries) {
    copy.root.body.entries.set(key, { name: entry.name, inode: copyInode(entry.inode, copy.root) });
  }
  copy.readOnly = disk.readOnly;
  copy.adopt(disk.lastIno, pages);
  return copy;
}

function copyBody(inode: MemoryInode, parent: MemoryDirectory | undefined): MemoryBody {
  const { body } = inode;
  switch (body.kind) {
    case "file": return { kind: "file", content: body.content.clone() };
    case "directory": return { kind: "directory", entries: new Map(), undecodable: body.undecodable, parent };
    case "symlink":
    case "special": return body;
  }
}

export interface DumpOptions {
  readonly modes?: boolean;
  readonly times?: boolean;
  readonly links?: boolean;
}

/**
 * Every entry beneath `root` by its path, sorted, as one line each: `dir`, `file "text"`, `symlink -> target`, `fifo`,
 * with mode, mtime and link count where asked for.
 */
export function dump(disk: MemoryDisk, root: string, options: DumpOptions = {}): Record<string, string> {
  const lines: [string, string][] = [];
  const visit = (inode: MemoryInode, path: string): void => {
    if (path !== "") lines.push([path, describe(inode, options)]);
    if (!isDirectory(inode)) return;
    if (inode.body.undecodable > 0) lines.push([`${path}/?`, `${inode.body.undecodable} undecodable`]);
    for (const entry of inode.body.entries.values()) visit(entry.inode, path === "" ? entry.name : `${path}/${entry.name}`);
  };
  visit(disk.inode(root, "dump"), "");
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function describe(inode: MemoryInode, options: DumpOptions): string {
  const parts = [say(inode)];
  if (options.modes === true && inode.body.kind !== "symlink") parts.push(inode.mode.toString(8).padStart(4, "0"));
  if (options.links === true) parts.push(`x${inode.nlink}`);
  if (options.times === true) parts.push(`@${inode.mtime}`);
  return parts.join(" ");
}

function say(inode: MemoryInode): string {
  const { body } = inode;
  switch (body.kind) {
    case "file": return `file ${showBytes(inode)}`;
    case "directory": return "dir";
    case "symlink": return `symlink -> ${body.target}`;
    case "special": return body.type;
  }
}

const longestShown = 4096;

function showBytes(inode: MemoryInode): string {
  if (!isFile(inode)) return "";
  const { content } = inode.body;
  const bytes = new Uint8Array(Math.min(content.size, longestShown));
  content.read(bytes, 0);
  const text = JSON.stringify(new TextDecoder().decode(bytes));
  return content.size > longestShown ? `${text}... (${content.size} bytes)` : text;
}
