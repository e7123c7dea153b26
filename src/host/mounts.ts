/**
 * Whether one folder lies inside another, whatever names lead there: by path, by the identity of the folders above,
 * and (Linux) by device and root in mountinfo, which alone shows a bind mount of a folder within.
 */
import { readFile, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { errnoOf, nodeFault } from "./nodeFault.js";

/** The path with symlinks resolved as far as it exists; the rest is still to be made. */
export async function realPathSoFar(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const parent = dirname(path);
    if (errnoOf(error) !== "ENOENT" || parent === path) throw nodeFault(error, "realpath", path);
    return join(await realPathSoFar(parent), basename(path));
  }
}

/** Both real, `inner` perhaps not made yet. Equal counts as inside. */
export async function liesInside(inner: string, outer: string, mountinfo?: string): Promise<boolean> {
  if (isBeneath(inner, outer)) return true;
  if (await hasAncestor(inner, outer)) return true;
  const mounts = parseMountinfo(mountinfo ?? (await readFile("/proc/self/mountinfo", "utf8").catch(() => "")));
  const a = place(mounts, inner);
  const b = place(mounts, outer);
  return a !== undefined && b !== undefined && a.device === b.device && isBeneath(a.path, b.path);
}

function isBeneath(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(ancestor.endsWith(sep) ? ancestor : ancestor + sep);
}

async function hasAncestor(inner: string, outer: string): Promise<boolean> {
  const wanted = await stat(outer, { bigint: true }).catch(() => undefined);
  if (wanted === undefined) return false;
  for (let at = inner; ; at = dirname(at)) {
    const found = await stat(at, { bigint: true }).catch(() => undefined);
    if (found !== undefined && found.dev === wanted.dev && found.ino === wanted.ino) return true;
    if (dirname(at) === at) return false;
  }
}

interface Mount {
  readonly device: string;
  /** Which folder of the filesystem is mounted, and where. */
  readonly root: string;
  readonly point: string;
}

/** proc(5): id, parent, major:minor, root, mount point, ...; blanks are written as octal escapes. */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [, , device, root, point] = line.split(" ");
    if (device === undefined || root === undefined || point === undefined) return [];
    return [{ device, root: unescape(root), point: unescape(point) }];
  });
}

function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** Where a path lies on its own filesystem: the deepest mount point above it decides, of equals the last. */
function place(mounts: readonly Mount[], path: string): { device: string; path: string } | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    if (isBeneath(path, mount.point) && (best === undefined || mount.point.length >= best.point.length)) best = mount;
  }
  if (best === undefined) return undefined;
  const rest = path.slice(best.point === "/" ? 0 : best.point.length);
  return { device: best.device, path: best.root === "/" ? rest || "/" : best.root + (rest === "/" ? "" : rest) };
}
