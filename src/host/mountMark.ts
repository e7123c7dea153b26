/**
 * The file `mounted` in an overlay's folder: that its upper may be in the hands of a mount, where that stands, and how to
 * reach the process that keeps it. It outlives a keeper that was killed, as the mount itself does: so nobody else begins to
 * write an upper that a mount still writes.
 */
import { randomBytes } from "node:crypto";
import { readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { OverlayError } from "../engine/errors.js";
import { parseMountinfo } from "./mounts.js";
import { nodeFault } from "./nodeFault.js";

export const mountMarkName = "mounted";

export interface MountMark {
  /** Where merged stands. Absolute. */
  readonly point: string;
  /** The keeper's socket. Absolute. */
  readonly socket: string;
}

/** Undefined when there is none, or none that can be read. */
export async function readMountMark(folder: string): Promise<MountMark | undefined> {
  try {
    const { point, socket } = JSON.parse(await readFile(join(folder, mountMarkName), "utf8")) as Record<string, unknown>;
    return typeof point === "string" && typeof socket === "string" ? { point, socket } : undefined;
  } catch {
    return undefined;
  }
}

export async function writeMountMark(folder: string, mark: MountMark): Promise<void> {
  const path = join(folder, mountMarkName);
  const temp = join(folder, `mounted-${randomBytes(8).toString("hex")}.tmp`); // whole when somebody sees it
  try {
    await writeFile(temp, JSON.stringify(mark), { flag: "wx", mode: 0o600 });
    await rename(temp, path);
  } catch (error) {
    await unlink(temp).catch(() => undefined);
    throw nodeFault(error, "open", path);
  }
}

export async function removeMountMark(folder: string): Promise<void> {
  await unlink(join(folder, mountMarkName)).catch(() => undefined);
}

/** Whether something is mounted at exactly this place, as this process sees the system's mounts. */
export async function isMounted(point: string): Promise<boolean> {
  return (await mounts()).some((mount) => mount.point === point);
}

/** What is mounted at exactly this place, by the system's own number of it ("0:53"). */
export async function deviceAt(point: string): Promise<string | undefined> {
  return (await mounts()).findLast((mount) => mount.point === point)?.device;
}

/** Where that stands now. */
export async function placeOfDevice(device: string | undefined): Promise<string | undefined> {
  return (await mounts()).find((mount) => mount.device === device)?.point;
}

async function mounts(): Promise<ReturnType<typeof parseMountinfo>> {
  return parseMountinfo(await readFile("/proc/self/mountinfo", "utf8").catch(() => ""));
}

/** The mount that has the folder's upper although nobody owns it: its keeper died. For whoever has the folder's lock. */
export async function strandedMount(folder: string): Promise<MountMark | undefined> {
  const mark = await readMountMark(folder);
  return mark !== undefined && (await isMounted(mark.point)) ? mark : undefined;
}

/** @throws OverlayError EBUSY. */
export async function refuseStranded(folder: string, operation: string): Promise<void> {
  const mark = await strandedMount(folder);
  if (mark !== undefined) throw new OverlayError("EBUSY", operation, folder, { reason: `the overlay is still mounted at ${mark.point}, which nobody looks after any more; open it mounted again, or unmount it` });
}
