/**
 * Who a process is, so that another can tell whether it still lives: a pid alone comes back after a reboot, in
 * another container, or by plain reuse. What a system cannot tell stays empty, and comparing says so.
 */
import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { errnoOf } from "./nodeFault.js";

export interface ProcessIdentity {
  readonly pid: number;
  /** When the process started, in the system's own words; only ever compared for equality. */
  readonly start: string;
  readonly bootId: string;
  readonly pidNamespace: string;
  /** Name of the machine, and the system's id for it where there is one. */
  readonly host: string;
  readonly machine: string;
}

export type Life = "alive" | "dead" | "unknown";

export async function ownIdentity(): Promise<ProcessIdentity> {
  const [start, bootId, pidNamespace, machine] = await Promise.all([
    startOf(process.pid), readBootId(), readlink("/proc/self/ns/pid").catch(() => ""), readMachine(),
  ]);
  return { pid: process.pid, start: start ?? "", bootId, pidNamespace, host: hostname(), machine };
}

/** Whether the process that `other` describes still runs, as seen by the process that `self` describes. */
export async function lifeOf(other: ProcessIdentity, self: ProcessIdentity): Promise<Life> {
  if (other.host !== self.host || other.machine !== self.machine) return "unknown";
  if (other.bootId !== self.bootId) {
    // The same machine, started anew: nothing of before is left. Without its id, it may be a namesake.
    return self.machine !== "" && other.bootId !== "" && self.bootId !== "" ? "dead" : "unknown";
  }
  if (other.pidNamespace !== self.pidNamespace) return "unknown";
  if (!exists(other.pid)) return "dead";
  const start = await startOf(other.pid);
  if (start === undefined) return exists(other.pid) ? "alive" : "dead";
  if (start === zombie) return "dead";
  return start === "" || other.start === "" || start === other.start ? "alive" : "dead";
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH"; // EPERM: somebody else's, alive
  }
}

/** A process that has ended and waits for its parent to notice. */
const zombie = "ended";

/** Empty where the system has no cheap answer, undefined where it refuses one (hidepid, or just gone). */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => undefined);
    if (stat === undefined) return undefined;
    // The second field is the program's name in brackets and may hold anything; fields are counted after it.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? zombie : fields[19];
  }
  return process.platform === "darwin" ? ask("ps", ["-o", "lstart=", "-p", String(pid)]) : "";
}

async function readBootId(): Promise<string> {
  if (process.platform === "linux") return (await readFile("/proc/sys/kernel/random/boot_id", "latin1").catch(() => "")).trim();
  return process.platform === "darwin" ? ((await ask("sysctl", ["-n", "kern.bootsessionuuid"])) ?? "") : "";
}

async function readMachine(): Promise<string> {
  if (process.platform === "linux") return (await readFile("/etc/machine-id", "latin1").catch(() => "")).trim();
  return process.platform === "darwin" ? ((await ask("sysctl", ["-n", "kern.uuid"])) ?? "") : "";
}

function ask(program: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(program, args, { env: { LC_ALL: "C", PATH: "/bin:/usr/bin:/sbin:/usr/sbin" } }, (error, out) => {
      resolve(error === null ? out.trim() : undefined);
    });
  });
}
