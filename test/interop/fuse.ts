/** Mounts of fuse-overlayfs in a namespace, for as long as something is done with one. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { diskTree } from "../support/model/diskTree.js";
import { MountNamespace, quote } from "../support/model/namespace.js";
import type { Tree } from "../support/model/operations.js";

/** Its own whiteouts: device files by default, or files with a prefix, as ours are. */
export type Whiteouts = "devices" | "files";

export interface FuseLayers {
  readonly base: string;
  readonly upper: string;
  /** A folder for its own use. Never the overlay's work/. */
  readonly work: string;
  readonly whiteouts: Whiteouts;
}

let mounts = 0;

export class Fuse {
  private constructor(private readonly namespace: MountNamespace, private readonly folder: string) {}

  /** undefined where it cannot be had: not root, no /dev/fuse, not installed. */
  static async create(folder: string): Promise<Fuse | undefined> {
    if (process.getuid?.() !== 0 || !existsSync("/dev/fuse")) return undefined;
    const namespace = await MountNamespace.create();
    try {
      await namespace?.run("fuse-overlayfs --version");
    } catch {
      await namespace?.end();
      return undefined;
    }
    // The daemon of a mount outlives the shell unless the mount is gone.
    await namespace?.run("trap 'umount -a -l -t fuse.fuse-overlayfs' EXIT");
    return namespace === undefined ? undefined : new Fuse(namespace, folder);
  }

  /** Does something with the merged folder; unmounts it in every outcome. */
  async mounted<T>(layers: FuseLayers, use: (merged: string) => T | Promise<T>): Promise<T> {
    const merged = join(this.folder, `merged${mounts++}`);
    for (const made of [merged, layers.work]) mkdirSync(made, { recursive: true });
    const options = `lowerdir=${layers.base},upperdir=${layers.upper},workdir=${layers.work}`;
    const how = layers.whiteouts === "files" ? "FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT=1 " : "";
    await this.namespace.run(`${how}fuse-overlayfs -o ${quote(options)} ${quote(merged)}`);
    try {
      return await use(this.namespace.path(merged));
    } finally {
      await this.namespace.run(`umount ${quote(merged)}`);
    }
  }

  tree(layers: FuseLayers, self: string): Promise<Tree> {
    return this.mounted(layers, (merged) => diskTree(merged, self));
  }

  /** Runs something in the namespace, where mounts of the kernel's overlayfs stay as well. */
  run(command: string): Promise<string> {
    return this.namespace.run(command);
  }

  end(): Promise<void> {
    return this.namespace.end();
  }
}
