/**
 * A folder of the system, used through node:fs: a mount of the kernel's overlayfs, of fuse-overlayfs, or a plain folder.
 * What our interface has and a system has not (copy, remove everything, rename without overwriting) is put together here
 * from what it has, by the rules that src/engine/api.ts gives.
 */
import * as fs from "node:fs";
import { diskTree, factsOf, typeOf } from "./diskTree.js";
import { facts, handleSlots, here, type LayersOperation, type Operation, type Outcome, type Subject, type Tree, type Value } from "./operations.js";

/** Where the files are, and how the mount behind them, if there is one, is made anew. */
export interface Backing {
  readonly root: string;
  readonly reopen: () => Promise<void>;
  readonly freeze: () => Promise<void>;
  /** Undefined where there are none: then nothing can be thrown away. */
  readonly changeLayers?: (operation: LayersOperation) => Promise<void>;
  readonly close: () => Promise<void>;
}

type Slot =
  | { readonly kind: "descriptor"; readonly fd: number; readonly writes: boolean }
  /** What a descriptor would read if nobody could change the file any more. */
  | { readonly kind: "detached"; readonly content: Buffer; readonly mode: number; position: number };

class Refused extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

export class PosixSubject implements Subject {
  private readonly slots = new Array<Slot | undefined>(handleSlots);

  constructor(private readonly backing: Backing) {}

  async run(operation: Operation): Promise<Outcome> {
    try {
      return { value: this.perform(operation) ?? null };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined;
      if (typeof code !== "string") throw error;
      return { code };
    }
  }

  private physical(path: string): string {
    return path === "/" ? this.backing.root : this.backing.root + path;
  }

  private perform(o: Operation): Value | undefined {
    switch (o.op) {
      case "writeFile":
        this.writeFile(o);
        return;
      case "append":
        fs.appendFileSync(this.physical(o.path), o.data, { mode: o.mode });
        return;
      case "truncate":
        fs.truncateSync(this.physical(o.path), o.size);
        return;
      case "mkdir":
        fs.mkdirSync(this.physical(o.path), { mode: o.mode });
        return;
      case "unlink":
        // A mount's root is a name in another folder; the overlay's is like the system's own.
        if (o.path === "/") throw new Refused("EISDIR");
        fs.unlinkSync(this.physical(o.path));
        return;
      case "rmdir":
        if (o.path === "/") throw new Refused("EBUSY");
        fs.rmdirSync(this.physical(o.path));
        return;
      case "removeAll":
        this.removeAll(o.path);
        return;
      case "rename":
        for (const path of [o.from, o.to]) this.checkParent(path);
        if (o.from === "/" || o.to === "/") throw new Refused("EBUSY");
        fs.lstatSync(this.physical(o.from));
        if (!o.overwrite && this.exists(o.to)) throw new Refused("EEXIST");
        fs.renameSync(this.physical(o.from), this.physical(o.to));
        return;
      case "copy":
        this.copy(o.from, o.to, o.overwrite);
        return;
      case "symlink":
        fs.symlinkSync(o.target.replace(here, this.backing.root), this.physical(o.path));
        return;
      case "link":
        fs.linkSync(this.physical(o.from), this.physical(o.to));
        return;
      case "chmod":
        fs.chmodSync(this.physical(o.path), o.mode);
        return;
      case "utimes":
        fs.utimesSync(this.physical(o.path), o.seconds, o.seconds);
        return;
      case "copyUp":
        fs.chmodSync(this.physical(o.path), fs.statSync(this.physical(o.path)).mode & 0o7777);
        return;
      case "readFile":
        return fs.readFileSync(this.physical(o.path), "utf8");
      case "readDirectory": {
        const directory = this.physical(o.path);
        return fs.readdirSync(directory).map((name) => `${name} ${typeOf(fs.lstatSync(`${directory}/${name}`))}`).sort();
      }
      case "stat":
        return facts(factsOf(fs.statSync(this.physical(o.path))));
      case "lstat":
        return facts(factsOf(fs.lstatSync(this.physical(o.path))));
      case "readlink":
        return fs.readlinkSync(this.physical(o.path)).replace(this.backing.root, here);
      case "open":
        this.open(o);
        return;
      case "handleRead":
        return this.read(o.slot, o.length, o.position);
      case "handleWrite":
        return this.write(o.slot, Buffer.from(o.data), o.position);
      case "handleTruncate":
        if (this.slots[o.slot]?.kind === "detached") throw new Refused("EINVAL");
        this.onDescriptor(o.slot, (fd) => { fs.ftruncateSync(fd, o.size); });
        return;
      case "handleStat": {
        const slot = this.slots[o.slot];
        if (slot?.kind === "detached") return { size: slot.content.length, mode: slot.mode };
        return this.onDescriptor(o.slot, (fd) => ({ size: fs.fstatSync(fd).size, mode: fs.fstatSync(fd).mode & 0o7777 }));
      }
      case "handleClose":
        this.drop(o.slot);
        return;
      case "compare":
      case "reopen":
      case "freeze":
      case "layers":
        return;
    }
  }

