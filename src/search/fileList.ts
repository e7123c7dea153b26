/**
 * The paths of very many files in little memory: the names in one array of UTF-16 units, the folders once each. A file is
 * its number; what was removed leaves a hole until a quarter is holes. Pure.
 */
import { bitOf, fold, maskOf } from "./fuzzy.js";

interface Folder {
  readonly path: string;
  /** The path with a slash behind, as units, and without case. */
  readonly exact: Uint16Array;
  readonly folded: Uint16Array;
  readonly mask: number;
}

const gone = -1;

export class FileList {
  /** Grows when numbers mean other files: with every removal that closes holes. */
  generation = 0;
  private folders: Folder[] = [];
  private folderOf = new Map<string, number>();
  /** The names behind each other, as they are and without case. */
  exact = new Uint16Array(1024);
  folded = new Uint16Array(1024);
  private used = 0;
  /** Where the name of each begins; it ends where the next one's begins. */
  private starts = new Uint32Array(64);
  private folder = new Int32Array(64);
  private mask = new Int32Array(64);
  private count = 0;
  private holes = 0;

  get size(): number {
    return this.count - this.holes;
  }

  /** Numbers are below this. */
  get end(): number {
    return this.count;
  }

  /** The arrays', and an estimate of the folders'. */
  get bytes(): number {
    let folders = 0;
    for (const { path, exact } of this.folders) folders += path.length + 2 * exact.byteLength + 320;
    return this.exact.byteLength + this.folded.byteLength + this.starts.byteLength + this.folder.byteLength + this.mask.byteLength + folders;
  }

  add(paths: readonly string[]): void {
    let last = "";
    let at = -1;
    for (const path of paths) {
      const slash = path.lastIndexOf("/") + 1;
      if (at < 0 || slash !== last.length || !path.startsWith(last)) {
        last = path.slice(0, slash);
        at = this.enter(last);
      }
      this.put(path, slash, at);
    }
  }

  /** Gives back what was taken for growth. */
  trim(): void {
    this.exact = this.exact.slice(0, this.used);
    this.folded = this.folded.slice(0, this.used);
    this.starts = this.starts.slice(0, this.count + 1);
    this.folder = this.folder.slice(0, this.count);
    this.mask = this.mask.slice(0, this.count);
  }

  isThere(file: number): boolean {
    return this.folder[file] !== gone;
  }

  path(file: number): string {
    const folder = this.folders[this.folder[file] ?? gone];
    return (folder?.path ?? "") + this.name(file);
  }

  /** Whether a path of this file can have these bits (maskOf). False for what is gone. */
  mayHave(file: number, bits: number): boolean {
    const folder = this.folders[this.folder[file] ?? gone];
    return folder !== undefined && (((this.mask[file] ?? 0) | folder.mask) & bits) === bits;
  }

  /** Where the name is in `exact` and `folded`: from here to `nameStart(file + 1)`. */
  nameStart(file: number): number {
    return this.starts[file] ?? 0;
  }

  /** How many folders there are: their numbers are below this. */
  get folderEnd(): number {
    return this.folders.length;
  }

  folderOfFile(file: number): number {
    return this.folder[file] ?? gone;
  }

  /** A folder's path with a slash behind, as it is and without case. */
  folderText(folder: number): { readonly exact: Uint16Array; readonly folded: Uint16Array } | undefined {
    return this.folders[folder];
  }

  /** Writes the path into both, with and without case; both have room for it. Returns its length, less than zero where it has not. */
  write(file: number, exact: Uint16Array, folded: Uint16Array): { readonly length: number; readonly nameAt: number } {
    const folder = this.folders[this.folder[file] ?? gone];
    const nameAt = folder?.exact.length ?? 0;
    const start = this.nameStart(file);
    const end = this.nameStart(file + 1);
    const length = nameAt + end - start;
    if (folder === undefined || length > exact.length) return { length: 0, nameAt: 0 };
    exact.set(folder.exact);
    folded.set(folder.folded);
    exact.set(this.exact.subarray(start, end), nameAt);
    folded.set(this.folded.subarray(start, end), nameAt);
    return { length, nameAt };
  }

