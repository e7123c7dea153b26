/**
 * What one view shows against another one below it, as the layers between them tell: a walk of those layers, never of
 * the rest. A file whose records say that it came from elsewhere is renamed. Where both show the same folder of the same view, nothing beneath it can differ. Reads the disk, not the
 * tree, and takes no lock: it is a report, and what goes while it is made is left out.
 */
import { checkCancelled } from "./copyUpRegistry.js";
import type { Context } from "./context.js";
import { DeepOrigins } from "./deepOrigins.js";
import { isCode } from "./errors.js";
import { atLower } from "./lowerContent.js";
import { isOfOneView, type LowerDirectory, type LowerFound, MarkedDirectory } from "./lowerView.js";
import { childPath, components, type OverlayPath } from "./paths.js";
import { isStale } from "./stale.js";
import type { CancelSignal, Change, EntryType, LayerStat } from "./types.js";

const width = 16;

export interface ChangesOptions {
  readonly signal?: CancelSignal | undefined;
  /** Also the folders that both sides have and that have another mode: as copied. */
  readonly folders?: boolean | undefined;
  /** With the changes' `lower`. */
  readonly stats?: boolean | undefined;
}

/** What `stats` asks for. In a renamed folder the look was at another path, `natural`. */
export function seen({ stats }: ChangesOptions, path: OverlayPath, natural: OverlayPath | undefined, lower: LowerFound): { readonly lower?: LayerStat } {
  return stats === true && natural === path && lower.kind !== "absent" && lower.stat !== undefined ? { lower: lower.stat } : {};
}

/** At and beneath `path`, parents before children, names in order. @throws Refusal ECANCELED; LayerError. */
export async function changesBetween(ctx: Context, above: LowerDirectory, below: LowerDirectory, path: OverlayPath, options: ChangesOptions = {}): Promise<Change[]> {
  const all: Change[] = [];
  const diff = new Diff(ctx, below, all, new DeepOrigins(ctx, below), options);
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
  constructor(
    private readonly ctx: Context, private readonly root: LowerDirectory, private readonly all: Change[], private readonly origins: DeepOrigins, private readonly options: ChangesOptions,
  ) {}

  /** What the view below contributes to a folder: the folder of it that all layers between pass through to. */
  async shownBy(directory: LowerDirectory): Promise<LowerDirectory | undefined> {
    let at: LowerDirectory | undefined = directory;
    while (at !== undefined && !isOfOneView(at, this.root)) at = at instanceof MarkedDirectory ? (await at.load()).below : undefined;
    return at;
  }

  /** @param shown what the view below contributes to `directory`. */
  async walk(directory: LowerDirectory, path: OverlayPath, shown: LowerDirectory | undefined): Promise<void> {
    checkCancelled(this.options.signal);
    const names = [...(await this.namesAbove(directory))].sort();
    for (let i = 0; i < names.length; i += width) {
      for (const changes of await Promise.all(names.slice(i, i + width).map((name) => this.collect(directory, path, shown, name)))) this.all.push(...changes);
    }
  }

  private async collect(directory: LowerDirectory, path: OverlayPath, shown: LowerDirectory | undefined, name: string): Promise<Change[]> {
    const own: Change[] = [];
    await new Diff(this.ctx, this.root, own, this.origins, this.options).entry(directory, path, shown, name);
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
    const natural = shown === undefined ? undefined : childPath(shown.path, name);
    const lower = seen(this.options, path, natural, old);
    if (now.kind === "absent") {
      if (old.kind !== "absent") this.all.push({ kind: "deleted", path, type: typeOf(old), ...(await this.rests(directory, name, natural, old)).stale, ...lower });
      return;
    }
    if (now.kind === "other") {
      if (old.kind === "other" && old.layer === now.layer && old.layerPath === now.layerPath) return;
      const { type } = now.stat;
      const { from, stale } = await this.rests(directory, name, natural, old);
      if (from !== undefined) this.all.push({ kind: "renamed", path, type, from, ...stale, ...lower });
      else if (old.kind === "absent") this.all.push({ kind: "added", path, type, ...stale });
      else this.all.push({ kind: typeOf(old) === type ? "copied" : "replaced", path, type, ...stale, ...lower });
      return;
    }
    const beneath = await this.shownBy(now.directory);
    const type = "directory";
    if (beneath === undefined) this.all.push({ kind: old.kind === "absent" ? "added" : "replaced", path, type, ...(await this.rests(directory, name, natural, old)).stale, ...lower });
    else if (beneath.path !== natural) this.all.push({ kind: "renamed", path, type, from: beneath.path });
    else if (this.options.folders === true && (await now.directory.stat()).mode !== (await beneath.stat()).mode) this.all.push({ kind: "copied", path, type });
    await this.walk(now.directory, path, beneath);
  }

  /** Where a file came from when that is elsewhere, and whether what the change was made from is another by now. */
  private async rests(directory: LowerDirectory, name: string, natural: OverlayPath | undefined, old: LowerFound): Promise<{ from?: OverlayPath; stale: { stale?: true } }> {
    const deep = await this.origins.of(directory, name);
    if (deep?.kind !== "record") return { stale: {} };
    const { origin } = deep;
    const isMoved = origin.lower !== natural;
    if (isMoved && "type" in origin) return { stale: {} };
    const lower = isMoved ? await atLower(this.root, origin.lower) : old;
    const stale = (await isStale(this.ctx, (path) => (path === origin.lower ? deep.hash : undefined), origin, lower, this.options.signal)) ? { stale: true as const } : {};
    return isMoved ? { from: origin.lower, stale } : { stale };
  }
}

function typeOf(found: Exclude<LowerFound, { kind: "absent" }>): EntryType {
  return found.kind === "directory" ? "directory" : found.stat.type;
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
