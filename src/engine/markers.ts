/**
 * The markers of an upper or a snapshot: whiteout, opaque, redirect. Nobody else knows their names or reads them.
 * They follow the whiteout rules of the OCI image-spec (layer.md, "Whiteouts"), with a redirect of our own.
 * A whiteout beside a real entry is void: the entry stands (INV-2), which is what makes one rename, link or unlink enough.
 */
import { isCode, Refusal } from "./errors.js";
import type { Env, LayerListing, LowerLayer } from "./layer.js";
import { byteLength, joinLayer, nameMax, type OverlayPath, pathMax, parseOverlayPath } from "./paths.js";
import type { EntryType } from "./types.js";

const prefix = ".wh.";
const metaPrefix = ".wh..wh.";
export const opaqueMarker = ".wh..wh..opq";
export const redirectMarker = ".wh..wh..redirect";

/** Whether a name belongs to the markers, so that nobody may create it and no upper copy of it can be made. */
export function isReserved(name: string): boolean {
  return name.startsWith(prefix);
}

/** @throws Refusal ENAMETOOLONG when the marker would not fit: base names of 252 to 255 bytes can only be read. */
export function whiteoutName(name: string): string {
  if (byteLength(name) + prefix.length > nameMax) {
    throw new Refusal("ENAMETOOLONG", "the name is too long to be hidden: names of more than 251 bytes in the base can only be read");
  }
  return prefix + name;
}

/** @throws Refusal EINVAL. */
export function checkCreatable(name: string): void {
  if (isReserved(name)) throw new Refusal("EINVAL", `names that start with '${prefix}' are kept for the overlay's own markers`);
}

/** @throws Refusal EROFS for an entry of the base whose upper copy would be taken for a marker. */
export function checkChangeable(name: string): void {
  if (isReserved(name)) {
    throw new Refusal("EROFS", `the base's names that start with '${prefix}' are read-only: their copy would be taken for a marker`);
  }
}

export function isWhiteout(name: string): boolean {
  return isReserved(name) && !name.startsWith(metaPrefix);
}

/** What the names of one folder of an upper say: which stand, which are hidden, and whether it hides what lies below. For who watches one. */
export function readNames(all: readonly string[]): { readonly names: ReadonlySet<string>; readonly hidden: ReadonlySet<string>; readonly opaque: boolean } {
  const names = new Set(all.filter((name) => !isReserved(name)));
  const hidden = new Set(all.filter(isWhiteout).map((name) => name.slice(prefix.length)));
  return { names, hidden, opaque: all.includes(opaqueMarker) };
}

export interface MarkedChild {
  readonly name: string;
  readonly type: EntryType;
}

/** A directory of an upper or a snapshot, as its one readdir tells it. */
export interface MarkedListing {
  readonly children: readonly MarkedChild[];
  readonly whiteouts: readonly string[];
  readonly undecodable: number;
  readonly shape: MarkedShape;
}

/** What hides or replaces the lower content of a directory: nothing, an opaque mark, or a redirect. */
export type MarkedShape = { readonly kind: "plain" } | { readonly kind: "opaque" } | { readonly kind: "redirect"; readonly to: OverlayPath };

/**
 * Reads a directory with its markers. A character device 0/0 is a whiteout too (fuse-overlayfs with mknod).
 * @throws LayerError; Refusal EIO for a redirect that is damaged.
 */
export async function readMarked(layer: LowerLayer, directory: string, env: Env): Promise<MarkedListing> {
  const listing = await layer.readDirectory(directory);
  const { children, whiteouts, opaque, redirect, devices } = sort(listing);
  for (const name of devices) {
    const stat = await layer.lstat(joinLayer(directory, name));
    if (stat.type === "character" && stat.rdev === 0) whiteouts.push(name);
    else children.push({ name, type: stat.type });
  }
  // Opaque beats redirect.
  const shape: MarkedShape = opaque ? { kind: "opaque" } : redirect ? { kind: "redirect", to: await readRedirect(layer, directory, env) } : { kind: "plain" };
  return { children, whiteouts, undecodable: listing.undecodable, shape };
}

function sort(listing: LayerListing) {
  const children: MarkedChild[] = [];
  const whiteouts: string[] = [];
  const devices: string[] = [];
  let opaque = false;
  let redirect = false;
  for (const entry of listing.entries) {
    const { name } = entry;
    if (!name.startsWith(prefix)) {
      if (entry.type === "character") devices.push(name);
      else children.push(entry);
    } else if (name === opaqueMarker) opaque = true;
    else if (name === redirectMarker) redirect = true;
    else if (!name.startsWith(metaPrefix) && name.length > prefix.length) whiteouts.push(name.slice(prefix.length));
    // Other ".wh..wh." names are housekeeping of AUFS: neither entries nor whiteouts.
  }
  return { children, whiteouts, opaque, redirect, devices };
}

async function readRedirect(layer: LowerLayer, directory: string, env: Env): Promise<OverlayPath> {
  const where = joinLayer(directory, redirectMarker);
  try {
    return parseRedirect(env.decode(await layer.readFile(where)));
  } catch (error) {
    if (isCode(error, "ENOENT", "EMFILE", "EACCES")) throw error; // raced, or the system's trouble: not damage
    throw new Refusal("EIO", `the folder's redirect '${where}' is damaged; reset the folder, or mend the file: ${String(error)}`, { cause: error });
  }
}

/**
 * The path a redirect names: one absolute, normal path of at most 4096 bytes, no newline, no reserved component.
 * Never a guess: an empty redirect (a power cut before an fsync) would be the whole base.
 * @throws Refusal EINVAL.
 */
export function parseRedirect(text: string): OverlayPath {
  if (text === "" || byteLength(text) > pathMax) throw new Refusal("EINVAL", "it is empty or too long");
  if (text.includes("\n")) throw new Refusal("EINVAL", "it holds more than one line");
  const path = parseOverlayPath(text);
  if (path !== text || path === "/") throw new Refusal("EINVAL", "it is not a normal path");
  if (path.slice(1).split("/").some(isReserved)) throw new Refusal("EINVAL", "it names a marker");
  return path;
}
