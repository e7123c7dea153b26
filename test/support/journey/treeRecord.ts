// Everything about a tree of files that a write could change, one line for each entry: type, mode, owner, link count,
// times in nanoseconds, content. Two records of an untouched tree are equal; `differences` names what is not.
import { createHash } from "node:crypto";
import { type BigIntStats, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** Path within the tree ("." is its root) to what is there. */
export type TreeRecord = ReadonlyMap<string, string>;

export function recordTree(folder: string): TreeRecord {
  const lines = new Map<string, string>();
  const visit = (path: string, inside: string): void => {
    const stat = lstatSync(path, { bigint: true });
    // Reading changes the access time alone; it is no part of this. The change time shows any other touch.
    lines.set(inside, [typeOf(stat), (stat.mode & 0o7777n).toString(8), stat.uid, stat.gid, stat.nlink, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs, contentOf(path, stat)].join(" "));
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path).sort()) visit(join(path, name), inside === "." ? name : `${inside}/${name}`);
  };
  visit(folder, ".");
  return lines;
}

function typeOf(stat: BigIntStats): string {
  return stat.isDirectory() ? "directory" : stat.isSymbolicLink() ? "symlink" : stat.isFile() ? "file" : "other";
}

function contentOf(path: string, stat: BigIntStats): string {
  if (stat.isSymbolicLink()) return readlinkSync(path);
  return stat.isFile() ? createHash("sha256").update(readFileSync(path)).digest("base64") : "";
}

/** One line for each entry that is not as it was; empty when the trees are the same. */
export function differences(before: TreeRecord, after: TreeRecord): string[] {
  const paths = new Set([...before.keys(), ...after.keys()]);
  return [...paths].filter((path) => before.get(path) !== after.get(path)).map((path) => `${path}: ${before.get(path) ?? "absent"} -> ${after.get(path) ?? "absent"}`);
}
