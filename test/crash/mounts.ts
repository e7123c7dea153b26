/**
 * File systems of our own for as long as a test runs: in a mount namespace that ends with its shell, so that no mount
 * and no loop device outlives the test. Processes can be started in it; this one reaches its files through `outside`.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/layers/hosts.js";
import { MountNamespace, quote } from "../support/model/namespace.js";

export type FileSystem = "ext4" | "xfs" | "btrfs";

/** Administrators' programs, which not every PATH leads to. */
const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`;
const inCI = process.env["CI"] !== undefined && process.env["CI"] !== "" && process.env["CI"] !== "false";

/** Small, without a log or discarded blocks that would only cost time. xfs makes none smaller. */
const make: Readonly<Record<FileSystem, string>> = { ext4: "mkfs.ext4 -q -F -E nodiscard", xfs: "mkfs.xfs -q -f -K", btrfs: "mkfs.btrfs -q -f -K" };

/** Why these tests are skipped here, after saying so. Never in CI: there they fail. */
export function skipped(what: string, ...fileSystems: readonly FileSystem[]): boolean {
  const why = missing(fileSystems);
  if (why === undefined || inCI) return false;
  process.stderr.write(`${what}: skipped, ${why}\n`);
  return true;
}

function missing(fileSystems: readonly FileSystem[]): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  for (const tool of ["unshare", "nsenter", "mount", ...fileSystems.map((kind) => `mkfs.${kind}`)]) {
    try {
      execFileSync("sh", ["-c", `command -v ${tool}`], { env: { ...process.env, PATH: path }, stdio: "ignore" });
    } catch {
      return `needs ${tool}`;
    }
  }
  return undefined;
}

export class Mounts {
  private constructor(private readonly namespace: MountNamespace, readonly folder: string) {}

  static async create(name: string): Promise<Mounts> {
    const namespace = await MountNamespace.create();
    if (namespace === undefined || namespace.unprivileged) throw new Error("these tests need root, and a kernel that allows mount namespaces");
    const mounts = new Mounts(namespace, temporaryFolder(name));
    await mounts.run(`PATH=${quote(path)}; export PATH; umask 022; cd /`);
    return mounts;
  }

  /** Runs a line of sh in the namespace. @throws with what it printed. */
  run(command: string): Promise<string> {
    return this.namespace.run(command);
  }

  /** Where this process finds a path of the namespace. Never for an overlay: its real path would lead out again. */
  outside(inside: string): string {
    return this.namespace.path(inside);
  }

  /** Mounts an empty tmpfs of so many bytes and few files, or as large as it gets. */
  async tmpfs(at: string, size?: number): Promise<void> {
    mkdirSync(this.outside(at), { recursive: true });
    await this.run(`mount -t tmpfs ${size === undefined ? "" : `-o size=${String(size)},nr_inodes=500`} tmpfs ${quote(at)}`);
  }

  /** Makes an image with an empty file system in it. */
  async image(kind: FileSystem, file: string, megabytes: number): Promise<void> {
    await this.run(`truncate -s ${String(megabytes)}M ${quote(file)} && ${make[kind]} ${quote(file)}`);
  }

  async mount(file: string, at: string, options = ""): Promise<void> {
    mkdirSync(this.outside(at), { recursive: true });
    await this.run(`mount -o loop${options} ${quote(file)} ${quote(at)}`);
  }

  async unmount(at: string, how = ""): Promise<void> {
    await this.run(`umount ${how} ${quote(at)}`);
  }

  /** Starts a script of TypeScript in the namespace, that talks in messages. */
  start(script: string, ...args: readonly string[]): ChildProcess {
    const shell = /^\/proc\/(\d+)\//.exec(this.outside("/"))?.[1] ?? "";
    return spawn("nsenter", ["-t", shell, "-m", process.execPath, script, ...args], { stdio: ["ignore", "ignore", "inherit", "ipc"], serialization: "advanced" });
  }

  /** Loop devices that this one's images are on, wherever they are mounted. */
  loops(): string[] {
    return readdirSync("/sys/block").filter((name) => {
      try {
        return readFileSync(join("/sys/block", name, "loop/backing_file"), "utf8").includes(this.folder);
      } catch {
        return false; // no loop device, or a free one
      }
    });
  }

  /** @throws when a loop device stays. */
  async end(): Promise<void> {
    await this.namespace.end();
    // The kernel lets go of mounts and devices a moment after the last process of the namespace.
    for (let tries = 0; this.loops().length > 0 && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
    const left = this.loops();
    rmSync(this.folder, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`loop devices are left over: ${left.join(", ")}`);
  }
}
