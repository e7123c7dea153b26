/**
 * Runs a pair of operations under many schedules: every single switch from one to the other and back, then random
 * pairs of switches, ranks and plain chance. After each, everything that must hold is checked.
 */
import { describe, test } from "vitest";
import { snapshot } from "../../src/host/memoryTree.js";
import type { MemoryDisk, MemoryDiskOptions } from "../../src/host/memoryDisk.js";
import { compose, recorder } from "../support/layers/hooks.js";
import type { Hook, LayerCall } from "../support/layers/intercept.js";
import { Random } from "../support/random.js";
import { fullTree, untruths } from "../support/truth.js";
import { type PlantedTree, World } from "../support/world.js";
import { contradiction, crashFault, type History, looksAt, type Operation, type Order, resultOf, type Seen, type State, show, stateOf, strange } from "./history.js";
import { type Policy, preempt, ranked, replay, Scheduler, uniform } from "./scheduler.js";

export interface Pair {
  readonly a: Operation;
  readonly b: Operation;
  readonly base?: PlantedTree;
  readonly scratch?: PlantedTree;
  /** An ordinary user's (uid), or one that copies and publishes in one step. */
  readonly disk?: MemoryDiskOptions;
  /** What the observer looks at, again and again. */
  readonly see: readonly string[];
  /** Made anew for each world: a fault to inject. */
  readonly fault?: () => Hook;
  /** Changes in place, which may be seen halfway, and are exempt from INV-8's "whole". */
  readonly inPlace?: boolean;
  /**
   * A path is resolved, then its folder moves, then the name is changed where the folder is by then, as on Linux. The
   * outcome is one order's; what is seen on the way need only be a state of some order.
   */
  readonly folderMoves?: boolean;
  /** A folder is renamed over an empty one: a crash may leave that gone (INV-7). */
  readonly overEmpty?: boolean;
  /** A read-only folder is made writable for the moment of a change: it is seen so, and a crash may leave it so. */
  readonly writableMeanwhile?: boolean;
  readonly makesLinks?: boolean;
  /** Of every schedule, beyond what holds always. */
  readonly check?: (calls: readonly LayerCall[], results: History["results"]) => string | undefined;
}

const schedules = Number(process.env["OVERLAY_SCHEDULES"] ?? 300);
const seed = Number(process.env["OVERLAY_SEED"] ?? 1);
/** Runs one trace, as a failure printed it, and nothing else. */
const trace = process.env["OVERLAY_SCHEDULE"];

export const smallBase: PlantedTree = { "a": "A", "b": { file: "B", mode: 0o755 }, "d/x": "X", "d/y": "Y", "d/e/z": "Z", "empty/": null };

/** The variants of one pair share its schedules; each gets enough for every single switch, or nearly. */
export function races(title: string, variants: Readonly<Record<string, Pair>>): void {
  const cases = Object.entries(variants);
  const each = Math.max(Math.ceil(schedules / cases.length), Math.min(schedules, 100));
  describe(title, () => {
    for (const [variant, pair] of cases) test(`${variant}, seed ${String(seed)}`, () => race(`${title} ${variant}`, pair, each), 900_000);
  });
}

async function race(title: string, pair: Pair, count: number): Promise<void> {
  const orders = await ordersOf(pair);
  let lengths = { a: 0, b: 0 };
  for (const plan of trace === undefined ? plans(count, () => lengths) : replays(trace)) {
    const { faults, schedule, steps } = await runOnce(pair, orders, plan);
    if (faults.length > 0) throw new Error(`${title}, seed ${String(seed)}, ${plan.name}, OVERLAY_SCHEDULE="${schedule}"\n${faults.join("\n")}`);
    if (plan.name === "A, then B") lengths = steps;
  }
}

interface Plan {
  readonly name: string;
  readonly policy: (random: Random) => Policy;
  /** Whether everything was looked at before, so that the engine knows it. */
  readonly warm: boolean;
}

function replays(schedule: string): Plan[] {
  return [false, true].map((warm) => ({ name: warm ? "warm" : "cold", policy: () => replay(schedule), warm }));
}

