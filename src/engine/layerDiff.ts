/**
 * What one view shows against another one below it, as the layers between them tell: a walk of those layers, never of
 * the rest. Where both show the same folder of the same view, nothing beneath it can differ. Reads the disk, not the
 * tree, and takes no lock: it is a report, and what goes while it is made is left out.
 */
import { checkCancelled } from "./copyUpRegistry.js";
import type { Context } from "./context.js";
import { isCode } from "./errors.js";
import { isOfOneView, type LowerDirectory, type LowerFound, MarkedDirectory, MarkedView } from "./lowerView.js";
import { childPath, components, type OverlayPath } from "./paths.js";
import type { CancelSignal, Change } from "./types.js";

const width = 16;

/** Merged as a view: the upper as it is on the disk, read anew. */
export function mergedView(ctx: Context): LowerDirectory {
  return new MarkedView(ctx.scratch, "upper", ctx.lowerRoot, ctx.lowerMemory, ctx.tree.key).root;
}

/** At and beneath `path`, parents before children, names in order. @throws Refusal ECANCELED; LayerError. */
export async function changesBetween(ctx: Context, above: LowerDirectory, below: LowerDirectory, path: OverlayPath, signal?: CancelSignal): Promise<Change[]> {
  const all: Change[] = [];
  const diff = new Diff(ctx, below, all, signal);
  const names = components(path);
  const last = names.pop();
  if (last === undefined) {
    await diff.walk(above, "/" as OverlayPath, below);
    return all;
  }
  let now: LowerFound = { kind: "directory", directory: above };
  let at: OverlayPath = "/" as OverlayPath;
  for (const name of names) {
    if (now.kind !== "directory") return all;
    now = await now.directory.lookup(name);
    at = childPath(at, name);
  }
  if (now.kind === "directory") await diff.entry(now.directory, at, await diff.shownBy(now.directory), last);
  return all;
}

class Diff {
  constructor(private readonly ctx: Context, private readonly root: LowerDirectory, private readonly all: Change[], private readonly signal: CancelSignal | undefined) {}

  /** What the view below contributes to a folder: the folder of it that all layers between pass through to. */
  async shownBy(directory: LowerDirectory): Promise<LowerDirectory | undefined> {
    let at: LowerDirectory | undefined = directory;
    while (at !== undefined && !isOfOneView(at, this.root)) at = at instanceof MarkedDirectory ? (await at.load()).below : undefined;
    return at;
  }

  /** @param shown what the view below contributes to `directory`. */
  async walk(directory: LowerDirectory, path: OverlayPath, shown: LowerDirectory | undefined): Promise<void> {
    checkCancelled(this.signal);
    const names = [...(await this.namesAbove(directory))].sort();
    for (let i = 0; i < names.length; i += width) {
      for (const changes of await Promise.all(names.slice(i, i + width).map((name) => this.collect(directory, path, shown, name)))) this.all.push(...changes);
    }
  }

  private async collect(directory: LowerDirectory, path: OverlayPath, shown: LowerDirectory | undefined, name: string): Promise<Change[]> {
    const own: Change[] = [];
    await new Diff(this.ctx, this.root, own, this.signal).entry(directory, path, shown, name);
    return own;
  }

  /** The names of which a layer between the two views speaks. */
  private async namesAbove(directory: LowerDirectory): Promise<Set<string>> {
    const names = new Set<string>();
    let at: LowerDirectory | undefined = directory;
    try {
      while (at instanceof MarkedDirectory && !isOfOneView(at, this.root)) {
        const { children, whiteouts, below } = await at.load();
        for (const { name } of children.values()) names.add(name);
        for (const name of whiteouts) if (!children.has(name)) names.add(name);
        at = below;
      }
    } catch (error) {
      if (!isCode(error, "ENOENT", "ENOTDIR")) throw error; // moved or deleted meanwhile
    }
    return names;
  }

  async entry(directory: LowerDirectory, parent: OverlayPath, shown: LowerDirectory | undefined, name: string): Promise<void> {
    const path = childPath(parent, name);
    const now = await quietly(directory, name);
    const old = shown === undefined ? absent : await shown.lookup(name);
    if (now.kind === "absent") {
      if (old.kind !== "absent") this.all.push({ kind: "deleted", path, type: old.kind === "directory" ? "directory" : old.stat.type });
      return;
    }
    if (now.kind === "other") {
      const { type } = now.stat;
      if (old.kind === "absent") this.all.push({ kind: "added", path, type });
      else if (old.kind === "directory" || old.stat.type !== type) this.all.push({ kind: "replaced", path, type });
      else if (old.layer !== now.layer || old.layerPath !== now.layerPath) this.all.push({ kind: "copied", path, type });
      return;
    }
    const beneath = await this.shownBy(now.directory);
    const type = "directory";
    const natural = shown === undefined ? undefined : childPath(shown.path, name);
    if (beneath === undefined) this.all.push({ kind: old.kind === "absent" ? "added" : "replaced", path, type });
    else if (beneath.path !== natural) this.all.push({ kind: "renamed", path, type, from: beneath.path });
    await this.walk(now.directory, path, beneath);
  }
}

const absent: LowerFound = { kind: "absent" };

async function quietly(directory: LowerDirectory, name: string): Promise<LowerFound> {
  try {
    return await directory.lookup(name);
  } catch (error) {
    if (isCode(error, "ENOENT", "ENOTDIR")) return absent; // moved or deleted meanwhile
    throw error;
  }
}
