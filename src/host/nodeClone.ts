/**
 * Copy-on-write clones (FICLONE) of an open lower file. On Linux the clone starts from the descriptor, so that it is
 * of the very file that was looked at; on macOS from its path, the identity checked afterwards.
 */
import * as fs from "node:fs";
import { isCode } from "../engine/errors.js";
import { errnoOf, performed, promised } from "./nodeFault.js";
import type { NodeReadHandle } from "./nodeHandle.js";


/** Answers that hold for every file of the two devices: no such call, other filesystem. */
const never: ReadonlySet<unknown> = new Set(["ENOTSUP", "EOPNOTSUPP", "ENOTTY", "ENOSYS", "EXDEV"]);

export class Cloner {
  /** Pairs of source and scratch device that cannot clone: asked once. */
  readonly #cannot = new Set<string>();
  #scratchDevice: Promise<number> | undefined;

  constructor(private readonly platform: NodeJS.Platform = process.platform) {}

  async clone(source: NodeReadHandle, path: string, scratch: string, mode: number): Promise<boolean> {
    if (this.platform !== "linux" && this.platform !== "darwin") return false;
    this.#scratchDevice ??= promised<fs.Stats>("lstat", scratch, (done) => { fs.lstat(scratch, done); }).then((stat) => stat.dev);
    const pair = `${(source.opened?.stat ?? (await source.stat())).dev}:${await this.#scratchDevice}`;
    if (this.#cannot.has(pair)) return false;
    try {
      await source.withDescriptor("clone", async (fd) => {
        const from = this.platform === "linux" ? `/proc/self/fd/${fd}` : source.path;
        const how = fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE_FORCE;
        await performed("clone", path, (done) => { fs.copyFile(from, path, how, done); });
      });
    } catch (error) {
      // libuv has removed what it made. A full disk or a taken name is the caller's business; the rest means "copy".
      if (isCode(error, "EEXIST", "ENOSPC", "EROFS", "EBADF")) throw error;
      if (never.has(errnoOf(error instanceof Error ? error.cause : undefined))) this.#cannot.add(pair);
      return false;
    }
    return this.#finish(source, path, mode);
  }

  async #finish(source: NodeReadHandle, path: string, mode: number): Promise<boolean> {
    try {
      if (this.platform === "darwin" && !(await stillNamed(source))) {
        await remove(path);
        return false;
      }
      await performed("chmod", path, (done) => { fs.chmod(path, mode, done); });
      return true;
    } catch (error) {
      await remove(path);
      throw error;
    }
  }
}

async function stillNamed(source: NodeReadHandle): Promise<boolean> {
  const held = await source.fingerprint();
  const named = await promised<fs.BigIntStats>("lstat", source.path, (done) => { fs.lstat(source.path, { bigint: true }, done); });
  return held.dev === named.dev && held.ino === named.ino;
}

function remove(path: string): Promise<void> {
  return performed("unlink", path, (done) => { fs.unlink(path, done); });
}
