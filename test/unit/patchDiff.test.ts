/** The comparison of lines: always right, shortest where the effort allows, and never without end. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diffLines } from "../../src/patch/lineDiff.js";
import { diffItems } from "../../src/patch/myers.js";

const classes = 5;
const items = (maxLength: number) => fc.array(fc.nat({ max: classes - 1 }), { maxLength }).map((from) => Int32Array.from(from));

/** What is left of a sequence. */
const left = (from: Int32Array, marks: Uint8Array): number[] => [...from].filter((_, i) => marks[i] === 0);

/** The longest common subsequence, by the table that every textbook has. */
function longest(a: Int32Array, b: Int32Array): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const item of a) {
    const next = [0];
    for (const [j, other] of b.entries()) next.push(item === other ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0));
    row = next;
  }
  return row.at(-1) ?? 0;
}

describe("sequences", () => {
  test("what is left is the same on both sides, and the longest there is", () => {
    fc.assert(fc.property(items(40), items(40), (a, b) => {
      const { removed, added } = diffItems(a, b, classes);
      expect(left(a, removed)).toEqual(left(b, added));
      expect(left(a, removed)).toHaveLength(longest(a, b));
    }), { numRuns: 500 });
  });

  test("with any effort what is left is the same on both sides", () => {
    fc.assert(fc.property(items(60), items(60), fc.nat({ max: 400 }), (a, b, effort) => {
      const { removed, added } = diffItems(a, b, classes, effort);
      expect(left(a, removed)).toEqual(left(b, added));
    }), { numRuns: 500 });
  });

  test("pieces that the cap cuts come out the same on both sides, with most of it kept", () => {
    // 4,000 edits apart: many times what is looked for in one piece.
    const a = Int32Array.from({ length: 20_000 }, (_, i) => i % 97);
    const b = a.filter((_, i) => i % 5 !== 2);
    const { removed, added } = diffItems(a, b, 97);
    expect(left(a, removed)).toEqual(left(b, added));
    expect(left(a, removed).length).toBeGreaterThan(8_000);
  });
});

test("what is cut is cut where most has been found, from the end too", () => {
  const noise = (seed: number): number[] => Array.from({ length: 6000 }, (_, i) => (Math.imul(i ^ seed, 0x9e3779b1) >>> 28) % 5);
  const shared = Array.from({ length: 3000 }, (_, i) => 5 + (i % 90));
  for (const [a, b] of [[[...noise(1), ...shared, 95], [...noise(77), ...shared, 96]], [[95, ...shared, ...noise(1)], [96, ...shared, ...noise(77)]]] as const) {
    const extra = [95, 96];
    const { removed } = diffItems(Int32Array.from([...a, ...extra, 95]), Int32Array.from([...b, ...extra, 96]), 97);
    expect(left(Int32Array.from(a), removed.subarray(0, a.length)).length).toBeGreaterThan(3000);
  }
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const line = fc.constantFrom("a\n", "b\n", "c\r\n", "\n", "d");
const text = fc.array(line, { maxLength: 30 }).map((lines) => bytes(lines.join("")));

function edited(old: Uint8Array, now: Uint8Array, limits?: { lines?: number; effort?: number }): { text: string; lines: boolean } {
  const decode = (from: Uint8Array): string => new TextDecoder().decode(from);
  const count = (from: Uint8Array): number => (decode(from).match(/[^\n]*\n|[^\n]+$/g) ?? []).length;
  let out = "";
  let at = 0;
  let lines = true;
  for (const edit of diffLines(old, now, limits)) {
    out += decode(old.subarray(at, edit.oldAt)) + decode(now.subarray(edit.newAt, edit.newEnd));
    at = edit.oldEnd;
    lines &&= count(old.subarray(0, edit.oldAt)) === edit.oldLine && count(old.subarray(edit.oldAt, edit.oldEnd)) === edit.oldLines
      && count(now.subarray(0, edit.newAt)) === edit.newLine && count(now.subarray(edit.newAt, edit.newEnd)) === edit.newLines;
  }
  return { text: out + decode(old.subarray(at)), lines };
}

describe("texts", () => {
  for (const [title, limits] of [["", {}], [", with no effort left", { effort: 1 }], [", with too many lines", { lines: 3 }]] as const) {
    test(`the edits make the new text of the old one, and count their lines${title}`, () => {
      fc.assert(fc.property(text, text, (old, now) => {
        expect(edited(old, now, limits)).toEqual({ text: new TextDecoder().decode(now), lines: true });
      }), { numRuns: 500 });
    });
  }

  test("what was compared before, and after, changes nothing: large, with too many lines, or not asked for yet", () => {
    const long = fc.nat({ max: 3 }).map((kinds) => bytes(Array.from({ length: 3000 }, (_, i) => `${i % (kinds * 700 + 1)}\n`).join("")));
    const pair = fc.tuple(fc.oneof(text, long), fc.oneof(text, long), fc.constantFrom({}, { lines: 40 }));
    fc.assert(fc.property(fc.array(pair, { minLength: 2, maxLength: 6 }), (pairs) => {
      const alone = pairs.map(([old, now, limits]) => {
        const found = [...diffLines(old, now, limits)];
        diffLines(bytes("x\ny\n"), bytes("y\nx\n"));
        return found;
      });
      const later = pairs.map(([old, now, limits]) => diffLines(old, now, limits));
      expect(later.map((edits) => [...edits])).toEqual(alone);
      for (const [i, [old, now, limits]] of pairs.entries()) expect(edited(old, now, limits).text, String(i)).toBe(new TextDecoder().decode(now));
    }), { numRuns: 60 });
  });

  test("one changed line of many is one edit of one line", () => {
    const lines = Array.from({ length: 1000 }, (_, i) => `${i % 7}\n`);
    expect([...diffLines(bytes(lines.join("")), bytes(lines.with(500, "x\n").join("")))]).toMatchObject([{ oldLine: 500, oldLines: 1, newLines: 1 }]);
  });

  test("two texts that share lines and no order end soon", () => {
    const random = (seed: number): Uint8Array => bytes(Array.from({ length: 300_000 }, (_, i) => `${(Math.imul(i ^ seed, 0x9e3779b1) >>> 24) % 50}\n`).join(""));
    const [old, now] = [random(1), random(0x5bd1e995)];
    const since = performance.now();
    expect([...diffLines(old, now)].length).toBeGreaterThan(0);
    expect(performance.now() - since).toBeLessThan(5000);
  });
});
