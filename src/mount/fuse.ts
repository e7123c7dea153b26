/**
 * One mount of fuse-overlayfs: started as a child that stays in the foreground, so that its end is noticed, or found
 * alive after its keeper died and watched from outside. Ends by fusermount, never by a signal: what is written reaches the disk.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { readdir, readFile, readlink, symlink, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { OverlayError } from "../engine/index.js";
import { deviceAt, isMounted, placeOfDevice } from "../host/mountMark.js";
import { describeUsers, usersOf, usersOfDevice } from "./busy.js";
import { cannotMount, type Tools } from "./need.js";

export interface FuseLayers {
  /** Real paths, topmost first, the base last. */
  readonly lowers: readonly string[];
  readonly upper: string;
  /** A folder of its own on the upper's disk: never the overlay's work/. */
  readonly work: string;
  /** Where links to all of them are made. */
  readonly links: string;
}

const stepMs = 20;
const startMs = 15_000;
/** What was in it a moment ago (a stat of the editor) is out by then. */
const patience = { tries: 10, pauseMs: 50 };
/** How long one that nobody finds any more may take to end. */
const detachedMs = 2000;
const watchMs = 2000;

/** `by hand`: somebody unmounted it, who may. */
export type MountEnd = { readonly how: "by hand" } | { readonly how: "crash"; readonly reason: string };

export class FuseMount {
  private readonly ends = new Set<(end: MountEnd) => void>();
  private over: MountEnd | undefined;
  private leaving = false;

  /** By what the system knows it, wherever it stands. */
  private device: string | undefined;

  private constructor(readonly point: string, readonly pid: number, private readonly tools: Tools) {}

  /** @throws OverlayError ENOTSUP: the system refuses the mount; the reason has what fuse-overlayfs said. */
  static async start(layers: FuseLayers, point: string, tools: Tools): Promise<FuseMount> {
    const options = await optionsOf(layers);
    // Only what it needs: nothing of the window that happened to start it.
    const env = { PATH: process.env["PATH"] ?? "", FUSE_OVERLAYFS_DISABLE_OVL_WHITEOUT: "1" };
    const child = spawn(tools.fuseOverlayfs, ["-f", "-o", options, point], { cwd: "/", env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data: Buffer) => { said = (said + data.toString()).slice(-2000); });
    const mount = new FuseMount(point, child.pid ?? 0, tools);
    mount.follow(child);
    await new Promise<void>((resolve, reject) => {
      child.once("error", (error) => { reject(cannotMount(`fuse-overlayfs cannot be started: ${error.message}`, error)); });
      child.once("spawn", () => { resolve(); });
    });
    for (let waited = 0; !(await isMounted(point)); waited += stepMs) {
      if (mount.over !== undefined || waited > startMs) {
        child.kill();
        throw cannotMount(`the system refused the mount: fuse-overlayfs said '${said.replace(/^unknown argument.*\n/gm, "").trim() || "nothing"}'. In a container, FUSE must be allowed (--device /dev/fuse --cap-add SYS_ADMIN)`);
      }
      await pause(stepMs);
    }
    mount.device = await deviceAt(point);
    return mount;
  }

  /** One that was started by a keeper that is no more. */
  static async adopt(point: string, pid: number, tools: Tools): Promise<FuseMount> {
    const mount = new FuseMount(point, pid, tools);
    mount.device = await deviceAt(point);
    const timer = setInterval(() => {
      // As long as it lives it may write, wherever it stands.
      if (isAlive(pid)) return;
      clearInterval(timer);
      void isMounted(point).then((there) => {
        mount.end(there ? { how: "crash", reason: "it ended" } : { how: "by hand" });
      });
    }, watchMs);
    return mount;
  }

  /** Calls when it ends without having been asked to; at once when it has. */
  onUnexpectedEnd(listener: (end: MountEnd) => void): void {
    if (this.over !== undefined) listener(this.over);
    else this.ends.add(listener);
  }

