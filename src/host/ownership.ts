/**
 * Who owns an overlay's upper. The highest lock.<n> says it; the next number is made exclusively once its owner is
 * gone or let go; whoever then finds a higher one withdraws; the highest is never deleted. Reading, deleting and
 * making one lock file anew cannot give that: two processes would delete each other's.
 */
import { randomBytes } from "node:crypto";
import { OverlayError, isCode } from "../engine/errors.js";
import type { Disposable } from "../engine/types.js";
import { watchFolder } from "./folderWatch.js";
import { refuseStranded } from "./mountMark.js";
import { dropLock, lockNumbers, makeLock, readHighest, replaceLock, sweepTemporaries } from "./lockFiles.js";
import type { LockRecord, LockState } from "./lockFiles.js";
import { lifeOf, ownIdentity } from "./processIdentity.js";
import type { ProcessIdentity } from "./processIdentity.js";
import { readRequests, removeRequests, writeRequest } from "./yieldRequests.js";
import type { AskedBy, YieldRequest } from "./yieldRequests.js";

export type YieldAsker = Omit<YieldRequest, "nonce">;

/** What can be told of an owner; without a pid, its lock could not be read. */
export interface Owner {
  readonly pid?: number;
  readonly host?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  /** Names this lock, so that breaking it cannot hit a later one. */
  readonly lock: string;
}

export type Claim = { readonly kind: "owned"; readonly lock: OverlayLock } | { readonly kind: "held"; readonly owner: Owner };

export interface OwnershipOptions {
  /** For tests: who we are, and whether to go the way of a filesystem without hard links. */
  readonly identity?: ProcessIdentity;
  readonly hardLinks?: boolean;
  readonly pollMs?: number;
  /** For tests: runs between looking at the highest lock and making the next. */
  readonly beforeMaking?: () => void;
}

/** Far more rounds than processes could race in earnest. */
const mostRounds = 200;
const defaultPollMs = 3000;
/** What else changes in the folder (times of upper, of work) is no news of ownership. */
const locksAndRequests = /^(lock|request)[.-]/;

/** Becomes the owner of the folder's upper, or says who is. */
export async function acquire(folder: string, options: OwnershipOptions = {}): Promise<Claim> {
  const self = options.identity ?? (await ownIdentity());
  const record: LockRecord = { ...self, nonce: randomBytes(16).toString("hex"), since: Date.now(), free: false };
  for (let round = 0; round < mostRounds; round++) {
    const state = await readHighest(folder);
    const owner = await holder(state, self);
    if (owner !== undefined) return { kind: "held", owner };
    const number = numberOf(state) + 1;
    options.beforeMaking?.();
    if (!(await makeLock(folder, number, record, options.hardLinks))) continue;
    // A slow process may have made a number that was cleared away behind a higher one: then it owns nothing.
    const [highest] = await lockNumbers(folder);
    if (highest !== number) {
      await dropLock(folder, number);
      continue;
    }
    await tidy(folder, number);
    return { kind: "owned", lock: new OverlayLock(folder, number, record, options.pollMs ?? defaultPollMs) };
  }
  throw new OverlayError("EBUSY", "open", folder, { reason: "too many processes are opening this overlay at once" });
}

/**
 * Does something to an overlay's folder that nobody may be using: owned for as long as it takes.
 * @throws OverlayError EBUSY, naming the owner, while it is open somewhere; what `work` throws.
 */
export async function whileOwned<T>(folder: string, operation: string, work: (lock: OverlayLock) => Promise<T>): Promise<T> {
  const claim = await acquire(folder);
  if (claim.kind === "held") throw new OverlayError("EBUSY", operation, folder, { reason: `the overlay is open elsewhere: ${describeOwner(claim.owner)}` });
  try {
    await refuseStranded(folder, operation);
    return await work(claim.lock);
  } finally {
    await claim.lock.release().catch(() => undefined);
  }
}

/** Below the highest nothing counts any more. Requests were made to the owner before. */
async function tidy(folder: string, number: number): Promise<void> {
  for (const lower of await lockNumbers(folder)) if (lower < number) await dropLock(folder, lower);
  await sweepTemporaries(folder);
  await removeRequests(folder);
}

function numberOf(state: LockState): number {
  return state.kind === "none" ? 0 : state.number;
}

async function holder(state: LockState, self: ProcessIdentity): Promise<Owner | undefined> {
  if (state.kind === "none") return undefined;
  if (state.kind === "unreadable") return { lock: String(state.number) };
  const { record } = state;
  if (record.free || (await lifeOf(record, self)) === "dead") return undefined;
  return { pid: record.pid, host: record.host, since: record.since, lock: `${state.number} ${record.nonce}` };
}

