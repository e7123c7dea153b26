/** The shorthands of the tests of rename: operations, what a marker looks like in upper, the moment without a lock. */
import type { Overlay } from "../../src/engine/index.js";
import type { LayerCall } from "./layers/intercept.js";

export const mv = (from: string, to: string, overwrite = true) => (o: Overlay) => o.rename(from, to, { overwrite });
export const rm = (path: string) => (o: Overlay) => o.remove(path, { recursive: true });

export const empty = 'file ""';
export const opaque = ".wh..wh..opq";
export const redirect = ".wh..wh..redirect";

/** The source is copied up, or its redirect staged: no lock is held then. */
export const staged = (call: LayerCall) => call.name === "handle.sync";

/** Of a merged tree all but these names and what is beneath them. */
export function leaveOut(all: Readonly<Record<string, string>>): (...names: string[]) => Record<string, string> {
  return (...names) => Object.fromEntries(Object.entries(all).filter(([path]) => !names.some((name) => path === name || path.startsWith(`${name}/`))));
}
