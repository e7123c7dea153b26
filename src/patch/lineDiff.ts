/**
 * What differs between two texts, line by line. A line includes its newline, so that a last line without one differs
 * from the same with one. What both share at beginning and end is set aside as bytes first; the lines between become
 * numbers, and the numbers are compared.
 */
import { commonPrefix, commonSuffix, newline } from "./bytes.js";
import { diffItems, type Marks } from "./myers.js";

/** Lines that are replaced: of the old text, by those of the new one. Offsets in bytes, lines from 0. */
export interface Edit {
  readonly oldAt: number;
  readonly oldEnd: number;
  readonly oldLine: number;
  readonly oldLines: number;
  readonly newAt: number;
  readonly newEnd: number;
  readonly newLine: number;
  readonly newLines: number;
}

export interface Limits {
  /** Lines of both sides together; with more, all between the shared ends is one edit. It bounds the memory. */
  readonly lines?: number;
  /** Steps of the comparison (myers.ts). */
  readonly effort?: number;
}

const defaultLines = 8_000_000;

/** The edits in order, as often as they are asked for. Between two of them there is at least one line that both have. */
export function diffLines(old: Uint8Array, now: Uint8Array, limits: Limits = {}): Iterable<Edit> {
  const { start, tail } = sharedEnds(old, now);
  const oldEnd = old.length - tail;
  const newEnd = now.length - tail;
  if (start === oldEnd && start === newEnd) return [];
  const line = countLines(old, 0, start);
  const between = start === oldEnd || start === newEnd ? undefined : compare(old.subarray(0, oldEnd), now.subarray(0, newEnd), start, limits);
  if (between === undefined) {
    return [{
      oldAt: start, oldEnd, oldLine: line, oldLines: countLines(old, start, oldEnd),
      newAt: start, newEnd, newLine: line, newLines: countLines(now, start, newEnd),
    }];
  }
  const { oldStarts, removed, newStarts, added } = between;
  return { [Symbol.iterator]: () => edits(oldStarts, removed, newStarts, added, line) };
}

/** The lines from `start` to the ends of both; undefined when there are more than allowed. */
function compare(old: Uint8Array, now: Uint8Array, start: number, limits: Limits): (Marks & { readonly oldStarts: Int32Array; readonly newStarts: Int32Array }) | undefined {
  table.begin(limits.lines ?? defaultLines);
  try {
    const a = table.read(old, start);
    const b = a === undefined ? undefined : table.read(now, start);
    if (a === undefined || b === undefined) return undefined;
    return { ...diffItems(a.items, b.items, table.classes, limits.effort), oldStarts: a.starts, newStarts: b.starts };
  } finally {
    table.end();
  }
}

function* edits(oldStarts: Int32Array, removed: Uint8Array, newStarts: Int32Array, added: Uint8Array, line: number): Generator<Edit> {
  for (let i = 0, j = 0; i < removed.length || j < added.length; i++, j++) {
    const fromI = i;
    const fromJ = j;
    while (removed[i] === 1) i++;
    while (added[j] === 1) j++;
    if (i === fromI && j === fromJ) continue;
    yield {
      oldAt: oldStarts[fromI] ?? 0, oldEnd: oldStarts[i] ?? 0, oldLine: line + fromI, oldLines: i - fromI,
      newAt: newStarts[fromJ] ?? 0, newEnd: newStarts[j] ?? 0, newLine: line + fromJ, newLines: j - fromJ,
    };
  }
}

/** Whole lines that both texts begin with (`start` bytes) and end with (`tail` bytes). */
function sharedEnds(old: Uint8Array, now: Uint8Array): { start: number; tail: number } {
  let start = commonPrefix(old, now);
  if (start === old.length && start === now.length) return { start, tail: 0 };
  while (start > 0 && old[start - 1] !== newline) start--;
  let tail = commonSuffix(old, now, start);
  // The tail has to begin with a line in both: where it does in one alone, further down.
  if (!(beginsLine(old, old.length - tail) && beginsLine(now, now.length - tail))) {
    const next = old.indexOf(newline, old.length - tail);
    tail = next < 0 ? 0 : old.length - next - 1;
  }
  return { start, tail };
}

function beginsLine(text: Uint8Array, at: number): boolean {
  return at === 0 || text[at - 1] === newline;
}

