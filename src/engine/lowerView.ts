/**
 * What lies below the upper: a view of the base, or of a snapshot over the view below it, and so on down.
 * A redirect names a path in the view below the layer that holds it, so every view resolves its own (design, section 4).
 * Nothing here takes a lock: lowers do not change under us, except the base by other people's hands, which is why
 * what is known of a base directory is forgotten after a while and whenever a watcher says so.
 */
import { isCode, Refusal } from "./errors.js";
import type { Env, LayerDirent, LowerLayer } from "./layer.js";
import { type MarkedChild, readMarked, type MarkedShape } from "./markers.js";
import { ExpectedDirectory } from "./expectedDirectory.js";
import { childPath, components, joinLayer, type OverlayPath, rootPath } from "./paths.js";
import type { LayerStat } from "./types.js";

/** A lower entry that is no directory, with where its bytes are. */
export interface LowerFile {
  readonly kind: "other";
  readonly layer: LowerLayer;
  readonly layerPath: string;
  readonly stat: LayerStat;
}

export type LowerFound =
  | { readonly kind: "absent" }
  | LowerFile
  /** `stat` where the look that found it told. */
  | { readonly kind: "directory"; readonly directory: LowerDirectory; readonly stat?: LayerStat };

/** What a walk has to know of a component: a directory to go on in, or a symlink to follow. */
export type LowerStep =
  /** `sure`: asking the layer again would bring the same answer, as it remembers by itself. */
  | { readonly kind: "directory"; readonly directory: LowerDirectory; readonly sure?: true }
  | { readonly kind: "symlink"; readonly target: string };

export interface LowerListing {
  /** A fresh list for each call. */
  readonly entries: LayerDirent[];
  readonly undecodable: number;
}

/** A directory as a view shows it. */
export interface LowerDirectory {
  /** Its path in the view: what a redirect of the layer above would name. */
  readonly path: OverlayPath;
  lookup(name: string): Promise<LowerFound>;
  stat(): Promise<LayerStat>;
  list(): Promise<LowerListing>;
  /** What is known of a component without asking the disk. */
  peek(name: string): LowerStep | undefined;
  /** Makes sure that peek knows `name`, when it is a directory or a symlink. */
  learn(name: string): Promise<LowerFound>;
  /** Where the bytes of a file of this name are, should there be one, without a look; undefined where only a look can tell. */
  unseen(name: string): Pick<LowerFile, "layer" | "layerPath"> | undefined;
  /**
   * The directory `name`, taken for granted because upper has a copy of it: whether it is still there is found out when it is
   * used. Undefined where that is asked at once, because asking costs little.
   */
  expect?(name: string): LowerDirectory | undefined;
  /** Of one that was taken for granted: whether it is there. */
  isThere?(): Promise<boolean>;
}

const absent: LowerFound = { kind: "absent" };

/** How long, in ms, a base component is taken for the directory or symlink that it was. */
const trustMs = 2000;
/** How many components are remembered; past that all are forgotten, as memory must not grow with the base. */
const memoryLimit = 20_000;

/** Shared by all directories of an overlay's lowers: the budget of what is remembered, and one way to forget it all. */
export class LowerMemory {
  generation = 0;
  private count = 0;
  constructor(readonly env: Env) {}
  add(): void {
    if (++this.count > memoryLimit) this.forget();
  }
  forget(): void {
    this.generation++;
    this.count = 0;
  }
}

/** What one directory remembers of its components. */
class Steps {
  private readonly steps = new Map<string, { readonly step: LowerStep; readonly until: number }>();
  private generation = 0;
  constructor(private readonly memory: LowerMemory) {}

  get(name: string): LowerStep | undefined {
    if (this.generation !== this.memory.generation) return undefined;
    const known = this.steps.get(name);
    return known !== undefined && this.memory.env.now() < known.until ? known.step : undefined;
  }

  /** @param frozen the step rests on a layer that cannot change, so time alone does not make it doubtful. */
  set<S extends LowerStep>(name: string, step: S, frozen: boolean): S {
    if (this.generation !== this.memory.generation) {
      this.steps.clear();
      this.generation = this.memory.generation;
    }
    if (!this.steps.has(name)) this.memory.add();
    this.steps.set(name, { step, until: frozen ? Infinity : this.memory.env.now() + trustMs });
    return step;
  }
}

