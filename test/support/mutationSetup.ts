/**
 * For mutation tests: an operation that looks again for ever ends with an error after so many steps, which takes a
 * moment, where killing and replacing the worker takes many seconds. What makes no step of these is left to the timeout.
 */
import { beforeEach } from "vitest";
import { Tree } from "../../src/engine/tree.js";
import { MemoryDisk } from "../../src/host/memoryDisk.js";

/** Far more than any of the tests needs. */
const most = 300_000;
let steps = 0;

function step(): void {
  if (++steps > most) throw new Error("this does not come to an end");
}

beforeEach(() => { steps = 0; });

/** Counts each call of a method. */
function count<T extends object>(prototype: T, name: keyof T): void {
  const method: unknown = prototype[name];
  if (typeof method !== "function") throw new TypeError(String(name));
  Object.defineProperty(prototype, name, {
    value: function (this: T, ...args: unknown[]): unknown {
      step();
      return Reflect.apply(method, this, args);
    },
  });
}

count(MemoryDisk.prototype, "find");
count(Tree.prototype, "entry");
count(Tree.prototype, "isAttached");
