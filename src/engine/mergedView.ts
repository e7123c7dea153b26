/** Merged as a view like those below it: the upper as it is on the disk, read anew. */
import type { Context } from "./context.js";
import { type LowerDirectory, MarkedView } from "./lowerView.js";

export function mergedView(ctx: Context): LowerDirectory {
  return new MarkedView(ctx.scratch, "upper", ctx.lowerRoot, ctx.lowerMemory, ctx.tree.key).root;
}
