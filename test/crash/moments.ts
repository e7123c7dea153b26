/**
 * What a worker's overlay showed at each moment, known from the same operations on a disk in memory; and whether what a
 * power cut has left is one of those moments (INV-8).
 */
import { createHash } from "node:crypto";
import { snapshot } from "../../src/host/memoryTree.js";
import type { Durability } from "../../src/engine/index.js";
import { fullTree, type Tree } from "../support/truth.js";
import { codeOf, type PlantedTree, World } from "../support/world.js";
import { show, statesDuring } from "./machine.js";
import { partsOf, perform, type Work } from "./work.js";

export interface Done {
  readonly work: Work;
  /** What the worker was told; undefined for what was under way when it died. */
  readonly code: string | undefined;
}

/** So many operations were surely done at a cut, so many at most had begun. */
export interface Window {
  readonly done: number;
  readonly begun: number;
}

const digest = (tree: Tree): string => createHash("sha1").update(show(tree)).digest("hex");

/**
 * Without what was appended to a file: that happens in place and is exempt from "whole", so that any part of it may be
 * missing or zero. What the file was before is not exempt. A worker's whole files hold no "+" but at their start.
 */
const withoutAppended = (what: string): string => what.replace(/^(file \S+ \S+ x\d+ ".)(.*?)(?:\+|\\u0000)(?:[+\d]|\\u0000)*"$/s, '$1$2"');

/** Files have a second name for a while after snapshots were joined. */
function singly(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).map(([path, what]) => [path, what.replace(/^(file \S+ \S+) x\d+ /, "$1 x1 ")]));
}

function folded(tree: Tree, only?: string): Tree {
  return Object.fromEntries(Object.entries(tree).map(([path, what]) => [path, only === undefined || only === path ? withoutAppended(what) : what]));
}

interface Moment {
  /** The tree when it was done. */
  readonly tree: Tree;
  readonly after: string;
  /** What was there until it ended. */
  readonly always: ReadonlySet<string>;
  /** Digests of the trees that a cut may leave while this operation is under way, its end included. */
  readonly exact: ReadonlySet<string>;
  readonly folded: ReadonlySet<string>;
  /** The file that it appends to, and the digests with that one folded. */
  readonly appends?: { readonly path: string; readonly folded: ReadonlySet<string> };
}

export class Moments {
  private constructor(
    private readonly moments: readonly Moment[], private readonly history: readonly Done[],
    /** All that any name has ever been. */
    private readonly had: ReadonlySet<string>, readonly first: Tree,
  ) {}

  static async replay(base: PlantedTree, history: readonly Done[]): Promise<Moments> {
    const model = await World.create({ base, disk: { uid: 0 } });
    const had = new Set<string>();
    const remember = (states: readonly Tree[]): void => {
      for (const tree of states) for (const what of Object.values(tree)) had.add(withoutAppended(what));
    };
    const first = singly(await fullTree(model.overlay));
    remember([first]);
    // The moment before any operation is its own.
    const moments: Moment[] = [{ tree: first, after: digest(first), always: new Set(Object.keys(first)), exact: new Set([digest(first)]), folded: new Set([digest(folded(first))]) }];
    let before = first;
    for (const [n, { work, code }] of history.entries()) {
      const disk = snapshot(model.disk);
      const got = await codeOf(perform(model.overlay, work));
      if (code !== undefined && code !== got) throw new Error(`operation ${String(n)}, ${JSON.stringify({ ...work, text: "" })}: the worker was told ${code}, the model ${got}`);
      const after = singly(await fullTree(model.overlay));
      const states = (await statesDuring({ name: work.kind, run: (o) => perform(o, work), parts: partsOf(work), ...(work.kind === "rename" ? { replaces: work.to } : {}) }, before, after, disk)).map(singly);
      remember(states);
      moments.push({
        tree: after,
        after: digest(after),
        always: new Set(Object.keys(before).filter((path) => states.every((tree) => path in tree))),
        exact: new Set(states.map(digest)),
        folded: new Set(states.map((tree) => digest(folded(tree)))),
        ...(work.kind === "append" ? { appends: { path: work.path, folded: new Set(states.map((tree) => digest(folded(tree, work.path)))) } } : {}),
      });
      before = after;
    }
    return new Moments(moments, history, had, first);
  }

  /**
   * What is wrong with a tree that a cut has left, in words.
   * @param ordered whether the file system keeps its changes in order, so that without any sync it shows an earlier moment. btrfs does not:
   *   a file that was synced once takes its later names along, into folders that are where they were before.
   */
  faultsOf(found: Tree, durability: Durability, ordered: boolean, { done, begun }: Window): string[] {
    const faults: string[] = [];
    const tree = singly(found);
    const begunMoments = this.moments.slice(0, begun + 1);
    const seen = digest(durability === "full" ? tree : folded(tree));
    if (durability === "full") {
      // What was done is there; of what was under way, before or after.
      const isAllowed = this.moments[done]?.after === seen || begunMoments.slice(done + 1).some(({ exact, appends }) =>
        exact.has(seen) || (appends !== undefined && appends.folded.has(digest(folded(tree, appends.path)))));
      if (!isAllowed) faults.push(`it is ${this.whenWas(seen)}`);
    } else if (ordered) {
      if (!begunMoments.some(({ folded: those }) => those.has(seen))) faults.push(`it is ${this.whenWas(seen)}`);
    } else {
      for (const [path, what] of Object.entries(tree)) if (!this.had.has(withoutAppended(what))) faults.push(`nothing was ever as ${path} is: ${short(what)}`);
      for (const path of Object.keys(this.first)) if (!(path in tree) && begunMoments.every(({ always }) => always.has(path))) faults.push(`${path} is gone, and was always there`);
    }
    if (faults.length > 0) faults.push(this.lastOf(done, begun), this.nearest(tree));
    return faults;
  }

  private lastOf(done: number, begun: number): string {
    const last = this.history.slice(Math.max(0, done - 3), begun).map(({ work, code }, n) => `  ${String(Math.max(0, done - 3) + n + 1)} ${JSON.stringify({ ...work, text: "" })} ${code ?? "under way"}`);
    return [`${String(done)} to ${String(begun)} operations were done, the last ones`, ...last].join("\n");
  }

  private whenWas(digested: string): string {
    const last = this.moments.findLastIndex(({ exact, folded: those }) => exact.has(digested) || those.has(digested));
    return last < 0 ? "the state of no moment" : `what operation ${String(last)} left`;
  }

  /** How a tree differs from the moment that is most like it. */
  private nearest(tree: Tree): string {
    let best: string[] | undefined;
    for (const [n, moment] of this.moments.entries()) {
      const paths = new Set([...Object.keys(tree), ...Object.keys(moment.tree)]);
      const differences = [...paths].filter((path) => tree[path] !== moment.tree[path]).map((path) => `${path}: ${short(moment.tree[path])} then, ${short(tree[path])} now`);
      if (best === undefined || differences.length < best.length) best = [`it is most like what operation ${String(n)} left`, ...differences];
    }
    return (best ?? []).join("\n");
  }
}

const short = (what = "absent"): string => (what.length > 200 ? `${what.slice(0, 100)}...${what.slice(-100)}` : what);
