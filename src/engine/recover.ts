/**
 * Opening: what a crash left is put right before anything is served (INV-8), by the owner of the upper alone. Nothing
 * here has to be undone or redone: staged things are thrown away, void markers mean nothing, and a missing upper is a
 * change of the layers between its two renames: what the manifest says decides which upper takes its place.
 */
import { isCode, Refusal } from "./errors.js";
import type { Env, LayerDirent, LayerState, ScratchLayer } from "./layer.js";
import { noLayers } from "./layers.js";
import type { LowerDirectory } from "./lowerView.js";
import type { Workdir } from "./workdir.js";

/** @returns what can be removed later, when nobody waits. @throws Refusal EINVAL; LayerError. */
export async function recover(scratch: ScratchLayer, work: Workdir, lowerRoot: LowerDirectory, layers: LayerState = noLayers): Promise<string[]> {
  for (const name of ["work", "trash"]) await ensureDirectory(scratch, name);
  await refuseKernelUpper(scratch);
  await ensureUpper(scratch, work, lowerRoot, layers);
  // Out of the way now: later, one that is just being joined would look the same, and may have the same name.
  for (const path of await joinedInVain(scratch, layers)) await work.moveDirectory(path, work.temp());
  return work.sweep();
}

async function ensureDirectory(scratch: ScratchLayer, name: string): Promise<void> {
  try {
    await scratch.makeDirectory(name, 0o700);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
}

/** An empty upper looks like the root below it. Staged, so that it is there with the right mode or not at all. */
async function ensureUpper(scratch: ScratchLayer, work: Workdir, lowerRoot: LowerDirectory, layers: LayerState): Promise<void> {
  try {
    await scratch.lstat("upper");
    return;
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
  const waiting = await waitingUpper(scratch, layers);
  if (waiting !== undefined) {
    await work.moveDirectory(waiting, "upper");
    return;
  }
  const stat = await lowerRoot.stat();
  const staged = work.temp();
  await scratch.makeDirectory(staged, 0o700);
  await scratch.chmod(staged, stat.mode);
  await scratch.utimes(staged, stat.atimeMs, stat.mtimeMs);
  await scratch.rename(staged, "upper");
}

/**
 * Where the upper is when there is none: a layer with a number that the manifest has not given out is one whose change
 * was not decided, and goes back; else what the manifest itself names. (An unlisted layer is never deleted for being one.)
 */
async function waitingUpper(scratch: ScratchLayer, { next, restore }: LayerState): Promise<string | undefined> {
  const entries = await layersOnDisk(scratch);
  const numbers = entries.filter(({ name, type }) => type === "directory" && /^[1-9][0-9]*$/.test(name)).map(({ name }) => Number(name));
  const highest = Math.max(0, ...numbers);
  if (highest >= next) return `layers/${String(highest)}`;
  return entries.some(({ name, type }) => type === "directory" && `layers/${name}` === restore) ? restore : undefined;
}

/** Whatever the manifest says of them; none before the first snapshot or reset. */
async function layersOnDisk(scratch: ScratchLayer): Promise<readonly LayerDirent[]> {
  try {
    return (await scratch.readDirectory("layers")).entries;
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** What was joined and then not listed, because a crash came first: its layers are all there. */
export async function joinedInVain(scratch: ScratchLayer, { snapshots, dropped }: LayerState): Promise<string[]> {
  const known = new Set([...snapshots, ...dropped.flatMap((item) => item.snapshots)].map(({ path }) => path));
  const entries = await layersOnDisk(scratch);
  return entries.map(({ name }) => `layers/${name}`).filter((path) => /^layers\/j[0-9]+$/.test(path) && !known.has(path));
}

/**
 * The kernel's overlayfs marks opaque directories with xattrs, which cannot be read here: deleted files would come back.
 * It leaves a work/work without any permission bits (ovl_workdir_create, fs/overlayfs/super.c), or an index.
 */
async function refuseKernelUpper(scratch: ScratchLayer): Promise<void> {
  for (const name of ["work/work", "work/index"]) {
    try {
      const stat = await scratch.lstat(name);
      if (stat.type === "directory" && stat.mode === 0) {
        throw new Refusal("EINVAL", "the kernel's overlayfs has written to this overlay's upper folder, in a form that cannot be read here; export it from there, or reset");
      }
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
}

/** Removes what a crash left in work/. What is too old in the trash: dropped.ts. */
export async function clean(work: Workdir, env: Env, leftovers: readonly string[], others: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const path of leftovers) await work.discardTree(path);
  for (const tidy of others) {
    try {
      await tidy();
    } catch (error) {
      env.log("warn", `could not tidy what was dropped: ${String(error)}`);
    }
  }
}
