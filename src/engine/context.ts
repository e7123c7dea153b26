/** What the parts of the engine share: the ports, the tree, the locks. Built once in overlay.ts; holds no logic. */
import type { BaseRoot } from "./baseRoot.js";
import type { CopyUpRegistry } from "./copyUpRegistry.js";
import type { EventQueue } from "./events.js";
import type { Hasher } from "./hasher.js";
import type { Inodes } from "./inodes.js";
import type { BaseLayer, Env, LowerLayer, OutsideReader, ScratchLayer } from "./layer.js";
import type { Layers } from "./layers.js";
import type { Locks } from "./locks.js";
import type { LowerDirectory, LowerMemory } from "./lowerView.js";
import type { Origins } from "./origins.js";
import type { Staleness } from "./staleness.js";
import type { Trash } from "./trash.js";
import type { Tree } from "./tree.js";
import type { Durability } from "./types.js";
import type { Workdir } from "./workdir.js";

export interface Context {
  readonly base: BaseLayer;
  readonly baseRoot: BaseRoot;
  /** Read-only layers that were given over the base, topmost first. */
  readonly lowers: readonly LowerLayer[];
  readonly scratch: ScratchLayer;
  readonly outside: OutsideReader;
  readonly env: Env;
  readonly durability: Durability;
  /** The view right below the upper: `layers.root`, which a snapshot or a reset of layers replaces. */
  readonly lowerRoot: LowerDirectory;
  readonly layers: Layers;
  readonly trash: Trash;
  readonly lowerMemory: LowerMemory;
  readonly tree: Tree;
  readonly locks: Locks;
  readonly work: Workdir;
  readonly registry: CopyUpRegistry;
  readonly inodes: Inodes;
  readonly origins: Origins;
  readonly hasher: Hasher;
  readonly staleness: Staleness;
  readonly events: EventQueue;
}

/** What a step that was overtaken by another operation says: nothing was done, look up and start again. */
export const again = Symbol("again");
export type Again = typeof again;
