/** What is made before its turn: in order, and never more at once than is allowed, whoever is slow. */
import { describe, expect, test } from "vitest";
import { ahead } from "../../src/carry/cancel.js";

const most = { count: 4, bytes: 100 };

/** Makes nothing until it is told to; says what is under way. */
class Makers {
  readonly begun: number[] = [];
  private readonly ends = new Map<number, PromiseWithResolvers<number>>();
  readonly make = (item: number): Promise<number> => {
    this.begun.push(item);
    const end = Promise.withResolvers<number>();
    this.ends.set(item, end);
    return end.promise;
  };
  end(...items: number[]): void {
    for (const item of items) this.ends.get(item)?.resolve(item);
  }
  fail(item: number): void {
    this.ends.get(item)?.reject(new Error(String(item)));
  }
}

describe("ahead", () => {
  test("as many as may be, and one more for each that is taken, in order though later ones end first", async () => {
    const makers = new Makers();
    const all = ahead([1, 2, 3, 4, 5, 6], makers.make, most, () => 1);
    const first = all.next();
    expect(makers.begun).toEqual([1, 2, 3, 4]);
    makers.end(4, 3, 2, 1);
    expect(await first).toEqual({ done: false, value: 1 });
    expect(makers.begun, "nobody has asked for the next").toEqual([1, 2, 3, 4]);
    expect((await all.next()).value).toBe(2);
    expect(makers.begun).toEqual([1, 2, 3, 4, 5]);
    makers.end(5);
    expect([(await all.next()).value, (await all.next()).value, (await all.next()).value]).toEqual([3, 4, 5]);
    makers.end(6);
    expect([await all.next(), await all.next()]).toEqual([{ done: false, value: 6 }, { done: true, value: undefined }]);
  });

  test("the bytes of all that are under way, and of the one that is being worked on, stay in bounds", async () => {
    const makers = new Makers();
    const all = ahead([60, 30, 20, 50], makers.make, most, (size) => size);
    const first = all.next();
    expect(makers.begun).toEqual([60, 30]);
    makers.end(60);
    await first;
    const second = all.next(); // 60 is done with
    expect(makers.begun).toEqual([60, 30, 20, 50]);
    makers.end(30, 20, 50);
    expect([(await second).value, (await all.next()).value, (await all.next()).value, (await all.next()).done]).toEqual([30, 20, 50, true]);
  });

  test("one that is larger than all may be comes alone, and nothing passes it", async () => {
    const makers = new Makers();
    const all = ahead([10, 500, 20], makers.make, most, (size) => size);
    const first = all.next();
    expect(makers.begun).toEqual([10]);
    makers.end(10);
    await first;
    const second = all.next();
    expect(makers.begun).toEqual([10, 500]);
    makers.end(500);
    expect((await second).value).toBe(500);
    const third = all.next();
    makers.end(20);
    expect((await third).value).toBe(20);
  });

  test("a failure comes in its turn, after all that has begun has ended; who leaves waits for that too", async () => {
    const makers = new Makers();
    const all = ahead([1, 2, 3], makers.make, most, () => 1);
    const first = all.next();
    makers.fail(2);
    makers.end(1);
    await first;
    let settled = false;
    const second = all.next().finally(() => { settled = true; });
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(settled, "3 is still under way").toBe(false);
    makers.end(3);
    await expect(second).rejects.toThrow("2");

    const others = new Makers();
    const left = ahead([1, 2], others.make, most, () => 1);
    const taken = left.next();
    others.end(1);
    await taken;
    let gone = false;
    const leaving = left.return().then(() => { gone = true; });
    await new Promise((resolve) => { setImmediate(resolve); });
    expect(gone).toBe(false);
    others.end(2);
    await leaving;
  });
});
