/** Binary data as text, and deltas: what is written is read again, and what is damaged is noticed. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeLine, encodeLines } from "../../src/patch/base85.js";
import { ByteWriter } from "../../src/patch/bytes.js";
import { applyDelta, makeDelta } from "../../src/patch/delta.js";

function encoded(data: Uint8Array): string[] {
  const out = new ByteWriter();
  const pieces = [...encodeLines(out, data), out.take()];
  return Buffer.concat(pieces).toString("latin1").split("\n").slice(0, -1);
}

describe("base 85", () => {
  test("every length comes back, 52 bytes a line", () => {
    for (let length = 0; length <= 120; length++) {
      const data = Uint8Array.from({ length }, (_, i) => 255 - i * 7);
      const lines = encoded(data);
      expect(lines).toHaveLength(Math.ceil(length / 52));
      const out = new ByteWriter();
      for (const line of lines) expect(decodeLine(out, Buffer.from(line))).toBe(true);
      expect(out.take()).toEqual(data);
    }
  });

  test("the letters of the lengths: A is 1, Z is 26, a is 27, z is 52", () => {
    expect([1, 26, 27, 52].map((length) => encoded(new Uint8Array(length))[0]?.[0])).toEqual(["A", "Z", "a", "z"]);
  });

  test("much data comes in pieces", () => {
    expect([...encodeLines(new ByteWriter(), new Uint8Array(500_000))].length).toBeGreaterThan(5);
  });
});

describe("deltas", () => {
  const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);

  test("an insertion, a replacement, a deletion of any size gives the target", () => {
    fc.assert(fc.property(fc.nat({ max: 2000 }), fc.nat({ max: 300 }), fc.nat({ max: 400 }), (at, drop, put) => {
      const source = noise(2000);
      const target = Uint8Array.from([...source.subarray(0, at), ...noise(put).map((byte) => byte ^ 0x55), ...source.subarray(at + drop)]);
      const delta = makeDelta(source, target);
      expect(delta && applyDelta(source, delta)).toEqual(target);
      expect(delta?.length ?? 0).toBeLessThan(put * 1.02 + 40);
    }));
  });

  test("copies of more than 64 KiB, and of more than one instruction holds", () => {
    const source = new Uint8Array(0x1000000 + 70_000).fill(1);
    const target = source.slice();
    target[68_000] = 2;
    const delta = makeDelta(source, target) ?? new Uint8Array();
    expect(delta.length).toBeLessThan(50);
    expect(Buffer.compare(applyDelta(source, delta) ?? new Uint8Array(), target)).toBe(0);
  });

  test("where most of the target is new there is none", () => {
    expect(makeDelta(noise(100), noise(300).map((byte) => byte ^ 1))).toBeUndefined();
    expect(makeDelta(new Uint8Array(), noise(10))).toBeUndefined();
  });

  test("a copy that says no length is 64 KiB long", () => {
    const source = noise(0x10000);
    expect(applyDelta(source, Uint8Array.of(0x80, 0x80, 0x04, 0x80, 0x80, 0x04, 0x80))).toEqual(source);
  });

  const source = Uint8Array.of(1, 2, 3);
  test.each([
    ["nothing", []], ["for another source", [2, 1, 0x90, 1]], ["cut off in the lengths", [3, 0x83]], ["cut off in an insertion", [3, 2, 2, 9]], ["cut off in a copy", [3, 2, 0x91]],
    ["the reserved instruction", [3, 1, 0]], ["a copy beyond the source", [3, 2, 0x91, 2, 2]], ["more than it says", [3, 1, 0x90, 3]], ["less than it says", [3, 3, 0x90, 2]],
  ])("damaged: %s", (_, delta) => { expect(applyDelta(source, Uint8Array.from(delta))).toBeUndefined(); });
});
