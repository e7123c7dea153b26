/**
 * Where what each layer has on the disk is seen in merged, decided in memory: by the rules of lookup.ts and lowerView.ts,
 * turned round, for who meets the layers' files on the disk (ripgrep) and wants to know which of them merged shows, and
 * under which path. Costs what the upper and the frozen layers hold, whatever the size of the base; of the base nothing
 * is read. Takes no lock: it is how things stood when it was asked for.
 *
 * A layer's folder that is seen as a whole at one place is an **area**: its root at "/", and each target of a redirect at
 * the place of the renamed folder. Within an area paths differ by what leads to it alone, and what is not seen is told by
 * the layers above, directory by directory.
 */
import type { Context } from "./context.js";
import { Refusal } from "./errors.js";
import { lookup, placePath } from "./lookup.js";
import { isReserved } from "./markers.js";
import { childPath, components, joinLayer, type OverlayPath, rootPath } from "./paths.js";
import { FrozenSaid, type Said, saidByUpper } from "./said.js";

/**
 * Which layer, and where it is: `path` in the scratch; `index` in the lowers that were given when it was opened. `whole`
 * is no layer but a folder on the disk (absolute) that shows merged itself, as a mount does.
 */
export type LayerPlace =
  | { readonly kind: "upper"; readonly path: "upper" }
  | { readonly kind: "snapshot"; readonly path: string }
  | { readonly kind: "lower"; readonly index: number }
  | { readonly kind: "base" }
  | { readonly kind: "whole"; readonly path: string };

/** A directory of an area, as merged shows it. */
export interface ShownDirectory {
  readonly path: string;
  /** Everything of this layer here is what merged shows: `shows` need not be asked. */
  readonly showsAll: boolean;
  /** Whether what this layer has here under this name, other than a directory, is what merged shows. */
  shows(name: string): boolean;
}

export interface Area {
  readonly layer: LayerPlace;
  /** The folder in the layer: "" is its root, "a/b". It need not exist, where the base has moved. */
  readonly from: string;
  /** The folder in merged. */
  readonly path: string;
  /** It is known that there is nothing in it. Never of the base's, which is not looked at. */
  readonly isEmpty: boolean;
  /**
   * Paths below the area's folder of which nothing is seen, and that may be folders with much in them: need not be looked
   * at. Some name what is not there; where a file stands in the place of another, that is not among them.
   */
  readonly hidden: readonly string[];
  /** A directory that the layer has at this path below the area's folder ("" is itself); undefined where it is not seen. */
  directory(path: string): ShownDirectory | undefined;
}

export interface Whereabouts {
  /** The folder that was asked for, with symlinks resolved. */
  readonly folder: string;
  /** Upper first, base last. Whatever merged shows in the folder is in exactly one of them. */
  readonly areas: readonly Area[];
  /** The folders of merged in which a layer above the base has, or hides, one of these names. */
  mentions(names: ReadonlySet<string>): readonly string[];
  /** The regular files that layers above the base show in the folder. They are in memory: the disk need not be asked. */
  ownFiles(): Iterable<string>;
  /** What cannot be read, and so is not seen. */
  readonly faults: readonly { readonly path: string; readonly reason: string }[];
}

/** Where merged stands as a whole on the disk, the folder that is asked for at `physical`: nothing of it is hidden, or elsewhere. */
export function shownWhole(physical: string, folder: string): Whereabouts {
  const below = (path: string): string => (path === "" ? folder : `${folder === "/" ? "" : folder}/${path}`);
  const area: Area = {
    layer: { kind: "whole", path: physical }, from: "", path: folder, isEmpty: false, hidden: [],
    directory: (path) => ({ path: below(path), showsAll: true, shows: () => true }),
  };
  return { folder, areas: [area], mentions: () => [], ownFiles: () => [], faults: [] };
}

/** A directory of the view at a level (0 is merged, the last is the base): what it has there, and of the view below. */
interface View {
  readonly level: number;
  readonly said?: Said | undefined;
  /** In the layer of this level; undefined when only a view below has it. */
  readonly from?: string | undefined;
  readonly below?: View | undefined;
}

interface Layer {
  readonly place: LayerPlace;
  /** Undefined for the base, which says nothing. */
  readonly said: Said | undefined;
}

/** Whatever decides what a survey says. */
interface Basis {
  readonly version: number;
  readonly snapshots: Context["layers"]["state"]["snapshots"];
  readonly folder: OverlayPath;
}

export class WhereaboutsOf {
  private readonly frozen: FrozenSaid;
  /** The last one, which the next search wants again when nothing was changed meanwhile, as while a query is typed. */
  private last: { readonly basis: Basis; readonly survey: Survey } | undefined;

  constructor(private readonly ctx: Context) {
    this.frozen = new FrozenSaid(ctx);
  }

