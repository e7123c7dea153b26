/**
 * Linearisability: what two operations gave, what an observer saw and what was left must be what one of them after the
 * other would have given, in an order that does not contradict who had ended before whom began.
 */
import type { Overlay } from "../../src/engine/index.js";
import { fullTree, type Tree } from "../support/truth.js";

/** `parts`: an operation that is several whole ones; between them another may come. */
export type Operation = ((overlay: Overlay) => Promise<unknown>) & { readonly parts?: readonly Operation[] };

/** One look at one path: the key says what was asked. */
export interface Seen {
  readonly key: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** What an observer would see in one state, and the whole tree. */
export interface State {
  readonly tree: string;
  readonly looks: ReadonlyMap<string, string>;
}

/** One sequential run: results of A and B, and the states from the first to the last. */
export interface Order {
  readonly name: string;
  readonly results: Readonly<Record<"A" | "B", string>>;
  /** Which operation leads from each state to the next. */
  readonly steps: readonly ("A" | "B")[];
  readonly states: readonly State[];
}

export interface Interval {
  readonly start: number;
  readonly end: number;
}

export interface History {
  readonly results: Readonly<Record<"A" | "B", string>>;
  readonly when: Readonly<Record<"A" | "B", Interval>>;
  readonly seen: readonly Seen[];
  readonly tree: string;
  /** What a new process would have found at a moment in between. */
  readonly crash?: { readonly at: number; readonly tree: string };
}

export async function resultOf(operation: () => Promise<unknown>): Promise<string> {
  try {
    const value = await operation();
    return value instanceof Uint8Array ? new TextDecoder().decode(value) : value === undefined ? "ok" : JSON.stringify(value);
  } catch (error) {
    if (error instanceof Error && error.name === "OverlayError" && "code" in error) return String(error.code);
    return `not an OverlayError: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

type Look = readonly [key: string, look: (overlay: Overlay) => Promise<unknown>];

/** @param countLinks not where hard links are made: the disk counts them a moment before the new name is there. */
export function looksAt(paths: readonly string[], countLinks: boolean): Look[] {
  return paths.flatMap((path): Look[] => [
    [`lstat ${path}`, async (o) => {
      const { type, mode, size, nlink, uid } = await o.lstat(path);
      return type === "directory" ? [type, mode, uid] : [type, mode, size, uid, ...(countLinks ? [nlink] : [])];
    }],
    [`read ${path}`, (o) => o.readFile(path)],
    [`list ${path}`, async (o) => (await o.readDirectory(path)).map(({ name, type }) => `${name} ${type}`).sort()],
  ]);
}

export async function stateOf(overlay: Overlay, looks: readonly Look[]): Promise<State> {
  const found = new Map<string, string>();
  for (const [key, look] of looks) found.set(key, await resultOf(() => look(overlay)));
  return { tree: show(await fullTree(overlay)), looks: found };
}

export function show(tree: Tree): string {
  return Object.entries(tree).map(([path, what]) => `${path} ${what}`).join("\n");
}

/** Undefined when some order explains the history; else what speaks against each. */
export function contradiction(history: History, orders: readonly Order[]): string | undefined {
  const against: string[] = [];
  for (const order of orders) {
    const why = contradicts(history, order);
    if (why === undefined) return undefined;
    against.push(`  not ${order.name}: ${why}`);
  }
  return against.join("\n");
}

function contradicts(history: History, order: Order): string | undefined {
  const { results, when } = history;
  for (const name of ["A", "B"] as const) {
    if (results[name] !== order.results[name]) return `${name} gave ${results[name]}, not ${order.results[name]}`;
  }
  const first = order.steps[0];
  const last = order.steps.at(-1);
  if (first !== undefined && last !== undefined && first !== last && when[last].end < when[first].start) return `${last} had ended before ${first} began`;

  let index = 0;
  for (const look of history.seen) {
    index = Math.max(index, atLeast(order, when, look.start));
    const most = atMost(order, when, look.end);
    while (index <= most && order.states[index]?.looks.get(look.key) !== look.value) index++;
    if (index > most) return `at ${String(look.start)}-${String(look.end)} '${look.key}' gave ${look.value}`;
  }
  if (order.states.at(-1)?.tree !== history.tree) return `at the end there was\n${history.tree}\nand not\n${String(order.states.at(-1)?.tree)}`;
  return undefined;
}

/**
 * What a new process would have found at one moment must be a state of some order, with everything in it that had been
 * reported by then. The disk may be ahead of what the living process knew, so this need not be the order that explains it.
 */
export function crashFault(history: History, orders: readonly Order[], exact: boolean): string | undefined {
  const { crash, when } = history;
  if (crash === undefined) return undefined;
  const possible = orders.flatMap((order) => (exact ? order.states.slice(atLeast(order, when, crash.at), atMost(order, when, crash.at) + 1) : order.states));
  return possible.some((state) => state.tree === crash.tree) ? undefined : `INV-8 a crash at ${String(crash.at)} left\n${crash.tree}`;
}

/** How many steps must have been taken by `time`, because the operation they belong to had ended. */
function atLeast(order: Order, when: History["when"], time: number): number {
  let least = 0;
  for (const [i, name] of order.steps.entries()) if (when[name].end < time) least = i + 1;
  return least;
}

/** How many can have been taken by `time`. */
function atMost(order: Order, when: History["when"], time: number): number {
  const stop = order.steps.findIndex((name) => when[name].start > time);
  return stop === -1 ? order.steps.length : stop;
}

/** What was seen and is no state of any order. */
export function strange(seen: readonly Seen[], orders: readonly Order[]): string[] {
  const states = orders.flatMap((order) => order.states);
  return seen.filter((look) => !states.some((state) => state.looks.get(look.key) === look.value))
    .map((look) => `at ${String(look.start)}-${String(look.end)} '${look.key}' gave ${look.value}, which is no state of any order`);
}
