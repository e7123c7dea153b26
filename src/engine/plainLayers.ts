/**
 * The snapshots in a form that another tool reads as merged shows them: those that hold redirects, names beside their own
 * whiteouts, or opaque folders over folders of the layers below, are written out anew beside the layers, the rest hand over
 * what they are. Opaque folders are no matter of form: fuse-overlayfs finds what they hide (src/mount/veil.ts), and nobody
 * may put into a snapshot what makes up for that. What a redirected folder shows is copied, everything else is a second name
 * of what is there, as nobody writes to a lower layer. In `plain/`, which means nothing to anybody else: thrown away when the
 * upper comes back, and before it is made again.
 */
import type { Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { makeOpaque } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import type { LowerLayer } from "./layer.js";
import type { LowerDirectory, LowerFile, LowerFound } from "./lowerView.js";
import { readMarked, whiteoutName } from "./markers.js";
import { childPath, joinLayer } from "./paths.js";
import { chownIfAllowed, type CopyOptions, stageCopy } from "./stage.js";
import type { LayerStat } from "./types.js";

const plainFolder = "plain";
/** How often a file that changes while it is copied is copied again. */
const patience = 5;

/** A layer that is read, and where in it. */
interface Below {
  readonly layer: LowerLayer;
  readonly root: string;
}

/** Whether a layer path that was lent is of a copy that means nothing to the overlay. */
export function isWrittenOut(path: string): boolean {
  return path.startsWith(`${plainFolder}/`);
}

/** Layer paths in the scratch, topmost first. @throws Refusal ENOTSUP (a special file in a renamed folder), ECANCELED; LayerError. */
export async function plainLayers(ctx: Context, options: CopyOptions): Promise<readonly string[]> {
  await dropPlainLayers(ctx);
  const paths: string[] = [];
  for (const { id, path } of [...ctx.layers.state.snapshots].reverse()) {
    const below = [...paths.map((root) => ({ layer: ctx.scratch, root })), { layer: ctx.base.layer, root: "" }];
    if (await isPlain(ctx, path, "", below, options)) {
      paths.unshift(path);
      continue;
    }
    await ctx.scratch.makeDirectory(plainFolder, 0o700).catch((error: unknown) => { if (!isCode(error, "EEXIST")) throw error; });
    const out = `${plainFolder}/${path.slice(path.lastIndexOf("/") + 1)}`;
    await writeMarked(ctx, path, ctx.layers.view(id), out, options);
    paths.unshift(out);
  }
  return paths;
}

export async function dropPlainLayers(ctx: Context): Promise<void> {
  await ctx.work.discardTree(plainFolder);
}

async function isPlain(ctx: Context, layer: string, path: string, below: readonly Below[], options: CopyOptions): Promise<boolean> {
  checkCancelled(options.signal);
  const { children, whiteouts, shape } = await readMarked(ctx.scratch, beneath(layer, path), ctx.env);
  if (shape.kind === "opaque" && (await isFolderIn(below, path))) return false;
  if (shape.kind === "redirect" || whiteouts.some((name) => children.some((child) => child.name === name))) return false;
  for (const { name, type } of children) if (type === "directory" && !(await isPlain(ctx, layer, joinLayer(path, name), below, options))) return false;
  return true;
}

function beneath(root: string, path: string): string {
  return path === "" ? root : joinLayer(root, path);
}

/** Or a link, which may lead to one. */
async function isFolderIn(layers: readonly Below[], path: string): Promise<boolean> {
  for (const { layer, root } of layers) {
    try {
      const { type } = await layer.lstat(beneath(root, path));
      if (type === "directory" || type === "symlink") return true;
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR")) throw error;
    }
  }
  return false;
}

/** A folder of a layer, which `view` shows. */
async function writeMarked(ctx: Context, layer: string, view: LowerDirectory, out: string, options: CopyOptions): Promise<void> {
  checkCancelled(options.signal);
  const { children, whiteouts, shape } = await readMarked(ctx.scratch, layer, ctx.env);
  if (shape.kind === "redirect") return writeWhole(ctx, view, out, options);
  await ctx.scratch.makeDirectory(out, 0o700);
  const names = new Set(children.map(({ name }) => name));
  for (const name of whiteouts) if (!names.has(name)) await (await ctx.scratch.create(`${out}/${whiteoutName(name)}`, 0o644)).close();
  if (shape.kind === "opaque") await makeOpaque(ctx, out);
  for (const { name, type } of children) {
    const from = joinLayer(layer, name);
    if (type !== "directory") await ctx.scratch.link(from, `${out}/${name}`);
    else await writeMarked(ctx, from, directoryOf(view, name, await view.lookup(name)), `${out}/${name}`, options);
  }
  await finish(ctx, out, await ctx.scratch.lstat(layer));
}

/** All that a folder shows, hiding what lies below. */
async function writeWhole(ctx: Context, view: LowerDirectory, out: string, options: CopyOptions): Promise<void> {
  checkCancelled(options.signal);
  await ctx.scratch.makeDirectory(out, 0o700);
  await makeOpaque(ctx, out);
  for (const { name } of (await view.list()).entries) {
    const found = await view.lookup(name);
    if (found.kind === "directory") await writeWhole(ctx, found.directory, `${out}/${name}`, options);
    else if (found.kind === "other") await copyFile(ctx, found, `${out}/${name}`, options);
  }
  await finish(ctx, out, await view.stat());
}

async function copyFile(ctx: Context, file: LowerFile, out: string, options: CopyOptions): Promise<void> {
  for (let attempt = 0; attempt < patience; attempt++) {
    const staged = await stageCopy(ctx, file, options);
    if (staged === undefined) continue;
    await ctx.scratch.rename(staged.path, out);
    return;
  }
  throw new Refusal("EBUSY", `'${file.layerPath}' of a lower layer changes all the time`);
}

function directoryOf(parent: LowerDirectory, name: string, found: LowerFound): LowerDirectory {
  if (found.kind === "directory") return found.directory;
  throw new Refusal("EIO", `the snapshot's folder '${childPath(parent.path, name)}' is no folder any more`);
}

async function finish(ctx: Context, out: string, stat: LayerStat): Promise<void> {
  await chownIfAllowed(ctx, stat, (uid, gid) => ctx.scratch.chown(out, uid, gid));
  await ctx.scratch.chmod(out, stat.mode);
  await ctx.scratch.utimes(out, stat.atimeMs, stat.mtimeMs);
}