/** Lines in a piece that begins with one; the last may have no newline. */
export function countLines(text: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let i = start; i < end; i++) if (text[i] === newline) count++;
  return end > start && text[end - 1] !== newline ? count + 1 : count;
}

interface Lines {
  /** One number a line: the same for the same bytes. Until the table's end. */
  readonly items: Int32Array;
  /** Where each begins, and after the last where that ends. */
  readonly starts: Int32Array;
}

/** Classes of lines that there is room for at first. */
const usual = 1 << 9;

/**
 * Gives equal lines equal numbers: a hash table with open addressing, whose entries are compared byte by byte. For one
 * comparison after the other, between begin and end: arrays of its own for each of many small files cost more than
 * comparing them does.
 */
class LineTable {
  classes = 0;
  private slots = new Int32Array(2 * usual);
  private hashes = new Int32Array(usual);
  private starts = new Int32Array(usual);
  private ends = new Int32Array(usual);
  private readonly items = [new Int32Array(usual), new Int32Array(usual)];
  /** Where the lines of the text that is being read begin. */
  private begins = new Int32Array(usual);
  /** Below this number, a class was first seen in the first text. */
  private firsts = 0;
  private readonly texts: Uint8Array[] = [];
  private left = 0;
  private hasGrown = false;

  /** @param most lines of both texts. */
  begin(most: number): void {
    this.left = most;
  }

  /** Lets go of the texts, and of what large ones took. */
  end(): void {
    this.texts.length = 0;
    this.classes = 0;
    if (this.hasGrown) table = new LineTable();
    else this.slots.fill(0);
  }

  /** @returns undefined when there are more lines than allowed. */
  read(text: Uint8Array, from: number): Lines | undefined {
    const to = text.length;
    const which = this.texts.push(text) - 1;
    let items = this.items[which] ?? new Int32Array(usual);
    let starts = this.begins;
    this.firsts = this.classes;
    let count = 0;
    for (let at = from; at < to; count++) {
      if (--this.left < 0) return undefined;
      if (count + 1 >= items.length) this.items[which] = items = this.doubled(items);
      if (count + 1 >= starts.length) this.begins = starts = this.doubled(starts);
      let hash = 0;
      let end = at;
      for (let byte = -1; end < to && byte !== newline; end++) {
        byte = text[end] ?? 0;
        hash = Math.imul(hash ^ byte, 0x01000193);
      }
      starts[count] = at;
      items[count] = this.classOf(text, at, end, hash ^ (hash >>> 15));
      at = end;
    }
    starts[count] = to;
    return { items: items.subarray(0, count), starts: starts.slice(0, count + 1) };
  }

  private classOf(text: Uint8Array, start: number, end: number, hash: number): number {
    const mask = this.slots.length - 1;
    let slot = hash & mask;
    for (; ; slot = (slot + 1) & mask) {
      const known = (this.slots[slot] ?? 0) - 1;
      if (known < 0) break;
      if (this.hashes[known] === hash && this.same(known, text, start, end)) return known;
    }
    const made = this.classes++;
    this.slots[slot] = made + 1;
    if (made >= this.hashes.length) this.growClasses();
    this.hashes[made] = hash;
    this.starts[made] = start;
    this.ends[made] = end;
    if (this.classes * 2 > this.slots.length) this.growSlots();
    return made;
  }

  private same(known: number, text: Uint8Array, start: number, end: number): boolean {
    const other = this.texts.length === 2 && known < this.firsts ? this.texts[0] ?? text : text;
    const otherStart = this.starts[known] ?? 0;
    if ((this.ends[known] ?? 0) - otherStart !== end - start) return false;
    for (let i = start, j = otherStart; i < end; i++, j++) if (text[i] !== other[j]) return false;
    return true;
  }

  private growClasses(): void {
    this.hashes = this.doubled(this.hashes);
    this.starts = this.doubled(this.starts);
    this.ends = this.doubled(this.ends);
  }

  private doubled(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
    this.hasGrown = true;
    const grown = new Int32Array(from.length * 2);
    grown.set(from);
    return grown;
  }

  private growSlots(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let known = 0; known < this.classes; known++) {
      let slot = (this.hashes[known] ?? 0) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = known + 1;
    }
    this.slots = slots;
  }
}

let table = new LineTable();
