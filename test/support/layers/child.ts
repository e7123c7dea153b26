/** Scripts of the tests that must run in a process of their own: another user, another owner, or one to be killed. */
import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { chmodSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { temporaryFolder } from "./hosts.js";

/** Bundles a script beside this file into a folder that every user can read; gives its path. */
export async function bundleScript(name: string): Promise<string> {
  const folder = temporaryFolder("script");
  chmodSync(folder, 0o755);
  const outfile = join(folder, `${basename(name, ".ts")}.mjs`);
  await build({ entryPoints: [join(import.meta.dirname, name)], bundle: true, platform: "node", format: "esm", target: "node20", outfile, logLevel: "error" });
  return outfile;
}

export interface Child {
  readonly process: ChildProcess;
  /** The next line that it prints; rejects when it ends before. */
  line(): Promise<string>;
  send(text: string): void;
  /** Resolves when it has ended, with what killed it or its exit code. */
  readonly ended: Promise<string>;
}

export function startChild(script: string, args: readonly string[], options: SpawnOptions = {}): Child {
  const child = spawn(process.execPath, [script, ...args], { ...options, stdio: ["pipe", "pipe", "inherit"] });
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let rest = "";
  let over = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      const next = waiting.shift();
      if (next === undefined) lines.push(part);
      else next.resolve(part);
    }
  });
  const ended = new Promise<string>((resolve) => {
    child.once("close", (code, signal) => {
      over = true;
      for (const { reject } of waiting.splice(0)) reject(new Error(`${script} ended: ${String(signal ?? code)}`));
      resolve(String(signal ?? code));
    });
  });
  return {
    process: child,
    ended,
    line: () => {
      const ready = lines.shift();
      if (ready !== undefined) return Promise.resolve(ready);
      if (over) return Promise.reject(new Error(`${script} has ended`));
      return new Promise((resolve, reject) => { waiting.push({ resolve, reject }); });
    },
    send: (text) => { child.stdin.write(`${text}\n`); },
  };
}
