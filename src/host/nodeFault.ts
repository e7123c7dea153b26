/**
 * From Node's errors to the ports' fault: the call, the physical path, the errno as a code of the closed set, the
 * cause kept. And the one wrapper by which callback functions of node:fs become promises, which costs less than
 * fs.promises does.
 */
import { LayerError, toErrorCode } from "../engine/errors.js";
import type { ErrorCode } from "../engine/errors.js";

/** What Node refuses before it asks the system (a NUL in a path, a length that is no length). */
const refusedByNode: ReadonlySet<unknown> = new Set(["ERR_INVALID_ARG_VALUE", "ERR_INVALID_ARG_TYPE", "ERR_OUT_OF_RANGE"]);

export function errnoOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

export function nodeFault(error: unknown, call: string, physicalPath: string, code?: ErrorCode): LayerError {
  if (error instanceof LayerError) return error;
  const errno = errnoOf(error);
  const known = code ?? (refusedByNode.has(errno) ? "EINVAL" : toErrorCode(errno));
  return new LayerError(known, call, physicalPath, { cause: error });
}

export function refuse(code: ErrorCode, call: string, physicalPath: string): LayerError {
  return new LayerError(code, call, physicalPath);
}

export type Done<T> = (error: NodeJS.ErrnoException | null, value: T) => void;
export type DoneVoid = (error: NodeJS.ErrnoException | null) => void;

/** Starts a callback function of node:fs; what it throws at once and what it reports later become one fault. */
export function promised<T>(call: string, physicalPath: string, start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    try {
      start((error, value) => {
        if (error) reject(nodeFault(error, call, physicalPath));
        else resolve(value);
      });
    } catch (error) {
      reject(nodeFault(error, call, physicalPath));
    }
  });
}

/** The same for a call that answers nothing. */
export function performed(call: string, physicalPath: string, start: (done: DoneVoid) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    try {
      start((error) => {
        if (error) reject(nodeFault(error, call, physicalPath));
        else resolve();
      });
    } catch (error) {
      reject(nodeFault(error, call, physicalPath));
    }
  });
}
