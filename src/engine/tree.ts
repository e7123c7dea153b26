/**
 * Directory nodes of the upper, each loaded with one readdir on first use, with the lower directory that it merges.
 * INV-2: the tree alone decides what a name is. It is a cache that may be trusted because this process owns the upper;
 * the markers on disk are the truth, and after a failed step a node is read again under its lock.
 * Loading wants the namespace lock, shared: the caller says whether it holds it.
 */
import type { Env, ScratchLayer } from "./layer.js";
import { isCode } from "./errors.js";
import { directoryLock, type Locks } from "./locks.js";
import { lowerOf, type LowerDirectory } from "./lowerView.js";
import { type MarkedListing, type MarkedShape, readMarked } from "./markers.js";
import { childPath, type OverlayPath, rootPath } from "./paths.js";
import type { EntryType, LayerStat } from "./types.js";

/** A name in upper. A directory has a node; a symlink's target is kept once it was read. */
export interface UpperEntry {
  readonly name: string;
  readonly type: EntryType;
  readonly node?: UpperDirectory;
  target?: string;
}

/**
 * The content of a node. Replaced as a whole when read again; changed in place for the holders of the node's lock, by the
 * tree alone, which counts that.
 */
export interface UpperContent {
  readonly children: ReadonlyMap<string, UpperEntry>;
  readonly whiteouts: ReadonlySet<string>;
  readonly undecodable: number;
  readonly shape: MarkedShape;
  /** The lower directory that this one merges; undefined when opaque, or when no lower has one here. */
  readonly below: LowerDirectory | undefined;
}

interface OwnContent extends UpperContent {
  readonly children: Map<string, UpperEntry>;
  readonly whiteouts: Set<string>;
  shape: MarkedShape;
  below: LowerDirectory | undefined;
}

export class UpperDirectory {
  readonly lock = directoryLock();
  readonly content: UpperContent | undefined;
  loading: Promise<void> | undefined;
  /** Copy-ups that publish here or wait to, and the times that they leave as they are (keepTimes.ts). */
  arriving = 0;
  times: LayerStat | undefined;
  looking: Promise<LayerStat> | undefined;
  constructor(public parent: UpperDirectory | undefined, public name: string) {}
}

export class Tree {
  root: UpperDirectory = new UpperDirectory(undefined, "");
  /** Grows with every change of what a node says, and when one is read: whoever has derived something asks whether it holds. */
  version = 0;
  private readonly moves = new WeakMap<UpperEntry, { directory: UpperDirectory; entry: UpperEntry }>();
  /** Folds a name to the key under which it is found: itself, or its lower case where case does not count. */
  readonly key: (name: string) => string;

  constructor(
    private readonly scratch: ScratchLayer,
    private readonly locks: Locks,
    private readonly lowers: { readonly root: LowerDirectory },
    private readonly env: Env,
    readonly caseSensitive: boolean,
  ) {
    this.key = caseSensitive ? (name) => name : (name) => name.toLowerCase();
  }

  /** The path of a node in merged; its directory in the scratch has the same path below `upper`. */
  pathOf(directory: UpperDirectory): OverlayPath {
    if (directory.parent === undefined) return rootPath;
    let path = `/${directory.name}`;
    for (let at = directory.parent; at.parent !== undefined; at = at.parent) path = `/${at.name}${path}`;
    return path as OverlayPath;
  }

  upperPath(directory: UpperDirectory): string {
    return directory.parent === undefined ? "upper" : `upper${this.pathOf(directory)}`;
  }

  entryPath(directory: UpperDirectory, name: string): string {
    return `${this.upperPath(directory)}/${name}`;
  }

  mergedPath(directory: UpperDirectory, name: string): OverlayPath {
    return childPath(this.pathOf(directory), name);
  }

  /** Whether a node is still what its path in the tree leads to. Stable while the namespace lock is held. */
  isAttached(directory: UpperDirectory): boolean {
    let at = directory;
    while (at.parent !== undefined) {
      if (at.parent.content?.children.get(this.key(at.name))?.node !== at) return false;
      at = at.parent;
    }
    return at === this.root;
  }

