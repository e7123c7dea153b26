// INV-10: what the editor is told of a file's time moves forward when the file changed, and only then.
import { describe, expect, it } from "vitest";
import { MtimeFloor, type Floors, type StatForFloor } from "../../src/vscode/mtimeFloor.ts";

const now = 1_700_000_000_000;

function stat(mtimeMs: number, more: Partial<StatForFloor> = {}): StatForFloor {
  return { mtimeMs, ctimeMs: mtimeMs, size: 1, ino: 1, layer: "upper", ...more };
}

function make(kept: Floors = {}, at = now): { floor: MtimeFloor; dirty: () => number } {
  let count = 0;
  const floor = new MtimeFloor(() => at, () => { count++; }, kept);
  return { floor, dirty: () => count };
}

describe("INV-10 mtime floor", () => {
  it("tells the real time, in whole milliseconds, and keeps nothing, when nothing stands against it", () => {
    const { floor, dirty } = make();
    expect(floor.report("/a", stat(1000.9))).toBe(1000);
    expect(floor.toJSON()).toEqual({});
    expect(dirty()).toBe(0);
  });

  it("tells the same time again when nothing changed", () => {
    const { floor } = make();
    expect([1, 2, 3].map(() => floor.report("/a", stat(1000)))).toEqual([1000, 1000, 1000]);
  });

  it("moves forward when a reset reveals an older file", () => {
    const { floor } = make();
    floor.report("/a", stat(5000));
    floor.note("/a");
    const revealed = stat(1000, { layer: "lower", ino: 9 });
    expect(floor.report("/a", revealed)).toBe(5001);
    expect(floor.report("/a", revealed)).toBe(5001);
  });

  it("moves forward by a millisecond when two writes share one", () => {
    const { floor } = make();
    floor.report("/a", stat(5000.1));
    expect(floor.report("/a", stat(5000.4))).toBe(5001);
    expect(floor.report("/a", stat(5000.7))).toBe(5002);
  });

  it("moves forward on copy-up, which keeps the time and changes the layer", () => {
    const { floor } = make();
    floor.report("/a", stat(5000, { layer: "lower" }));
    expect(floor.report("/a", stat(5000, { layer: "upper" }))).toBe(5001);
  });

  it("drops the floor once the real time is beyond it", () => {
    const { floor } = make();
    floor.report("/a", stat(5000));
    floor.report("/a", stat(1000));
    expect(Object.keys(floor.toJSON())).toEqual(["/a"]);
    expect(floor.report("/a", stat(9000))).toBe(9000);
    expect(floor.toJSON()).toEqual({});
  });

  it("outlives the window: the next one tells the same time for the same file", () => {
    const first = make();
    first.floor.report("/a", stat(5000));
    first.floor.report("/a", stat(1000));
    const second = make(JSON.parse(JSON.stringify(first.floor)) as Floors);
    expect(second.floor.report("/a", stat(1000))).toBe(5001);
    expect(second.floor.report("/a", stat(1000))).toBe(5001);
  });

  it("outlives the window: what changed in between moves forward from there", () => {
    const first = make();
    first.floor.report("/a", stat(5000));
    first.floor.report("/a", stat(1000));
    const second = make(first.floor.toJSON());
    expect(second.floor.report("/a", stat(2000))).toBe(5002);
  });

  it("takes any time up to now for told when a path changes that was not asked for in this window", () => {
    const { floor } = make();
    floor.note("/a");
    expect(floor.report("/a", stat(1000))).toBe(now);
    expect(floor.report("/a", stat(1000))).toBe(now);
  });

  it("believes an event over an equal signature when the entry had just changed", () => {
    const { floor } = make();
    const fresh = stat(now - 3.5);
    expect(floor.report("/a", fresh)).toBe(now - 4);
    floor.note("/a");
    expect(floor.report("/a", fresh)).toBe(now - 3);
  });

  it("does not move for an event about what was settled long ago", () => {
    const { floor } = make();
    floor.report("/a", stat(1000.5));
    floor.note("/a");
    expect(floor.report("/a", stat(1000.5))).toBe(1000);
  });

  it("never goes back over any run of reports", () => {
    const { floor } = make();
    let last = -1;
    for (let i = 0; i < 500; i++) {
      const told = floor.report("/a", stat((i * 7919) % 1000, { ino: i }));
      expect(told).toBeGreaterThan(last);
      last = told;
    }
  });

  it("remembers a limited number of paths, and stays right for those it forgot", () => {
    const floor = new MtimeFloor(() => now, () => undefined, {}, 2);
    for (const path of ["/a", "/b", "/c"]) floor.report(path, stat(5000));
    expect(floor.knows("/a")).toBe(false);
    floor.note("/a");
    expect(floor.report("/a", stat(1000))).toBeGreaterThan(5000);
  });

  it("ignores what storage holds in another shape", () => {
    const kept = { "/a": "nonsense", "/b": [1] } as unknown as Floors;
    expect(make(kept).floor.report("/a", stat(1000))).toBe(1000);
  });

  it("says when there is something to save, and only then", () => {
    const { floor, dirty } = make();
    floor.report("/a", stat(5000));
    expect(dirty()).toBe(0);
    floor.report("/a", stat(1000));
    expect(dirty()).toBe(1);
    floor.report("/a", stat(1000));
    expect(dirty()).toBe(1);
    floor.report("/a", stat(9000));
    expect(dirty()).toBe(2);
  });
});
