/**
 * An overlay's folder before anything is opened in it: where it may lie, what must not be a symlink, and its making.
 * All refusals come before the first change.
 */
import { constants } from "node:fs";
import { access, lstat, mkdir, readdir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { OverlayError } from "../engine/errors.js";
import { liesInside, realPathSoFar } from "./mounts.js";
import { errnoOf, nodeFault } from "./nodeFault.js";

/** The folders in an overlay's folder that only this program makes. */
export const ownFolders = ["upper", "work", "trash", "layers"] as const;
/** The rest of what may lie there: files of the manifest, the locks, requests, and the records of origins and of what was dropped. */
const ownFiles = /^(overlay\.json|overlay-[0-9a-f]+\.tmp|lock[.-][0-9a-f]+(\.tmp)?|request[.-][0-9a-f]+(\.tmp)?|mounted(-[0-9a-f]+\.tmp)?|origins(\..*)?|dropped)$/;

export interface BaseFolder {
  readonly given: string;
  readonly real: string;
}

function refused(code: ConstructorParameters<typeof OverlayError>[0], path: string, reason: string, cause?: unknown): OverlayError {
  return new OverlayError(code, "open", path, { reason, ...(cause === undefined ? {} : { cause }) });
}

/** @throws OverlayError when the folder is missing, none, or may not be read. */
export async function checkReadable(folder: string, what: string): Promise<BaseFolder> {
  if (!isAbsolute(folder)) throw refused("EINVAL", folder, `${what} must be an absolute path`);
  const given = resolve(folder);
  try {
    const real = await realpath(given);
    if (!(await stat(real)).isDirectory()) throw refused("ENOTDIR", given, `${what} is not a folder`);
    await access(real, constants.R_OK | constants.X_OK);
    return { given, real };
  } catch (error) {
    if (error instanceof OverlayError) throw error;
    const fault = nodeFault(error, "open", given);
    const why = fault.code === "ENOENT" ? "does not exist" : fault.code === "EACCES" ? "may not be read" : `cannot be opened (${fault.code})`;
    throw refused(fault.code, given, `${what} ${why}`, fault);
  }
}

/** The real path of the scratch folder, which need not exist yet. */
export async function checkScratchPlace(scratch: string, lowers: readonly BaseFolder[]): Promise<string> {
  if (!isAbsolute(scratch)) throw refused("EINVAL", scratch, "the scratch folder must be an absolute path");
  const given = resolve(scratch);
  const real = await realPathSoFar(given).catch((error: unknown) => {
    const fault = nodeFault(error, "open", given);
    throw refused(fault.code, given, "the scratch folder cannot be reached", fault);
  });
  for (const lower of lowers) {
    if (await liesInside(real, lower.real)) throw refused("EINVAL", given, `the scratch folder lies inside the base '${lower.given}'`);
    if (await liesInside(lower.real, real)) throw refused("EINVAL", given, `the base '${lower.given}' lies inside the scratch folder`);
  }
  return real;
}

/** Nothing here is trusted by its name: a symlink planted as upper/ would lead every write astray. */
export async function checkOwnFolders(folder: string, snapshots: readonly string[]): Promise<void> {
  for (const name of [...ownFolders, ...snapshots]) {
    const path = join(folder, name);
    const found = await lstat(path).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw nodeFault(error, "lstat", path);
    });
    if (found === undefined) {
      if (snapshots.includes(name)) throw refused("ENOENT", path, `the snapshot ${path} is missing`);
    } else if (!found.isDirectory()) {
      throw refused("EINVAL", path, `${path} is ${found.isSymbolicLink() ? "a symbolic link" : "no folder"}, and may not be`);
    }
  }
}

/** An overlay can be made in a folder that is empty, or holds no more than an unfinished making left. */
export async function checkFresh(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => { throw nodeFault(error, "readdir", folder); });
  const foreign = names.find((name) => !ownFiles.test(name) && !(ownFolders as readonly string[]).includes(name));
  if (foreign !== undefined) throw refused("ENOTEMPTY", folder, `${folder} is not an overlay's folder: it holds '${foreign}'`);
  for (const name of ["upper", "layers"]) {
    const kept = await readdir(join(folder, name)).catch(() => []);
    if (kept.length > 0) throw refused("EINVAL", folder, `the overlay's manifest is missing from ${folder}, though ${name}/ holds something`);
  }
}

export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const fault = nodeFault(error, "mkdir", folder);
    throw refused(fault.code, folder, `the scratch folder cannot be made (${fault.code})`, fault);
  }
}

/** All but upper/, which the engine makes: staged, because it looks like the base's root from its first moment. */
export async function makeOwnFolders(folder: string): Promise<void> {
  for (const name of ownFolders) {
    if (name === "upper") continue;
    const path = join(folder, name);
    await mkdir(path, 0o700).catch((error: unknown) => {
      if (errnoOf(error) !== "EEXIST") throw nodeFault(error, "mkdir", path);
    });
  }
}