  /** Removes files by path, and all beneath folders by path. Returns how many went. */
  remove(paths: readonly string[]): number {
    const names = new Map<number, Set<string>>();
    const dead = new Uint8Array(this.folders.length);
    const wanted = new Set(paths);
    for (const path of wanted) {
      const slash = path.lastIndexOf("/") + 1;
      const at = this.folderOf.get(path.slice(0, slash));
      if (at === undefined) continue;
      const own = names.get(at);
      if (own === undefined) names.set(at, new Set([path.slice(slash)]));
      else own.add(path.slice(slash));
    }
    for (const [i, { path }] of this.folders.entries()) if (isBeneath(path, wanted)) dead[i] = 1;
    const before = this.holes;
    for (let file = 0; file < this.count; file++) {
      const at = this.folder[file] ?? gone;
      if (at === gone) continue;
      if (dead[at] === 1 || names.get(at)?.has(this.name(file)) === true) {
        this.folder[file] = gone;
        this.holes++;
      }
    }
    const removed = this.holes - before;
    if (this.holes * 4 > this.count) this.close();
    return removed;
  }

  /** The numbers of these paths, where they are. */
  find(paths: readonly string[]): Map<string, number> {
    const names = new Map<number, Map<string, string>>();
    for (const path of paths) {
      const slash = path.lastIndexOf("/") + 1;
      const at = this.folderOf.get(path.slice(0, slash));
      if (at === undefined) continue;
      const own = names.get(at) ?? new Map<string, string>();
      names.set(at, own.set(path.slice(slash), path));
    }
    const found = new Map<string, number>();
    if (names.size === 0) return found;
    for (let file = 0; file < this.count; file++) {
      const path = names.get(this.folder[file] ?? gone)?.get(this.name(file));
      if (path !== undefined) found.set(path, file);
    }
    return found;
  }

  private name(file: number): string {
    return String.fromCharCode(...this.exact.subarray(this.nameStart(file), this.nameStart(file + 1)));
  }

  private enter(path: string): number {
    const known = this.folderOf.get(path);
    if (known !== undefined) return known;
    // A slice would keep the whole text alive that it was cut from.
    const own = Buffer.from(path).toString();
    const folded = fold(own);
    const exact = new Uint16Array(own.length);
    for (let i = 0; i < own.length; i++) exact[i] = own.charCodeAt(i);
    this.folderOf.set(own, this.folders.length);
    this.folders.push({ path: own, exact, folded, mask: maskOf(folded) });
    return this.folders.length - 1;
  }

  private put(path: string, nameAt: number, folder: number): void {
    const length = path.length - nameAt;
    if (this.used + length > this.exact.length) {
      this.exact = grown(this.exact, this.used + length);
      this.folded = grown(this.folded, this.used + length);
    }
    if (this.count + 2 > this.starts.length) this.starts = grown(this.starts, this.count + 2);
    if (this.count + 1 > this.folder.length) {
      this.folder = grown(this.folder, this.count + 1);
      this.mask = grown(this.mask, this.count + 1);
    }
    let mask = 0;
    for (let i = nameAt; i < path.length; i++) {
      const unit = path.charCodeAt(i);
      const folded = unit >= 65 && unit <= 90 ? unit + 32 : unit < 128 ? unit : foldUnit(unit);
      this.exact[this.used] = unit;
      this.folded[this.used++] = folded;
      mask |= bitOf(folded);
    }
    this.folder[this.count] = folder;
    this.mask[this.count] = mask;
    this.starts[++this.count] = this.used;
  }

  /** Numbers everything anew. */
  private close(): void {
    const rest = new FileList();
    const batch: string[] = [];
    for (let file = 0; file < this.count; file++) {
      if (!this.isThere(file)) continue;
      batch.push(this.path(file));
      if (batch.length === 1000) rest.add(batch.splice(0));
    }
    rest.add(batch);
    rest.trim();
    const { generation } = this;
    Object.assign(this, rest, { generation: generation + 1 });
  }
}

/** One unit without case, where that is one unit. */
function foldUnit(unit: number): number {
  const lower = String.fromCharCode(unit).toLowerCase();
  return lower.length === 1 ? lower.charCodeAt(0) : unit;
}

/** Whether a folder ("/a/b/") is one of these paths, or beneath one. */
function isBeneath(folder: string, paths: ReadonlySet<string>): boolean {
  if (paths.has("/")) return true;
  for (let slash = folder.indexOf("/", 1); slash > 0; slash = folder.indexOf("/", slash + 1)) if (paths.has(folder.slice(0, slash))) return true;
  return false;
}

function grown<T extends Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>>(array: T, needed: number): T {
  const Made = array.constructor as new (length: number) => T;
  const larger = new Made(Math.max(needed, Math.ceil(array.length * 1.5)));
  larger.set(array);
  return larger;
}
