/**
 * A base that is not on a disk, as it is asked: three calls, in the shapes that VS Code's file systems have, so that
 * `vscode.workspace.fs` fits with nothing but its URIs put in. And what its errors say: only "not found" means absent
 * (INV-2); what is no answer at all is a fault of the moment.
 */
import { LayerError, type ErrorCode } from "../engine/errors.js";
import type { EntryType } from "../engine/types.js";

/** As vscode.FileStat: times in milliseconds since the epoch, `type` and `permissions` in bits. */
export interface RemoteStat {
  readonly type: number;
  readonly ctime: number;
  readonly mtime: number;
  readonly size: number;
  readonly permissions?: number | undefined;
}

/** Paths have no leading slash; "" is the root. Rejects with an error whose `code` is one of vscode.FileSystemError. */
export interface RemoteFiles {
  /** Of what a symbolic link leads to. */
  stat(path: string): PromiseLike<RemoteStat>;
  readDirectory(path: string): PromiseLike<readonly (readonly [name: string, type: number])[]>;
  readFile(path: string): PromiseLike<Uint8Array>;
}

/** Bits of vscode.FileType and vscode.FilePermission, which are stable API. */
const file = 1;
const directory = 2;
const readOnly = 1;

/** A link is shown as what it leads to: where to is not told. One that leads nowhere is of no known type. */
export function typeOf(type: number): EntryType {
  if ((type & directory) !== 0) return "directory";
  return (type & file) !== 0 ? "file" : "unknown";
}

/** No such file system tells modes: what one would expect, less what must not be written. */
export function modeOf(type: EntryType, { permissions }: RemoteStat): number {
  // Of a folder it says that nothing can be made in it there: what is made here is made in upper.
  if (type === "directory") return 0o755;
  return ((permissions ?? 0) & readOnly) === 0 ? 0o644 : 0o444;
}

const answers: Readonly<Record<string, ErrorCode>> = {
  FileNotFound: "ENOENT",
  FileNotADirectory: "ENOTDIR",
  FileIsADirectory: "EISDIR",
  NoPermissions: "EACCES",
};

function codeIn(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

/** Whether the base has said something of the entry. Anything else may be different the next moment. */
export function isAnswer(error: unknown): boolean {
  const code = codeIn(error);
  return typeof code === "string" && Object.hasOwn(answers, code);
}

export function isNotFound(error: unknown): boolean {
  return codeIn(error) === "FileNotFound";
}

/** Whether it is not even known that the base was reached: one that throws plain errors says nothing else of what it lacks. */
export function isUnreachable(error: unknown): boolean {
  return codeIn(error) === "Unavailable";
}

export function remoteFault(error: unknown, call: string, place: string): LayerError {
  if (error instanceof LayerError) return error;
  const code = codeIn(error);
  const known = typeof code === "string" && Object.hasOwn(answers, code) ? answers[code] : undefined;
  if (known === "ENOENT") return new LayerError(known, call, place, { cause: error });
  const said = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
  if (known !== undefined) return new LayerError(known, call, place, { cause: error, ...(known === "EACCES" ? { reason: `the base refuses it: ${said}` } : {}) });
  return new LayerError("EIO", call, place, { cause: error, reason: `the base did not answer: ${said}` });
}
