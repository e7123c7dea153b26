/**
 * A mount namespace of our own, kept by a shell that ends when its input does: whatever is mounted in it is gone then,
 * however this process ends. Its mounts are reached through /proc/<pid>/root.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";

export class MountNamespace {
  private readonly answers: AsyncIterator<string>;
  private readonly lines: Interface;

  private constructor(private readonly shell: ChildProcess, readonly unprivileged: boolean) {
    if (shell.stdout === null) throw new Error("the shell has no output");
    this.lines = createInterface({ input: shell.stdout });
    this.answers = this.lines[Symbol.asyncIterator]();
  }

  /** undefined where this system allows none. */
  static async create(): Promise<MountNamespace | undefined> {
    if (process.platform !== "linux") return undefined;
    for (const flags of process.getuid?.() === 0 ? ["-m", "-Urm"] : ["-Urm"]) {
      const shell = spawn("unshare", [flags, "--propagation", "private", "sh"], { stdio: ["pipe", "pipe", "ignore"] });
      const failed = new Promise<boolean>((resolve) => { shell.once("error", () => { resolve(true); }); });
      const namespace = new MountNamespace(shell, flags !== "-m");
      if (!(await Promise.race([failed, namespace.run("true").then(() => false, () => true)]))) return namespace;
      await namespace.end();
    }
    return undefined;
  }

  /** Runs a line of sh. @throws with what it printed. */
  async run(command: string): Promise<string> {
    this.shell.stdin?.write(`{ ${command}\n} 2>&1 </dev/null; echo "//$?"\n`);
    let printed = "";
    for (;;) {
      const answer: IteratorResult<string, unknown> = await this.answers.next();
      if (answer.done === true) throw new Error(`the shell has ended: ${command}\n${printed}`);
      const { value } = answer;
      if (value.startsWith("//")) {
        if (value !== "//0") throw new Error(`${command}: ${printed}`);
        return printed;
      }
      printed += `${value}\n`;
    }
  }

  /** Where a path of the namespace is found from outside. */
  path(inside: string): string {
    return `/proc/${String(this.shell.pid)}/root${inside}`;
  }

  async end(): Promise<void> {
    const ended = this.shell.exitCode !== null || this.shell.pid === undefined
      ? Promise.resolve()
      : new Promise<void>((resolve) => { this.shell.once("exit", () => { resolve(); }); });
    this.shell.stdin?.end();
    await ended;
    this.lines.close();
  }
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
