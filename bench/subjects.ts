// What is measured beside each other: the overlay of dist/overlay.mjs, the plain disk, the kernel's overlayfs,
// fuse-overlayfs, and the JavaScript overlays of the npm registry, each behind the few calls that the cases use.
import { execFile } from "node:child_process";
import { promises as fs } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { pathToFileURL } from "node:url";

const run = promisify(execFile);

export interface Subject {
  readonly name: string;
  lstat(path: string): Promise<unknown>;
  readdir(path: string): Promise<readonly unknown[]>;
  readFile(path: string): Promise<unknown>;
  append(path: string, data: string): Promise<void>;
  appendSynced?(path: string, data: string): Promise<void>;
  save(path: string, data: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  removeTree(path: string): Promise<void>;
  close(): Promise<void>;
}

export interface OverlayModule {
  openOverlay(options: { base: string; scratch: string; durability?: "data" | "full" | "none" }): Promise<OverlayObject>;
}

export interface OverlayObject {
  lstat(path: string): Promise<unknown>;
  readDirectory(path: string): Promise<readonly unknown[]>;
  readFile(path: string): Promise<Uint8Array>;
  append(path: string, data: string): Promise<void>;
  writeFile(path: string, data: string): Promise<void>;
  createDirectory(path: string): Promise<void>;
  copyUp(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string, options: { recursive: boolean }): Promise<void>;
  changes(): Promise<readonly unknown[]>;
  reset(): Promise<void>;
  takeSnapshot(): Promise<{ readonly id: string }>;
  resetTo(layer: string): Promise<void>;
  dropped(): Promise<readonly { readonly id: string }[]>;
  bringBack(id: string): Promise<void>;
  forget(): Promise<number>;
  dispose(): Promise<void>;
}

export async function overlayModule(root: string): Promise<OverlayModule> {
  return (await import(pathToFileURL(join(root, "dist/overlay.mjs")).href)) as OverlayModule;
}

export async function ours(module: OverlayModule, base: string, scratch: string, durability: "data" | "none" = "data"): Promise<Subject & { readonly overlay: OverlayObject }> {
  const overlay = await module.openOverlay({ base, scratch, durability });
  return {
    name: "ours", overlay,
    lstat: (path) => overlay.lstat(path),
    readdir: (path) => overlay.readDirectory(path),
    readFile: (path) => overlay.readFile(path),
    append: (path, data) => overlay.append(path, data),
    save: (path, data) => overlay.writeFile(path, data),
    unlink: (path) => overlay.unlink(path),
    rename: (from, to) => overlay.rename(from, to),
    removeTree: (path) => overlay.remove(path, { recursive: true }),
    close: () => overlay.dispose(),
  };
}

/** fs.promises on a folder: the plain disk, or a mount. */
export function plain(name: string, folder: string, close: () => Promise<void> = async () => undefined): Subject {
  return {
    name,
    lstat: (path) => fs.lstat(folder + path),
    readdir: (path) => fs.readdir(folder + path, { withFileTypes: true }),
    readFile: (path) => fs.readFile(folder + path),
    append: (path, data) => fs.appendFile(folder + path, data),
    appendSynced: (path, data) => fs.appendFile(folder + path, data, { flush: true }),
    save: (path, data) => fs.writeFile(folder + path, data),
    unlink: (path) => fs.unlink(folder + path),
    rename: (from, to) => fs.rename(folder + from, folder + to),
    removeTree: (path) => fs.rm(folder + path, { recursive: true }),
    close,
  };
}

async function mountFolders(folder: string): Promise<{ upper: string; work: string; merged: string }> {
  const folders = { upper: join(folder, "upper"), work: join(folder, "work"), merged: join(folder, "merged") };
  for (const path of Object.values(folders)) await fs.mkdir(path, { recursive: true });
  return folders;
}

/** Undefined where it cannot be mounted. The caller's mount namespace is private. */
export async function kernel(base: string, folder: string): Promise<Subject | undefined> {
  const { upper, work, merged } = await mountFolders(folder);
  try {
    await run("mount", ["-t", "overlay", "overlay", "-o", `lowerdir=${base},upperdir=${upper},workdir=${work},redirect_dir=on`, merged]);
  } catch {
    return undefined;
  }
  return plain("overlayfs", merged, async () => { await run("umount", [merged]); });
}

export async function fuse(base: string, folder: string): Promise<Subject | undefined> {
  const { upper, work, merged } = await mountFolders(folder);
  try {
    await run("fuse-overlayfs", ["-o", `lowerdir=${base},upperdir=${upper},workdir=${work}`, merged]);
  } catch {
    return undefined;
  }
  return plain("fuse-overlayfs", merged, async () => { await run("umount", [merged]); });
}

const peerPackages = ["@zenfs/core@2", "just-bash@3", "write-file-atomic@8"];

/** The peers are fetched when they are measured, not with the project: they are no part of it. */
export async function fetchPeers(cache: string): Promise<(name: string) => string> {
  const modules = join(cache, "node_modules");
  try {
    await fs.access(join(modules, "write-file-atomic"));
  } catch {
    await fs.mkdir(cache, { recursive: true });
    await fs.writeFile(join(cache, "package.json"), "{}\n");
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...peerPackages], { cwd: cache });
  }
  return (name) => join(modules, name);
}
