/**
 * What a mount changes, seen at the upper beneath it: a watch for each folder of upper, and for each name that stirs a
 * look at what it is now and a memory of what it was. So an event says what happened to merged, not to the markers. Where
 * the system has no watches left, the folder is looked at every few seconds.
 */
import { type FSWatcher, watch } from "node:fs";
import { lstat, readdir, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OverlayEvent } from "../engine/index.js";

export interface UpperWatchParts {
  readonly upper: string;
  /** A folder where a name can be made and taken away, to hear of it. */
  readonly bell: string;
  /** Whether the layers below the upper have this path. */
  readonly lowerHas: (path: string) => Promise<boolean>;
  /** Takes away through the mount what has come back there by itself. */
  readonly mend: (path: string) => Promise<void>;
  /** Has an opaque folder, or one in it, hide what it hides by whiteouts too (veil.ts). Whether there was anything to do. */
  readonly veil: (path: string) => Promise<boolean>;
  readonly tell: (events: readonly OverlayEvent[]) => void;
  /** The engine's words for what a name in upper is. */
  readonly read: (names: readonly string[]) => Listing;
}

/** A folder of upper: its names, those that are whited out, and whether it hides what lies below. */
export interface Listing {
  readonly names: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
  readonly opaque: boolean;
}

interface Folder {
  readonly watcher: FSWatcher | undefined;
  listing: Listing;
  /** Names that are folders, and which ones. */
  folders: ReadonlyMap<string, number>;
  readonly stirred: Map<string, "name" | "content">;
  /** Of a folder without a watch: what its entries looked like. */
  looks: ReadonlyMap<string, string> | undefined;
}

const soonMs = 50;
const pollMs = 3000;
const silenceMs = 2000;
/** A program that goes on and on deleting and making anew keeps nobody waiting for longer than this. */
const mostRounds = 20;

export class UpperWatch {
  private readonly folders = new Map<string, Folder>();
  private timer: NodeJS.Timeout | undefined;
  private poll: NodeJS.Timeout | undefined;
  private turn: Promise<void> = Promise.resolve();
  private ended = false;
  private rings = 0;
  private mended = 0;

  constructor(private readonly parts: UpperWatchParts) {}

  async start(): Promise<void> {
    await this.add("/");
  }

  /** Resolves when it has its hands off the upper. */
  async end(): Promise<void> {
    this.ended = true;
    clearTimeout(this.timer);
    clearInterval(this.poll);
    for (const path of [...this.folders.keys()]) this.drop(path);
    await this.turn;
  }

  /** Tells of everything that happened so far. The system tells in order: what is heard of a name made now comes after it. */
  async settle(): Promise<void> {
    for (let round = 0, mendedBefore = -1; round < mostRounds && mendedBefore !== this.mended; round++) {
      mendedBefore = this.mended; // what was mended is told of in the next round
      await this.ring();
      await this.lookNow();
    }
  }

