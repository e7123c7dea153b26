/** An open file of a mounted overlay. It keeps reading the file that it opened, as the system's own do. */
import type { FileHandle } from "node:fs/promises";
import type { LayerKind, OverlayHandle, OverlayStat } from "../engine/index.js";
import { Refusal } from "../engine/errors.js";
import { toLayerStat } from "../host/nodeStat.js";
import { call } from "./mountedFiles.js";

export class MountedHandle implements OverlayHandle {
  private closed = false;

  constructor(private readonly file: FileHandle, private readonly physical: string, private readonly append: boolean, private readonly layer: () => Promise<LayerKind>) {}

  async read(buffer: Uint8Array, position: number | null = null): Promise<number> {
    let total = 0;
    while (total < buffer.byteLength) {
      const at = position === null ? null : position + total;
      const { bytesRead } = await this.run("read", () => this.file.read(buffer, total, buffer.byteLength - total, at));
      if (bytesRead === 0) break;
      total += bytesRead;
    }
    return total;
  }

  async write(buffer: Uint8Array, position: number | null = null): Promise<number> {
    let total = 0;
    while (total < buffer.byteLength) {
      const at = position === null || this.append ? null : position + total;
      total += (await this.run("write", () => this.file.write(buffer, total, buffer.byteLength - total, at))).bytesWritten;
    }
    return total;
  }

  truncate(size = 0): Promise<void> {
    return this.run("ftruncate", () => this.file.truncate(size));
  }

  async stat(): Promise<OverlayStat> {
    return { ...toLayerStat(await this.run("fstat", () => this.file.stat())), layer: await this.layer() };
  }

  sync(): Promise<void> {
    return this.run("fsync", () => this.file.sync());
  }

  async close(): Promise<void> {
    if (this.closed) throw new Refusal("EBADF");
    this.closed = true;
    await call("close", this.physical, () => this.file.close());
  }

  private run<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (this.closed) return Promise.reject(new Refusal("EBADF"));
    return call(name, this.physical, act);
  }
}
