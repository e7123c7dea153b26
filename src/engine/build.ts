/** Puts the parts of the engine together over the ports that it is given. */
import type { OverlayOptions } from "./api.js";
import type { Context } from "./context.js";
import { BaseRoot } from "./baseRoot.js";
import { CopyUpRegistry } from "./copyUpRegistry.js";
import { EventQueue } from "./events.js";
import { Hasher } from "./hasher.js";
import { Inodes } from "./inodes.js";
import type { BaseLayer, Env, LowerLayer, ManifestPort, OutsideReader, ScratchLayer } from "./layer.js";
import { Layers } from "./layers.js";
import { Locks } from "./locks.js";
import { BaseDirectory, type LowerDirectory, LowerMemory, MarkedView } from "./lowerView.js";
import { Origins } from "./origins.js";
import { rootPath } from "./paths.js";
import { Staleness } from "./staleness.js";
import { Trash } from "./trash.js";
import { Tree } from "./tree.js";
import { Workdir } from "./workdir.js";

export interface OverlayParts {
  readonly base: BaseLayer;
  /** Read-only layers in the upper's format between the snapshots and the base, topmost first. */
  readonly lowers?: readonly LowerLayer[];
  readonly scratch: ScratchLayer;
  /** What is known of the layers, kept where a crash cannot halve it. */
  readonly manifest: ManifestPort;
  readonly outside: OutsideReader;
  readonly env: Env;
  readonly options?: OverlayOptions;
}

/** Nothing of the disk is touched here. */
export function build(parts: OverlayParts): Context {
  const { base, scratch, outside, env, options = {} } = parts;
  const durability = options.durability ?? "data";
  const readOnly = options.readOnly ?? false;
  const lowerMemory = new LowerMemory(env);
  const key: (name: string) => string = (options.caseSensitive ?? true) ? (name) => name : (name) => name.toLowerCase();
  let bottom: LowerDirectory = new BaseDirectory(base.layer, "", rootPath, lowerMemory);
  for (const layer of [...(parts.lowers ?? [])].reverse()) bottom = new MarkedView(layer, "", bottom, lowerMemory, key).root;
  const layers = new Layers(parts.manifest, scratch, bottom, lowerMemory, key);
  const locks = new Locks();
  const work = new Workdir(scratch, env, durability);
  const origins = new Origins(scratch, env, readOnly);
  const ctx: Context = {
    base, lowers: parts.lowers ?? [], scratch, outside, env, durability, lowerMemory, locks, layers, work,
    get lowerRoot() {
      return layers.root;
    },
    baseRoot: new BaseRoot(base),
    trash: new Trash(scratch, work, env, layers),
    tree: new Tree(scratch, locks, layers, env, options.caseSensitive ?? true),
    registry: new CopyUpRegistry(),
    inodes: new Inodes(),
    origins,
    hasher: new Hasher(env, origins, () => layers.root),
    staleness: new Staleness(env),
    events: new EventQueue(env),
  };
  // A costly base is not read in the background: of it, size and time alone tell.
  if (base.layer.costly !== true) ctx.origins.onNew = (origin) => { ctx.hasher.add(origin); };
  return ctx;
}