  private async ring(): Promise<void> {
    const name = `bell${String(++this.rings)}`;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, silenceMs); // no watch to be had: then there is nothing to hear
      const done = (): void => { clearTimeout(timer); watcher?.close(); resolve(); };
      const watcher = startWatch(this.parts.bell, (_kind, heard) => { if (heard === name) done(); });
      writeFile(join(this.parts.bell, name), "").then(() => unlink(join(this.parts.bell, name))).catch(done);
      if (watcher === undefined) done();
    });
  }

  private async lookNow(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.turn = this.turn.then(() => this.flush());
    await this.turn;
  }

  private async add(path: string): Promise<void> {
    if (this.ended || this.folders.has(path)) return;
    const watcher = this.watcher(path);
    // The watch first: what comes between it and the list is in both.
    const found = await this.list(path);
    if (found === undefined) {
      watcher?.close();
      return;
    }
    this.folders.set(path, { watcher, ...found, stirred: new Map(), looks: watcher === undefined ? await this.looksOf(path, found.listing) : undefined });
    if (this.hides(path)) await this.veil(path);
    if (watcher === undefined) this.poll ??= setInterval(() => { void this.pollAll(); }, pollMs);
    for (const name of found.folders.keys()) await this.add(childOf(path, name));
  }

  /** No event comes of it: there a whiteout hides nothing that was there. */
  private async veil(path: string): Promise<void> {
    if (!this.ended && (await this.parts.veil(path))) this.mended++;
  }

  private watcher(path: string): FSWatcher | undefined {
    return startWatch(join(this.parts.upper, path), (kind, name) => { this.stir(path, name, kind === "rename" ? "name" : "content"); });
  }

  private drop(path: string): void {
    this.folders.get(path)?.watcher?.close();
    this.folders.delete(path);
    for (const other of [...this.folders.keys()]) if (other.startsWith(path === "/" ? "/" : `${path}/`)) this.drop(other);
  }

  private stir(path: string, name: string, how: "name" | "content"): void {
    const folder = this.folders.get(path);
    if (folder === undefined || this.ended) return;
    if (folder.stirred.get(name) !== "name") folder.stirred.set(name, how);
    this.timer ??= setTimeout(() => { void this.lookNow(); }, soonMs);
  }

  private async flush(): Promise<void> {
    const events: OverlayEvent[] = [];
    for (const [path, folder] of [...this.folders]) {
      if (folder.stirred.size === 0 || this.folders.get(path) !== folder) continue;
      const stirred = new Map(folder.stirred);
      folder.stirred.clear();
      await this.look(path, folder, stirred, events);
    }
    if (events.length > 0 && !this.ended) this.parts.tell(events);
  }

  private async look(path: string, folder: Folder, stirred: ReadonlyMap<string, "name" | "content">, events: OverlayEvent[]): Promise<void> {
    const before = folder.listing;
    const now = await this.list(path);
    if (now === undefined) {
      this.drop(path); // its own parent says that it went
      return;
    }
    const had = folder.folders;
    folder.listing = now.listing;
    folder.folders = now.folders;
    if (this.hides(path)) await this.veil(path);
    const concerned = new Set([...stirred.keys(), ...differing(before, now.listing)].flatMap((name) => [...this.parts.read([name]).names, ...this.parts.read([name]).hidden]));
    for (const name of concerned) {
      const child = childOf(path, name);
      if (await this.hasComeBack(before.names.has(name) || stirred.get(name) === "name", now.listing, path, name)) {
        this.mended++;
        this.drop(child);
        await this.parts.mend(child);
        continue; // the whiteout that this makes stirs in turn
      }
      const was = await this.shows(before, path, name);
      const is = await this.shows(now.listing, path, name);
      const isFolder = now.folders.has(name);
      const isOther = had.has(name) && had.get(name) !== now.folders.get(name);
      if (isOther) this.drop(child);
      if (was !== is) events.push({ type: is ? "created" : "deleted", path: child });
      else if (is && isOther) events.push({ type: "deleted", path: child }, { type: "created", path: child });
      else if (is && !isFolder) events.push({ type: "changed", path: child });
      if (!isFolder) continue;
      // Of a folder that came, one event stands for everything in it; in one that was copied up, each name stirs.
      if (was && !isOther && !this.folders.has(child)) await this.addStirred(child, events);
      else await this.add(child);
    }
  }

  /**
   * What goes from upper was deleted or moved away, and leaves a whiteout where a lower layer has the name. fuse-overlayfs
   * (1.10) forgets it for what had come by a rename over the lower's: then the deleted is there again.
   * @param wasThere for a moment between two looks, too.
   */
  private async hasComeBack(wasThere: boolean, now: Listing, path: string, name: string): Promise<boolean> {
    return wasThere && !now.names.has(name) && !now.hidden.has(name) && (await this.lowerShows(now, path, name));
  }

  private async addStirred(path: string, events: OverlayEvent[]): Promise<void> {
    await this.add(path);
    const folder = this.folders.get(path);
    if (folder === undefined) return;
    const { listing } = folder;
    if (listing.opaque) {
      events.push({ type: "deleted", path }, { type: "created", path });
      return;
    }
    for (const name of listing.hidden) if (!listing.names.has(name) && (await this.lowerShows(listing, path, name))) events.push({ type: "deleted", path: childOf(path, name) });
    for (const name of listing.names) {
      const child = childOf(path, name);
      const was = await this.lowerShows(listing, path, name);
      if (!was) events.push({ type: "created", path: child });
      else if (!folder.folders.has(name)) events.push({ type: "changed", path: child });
      else await this.addStirred(child, events);
    }
  }

  private async shows(listing: Listing, path: string, name: string): Promise<boolean> {
    if (listing.names.has(name)) return true;
    return !listing.hidden.has(name) && (await this.lowerShows(listing, path, name));
  }

  private async lowerShows(listing: Listing, path: string, name: string): Promise<boolean> {
    if (listing.opaque || this.hides(path)) return false;
    return this.parts.lowerHas(childOf(path, name)).catch(() => false);
  }

  /** Whether nothing of what lies below shows in a folder. */
  private hides(path: string): boolean {
    for (let at = path; ; at = at.slice(0, at.lastIndexOf("/")) || "/") {
      if (this.folders.get(at)?.listing.opaque === true) return true;
      if (at === "/") return false;
    }
  }

  private async list(path: string): Promise<Pick<Folder, "listing" | "folders"> | undefined> {
    try {
      const entries = await readdir(join(this.parts.upper, path), { withFileTypes: true });
      const listing = this.parts.read(entries.map(({ name }) => name));
      const folders = new Map<string, number>();
      for (const { name } of entries.filter((entry) => entry.isDirectory())) {
        // One that has gone since stirs again; it says nothing of the folder that it was in.
        const stat = await lstat(join(this.parts.upper, path, name)).catch(() => undefined);
        if (stat !== undefined) folders.set(name, stat.ino);
      }
      return { listing, folders };
    } catch {
      return undefined;
    }
  }

  private async pollAll(): Promise<void> {
    for (const [path, folder] of [...this.folders]) {
      if (folder.looks === undefined) continue;
      const found = await this.list(path);
      if (found === undefined) {
        this.stir(path.slice(0, path.lastIndexOf("/")) || "/", path.slice(path.lastIndexOf("/") + 1), "name");
        continue;
      }
      const before = folder.looks;
      folder.looks = await this.looksOf(path, found.listing);
      for (const [name, look] of folder.looks) if (before.get(name) !== look) this.stir(path, name, before.has(name) ? "content" : "name");
      for (const name of before.keys()) if (!folder.looks.has(name)) this.stir(path, name, "name");
      for (const name of differing(folder.listing, found.listing)) this.stir(path, name, "name");
    }
  }

  private async looksOf(path: string, { names }: Listing): Promise<ReadonlyMap<string, string>> {
    const looks = new Map<string, string>();
    for (const name of names) {
      const stat = await lstat(join(this.parts.upper, path, name)).catch(() => undefined);
      if (stat !== undefined && !stat.isDirectory()) looks.set(name, `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`);
    }
    return looks;
  }
}

/** Undefined where the system has none left. */
function startWatch(folder: string, heard: (kind: string, name: string) => void): FSWatcher | undefined {
  try {
    // What happens to the folder itself is told with the last part of the path that is watched, as if it were a name in it:
    // with a slash at its end that is empty. The folder that it is in tells of it, too.
    const watcher = watch(`${folder.replace(/\/$/, "")}/`, { persistent: false }, (kind, name) => {
      if (name !== null && name !== "") heard(kind, name);
    });
    watcher.on("error", () => { watcher.close(); });
    return watcher;
  } catch {
    return undefined;
  }
}

function differing(a: Listing, b: Listing): string[] {
  const found: string[] = [];
  for (const [one, other] of [[a, b], [b, a]] as const) {
    for (const name of one.names) if (!other.names.has(name)) found.push(name);
    for (const name of one.hidden) if (!other.hidden.has(name)) found.push(name);
  }
  return found;
}

function childOf(path: string, name: string): string {
  return path === "/" ? `/${name}` : `${path}/${name}`;
}
