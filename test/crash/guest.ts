/**
 * A process that opens overlays for a test in another mount namespace, one after the other, with the built engine. Calls
 * come as messages; what they give, or the error they fail with, goes back.
 */
import type { OpenOverlay } from "../../src/host/index.js";

export interface Call {
  readonly id: number;
  /** Of the overlay, or "openOverlay"; with `handle`, of that one. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly handle?: number;
}

export interface Answer {
  readonly id: number;
  readonly value?: unknown;
  /** A number that stands for what `open` gave. */
  readonly handle?: number;
  readonly error?: { readonly code?: string; readonly operation: string; readonly path: string; readonly reason: string };
}

type Methods = Record<string, (...args: readonly unknown[]) => Promise<unknown>>;

const [engine = "", uid = ""] = process.argv.slice(2);
process.umask(0o022);
const { openOverlay } = await import(engine) as { openOverlay: (options: unknown) => Promise<OpenOverlay> };
if (uid !== "") {
  process.setgroups?.([]);
  process.setgid?.(Number(uid));
  process.setuid?.(Number(uid));
}

let overlay: Methods | undefined;
const handles: Methods[] = [];

async function answer({ id, method, args, handle }: Call): Promise<Answer> {
  try {
    if (method === "openOverlay") {
      overlay = await openOverlay(args[0]) as unknown as Methods;
      return { id };
    }
    const value = await (handle === undefined ? overlay : handles[handle])?.[method]?.(...args);
    return method === "open" ? { id, handle: handles.push(value as Methods) - 1 } : { id, value: method === "read" ? [value, args[0]] : value };
  } catch (error) {
    if (error instanceof Error && error.name === "OverlayError") {
      const { code, operation, path, reason } = error as unknown as Required<NonNullable<Answer["error"]>>;
      return { id, error: { code, operation, path, reason } };
    }
    return { id, error: { operation: method, path: "", reason: error instanceof Error ? (error.stack ?? error.message) : String(error) } };
  }
}

process.on("message", (call) => { void answer(call as Call).then((said) => process.send?.(said)); });
// Whoever asked is gone: it must not keep the mounts alive.
process.on("disconnect", () => { process.exit(); });
process.send?.({ id: -1 } satisfies Answer);