/** A directory of the base. The base is raw: nothing in it is ever a marker. */
export class BaseDirectory implements LowerDirectory {
  private readonly steps: Steps;

  constructor(
    private readonly layer: LowerLayer,
    private readonly layerPath: string,
    readonly path: OverlayPath,
    private readonly memory: LowerMemory,
  ) {
    this.steps = new Steps(memory);
  }

  // On the path of every stat of the base, so without an async frame of its own.
  lookup(name: string): Promise<LowerFound> {
    const layerPath = joinLayer(this.layerPath, name);
    return this.layer.lstat(layerPath).then((stat) => this.found(name, layerPath, stat), absentOrFault);
  }

  private found(name: string, layerPath: string, stat: LayerStat): LowerFound {
    if (stat.type !== "directory") return { kind: "other", layer: this.layer, layerPath, stat };
    const known = this.steps.get(name);
    const directory = known?.kind === "directory" ? known.directory : this.child(name);
    this.steps.set(name, { kind: "directory", directory, ...(this.layer.costly === true ? { sure: true } : {}) }, false);
    return { kind: "directory", directory, stat };
  }

  stat(): Promise<LayerStat> {
    return this.layer.lstat(this.layerPath);
  }

  list(): Promise<LowerListing> {
    return this.layer.readDirectory(this.layerPath);
  }

  peek(name: string): LowerStep | undefined {
    const known = this.steps.get(name);
    if (this.layer.costly !== true) return known;
    // What such a layer remembers is what it would answer, and it hears of changes first.
    if (this.layer.kindOf?.(joinLayer(this.layerPath, name)) !== "directory") return undefined;
    return known?.kind === "directory" ? known : this.steps.set(name, { kind: "directory", directory: this.child(name), sure: true }, false);
  }

  expect(name: string): LowerDirectory | undefined {
    return this.layer.costly === true ? new ExpectedDirectory(this, name) : undefined;
  }

  private child(name: string): BaseDirectory {
    return new BaseDirectory(this.layer, joinLayer(this.layerPath, name), childPath(this.path, name), this.memory);
  }

  async learn(name: string): Promise<LowerFound> {
    const found = await this.lookup(name);
    if (found.kind === "other" && found.stat.type === "symlink") {
      this.steps.set(name, { kind: "symlink", target: await this.layer.readLink(found.layerPath) }, false);
    }
    return found;
  }

  unseen(name: string): Pick<LowerFile, "layer" | "layerPath"> {
    return { layer: this.layer, layerPath: joinLayer(this.layerPath, name) };
  }
}

/** What a layer with markers says of one directory. */
export interface LoadedDirectory {
  /** By key: itself, or its lower case where case does not count. */
  readonly children: Map<string, MarkedChild>;
  /** Keys. */
  readonly whiteouts: Set<string>;
  readonly undecodable: number;
  readonly below: LowerDirectory | undefined;
}

/**
 * A directory of a view whose top layer has markers (a snapshot, or a lower given in the upper's format).
 * The layer is frozen, so one readdir of each directory is enough for good.
 */
export class MarkedDirectory implements LowerDirectory {
  private loading: Promise<LoadedDirectory> | undefined;
  private readonly steps: Steps;

  /**
   * @param layerPath where the layer has this directory; undefined when only the view below has it.
   * @param inherited what the parent's lower content has under this name.
   */
  constructor(
    readonly view: MarkedView,
    readonly layerPath: string | undefined,
    readonly path: OverlayPath,
    private readonly inherited: LowerDirectory | undefined,
  ) {
    this.steps = new Steps(view.memory);
  }

  load(): Promise<LoadedDirectory> {
    this.loading ??= this.read().catch((error: unknown) => {
      this.loading = undefined; // a fault of the moment is not remembered
      throw error;
    });
    return this.loading;
  }

  private async read(): Promise<LoadedDirectory> {
    if (this.layerPath === undefined) return { children: new Map(), whiteouts: new Set(), undecodable: 0, below: this.inherited };
    const listing = await readMarked(this.view.layer, this.layerPath, this.view.env);
    const { key } = this.view;
    return {
      children: new Map(listing.children.map((child) => [key(child.name), child])),
      whiteouts: new Set(listing.whiteouts.map(key)),
      undecodable: listing.undecodable,
      below: await lowerOf(listing.shape, this.inherited, this.view.below),
    };
  }

