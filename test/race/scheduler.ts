/**
 * Decides, at every layer call, which of several tasks goes on. Each call stops twice: before it acts and before its
 * answer is heard, so that what lies between the disk's change and the engine's knowledge of it is explored too.
 * Nothing runs but what the scheduler lets run: a run is its trace ("A3 B7 A12"), and a trace can be run again.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Hook } from "../support/layers/intercept.js";
import type { Random } from "../support/random.js";

export type TaskName = "A" | "B" | "O";

interface Point {
  readonly task: TaskName;
  readonly go: () => void;
}

/** Who goes next, of those who can. `steps` counts what each has done; `rounds` how often the observer has looked at all. */
export interface View {
  readonly ready: readonly TaskName[];
  readonly steps: Readonly<Record<TaskName, number>>;
  readonly rounds: number;
}
export type Policy = (view: View) => TaskName;

/** More than any honest run needs: past this somebody is running in a circle. */
const mostSteps = 20_000;

export class Stuck extends Error {
  override readonly name = "Stuck";
}

export class Scheduler {
  private readonly tasks = new AsyncLocalStorage<TaskName>();
  private points: Point[] = [];
  private active = false;
  private readonly trace: [TaskName, number][] = [];
  private readonly steps: Record<TaskName, number> = { A: 0, B: 0, O: 0 };
  /** How many points have been passed: the time of this world. */
  now = 0;
  rounds = 0;

  /** For every layer; transparent until `run`. */
  readonly hook: Hook = async (_call, run) => {
    if (!this.active) return run();
    await this.turn();
    try {
      return await run();
    } finally {
      await this.turn();
    }
  };

  private turn(): Promise<void> {
    const task = this.tasks.getStore() ?? "O";
    return new Promise((go) => { this.points.push({ task, go }); });
  }

  /** Runs the tasks to their end, and what they left in the background. @throws Stuck. */
  async run(tasks: Partial<Record<TaskName, () => Promise<void>>>, policy: Policy, onStep: (now: number) => void): Promise<void> {
    this.active = true;
    let unresolved = 0;
    let fault: unknown;
    for (const [name, task] of Object.entries(tasks) as [TaskName, () => Promise<void>][]) {
      unresolved++;
      void this.tasks.run(name, async () => {
        await this.turn();
        await task();
      }).catch((error: unknown) => { fault ??= error; }).finally(() => { unresolved--; });
    }
    for (;;) {
      await quiet();
      if (fault !== undefined) throw fault as Error;
      if (this.points.length === 0) break;
      if (this.now > mostSteps) throw new Stuck("no end in sight: some operation starts again for ever");
      this.pass(policy);
      onStep(this.now);
    }
    this.active = false;
    if (unresolved > 0) throw new Stuck(`deadlock: nothing is left to run, and ${String(unresolved)} operation(s) have no answer`);
  }

  private pass(policy: Policy): void {
    const ready = (["A", "B", "O"] as const).filter((task) => this.points.some((point) => point.task === task));
    const chosen = policy({ ready, steps: this.steps, rounds: this.rounds });
    const index = Math.max(0, this.points.findIndex((point) => point.task === chosen));
    const [point] = this.points.splice(index, 1);
    if (point === undefined) return;
    this.steps[point.task]++;
    this.now++;
    const last = this.trace.at(-1);
    if (last?.[0] === point.task) last[1]++;
    else this.trace.push([point.task, 1]);
    point.go();
  }

  get schedule(): string {
    return this.trace.map(([task, count]) => `${task}${String(count)}`).join(" ");
  }
}

/** Resolves when no promise has anything left to do: Node runs its next ticks after all of them. */
function quiet(): Promise<void> {
  return new Promise((resolve) => { process.nextTick(resolve); });
}

function prefer(ready: readonly TaskName[], ...order: readonly TaskName[]): TaskName {
  return order.find((task) => ready.includes(task)) ?? ready[0] ?? "O";
}

const other = (task: TaskName): TaskName => (task === "A" ? "B" : "A");

/** `first` does `k` steps, then the other one `j`, then each to its end; the observer looks at all in between. */
export function preempt(first: "A" | "B", k: number, j: number): Policy {
  const second = other(first);
  let stage = 0;
  let since = 0;
  return ({ ready, steps, rounds }) => {
    const looked = rounds > since || !ready.includes("O");
    if (stage === 0 && (steps[first] >= k || !ready.includes(first))) { stage = 1; since = rounds; }
    else if (stage === 1 && looked) stage = 2;
    else if (stage === 2 && (steps[second] >= j || !ready.includes(second))) { stage = 3; since = rounds; }
    else if (stage === 3 && looked) stage = 4;
    switch (stage) {
      case 0: return prefer(ready, first, second);
      case 1:
      case 3: return prefer(ready, "O", first, second);
      case 2: return prefer(ready, second, first);
      default: return prefer(ready, first, second);
    }
  };
}

export function uniform(random: Random): Policy {
  return ({ ready }) => ready[random.below(ready.length)] ?? "O";
}

/** Fixed ranks, changed at a few random moments: finds what needs few switches at the right places. */
export function ranked(random: Random, length: number): Policy {
  let order = random.shuffled(["A", "B", "O"] as const);
  const changes = new Set(Array.from({ length: 1 + random.below(4) }, () => random.below(Math.max(1, length))));
  return ({ ready, steps }) => {
    if (changes.delete(steps.A + steps.B + steps.O)) order = random.shuffled(order);
    return prefer(ready, ...order);
  };
}

/** A trace again. */
export function replay(trace: string): Policy {
  const turns = trace.split(" ").flatMap((part) => Array.from({ length: Number(part.slice(1)) }, () => part[0] as TaskName));
  return ({ ready }) => prefer(ready, turns.shift() ?? "O", "A", "B", "O");
}
