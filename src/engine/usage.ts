/** How large a tree in the scratch is: its files' bytes. A report; what goes while it is walked counts nothing. */
import { checkCancelled } from "./copyUpRegistry.js";
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import type { CancelSignal } from "./types.js";

export interface Usage {
  /** Bytes of all files. */
  readonly bytes: number;
  /** Of those that have no other name: what deleting the tree would free. */
  readonly own: number;
}

/** @throws Refusal ECANCELED; LayerError. */
export async function usageOf(ctx: Context, path: string, signal?: CancelSignal): Promise<Usage> {
  checkCancelled(signal);
  try {
    const { type, size, nlink } = await ctx.scratch.lstat(path);
    if (type === "file") return { bytes: size, own: nlink > 1 ? 0 : size };
    if (type !== "directory") return { bytes: 0, own: 0 };
    let bytes = 0;
    let own = 0;
    const { entries } = await ctx.scratch.readDirectory(path);
    for (let i = 0; i < entries.length; i += width) {
      for (const part of await Promise.all(entries.slice(i, i + width).map(({ name }) => usageOf(ctx, `${path}/${name}`, signal)))) {
        bytes += part.bytes;
        own += part.own;
      }
    }
    return { bytes, own };
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR", "EACCES")) return { bytes: 0, own: 0 };
    throw error;
  }
}

/** How many are looked at at once: the disk is not ours alone. */
const width = 4;