  async lookup(name: string): Promise<LowerFound> {
    const { children, whiteouts, below } = await this.load();
    const key = this.view.key(name);
    const child = children.get(key);
    if (child !== undefined && child.type !== "directory") {
      const layerPath = joinLayer(this.layerPath ?? "", child.name);
      const { layer } = this.view;
      return layer.lstat(layerPath).then((stat): LowerFound => ({ kind: "other", layer, layerPath, stat }), absentOrFault);
    }
    if (child === undefined && (whiteouts.has(key) || below === undefined)) return absent;
    const beneath = below === undefined ? absent : await below.lookup(name);
    if (child === undefined && beneath.kind !== "directory") return beneath;
    const known = this.steps.get(name);
    if (known?.kind === "directory") return known;
    const inherited = beneath.kind === "directory" ? beneath.directory : undefined;
    const layerPath = child === undefined ? undefined : joinLayer(this.layerPath ?? "", child.name);
    const directory = new MarkedDirectory(this.view, layerPath, childPath(this.path, child?.name ?? name), inherited);
    return this.steps.set(name, { kind: "directory", directory }, child !== undefined);
  }

  async stat(): Promise<LayerStat> {
    if (this.layerPath !== undefined) return this.view.layer.lstat(this.layerPath);
    if (this.inherited === undefined) throw new Refusal("ENOENT");
    return this.inherited.stat();
  }

  async list(): Promise<LowerListing> {
    const { children, whiteouts, below, undecodable } = await this.load();
    const beneath = below === undefined ? { entries: [], undecodable: 0 } : await below.list();
    const { key } = this.view;
    const entries = beneath.entries.filter(({ name }) => !whiteouts.has(key(name)) && !children.has(key(name)));
    for (const { name, type } of children.values()) entries.push({ name, type });
    return { entries, undecodable: undecodable + beneath.undecodable };
  }

  peek(name: string): LowerStep | undefined {
    return this.steps.get(name);
  }

  async learn(name: string): Promise<LowerFound> {
    const found = await this.lookup(name);
    if (found.kind === "other" && found.stat.type === "symlink") {
      this.steps.set(name, { kind: "symlink", target: await found.layer.readLink(found.layerPath) }, found.layer === this.view.layer);
    }
    return found;
  }

  unseen(): undefined {
    return undefined;
  }
}

/** A layer with markers and the view below it. */
export class MarkedView {
  readonly root: MarkedDirectory;
  readonly env: Env;
  /** @param key folds a name to what it is compared by: itself unless case does not count. */
  constructor(
    readonly layer: LowerLayer, layerRoot: string, readonly below: LowerDirectory, readonly memory: LowerMemory,
    readonly key: (name: string) => string = (name) => name,
  ) {
    this.env = memory.env;
    this.root = new MarkedDirectory(this, layerRoot, rootPath, below);
  }
}

/** Whether two directories are of the same view; what has no layer with markers is of the base. */
export function isOfOneView(a: LowerDirectory, b: LowerDirectory): boolean {
  if (b instanceof MarkedDirectory) return a instanceof MarkedDirectory && a.view === b.view;
  return !(a instanceof MarkedDirectory);
}

/**
 * The lower content of a directory that has this shape: none, what its parent's lower has under its name, or what
 * its redirect names in the view below.
 * @throws Refusal EIO when a redirect leads to no directory: a reported error, never a guess.
 */
export async function lowerOf(
  shape: MarkedShape, inherited: LowerDirectory | undefined, viewBelow: LowerDirectory,
): Promise<LowerDirectory | undefined> {
  switch (shape.kind) {
    case "opaque":
      return undefined;
    case "plain":
      return inherited;
    case "redirect": {
      let at = viewBelow;
      for (const name of components(shape.to)) {
        const found = await at.lookup(name);
        if (found.kind !== "directory") {
          throw new Refusal("EIO", `the folder was renamed from '${shape.to}', which is no longer a folder in the base; bring it back, or reset the folder`);
        }
        at = found.directory;
      }
      return at;
    }
  }
}

/** ENOTDIR is a fault here, not "absent": the parent is known to be a directory (INV-2). */
function absentOrFault(error: unknown): LowerFound {
  if (isCode(error, "ENOENT")) return absent;
  throw error;
}
