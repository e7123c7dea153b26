// Starts processes and temp folders, and takes them away again however this process ends.
// Each process leads a group of its own, so that ending it ends what it started; nothing is ever ended by name.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const windows = process.platform === "win32";
const groups = new Set<number>();
const folders = new Set<string>();

/** The folder of the test run that this process is part of. */
const runFolder = (): string | undefined => process.env["OVERLAY_TEST_RUN"];

function noteOf(pid: number): string | undefined {
  const run = runFolder();
  return run === undefined ? undefined : join(run, `pid-${pid}`);
}

function remember(pid: number): void {
  groups.add(pid);
  const note = noteOf(pid);
  if (note !== undefined) writeFileSync(note, "");
}

function forget(pid: number): void {
  groups.delete(pid);
  const note = noteOf(pid);
  if (note !== undefined) rmSync(note, { force: true });
}

/** Ends and removes what a run left in its folder; says what it was. For the run itself, when its parts have ended. */
export function sweepRun(folder: string): string[] {
  const left: string[] = [];
  for (const name of readdirSync(folder)) {
    const pid = /^pid-(\d+)$/.exec(name)?.[1];
    if (pid === undefined) left.push(name);
    else if (groupAlive(Number(pid)) && signalGroup(Number(pid), "SIGKILL")) left.push(`process group ${pid}`);
    rmSync(join(folder, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
  return left;
}

export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves with the exit code, or -1 when a signal ended it. */
  readonly ended: Promise<number>;
  /** What it has printed so far, both streams. */
  output(): string;
  /** Ends the whole group: asks first, insists after a while (milliseconds). Who has processes of its own to end needs longer. */
  stop(patience?: number): Promise<void>;
}

export interface StartOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** `inherit` shows the output as it comes; by default it is only kept. */
  show?: boolean;
}

/** Short, because sockets live under it and their paths must stay short; macOS has a long temp folder of its own. */
export function systemTemp(): string {
  return realpathSync(process.platform === "darwin" ? "/tmp" : tmpdir());
}

/** Inside the run's folder when there is a run: it looks at the end for what was left. */
export function makeTemp(name: string): string {
  const run = runFolder();
  const made = mkdtempSync(run === undefined ? join(systemTemp(), `overlay-${name}-`) : join(run, `${name}-`));
  folders.add(made);
  return made;
}

export function removeTemp(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  folders.delete(folder);
}

function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    if (windows) return spawnSync("taskkill", ["/T", "/F", "/PID", String(pid)]).status === 0;
    return process.kill(-pid, signal);
  } catch {
    return false; // Nobody is left in it.
  }
}

function groupAlive(pid: number): boolean {
  if (windows) return false;
  try {
    process.kill(-pid, 0);
  } catch {
    return false;
  }
  // The dead count until their parent has asked after them, and in a container that may be never.
  return process.platform !== "linux" || someoneLives(pid);
}

/** Whether the group has a member that is more than a zombie: fields 3 and 5 of proc(5)'s stat, after the name in brackets. */
function someoneLives(group: number): boolean {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).some((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, , its] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(its) === group && state !== "Z" && state !== "X";
    } catch {
      return false; // It has just gone.
    }
  });
}

async function stopGroup(pid: number, ended: Promise<number>, patience: number): Promise<void> {
  const since = Date.now();
  signalGroup(pid, "SIGTERM");
  while (groupAlive(pid)) {
    if (Date.now() - since > patience) signalGroup(pid, "SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 25));
    if (Date.now() - since > 2 * patience) break; // Not even SIGKILL: it hangs in the kernel.
  }
  await ended;
  forget(pid);
}

export function start(command: string, args: readonly string[], options: StartOptions = {}): Started {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: !windows,
    windowsHide: true,
  });
  const chunks: string[] = [];
  for (const [stream, target] of [[child.stdout, process.stdout], [child.stderr, process.stderr]] as const) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      chunks.push(chunk);
      if (options.show === true) target.write(chunk);
    });
  }
  const pid = child.pid ?? -1;
  if (pid > 0) remember(pid);
  const ended = new Promise<number>((resolve) => {
    child.once("error", (error) => {
      chunks.push(`${command}: ${error.message}\n`);
      resolve(-1);
    });
    child.once("close", (code) => {
      // Whoever is left of the group outlived its leader; only stop() takes it off the list.
      if (pid > 0 && !groupAlive(pid)) forget(pid);
      resolve(code ?? -1);
    });
  });
  return { pid, child, ended, output: () => chunks.join(""), stop: (patience = 3_000) => (pid > 0 ? stopGroup(pid, ended, patience) : Promise.resolve()) };
}

/** Runs to the end; throws with the whole output when it fails. */
export async function runToEnd(command: string, args: readonly string[], options: StartOptions = {}): Promise<string> {
  const started = start(command, args, options);
  const code = await started.ended;
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${started.output()}`);
  return started.output();
}

/** The last resort, without waiting: for exits that nobody planned. */
function takeDown(): void {
  for (const pid of [...groups]) {
    signalGroup(pid, "SIGKILL");
    forget(pid);
  }
  for (const folder of [...folders]) {
    try {
      removeTemp(folder);
    } catch {
      // A process that is just going may still write; the orchestrator sweeps the parent.
    }
  }
}

process.on("exit", takeDown);
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  process.on(signal, () => {
    // Somebody who wants to end things in order registers too, and has the say.
    if (process.listenerCount(signal) === 1) process.exit(code);
  });
}
