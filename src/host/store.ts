/**
 * The overlays under a scratch root, a folder each: listed, made, renamed, duplicated, deleted and had back. When one was last used is read off its
 * lock, which opening and closing write anyway.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { OverlayError, asOverlayError, isCode } from "../engine/errors.js";
import type { CancelSignal } from "../engine/types.js";
import { lockNumbers, lockPath } from "./lockFiles.js";
import { duplicate, sweepGrowing } from "./duplicate.js";
import { readManifest, writeManifest } from "./manifest.js";
import { errnoOf, nodeFault } from "./nodeFault.js";
import { currentOwner, whileOwned } from "./ownership.js";
import type { Owner } from "./ownership.js";
import { bringBack, doom, retain, retained, type RetainedOverlay } from "./retained.js";
import { isBaseUri, nameOfBaseUri } from "./remoteBase.js";
import { checkReadable, checkScratchPlace } from "./scratch.js";
import { removeTree, sizeOnDisk } from "./treeOnDisk.js";

export interface StoredOverlay {
  readonly id: string;
  readonly folder: string;
  readonly name: string;
  readonly base: string;
  /** How many there are. */
  readonly snapshots: number;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly lastUsed: number;
  /** As the manifest has it. */
  readonly caseSensitive: boolean;
  /** Walks the folder: ask only for what is shown. */
  sizeOnDisk(signal?: CancelSignal): Promise<number>;
  /** Who has it open now. */
  owner(): Promise<Owner | undefined>;
}

/** An overlay's folder whose manifest cannot be used; `reason` says why. */
export interface DamagedOverlay {
  readonly id: string;
  readonly folder: string;
  readonly reason: string;
}

export interface Listing {
  readonly overlays: readonly StoredOverlay[];
  readonly damaged: readonly DamagedOverlay[];
}

const doomed = /^\.deleted-/;

export class OverlayStore {
  constructor(readonly root: string) {}

