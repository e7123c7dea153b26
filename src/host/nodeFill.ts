/**
 * Copying a large file without its bytes passing through here. Node can do that for whole files only (copyFile), and
 * nothing stops it; `cat` does it between two open files (copy_file_range(2) since coreutils 9.1), and can be stopped.
 * What it leaves undone, for whatever reason, is the caller's: so none of its failures needs a name here.
 */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import type { CancelSignal, Progress } from "../engine/types.js";

export interface FillOptions {
  readonly signal?: CancelSignal;
  readonly onProgress?: Progress;
}

/** Not by way of PATH, which could name anything. */
const cat = "/bin/cat";
const progressMs = 100;

/** @returns how many bytes of `from`, from its start, are in `to`, which was empty. */
export async function copyThrough(from: number, to: number, options: FillOptions, program = cat): Promise<number> {
  if (process.platform !== "linux" || options.signal?.aborted === true) return 0;
  const stat = await look(from);
  // A file with holes would lose them.
  if (stat === undefined || stat.blocks * 512 < stat.size) return 0;
  await run(program, from, to, stat.size, options);
  return Math.min((await look(to))?.size ?? 0, stat.size);
}

function look(fd: number): Promise<fs.Stats | undefined> {
  return new Promise((resolve) => {
    fs.fstat(fd, (error, stat) => { resolve(error ? undefined : stat); });
  });
}

/** Resolves when it has ended, however. */
function run(program: string, from: number, to: number, size: number, { signal, onProgress }: FillOptions): Promise<void> {
  return new Promise((resolve) => {
    let child: ChildProcess;
    try {
      child = spawn(program, [], { stdio: [from, to, "ignore"], env: {} });
    } catch {
      resolve(); // no memory for a process, say: then it has done nothing
      return;
    }
    const stop = (): void => { child.kill("SIGKILL"); };
    const timer = setInterval(() => {
      void look(to).then((stat) => { if (stat !== undefined && stat.size < size) onProgress?.(stat.size, size); });
    }, progressMs);
    const end = (): void => {
      clearInterval(timer);
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    signal?.addEventListener("abort", stop);
    child.once("error", end);
    child.once("close", end);
  });
}
