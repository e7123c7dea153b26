/**
 * Plain form: an upper without redirects and without void whiteouts, which is an OCI layer and a fuse-overlayfs upperdir.
 * Every step keeps what is seen, so a crash or a cancel between two leaves a correct upper that is only less plain:
 * all that a redirected folder shows is copied up, an opaque mark goes in (opaque beats redirect), the redirect goes.
 * Copying takes no lock; the marks change under the namespace lock, exclusively.
 */
import { again, type Context } from "./context.js";
import { copyUp } from "./copyUp.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { makeOpaque } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import { lookup } from "./lookup.js";
import { isReserved, redirectMarker } from "./markers.js";
import { childPath, type OverlayPath, rootPath } from "./paths.js";
import { listPlace } from "./readdir.js";
import type { CopyOptions } from "./stage.js";
import type { UpperDirectory } from "./tree.js";
import { removeWhiteout } from "./whiteout.js";

/**
 * @throws Refusal ENOTSUP (a special file in a renamed folder cannot be copied up; a visible name of the base starts with
 * ".wh."), ECANCELED; LayerError.
 */
export async function flatten(ctx: Context, options: CopyOptions): Promise<void> {
  await refuseMarkerNames(ctx, rootPath, options);
  await flattenBeneath(ctx, rootPath, options);
}

/**
 * Another tool takes such a name of the base for a marker, and hides what it names. Nothing but a walk finds them: one
 * readdir for each visible directory, before anything is changed. One that is hidden with its folder does no harm.
 */
async function refuseMarkerNames(ctx: Context, path: OverlayPath, options: CopyOptions): Promise<void> {
  checkCancelled(options.signal);
  const place = await lookupDirectory(ctx, path);
  if (place === undefined) return;
  for (const { name, type } of (await listPlace(ctx, place)).entries) {
    const child = childPath(path, name);
    if (isReserved(name)) throw new Refusal("ENOTSUP", `'${child}' has a name that other tools take for a marker`);
    if (type === "directory") await refuseMarkerNames(ctx, child, options);
  }
}

async function flattenBeneath(ctx: Context, path: OverlayPath, options: CopyOptions): Promise<void> {
  checkCancelled(options.signal);
  const found = await lookupDirectory(ctx, path);
  const upper = found?.upper;
  if (found === undefined || upper?.content === undefined) return;
  while (upper.content.shape.kind === "redirect") {
    await copyUpAll(ctx, path, options);
    const outcome = await ctx.locks.exclusive(() => replaceRedirect(ctx, upper));
    if (outcome !== again) break;
    checkCancelled(options.signal);
  }
  await ctx.locks.shared([upper], () => tidy(ctx, upper));
  for (const entry of [...upper.content.children.values()]) {
    if (entry.node !== undefined) await flattenBeneath(ctx, childPath(path, entry.name), options);
  }
}

async function lookupDirectory(ctx: Context, path: OverlayPath) {
  try {
    const found = await lookup(ctx, path, { follow: false });
    return found.kind === "directory" ? found.place : undefined;
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return undefined; // moved or deleted meanwhile
    throw error;
  }
}

/** Gives everything that is visible beneath a folder its upper copy. */
async function copyUpAll(ctx: Context, path: OverlayPath, options: CopyOptions): Promise<void> {
  const place = await lookupDirectory(ctx, path);
  if (place === undefined) return;
  await copyUp(ctx, path, false, options);
  for (const { name, type } of (await listPlace(ctx, place)).entries) {
    if (type === "directory") await copyUpAll(ctx, childPath(path, name), options);
    else {
      try {
        await copyUp(ctx, childPath(path, name), false, options);
      } catch (error) {
        if (!isCode(error, "ENOENT")) throw error; // deleted meanwhile
      }
    }
  }
}

/** Under the namespace lock, exclusively: nothing may have been brought back from the lower since it was copied. */
async function replaceRedirect(ctx: Context, upper: UpperDirectory): Promise<"done" | typeof again> {
  const { content } = upper;
  if (content === undefined || !ctx.tree.isAttached(upper) || content.shape.kind !== "redirect") return "done";
  if (!(await isCovered(ctx, upper))) return again;
  const directory = ctx.tree.upperPath(upper);
  await ctx.work.inside(directory, true, async () => {
    await makeOpaque(ctx, directory);
    ctx.tree.setShape(upper, { kind: "opaque" });
    await ctx.scratch.unlink(`${directory}/${redirectMarker}`);
  });
  await ctx.tree.refreshBelow(upper);
  return "done";
}

/** Whether upper has, or hides, every name that the lower has, all the way down. */
async function isCovered(ctx: Context, upper: UpperDirectory): Promise<boolean> {
  await ctx.tree.load(upper, true);
  const { content } = upper;
  if (content?.below === undefined) return true;
  for (const { name } of (await content.below.list()).entries) {
    const entry = ctx.tree.entry(upper, name);
    if (entry === undefined && !ctx.tree.isWhitedOut(upper, name)) return false;
    // A redirect of its own is flattened on its own; opaque needs nothing.
    if (entry?.node !== undefined && !(await isCovered(ctx, entry.node))) return false;
  }
  return true;
}

/** Removes void whiteouts: other tools read the pair of a name and its whiteout otherwise. Under the mutex. */
async function tidy(ctx: Context, upper: UpperDirectory): Promise<void> {
  const { content } = upper;
  if (content === undefined || !ctx.tree.isAttached(upper)) return;
  const pairs = [...content.whiteouts].filter((name) => content.children.has(name));
  if (pairs.length === 0) return;
  await ctx.work.inside(ctx.tree.upperPath(upper), true, async () => {
    for (const name of pairs) await removeWhiteout(ctx, upper, name);
  });
}