  entry(directory: UpperDirectory, name: string): UpperEntry | undefined {
    return directory.content?.children.get(this.key(name));
  }

  isWhitedOut(directory: UpperDirectory, name: string): boolean {
    return directory.content?.whiteouts.has(this.key(name)) ?? false;
  }

  /** Makes sure that a node has its content. When it was detached meanwhile nothing is loaded: look up again. */
  async load(directory: UpperDirectory, held: boolean): Promise<void> {
    if (directory.content !== undefined) return;
    if (!held) {
      // The lock first, and only then the shared promise: a holder must never wait for one who waits for the lock.
      await this.locks.shared([], () => this.load(directory, true));
      return;
    }
    directory.loading ??= this.read(directory).finally(() => {
      directory.loading = undefined;
    });
    await directory.loading;
  }

  /** Reads a node's markers again after a failed step. The caller holds its mutex, or the namespace lock exclusively. */
  async reload(directory: UpperDirectory): Promise<void> {
    await this.read(directory);
  }

  /** The same for one name, by who has this name alone and shares the lock with those who publish others. */
  async reloadName(directory: UpperDirectory, name: string): Promise<void> {
    const listing = await this.list(directory);
    const content = this.own(directory);
    if (listing === undefined || content === undefined) return;
    const key = this.key(name);
    const child = listing.children.find((other) => this.key(other.name) === key);
    if (child === undefined) content.children.delete(key);
    else content.children.set(key, this.keep(directory, child.name, child.type, content.children.get(key)));
    if (listing.whiteouts.some((other) => this.key(other) === key)) content.whiteouts.add(key);
    else content.whiteouts.delete(key);
  }

  /** Undefined for a node that is none any more. */
  private async list(directory: UpperDirectory): Promise<MarkedListing | undefined> {
    if (!this.isAttached(directory)) return undefined;
    try {
      return await readMarked(this.scratch, this.upperPath(directory), this.env);
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR") || directory.parent === undefined) throw error;
      this.replace(directory.parent, undefined); // someone changed the upper by hand: believe the disk
      return undefined;
    }
  }

  private async read(directory: UpperDirectory): Promise<void> {
    const listing = await this.list(directory);
    if (listing === undefined) return;
    const old = directory.content;
    const children = new Map<string, UpperEntry>();
    for (const { name, type } of listing.children) {
      children.set(this.key(name), this.keep(directory, name, type, old?.children.get(this.key(name))));
    }
    const below = await lowerOf(listing.shape, await this.inherited(directory), this.lowers.root);
    this.replace(directory, { children, whiteouts: new Set(listing.whiteouts.map(this.key)), undecodable: listing.undecodable, shape: listing.shape, below });
    if (listing.undecodable > 0) {
      this.env.log("warn", `${String(listing.undecodable)} name(s) in ${this.pathOf(directory)} are not valid Unicode and are left out`);
    }
  }

  /** A node in use is never replaced: handles and locks refer to it. */
  private keep(parent: UpperDirectory, name: string, type: EntryType, old: UpperEntry | undefined): UpperEntry {
    if (old?.type === type && old.name === name) return old;
    return type === "directory" ? { name, type, node: new UpperDirectory(parent, name) } : { name, type };
  }

  /** What the parent's lower directory has under this node's name, if that is a directory. */
  private async inherited(directory: UpperDirectory): Promise<LowerDirectory | undefined> {
    const { parent } = directory;
    if (parent === undefined) return this.lowers.root;
    const below = parent.content?.below;
    const expected = below?.expect?.(directory.name);
    if (expected !== undefined) return expected;
    const found = await below?.lookup(directory.name);
    return found?.kind === "directory" ? found.directory : undefined;
  }

  private replace(directory: UpperDirectory, content: OwnContent | undefined): void {
    this.version++;
    (directory as { content: OwnContent | undefined }).content = content;
  }

