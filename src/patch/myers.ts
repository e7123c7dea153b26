/**
 * Which items of two sequences differ: E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), with the
 * linear-space refinement of its section 4b. The effort is bounded: where a piece needs too many edits it is cut at the
 * point that got furthest, and where the whole has cost too much the rest counts as replaced. What comes out is always
 * a right diff, only not always the shortest.
 */

export interface Marks {
  /** 1 where the item is not in the other sequence's place. What is left is the same on both sides. */
  readonly removed: Uint8Array;
  readonly added: Uint8Array;
}

/** Steps that one diff may take: some tenths of a second. */
const defaultEffort = 50_000_000;

/** Edits that are looked for in one piece before it is cut anywhere; more in long ones, so that the pieces stay few. */
const minCap = 256;

/** @param classes how many different items there are: each is a number below. */
export function diffItems(a: Int32Array, b: Int32Array, classes: number, effort = defaultEffort): Marks {
  const removed = new Uint8Array(a.length);
  const added = new Uint8Array(b.length);
  // What only one side has cannot be matched: taking it out first leaves the rest short, mostly empty.
  const keptA = keepShared(a, b, classes, removed);
  const keptB = keepShared(b, a, classes, added);
  new Comparison(pick(a, keptA), pick(b, keptB), keptA, keptB, removed, added, effort).run(0, keptA.length, 0, keptB.length);
  return { removed, added };
}

/** Marks what the other side does not have; returns where the others stand. */
function keepShared(own: Int32Array, other: Int32Array, classes: number, marks: Uint8Array): Int32Array {
  const has = new Uint8Array(classes);
  for (let i = 0; i < other.length; i++) has[other[i] ?? 0] = 1;
  const kept = new Int32Array(own.length);
  let count = 0;
  for (let i = 0; i < own.length; i++) {
    if (has[own[i] ?? 0] === 1) kept[count++] = i;
    else marks[i] = 1;
  }
  return kept.subarray(0, count);
}

function pick(from: Int32Array, places: Int32Array): Int32Array {
  return places.length === from.length ? from : places.map((place) => from[place] ?? 0);
}

const none = new Int32Array(0);

class Comparison {
  /** How far each diagonal got, from the beginning and from the end; the index is the diagonal plus `zero`. */
  private ahead = none;
  private back = none;
  private readonly zero: number;
  private readonly cap: number;
  private x = 0;
  private y = 0;

  constructor(
    private readonly a: Int32Array, private readonly b: Int32Array,
    private readonly placesA: Int32Array, private readonly placesB: Int32Array,
    private readonly removed: Uint8Array, private readonly added: Uint8Array,
    private effort: number,
  ) {
    this.cap = Math.max(minCap, Math.ceil(Math.sqrt(a.length + b.length)));
    // No search goes further than the cap, nor further than there are items.
    this.zero = Math.min(a.length + b.length, this.cap) + 2;
  }

  /** Compares a[aLo, aHi) with b[bLo, bHi). */
  run(aLo: number, aHi: number, bLo: number, bHi: number): void {
    const { a, b } = this;
    for (;;) {
      while (aLo < aHi && bLo < bHi && a[aLo] === b[bLo]) {
        aLo++;
        bLo++;
      }
      while (aLo < aHi && bLo < bHi && a[aHi - 1] === b[bHi - 1]) {
        aHi--;
        bHi--;
      }
      if (aLo === aHi || bLo === bHi || this.effort <= 0) break;
      this.cut(aLo, aHi, bLo, bHi);
      const x = aLo + this.x;
      const y = bLo + this.y;
      if (x + y === aLo + bLo || x + y === aHi + bHi) break; // it would not end
      this.run(aLo, x, bLo, y);
      aLo = x;
      bLo = y;
    }
    for (let i = aLo; i < aHi; i++) this.removed[this.placesA[i] ?? 0] = 1;
    for (let i = bLo; i < bHi; i++) this.added[this.placesB[i] ?? 0] = 1;
  }

  /** Leaves in x and y, counted from aLo and bLo, where a shortest way crosses the middle, or where the cap cut it. */
  private cut(aLo: number, aHi: number, bLo: number, bHi: number): void {
    if (this.ahead === none) {
      // Most files never come here: what is left of them when the lines of one side alone are out is the same.
      this.ahead = new Int32Array(2 * this.zero + 1);
      this.back = new Int32Array(2 * this.zero + 1);
    }
    const { a, b, ahead, back, zero } = this;
    const n = aHi - aLo;
    const m = bHi - bLo;
    const delta = n - m;
    const odd = (delta & 1) !== 0;
    ahead[zero + 1] = 0;
    back[zero + 1] = 0;
    for (let d = 0; d <= this.cap; d++) {
      // Diagonals outside the box are left out: on them nothing can be reached.
      const lowest = -d + 2 * Math.max(0, d - m);
      const highest = d - 2 * Math.max(0, d - n);
      let steps = 2 * (highest - lowest);
      for (let k = lowest; k <= highest; k += 2) {
        let x = this.next(ahead, k, d);
        const start = x;
        while (x < n && x - k < m && a[aLo + x] === b[bLo + x - k]) x++;
        ahead[zero + k] = x;
        steps += x - start;
        // The other side has gone d - 1 steps; its diagonal k is delta - k here.
        if (odd && Math.abs(delta - k) < d && x + (back[zero + delta - k] ?? 0) >= n) {
          this.found(x, x - k, steps);
          return;
        }
      }
      for (let k = lowest; k <= highest; k += 2) {
        let x = this.next(back, k, d);
        const start = x;
        while (x < n && x - k < m && a[aHi - 1 - x] === b[bHi - 1 - x + k]) x++;
        back[zero + k] = x;
        steps += x - start;
        if (!odd && Math.abs(delta - k) <= d && x + (ahead[zero + delta - k] ?? 0) >= n) {
          this.found(n - x, m - x + k, steps);
          return;
        }
      }
      this.effort -= steps + 4;
      if (this.effort <= 0 || d === this.cap) {
        this.furthest(n, m, lowest, highest);
        return;
      }
    }
  }

  /** Where diagonal k begins after one more edit: a step down from the one above it, or to the right from the one below. */
  private next(reached: Int32Array, k: number, d: number): number {
    const below = reached[this.zero + k - 1] ?? 0;
    const above = reached[this.zero + k + 1] ?? 0;
    return k === -d || (k !== d && below < above) ? above : below + 1;
  }

  private found(x: number, y: number, steps: number): void {
    this.effort -= steps;
    this.x = x;
    this.y = y;
  }

  /** The point on the way, from either end, that has most behind it. */
  private furthest(n: number, m: number, lowest: number, highest: number): void {
    let best = -1;
    for (let k = lowest; k <= highest; k += 2) {
      const x = this.ahead[this.zero + k] ?? 0;
      const u = this.back[this.zero + k] ?? 0;
      if (x <= n && x - k <= m && 2 * x - k > best) {
        best = 2 * x - k;
        this.x = x;
        this.y = x - k;
      }
      if (u <= n && u - k <= m && 2 * u - k > best) {
        best = 2 * u - k;
        this.x = n - u;
        this.y = m - u + k;
      }
    }
  }
}