  /** @throws Refusal ENOENT, ENOTDIR, ELOOP; ENOTSUP for a folder that lies outside the base; LayerError. */
  async in(folder: OverlayPath): Promise<Whereabouts> {
    const { ctx } = this;
    const found = await lookup(ctx, folder, { follow: true });
    if (found.kind === "outside") throw new Refusal("ENOTSUP", "the folder is a link that leads out of the base");
    if (found.kind === "absent") throw new Refusal("ENOENT");
    if (found.kind !== "directory") throw new Refusal("ENOTDIR");
    const basis: Basis = { version: ctx.tree.version, snapshots: ctx.layers.state.snapshots, folder: placePath(found.place) };
    const { last } = this;
    if (last !== undefined && isSame(last.basis, basis)) return last.survey.again();
    const survey = new Survey(await this.layers(), ctx.tree.key, basis.folder);
    // A fault may be one of the moment. What changed meanwhile may be in it or not: the basis is that of before.
    this.last = survey.faults.length === 0 ? { basis, survey } : undefined;
    return survey.again();
  }

  private async layers(): Promise<Layer[]> {
    const { ctx } = this;
    const { snapshots } = ctx.layers.state;
    const layers: Layer[] = [];
    for (const { path } of snapshots) {
      layers.push({ place: { kind: "snapshot", path }, said: await this.frozen.get(path, ctx.scratch, path) });
    }
    for (const [index, layer] of ctx.lowers.entries()) {
      layers.push({ place: { kind: "lower", index }, said: await this.frozen.get(`/${String(index)}`, layer, "") });
    }
    // The upper last: what is said is as new as can be, and no snapshot was taken between.
    const upper = await saidByUpper(ctx);
    if (ctx.layers.state.snapshots !== snapshots) return this.layers();
    this.frozen.keepOnly(new Set([...snapshots.map(({ path }) => path), ...ctx.lowers.map((_, index) => `/${String(index)}`)]));
    return [{ place: { kind: "upper", path: "upper" }, said: upper }, ...layers, { place: { kind: "base" }, said: undefined }];
  }
}

function isSame(a: Basis, b: Basis): boolean {
  return a.version === b.version && a.snapshots === b.snapshots && a.folder === b.folder;
}

/** One walk over what the layers say at and beneath a folder. */
class Survey {
  readonly areas: AreaOf[] = [];
  readonly faults: { path: string; reason: string }[] = [];
  /** What each layer says of each folder, with what those above it say of the same one. */
  private readonly spoken: { readonly path: string; readonly said: Said; readonly above: readonly Said[] }[] = [];

  constructor(private readonly layers: readonly Layer[], readonly key: (name: string) => string, readonly folder: OverlayPath) {
    let view: View | undefined = this.root(0);
    let path: OverlayPath = rootPath;
    for (const name of components(folder)) {
      view = view === undefined ? undefined : this.enter(view, name);
      path = childPath(path, name);
    }
    if (view === undefined) return; // it went meanwhile
    this.walk(view, folder, this.contributions(view, folder, new Map(), ""));
    this.areas.sort((a, b) => a.level - b.level);
  }

  /** For one search: what its areas remember of the base's folders goes with it, however many those are. */
  again(): Whereabouts {
    const { folder, faults } = this;
    return { folder, faults, areas: this.areas.map((area) => area.again()), mentions: (names) => this.mentions(names), ownFiles: () => this.ownFiles() };
  }

  layer(level: number): LayerPlace {
    return this.layers[level]?.place ?? { kind: "base" };
  }

  mentions(names: ReadonlySet<string>): string[] {
    const found = new Set<string>();
    for (const { path, said } of this.spoken) {
      for (const name of names) {
        const key = this.key(name);
        if (said.children.has(key) || said.whiteouts.has(key)) found.add(path);
      }
    }
    return [...found];
  }

  *ownFiles(): Iterable<string> {
    for (const { path, said, above } of this.spoken) {
      for (const [key, { name, type }] of said.children) {
        if (type === "file" && !above.some(({ children, whiteouts }) => children.has(key) || whiteouts.has(key))) yield childPath(path, name);
      }
    }
  }

  private root(level: number): View {
    const said = this.layers[level]?.said;
    if (said === undefined) return { level, from: "" };
    return { level, said, from: "", below: this.root(level + 1) };
  }

  /** The directory of this name, if there can be one. What the base has is not known, and taken for a directory. */
  enter({ level, said, from, below }: View, name: string): View | undefined {
    if (level === this.layers.length - 1) return { level, from: joinLayer(from ?? "", name) };
    const key = this.key(name);
    const child = said?.children.get(key);
    if (child === undefined) {
      if (below === undefined || said?.whiteouts.has(key) === true) return undefined;
      const inner = this.enter(below, name);
      return inner === undefined ? undefined : { level, below: inner };
    }
    if (child.said === undefined) return undefined;
    return { level, said: child.said, from: joinLayer(from ?? "", child.name), below: this.below(child.said, level, below, name) };
  }

  private below({ shape }: Said, level: number, below: View | undefined, name: string): View | undefined {
    switch (shape.kind) {
      case "opaque":
        return undefined;
      case "plain":
        return below === undefined ? undefined : this.enter(below, name);
      case "redirect": {
        let at: View | undefined = this.root(level + 1);
        for (const part of components(shape.to)) at = at === undefined ? undefined : this.enter(at, part);
        return at;
      }
    }
  }

