/**
 * New names: directories, symlinks, hard links, empty files. Each appears by one mkdir, symlink, link, open or rename,
 * over a whiteout that is void from then on and is removed after. INV-9: a directory made where a lower could have one
 * is opaque from the first moment. Takes the namespace lock, shared, and the parent's mutex.
 */
import { again, type Again, type Context } from "./context.js";
import { copyUp, copyUpDirectory, outsideRefusal } from "./copyUp.js";
import { isCode, Refusal } from "./errors.js";
import { inheritGroup } from "./group.js";
import { lookup, type Lookup } from "./lookup.js";
import { checkCreatable, opaqueMarker } from "./markers.js";
import type { OverlayPath } from "./paths.js";
import { nothingUnder } from "./stale.js";
import type { UpperDirectory } from "./tree.js";
import { removeVoidWhiteout } from "./whiteout.js";

export const defaultDirectoryMode = 0o777;

/** Whether a name that a lookup found absent is absent still: no entry came, and no whiteout went. */
export function isStillAbsent(ctx: Context, parent: UpperDirectory, name: string, hidden: boolean): boolean {
  return (
    parent.content !== undefined &&
    ctx.tree.isAttached(parent) &&
    ctx.tree.entry(parent, name) === undefined &&
    (!hidden || ctx.tree.isWhitedOut(parent, name))
  );
}

/** @throws Refusal EEXIST, EROFS, EINVAL for a name that cannot be made; returns the parent's node. */
async function prepare(ctx: Context, path: OverlayPath): Promise<{ parent: UpperDirectory; name: string; hidden: boolean } | Again> {
  const found = await lookup(ctx, path, { follow: false });
  if (found.kind === "outside") throw outsideRefusal(found.physical);
  if (found.kind !== "absent") throw new Refusal("EEXIST");
  return prepareAbsent(ctx, found);
}

export async function prepareAbsent(
  ctx: Context, found: Extract<Lookup, { kind: "absent" }>,
): Promise<{ parent: UpperDirectory; name: string; hidden: boolean } | Again> {
  checkCreatable(found.name);
  const parent = await copyUpDirectory(ctx, found.place);
  return parent === again ? again : { parent, name: found.name, hidden: found.hidden };
}

/**
 * The shared frame of everything that makes a name: look, copy up the parents, lock, look again, act, clear the
 * whiteout. `act` gets the physical path of the new name and does the one step that makes it appear, or says `again`.
 * @param stage what `act` needs for this parent, made before the lock is taken.
 */
async function make(
  ctx: Context, path: OverlayPath, act: (target: string, parent: UpperDirectory, name: string) => Promise<unknown>,
  stage?: (parent: UpperDirectory) => Promise<void>,
): Promise<void> {
  for (;;) {
    const ready = await prepare(ctx, path);
    if (ready === again) continue;
    const { parent, name, hidden } = ready;
    await stage?.(parent);
    const outcome = await ctx.locks.shared([parent], async () => {
      if (!isStillAbsent(ctx, parent, name, hidden)) return again;
      const directory = ctx.tree.upperPath(parent);
      const acted = await reloadIfFailed(ctx, parent, () => ctx.work.inside(directory, false, () => act(`${directory}/${name}`, parent, name)));
      if (acted === again) return again;
      await appeared(ctx, parent, name);
      return directory;
    });
    if (outcome === again) continue;
    await ctx.work.syncDirectories(outcome);
    return;
  }
}

/**
 * What follows when a new name stands, under the same lock: its event, and the end of the whiteout that it made void.
 * @param under what it hides, when that was not whited out.
 */
export async function appeared(ctx: Context, parent: UpperDirectory, name: string, under = nothingUnder(parent, name)): Promise<void> {
  const path = ctx.tree.mergedPath(parent, name);
  if (!ctx.tree.isWhitedOut(parent, name)) ctx.origins.bare(path, under);
  ctx.events.queue("created", path);
  await ctx.work.inside(ctx.tree.upperPath(parent), false, () => removeVoidWhiteout(ctx, parent, name));
}

/** After a failed step a node is read again, so that the tree says what the disk says. */
export async function reloadIfFailed<T>(ctx: Context, directory: UpperDirectory, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    await ctx.tree.reload(directory);
    throw error;
  }
}

