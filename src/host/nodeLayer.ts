/**
 * LowerLayer and OutsideReader on node:fs. Nothing in this file opens for writing, links, renames or removes: what a
 * lower layer cannot say, nobody can make it do (INV-1).
 */
import * as fs from "node:fs";
import type { LayerListing, LowerLayer, OutsideReader, ReadHandle } from "../engine/layer.js";
import type { Fingerprint, LayerStat } from "../engine/types.js";
import { callThread } from "./callThread.js";
import { nodeFault, promised, refuse } from "./nodeFault.js";
import { NodeReadHandle } from "./nodeHandle.js";
import { decodeExactly, listDirectory, openRegular, readWhole } from "./nodeRead.js";
import { fromNumbers, toFingerprint, toLayerStat, toOpened } from "./nodeStat.js";

export class NodeLowerLayer implements LowerLayer {
  readonly #root: string;
  readonly #prefix: string;

  /** `root` is an absolute path with its symlinks resolved; "" where paths bring their drive with them. */
  constructor(root: string) {
    this.#root = root;
    this.#prefix = root === "" || root.endsWith("/") ? root : `${root}/`;
  }

  physical(path: string): string {
    return path === "" ? this.#root : this.#prefix + path;
  }

  lstat(path: string): Promise<LayerStat> {
    const physical = this.physical(path);
    if (callThread.ready) return callThread.do("lstat", "lstat", physical, physical).then((numbers) => toOpened(fromNumbers(numbers)).stat);
    return new Promise((resolve, reject) => {
      try {
        fs.lstat(physical, (error, stat) => {
          if (error) reject(nodeFault(error, "lstat", physical));
          else resolve(toLayerStat(stat));
        });
      } catch (error) {
        reject(nodeFault(error, "lstat", physical));
      }
    });
  }

  async fingerprint(path: string): Promise<Fingerprint> {
    const physical = this.physical(path);
    if (callThread.ready) return toFingerprint(fromNumbers(await callThread.do("lstat", "lstat", physical, physical)));
    return toFingerprint(await promised<fs.BigIntStats>("lstat", physical, (done) => { fs.lstat(physical, { bigint: true }, done); }));
  }

  readDirectory(path: string): Promise<LayerListing> {
    return listDirectory(this.physical(path));
  }

  async readLink(path: string): Promise<string> {
    const physical = this.physical(path);
    const target = await promised<string>("readlink", physical, (done) => { fs.readlink(physical, done); });
    if (!target.includes("\uFFFD")) return target;
    const bytes = await promised<Buffer>("readlink", physical, (done) => { fs.readlink(physical, "buffer", done); });
    const exact = decodeExactly(bytes);
    if (exact === undefined) throw refuse("EINVAL", "readlink", physical);
    return exact;
  }

  openRead(path: string): Promise<ReadHandle> {
    const physical = this.physical(path);
    return new Promise((resolve, reject) => {
      openRegular(physical, fs.constants.O_RDONLY, (fd, stat) => { resolve(new NodeReadHandle(fd, physical, toOpened(stat))); }, reject);
    });
  }

  readFile(path: string): Promise<Uint8Array> {
    return readWhole(this.physical(path));
  }
}

/** What lies outside the base. On Windows a path starts with its drive. */
export class NodeOutsideReader implements OutsideReader {
  readonly layer: LowerLayer = new NodeLowerLayer(process.platform === "win32" ? "" : "/");

  realPath(path: string): Promise<string> {
    return promised<string>("realpath", path, (done) => { fs.realpath.native(path, done); });
  }
}
