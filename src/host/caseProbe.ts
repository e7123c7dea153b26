/**
 * Whether a folder's filesystem tells "a" from "A". A base is only ever looked at: an entry is asked for under its
 * name with the case swapped. A scratch folder is asked by making a file.
 */
import { randomBytes } from "node:crypto";
import { lstat, opendir, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** More need not be looked at: nearly every name has a letter. */
const mostLooked = 200;

export async function isCaseSensitiveToRead(folder: string): Promise<boolean> {
  let looked = 0;
  try {
    for await (const entry of await opendir(folder)) {
      const answer = await compare(folder, entry.name);
      if (answer !== undefined) return answer;
      if (++looked >= mostLooked) break;
    }
  } catch {
    // Not to be listed; its own name may tell.
  }
  return (await compare(dirname(folder), basename(folder))) ?? usual();
}

export async function isCaseSensitiveToWrite(folder: string): Promise<boolean> {
  const name = `probe-${randomBytes(8).toString("hex")}`;
  await writeFile(join(folder, name), "", { flag: "wx" });
  try {
    return (await compare(folder, name)) ?? usual();
  } finally {
    await unlink(join(folder, name)).catch(() => undefined);
  }
}

/** Undefined when the name says nothing: no letter in it, or gone meanwhile. */
async function compare(folder: string, name: string): Promise<boolean | undefined> {
  const swapped = swapCase(name);
  if (swapped === name) return undefined;
  const original = await lstat(join(folder, name), { bigint: true }).catch(() => undefined);
  if (original === undefined) return undefined;
  const other = await lstat(join(folder, swapped), { bigint: true }).catch(() => undefined);
  // Two names of one file (a hard link) look the same here, so only one with a single link proves anything.
  if (other !== undefined && other.dev === original.dev && other.ino === original.ino) {
    return original.nlink > 1n && !original.isDirectory() ? undefined : false;
  }
  return true;
}

/** ASCII only: the one folding on which all filesystems agree. */
function swapCase(name: string): string {
  return name.replace(/[A-Za-z]/g, (letter) => (letter < "a" ? letter.toLowerCase() : letter.toUpperCase()));
}

function usual(): boolean {
  return process.platform !== "darwin" && process.platform !== "win32";
}
