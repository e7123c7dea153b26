/**
 * Snapshots that lie on each other become one with the same merged result. The new layer is built in work/ out of hard
 * links, while nothing is locked (the layers are frozen), and listed in the place of the old ones by one change of the
 * manifest (INV-8). Cost in proportion to what is joined. It keeps the topmost's id and name: what lies on it, and what
 * was dropped from there, sees no difference. Markers: a whiteout or an opaque mark stays while something lies below it,
 * a redirect names what it leads to in the view below all that is joined (design, section 4).
 */
import type { Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { makeOpaque } from "./create.js";
import { isCode, Refusal } from "./errors.js";
import type { SnapshotRecord } from "./layer.js";
import { stackOf } from "./layers.js";
import { isOfOneView, type LoadedDirectory, type LowerDirectory, MarkedDirectory } from "./lowerView.js";
import { redirectMarker, whiteoutName } from "./markers.js";
import { childPath, joinLayer } from "./paths.js";
import { publicSnapshot } from "./snapshot.js";
import { chownIfAllowed, copyBytes, type CopyOptions } from "./stage.js";
import type { Snapshot } from "./types.js";

/**
 * @param ids which; all without.
 * @throws Refusal ENOENT, EINVAL (fewer than two, or not adjacent), ECANCELED, EBUSY (the layers changed meanwhile); LayerError.
 */
export async function squash(ctx: Context, ids: readonly string[] | undefined, options: CopyOptions): Promise<Snapshot> {
  const { snapshots } = ctx.layers.state;
  const wanted = ids ?? snapshots.map(({ id }) => id);
  const at = [...new Set(wanted.map((id) => ctx.layers.indexOf(id)))].sort((a, b) => a - b);
  const [first] = at;
  if (first === undefined || at.length < 2) throw new Refusal("EINVAL", "it takes two snapshots to join");
  if (at.some((index, i) => index !== first + i)) throw new Refusal("EINVAL", "only snapshots that lie on each other can be joined: one lies between these");
  const joined = snapshots.slice(first, first + at.length);
  const [top] = joined;
  const bottom = joined.at(-1);
  if (top === undefined || bottom === undefined) throw new Refusal("EINVAL");
  const root = ctx.layers.view(top.id);
  const staged = ctx.work.temp();
  let listed = false;
  try {
    await new Joining(ctx, ctx.layers.viewBelow(bottom.id), options).directory(root, staged, "none");
    checkCancelled(options.signal);
    const record = await list(ctx, staged, joined, top);
    listed = true;
    return publicSnapshot(record);
  } catch (error) {
    if (isCode(error, "ENOENT") && stackOf(ctx.layers.state) !== stackOf({ ...ctx.layers.state, snapshots })) throw changed();
    throw error;
  } finally {
    if (!listed) await ctx.work.discardTree(staged);
  }
}

const changed = () => new Refusal("EBUSY", "the snapshots changed while they were joined; try again");

/** The one step. The old layers are named for deletion with it, so that no crash leaves them for good. */
async function list(ctx: Context, staged: string, joined: readonly SnapshotRecord[], top: SnapshotRecord): Promise<SnapshotRecord> {
  return ctx.layers.turn.runExclusive(async () => {
    const { state } = ctx.layers;
    const first = state.snapshots.findIndex(({ id }) => id === top.id);
    if (first < 0 || joined.some(({ id, path }, i) => state.snapshots[first + i]?.id !== id || state.snapshots[first + i]?.path !== path)) throw changed();
    const record = { ...top, path: `layers/j${String(state.next)}` };
    await ctx.locks.exclusive(async () => {
      await ctx.work.moveDirectory(staged, record.path);
      const next = {
        ...state, next: state.next + 1, snapshots: [...state.snapshots.slice(0, first), record, ...state.snapshots.slice(first + joined.length)],
        doomed: [...state.doomed, ...joined.map(({ path }) => path)],
      };
      try {
        await ctx.scratch.syncDirectory("layers");
        await ctx.layers.commit(next);
      } catch (error) {
        await ctx.work.moveDirectory(record.path, staged);
        throw error;
      }
      // The upper's directories find out anew what they merge: nothing of it looks different. The old layers go later,
      // when nobody reads from them any more (Keeper).
      ctx.layers.use(next);
      try {
        await ctx.tree.refreshBelow(ctx.tree.root);
      } catch (error) {
        ctx.env.log("warn", `read anew after snapshots were joined: ${String(error)}`);
        ctx.tree.forget(); // a fault of the moment: whoever looks there next meets it, or does not
      }
    });
    return record;
  });
}

/** What one of the joined layers says of a folder. */
interface Part {
  readonly directory: MarkedDirectory;
  readonly layerPath: string;
  readonly content: LoadedDirectory;
}

class Joining {
  constructor(private readonly ctx: Context, private readonly below: LowerDirectory, private readonly options: CopyOptions) {}

  /** The parts of a folder, topmost first, and the folder of the view below that they end on. */
  private async partsOf(directory: LowerDirectory): Promise<{ parts: Part[]; end: LowerDirectory | undefined }> {
    const parts: Part[] = [];
    let at: LowerDirectory | undefined = directory;
    while (at instanceof MarkedDirectory && !isOfOneView(at, this.below)) {
      const content = await at.load();
      if (at.layerPath !== undefined) parts.push({ directory: at, layerPath: at.layerPath, content });
      at = content.below;
    }
    return { parts, end: at };
  }

  /** Builds the joined folder at `out`. @param mark what it must say of itself. */
  async directory(directory: LowerDirectory, out: string, mark: "none" | "opaque" | { readonly redirect: string }): Promise<void> {
    checkCancelled(this.options.signal);
    const { ctx } = this;
    const { parts, end } = await this.partsOf(directory);
    const stat = await directory.stat();
    await ctx.scratch.makeDirectory(out, 0o700);
    const done = new Set<string>();
    for (const { content, layerPath } of parts) {
      for (const [key, { name, type }] of content.children) {
        if (done.has(key)) continue;
        done.add(key);
        if (type === "directory") await this.child(directory, name, `${out}/${name}`, end);
        else await this.link(joinLayer(layerPath, name), `${out}/${name}`);
      }
      for (const key of content.whiteouts) {
        if (done.has(key)) continue;
        done.add(key);
        const hidden = end === undefined ? { kind: "absent" } : await end.lookup(key);
        if (hidden.kind !== "absent") await (await ctx.scratch.create(`${out}/${whiteoutName(key)}`, 0o644)).close();
      }
    }
    if (mark === "opaque") await makeOpaque(ctx, out);
    else if (mark !== "none") await this.redirect(`${out}/${redirectMarker}`, mark.redirect);
    if (ctx.durability !== "none") await ctx.scratch.syncDirectory(out);
    await chownIfAllowed(ctx, stat, (uid, gid) => ctx.scratch.chown(out, uid, gid));
    await ctx.scratch.chmod(out, stat.mode);
    await ctx.scratch.utimes(out, stat.atimeMs, stat.mtimeMs);
  }

  private async child(parent: LowerDirectory, name: string, out: string, parentEnd: LowerDirectory | undefined): Promise<void> {
    const found = await parent.lookup(name);
    if (found.kind !== "directory") throw new Refusal("EIO", `the snapshot's folder '${childPath(parent.path, name)}' is no folder any more`);
    const { end } = await this.partsOf(found.directory);
    const natural = parentEnd === undefined ? undefined : childPath(parentEnd.path, name);
    const mark = end === undefined ? (parentEnd === undefined ? "none" : "opaque") : end.path === natural ? "none" : { redirect: end.path };
    await this.directory(found.directory, out, mark);
  }

  /** Nothing is seen of it until the whole is listed, so it is written in its place. On the disk whatever the durability. */
  private async redirect(path: string, to: string): Promise<void> {
    const file = await this.ctx.scratch.create(path, 0o644);
    try {
      await file.write(this.ctx.env.encode(to), 0);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** A second name, or a copy where there are no hard links. */
  private async link(from: string, to: string): Promise<void> {
    const { ctx } = this;
    try {
      await ctx.scratch.link(from, to);
    } catch (error) {
      if (!isCode(error, "ENOTSUP", "EMLINK")) throw error;
      await this.copy(from, to);
    }
  }

  private async copy(from: string, to: string): Promise<void> {
    const { ctx, options } = this;
    const stat = await ctx.scratch.lstat(from);
    if (stat.type === "symlink") {
      await ctx.scratch.makeSymlink(await ctx.scratch.readLink(from), to);
      await ctx.scratch.utimes(to, stat.atimeMs, stat.mtimeMs);
      return;
    }
    const source = await ctx.scratch.openRead(from);
    try {
      const file = await ctx.scratch.create(to, 0o600);
      try {
        await copyBytes(source, file, stat.size, options);
        await chownIfAllowed(ctx, stat, (uid, gid) => file.chown(uid, gid));
        await file.chmod(stat.mode);
        await file.utimes(stat.atimeMs, stat.mtimeMs);
        if (ctx.durability !== "none") await file.sync();
      } finally {
        await file.close();
      }
    } finally {
      await source.close();
    }
  }
}