  /** Last used first. */
  async list(): Promise<Listing> {
    const names = await readdir(this.root).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return [];
      throw asOverlayError(nodeFault(error, "readdir", this.root), "list", this.root);
    });
    const overlays: StoredOverlay[] = [];
    const damaged: DamagedOverlay[] = [];
    for (const id of names.filter((name) => !name.startsWith("."))) {
      try {
        const overlay = await this.#read(id);
        if (overlay !== undefined) overlays.push(overlay);
      } catch (error) {
        damaged.push({ id, folder: join(this.root, id), reason: error instanceof OverlayError ? error.reason : String(error) });
      }
    }
    return { overlays: overlays.sort((a, b) => b.lastUsed - a.lastUsed), damaged };
  }

  async find(id: string): Promise<StoredOverlay | undefined> {
    try {
      return await this.#read(id);
    } catch (error) {
      throw asOverlayError(error, "find", join(this.root, id));
    }
  }

  /** A folder for a new overlay over `base`, a path or a URI, empty; openOverlay makes the rest. Several may have one base. */
  async create(base: string): Promise<{ readonly id: string; readonly folder: string }> {
    const onDisk = isBaseUri(base) ? undefined : await checkReadable(base, "the base folder");
    await checkScratchPlace(this.root, onDisk === undefined ? [] : [onDisk]);
    const name = onDisk === undefined ? nameOfBaseUri(base) : basename(onDisk.given);
    const id = `${name.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 24).toLowerCase()}-${randomBytes(6).toString("hex")}`.replace(/^-/, "");
    const folder = join(this.root, id);
    try {
      await mkdir(this.root, { recursive: true, mode: 0o700 });
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      throw asOverlayError(nodeFault(error, "mkdir", folder), "create", folder);
    }
    return { id, folder };
  }

  /**
   * Gone at once for everybody; `cleared` resolves when the disk space is back. EBUSY, naming the owner, while the
   * overlay is open somewhere.
   */
  async delete(id: string): Promise<{ readonly cleared: Promise<void> }> {
    const folder = this.#folder(id);
    const aside = join(this.root, `.deleted-${id}-${randomBytes(6).toString("hex")}`);
    try {
      await whileOwned(folder, "delete", () => rename(folder, aside).catch((error: unknown) => { throw nodeFault(error, "rename", folder); }));
    } catch (error) {
      throw asOverlayError(error, "delete", folder);
    }
    return { cleared: removeTree(aside) };
  }

  /** Deletes it so that it can be had back: `restore` takes the key. EBUSY, naming the owner, while it is open somewhere. */
  async remove(id: string, now = Date.now()): Promise<string> {
    const folder = this.#folder(id);
    return asOperation("delete", folder, () => retain(this.root, id, folder, now));
  }

  /** What `remove` took away and nothing has cleared since, last deleted first. */
  removed(): Promise<RetainedOverlay[]> {
    return retained(this.root);
  }

  /** Brings back what `remove` took away; returns its id, which is what it was. */
  async restore(key: string): Promise<string> {
    return asOperation("restore", key, () => bringBack(this.root, key));
  }

  /** Ends what `remove` still keeps. */
  async discard(key: string): Promise<void> {
    await asOperation("delete", key, async () => removeTree(await doom(this.root, key)));
  }

  /** EBUSY, naming the owner, while it is open somewhere. */
  async rename(id: string, name: string): Promise<void> {
    const folder = this.#folder(id);
    await asOperation("renameOverlay", folder, () => whileOwned(folder, "renameOverlay", async () => {
      const manifest = await readManifest(folder);
      if (manifest === undefined) throw new OverlayError("ENOENT", "renameOverlay", folder, { reason: "it is no overlay" });
      await writeManifest(folder, { ...manifest, name });
    }));
  }

  /** A second overlay over the same base, with the changes and snapshots of this one; returns its id. */
  async duplicate(id: string, name: string, options: { readonly signal?: CancelSignal; readonly now?: number } = {}): Promise<string> {
    const folder = this.#folder(id);
    return asOperation("duplicate", folder, () => duplicate(this.root, { id, folder }, name, { ...options, now: options.now ?? Date.now() }));
  }

  /** Goes on with deletions that ended halfway, and ends what was removed longer ago than `retentionMs`. */
  async sweep(options: { readonly retentionMs?: number; readonly now?: number } = {}): Promise<void> {
    const { retentionMs = Infinity, now = Date.now() } = options;
    for (const { key, deleted } of await this.removed()) if (now - deleted > retentionMs) await this.discard(key).catch(() => undefined);
    const names = await readdir(this.root).catch(() => []);
    for (const name of names) if (doomed.test(name)) await removeTree(join(this.root, name)).catch(() => undefined);
    await sweepGrowing(this.root, now);
  }

  #folder(id: string): string {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(id)) throw new OverlayError("EINVAL", "find", id, { reason: "not the id of an overlay" });
    return join(this.root, id);
  }

  async #read(id: string): Promise<StoredOverlay | undefined> {
    const folder = this.#folder(id);
    const manifest = await readManifest(folder).catch((error: unknown) => {
      if (isCode(error, "ENOTDIR")) return undefined; // some file that lies about
      throw error;
    });
    if (manifest === undefined) return undefined;
    return {
      id, folder, name: manifest.name, base: manifest.base, snapshots: manifest.snapshots.length, created: manifest.created,
      lastUsed: await lastUsed(folder, manifest.created), caseSensitive: manifest.caseSensitive,
      sizeOnDisk: (signal) => sizeOnDisk(folder, signal),
      owner: () => currentOwner(folder),
    };
  }
}

async function asOperation<T>(operation: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asOverlayError(error, operation, path);
  }
}

async function lastUsed(folder: string, created: number): Promise<number> {
  const [highest] = await lockNumbers(folder).catch(() => []);
  if (highest === undefined) return created;
  const lock = await stat(lockPath(folder, highest)).catch(() => undefined);
  return lock === undefined ? created : Math.max(created, lock.mtimeMs);
}
