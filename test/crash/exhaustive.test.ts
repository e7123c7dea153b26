/**
 * The process dies before and after every changing call of every operation, and of the last operation of every
 * sequence: opened again, merged is what it was before or after that operation (INV-8), and all that was done earlier
 * is there. Long form (OVERLAY_LONG=1): all sequences of three of the core operations, and more random ones.
 */
import { describe, test } from "vitest";
import { snapshot } from "../../src/host/memoryTree.js";
import { Random } from "../support/random.js";
import { fullTree } from "../support/truth.js";
import { codeOf, World } from "../support/world.js";
import { Allowed, copying, faultsOf, newWorld, show } from "./machine.js";
import { type Operation, operations } from "./operations.js";

const long = process.env["OVERLAY_LONG"] === "1";
const seed = Number(process.env["OVERLAY_SEED"] ?? 1);
const cores = operations.filter((operation) => operation.core === true);

/** Runs a sequence; crashes in the operations from `from` on. Returns how many crashes were opened again. */
async function crash(sequence: readonly Operation[], options: { from: number; thorough: boolean; uid?: number }): Promise<number> {
  const copies = copying();
  const world = await newWorld(copies.hook, options.uid);
  let opened = 0;
  for (const [i, operation] of sequence.entries()) {
    if (i < options.from) {
      await codeOf(operation.run(world.overlay));
      continue;
    }
    const disk = snapshot(world.disk);
    const before = await fullTree(i % 2 === 0 ? world.overlay : (await World.open(snapshot(disk))).overlay);
    copies.start(world.disk);
    const code = await codeOf(operation.run(world.overlay));
    const remains = copies.stop();
    const after = await fullTree(world.overlay);
    const allowed = await Allowed.during(operation, before, after, disk);
    const done = await Allowed.during({ name: "", run: operation.run }, after, after, disk);
    for (const [which, { where, disk: left, states }] of [...remains.map((r) => ({ ...r, states: allowed })), { where: "at its end", disk: snapshot(world.disk), states: done }].entries()) {
      opened++;
      const faults = await faultsOf(left, states, options.thorough || which === i);
      if (faults.length > 0) {
        const title = sequence.slice(0, i + 1).map(({ name }) => name).join("; ");
        throw new Error(`${title} (${code}), dead ${where}\n${faults.join("\n")}\nbefore:\n${show(before)}\nafter:\n${show(after)}`);
      }
    }
  }
  await world.overlay.dispose();
  return opened;
}

describe("one operation", () => {
  for (const operation of operations) {
    test(operation.name, async () => {
      await crash([operation], { from: 0, thorough: true });
      await crash([operation], { from: 0, thorough: false, uid: 1000 });
    });
  }
});

describe("all sequences of two operations", () => {
  // Every pair in the long form; else pairs with a core operation on either side.
  for (const first of operations) {
    const seconds = long || first.core === true ? operations : cores;
    test(`${first.name}, then each of ${String(seconds.length)}`, async () => {
      for (const second of seconds) await crash([first, second], { from: 1, thorough: false });
    }, 600_000);
  }
});

describe.runIf(long)("all sequences of three core operations", () => {
  for (const first of cores) {
    test(`${first.name}, then each of ${String(cores.length)} squared`, async () => {
      for (const second of cores) for (const third of cores) await crash([first, second, third], { from: 2, thorough: false });
    }, 900_000);
  }
});

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