  private checkParent(path: string): void {
    if (path !== "/") fs.readdirSync(this.physical(parentOf(path)));
  }

  private exists(path: string): boolean {
    return fs.lstatSync(this.physical(path), { throwIfNoEntry: false }) !== undefined;
  }

  private write(slot: number, data: Buffer, position: number | null): number | undefined {
    return this.onDescriptor(slot, (fd) => fs.writeSync(fd, data, 0, data.length, position));
  }

  private writeFile(o: Extract<Operation, { op: "writeFile" }>): void {
    const physical = this.physical(o.path);
    const stat = fs.statSync(physical, { throwIfNoEntry: false });
    if (stat?.isDirectory() === true) throw new Refused("EISDIR");
    if (stat !== undefined && !o.overwrite) throw new Refused("EEXIST");
    const { O_WRONLY, O_TRUNC, O_CREAT } = fs.constants;
    const fd = fs.openSync(physical, O_WRONLY | O_TRUNC | (o.create ? O_CREAT : 0), o.mode);
    try {
      fs.writeFileSync(fd, o.data);
    } finally {
      fs.closeSync(fd);
    }
  }

  private removeAll(path: string): void {
    if (path === "/") throw new Refused("EBUSY");
    const physical = this.physical(path);
    if (fs.lstatSync(physical).isDirectory()) fs.rmSync(physical, { recursive: true });
    else fs.unlinkSync(physical);
  }

  private copy(from: string, to: string, overwrite: boolean): void {
    const source = this.physical(from);
    const target = this.physical(to);
    const stat = fs.lstatSync(source);
    const over = fs.lstatSync(target, { throwIfNoEntry: false });
    if (over === undefined) this.checkParent(to);
    else if (!overwrite) throw new Refused("EEXIST");
    else {
      if (this.isSameName(from, to)) throw new Refused("EINVAL");
      if (stat.isDirectory() && !over.isDirectory()) throw new Refused("ENOTDIR");
      if (!stat.isDirectory() && over.isDirectory()) throw new Refused("EISDIR");
    }
    if (stat.isDirectory()) {
      if (this.isBeneath(parentOf(to), stat)) throw new Refused("EINVAL");
      if (over !== undefined && this.isBeneath(parentOf(from), over)) throw new Refused("ENOTEMPTY");
      if (over !== undefined) fs.rmSync(target, { recursive: true });
      copyTree(source, target);
    } else if (stat.isSymbolicLink()) {
      if (over !== undefined) throw new Refused("EEXIST");
      fs.symlinkSync(fs.readlinkSync(source), target);
    } else {
      const made = fs.statSync(target, { throwIfNoEntry: false }) === undefined;
      fs.writeFileSync(target, fs.readFileSync(source));
      if (made) fs.chmodSync(target, stat.mode & 0o7777);
    }
  }

  // By inode: a path through /proc/<pid>/root has no real path.

  private isSameName(a: string, b: string): boolean {
    return a.slice(a.lastIndexOf("/")) === b.slice(b.lastIndexOf("/")) && sameInode(fs.statSync(this.physical(parentOf(a))), fs.statSync(this.physical(parentOf(b))));
  }

  /** Whether a directory is `ancestor` or in it. */
  private isBeneath(path: string, ancestor: fs.Stats): boolean {
    const root = fs.statSync(this.backing.root);
    for (let at = this.physical(path); ; at += "/..") {
      const stat = fs.statSync(at);
      if (sameInode(stat, ancestor)) return true;
      if (sameInode(stat, root)) return false;
    }
  }

