/**
 * One hook for every call of a layer and of the handles it gives out, on any host: to count calls, to fail before or
 * after one, to stop dead (never resolve), or to let a schedule decide when each runs.
 */
import type { LowerLayer, ReadHandle, ScratchLayer, SmallCopy, WriteHandle } from "../../../src/engine/layer.js";

export interface LayerCall {
  /** Which layer, as named by whoever intercepted it. */
  readonly layer: string;
  /** The method; those of handles as "handle.read". */
  readonly name: string;
  /** The layer path that the call is about (of a handle: the one it was opened by); for link and rename the target. */
  readonly path: string;
  readonly args: readonly unknown[];
  /** Whether the call can change what is on the disk. */
  readonly mutates: boolean;
}

/** Must give back what `run` gives, or throw; `run` may be put off, skipped, or its result thrown away. */
export type Hook = <T>(call: LayerCall, run: () => Promise<T>) => Promise<T>;

const lowerMethods = ["lstat", "fingerprint", "readDirectory", "readLink", "openRead", "readFile"] as const;
const scratchMethods = [
  "create", "openWrite", "makeDirectory", "makeSymlink", "link", "rename", "unlink", "removeDirectory", "chmod", "chown",
  "utimes", "syncDirectory", "cloneFrom",
] as const;
/** What a scratch may have or not. */
const scratchExtras = ["copySmall", "publishCopy"] as const;
const readHandleMethods = ["stat", "fingerprint", "read", "close"] as const;
const writeHandleMethods = ["write", "truncate", "sync", "chmod", "chown", "utimes"] as const;

/** openWrite changes nothing unless it truncates; forcing to the disk changes nothing that a living process can see. */
const harmless: ReadonlySet<string> = new Set(["syncDirectory", "sync"]);
/** Where the path that a call is about is not its first argument. */
const pathAt: Readonly<Record<string, number>> = { link: 1, rename: 1, makeSymlink: 1, cloneFrom: 1, copySmall: 2, publishCopy: 1 };

type Method = (...args: unknown[]) => Promise<unknown>;

/** What is behind an intercepted handle or layer: a clone must start from the real descriptor, a copy from the real file. */
const originals = new WeakMap<object, object>();

export function originalHandle(handle: ReadHandle): ReadHandle {
  return (originals.get(handle) as ReadHandle | undefined) ?? handle;
}

function isHandle(value: unknown): value is ReadHandle | WriteHandle {
  return typeof value === "object" && value !== null && "close" in value && "read" in value;
}

function isCopy(value: unknown): value is SmallCopy {
  return typeof value === "object" && value !== null && "file" in value && isHandle(value.file);
}

function wrapHandle(handle: ReadHandle | WriteHandle, layer: string, path: string, hook: Hook): ReadHandle {
  const names: readonly string[] = "write" in handle ? [...readHandleMethods, ...writeHandleMethods] : readHandleMethods;
  const changing: readonly string[] = writeHandleMethods;
  const wrapped = wrap(handle, names, (name, args) => ({
    layer, name: `handle.${name}`, path, args, mutates: changing.includes(name) && !harmless.has(name),
  }), hook);
  Object.defineProperty(wrapped, "opened", { get: () => handle.opened, enumerable: true });
  originals.set(wrapped, handle);
  return wrapped as unknown as ReadHandle;
}

function wrap(
  target: object,
  names: readonly string[],
  describe: (name: string, args: readonly unknown[]) => LayerCall,
  hook: Hook,
): Record<string, Method> {
  const methods: Record<string, Method> = {};
  for (const name of names) {
    methods[name] = async (...args) => {
      const call = describe(name, args);
      const method = (target as Record<string, Method>)[name];
      if (method === undefined) throw new TypeError(`no method ${name}`);
      const given = args.map((arg) => (typeof arg === "object" && arg !== null ? (originals.get(arg) ?? arg) : arg));
      const run = async (): Promise<unknown> => {
        const result = await method.apply(target, given);
        if (isHandle(result)) return wrapHandle(result, call.layer, call.path, hook);
        return isCopy(result) ? { ...result, file: wrapHandle(result.file, call.layer, call.path, hook) } : result;
      };
      return hook(call, run);
    };
  }
  return methods;
}

function layerCall(layer: string, name: string, args: readonly unknown[], scratch: boolean): LayerCall {
  const path = args[pathAt[name] ?? 0];
  const changing: readonly string[] = [...scratchMethods, ...scratchExtras];
  const how = args[1];
  const cuts = typeof how === "object" && how !== null && "truncate" in how && how.truncate === true;
  const mutates = scratch && changing.includes(name) && !harmless.has(name) && (name !== "openWrite" || cuts);
  return { layer, name, path: typeof path === "string" ? path : "", args, mutates };
}

export function interceptedLower(layer: LowerLayer, hook: Hook, label = "lower"): LowerLayer {
  const methods = wrap(layer, lowerMethods, (name, args) => layerCall(label, name, args, false), hook);
  originals.set(methods, layer);
  return methods as unknown as LowerLayer;
}

export function interceptedScratch(layer: ScratchLayer, hook: Hook, label = "scratch"): ScratchLayer {
  const extras = scratchExtras.filter((name) => layer[name] !== undefined);
  const methods = wrap(layer, [...lowerMethods, ...scratchMethods, ...extras], (name, args) => layerCall(label, name, args, true), hook);
  return Object.defineProperties(methods, {
    privileged: { get: () => layer.privileged, enumerable: true },
    creator: { get: () => layer.creator, enumerable: true },
  }) as unknown as ScratchLayer;
}