/** Who owns the upper now; undefined when nobody does, or its owner is dead. */
export async function currentOwner(folder: string, options: OwnershipOptions = {}): Promise<Owner | undefined> {
  return holder(await readHighest(folder), options.identity ?? (await ownIdentity()));
}

/**
 * What a user may do to a lock that nobody can compare: from now on it counts for nothing, and if its owner lives
 * after all, it learns so (`onLost`). False when another lock than the one shown to the user is there by now.
 */
export async function breakLock(folder: string, owner: Owner, options: OwnershipOptions = {}): Promise<boolean> {
  const self = options.identity ?? (await ownIdentity());
  const state = await readHighest(folder);
  if ((await holder(state, self))?.lock !== owner.lock) return false;
  const free: LockRecord = { ...self, nonce: randomBytes(16).toString("hex"), since: Date.now(), free: true };
  return makeLock(folder, numberOf(state) + 1, free, options.hardLinks);
}

export function describeOwner(owner: Owner): string {
  if (owner.pid === undefined) return "a process that cannot be told (its lock is not readable)";
  const since = owner.since === undefined ? "" : ` since ${new Date(owner.since).toISOString()}`;
  return `process ${owner.pid} on ${owner.host ?? "an unknown host"}${since}`;
}

/** Tells the live owner that somebody would like to have the upper. Dispose it when that is no longer so. */
export async function requestYield(folder: string, by: AskedBy = "window"): Promise<Disposable> {
  const { pid, host } = await ownIdentity();
  return writeRequest(folder, { pid, host, by });
}

/** Calls once, when the upper has no living owner any more. */
export function onReleased(folder: string, listener: () => void, options: OwnershipOptions = {}): Disposable {
  const watch = watchFolder(folder, options.pollMs ?? defaultPollMs, locksAndRequests, async () => {
    if ((await currentOwner(folder, options)) !== undefined || watch.disposed) return;
    watch.dispose();
    listener();
  });
  return watch;
}

/** The upper is ours until `release`, or until a user breaks the lock. */
export class OverlayLock {
  readonly #yield = new Set<(asker: YieldAsker) => void>();
  readonly #lost = new Set<() => void>();
  readonly #seen = new Set<string>();
  readonly #watch: Disposable;
  #released: Promise<void> | undefined;
  #isLost = false;

  constructor(
    private readonly folder: string,
    private readonly number: number,
    private readonly record: LockRecord,
    pollMs: number,
  ) {
    this.#watch = watchFolder(folder, pollMs, locksAndRequests, () => this.#look());
  }

  get owner(): Owner {
    const { pid, host, since, nonce } = this.record;
    return { pid, host, since, lock: `${this.number} ${nonce}` };
  }

  /** Another process asks for the upper: the polite answer is to finish and dispose the overlay. */
  onYieldRequested(listener: (asker: YieldAsker) => void): Disposable {
    this.#yield.add(listener);
    return { dispose: () => { this.#yield.delete(listener); } };
  }

  /** A user broke the lock, or the folder is gone: from here on nothing may be written. */
  onLost(listener: () => void): Disposable {
    this.#lost.add(listener);
    return { dispose: () => { this.#lost.delete(listener); } };
  }

  /** Marks the lock free; it stays, so that the highest number is never given out twice. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#watch.dispose();
    // Broken meanwhile: then there is nothing left to mark. (Marking it all the same would do no harm.)
    if (!(await this.#overtaken())) await replaceLock(this.folder, this.number, { ...this.record, since: Date.now(), free: true });
  }

  /** A higher lock is there, or the folder is not. Whatever else goes wrong with looking proves nothing. */
  async #overtaken(): Promise<boolean> {
    try {
      const [highest] = await lockNumbers(this.folder);
      return highest === undefined || highest > this.number;
    } catch (error) {
      return isCode(error, "ENOENT", "ENOTDIR");
    }
  }

  async #look(): Promise<void> {
    for (const request of await readRequests(this.folder)) {
      if (this.#seen.has(request.nonce)) continue;
      this.#seen.add(request.nonce);
      for (const listener of [...this.#yield]) listener({ pid: request.pid, host: request.host, by: request.by });
    }
    if (this.#isLost || !(await this.#overtaken()) || this.#released !== undefined) return;
    this.#isLost = true;
    for (const listener of [...this.#lost]) listener();
  }
}
