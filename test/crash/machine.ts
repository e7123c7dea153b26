/**
 * What the death of the process leaves, without killing anything: the disk is copied before and after each call that
 * changes it, and each copy is opened as a new process would. A dead process changes nothing more, so these copies are
 * all that dying at any call can leave.
 */
import type { Overlay } from "../../src/engine/index.js";
import type { MemoryDisk, MemoryDiskOptions } from "../../src/host/memoryDisk.js";
import { MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { MemoryManifest } from "../../src/host/memoryManifest.js";
import { dump, snapshot } from "../../src/host/memoryTree.js";
import type { Hook } from "../support/layers/intercept.js";
import { fullTree, type Tree } from "../support/truth.js";
import { codeOf, passThrough, World } from "../support/world.js";
import { base, type Operation, scratch } from "./operations.js";

export async function newWorld(hook: Hook = passThrough, disk: MemoryDiskOptions = {}): Promise<World> {
  return World.create({ base, scratch, hook, disk });
}

export const show = (tree: Tree): string => Object.entries(tree).map(([path, what]) => `${path} ${what}`).join("\n");

/** Files with several names are changed in place: their content is exempt. */
const withoutShared = (text: string): string => text.replaceAll(/( x[2-9]) ".*"/g, "$1");

/** The trees that a crash during an operation may leave. `disk`: as it was before. */
export async function statesDuring({ replaces, parts = [] }: Operation, before: Tree, after: Tree, disk: MemoryDisk): Promise<Tree[]> {
  const states = [before, after];
  if (replaces !== undefined && before[replaces]?.startsWith("directory") === true) {
    states.push(Object.fromEntries(Object.entries(before).filter(([path]) => path !== replaces && !path.startsWith(`${replaces}/`))));
  }
  if (parts.length > 0) {
    const twin = await World.open(snapshot(disk));
    for (const part of parts) {
      await codeOf(part(twin.overlay));
      states.push(await fullTree(twin.overlay));
    }
  }
  return states;
}

/** The states that a crash during an operation may leave. */
export class Allowed {
  private readonly texts: Set<string>;

  private constructor(private readonly operation: Operation, states: readonly string[]) {
    this.texts = new Set(states.map((text) => this.fold(text)));
  }

  static async during(operation: Operation, before: Tree, after: Tree, disk: MemoryDisk): Promise<Allowed> {
    return new Allowed(operation, (await statesDuring(operation, before, after, disk)).map(show));
  }

  private fold(text: string): string {
    const counted = this.operation.linksVary === true ? text.replaceAll(/ x\d+ /g, " ") : text;
    return this.operation.inPlace === true ? withoutShared(counted) : counted;
  }

  has(tree: Tree): boolean {
    return this.texts.has(this.fold(show(tree)));
  }
}

export interface Remains {
  /** Which call of the operation that changes something, and on which side of it. */
  readonly where: string;
  readonly disk: MemoryDisk;
}

/** Copies the disk around every changing call, once for each different state. */
export function copying(): { hook: Hook; start(disk: MemoryDisk): void; stop(): Remains[] } {
  let disk: MemoryDisk | undefined;
  let remains: Remains[] = [];
  let seen = new Set<string>();
  let count = 0;
  const take = (where: string): void => {
    if (disk === undefined) return;
    const key = JSON.stringify(dump(disk, "/scratch", { modes: true }));
    if (seen.has(key)) return;
    seen.add(key);
    remains.push({ where, disk: snapshot(disk) });
  };
  return {
    hook: async (call, run) => {
      if (disk === undefined || !call.mutates) return run();
      const where = `${String(++count)}, ${call.name} ${call.path}`;
      take(`before ${where}`);
      try {
        return await run();
      } finally {
        take(`after ${where}`);
      }
    },
    start: (of) => {
      disk = of;
      remains = [];
      seen = new Set();
      count = 0;
    },
    stop: () => {
      disk = undefined;
      return remains;
    },
  };
}

/** Everything that must hold of what was left: a state that is allowed, swept, and good for further work. */
export async function faultsOf(disk: MemoryDisk, allowed: Allowed, thorough: boolean): Promise<string[]> {
  const world = await World.open(disk);
  const tree = await fullTree(world.overlay);
  const faults: string[] = [];
  if (!allowed.has(tree)) faults.push(`INV-8 it shows\n${show(tree)}`);
  await world.overlay.changes();
  if (thorough) faults.push(...(await worksOn(world.overlay, tree, disk.options.uid)));
  await world.overlay.dispose();
  const work = world.work();
  if (work.length > 0) faults.push(`work/ still holds ${work.join(", ")}`);
  faults.push(...(await strayLayers(disk)));
  return faults;
}

/** Whatever lies in layers/ is a snapshot, or can be brought back; and of those none is missing. */
async function strayLayers(disk: MemoryDisk): Promise<string[]> {
  const { snapshots, dropped } = await new MemoryManifest(new MemoryScratchLayer(disk, "/scratch")).read();
  const known = [...snapshots, ...dropped.flatMap((item) => [{ path: item.upper }, ...item.snapshots])].map(({ path }) => path.slice("layers/".length)).sort();
  const entries = disk.find("/scratch/layers", "test").entry === undefined ? {} : dump(disk, "/scratch/layers");
  const there = Object.keys(entries).filter((path) => !path.includes("/")).sort();
  return there.join() === known.join() ? [] : [`layers/ holds ${there.join(", ")}, and the manifest knows ${known.join(", ")}`];
}

/** Everything can be deleted, made anew where it was, and brought back. */
async function worksOn(overlay: Overlay, tree: Tree, uid: number): Promise<string[]> {
  const faults: string[] = [];
  const top = Object.keys(tree).filter((path) => path !== "/" && !path.slice(1).includes("/"));
  for (const path of top) {
    await overlay.remove(path, { recursive: true });
    await overlay.createDirectory(path);
    const listed = await overlay.readDirectory(path);
    if (listed.length > 0) faults.push(`INV-9 ${path}, made anew, holds ${listed.map(({ name }) => name).join(", ")}`);
  }
  await overlay.resetTo("base");
  const lower = show(await fullTree((await World.create({ base, disk: { uid } })).overlay));
  const now = show(await fullTree(overlay));
  if (now !== lower) faults.push(`after a reset of everything it shows\n${now}`);
  return faults;
}
