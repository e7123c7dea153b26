/**
 * Deleted overlays that can still be had back: each lies aside under the scratch root, under a name that says when it was
 * deleted. Moving it there and back is one rename; who does it has the overlay's lock, so nobody is using it.
 */
import { randomBytes } from "node:crypto";
import { lstat, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { OverlayError } from "../engine/errors.js";
import { readManifest } from "./manifest.js";
import { nodeFault } from "./nodeFault.js";
import { breakLock, whileOwned } from "./ownership.js";

export interface RetainedOverlay {
  /** Names it for `restore` and `discard`. */
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly base: string;
  /** Milliseconds since the epoch. */
  readonly deleted: number;
}

const pattern = /^\.removed-([0-9a-z]{1,12})-([A-Za-z0-9][A-Za-z0-9._-]*)$/;

/** @throws OverlayError EBUSY, naming the owner, while the overlay is open somewhere. */
export async function retain(root: string, id: string, folder: string, now: number): Promise<string> {
  return whileOwned(folder, "delete", async (lock) => {
    const key = `.removed-${now.toString(36)}-${id}`;
    await moved(folder, join(root, key));
    // Our claim went along: in its new place it must not look as if somebody had the overlay.
    await breakLock(join(root, key), lock.owner).catch(() => undefined);
    return key;
  });
}

/** Last deleted first. */
export async function retained(root: string): Promise<RetainedOverlay[]> {
  const found: RetainedOverlay[] = [];
  for (const key of await readdir(root).catch(() => [])) {
    const [, time, id] = pattern.exec(key) ?? [];
    if (time === undefined || id === undefined) continue;
    const manifest = await readManifest(join(root, key)).catch(() => undefined);
    found.push({ key, id, name: manifest?.name ?? id, base: manifest?.base ?? "", deleted: parseInt(time, 36) });
  }
  return found.sort((a, b) => b.deleted - a.deleted);
}

/** @throws OverlayError ENOENT when it is not there any more, EEXIST when its place is taken. */
export async function bringBack(root: string, key: string): Promise<string> {
  const id = pattern.exec(key)?.[2];
  if (id === undefined) throw new OverlayError("EINVAL", "restore", key, { reason: "it is not the key of a deleted overlay" });
  const target = join(root, id);
  if (!(await isThere(join(root, key)))) throw new OverlayError("ENOENT", "restore", target, { reason: "it is not kept any more" });
  if (await isThere(target)) throw new OverlayError("EEXIST", "restore", target, { reason: "an overlay of this id is there already" });
  await moved(join(root, key), target);
  return id;
}

/** Its name says from now on that it is to go, so that a crash cannot bring half of it back. */
export async function doom(root: string, key: string): Promise<string> {
  const id = pattern.exec(key)?.[2];
  if (id === undefined) throw new OverlayError("EINVAL", "delete", key, { reason: "it is not the key of a deleted overlay" });
  const aside = join(root, `.deleted-${id}-${randomBytes(6).toString("hex")}`);
  await moved(join(root, key), aside);
  return aside;
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(() => true, () => false);
}

async function moved(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => { throw nodeFault(error, "rename", from); });
}
