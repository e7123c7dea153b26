/**
 * The two calls of a ScratchLayer that do in one step what takes several by hand, as the Node host's call thread does
 * them (callThreadMain.ts). Only for disks that are asked to have them: by hand is what every host can.
 */
import { isCode } from "../engine/errors.js";
import type { Fingerprint, LayerStat } from "../engine/types.js";
import { faultOf } from "./memoryDisk.js";
import type { MemoryDisk } from "./memoryDisk.js";
import { MemoryHandle, setTimes } from "./memoryHandle.js";
import { fingerprintOf, isFile, statOf } from "./memoryInode.js";
import { permission } from "./memoryWalk.js";

/** @returns undefined, with nothing created, for what is no regular file or has grown. All paths are physical. */
export function copySmall(disk: MemoryDisk, source: string, target: string, as: LayerStat) {
  const fault = faultOf("copy", target);
  const inode = disk.inode(source, "copy");
  if (inode.body.kind === "symlink") throw fault("ELOOP");
  disk.need(inode, permission.read, fault);
  if (!isFile(inode) || inode.body.content.size > as.size) return undefined;
  const { dev } = disk.options;
  const opened = { stat: statOf(inode, dev), print: fingerprintOf(inode, dev) };
  const bytes = new Uint8Array(inode.body.content.size);
  inode.body.content.read(bytes, 0);
  const made = disk.makeFile(target, as.mode & 0o777, "copy");
  try {
    made.body.content.write(bytes, 0, disk.charge("copy", target));
  } catch (error) {
    disk.unlink(target);
    throw error;
  }
  setTimes(disk, made, as.atimeMs, as.mtimeMs);
  return { source: opened, file: new MemoryHandle(disk, made, target, { read: true, write: true, append: false }) };
}

export function publishCopy(disk: MemoryDisk, staged: string, target: string, source: string, print: Fingerprint): "published" | "linked" | "changed" {
  try {
    const now = fingerprintOf(disk.inode(source, "link"), disk.options.dev);
    if (now.size !== print.size || now.mtimeNs !== print.mtimeNs || now.ctimeNs !== print.ctimeNs || now.ino !== print.ino || now.dev !== print.dev) return "changed";
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return "changed";
    throw error;
  }
  disk.link(staged, target);
  try {
    disk.unlink(staged);
  } catch {
    return "linked";
  }
  return "published";
}
