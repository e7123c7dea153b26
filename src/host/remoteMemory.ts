/**
 * What is known of a base that is not on a disk: listings, stats, and the content of small files, until an event or the
 * user says that they may be others. Bounded: what was not used for longest goes first, a whole directory at a time.
 */
import type { LayerDirent } from "../engine/layer.js";
import type { EntryType } from "../engine/types.js";
import { type RemoteStat, typeOf } from "./remoteFiles.js";

export interface RemoteListing {
  readonly entries: readonly LayerDirent[];
  readonly undecodable: number;
}

/** How much is remembered, in entries of directories and in bytes of files. */
export interface RemoteLimits {
  readonly entries: number;
  readonly bytes: number;
}

export const absent = Symbol("absent");

interface Directory {
  listing: (RemoteListing & { readonly types: ReadonlyMap<string, EntryType> }) | undefined;
  readonly stats: Map<string, RemoteStat | typeof absent>;
  /** How many names were found absent by asking for each. */
  misses: number;
  weight: number;
}

/** Where the root's own stat is kept: no path has it for a parent. */
const aboveRoot = "\0";
/** A file of more than this share of the bytes is not kept. */
const share = 8;

export function parentOf(path: string): string {
  if (path === "") return aboveRoot;
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function isBeneath(path: string, ancestor: string): boolean {
  return ancestor === "" ? path !== "" && path !== aboveRoot : path.startsWith(`${ancestor}/`);
}

export class RemoteMemory {
  /** The one that was used last is the last. */
  private readonly directories = new Map<string, Directory>();
  private readonly contents = new Map<string, { readonly bytes: Uint8Array; readonly size: number; readonly mtime: number }>();
  private weight = 0;
  private bytes = 0;

  /** @param fold what a path is compared by: itself, unless case does not count. */
  constructor(private readonly limits: RemoteLimits, readonly fold: (path: string) => string) {}

  listing(path: string): RemoteListing | undefined {
    return this.use(this.fold(path))?.listing;
  }

  setListing(path: string, listing: RemoteListing): void {
    const key = this.fold(path);
    this.change(key, (directory) => {
      directory.listing = { ...listing, types: new Map(listing.entries.map(({ name, type }) => [this.fold(name), type])) };
      directory.misses = 0;
      // The listing says more surely which names there are; what is not in it is nothing.
      for (const [name, stat] of directory.stats) if (stat === absent || !directory.listing.types.has(name)) directory.stats.delete(name);
    });
  }

  /** `absent` also where the listing of its directory says so. */
  stat(path: string): RemoteStat | typeof absent | undefined {
    const key = this.fold(path);
    const directory = this.use(parentOf(key));
    if (directory === undefined) return undefined;
    const known = directory.stats.get(nameOf(key));
    if (known !== undefined) return known;
    return directory.listing === undefined || directory.listing.types.has(nameOf(key)) ? undefined : absent;
  }

  setStat(path: string, stat: RemoteStat | typeof absent): void {
    const key = this.fold(path);
    this.change(parentOf(key), (directory) => {
      directory.stats.set(nameOf(key), stat);
      if (stat === absent) directory.misses++;
    });
  }

  misses(path: string): number {
    return this.directories.get(this.fold(path))?.misses ?? 0;
  }

  kind(path: string): EntryType | undefined {
    const stat = this.stat(path);
    if (stat !== undefined) return stat === absent ? undefined : typeOf(stat.type);
    const key = this.fold(path);
    return this.directories.get(parentOf(key))?.listing?.types.get(nameOf(key));
  }

  /** What the file held when its stat was this one. */
  content(path: string, { size, mtime }: RemoteStat): Uint8Array | undefined {
    const key = this.fold(path);
    const known = this.contents.get(key);
    if (known?.size !== size || known.mtime !== mtime) return undefined;
    this.contents.delete(key);
    this.contents.set(key, known);
    return known.bytes;
  }

  setContent(path: string, bytes: Uint8Array, { size, mtime }: RemoteStat): void {
    const key = this.fold(path);
    this.dropContent(key);
    if (bytes.length > this.limits.bytes / share) return;
    this.contents.set(key, { bytes, size, mtime });
    this.bytes += bytes.length;
    for (const [oldest] of this.contents) {
      if (this.bytes <= this.limits.bytes) break;
      this.dropContent(oldest);
    }
  }

  /** Something of this path is different: what it is, or what lies in it. */
  forgetEntry(path: string): void {
    const key = this.fold(path);
    this.change(parentOf(key), (directory) => { directory.stats.delete(nameOf(key)); });
    this.change(key, (directory) => { directory.listing = undefined; });
    this.dropContent(key);
  }

  /** It came or went, and with it what lies beneath; and its directory is another one. */
  forgetTree(path: string): void {
    const key = this.fold(path);
    this.forgetEntry(path);
    if (path !== "") this.forgetEntry(parentOf(key));
    for (const known of [...this.directories.keys()]) if (known === key || isBeneath(known, key)) this.drop(known);
    for (const known of [...this.contents.keys()]) if (isBeneath(known, key)) this.dropContent(known);
  }

  clear(): void {
    this.directories.clear();
    this.contents.clear();
    this.weight = 0;
    this.bytes = 0;
  }

  /** How many entries are remembered. */
  get size(): number {
    return this.weight;
  }

  private use(key: string): Directory | undefined {
    const directory = this.directories.get(key);
    if (directory === undefined) return undefined;
    this.directories.delete(key);
    this.directories.set(key, directory);
    return directory;
  }

  private change(key: string, act: (directory: Directory) => void): void {
    const directory = this.use(key) ?? { listing: undefined, stats: new Map(), misses: 0, weight: 0 };
    act(directory);
    this.directories.set(key, directory);
    const weight = directory.stats.size + (directory.listing === undefined ? 0 : directory.listing.entries.length + 1);
    this.weight += weight - directory.weight;
    directory.weight = weight;
    if (weight === 0) this.directories.delete(key);
    for (const [oldest] of this.directories) {
      // What was asked for last stays, however large it is: it is about to be used.
      if (this.weight <= this.limits.entries || oldest === key) break;
      this.drop(oldest);
    }
  }

  private drop(key: string): void {
    this.weight -= this.directories.get(key)?.weight ?? 0;
    this.directories.delete(key);
  }

  private dropContent(key: string): void {
    this.bytes -= this.contents.get(key)?.bytes.length ?? 0;
    this.contents.delete(key);
  }
}

/** The name and type of each entry, as a layer lists them. Names that no path can have are counted, not shown. */
export function toListing(entries: readonly (readonly [name: string, type: number])[]): RemoteListing {
  const known = new Map<string, LayerDirent>();
  let undecodable = 0;
  for (const [name, type] of entries) {
    if (name === "" || name === "." || name === ".." || /[/\0]/.test(name)) undecodable++;
    else if (!known.has(name)) known.set(name, { name, type: typeOf(type) });
  }
  return { entries: [...known.values()], undecodable };
}

