/** What a mount needs of the system: looked for before anything is done, and told with how to get it. */
import { constants } from "node:fs";
import { access, open } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { OverlayError } from "../engine/index.js";
import { errnoOf } from "../host/nodeFault.js";

export interface Tools {
  /** Absolute paths. */
  readonly fuseOverlayfs: string;
  readonly fusermount: string;
}

export function cannotMount(reason: string, cause?: unknown): OverlayError {
  return new OverlayError("ENOTSUP", "mount", "/", { reason, ...(cause === undefined ? {} : { cause }) });
}

const packages = "install the packages fuse-overlayfs and fuse3 (Debian, Ubuntu: apt install fuse-overlayfs fuse3; Fedora: dnf install fuse-overlayfs fuse3; Arch: pacman -S fuse-overlayfs fuse3)";

export interface System {
  readonly platform: NodeJS.Platform;
  readonly path: string;
  readonly device: string;
}

const thisSystem = (): System => ({ platform: process.platform, path: process.env["PATH"] ?? "", device: "/dev/fuse" });

/** @throws OverlayError ENOTSUP: the reason says what is missing, and how to get it. */
export async function findTools(system: System = thisSystem()): Promise<Tools> {
  if (system.platform !== "linux") throw cannotMount("an overlay can be mounted on Linux only, as fuse-overlayfs is needed; everything else works here as well");
  const fuseOverlayfs = await onPath(system.path, "fuse-overlayfs");
  if (fuseOverlayfs === undefined) throw cannotMount(`fuse-overlayfs is not installed; ${packages}`);
  const fusermount = (await onPath(system.path, "fusermount3")) ?? (await onPath(system.path, "fusermount"));
  if (fusermount === undefined) throw cannotMount(`fusermount3 is not installed; ${packages}`);
  await checkDevice(system.device);
  return { fuseOverlayfs, fusermount };
}

/** Opening it mounts nothing. */
async function checkDevice(device: string): Promise<void> {
  try {
    await (await open(device, constants.O_RDWR)).close();
  } catch (error) {
    const why = errnoOf(error) === "ENOENT" ? `there is no ${device}` : `${device} cannot be opened (${String(errnoOf(error))})`;
    throw cannotMount(`${why}: this system, or the container that this runs in, has no FUSE. On a computer of your own, load the kernel module (modprobe fuse); for a container, start it with --device /dev/fuse --cap-add SYS_ADMIN, or as your platform allows FUSE`, error);
  }
}

async function onPath(path: string, name: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((one) => isAbsolute(one))) {
    const file = join(folder, name);
    if (await access(file, constants.X_OK).then(() => true, () => false)) return file;
  }
  return undefined;
}