  /** The areas that contribute to a directory, by level; those that its parent does not have begin here. */
  private contributions(view: View, path: OverlayPath, parent: ReadonlyMap<number, Contribution>, name: string): Map<number, Contribution> {
    const found = new Map<number, Contribution>();
    for (let at: View | undefined = view; at !== undefined; at = at.below) {
      if (at.from === undefined) continue;
      const above = parent.get(at.level);
      if (above !== undefined && this.key(at.from) === this.key(joinLayer(above.from, name))) {
        found.set(at.level, { area: above.area, within: joinLayer(above.within, name), from: at.from });
      } else {
        const area = new AreaOf(this, at.level, at.from, path, view);
        this.areas.push(area);
        found.set(at.level, { area, within: "", from: at.from });
      }
    }
    return found;
  }

  private walk(view: View, path: OverlayPath, here: ReadonlyMap<number, Contribution>): void {
    const seen = new Set<string>();
    const above: Said[] = [];
    for (let at: View | undefined = view; at !== undefined; at = at.below) {
      const { said } = at;
      if (said === undefined) continue;
      if (said.fault !== undefined) this.faults.push({ path, reason: said.fault });
      this.spoken.push({ path, said, above: [...above] });
      above.push(said);
      for (const [key, { name, type }] of said.children) {
        if (seen.has(key)) continue;
        seen.add(key);
        const inner = this.enter(view, name);
        const inside = childPath(path, name);
        const there = inner === undefined ? undefined : this.contributions(inner, inside, here, name);
        for (const [level, { area, within }] of here) {
          if (type !== "file" && level > at.level && there?.get(level)?.area !== area) area.hidden.push(joinLayer(within, name));
        }
        if (inner !== undefined && there !== undefined) this.walk(inner, inside, there);
      }
      for (const key of said.whiteouts) {
        if (seen.has(key)) continue;
        seen.add(key);
        for (const [level, { area, within }] of here) if (level > at.level) area.hidden.push(joinLayer(within, key));
      }
    }
  }
}

interface Contribution {
  readonly area: AreaOf;
  /** Below the area's folder, and in the layer. */
  readonly within: string;
  readonly from: string;
}

class AreaOf implements Area {
  readonly isEmpty: boolean;
  private readonly known = new Map<string, ShownView | undefined>();

  constructor(
    private readonly survey: Survey, readonly level: number, readonly from: string, readonly path: OverlayPath, private readonly view: View,
    readonly hidden: string[] = [],
  ) {
    this.known.set("", new ShownView(survey, level, path, view));
    let own: View | undefined = view;
    while (own !== undefined && own.level < level) own = own.below;
    this.isEmpty = own?.said?.children.size === 0;
  }

  again(): AreaOf {
    return new AreaOf(this.survey, this.level, this.from, this.path, this.view, this.hidden);
  }

  get layer(): LayerPlace {
    return this.survey.layer(this.level);
  }

  directory(path: string): ShownDirectory | undefined {
    return this.find(path);
  }

  private find(path: string): ShownView | undefined {
    if (this.known.has(path)) return this.known.get(path);
    const slash = path.lastIndexOf("/");
    const parent = this.find(slash < 0 ? "" : path.slice(0, slash));
    const found = parent?.enter(path.slice(slash + 1), this.survey.key(joinLayer(this.from, path)));
    this.known.set(path, found);
    return found;
  }
}

class ShownView implements ShownDirectory {
  /** What the layers above say of it; nothing in most. */
  private readonly above: readonly Said[];
  private readonly isBase: boolean;

  constructor(private readonly survey: Survey, private readonly level: number, readonly path: OverlayPath, private readonly view: View) {
    this.isBase = survey.layer(level).kind === "base";
    const above: Said[] = [];
    for (let at: View | undefined = view; at !== undefined && at.level < level; at = at.below) if (at.said !== undefined) above.push(at.said);
    this.above = above;
  }

  get showsAll(): boolean {
    return this.above.length === 0 && this.isBase;
  }

  shows(name: string): boolean {
    if (!this.isBase && isReserved(name)) return false;
    if (this.above.length === 0) return true;
    const key = this.survey.key(name);
    for (const { children, whiteouts } of this.above) if (children.has(key) || whiteouts.has(key)) return false; // asked for each file of a search
    return true;
  }

  /** @param from the key of the path that it must have in the layer, so that it is this one that is seen. */
  enter(name: string, from: string): ShownView | undefined {
    const inner = this.survey.enter(this.view, name);
    for (let at = inner; at !== undefined; at = at.below) {
      if (at.level !== this.level) continue;
      if (at.from === undefined || this.survey.key(at.from) !== from || inner === undefined) return undefined;
      const key = this.survey.key(name);
      const named = this.above.map(({ children }) => children.get(key)?.name).find((own) => own !== undefined);
      return new ShownView(this.survey, this.level, childPath(this.path, named ?? name), inner);
    }
    return undefined;
  }
}
