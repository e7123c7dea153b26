/**
 * chmod of an entry that is never a symlink's target. chmod(2) follows, and an ordinary open fails on a file of mode
 * 000, so on Linux the entry is held by an O_PATH descriptor, looked at, and changed through /proc/self/fd.
 */
import * as fs from "node:fs";
import { isCode } from "../engine/errors.js";
import { performed, promised, refuse } from "./nodeFault.js";
import { noFollow, noWait } from "./nodeRead.js";

/** Linux, of every architecture that Node runs on. Node has no name for it. */
const O_PATH = 0o10000000;

const stat = (path: string): Promise<fs.BigIntStats> => promised("lstat", path, (done) => { fs.lstat(path, { bigint: true }, done); });
const open = (path: string, flags: number): Promise<number> => promised("open", path, (done) => { fs.open(path, flags, done); });
const close = (path: string, fd: number): Promise<void> => promised("close", path, (done) => { fs.close(fd, done); });
const chmod = (path: string, mode: number): Promise<void> => promised("chmod", path, (done) => { fs.chmod(path, mode, done); });

export async function chmodEntry(path: string, mode: number): Promise<void> {
  if (process.platform === "linux" && (await chmodHeld(path, mode))) return;
  await chmodChecked(path, mode);
}

/** False where there is no /proc to go through. */
async function chmodHeld(path: string, mode: number): Promise<boolean> {
  const fd = await open(path, O_PATH | noFollow);
  try {
    const held = await promised<fs.Stats>("fstat", path, (done) => { fs.fstat(fd, done); });
    if (held.isSymbolicLink()) throw refuse("ENOTSUP", "chmod", path);
    await performed("chmod", path, (done) => { fs.chmod(`/proc/self/fd/${fd}`, mode, done); });
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  } finally {
    await close(path, fd);
  }
}

/** Through a descriptor where the entry can be opened; else by name, between two looks at what the name stands for. */
export async function chmodChecked(path: string, mode: number): Promise<void> {
  const before = await stat(path);
  if (before.isSymbolicLink()) throw refuse("ENOTSUP", "chmod", path);
  if (before.isFile() || before.isDirectory()) {
    const fd = await open(path, fs.constants.O_RDONLY | noFollow | noWait).catch((error: unknown) => {
      if (isCode(error, "EACCES", "EPERM", "EISDIR")) return undefined;
      throw error;
    });
    if (fd !== undefined) {
      try {
        await performed("fchmod", path, (done) => { fs.fchmod(fd, mode, done); });
        return;
      } finally {
        await close(path, fd);
      }
    }
  }
  await chmod(path, mode);
  const after = await stat(path);
  if (after.dev !== before.dev || after.ino !== before.ino) throw refuse("EBUSY", "chmod", path);
}
