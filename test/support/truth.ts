/**
 * What a test may say of an overlay as a whole: its merged tree with modes, and whether a list of events tells the truth
 * about how one such tree became another (INV-12).
 */
import type { Overlay, OverlayEvent } from "../../src/engine/index.js";

export type Tree = Readonly<Record<string, string>>;

/** Every path of merged with all of it that a user can see, but its times. */
export async function fullTree(overlay: Overlay, path = "/"): Promise<Tree> {
  const tree: Record<string, string> = { [path]: await describeEntry(overlay, path) };
  for (const { name, type } of await overlay.readDirectory(path)) {
    const child = path === "/" ? `/${name}` : `${path}/${name}`;
    if (type === "directory") Object.assign(tree, await fullTree(overlay, child));
    else tree[child] = await describeEntry(overlay, child);
  }
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function describeEntry(overlay: Overlay, path: string): Promise<string> {
  const { type, mode, nlink, uid } = await overlay.lstat(path);
  const head = `${type} ${mode.toString(8)} ${String(uid)}`;
  if (type === "file") return `${head} x${String(nlink)} ${JSON.stringify(new TextDecoder().decode(await overlay.readFile(path)))}`;
  return type === "symlink" ? `${head} -> ${await overlay.readlink(path)}` : head;
}

const isAtOrBeneath = (path: string, ancestor: string): boolean => path === ancestor || ancestor === "/" || path.startsWith(`${ancestor}/`);

/** Without link counts: a new name for a file is no change of its old one. */
const withoutLinks = (what: string | undefined): string | undefined => what?.replace(/ x\d+ /, " ");

/** Lies and silences, in words; none when the events are truthful. */
export function untruths(events: readonly OverlayEvent[], before: Tree, after: Tree): string[] {
  const faults: string[] = [];
  for (const path of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (withoutLinks(before[path]) === withoutLinks(after[path])) continue;
    const told = events.some((event) => event.path === path || (event.type !== "changed" && isAtOrBeneath(path, event.path)));
    if (!told) faults.push(`no event for ${path}: ${String(before[path])} became ${String(after[path])}`);
  }
  for (const path of new Set(events.map((event) => event.path))) {
    const last = events.findLast((event) => event.path === path || (event.type !== "changed" && isAtOrBeneath(path, event.path)));
    if (last === undefined) continue;
    if (last.type === "deleted" && path in after) faults.push(`${path} was said to be deleted last, and is there`);
    if (last.path === path && last.type !== "deleted" && !(path in after)) faults.push(`${path} was said to be ${last.type} last, and is not there`);
  }
  return faults;
}
