/**
 * The process dies before and after every changing call of every operation, alone and after every other one: opened
 * again, merged is what it was before or after that operation (INV-8), and all that was done earlier is there.
 * Long form (OVERLAY_LONG=1): every pair; else the pairs with a core operation on either side.
 */
import { describe, test } from "vitest";
import { crash } from "./crash.js";
import { copiesUp, operations } from "./operations.js";

const long = process.env["OVERLAY_LONG"] === "1";
const cores = operations.filter((operation) => operation.core === true);

describe("one operation", () => {
  for (const operation of operations) {
    test(operation.name, async () => {
      await crash([operation], { from: 0, thorough: true });
      await crash([operation], { from: 0, thorough: false, disk: { uid: 1000 } });
    });
  }
});

describe("one operation, where a copy is made and published in one step each", () => {
  for (const operation of operations.filter(copiesUp)) {
    test(operation.name, () => crash([operation], { from: 0, thorough: true, disk: { oneStep: true } }));
  }
});

describe("all sequences of two operations", () => {
  for (const first of operations) {
    const seconds = long || first.core === true ? operations : cores;
    test(`${first.name}, then each of ${String(seconds.length)}`, async () => {
      for (const second of seconds) await crash([first, second], { from: 1, thorough: false });
    }, 600_000);
  }
});
