/** One sequence of operations, and all that the death of the process in it can leave: each opened and looked at. */
import type { MemoryDiskOptions } from "../../src/host/memoryDisk.js";
import { snapshot } from "../../src/host/memoryTree.js";
import { fullTree } from "../support/truth.js";
import { codeOf, World } from "../support/world.js";
import { Allowed, copying, faultsOf, newWorld, show } from "./machine.js";
import type { Operation } from "./operations.js";

/** Runs a sequence; crashes in the operations from `from` on. Returns how many crashes were opened again. */
export async function crash(sequence: readonly Operation[], options: { from: number; thorough: boolean; disk?: MemoryDiskOptions }): Promise<number> {
  const copies = copying();
  const world = await newWorld(copies.hook, options.disk);
  let opened = 0;
  for (const [i, { linksVary, ...given }] of sequence.entries()) {
    const operation = { ...given, linksVary: linksVary === true || sequence.slice(0, i).some((earlier) => earlier.linksVary === true) };
    for (const step of operation.before ?? []) await codeOf(step(world.overlay));
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
    const done = await Allowed.during({ name: "", run: operation.run, linksVary: operation.linksVary }, after, after, disk);
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
