/**
 * Opening: what a crash left is put right before anything is served (INV-8), by the owner of the upper alone. Nothing
 * here has to be undone or redone: staged things are thrown away, void markers mean nothing, and a missing upper is a
 * reset between its two renames, whose outcome is an empty one.
 */
import { isCode, Refusal } from "./errors.js";
import type { Env, ScratchLayer } from "./layer.js";
import type { LowerDirectory } from "./lowerView.js";
import type { Workdir } from "./workdir.js";

/** How long, in ms, what was deleted or reset is kept in the trash. */
const trashMs = 7 * 24 * 60 * 60 * 1000;

/** @returns what can be removed later, when nobody waits. @throws Refusal EINVAL; LayerError. */
export async function recover(scratch: ScratchLayer, work: Workdir, lowerRoot: LowerDirectory): Promise<string[]> {
  for (const name of ["work", "trash"]) await ensureDirectory(scratch, name);
  await refuseKernelUpper(scratch);
  await ensureUpper(scratch, work, lowerRoot);
  return work.sweep();
}

async function ensureDirectory(scratch: ScratchLayer, name: string): Promise<void> {
  try {
    await scratch.makeDirectory(name, 0o700);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
}

/** An empty upper looks like the base's root. Staged, so that it is there with the right mode or not at all. */
async function ensureUpper(scratch: ScratchLayer, work: Workdir, lowerRoot: LowerDirectory): Promise<void> {
  try {
    await scratch.lstat("upper");
    return;
  } catch (error) {
    if (!isCode(error, "ENOENT")) throw error;
  }
  const stat = await lowerRoot.stat();
  const staged = work.temp();
  await scratch.makeDirectory(staged, 0o700);
  await scratch.chmod(staged, stat.mode);
  await scratch.utimes(staged, stat.atimeMs, stat.mtimeMs);
  await scratch.rename(staged, "upper");
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

/** Removes what a crash left in work/, and what has been in the trash for too long. */
export async function clean(scratch: ScratchLayer, work: Workdir, env: Env, leftovers: readonly string[]): Promise<void> {
  for (const path of leftovers) await work.discardTree(path);
  try {
    const { entries } = await scratch.readDirectory("trash");
    for (const { name } of entries) {
      const path = `trash/${name}`;
      // A rename sets ctime: that is when it came here.
      if (env.now() - (await scratch.lstat(path)).ctimeMs > trashMs) await work.discardTree(path);
    }
  } catch (error) {
    env.log("warn", `could not tidy the trash: ${String(error)}`);
  }
}