function* plans(count: number, lengths: () => { a: number; b: number }): Generator<Plan> {
  yield { name: "A, then B", policy: () => preempt("A", Infinity, Infinity), warm: false };
  const { a, b } = lengths();
  let left = count - 1;
  for (const warm of [true, false]) {
    for (const [first, length] of [["A", a], ["B", b]] as const) {
      for (let k = 0; k <= length && left > 0; k++, left--) {
        yield { name: `${first} ${String(k)}, ${warm ? "warm" : "cold"}`, policy: () => preempt(first, k, Infinity), warm };
      }
    }
  }
  for (let i = 0; left > 0; i++, left--) {
    const warm = i % 2 === 0;
    const random = new Random(seed * 1_000_003 + i);
    const name = `random ${String(i)}`;
    switch (i % 3) {
      case 0: yield { name, policy: (r) => preempt(r.below(2) === 0 ? "A" : "B", r.below(a + 1), r.below(b + 1)), warm }; break;
      case 1: yield { name, policy: (r) => ranked(r, 2 * (a + b)), warm }; break;
      default: yield { name, policy: () => uniform(random), warm };
    }
  }
}

/** Both orders on fresh worlds; with operations of several parts, all the ways in which those interleave too. */
async function ordersOf(pair: Pair): Promise<Order[]> {
  const orders: Order[] = [];
  for (const a of stepsOf("A", pair.a)) {
    for (const b of stepsOf("B", pair.b)) for (const steps of interleavings(a, b)) orders.push(await sequential(pair, steps));
  }
  return orders;
}

/** An operation as one step, and as its parts. */
function stepsOf(name: "A" | "B", run: Operation): Step[][] {
  const whole = [{ name, run }];
  return run.parts === undefined ? [whole] : [whole, run.parts.map((part) => ({ name, run: part }))];
}

interface Step {
  readonly name: "A" | "B";
  readonly run: Operation;
}

function interleavings<T>(left: readonly T[], right: readonly T[]): T[][] {
  const [l, ...ls] = left;
  const [r, ...rs] = right;
  if (l === undefined) return [[...right]];
  if (r === undefined) return [[...left]];
  return [...interleavings(ls, right).map((rest) => [l, ...rest]), ...interleavings(left, rs).map((rest) => [r, ...rest])];
}

/** A fault that waits until the world is made. */
function armed(fault: Hook | undefined): { hook: Hook; arm(): void } {
  let on = false;
  return { hook: (call, run) => (on && fault !== undefined ? fault(call, run) : run()), arm: () => { on = true; } };
}

async function sequential(pair: Pair, steps: readonly Step[]): Promise<Order> {
  const fault = armed(pair.fault?.());
  const world = await World.create({ base: pair.base ?? smallBase, scratch: pair.scratch ?? {}, disk: pair.disk ?? {}, hook: fault.hook });
  fault.arm();
  const looks = looksAt(pair.see, pair.makesLinks !== true);
  const results = { A: "ok", B: "ok" };
  const states: State[] = [await stateOf(world.overlay, looks)];
  for (const { name, run } of steps) {
    const result = await resultOf(() => run(world.overlay));
    if (results[name] === "ok") results[name] = result; // of parts: the first that fails
    states.push(await stateOf(world.overlay, looks));
  }
  return { name: steps.map(({ name }) => name).join(" then "), results, steps: steps.map(({ name }) => name), states };
}

/** How often the observer looks at everything, at most. */
const mostRounds = 5;

