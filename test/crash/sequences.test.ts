/**
 * Longer sequences: the process dies before and after every changing call. Random ones always; in the long form
 * (OVERLAY_LONG=1) all sequences of three of the core operations, too.
 */
import { describe, test } from "vitest";
import { Random } from "../support/random.js";
import { crash } from "./crash.js";
import { operations } from "./operations.js";

const long = process.env["OVERLAY_LONG"] === "1";
const seed = Number(process.env["OVERLAY_SEED"] ?? 1);
const cores = operations.filter((operation) => operation.core === true);

if (long) {
  describe("all sequences of three core operations", () => {
    for (const first of cores) {
      test(`${first.name}, then each of ${String(cores.length)} squared`, async () => {
        for (const second of cores) for (const third of cores) await crash([first, second, third], { from: 2, thorough: false });
      }, 900_000);
    }
  });
}

describe("random sequences of ten", () => {
  const count = long ? 300 : 20;
  test(`${String(count)}, seed ${String(seed)}`, async () => {
    const random = new Random(seed);
    for (let i = 0; i < count; i++) {
      const sequence = Array.from({ length: 10 }, () => random.pick(operations));
      await crash(sequence, { from: 0, thorough: false });
    }
  }, 600_000);
});
