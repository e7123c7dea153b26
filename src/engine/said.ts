/**
 * What one layer with markers says, directory by directory, all of it in memory: of the upper as its tree has it, of a
 * frozen layer as one walk found it, kept as long as the layer is in the stack. Takes no lock but for loading nodes.
 */
import type { Context } from "./context.js";
import { codeOf, isCode } from "./errors.js";
import type { LowerLayer } from "./layer.js";
import { type MarkedShape, readMarked } from "./markers.js";
import { joinLayer } from "./paths.js";
import type { UpperDirectory } from "./tree.js";
import type { EntryType } from "./types.js";

export interface Said {
  /** By key (Tree.key), as are the whiteouts. */
  readonly children: ReadonlyMap<string, { readonly name: string; readonly type: EntryType; readonly said?: Said }>;
  readonly whiteouts: ReadonlySet<string>;
  readonly shape: MarkedShape;
  /** It cannot be read (a damaged redirect, a folder without permission): nothing of it can be seen in merged. */
  readonly fault?: string;
}

const nothing: Said = { children: new Map(), whiteouts: new Set(), shape: { kind: "opaque" } };
const width = 16;

/** The upper as it is now. Nodes that nobody has used yet are read. */
export async function saidByUpper(ctx: Context): Promise<Said> {
  return upperDirectory(ctx, ctx.tree.root);
}

async function upperDirectory(ctx: Context, node: UpperDirectory): Promise<Said> {
  if (node.content === undefined) {
    try {
      await ctx.tree.load(node, false);
    } catch (error) {
      return fault(error);
    }
  }
  const { content } = node;
  if (content === undefined) return nothing; // it went meanwhile
  const children = new Map<string, { name: string; type: EntryType; said?: Said }>();
  const folders: (readonly [key: string, name: string, node: UpperDirectory])[] = [];
  for (const [key, { name, type, node: child }] of content.children) {
    if (child === undefined) children.set(key, { name, type });
    else folders.push([key, name, child]);
  }
  const whiteouts = new Set(content.whiteouts);
  const { shape } = content;
  await some(folders, async ([key, name, child]) => {
    children.set(key, { name, type: "directory", said: await upperDirectory(ctx, child) });
  });
  return { children, whiteouts, shape };
}

/** The frozen layers, each read once. */
export class FrozenSaid {
  private readonly known = new Map<string, Promise<Said>>();

  constructor(private readonly ctx: Context) {}

  /** @param id what tells this layer from every other one, for ever. */
  get(id: string, layer: LowerLayer, root: string): Promise<Said> {
    let said = this.known.get(id);
    if (said === undefined) {
      said = this.read(layer, root).catch((error: unknown) => {
        this.known.delete(id); // a fault of the moment is not remembered
        throw error;
      });
      this.known.set(id, said);
    }
    return said;
  }

  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.known.keys()) if (!ids.has(id)) this.known.delete(id);
  }

  private async read(layer: LowerLayer, directory: string): Promise<Said> {
    const { env, tree } = this.ctx;
    const { children: listed, whiteouts, shape } = await readMarked(layer, directory, env);
    const children = new Map<string, { name: string; type: EntryType; said?: Said }>();
    await some(listed, async ({ name, type }) => {
      if (type !== "directory") children.set(tree.key(name), { name, type });
      else children.set(tree.key(name), { name, type, said: await this.read(layer, joinLayer(directory, name)).catch(fault) });
    });
    return { children, whiteouts: new Set(whiteouts.map(tree.key)), shape };
  }
}

function fault(error: unknown): Said {
  if (isCode(error, "ENOENT", "ENOTDIR")) return nothing; // it went meanwhile
  if (codeOf(error) === undefined) throw error;
  return { ...nothing, fault: error instanceof Error ? error.message : String(error) };
}

async function some<T>(items: readonly T[], each: (item: T) => Promise<void>): Promise<void> {
  for (let i = 0; i < items.length; i += width) await Promise.all(items.slice(i, i + width).map(each));
}
