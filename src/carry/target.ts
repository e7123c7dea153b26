/** Where an export may go: never into the base or the overlay's folder, over neither of them, and not over other things. */
import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { lstat, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import { OverlayError, type ErrorCode, toErrorCode } from "../engine/index.js";
import { liesInside } from "../host/mounts.js";
import { errnoOf } from "../host/nodeFault.js";
import type { Carried } from "./types.js";

export interface Target {
  /** Real path of the folder it goes to. */
  readonly parent: string;
  readonly path: string;
  /** A name beside it where the export grows, which nothing has yet. */
  readonly staged: string;
  readonly exists: boolean;
}

/**
 * @param kind an empty folder may be there for a folder, a file for a file (it is replaced).
 * @throws OverlayError: EINVAL, ENOTDIR, EISDIR, ENOTEMPTY, or what the system says of the parent folder.
 */
export async function checkTarget(overlay: Carried, target: string, kind: "folder" | "file", operation: string): Promise<Target> {
  const refuse = (code: ErrorCode, reason: string, cause?: unknown): OverlayError => new OverlayError(code, operation, target, { reason, ...(cause === undefined ? {} : { cause }) });
  if (!isAbsolute(target)) throw refuse("EINVAL", "where to export must be an absolute path");
  const given = resolve(target);
  if (dirname(given) === given) throw refuse("EINVAL", "the root of the disk cannot be exported to");
  const parent = await realpath(dirname(given)).catch((error: unknown) => {
    throw refuse(toErrorCode(errnoOf(error)), `the folder '${dirname(given)}' cannot be reached; make it first`, error);
  });
  if (!(await stat(parent)).isDirectory()) throw refuse("ENOTDIR", `'${parent}' is not a folder`);
  const path = join(parent, basename(given));
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw refuse(toErrorCode(errnoOf(error)), `'${path}' cannot be looked at`, error);
  });
  await checkApart(overlay, path, refuse);
  if (found !== undefined) await checkExisting(path, found, kind, refuse);
  return { parent, path, staged: join(parent, `.overlay-export-${randomBytes(8).toString("hex")}`), exists: found !== undefined };
}

type Refuse = (code: ErrorCode, reason: string) => OverlayError;

async function checkApart(overlay: Carried, path: string, refuse: Refuse): Promise<void> {
  const base = overlay.remote === undefined ? [[await realpath(overlay.manifest.base), "the base folder"] as const] : [];
  for (const [other, what] of [...base, [overlay.folder, "the overlay's own folder"] as const]) {
    if (await liesInside(path, other)) throw refuse("EINVAL", `it lies inside ${what} '${other}'; choose a place outside`);
    if (await liesInside(other, path)) throw refuse("EINVAL", `${what} '${other}' lies inside it; choose another place`);
  }
}

async function checkExisting(path: string, found: Stats, kind: "folder" | "file", refuse: Refuse): Promise<void> {
  if (found.isSymbolicLink()) throw refuse("EINVAL", "it is a symbolic link; choose what it points at, or another name");
  if (kind === "file") {
    if (!found.isFile()) throw refuse(found.isDirectory() ? "EISDIR" : "EINVAL", "something that is no file has this name; choose another one");
    return;
  }
  if (!found.isDirectory()) throw refuse("ENOTDIR", "a file has this name; choose another one");
  if ((await readdir(path)).length > 0) throw refuse("ENOTEMPTY", "the folder is not empty; choose an empty or a new one");
}
