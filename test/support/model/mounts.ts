/** Subjects on real mounts, each in a folder of its own: the kernel's overlayfs in a namespace, or a plain folder. */
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type MountNamespace, quote } from "./namespace.js";
import { snapshotsAbove } from "./operations.js";
import { PosixSubject } from "./posixSubject.js";

export interface KernelPlace {
  readonly namespace: MountNamespace;
  /** A folder of this subject alone, where uppers and work folders go. */
  readonly own: string;
  /** All lower layers in the kernel's form, topmost first, the base last. */
  readonly lowers: readonly string[];
  /** A folder that exists; absolute, in the namespace. */
  readonly mountPoint: string;
}

export async function kernelSubject({ namespace, own, mountPoint, ...place }: KernelPlace): Promise<PosixSubject> {
  // In its user.* form the kernel takes no redirects, and volatile wants a privilege.
  const how = namespace.unprivileged ? "userxattr" : "redirect_dir=on,volatile";
  let lowers = place.lowers;
  let upper = "";
  let work = "";
  let made = 0;
  const stack = new Stack();
  const mount = () => namespace.run(`mount -t overlay overlay -o ${quote(`lowerdir=${lowers.join(":")},upperdir=${upper},workdir=${work},${how}`)} ${quote(mountPoint)}`);
  const unmount = () => namespace.run(`umount ${quote(mountPoint)}`);
  const start = async () => {
    upper = join(own, `upper${made}`);
    work = join(own, `work${made++}`);
    mkdirSync(upper, { recursive: true });
    mkdirSync(work);
    likeFolder(upper, lowers[0] ?? "");
    await mount();
  };
  /** With an empty upper, over the old one or without it and some of those below it. */
  const over = async (rest: readonly string[]) => {
    await unmount();
    lowers = rest;
    await start();
  };
  await start();
  return new PosixSubject({
    root: namespace.path(mountPoint),
    reopen: async () => {
      await unmount();
      // Volatile refuses to be mounted again.
      if (!namespace.unprivileged) rmSync(join(work, "work", "incompat"), { recursive: true, force: true });
      await mount();
    },
    freeze: async () => {
      stack.freeze();
      await over([upper, ...lowers]);
    },
    changeLayers: async (operation) => {
      switch (operation.change) {
        case "snapshot":
          stack.snapshot();
          return over([upper, ...lowers]);
        case "squash":
          stack.squash();
          return;
        case "thaw":
          if (!operation.back) stack.thaw();
          return;
        case "reset":
          if (!operation.back) await over(lowers.slice(stack.reset(snapshotsAbove(operation, stack.snapshots))));
      }
    },
    close: async () => { await unmount(); },
  });
}

/** How many of the kernel's lowers, from the top, are one layer of ours: it joins none, and makes none part of its upper. */
class Stack {
  private ofUpper = 0;
  private ofSnapshots: number[] = [];

  get snapshots(): number {
    return this.ofSnapshots.length;
  }

  snapshot(): void {
    this.ofSnapshots.unshift(1 + this.ofUpper);
    this.ofUpper = 0;
  }

  /** What is no snapshot is below all of them for good. */
  freeze(): void {
    if (this.snapshots > 0) this.snapshot();
    else this.ofUpper = 0;
  }

  squash(): void {
    if (this.snapshots > 1) this.ofSnapshots = [sum(this.ofSnapshots)];
  }

  thaw(): void {
    this.ofUpper += sum(this.ofSnapshots);
    this.ofSnapshots = [];
  }

  /** @returns how many lowers go with the upper. */
  reset(above: number): number {
    const gone = this.ofUpper + sum(this.ofSnapshots.splice(0, above));
    this.ofUpper = 0;
    return gone;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

/** The root of a merged tree is that of the upper, which starts as the topmost lower's. */
export function likeFolder(folder: string, model: string): void {
  const { mode, uid, gid, atimeMs, mtimeMs } = lstatSync(model);
  if (process.getuid?.() === 0) chownSync(folder, uid, gid);
  chmodSync(folder, mode & 0o7777);
  utimesSync(folder, atimeMs / 1000, mtimeMs / 1000);
}

/** A folder itself, for systems that let us mount nothing. */
export function plainSubject(folder: string): PosixSubject {
  const nothing = async () => undefined;
  return new PosixSubject({ root: folder, reopen: nothing, freeze: nothing, close: nothing });
}