async function runOnce(pair: Pair, orders: readonly Order[], plan: Plan): Promise<{ faults: string[]; schedule: string; steps: { a: number; b: number } }> {
  const scheduler = new Scheduler();
  const calls = recorder();
  const random = new Random(seed * 7919 + plan.name.length + schedules);
  const fault = armed(pair.fault?.());
  const world = await World.create({ base: pair.base ?? smallBase, scratch: pair.scratch ?? {}, disk: pair.disk ?? {}, hook: compose(calls.hook, scheduler.hook, fault.hook) });
  fault.arm();
  const { overlay } = world;
  const looks = looksAt(pair.see, pair.makesLinks !== true);
  if (plan.warm) await fullTree(overlay);
  const before = plan.warm ? await fullTree(overlay) : undefined;
  const baseBefore = JSON.stringify(world.base());
  calls.calls.length = 0;

  const results = { A: "", B: "" };
  const when = { A: { start: 0, end: Infinity }, B: { start: 0, end: Infinity } };
  const seen: Seen[] = [];
  const perform = (name: "A" | "B", operation: Operation) => async () => {
    when[name].start = scheduler.now;
    results[name] = await resultOf(() => operation(overlay));
    when[name].end = scheduler.now;
  };
  const observe = async () => {
    while (scheduler.rounds < mostRounds && (when.A.end === Infinity || when.B.end === Infinity)) {
      for (const [key, look] of looks) {
        const start = scheduler.now;
        const value = await resultOf(() => look(overlay));
        seen.push({ key, value, start, end: scheduler.now });
      }
      scheduler.rounds++;
    }
  };

  const crashAt = 1 + random.below(120);
  let crashed = undefined as { at: number; disk: MemoryDisk } | undefined;
  const faults: string[] = [];
  try {
    await scheduler.run({ A: perform("A", pair.a), B: perform("B", pair.b), O: observe }, plan.policy(random), (now) => {
      if (now === crashAt) crashed = { at: now, disk: snapshot(world.disk) };
    });
  } catch (error) {
    return { faults: [String(error)], schedule: scheduler.schedule, steps: { a: 0, b: 0 } };
  }

  const after = await fullTree(overlay);
  const tree = show(after);
  const exact = pair.inPlace !== true && pair.folderMoves !== true && pair.writableMeanwhile !== true;
  const crash = crashed === undefined || pair.inPlace === true || pair.overEmpty === true || pair.writableMeanwhile === true ? undefined : { at: crashed.at, tree: await treeOnDisk(crashed.disk) };
  const history: History = { results, when, seen: exact ? seen : [], tree, ...(crash === undefined ? {} : { crash }) };
  const against = contradiction(history, orders);
  if (against !== undefined) faults.push(`no order of the two explains what happened: A gave ${results.A}, B gave ${results.B}\n${against}`);
  if (pair.folderMoves === true) faults.push(...strange(seen, orders));
  const left = crashFault(history, orders, exact);
  if (left !== undefined) faults.push(left);
  const own = pair.check?.(calls.calls, results);
  if (own !== undefined) faults.push(own);
  if (before !== undefined) faults.push(...untruths(world.events, before, after).map((fault) => `INV-12 ${fault}`));
  faults.push(...(await finalFaults(world, tree, baseBefore)));
  return { faults, schedule: scheduler.schedule, steps: lengthsOf(scheduler.schedule) };
}

async function treeOnDisk(disk: MemoryDisk): Promise<string> {
  return show(await fullTree((await World.open(disk)).overlay));
}

async function finalFaults(world: World, tree: string, baseBefore: string): Promise<string[]> {
  const faults: string[] = [];
  const work = world.work();
  if (work.length > 0) faults.push(`INV-11 work/ still holds ${work.join(", ")}`);
  const reopened = await treeOnDisk(snapshot(world.disk));
  if (reopened !== tree) faults.push(`INV-2 reopened, it shows\n${reopened}\nand not\n${tree}`);
  await world.overlay.dispose();
  if (world.disk.handles.size > 0) faults.push(`${String(world.disk.handles.size)} handle(s) are left open`);
  if (JSON.stringify(world.base()) !== baseBefore) faults.push("INV-1 the base has changed");
  return faults;
}

function lengthsOf(schedule: string): { a: number; b: number } {
  const count = (task: string) => schedule.split(" ").filter((part) => part.startsWith(task)).reduce((sum, part) => sum + Number(part.slice(1)), 0);
  return { a: count("A"), b: count("B") };
}
