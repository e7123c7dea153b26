/** Ready-made hooks for intercepted layers: count, fail, hold, stop dead; and how to put several together. */
import { LayerError } from "../../../src/engine/errors.js";
import type { ErrorCode } from "../../../src/engine/errors.js";
import type { Hook, LayerCall } from "./intercept.js";

export type Matches = (call: LayerCall) => boolean;

/** The first hook is outermost. */
export function compose(...hooks: readonly Hook[]): Hook {
  return <T>(call: LayerCall, run: () => Promise<T>) => hooks.reduceRight<() => Promise<T>>((inner, hook) => () => hook(call, inner), run)();
}

/** Writes every call down, in the order in which they start. */
export function recorder(): { hook: Hook; calls: LayerCall[]; count(name: string): number } {
  const calls: LayerCall[] = [];
  return {
    hook: (call, run) => {
      calls.push(call);
      return run();
    },
    calls,
    count: (name) => calls.filter((call) => call.name === name).length,
  };
}

/** Fails matching calls, `times` of them, before they do anything or after they have done it. */
export function failing(matches: Matches, code: ErrorCode, options: { when?: "before" | "after"; times?: number } = {}): Hook {
  let left = options.times ?? Infinity;
  return async (call, run) => {
    if (left <= 0 || !matches(call)) return run();
    left--;
    if (options.when === "after") await run();
    throw new LayerError(code, call.name, call.path);
  };
}

/** Holds matching calls until `open` is called; `reached` resolves when the first one arrives. */
export function gate(matches: Matches): { hook: Hook; reached: Promise<LayerCall>; open(): void } {
  let arrive: (call: LayerCall) => void = () => undefined;
  let open: () => void = () => undefined;
  const reached = new Promise<LayerCall>((resolve) => { arrive = resolve; });
  const opened = new Promise<void>((resolve) => { open = resolve; });
  return {
    hook: async (call, run) => {
      if (matches(call)) {
        arrive(call);
        await opened;
      }
      return run();
    },
    reached,
    open: () => { open(); },
  };
}

/**
 * The death of the process at its `nth` call that changes something (counted from 1): that call and all after it
 * never answer. `before` dies ahead of the change, `after` with the change made and its answer lost.
 */
export function dieAt(nth: number, when: "before" | "after"): { hook: Hook; died: Promise<LayerCall>; changes(): number } {
  let seen = 0;
  let dead = false;
  let tell: (call: LayerCall) => void = () => undefined;
  const died = new Promise<LayerCall>((resolve) => { tell = resolve; });
  const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
  return {
    hook: async (call, run) => {
      if (dead) return never();
      if (!call.mutates) return run();
      seen++;
      if (seen !== nth) return run();
      dead = true;
      if (when === "after") await run().catch(() => undefined);
      tell(call);
      return never();
    },
    died,
    changes: () => seen,
  };
}
