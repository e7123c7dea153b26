/** Overlays that are mounted by the real keeper, each in a folder of its own; nothing of them is left when it is closed. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { openOverlay, type OpenOverlay } from "../../src/host/index.js";
import { joinMounted, mountOverlay, type MountedOverlay } from "../../src/mount/index.js";
import { recordTree } from "../support/journey/treeRecord.js";
import { root } from "../support/paths.js";

export const keeperProgram = join(root, "dist", "keeper.mjs");

export class MountWorld {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "overlay-mount-")));
  readonly base: string;
  readonly scratch = join(this.folder, "scratch");
  readonly runtime = join(this.folder, "run");
  readonly logged: string[] = [];
  private readonly opened: { dispose(): Promise<void> }[] = [];
  private readonly children: ChildProcess[] = [];
  private recorded: ReturnType<typeof recordTree> | undefined;

  constructor(baseName = "base") {
    this.base = join(this.folder, baseName);
    mkdirSync(this.base);
  }

  /** Where the overlay stands when it is mounted. */
  get point(): string {
    return join(this.runtime, "it", this.base.slice(this.base.lastIndexOf("/") + 1));
  }

  async open(): Promise<OpenOverlay> {
    return this.keep(await openOverlay({ base: this.base, scratch: this.scratch, durability: "none" }));
  }

  async mount(options: { readonly allowLinksToBase?: boolean; readonly signal?: AbortSignal; readonly graceMs?: number; readonly runtime?: string } = {}): Promise<MountedOverlay> {
    return this.keep(await mountOverlay({ graceMs: 200, runtime: this.runtime, ...options, ...this.about, program: keeperProgram }));
  }

  async join(): Promise<MountedOverlay | undefined> {
    const joined = await joinMounted(this.about);
    return joined === undefined ? undefined : this.keep(joined);
  }

  private get about() {
    return { id: "it", folder: this.scratch, base: this.base, durability: "none" as const, log: (level: string, text: string) => { this.logged.push(`${level}: ${text}`); } };
  }

  /** A process that stands in the mount, as a terminal does. */
  stand(cwd = this.point): ChildProcess {
    const child = spawn("sleep", ["600"], { cwd, stdio: "ignore" });
    this.children.push(child);
    return child;
  }

  /** A process that uses the mount as a window does, and does nothing else; it says so when it is connected. */
  window(): ChildProcess {
    const program = "require('node:net').connect(process.argv[1]).on('connect', () => console.log('here')); setInterval(() => {}, 1000);";
    const child = spawn(process.execPath, ["-e", program, join(this.runtime, "it", ".socket")], { stdio: ["ignore", "pipe", "ignore"] });
    this.children.push(child);
    return child;
  }

  isMounted(): boolean {
    return isMounted(this.point);
  }

  /** The processes that look after this world's mount. */
  keepers(): number[] {
    return processes((words) => words.includes(keeperProgram) && words.some((word) => word.includes(this.scratch)));
  }

  servers(): number[] {
    return processes((words) => words[0]?.endsWith("fuse-overlayfs") === true && words.at(-1) === this.point);
  }

  private keep<T extends { dispose(): Promise<void> }>(one: T): T {
    this.opened.push(one);
    return one;
  }

  /** The base is to be as it is now when the test ends. */
  recordBase(): void {
    this.recorded = recordTree(this.base);
  }

  /** @param mayBeGone the test may have taken the base itself away. */
  async closeUnchanged({ mayBeGone = false } = {}): Promise<void> {
    const after = mayBeGone && !existsSync(this.base) ? this.recorded : recordTree(this.base);
    await this.close();
    expect(after, "INV-1: the base is as it was").toEqual(this.recorded);
  }

  async close(): Promise<void> {
    for (const one of this.opened) await one.dispose().catch(() => undefined);
    for (const child of this.children) await ended(child);
    // What is left now would be there for good; a test that asks for it has looked before.
    for (const pid of this.keepers()) process.kill(pid, "SIGKILL");
    if (this.isMounted()) execFileSync("umount", ["-l", this.point]);
    for (const pid of this.servers()) process.kill(pid, "SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => { child.once("exit", resolve); });
  child.kill("SIGKILL");
  await gone;
}

export function isMounted(point: string): boolean {
  return readFileSync("/proc/self/mountinfo", "utf8").split("\n").some((line) => line.split(" ")[4] === point);
}

function processes(test: (words: readonly string[]) => boolean): number[] {
  const pids = execFileSync("ps", ["-eo", "pid="], { encoding: "utf8" }).split("\n").map(Number).filter((pid) => pid > 0);
  return pids.filter((pid) => {
    try {
      const state = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
      if (/^\d+ \(.*\) Z/s.test(state)) return false;
      return test(readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").split("\0").filter((word) => word !== ""));
    } catch {
      return false;
    }
  });
}

/** Waits for a condition of the system, and says which it was when it does not come. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  for (const end = Date.now() + ms; !(await condition());) {
    if (Date.now() > end) throw new Error(`it never came to this: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
}

/** Why these tests cannot run, if so. */
export function missing(): string | undefined {
  if (process.getuid?.() !== 0 || !existsSync("/dev/fuse")) return "these tests need root and /dev/fuse";
  return existsSync(keeperProgram) ? undefined : "build first: npm run build";
}

/** The reason of an operation's OverlayError; "ok" when it has none. */
export async function reasonOf(operation: Promise<unknown>): Promise<string> {
  return operation.then(() => "ok", (error: unknown) => (error instanceof Error && "reason" in error ? String(error.reason) : String(error)));
}
