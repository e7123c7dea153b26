// Everything that a user sees of a tree, on the disk and through an Overlay, in one form, so that both can be compared:
// type, mode, owner, and of files content and time. What a tree of tests and tools holds is too large to compare as text.
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Overlay } from "../../src/engine/index.js";
import { factsOf } from "./model/diskTree.ts";

/** Path to what is there, "/" being the root. */
export type WholeTree = ReadonlyMap<string, string>;

interface Facts {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeMs: number;
}

/** The times of folders and links are left out: whoever tidies in a folder moves its time. */
function describe({ type, mode, uid, gid, mtimeMs }: Facts, content: string): string {
  return [type, (mode & 0o7777).toString(8), uid, gid, ...(type === "file" ? [Math.floor(mtimeMs)] : []), content].join(" ");
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64");

export function wholeTreeOnDisk(folder: string): WholeTree {
  const tree = new Map<string, string>();
  const visit = (path: string): void => {
    const physical = `${folder}${path}`;
    const stat = lstatSync(physical);
    const content = stat.isFile() ? digest(readFileSync(physical)) : stat.isSymbolicLink() ? readlinkSync(physical) : "";
    tree.set(path === "" ? "/" : path, describe(factsOf(stat), content));
    if (stat.isDirectory()) for (const name of readdirSync(physical)) visit(`${path}/${name}`);
  };
  visit("");
  return tree;
}

export async function wholeTreeOf(overlay: Overlay): Promise<WholeTree> {
  const tree = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    const at = path === "" ? "/" : path;
    const stat = await overlay.lstat(at);
    const content = stat.type === "file" ? digest(await overlay.readFile(at)) : stat.type === "symlink" ? await overlay.readlink(at) : "";
    tree.set(at, describe(stat, content));
    if (stat.type === "directory") for (const { name } of await overlay.readDirectory(at)) await visit(`${path}/${name}`);
  };
  await visit("");
  return tree;
}

/** A line for each path that is not the same in both. */
export function treeDifferences(one: WholeTree, other: WholeTree): string[] {
  return [...new Set([...one.keys(), ...other.keys()])].sort().filter((path) => one.get(path) !== other.get(path)).map((path) => `${path}: ${one.get(path) ?? "absent"} | ${other.get(path) ?? "absent"}`);
}
