/**
 * A folder of this machine as a file system provider of VS Code would serve it: three calls, links followed, errors by their
 * FileSystemError code. Every call is written down, and a schedule may fail it or hold it back.
 */
import * as fs from "node:fs/promises";
import { join } from "node:path";
import type { RemoteFiles, RemoteStat } from "../../../src/host/remoteFiles.js";

export interface RemoteCallMade {
  readonly call: "stat" | "readDirectory" | "readFile";
  readonly path: string;
  /** Counted from 1. */
  readonly n: number;
}

/** Throws to fail the call, or waits before it is carried out. */
export type Schedule = (call: RemoteCallMade) => Promise<void> | void;

/** As vscode.FileSystemError, which no test outside VS Code can have. */
export class RemoteError extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
    this.name = `${code} (FileSystemError)`;
  }
}

const codes: Readonly<Record<string, string>> = { ENOENT: "FileNotFound", ENOTDIR: "FileNotADirectory", EISDIR: "FileIsADirectory", EACCES: "NoPermissions", EPERM: "NoPermissions" };

export class RemoteDisk implements RemoteFiles {
  readonly calls: RemoteCallMade[] = [];
  schedule: Schedule = () => undefined;

  constructor(private readonly root: string) {}

  /** The calls since the last time that this was asked, as "stat a/b". */
  made(): string[] {
    return this.calls.splice(0).map(({ call, path }) => `${call} ${path === "" ? "/" : path}`);
  }

  stat(path: string): Promise<RemoteStat> {
    return this.run("stat", path, async () => {
      const own = await fs.lstat(join(this.root, path));
      if (!own.isSymbolicLink()) return toStat(own, 0);
      const target = await fs.stat(join(this.root, path)).catch((error: unknown) => {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      });
      return target === undefined ? { ...toStat(own, 64), type: 64 } : toStat(target, 64);
    });
  }

  readDirectory(path: string): Promise<[string, number][]> {
    return this.run("readDirectory", path, async () => {
      const entries = await fs.readdir(join(this.root, path), { withFileTypes: true });
      return Promise.all(entries.map(async (entry): Promise<[string, number]> => {
        if (!entry.isSymbolicLink()) return [entry.name, typeOf(entry)];
        const target = await fs.stat(join(this.root, path, entry.name)).catch(() => undefined);
        return [entry.name, 64 | (target === undefined ? 0 : typeOf(target))];
      }));
    });
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.run("readFile", path, async () => new Uint8Array(await fs.readFile(join(this.root, path))));
  }

  private async run<T>(call: RemoteCallMade["call"], path: string, act: () => Promise<T>): Promise<T> {
    const made = { call, path, n: this.calls.length + 1 };
    this.calls.push(made);
    try {
      await this.schedule(made);
      return await act();
    } catch (error) {
      if (error instanceof RemoteError) throw error;
      throw new RemoteError(codes[codeOf(error)] ?? "Unknown", error instanceof Error ? error.message : String(error));
    }
  }
}

interface Kind {
  isFile(): boolean;
  isDirectory(): boolean;
}

function typeOf(kind: Kind): number {
  return kind.isFile() ? 1 : kind.isDirectory() ? 2 : 0;
}

function toStat(stat: Kind & { readonly size: number; readonly mtimeMs: number; readonly birthtimeMs: number; readonly mode: number }, link: number): RemoteStat {
  const permissions = (stat.mode & 0o222) === 0 ? { permissions: 1 } : {};
  return { type: link | typeOf(stat), size: stat.size, mtime: Math.trunc(stat.mtimeMs), ctime: Math.trunc(stat.birthtimeMs), ...permissions };
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

export function unavailable(): RemoteError {
  return new RemoteError("Unavailable", "the connection was lost");
}

/** Holds the calls that it fits until it is opened. */
export function held(fits: (call: RemoteCallMade) => boolean): { readonly schedule: Schedule; readonly reached: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  let arrive: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => { open = resolve; });
  const reached = new Promise<void>((resolve) => { arrive = resolve; });
  const schedule: Schedule = (call) => {
    if (!fits(call)) return undefined;
    arrive();
    return opened;
  };
  return { schedule, reached, open: () => { open(); } };
}
