/** Subjects on real mounts, each in a folder of its own: the kernel's overlayfs in a namespace, or a plain folder. */
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type MountNamespace, quote } from "./namespace.js";
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
  const mount = () => namespace.run(`mount -t overlay overlay -o ${quote(`lowerdir=${lowers.join(":")},upperdir=${upper},workdir=${work},${how}`)} ${quote(mountPoint)}`);
  const unmount = () => namespace.run(`umount ${quote(mountPoint)}`);
  const start = async () => {
    upper = join(own, `upper${lowers.length}`);
    work = join(own, `work${lowers.length}`);
    mkdirSync(upper, { recursive: true });
    mkdirSync(work);
    likeFolder(upper, lowers[0] ?? "");
    await mount();
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
      await unmount();
      lowers = [upper, ...lowers];
      await start();
    },
    close: async () => { await unmount(); },
  });
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
