/** Which processes keep a mount busy: those that stand in it, have a file of it open, mapped, or as their program. */
import { readFile, readdir, readlink, stat } from "node:fs/promises";
import { basename } from "node:path";

export interface User {
  readonly pid: number;
  readonly name: string;
}

/** Processes of other users tell nothing; they are missing. @param ignore pids that do not count. */
export function usersOf(point: string, ignore: ReadonlySet<number> = new Set()): Promise<User[]> {
  return find(ignore, (pid) => uses(pid, point));
}

/** Of a mount that stands nowhere any more: what is in it has no path. @param device as mountinfo has it, "0:53". */
export function usersOfDevice(device: string, ignore: ReadonlySet<number> = new Set()): Promise<User[]> {
  return find(ignore, (pid) => usesDevice(pid, device));
}

/**
 * Whether all that keeps a mount busy was started by this process, directly or not: a language server or a debug adapter of
 * this window ends with it. False when it is not known what keeps it.
 */
export async function hasOwnUsersOnly(point: string): Promise<boolean> {
  const users = await usersOf(point, new Set([process.pid]));
  const own = await Promise.all(users.map(({ pid }) => isOwn(pid)));
  return users.length > 0 && own.every(Boolean);
}

/** What outlives the program that it was started by (a debugger's watchdog) has a parent outside of our session; a shell has a session of its own. */
async function isOwn(pid: number): Promise<boolean> {
  const { parent, session } = await originOf(pid);
  for (let at = parent; at > 1; at = (await originOf(at)).parent) if (at === process.pid) return true;
  return session === (await originOf(process.pid)).session && session !== (await originOf(parent)).session;
}

/** Zeros for a process that has ended. proc(5): the fourth and the sixth field, after a name in brackets that may hold anything. */
async function originOf(pid: number): Promise<{ readonly parent: number; readonly session: number }> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [, parent, , session] = line.slice(line.lastIndexOf(")") + 1).trim().split(" ");
  return { parent: Number(parent ?? 0), session: Number(session ?? 0) };
}

async function find(ignore: ReadonlySet<number>, fits: (pid: number) => Promise<boolean>): Promise<User[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^[1-9][0-9]*$/.test(name)).map(Number);
  const found: User[] = [];
  for (const pid of pids) {
    if (ignore.has(pid) || !(await fits(pid))) continue;
    found.push({ pid, name: await nameOf(pid) });
  }
  return found;
}

async function nameOf(pid: number): Promise<string> {
  const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
  // Node's own name for a thread says nothing to who looks for the program.
  const program = name === "MainThread" ? basename(await readlink(`/proc/${pid}/exe`).catch(() => "")) : name;
  return program || "a process";
}

async function uses(pid: number, point: string): Promise<boolean> {
  const inside = (path: string): boolean => path === point || path.startsWith(`${point}/`) || path.startsWith(`${point} (deleted)`);
  for (const link of ["cwd", "root", "exe"]) if (inside(await readlink(`/proc/${pid}/${link}`).catch(() => ""))) return true;
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) if (inside(await readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""))) return true;
  return (await readFile(`/proc/${pid}/maps`, "utf8").catch(() => "")).includes(` ${point}/`);
}

async function usesDevice(pid: number, device: string): Promise<boolean> {
  const fds = (await readdir(`/proc/${pid}/fd`).catch(() => [])).map((fd) => `fd/${fd}`);
  for (const link of ["cwd", "root", "exe", ...fds]) {
    const found = await stat(`/proc/${pid}/${link}`).catch(() => undefined);
    if (found !== undefined && deviceOf(found.dev) === device) return true;
  }
  return false;
}

/** makedev(3) the other way round. */
function deviceOf(dev: number): string {
  return `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
}

const most = 3;

/** As part of a sentence: "bash (4711) and node (4712)". */
export function describeUsers(users: readonly User[]): string {
  if (users.length === 0) return "a process that cannot be seen from here";
  const shown = users.slice(0, most).map(({ name, pid }) => `${name} (${pid})`);
  const rest = users.length - shown.length;
  const all = rest > 0 ? [...shown, `${rest} more`] : shown;
  return all.length === 1 ? (all[0] ?? "") : `${all.slice(0, -1).join(", ")} and ${all.at(-1) ?? ""}`;
}