/** @throws Refusal EEXIST, ENOENT, ENOTDIR, EINVAL, EROFS; LayerError. */
export async function createDirectory(ctx: Context, path: OverlayPath, mode: number): Promise<void> {
  let staged: string | undefined;
  // Where a lower could have the name, now or later, the directory is opaque before it is seen (INV-9). That is asked of
  // the parent as it is at the moment of making: another one may have taken its path since the last look.
  const wantsMark = (parent: UpperDirectory) => parent.content?.below !== undefined;
  try {
    await make(ctx, path, async (target, parent, name) => {
      if (wantsMark(parent) && staged === undefined) return again;
      if (staged === undefined) await ctx.scratch.makeDirectory(target, mode);
      else {
        await inheritGroup(ctx, parent, staged, "directory");
        await ctx.work.moveDirectory(staged, target);
      }
      ctx.tree.addDirectory(parent, name, staged === undefined ? { kind: "plain" } : { kind: "opaque" }, undefined);
      staged = undefined;
      return undefined;
    }, async (parent) => {
      if (wantsMark(parent)) staged ??= await stageDirectory(ctx, mode);
    });
  } finally {
    if (staged !== undefined) await ctx.work.discardTree(staged);
  }
}

/** An empty opaque directory in work/; the umask applies to `mode`. */
export async function stageDirectory(ctx: Context, mode: number): Promise<string> {
  const staged = ctx.work.temp();
  await ctx.scratch.makeDirectory(staged, mode);
  try {
    await ctx.work.inside(staged, false, () => makeOpaque(ctx, staged));
    // btrfs forces the folder's name to the disk without what is in it.
    await ctx.work.syncDirectories(staged);
  } catch (error) {
    await ctx.work.discardTree(staged);
    throw error;
  }
  return staged;
}

/** Marks a directory of the scratch as opaque. No error when it is already. */
export async function makeOpaque(ctx: Context, directory: string): Promise<void> {
  try {
    await (await ctx.scratch.create(`${directory}/${opaqueMarker}`, 0o644)).close();
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
}

/** @throws Refusal EEXIST, ENOENT (also for an empty target), ENOTDIR, EINVAL, EROFS; LayerError. */
export async function symlink(ctx: Context, target: string, path: OverlayPath): Promise<void> {
  if (target === "") throw new Refusal("ENOENT");
  if (target.includes("\0")) throw new Refusal("EINVAL", "the target contains a NUL character");
  await make(ctx, path, async (at, parent, name) => {
    await ctx.scratch.makeSymlink(target, at);
    ctx.tree.add(parent, name, "symlink");
  });
}

/**
 * A second name for a file. The source is copied up first: a lower inode is never linked into upper (INV-1).
 * @throws Refusal EEXIST, ENOENT, EPERM (a directory), EROFS, EINVAL; LayerError.
 */
export async function link(ctx: Context, existing: OverlayPath, path: OverlayPath): Promise<void> {
  for (;;) {
    const found = await lookup(ctx, existing, { follow: false });
    if (found.kind === "outside") throw outsideRefusal(found.physical);
    if (found.kind === "absent") throw new Refusal("ENOENT");
    const ready = await prepare(ctx, path); // whatever refuses comes before anything is copied
    if (ready === again) continue;
    if (found.kind === "directory") throw new Refusal("EPERM", "a directory cannot have a second name");
    const source = await copyUp(ctx, existing, false);
    if (source.kind === "directory") continue;
    const { parent, name, hidden } = ready;
    const outcome = await ctx.locks.shared([source.directory, parent], async () => {
      const entry = ctx.tree.entry(source.directory, source.name);
      if (!ctx.tree.isAttached(source.directory) || entry === undefined || entry.node !== undefined) return again;
      if (!isStillAbsent(ctx, parent, name, hidden)) return again;
      const directory = ctx.tree.upperPath(parent);
      await reloadIfFailed(ctx, parent, () =>
        ctx.work.inside(directory, false, () => ctx.scratch.link(ctx.tree.entryPath(source.directory, source.name), `${directory}/${name}`)),
      );
      ctx.tree.add(parent, name, entry.type);
      await appeared(ctx, parent, name);
      return directory;
    });
    if (outcome === again) continue;
    await ctx.work.syncDirectories(outcome);
    return;
  }
}
