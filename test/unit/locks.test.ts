/** The locks alone: their order, their fairness, and that nothing of them stays when what they guard fails. */
import { describe, expect, test } from "vitest";
import { Locks } from "../../src/engine/locks.js";
import { UpperDirectory } from "../../src/engine/tree.js";

const root = new UpperDirectory(undefined, "");
const d = new UpperDirectory(root, "d");
const e = new UpperDirectory(root, "e");
const inner = new UpperDirectory(d, "inner");

function signal(): { promise: Promise<void>; fire: () => void } {
  let fire: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => { fire = resolve; });
  return { promise, fire };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

describe("two directories are locked in one order, however they are named", () => {
  test.each([[root, d], [d, inner], [d, e], [inner, e], [root, inner]])("pair %#", async (a, b) => {
    for (const first of [a, b]) {
      const locks = new Locks();
      const held = signal();
      const ended: string[] = [];
      // Somebody has one of the two; then two come that name them crosswise.
      const holder = locks.shared([first], () => held.promise);
      const crosswise = [[a, b], [b, a], [a, b]].map(async (pair, i) => locks.shared(pair, async () => { ended.push(String(i)); }));
      await settle();
      held.fire();
      await holder;
      await Promise.all(crosswise);
      expect(ended.sort()).toEqual(["0", "1", "2"]);
    }
  });

  test("a directory named twice is locked once", async () => {
    expect(await new Locks().shared([d, d], async () => "done")).toBe("done");
  });
});

describe("shared and exclusive", () => {
  test("publishers in different directories go on together, in one directory one after the other", async () => {
    const locks = new Locks();
    const held = signal();
    const order: string[] = [];
    const first = locks.shared([d], async () => { await held.promise; order.push("d"); });
    const same = locks.shared([d], async () => { order.push("d again"); });
    await locks.shared([e], async () => { order.push("e"); });
    held.fire();
    await Promise.all([first, same]);
    expect(order).toEqual(["e", "d", "d again"]);
  });

  test("a mover waits for publishers, excludes them and other movers, and is not overtaken for ever", async () => {
    const locks = new Locks();
    const held = signal();
    const order: string[] = [];
    const publisher = locks.shared([d], async () => { await held.promise; order.push("publisher"); });
    const mover = locks.exclusive(async () => { order.push("mover in"); await settle(); order.push("mover out"); });
    const late = [locks.shared([e], async () => { order.push("late"); }), locks.exclusive(async () => { order.push("other mover"); })];
    await settle();
    expect(order).toEqual([]);
    held.fire();
    await Promise.all([publisher, mover, ...late]);
    expect(order.slice(0, 3)).toEqual(["publisher", "mover in", "mover out"]);
    expect(order.slice(3).sort()).toEqual(["late", "other mover"]);
  });

  test("what fails lets go of all it held", async () => {
    const locks = new Locks();
    const fail = () => Promise.reject(new Error("fault"));
    await expect(locks.shared([d, e], fail)).rejects.toThrow("fault");
    await expect(locks.exclusive(fail)).rejects.toThrow("fault");
    expect(await locks.exclusive(async () => "free")).toBe("free");
    expect(await locks.shared([e, d], async () => "free")).toBe("free");
  });
});
