/**
 * Power cuts: a process works on an overlay on a mounted image, and the image is cloned at random moments. What the
 * mounted file system has not written yet is missing in the clone, as after a cut. The image is a file on a btrfs, whose
 * clones (FICLONE) are of one instant, also while others write.
 */
import { constants, copyFileSync, fsyncSync, mkdirSync, openSync, closeSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Durability } from "../../src/engine/index.js";
import { root } from "../support/paths.js";
import type { Random } from "../support/random.js";
import type { FileSystem, Mounts } from "./mounts.js";
import type { Done, Window } from "./moments.js";
import { engine } from "./remote.js";
import { nowMs, type Said, type Work } from "./work.js";

export interface Cut extends Window {
  readonly image: string;
  readonly title: string;
}

export interface Session {
  readonly history: readonly Done[];
  readonly cuts: readonly Cut[];
}

export interface Setting {
  readonly kind: FileSystem;
  readonly durability: Durability;
  readonly base: Readonly<Record<string, string>>;
  readonly cuts: number;
}

/** In the namespace: where the images are, and where one of them is mounted. */
export const places = (mounts: Mounts) => ({ images: join(mounts.folder, "images"), disk: join(mounts.folder, "disk") });

/** ext4 has a guess of its own at what a program forgot to sync: without it. btrfs writes by itself once in a second. */
const mountOptions: Readonly<Record<FileSystem, string>> = { ext4: ",noauto_da_alloc", xfs: "", btrfs: ",commit=1" };

/** A btrfs for the images, in memory: no real disk is waited for. */
export async function plug(mounts: Mounts): Promise<void> {
  const memory = join(mounts.folder, "memory");
  await mounts.tmpfs(memory);
  await mounts.image("btrfs", join(memory, "image"), 8192);
  await mounts.mount(join(memory, "image"), places(mounts).images);
}

/** An image on which a base lies, mounted. */
async function plant(mounts: Mounts, { kind, base }: Setting): Promise<string> {
  const { images, disk } = places(mounts);
  const image = join(images, "image");
  await mounts.image(kind, image, 320);
  await mounts.mount(image, disk, mountOptions[kind]);
  for (const [path, text] of Object.entries(base)) {
    mkdirSync(mounts.outside(join(disk, "base", path, "..")), { recursive: true, mode: 0o755 });
    writeFileSync(mounts.outside(join(disk, "base", path)), text, { mode: 0o644 });
  }
  writeFileSync(mounts.outside(join(disk, "other")), "");
  await mounts.run(`sync -f ${disk}`);
  return image;
}

interface Entry {
  readonly work: Work;
  readonly begun: number;
  code?: string;
  done?: number;
}

export async function session(mounts: Mounts, setting: Setting, random: Random): Promise<Session> {
  const { kind, durability } = setting;
  const { images, disk } = places(mounts);
  const image = await plant(mounts, setting);
  // btrfs puts other files' changes on the disk once in a second alone: so long this one must have work.
  const slow = kind === "btrfs" && durability !== "full";
  const seed = random.below(1 << 30);
  const child = mounts.start(join(root, "test", "crash", "worker.ts"), engine, join(disk, "base"), join(disk, "scratch"), String(seed), durability, slow ? "15" : "0");
  const closed = new Promise<void>((resolve) => child.once("close", () => { resolve(); }));
  const log: Entry[] = [];
  let began: () => void = () => undefined;
  child.on("message", (message) => {
    const said = message as Said;
    const last = log.at(-1);
    if ("begin" in said) {
      log.push({ work: said.begin, begun: said.at });
      began();
    } else if ("done" in said && last !== undefined) Object.assign(last, { code: said.done, done: said.at });
  });
  const begins = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await Promise.race([new Promise<void>((resolve) => { began = resolve; }), closed.then(() => { throw new Error("the worker ended by itself"); })]);
  };

  const taken: { image: string; from: number; to: number; title: string }[] = [];
  const cut = (when: string): void => {
    const copy = join(images, `cut${String(taken.length)}`);
    const from = nowMs();
    copyFileSync(mounts.outside(image), mounts.outside(copy), constants.COPYFILE_FICLONE_FORCE);
    taken.push({ image: copy, from, to: nowMs(), title: `cut ${String(taken.length)} of worker ${String(seed)}, ${when}` });
  };
  try {
    await pause(40 + random.below(60));
    cut("early");
    while (taken.length < setting.cuts) {
      await begins(1 + random.below(12));
      const others = random.below(2) === 0;
      if (others) {
        if (slow) await pause(random.below(1200));
        else syncOther(mounts.outside(join(disk, "other")));
        await begins(random.below(3));
      }
      await turns(random.below(400));
      cut(others ? "another file was synced shortly before" : "during work");
    }
  } finally {
    child.kill("SIGKILL");
    await closed;
    await mounts.unmount(disk);
  }
  const history = log.map(({ work, code }) => ({ work, code }));
  const cuts = taken.map(({ image: copy, from, to, title }) => ({
    image: copy, title, done: log.filter((entry) => entry.done !== undefined && entry.done < from).length, begun: log.filter(({ begun }) => begun < to).length,
  }));
  return { history, cuts };
}

/** Brings what names the others changed to the disk, and none of their data. */
function syncOther(path: string): void {
  const file = openSync(path, "a");
  writeFileSync(file, "x");
  fsyncSync(file);
  closeSync(file);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve));
}