  /** The content for one who changes it, counted as changed. */
  private own(directory: UpperDirectory): OwnContent | undefined {
    this.version++;
    return directory.content as OwnContent | undefined;
  }

  /** Forgets everything, for an opener that does not own the upper, and after a reset of everything. */
  forget(): void {
    this.version++;
    this.root = new UpperDirectory(undefined, "");
  }

  /** Puts a new entry into a loaded node. Caller: holder of the node's mutex, after the disk has it. */
  add(directory: UpperDirectory, name: string, type: EntryType, node?: UpperDirectory): void {
    directory.times = undefined;
    this.addCopy(directory, name, type, node);
  }

  /** The same for a copy-up, which is no change of the directory. */
  addCopy(directory: UpperDirectory, name: string, type: EntryType, node?: UpperDirectory): void {
    this.own(directory)?.children.set(this.key(name), node === undefined ? { name, type } : { name, type, node });
  }

  /** Remembers where a file's entry went, for those who have the file open (INV-12). Caller: holds both mutexes. */
  moved(entry: UpperEntry, directory: UpperDirectory, name: string): void {
    const now = this.entry(directory, name);
    if (now !== undefined) this.moves.set(entry, { directory, entry: now });
  }

  /** Where an entry is now; undefined when it has no place in merged any more. */
  placeOf(directory: UpperDirectory, entry: UpperEntry): OverlayPath | undefined {
    let at = { directory, entry };
    for (let next = this.moves.get(entry); next !== undefined; next = this.moves.get(next.entry)) at = next;
    const there = this.entry(at.directory, at.entry.name) === at.entry && this.isAttached(at.directory);
    return there ? this.mergedPath(at.directory, at.entry.name) : undefined;
  }

  remove(directory: UpperDirectory, name: string): void {
    directory.times = undefined;
    this.own(directory)?.children.delete(this.key(name));
  }

  /** Caller, of this and the next two: holder of the node's lock, after the disk has it. */
  addWhiteout(directory: UpperDirectory, name: string): void {
    this.own(directory)?.whiteouts.add(this.key(name));
  }

  removeWhiteout(directory: UpperDirectory, name: string): void {
    this.own(directory)?.whiteouts.delete(this.key(name));
  }

  setShape(directory: UpperDirectory, shape: MarkedShape): void {
    const content = this.own(directory);
    if (content !== undefined) content.shape = shape;
  }

  /** A node for a directory whose content is on the disk and will be read on first use. */
  addUnread(parent: UpperDirectory, name: string): void {
    this.add(parent, name, "directory", new UpperDirectory(parent, name));
  }

  /** Finds out again which lower directories a subtree merges, after the base changed. Caller: holds the namespace lock exclusively. */
  async refreshBelow(directory: UpperDirectory): Promise<void> {
    const content = this.own(directory);
    if (content === undefined) return;
    content.below = await lowerOf(content.shape, await this.inherited(directory), this.lowers.root);
    for (const { node } of content.children.values()) if (node !== undefined) await this.refreshBelow(node);
  }

  /** A node for a directory that was just made: nothing of it has to be read. */
  addDirectory(parent: UpperDirectory, name: string, shape: MarkedShape, below: LowerDirectory | undefined): UpperDirectory {
    const node = this.emptyNode(parent, name, shape, below);
    this.add(parent, name, "directory", node);
    return node;
  }

  /** The same for a copy-up. */
  addDirectoryCopy(parent: UpperDirectory, name: string, below: LowerDirectory): UpperDirectory {
    const node = this.emptyNode(parent, name, { kind: "plain" }, below);
    this.addCopy(parent, name, "directory", node);
    return node;
  }

  private emptyNode(parent: UpperDirectory, name: string, shape: MarkedShape, below: LowerDirectory | undefined): UpperDirectory {
    const node = new UpperDirectory(parent, name);
    this.replace(node, { children: new Map(), whiteouts: new Set(), undecodable: 0, shape, below });
    return node;
  }
}
