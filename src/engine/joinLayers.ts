/**
 * Builds, in work/ and out of frozen layers, one layer that shows what they show over the view below them: files as hard
 * links, or as copies (clones where the filesystem can) when what comes of it is to be written again. Nothing is locked.
 * Markers: a whiteout or an opaque mark stays while something lies below it, a redirect names what it leads to in the
 * view below all that is joined (design, section 4). What the changes rest on is joined with them (deepOrigins.ts).
 */
import type { Context } from "./context.js";
import { checkCancelled } from "./copyUpRegistry.js";
import { copyWithin } from "./copyWithin.js";
import { makeOpaque } from "./create.js";
import { DeepOrigins } from "./deepOrigins.js";
import { isCode, Refusal } from "./errors.js";
import { isOfOneView, type LoadedDirectory, type LowerDirectory, type LowerFound, MarkedDirectory } from "./lowerView.js";
import { redirectMarker, whiteoutName } from "./markers.js";
import type { Line } from "./originRecords.js";
import { childPath, joinLayer } from "./paths.js";
import { chownIfAllowed, type CopyOptions } from "./stage.js";
import type { EntryType } from "./types.js";

/** What one of the joined layers says of a folder. */
interface Part {
  readonly directory: MarkedDirectory;
  readonly layerPath: string;
  readonly content: LoadedDirectory;
}

export class Joining {
  /** What the origins journal of the joined layer says. */
  readonly lines: Line[] = [];
  private readonly origins: DeepOrigins;

  constructor(
    private readonly ctx: Context, private readonly below: LowerDirectory, private readonly options: CopyOptions, private readonly files: "linked" | "copied",
  ) {
    this.origins = new DeepOrigins(ctx, below);
  }

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
        else {
          await (this.files === "linked" ? this.link(joinLayer(layerPath, name), `${out}/${name}`) : copyWithin(this.ctx, joinLayer(layerPath, name), `${out}/${name}`, this.options));
          await this.record(directory, name);
        }
      }
      for (const key of content.whiteouts) {
        if (done.has(key)) continue;
        done.add(key);
        const hidden: LowerFound = end === undefined ? { kind: "absent" } : await end.lookup(key);
        if (hidden.kind === "absent") continue;
        await (await ctx.scratch.create(`${out}/${whiteoutName(key)}`, 0o644)).close();
        await this.record(directory, key, hidden.kind === "directory" ? "directory" : hidden.stat.type);
      }
    }
    if (mark === "opaque") await makeOpaque(ctx, out);
    else if (mark !== "none") await this.redirect(`${out}/${redirectMarker}`, mark.redirect);
    if (ctx.durability !== "none") await ctx.scratch.syncDirectory(out);
    await chownIfAllowed(ctx, stat, (uid, gid) => ctx.scratch.chown(out, uid, gid));
    await ctx.scratch.chmod(out, stat.mode);
    await ctx.scratch.utimes(out, stat.atimeMs, stat.mtimeMs);
    if (ctx.durability !== "none") await this.sync(out);
  }

  /** Its mode, too: a file system that does not keep its changes in order may show the name before it. */
  private async sync(directory: string): Promise<void> {
    try {
      await this.ctx.scratch.syncDirectory(directory);
    } catch (error) {
      if (!isCode(error, "EACCES")) throw error; // its mode forbids its owner to read it
    }
  }

  private async child(parent: LowerDirectory, name: string, out: string, parentEnd: LowerDirectory | undefined): Promise<void> {
    const found = await parent.lookup(name);
    if (found.kind !== "directory") throw new Refusal("EIO", `the snapshot's folder '${childPath(parent.path, name)}' is no folder any more`);
    const { end } = await this.partsOf(found.directory);
    const natural = parentEnd === undefined ? undefined : childPath(parentEnd.path, name);
    const mark = end === undefined ? (parentEnd === undefined ? "none" : "opaque") : end.path === natural ? "none" : { redirect: end.path };
    await this.directory(found.directory, out, mark);
    if (mark === "opaque") await this.record(parent, name, "directory");
  }

  /** @param hides of a name that hides something: its type. */
  private async record(directory: LowerDirectory, name: string, hides?: EntryType): Promise<void> {
    const found = await this.origins.of(directory, name);
    if (found?.kind !== "record") return;
    const { origin, hash } = found;
    const path = childPath(directory.path, name);
    if ("type" in origin) this.lines.push({ hide: path, was: origin });
    else this.lines.push(hides === undefined ? { set: path, from: origin } : { hide: path, was: { ...origin, type: hides } });
    if (hash !== undefined) this.lines.push({ hash: origin.lower, of: hash });
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
      await copyWithin(ctx, from, to, this.options);
    }
  }
}
