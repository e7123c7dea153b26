/** What each layer holds, for who decides which to keep: asked for when it is shown, as it walks the layers. */
import type { Context } from "./context.js";
import { changesBetween } from "./layerDiff.js";
import { mergedView } from "./mergedView.js";
import type { LowerDirectory } from "./lowerView.js";
import { rootPath } from "./paths.js";
import { steady } from "./steady.js";
import type { CancelSignal, ChangeKind, LayerInfo } from "./types.js";
import { usageOf } from "./usage.js";

/** The upper, then the snapshots, topmost first. @throws Refusal ECANCELED; LayerError. */
export function layerInfo(ctx: Context, signal?: CancelSignal): Promise<LayerInfo[]> {
  return steady(ctx, () => infoOf(ctx, signal));
}

async function infoOf(ctx: Context, signal: CancelSignal | undefined): Promise<LayerInfo[]> {
  const upper = await ctx.scratch.lstat("upper");
  const infos = [{ id: "upper", name: "upper", created: upper.birthtimeMs, ...(await measure(ctx, mergedView(ctx), ctx.lowerRoot, "upper", signal)) }];
  for (const { id, name, created, path } of ctx.layers.state.snapshots) {
    infos.push({ id, name, created, ...(await measure(ctx, ctx.layers.view(id), ctx.layers.viewBelow(id), path, signal)) });
  }
  return infos;
}

async function measure(ctx: Context, view: LowerDirectory, below: LowerDirectory, path: string, signal: CancelSignal | undefined) {
  const counts: Record<ChangeKind, number> = { copied: 0, added: 0, deleted: 0, replaced: 0, renamed: 0 };
  for (const { kind } of await changesBetween(ctx, view, below, rootPath, { signal })) counts[kind]++;
  return { counts, bytes: (await usageOf(ctx, path, signal)).bytes };
}
