/**
 * What a change rests on, seen through snapshots: the record that the lowest of the layers has of it, as that one was
 * made from what lies below them all. Each layer has records of its own (origins.<n>), which name paths of the view below
 * it. Advisory, as all of it is; takes no lock.
 */
import type { Context } from "./context.js";
import { isOfOneView, type LowerDirectory, MarkedDirectory } from "./lowerView.js";
import { mergedView } from "./mergedView.js";
import type { ContentHash, Origin, Records, Under } from "./originRecords.js";
import { childPath, components, type OverlayPath } from "./paths.js";
import type { OriginFile } from "./types.js";

export type Deep =
  /** No layer above says anything of the name: it is that of the view below, at `lower`. */
  | { readonly kind: "through"; readonly lower: OverlayPath }
  | { readonly kind: "record"; readonly origin: Origin | Under; readonly hash: ContentHash | undefined };

export class DeepOrigins {
  private readonly records = new Map<string, Promise<Records>>();

  /** @param below the view that the records are to be about. */
  constructor(private readonly ctx: Context, private readonly below: LowerDirectory) {}

  /** Of a name in a folder of any view above. Undefined where nothing is known. */
  async of(directory: LowerDirectory, name: string): Promise<Deep | undefined> {
    if (!(directory instanceof MarkedDirectory) || isOfOneView(directory, this.below)) return { kind: "through", lower: childPath(directory.path, name) };
    const { children, whiteouts, below } = await directory.load();
    const key = directory.view.key(name);
    if (!children.has(key) && !whiteouts.has(key)) return below === undefined ? undefined : this.of(below, name);
    const records = await this.recordsOf(directory);
    const own = records.restsOn(childPath(directory.path, name), below === undefined ? undefined : childPath(below.path, name));
    if (own === undefined) return undefined;
    const deeper = await this.at(directory.view.below, own.lower);
    if (deeper === undefined) return undefined;
    if (deeper.kind === "through") return { kind: "record", origin: { ...own, lower: deeper.lower }, hash: records.hashes.get(own.lower) };
    if (!("type" in own) || "type" in deeper.origin || own.type === "nothing") return deeper;
    return { ...deeper, origin: { ...deeper.origin, type: own.type } };
  }

  /** Of a path, from the root of a view on. */
  async at(root: LowerDirectory, path: OverlayPath): Promise<Deep | undefined> {
    const names = components(path);
    const last = names.pop();
    let at = root;
    for (const name of names) {
      const found = await at.lookup(name);
      if (found.kind !== "directory") return undefined;
      at = found.directory;
    }
    return last === undefined ? undefined : this.of(at, last);
  }

  private recordsOf({ view }: MarkedDirectory): Promise<Records> {
    const layer = view.root.layerPath ?? "";
    const known = this.records.get(layer) ?? (layer === "upper" ? this.ctx.origins.records() : this.ctx.origins.recordsBeside(layer));
    this.records.set(layer, known);
    return known;
  }
}

/** The entry of a view below that what merged shows at a path was copied from, as it was then. */
export async function originIn(ctx: Context, path: OverlayPath, below: LowerDirectory): Promise<Origin | undefined> {
  if (!(ctx.lowerRoot instanceof MarkedDirectory) || isOfOneView(ctx.lowerRoot, below)) return ctx.origins.get(path);
  const deep = await new DeepOrigins(ctx, below).at(mergedView(ctx), path);
  return deep?.kind === "record" && !("type" in deep.origin) ? deep.origin : undefined;
}

/**
 * The file of the base that the change at a path was made from. Undefined where that was none, or where its content was
 * not hashed before it went: then nothing can be told from it.
 */
export async function originFile(ctx: Context, path: OverlayPath): Promise<OriginFile | undefined> {
  const deep = await new DeepOrigins(ctx, ctx.layers.view("base")).at(mergedView(ctx), path);
  if (deep?.kind !== "record") return undefined;
  const { origin: { lower, size, mtimeNs }, hash } = deep;
  if (hash?.size !== size || hash.mtimeNs !== mtimeNs) return undefined;
  return { lower, size: Number(size), is: (content) => content.length === Number(size) && ctx.env.digest(content) === hash.is };
}
