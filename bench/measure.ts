// Paired repetitions: every subject does the same work in each round, in changing order, so that what disturbs the
// machine disturbs all of them. A figure is the median over the rounds, a ratio the median of the rounds' ratios.

export type Timed = () => Promise<number>;

export interface Measured {
  /** Milliseconds, median; or why there is no number. */
  readonly ms: number | string;
}

export async function time(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** One list of times per name, `count` long, after `before` rounds that do not count: code that is run often is compiled by then. */
export async function rounds(count: number, subjects: Readonly<Record<string, Timed>>, before = 1): Promise<Record<string, number[]>> {
  const names = Object.keys(subjects);
  const times: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -before; round < count; round++) {
    const turn = names.map((_, i) => names[(i + round + before) % names.length] ?? "");
    for (const name of turn) {
      const ms = await (subjects[name] ?? (async () => NaN))();
      if (round >= 0) times[name]?.push(ms);
    }
  }
  return times;
}

/** The median of the rounds' ratios of one subject to another. */
export function ratio(times: Readonly<Record<string, readonly number[]>>, of: string, to: string): number {
  const a = times[of] ?? [];
  const b = times[to] ?? [];
  return median(a.map((value, i) => value / (b[i] ?? NaN)));
}

/** `total` calls, `width` at a time. */
export async function pool(total: number, width: number, call: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: width }, async () => {
    while (next < total) await call(next++);
  }));
}
