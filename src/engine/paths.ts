/**
 * Overlay paths, parsed once at the border and branded. Inside, a path is "/" or "/a/b": absolute, no empty, "."
 * or ".." component, no NUL. Layer paths are the same without the leading slash, "" being a layer's root.
 */
import { Refusal } from "./errors.js";

declare const brand: unique symbol;
export type OverlayPath = string & { readonly [brand]: "OverlayPath" };

export const rootPath = "/" as OverlayPath;

/** Linux's NAME_MAX, in bytes; the base may hold names that long. */
export const nameMax = 255;
/** Linux's PATH_MAX, in bytes, the closing NUL included. */
export const pathMax = 4096;

/** The length of a text in UTF-8 bytes. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) bytes += 1;
    else if (unit >= 0xd800 && unit <= 0xdbff && i + 1 < text.length) {
      bytes += 2; // a surrogate pair: two units, four bytes
      i++;
    } else bytes += 2;
  }
  return bytes;
}

/**
 * Parses what a caller gave. A trailing or doubled slash means nothing, as in POSIX.
 * @throws Refusal EINVAL (not absolute, "." or "..", NUL), ENAMETOOLONG.
 */
export function parseOverlayPath(raw: string): OverlayPath {
  if (typeof raw !== "string" || raw.charCodeAt(0) !== 47) throw new Refusal("EINVAL", "the path must start with '/'");
  if (raw.length > 60 && byteLength(raw) >= pathMax) throw new Refusal("ENAMETOOLONG");
  const plain = !raw.includes("//") && (raw.length === 1 || raw.charCodeAt(raw.length - 1) !== 47);
  const path = plain ? raw : `/${raw.split("/").filter((c) => c !== "").join("/")}`;
  if (path.includes("\0")) throw new Refusal("EINVAL", "the path contains a NUL character");
  if (path.includes("/.") && path.split("/").some((c) => c === "." || c === "..")) {
    throw new Refusal("EINVAL", "the path contains '.' or '..'");
  }
  if (path.length > 60) for (const component of path.split("/")) checkNameLength(component);
  return path as OverlayPath;
}

function checkNameLength(name: string): void {
  if (name.length > nameMax / 4 && byteLength(name) > nameMax) throw new Refusal("ENAMETOOLONG");
}

export function components(path: OverlayPath): string[] {
  return path === rootPath ? [] : path.slice(1).split("/");
}

/** Joins a directory and a single name; for paths of merged as for those of a lower view. */
export function childPath(directory: string, name: string): OverlayPath {
  return (directory === "/" ? `/${name}` : `${directory}/${name}`) as OverlayPath;
}

export function parentPath(path: OverlayPath): OverlayPath {
  const slash = path.lastIndexOf("/");
  return (slash <= 0 ? "/" : path.slice(0, slash)) as OverlayPath;
}

export function baseName(path: OverlayPath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether `path` is `ancestor` itself or lies beneath it. */
export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || ancestor === "/" || path.startsWith(`${ancestor}/`);
}

/** Joins a layer path (no leading slash, "" for the root) and a name. */
export function joinLayer(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}
