/** When a wait for a base counts as long: by a clock that the test moves. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { longMs, LongWait, pauseMs } from "../../src/vscode/longWait.js";

let said: boolean[];
let wait: LongWait;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  wait = new LongWait((long) => said.push(long));
});
afterEach(() => {
  wait.dispose();
  expect(vi.getTimerCount(), "timers left").toBe(0);
  vi.useRealTimers();
});

test("what is over soon is never said", () => {
  wait.set(true);
  vi.advanceTimersByTime(longMs - 1);
  wait.set(false);
  vi.advanceTimersByTime(10 * longMs);
  expect(said).toEqual([]);
});

test("what takes long is said once, and its end when nothing follows it", () => {
  wait.set(true);
  vi.advanceTimersByTime(longMs);
  expect(said).toEqual([true]);
  wait.set(true);
  wait.set(false);
  vi.advanceTimersByTime(pauseMs - 1);
  expect(said).toEqual([true]);
  vi.advanceTimersByTime(1);
  expect(said).toEqual([true, false]);
});

test("many short waits, one after the other, are one long one; a pause ends it", () => {
  for (let i = 0; i < 10; i++) {
    wait.set(true);
    vi.advanceTimersByTime(longMs / 10);
    wait.set(false);
    vi.advanceTimersByTime(pauseMs / 10);
  }
  expect(said).toEqual([true]);
  vi.advanceTimersByTime(pauseMs);
  expect(said).toEqual([true, false]);
  wait.set(true);
  vi.advanceTimersByTime(longMs);
  expect(said).toEqual([true, false, true]);
});
