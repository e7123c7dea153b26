/** The whole of a folder on the disk, in the form that subjects are compared by. Never follows a symlink. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { type EntryFacts, factsLine, here, type Tree } from "./operations.js";

export function typeOf(stat: Stats): string {
  if (stat.isFile()) return "file";
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  if (stat.isSocket()) return "socket";
  return stat.isBlockDevice() ? "block" : "character";
}

export function factsOf(stat: Stats): EntryFacts {
  const { uid, gid, size, mtimeMs } = stat;
  return { type: typeOf(stat), mode: stat.mode & 0o7777, uid, gid, size, mtimeMs };
}

/** @param self the absolute path that targets into this folder start with. */
export function diskTree(root: string, self = root): Tree {
  const lines: [string, string][] = [["/", factsLine(factsOf(lstatSync(root)), "")]];
  const visit = (physical: string, path: string): void => {
    for (const entry of readdirSync(physical, { withFileTypes: true })) {
      const at = `${physical}/${entry.name}`;
      const child = `${path}/${entry.name}`;
      const stat = lstatSync(at);
      let content = "";
      if (stat.isSymbolicLink()) content = `-> ${readlinkSync(at).replace(self, here)}`;
      else if (stat.isFile()) content = JSON.stringify(readFileSync(at, "utf8"));
      lines.push([child, factsLine(factsOf(stat), content)]);
      if (stat.isDirectory()) visit(at, child);
    }
  };
  visit(root, "");
  return Object.fromEntries(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
}
