/** A whole folder of ours: its size on disk, and its removal. Neither ever follows a symlink. */
import type { Dirent } from "node:fs";
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { OverlayError } from "../engine/errors.js";
import type { CancelSignal } from "../engine/types.js";
import { errnoOf, nodeFault } from "./nodeFault.js";

const blockSize = 512;

/** Bytes that the folder takes, a file of several names counted once. What vanishes meanwhile counts nothing. */
export async function sizeOnDisk(folder: string, signal?: CancelSignal): Promise<number> {
  const seen = new Set<string>();
  const visit = async (path: string): Promise<number> => {
    if (signal?.aborted === true) throw new OverlayError("ECANCELED", "measure", folder);
    const stat = await lstat(path).catch(() => undefined);
    if (stat === undefined) return 0;
    if (!stat.isDirectory() && stat.nlink > 1) {
      const identity = `${stat.dev}:${stat.ino}`;
      if (seen.has(identity)) return 0;
      seen.add(identity);
    }
    let total = process.platform === "win32" ? stat.size : stat.blocks * blockSize; // Windows counts no blocks
    if (stat.isDirectory()) for (const entry of await readdir(path).catch(() => [])) total += await visit(join(path, entry));
    return total;
  };
  return visit(folder);
}

/** Removes a folder with all in it, directories that an ordinary user may not write (0555) included. */
export async function removeTree(folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    if (!["EACCES", "EPERM", "ENOTEMPTY"].includes(String(errnoOf(error)))) throw nodeFault(error, "rm", folder);
    await unlockDirectories(folder);
    await rm(folder, { recursive: true, force: true }).catch((again: unknown) => { throw nodeFault(again, "rm", folder); });
  }
}

async function unlockDirectories(folder: string): Promise<void> {
  await chmod(folder, 0o700).catch(() => undefined);
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await unlockDirectories(join(folder, entry.name));
}
