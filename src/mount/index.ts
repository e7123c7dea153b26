/** Mounting an overlay, and using one that is mounted, as the extension's composition root asks for it. */
import { currentOwner, isBaseUri, OverlayError, readMountMark, type CancelSignal, type Disposable, type Durability, type Progress, type Retention } from "../host/index.js";
import { watchFolder } from "../host/folderWatch.js";
import { strandedMount } from "../host/mountMark.js";
import { clearDead, servingProcess } from "./fuse.js";
import { startKeeper, KeeperLink, type Log } from "./keeperLink.js";
import { MountedOverlay } from "./mountedOverlay.js";
import { cannotMount, findTools } from "./need.js";
import { runtimeFolder } from "./places.js";

export { MountedOverlay } from "./mountedOverlay.js";
export type { Ending } from "./protocol.js";
export { overlayAt, pointOf, runtimeFolder } from "./places.js";
export { findTools } from "./need.js";

export interface MountOptions {
  readonly id: string;
  readonly folder: string;
  readonly base: string;
  /** The bundle of the keeper. */
  readonly program: string;
  readonly log: Log;
  readonly durability?: Durability;
  readonly retention?: Retention;
  /** Default: the user's own. */
  readonly runtime?: string;
  readonly allowLinksToBase?: boolean;
  readonly graceMs?: number;
  readonly signal?: CancelSignal;
  readonly onProgress?: Progress;
}

/** A window that is opened on the mount, or reloaded, is back within this time. */
const defaultGraceMs = 30_000;
const pollMs = 3000;

/**
 * Mounts an overlay that nobody has open, or joins those who have it mounted.
 * @throws OverlayError: ENOTSUP where it cannot be had, ECANCELED, EBUSY when another process has the overlay open.
 */
export async function mountOverlay(options: MountOptions): Promise<MountedOverlay> {
  const already = await joinMounted(options);
  if (already !== undefined) return already;
  if (isBaseUri(options.base)) throw cannotMount("its base is not on a disk of this computer, where a program could read it; everything else works as before");
  await findTools();
  const { runtime = runtimeFolder(), graceMs = defaultGraceMs, log, ...rest } = options;
  const { socket, point } = await startKeeper({ ...rest, runtime, graceMs, log });
  const link = await KeeperLink.connect(socket, log);
  if (link === undefined) throw new OverlayError("EIO", "mount", options.id, { reason: "the overlay was mounted, and is not any more" });
  return open(link, point, options);
}

/** The overlay through the mount that it has; undefined when it is not mounted. */
export async function joinMounted(options: Pick<MountOptions, "folder" | "base" | "log" | "durability">): Promise<MountedOverlay | undefined> {
  const mark = await readMountMark(options.folder);
  if (mark === undefined) return undefined;
  const link = await KeeperLink.connect(mark.socket, options.log);
  return link === undefined ? undefined : open(link, mark.point, options);
}

/**
 * What a keeper that was killed has left. A mount that nobody serves any more is cleared away; of one that is served, and
 * so may be written to, it is said (true): whoever opens the overlay mounts it, which takes it on.
 */
export async function isStranded(folder: string, log: Log): Promise<boolean> {
  const mark = await strandedMount(folder);
  if (mark === undefined) return false;
  if ((await currentOwner(folder)) !== undefined || (await servingProcess(mark.point)) !== undefined) return true;
  log("warn", `The mount at ${mark.point} had died, and is cleared away`);
  await clearDead(await findTools(), mark.point);
  return false;
}

/** Calls once, when the overlay of this folder is mounted. */
export function whenMounted(folder: string, listener: () => void): Disposable {
  const watch = watchFolder(folder, pollMs, /^mounted/, async () => {
    if ((await readMountMark(folder)) === undefined || watch.disposed || !(await answers(folder))) return;
    watch.dispose();
    listener();
  });
  return watch;
}

/** The mark is there a moment before its keeper listens. */
async function answers(folder: string): Promise<boolean> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const mark = await readMountMark(folder);
    if (mark === undefined) return false;
    const link = await KeeperLink.connect(mark.socket, () => undefined);
    link?.close();
    if (link !== undefined) return true;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  return false;
}

function open(link: KeeperLink, point: string, { base, folder, durability, log }: Pick<MountOptions, "folder" | "base" | "log" | "durability">): Promise<MountedOverlay> {
  return MountedOverlay.open(link, { base, scratch: folder, point, log, ...(durability === undefined ? {} : { durability }) });
}
