/** Layers as data, planted on the disk in our format and in the kernel's: what lies below the upper at the start. */
import { execFileSync } from "node:child_process";
import { chmodSync, lchownSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { here } from "./operations.js";

export type Planted =
  | { readonly kind: "file"; readonly text: string; readonly mode?: number; readonly owner?: number }
  | { readonly kind: "directory"; readonly mode?: number; readonly owner?: number; readonly opaque?: boolean; readonly redirect?: string }
  | { readonly kind: "symlink"; readonly target: string }
  | { readonly kind: "hardLink"; readonly to: string }
  | { readonly kind: "whiteout" };

/** Paths without a leading slash; a directory before what is in it. */
export type Layer = readonly (readonly [path: string, entry: Planted])[];

export interface World {
  readonly name: string;
  readonly base: Layer;
  /** Topmost first. */
  readonly lowers: readonly Layer[];
}

export type Format = "markers" | { readonly xattrs: "trusted" | "user" };

const privileged = process.getuid?.() === 0;
/** A second for each entry, so that times tell entries apart. */
const firstSecond = Date.UTC(2001, 0) / 1000;

/** @param self what {here} in symlink targets stands for. */
export function plantLayer(root: string, layer: Layer, format: Format, self: string): void {
  mkdirSync(root, { recursive: true });
  for (const [path, entry] of layer) plantEntry(root, path, entry, format, self);
  // Deepest first, because making a child changes its parent's time.
  for (const [i, [path, entry]] of [...layer.entries()].reverse()) {
    if (entry.kind === "whiteout" || entry.kind === "hardLink") continue;
    const at = join(root, path);
    if (entry.kind !== "symlink" && entry.owner !== undefined && privileged) lchownSync(at, entry.owner, entry.owner);
    if (entry.kind !== "symlink" && entry.mode !== undefined) chmodSync(at, entry.mode);
    lutimesSync(at, firstSecond + i, firstSecond + i);
  }
  lutimesSync(root, firstSecond - 1, firstSecond - 1);
}

function plantEntry(root: string, path: string, entry: Planted, format: Format, self: string): void {
  const at = join(root, path);
  switch (entry.kind) {
    case "file":
      writeFileSync(at, entry.text, { mode: 0o644 });
      return;
    case "symlink":
      symlinkSync(entry.target.replace(here, self), at);
      return;
    case "hardLink":
      execFileSync("ln", [join(root, entry.to), at]);
      return;
    case "whiteout": {
      const slash = at.lastIndexOf("/") + 1;
      if (format === "markers") writeFileSync(`${at.slice(0, slash)}.wh.${at.slice(slash)}`, "");
      else execFileSync("mknod", [at, "c", "0", "0"]);
      return;
    }
    case "directory":
      mkdirSync(at, { mode: 0o755 });
      if (entry.opaque === true) mark(at, "opaque", "y", format);
      if (entry.redirect !== undefined) mark(at, "redirect", entry.redirect, format);
  }
}

function mark(directory: string, what: "opaque" | "redirect", value: string, format: Format): void {
  if (format === "markers") writeFileSync(join(directory, what === "opaque" ? ".wh..wh..opq" : ".wh..wh..redirect"), what === "opaque" ? "" : value);
  else execFileSync("setfattr", ["-n", `${format.xattrs}.overlay.${what}`, "-v", value, directory]);
}
