/**
 * The calls that write the base: here and nowhere else (INV-1). Before each one the folders above are looked at again, so
 * that no symlink leads out; nothing is written in place, and what is there already is never followed.
 */
import { lstat, realpath } from "node:fs/promises";
import { join } from "node:path";
import { type LayerStat, OverlayError, type ScratchLayer, toErrorCode } from "../engine/index.js";
import { errnoOf } from "../host/nodeFault.js";
import { NodeScratchLayer } from "../host/nodeScratch.js";
import { typeOfMode } from "../host/nodeStat.js";
import type { Print } from "./types.js";

/** For tests: how the disk is seen by what writes it. */
export type Wrap = (layer: ScratchLayer, which: "base" | "folder") => ScratchLayer;

export class BaseWriter {
  readonly disk: ScratchLayer;

  constructor(readonly root: string, wrap?: Wrap) {
    const disk = new NodeScratchLayer(root);
    this.disk = wrap?.(disk, "base") ?? disk;
  }

  /** What is at a path, a symlink as itself. @throws OverlayError for whatever else than "nothing is there" */
  async look(path: string): Promise<Print | undefined> {
    try {
      const s = await lstat(join(this.root, path), { bigint: true });
      return { type: typeOfMode(Number(s.mode)), mode: Number(s.mode) & 0o7777, size: String(s.size), mtimeNs: String(s.mtimeNs), ctimeNs: String(s.ctimeNs), ino: String(s.ino) };
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes(String(errnoOf(error)))) return undefined;
      throw new OverlayError(toErrorCode(errnoOf(error)), "apply", path, { reason: `'${path}' of the base cannot be looked at`, cause: error });
    }
  }

  /** @throws OverlayError EROFS when a folder above is none, or a symlink; ENOENT when the base itself is another. */
  async checkWay(path: string): Promise<void> {
    if ((await realpath(this.root).catch(() => undefined)) !== this.root) throw refused("ENOENT", path, `the base folder '${this.root}' is gone`);
    let at = "";
    for (const name of path.split("/").slice(1, -1)) {
      at += `/${name}`;
      const found = await this.look(at);
      if (found === undefined) throw refused("ENOENT", path, `the base has no folder '${at}'`);
      if (found.type !== "directory") throw refused("EROFS", path, `'${at}' of the base is a ${found.type}, not a folder; nothing is written through it`);
    }
  }

  /** @throws OverlayError EBUSY when the base has not what it had. */
  async checkStill(path: string, print: Print | undefined): Promise<void> {
    await this.checkWay(path);
    if (!samePrint(await this.look(path), print)) throw refused("EBUSY", path, `'${path}' of the base changed after it was looked at; make a new plan`);
  }

  /** The name a change grows under: no other file has it, and a record tells whose it is. */
  tempFor(path: string, id: string, n: number | string): string {
    return `${path.slice(0, path.lastIndexOf("/"))}/.overlay-apply-${id}-${n}`;
  }

  /** A whole new file or symlink under `temp`, forced to the disk. The caller removes it when it fails. */
  async stage(temp: string, as: Pick<LayerStat, "mode" | "atimeMs" | "mtimeMs"> & { readonly uid?: number; readonly gid?: number }, content: AsyncIterable<Uint8Array> | { readonly target: string }): Promise<Print> {
    await this.checkWay(temp);
    const at = temp.slice(1);
    if ("target" in content) {
      await this.disk.makeSymlink(content.target, at);
      await this.disk.utimes(at, as.atimeMs, as.mtimeMs); // the link's own: nothing is followed
    } else {
      const file = await this.disk.create(at, 0o600);
      try {
        let position = 0;
        for await (const piece of content) {
          await file.write(piece, position);
          position += piece.length;
        }
        // Only root may give files away; whose it is matters less than what is in it.
        if (as.uid !== undefined && as.gid !== undefined) await file.chown(as.uid, as.gid).catch(() => undefined);
        await file.chmod(as.mode);
        await file.utimes(as.atimeMs, as.mtimeMs);
        await file.sync();
      } finally {
        await file.close();
      }
    }
    const print = await this.look(temp);
    if (print === undefined) throw refused("EBUSY", temp, `'${temp}' of the base was removed by someone else`);
    return print;
  }

  async syncFolder(path: string): Promise<void> {
    await this.disk.syncDirectory(path.slice(1, Math.max(1, path.lastIndexOf("/"))));
  }

  /** Nothing to do when it is not there. */
  async discard(temp: string): Promise<void> {
    if ((await this.look(temp)) === undefined) return;
    await this.checkWay(temp);
    await this.disk.unlink(temp.slice(1));
  }
}

export function refused(code: ConstructorParameters<typeof OverlayError>[0], path: string, reason: string): OverlayError {
  return new OverlayError(code, "apply", path, { reason });
}

/** Both absent is the same. A folder's size and times tell of what is in it. */
export function samePrint(a: Print | undefined, b: Print | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.type === "directory") return b.type === "directory" && a.ino === b.ino && a.mode === b.mode;
  return sameBytes(a, b) && a.ctimeNs === b.ctimeNs;
}

/** A rename and a chmod change ctime alone. */
export function sameBytes(a: Print, b: Print): boolean {
  return a.type === b.type && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
}