  // Handles.

  private open(o: Extract<Operation, { op: "open" }>): void {
    this.drop(o.slot);
    const fd = fs.openSync(this.physical(o.path), o.flags, o.mode);
    this.slots[o.slot] = { kind: "descriptor", fd, writes: o.flags !== "r" };
  }

  isDirectory(slot: number): boolean {
    const open = this.slots[slot];
    return open?.kind === "descriptor" && fs.fstatSync(open.fd).isDirectory();
  }

  private onDescriptor<T>(slot: number, act: (fd: number) => T): T | undefined {
    const open = this.slots[slot];
    if (open === undefined) return;
    if (open.kind === "detached") throw new Refused("EBADF");
    return act(open.fd);
  }

  private read(slot: number, length: number, position: number | null): string | undefined {
    const open = this.slots[slot];
    if (open?.kind === "detached") {
      const at = position ?? open.position;
      const part = open.content.subarray(at, at + length);
      if (position === null) open.position += part.length;
      return part.toString();
    }
    return this.onDescriptor<string>(slot, (fd) => {
      const buffer = Buffer.alloc(length);
      return buffer.toString("utf8", 0, fs.readSync(fd, buffer, 0, length, position));
    });
  }

  drop(slot: number): void {
    const open = this.slots[slot];
    this.slots[slot] = undefined;
    if (open?.kind === "descriptor") fs.closeSync(open.fd);
  }

  /** The slot's content as it is now, to be put in place of its descriptor. */
  detached(slot: number): Slot | undefined {
    const open = this.slots[slot];
    if (open?.kind !== "descriptor" || open.writes) return undefined;
    const { size, mode } = fs.fstatSync(open.fd);
    const content = Buffer.alloc(size);
    fs.readSync(open.fd, content, 0, size, 0);
    return { kind: "detached", content, mode: mode & 0o7777, position: offsetOf(open.fd) };
  }

  replace(slot: number, by: Slot | undefined): void {
    if (by === undefined) return;
    this.drop(slot);
    this.slots[slot] = by;
  }

  /** The slots that have this file open for reading alone, unless it has other names or somebody writes to it. */
  soleReaders(path: string): number[] {
    let target: fs.Stats | undefined;
    try {
      target = fs.statSync(this.physical(path), { throwIfNoEntry: false });
    } catch {
      return []; // the operation itself will say what is wrong
    }
    if (target === undefined || target.nlink > 1) return [];
    const readers: number[] = [];
    for (const [slot, open] of this.slots.entries()) {
      if (open?.kind !== "descriptor" || fs.fstatSync(open.fd).ino !== target.ino) continue;
      if (open.writes) return [];
      readers.push(slot);
    }
    return readers;
  }

  // The whole.

  async tree(): Promise<Tree> {
    return diskTree(this.backing.root);
  }

  private dropAll(): void {
    for (let slot = 0; slot < handleSlots; slot++) this.drop(slot);
  }

  reopen(): Promise<void> {
    this.dropAll();
    return this.backing.reopen();
  }

  freeze(): Promise<void> {
    this.dropAll();
    return this.backing.freeze();
  }

  get hasLayers(): boolean {
    return this.backing.changeLayers !== undefined;
  }

  async changeLayers(operation: LayersOperation): Promise<void> {
    this.dropAll();
    await this.backing.changeLayers?.(operation);
  }

  close(): Promise<void> {
    this.dropAll();
    return this.backing.close();
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function sameInode(a: fs.Stats, b: fs.Stats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}

function copyTree(source: string, target: string): void {
  fs.mkdirSync(target);
  for (const { name } of fs.readdirSync(source, { withFileTypes: true })) {
    const from = `${source}/${name}`;
    const to = `${target}/${name}`;
    const stat = fs.lstatSync(from);
    if (stat.isDirectory()) copyTree(from, to);
    else if (stat.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(from), to);
    else {
      fs.writeFileSync(to, fs.readFileSync(from));
      fs.chmodSync(to, stat.mode & 0o7777);
    }
  }
  fs.chmodSync(target, fs.lstatSync(source).mode & 0o7777);
}

/** How far a descriptor has been read. */
function offsetOf(fd: number): number {
  const line = /^pos:\s*(\d+)/m.exec(fs.readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
  return Number(line?.[1] ?? 0);
}