  /** @throws OverlayError EBUSY, naming who is in it. */
  async unmount(): Promise<void> {
    if (this.over !== undefined) return;
    this.leaving = true;
    try {
      const unmounted = await this.unmountWhereItIs();
      // Until it has ended it may write: it has the upper. Detached by hand, it ends when the last one in it has gone.
      for (let waited = 0; !this.isOver() && isAlive(this.pid); waited += stepMs) {
        if (!unmounted && waited > detachedMs) throw await busy(this.point, "busy", this.own, this.device);
        await pause(stepMs);
      }
    } catch (error) {
      this.leaving = false;
      throw error;
    }
  }

  /** False when it stands nowhere any more. It may have gone elsewhere with the folder that it stood in. */
  private async unmountWhereItIs(): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      const point = (await isMounted(this.point)) ? this.point : await placeOfDevice(this.device);
      if (point === undefined) return false;
      const failure = await unmount(this.tools, point);
      if (failure === undefined) return true;
      if (attempt >= patience.tries) throw await busy(point, failure, this.own);
      await pause(patience.pauseMs);
    }
  }

  private get own(): ReadonlySet<number> {
    return new Set([this.pid, process.pid]);
  }

  private isOver(): boolean {
    return this.over !== undefined;
  }

  private follow(child: ChildProcess): void {
    child.once("exit", (code, signal) => {
      if (code === 0) this.end({ how: "by hand" }); // it ends by itself when it is unmounted
      else this.end({ how: "crash", reason: signal === null ? `it ended with ${String(code)}` : `it was ended by ${signal}` });
    });
  }

  private end(end: MountEnd): void {
    this.over = end;
    if (this.leaving) return;
    for (const listener of [...this.ends]) listener(end);
  }
}

/** Takes away a mount point that nothing serves any more; who stands in it stands nowhere already. */
export async function clearDead(tools: Tools, point: string): Promise<void> {
  for (let attempt = 0; attempt < patience.tries && (await isMounted(point)); attempt++) {
    await run(tools.fusermount, ["-u", "-z", point]);
    if (await isMounted(point)) await pause(patience.pauseMs);
  }
}

/** The process that serves a mount point, whoever started it. */
export async function servingProcess(point: string): Promise<number | undefined> {
  for (const name of await readdir("/proc").catch(() => [])) {
    if (!/^[1-9][0-9]*$/.test(name)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).split("\0").filter((word) => word !== "");
    if (basename(words[0] ?? "") === "fuse-overlayfs" && words.at(-1) === point) return Number(name);
  }
  return undefined;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What fusermount said against it; undefined when it is done. */
async function unmount(tools: Tools, point: string): Promise<string | undefined> {
  return run(tools.fusermount, ["-u", point]);
}

async function busy(point: string, said: string, ignore: ReadonlySet<number>, device?: string): Promise<OverlayError> {
  const users = await (device === undefined ? usersOf(point, ignore) : usersOfDevice(device, ignore));
  const reason = /busy/i.test(said)
    ? `the mounted overlay is in use by ${describeUsers(users)}; close that, or let it go elsewhere, and try again`
    : `the overlay cannot be unmounted: ${said.trim()}`;
  return new OverlayError("EBUSY", "unmount", point, { reason });
}

function run(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { LC_ALL: "C", PATH: process.env["PATH"] ?? "" } }, (error, _out, said) => { resolve(error === null ? undefined : said || error.message); });
  });
}

async function optionsOf({ lowers, upper, work, links }: FuseLayers): Promise<string> {
  for (const name of await readdir(links)) await unlink(join(links, name));
  const link = async (name: string, target: string): Promise<string> => {
    const path = join(links, name);
    await symlink(target, path);
    return path;
  };
  const below: string[] = [];
  for (const [i, lower] of lowers.entries()) below.push(await link(`lower${i}`, lower));
  // Without a cache of writes in the kernel: what a program has written is in the upper, whatever becomes of
  // fuse-overlayfs, and has the same time there as in the mount.
  return `writeback=0,lowerdir=${below.join(":")},upperdir=${await link("upper", upper)},workdir=${await link("work", work)}`;
}

/** The layers below the upper that a mount was made of, topmost first. */
export async function lowersOf(links: string): Promise<readonly string[]> {
  const count = (await readdir(links)).filter((name) => name.startsWith("lower")).length;
  return Promise.all(Array.from({ length: count }, (_, i) => readlink(join(links, `lower${String(i)}`))));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
