/**
 * Power cuts on real file systems, again and again while an overlay is worked on. Each time its remains are mounted and
 * the overlay is opened as a user would (INV-8): with durability `full` all that was done is there; with `data` each
 * file is whole, old or new. Long form (OVERLAY_LONG=1): 300 cuts for each file system.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Durability } from "../../src/engine/index.js";
import { Random } from "../support/random.js";
import { fullTree } from "../support/truth.js";
import { type Cut, places, plug, session } from "./cuts.js";
import { show } from "./machine.js";
import { Moments } from "./moments.js";
import { type FileSystem, Mounts, skipped } from "./mounts.js";
import { Guest } from "./remote.js";

const kinds: readonly FileSystem[] = ["ext4", "xfs", "btrfs"];
const long = process.env["OVERLAY_LONG"] === "1";
/** Those with `data` wait for the file system's own time to write. */
const sessions: Readonly<Record<Exclude<Durability, "none">, number>> = long ? { full: 20, data: 10 } : { full: 6, data: 2 };
const cuts = 10;
const seed = Number(process.env["OVERLAY_SEED"] ?? 1);

const base: Readonly<Record<string, string>> = Object.fromEntries(["", "d0/", "d1/", "d2/"].flatMap((folder) => ["f0", "f1", "f2", "f3"].map((name) => [folder + name, `${folder}${name} of the base\n`.repeat(50)])));

/** Opens what a cut has left, looks, and works on. */
async function look(mounts: Mounts, guest: Guest, cut: Cut, kind: FileSystem, durability: Durability, moments: Moments): Promise<string[]> {
  const { disk } = places(mounts);
  await mounts.mount(cut.image, disk);
  try {
    const overlay = await guest.open({ base: join(disk, "base"), scratch: join(disk, "scratch"), durability });
    const faults = moments.faultsOf(await fullTree(overlay), durability, kind !== "btrfs", cut);
    await overlay.changes();
    await overlay.writeFile("/after", "the cut");
    await overlay.remove("/after");
    await overlay.resetTo("base");
    const reset = show(await fullTree(overlay));
    if (reset !== show(moments.first)) faults.push(`after a reset of everything it shows\n${reset}`);
    await overlay.dispose();
    const work = readdirSync(mounts.outside(join(disk, "scratch", "work")));
    if (work.length > 0) faults.push(`work/ still holds ${work.join(", ")}`);
    return faults;
  } finally {
    await mounts.unmount(disk);
    rmSync(mounts.outside(cut.image));
  }
}

describe.skipIf(skipped("power cuts", ...kinds)).each(kinds)("power cuts on %s", (kind) => {
  test.each(["full", "data"] as const)(`${String(cuts)} cuts in each session with durability %s, seed ${String(seed)}`, async (durability) => {
    const mounts = await Mounts.create("power");
    try {
      await plug(mounts);
      const guest = await Guest.start(mounts);
      const random = new Random(seed);
      try {
        for (let n = 0; n < sessions[durability]; n++) {
          const { history, cuts: taken } = await session(mounts, { kind, durability, base, cuts }, random);
          const moments = await Moments.replay(base, history);
          for (const cut of taken) {
            expect(await look(mounts, guest, cut, kind, durability, moments), cut.title).toEqual([]);
          }
        }
      } finally {
        await guest.end();
      }
    } finally {
      await mounts.end();
    }
  }, 300_000);
});
