/**
 * Where mounts stand: <runtime folder>/overlay-workspace/<overlay id>/<base folder name>, with the keeper's socket and the
 * links to the layers beside it. The runtime folder is the user's own (XDG_RUNTIME_DIR), else one in the temporary folder
 * that nobody else may look into.
 */
import { chmod, lstat, mkdir, readdir, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, isAbsolute, join } from "node:path";
import { OverlayError } from "../engine/index.js";
import { errnoOf, nodeFault } from "../host/nodeFault.js";

export interface Place {
  /** The folder of this overlay's mount. */
  readonly folder: string;
  readonly point: string;
  readonly socket: string;
  /** Symbolic links to the layers: their own paths may hold what a mount option cannot. */
  readonly layers: string;
}

/** A path of a socket has room for 107 bytes on Linux. */
const longestSocket = 107;

export function placeOf(runtime: string, id: string, base: string): Place {
  const folder = join(runtime, id);
  const name = basename(base) || "root";
  return { folder, point: join(folder, name), socket: join(folder, name === ".socket" ? ".keeper" : ".socket"), layers: join(folder, name === ".layers" ? ".lowers" : ".layers") };
}

/** The folder of all mounts of this user. */
export function runtimeFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = env["XDG_RUNTIME_DIR"];
  if (given !== undefined && isAbsolute(given)) return join(given, "overlay-workspace");
  return join(tmpdir(), `overlay-workspace-${process.getuid?.() ?? 0}`);
}

/** The overlay whose mount a path lies in, if it is a path where mounts of this user stand. */
export function overlayAt(path: string, runtime = runtimeFolder()): { readonly id: string; readonly point: string } | undefined {
  if (!path.startsWith(`${runtime}/`)) return undefined;
  const [id, name] = path.slice(runtime.length + 1).split("/");
  return id === undefined || name === undefined || name === "" ? undefined : { id, point: join(runtime, id, name) };
}

export function pointOf(id: string, base: string, runtime = runtimeFolder()): string {
  return placeOf(runtime, id, base).point;
}

/** @throws OverlayError: EACCES when a folder on the way is not ours alone. */
export async function makePlace(runtime: string, place: Place): Promise<void> {
  for (const folder of [runtime, place.folder]) {
    await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
      if (errnoOf(error) !== "EEXIST") throw failed("the folder for mounts cannot be made", folder, error);
    });
    await checkOurs(folder);
  }
  await mkdir(place.layers, { recursive: true, mode: 0o700 });
  if (Buffer.byteLength(place.socket) > longestSocket) throw failed("the path of the folder for mounts is too long", place.socket);
  await makePoint(place.point);
}

/** In a folder that everybody may write to, somebody else may have made it first. */
async function checkOurs(folder: string): Promise<void> {
  const stat = await lstat(folder);
  const uid = process.getuid?.();
  if (!stat.isDirectory() || (uid !== undefined && stat.uid !== uid) || (stat.mode & 0o077) !== 0) {
    throw new OverlayError("EACCES", "mount", folder, { reason: `${folder} is not a folder of yours alone, so nothing is mounted in it; remove it, or set XDG_RUNTIME_DIR` });
  }
}

/** A folder that is taken is left alone: something was written there that nobody may hide. */
async function makePoint(point: string): Promise<void> {
  try {
    await mkdir(point, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw failed("the mount point cannot be made", point, error);
    const names = await readdir(point).catch((fault: unknown) => { throw failed("the mount point is taken by something that is no folder", point, fault); });
    if (names.length > 0) throw new OverlayError("EBUSY", "mount", point, { reason: `the mount point ${point} is taken: there is something in it ('${names[0] ?? ""}'); move that away` });
    await chmod(point, 0o700).catch((fault: unknown) => { throw failed("the mount point cannot be used", point, fault); });
  }
}

/** While nothing is mounted there, nobody is to write there by mistake. */
export async function closePoint(point: string): Promise<void> {
  await chmod(point, 0o500).catch(() => undefined);
}

/** Takes away what is ours of it, and folders that are empty. */
export async function clearPlace(place: Place): Promise<void> {
  await unlink(place.socket).catch(() => undefined);
  for (const name of await readdir(place.layers).catch(() => [])) await unlink(join(place.layers, name)).catch(() => undefined);
  for (const folder of [place.point, place.layers, place.folder]) await rmdir(folder).catch(() => undefined);
}

function failed(what: string, path: string, error?: unknown): OverlayError {
  const fault = nodeFault(error, "mkdir", path, error === undefined ? "ENAMETOOLONG" : undefined);
  return new OverlayError(fault.code, "mount", path, { reason: `${what}: ${path} (${fault.code})`, cause: error });
}
