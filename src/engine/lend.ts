/**
 * The upper in another tool's hands: a fuse-overlayfs mount writes it, and this engine does not. Lending puts it into
 * plain form; while it is lent nothing that is remembered of it is trusted, and nothing in it is changed here. What
 * `keepAside` does touches work/ and trash/ alone, which the other tool never sees. Back: takeBack.ts.
 */
import type { Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { isCode, Refusal } from "./errors.js";
import { flatten } from "./flatten.js";
import { lookup } from "./lookup.js";
import { childPath, type OverlayPath, rootPath } from "./paths.js";
import { readlink } from "./read.js";
import { isWhiteout, opaqueMarker } from "./markers.js";
import { plainLayers } from "./plainLayers.js";
import { listPlace } from "./readdir.js";
import type { CopyOptions } from "./stage.js";
import { type DropKind, trashedPath } from "./trash.js";
import type { UpperEntry } from "./tree.js";

/**
 * INV-1: a path of its own resolves absolute links by itself. One that names the base leads past the overlay there, and
 * what is written through it would change the base. `allowed`: the caller has said that nobody will.
 * @returns the layers below the upper, in plain form: layer paths in the scratch, topmost first.
 * @throws Refusal EXDEV, naming the first such link, and what flatten throws.
 */
export async function lend(ctx: Context, options: CopyOptions & { readonly allowLinksToBase?: boolean }): Promise<readonly string[]> {
  if (options.allowLinksToBase !== true) await refuseLinksToBase(ctx, rootPath, options);
  await flatten(ctx, options);
  const lowers = await plainLayers(ctx, options);
  await ctx.origins.flush();
  forget(ctx);
  return lowers;
}

/** What was remembered of the upper is another tool's to change. */
export function forget(ctx: Context): void {
  ctx.tree.forget();
  ctx.lowerMemory.forget();
}

async function refuseLinksToBase(ctx: Context, path: OverlayPath, options: CopyOptions): Promise<void> {
  checkCancelled(options.signal);
  const found = await lookup(ctx, path, { follow: false });
  if (found.kind !== "directory") return;
  for (const { name, type } of (await listPlace(ctx, found.place)).entries) {
    const child = childPath(path, name);
    try {
      if (type === "directory") await refuseLinksToBase(ctx, child, options);
      else if (type === "symlink" && leadsToBase(ctx, await readlink(ctx, child))) {
        throw new Refusal("EXDEV", `'${child}' is a symbolic link with the absolute path of the base in it: in a mounted overlay it would lead past the overlay into the base itself`);
      }
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR")) throw error; // deleted meanwhile
    }
  }
}

function leadsToBase({ base }: Context, target: string): boolean {
  return [base.given, base.real].some((root) => target === root || target.startsWith(`${root}/`));
}

/**
 * Keeps what upper has at a path in the trash, before the tool that has the upper drops it: files under a further name,
 * so that it costs no data. Undefined, with nothing done, when upper has nothing there.
 * @throws LayerError ENOTSUP where there are no hard links.
 */
export async function keepAside(ctx: Context, path: OverlayPath, what: DropKind): Promise<string | undefined> {
  const found = await lookup(ctx, path, { follow: false });
  let entry: UpperEntry;
  if (found.kind === "upper") ({ entry } = found);
  else if (found.kind === "directory" && found.place.upper !== undefined && path !== "/") entry = { name: found.place.name, type: "directory", node: found.place.upper };
  else return undefined;
  const staged = ctx.work.temp();
  try {
    await linkTree(ctx, `upper${path}`, staged, entry.type === "directory");
    const id = await ctx.trash.keep(staged, entry, { path, what });
    await ctx.trash.written();
    ctx.origins.move(path, trashedPath(id), entry.node !== undefined);
    return id;
  } catch (error) {
    await ctx.work.discardTree(staged);
    throw error;
  }
}

async function linkTree(ctx: Context, from: string, to: string, directory: boolean, isInOpaque = false): Promise<void> {
  if (!directory) return ctx.scratch.link(from, to);
  const stat = await ctx.scratch.lstat(from);
  await ctx.scratch.makeDirectory(to, 0o700);
  const { entries } = await ctx.scratch.readDirectory(from);
  const hides = isInOpaque || entries.some(({ name }) => name === opaqueMarker);
  // What the mount alone needs (src/mount/veil.ts) does not come back.
  for (const { name, type } of entries) if (!hides || !isWhiteout(name)) await linkTree(ctx, `${from}/${name}`, `${to}/${name}`, type === "directory", hides);
  await ctx.scratch.chmod(to, stat.mode);
  await ctx.scratch.utimes(to, stat.atimeMs, stat.mtimeMs);
}
