/**
 * The engine on a real disk against the kernel's overlayfs: the same operations, the same answers, the same trees.
 * DIFFERENTIAL_OPS and DIFFERENTIAL_SEED set how much and which; a failure prints its seed and lands in corpus.json.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Operation } from "../support/model/operations.js";
import { operations } from "../support/model/arbitrary.js";
import { seedFrom } from "../support/seed.js";
import { Bench } from "./bench.js";
import { Difference } from "./compare.js";
import { addToCorpus, readCorpus } from "./corpus.js";

const wanted = Number(process.env["DIFFERENTIAL_OPS"] ?? 3000);
const seed = seedFrom("DIFFERENTIAL_SEED");
const longest = 100;
/** Far more than it takes; a hang is found all the same. */
const timeout = 60_000 + wanted * 20;

let bench: Bench;
let umask: number;
beforeAll(async () => {
  umask = process.umask(0o022);
  bench = await Bench.create();
  process.stdout.write(`The model is ${bench.model}.\n`);
});
afterAll(async () => {
  process.umask(umask);
  await bench.close();
});

describe("what once differed", () => {
  test("nothing at all, in no world", async () => {
    for (const world of bench.worlds) await bench.compare(world, []);
  });
  for (const { title, world, operations: sequence } of readCorpus()) {
    test(title, async (context) => {
      if (!bench.worlds.includes(world)) context.skip();
      await bench.compare(world, sequence);
    });
  }
});

test(`${wanted} random operations, seed ${seed}`, async () => {
  let done = 0;
  let failed = false;
  const property = fc.asyncProperty(fc.constantFrom(...bench.worlds), operations(longest, true), async (world, sequence) => {
    if (done >= wanted && !failed) return;
    try {
      await bench.compare(world, sequence);
    } catch (error) {
      failed = true;
      throw error;
    }
    done += sequence.length;
  });
  const result = await fc.check<[string, Operation[]]>(property, { seed, numRuns: wanted, endOnFailure: false });
  if (result.failed) {
    const [world, sequence] = result.counterexample ?? ["", []];
    const error = result.errorInstance;
    const title = error instanceof Difference ? (error.message.split("\n")[0] ?? "") : String(error);
    if (process.env["DIFFERENTIAL_CORPUS"] !== "keep") addToCorpus({ title: `seed ${seed}, ${title.slice(0, 160)}`, world, operations: sequence });
    throw new Error(
      `seed ${seed}, world '${world}', shrunk ${result.numShrinks} times to:\n${sequence.map((o) => `  ${JSON.stringify(o)}`).join("\n")}\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
  expect(done).toBeGreaterThanOrEqual(wanted);
}, timeout);
