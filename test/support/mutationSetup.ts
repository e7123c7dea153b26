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

const { find } = MemoryDisk.prototype;
MemoryDisk.prototype.find = function (...args) {
  step();
  return find.apply(this, args);
};

const { entry, isAttached } = Tree.prototype;
Tree.prototype.entry = function (...args) {
  step();
  return entry.apply(this, args);
};
Tree.prototype.isAttached = function (...args) {
  step();
  return isAttached.apply(this, args);
};
