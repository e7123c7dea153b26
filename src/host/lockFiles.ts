/**
 * The lock.<n> files of an overlay's folder: read, made exclusively and whole, marked free. Which of them counts, and
 * when one may be made, is decided in ownership.ts.
 */
import { randomBytes } from "node:crypto";
import { link, open, readFile, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, nodeFault } from "./nodeFault.js";
import type { ProcessIdentity } from "./processIdentity.js";

export interface LockRecord extends ProcessIdentity {
  readonly nonce: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Nobody's any more. */
  readonly free: boolean;
}

export type LockState =
  | { readonly kind: "none" }
  | { readonly kind: "record"; readonly number: number; readonly record: LockRecord }
  /** Something is there that says nothing to us: another version's, or damaged. */
  | { readonly kind: "unreadable"; readonly number: number };

const lockName = /^lock\.([1-9][0-9]{0,14})$/;
const temporary = /^lock-[0-9a-f]+\.tmp$/;
/** Where there are no hard links a lock is there before its content is; so long a reader waits for it. */
const patience = { tries: 20, pauseMs: 50 };

/** Numbers of the locks there are, highest first. */
export async function lockNumbers(folder: string): Promise<number[]> {
  const names = await guarded("readdir", folder, () => readdir(folder));
  return names.map((name) => Number(lockName.exec(name)?.[1] ?? 0)).filter((n) => n > 0).sort((a, b) => b - a);
}

export async function readHighest(folder: string): Promise<LockState> {
  for (let attempt = 0; ; attempt++) {
    const [number] = await lockNumbers(folder);
    if (number === undefined) return { kind: "none" };
    const record = parse(await readFile(lockPath(folder, number), "utf8").catch(() => ""));
    if (record !== undefined) return { kind: "record", number, record };
    if (attempt >= patience.tries) return { kind: "unreadable", number };
    await new Promise((resolve) => setTimeout(resolve, patience.pauseMs));
  }
}

/**
 * Makes lock.<number>; false when it is there already. Whole from its first moment where there are hard links: the
 * content is written and forced to the disk under another name. Without them (`open` with O_EXCL) it relies on the
 * filesystem creating exclusively, and a death between creation and content leaves a lock that only a user may break.
 */
export async function makeLock(folder: string, number: number, record: LockRecord, hardLinks = true): Promise<boolean> {
  const temp = await writeTemporary(folder, record);
  try {
    if (!hardLinks) return await makeInPlace(lockPath(folder, number), record);
    await link(temp, lockPath(folder, number));
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    // ENOENT: whoever owns the folder now swept our temp away.
    if (errno === "EEXIST" || errno === "ENOENT") return false;
    if (withoutLinks.has(errno)) return await makeInPlace(lockPath(folder, number), record);
    throw nodeFault(error, "link", lockPath(folder, number));
  } finally {
    await unlink(temp).catch(() => undefined);
  }
}

const withoutLinks: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EISDIR"]);

async function makeInPlace(path: string, record: LockRecord): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o644);
    try {
      await file.writeFile(JSON.stringify(record));
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw nodeFault(error, "open", path);
  }
}

/** Replaces the content of a lock that is ours, in one step. */
export async function replaceLock(folder: string, number: number, record: LockRecord): Promise<void> {
  const temp = await writeTemporary(folder, record);
  await guarded("rename", lockPath(folder, number), () => rename(temp, lockPath(folder, number)));
}

export async function dropLock(folder: string, number: number): Promise<void> {
  await unlink(lockPath(folder, number)).catch(() => undefined);
}

/** Removes what crashed attempts left behind. */
export async function sweepTemporaries(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.filter((name) => temporary.test(name)).map((name) => unlink(join(folder, name)).catch(() => undefined)));
}

export function lockPath(folder: string, number: number): string {
  return join(folder, `lock.${number}`);
}

async function writeTemporary(folder: string, record: LockRecord): Promise<string> {
  const temp = join(folder, `lock-${randomBytes(8).toString("hex")}.tmp`);
  return guarded("open", temp, async () => {
    const file = await open(temp, "wx", 0o644);
    try {
      await file.writeFile(JSON.stringify(record));
      await file.sync();
    } finally {
      await file.close();
    }
    return temp;
  });
}

async function guarded<T>(call: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw nodeFault(error, call, path);
  }
}

function parse(text: string): LockRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { pid, start, bootId, pidNamespace, host, machine, nonce, since, free } = value as Record<string, unknown>;
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid <= 0 || typeof since !== "number" || typeof free !== "boolean") return undefined;
  if (typeof start !== "string" || typeof bootId !== "string" || typeof pidNamespace !== "string") return undefined;
  if (typeof host !== "string" || typeof machine !== "string" || typeof nonce !== "string") return undefined;
  return { pid, start, bootId, pidNamespace, host, machine, nonce, since, free };
}
