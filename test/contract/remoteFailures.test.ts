/**
 * Random operations over a base whose calls fail now and then: each has the outcome that it has over the same base on a
 * disk, or ends with a fault that says so, and then it has changed nothing. Never a wrong "absent", never a whiteout too
 * many or too few (INV-2, INV-11). FAILURES_RUNS and FAILURES_SEED say how many and which.
 */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { OverlayError } from "../../src/engine/index.js";
import { RemoteLowerLayer } from "../../src/host/remoteLayer.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { RemoteDisk, unavailable } from "../support/layers/remoteDisk.js";
import { seedFrom } from "../support/seed.js";
import { mergedTree, type PlantedTree, World } from "../support/world.js";

const runs = Number(process.env["FAILURES_RUNS"] ?? 150);
const seed = seedFrom("FAILURES_SEED");

const base: Readonly<Record<string, string>> = { a: "A", b: "B", "d/a": "DA", "d/b": "DB", "d/e/a": "DEA", "d/e/f/b": "DEFB", "e/b": "EB" };

type Operation =
  | { readonly do: "write" | "append" | "mkdir" | "unlink" | "rmdir" | "remove" | "read" | "list" | "stat" | "copyUp"; readonly path: string }
  | { readonly do: "rename" | "copy"; readonly from: string; readonly to: string }
  | { readonly do: "reset" | "snapshot" };
type Step = Operation | { readonly do: "forget" } | { readonly do: "reopen" };

const name = fc.constantFrom("a", "b", "d", "e", "f", "n");
const path = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("/a", "/b", "/d", "/d/a", "/d/e", "/d/e/a", "/e", "/e/b", "/n") },
  { weight: 2, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constantFrom("write", "append", "mkdir", "unlink", "rmdir", "remove", "remove", "read", "list", "stat", "copyUp" as const), path }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("rename", "rename", "copy" as const), from: path, to: path }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: "forget" }, { do: "reopen" }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("reset", "snapshot" as const) }) },
);
/** Which calls fail, over and over: every tenth, or as it comes, one after the other, so that asking again does not help. */
const failures = fc.oneof(
  fc.constant([false, false, false, false, false, false, false, false, false, true]),
  fc.array(fc.boolean(), { minLength: 3, maxLength: 24 }).filter((all) => all.includes(false)),
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 8 }).map((lengths) => lengths.flatMap((length, i) => new Array<boolean>(length).fill(i % 2 === 1))),
);

async function perform(overlay: Overlay, step: Operation): Promise<unknown> {
  switch (step.do) {
    case "write": return overlay.writeFile(step.path, "new");
    case "append": return overlay.append(step.path, "+");
    case "mkdir": return overlay.createDirectory(step.path);
    case "unlink": return overlay.unlink(step.path);
    case "rmdir": return overlay.rmdir(step.path);
    case "remove": return overlay.remove(step.path, { recursive: true });
    case "read": return new TextDecoder().decode(await overlay.readFile(step.path));
    case "list": return (await overlay.readDirectory(step.path)).map(({ name: n, type }) => `${n} ${type}`).sort();
    case "stat": {
      const { type, size } = await overlay.stat(step.path);
      return type === "file" ? size : type;
    }
    case "copyUp": return overlay.copyUp(step.path);
    case "rename": return overlay.rename(step.from, step.to);
    case "copy": return overlay.copy(step.from, step.to, { overwrite: true });
    case "reset": return overlay.reset();
    case "snapshot": return (await overlay.takeSnapshot("s")).name;
  }
}

async function outcome(overlay: Overlay, step: Operation): Promise<unknown> {
  try {
    return { value: await perform(overlay, step) };
  } catch (error) {
    if (error instanceof OverlayError) return { code: error.code };
    throw error;
  }
}

/** Our own faults, and no other, come of calls that fail. */
const isFault = (result: unknown): boolean => JSON.stringify(result) === '{"code":"EIO"}';

test(`${runs} sequences, seed ${seed}`, async () => {
  const root = temporaryFolder("failures");
  let faults = 0;
  try {
    for (const [at, content] of Object.entries(base)) {
      fs.mkdirSync(dirname(join(root, at)), { recursive: true });
      fs.writeFileSync(join(root, at), content);
      fs.utimesSync(join(root, at), 1_600_000_000, 1_600_000_000);
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 40 }), failures, async (steps, failing) => {
      const disk = new RemoteDisk(root);
      const connect = (): RemoteLowerLayer => new RemoteLowerLayer(disk, { name: "remote:/base" });
      let layer = connect();
      const planted: PlantedTree = base;
      let model = await World.create({ base: planted });
      let world = await World.create({ baseLayer: layer });
      let calls = 0;
      disk.schedule = () => { if (failing[calls++ % failing.length] === true) throw unavailable(); };
      for (const one of steps) {
        if (one.do === "forget") {
          layer.forget();
          await world.overlay.baseChanged([{ type: "changed", path: "/" }]);
        } else if (one.do === "reopen") {
          await world.overlay.dispose();
          await model.overlay.dispose();
          layer = connect();
          [model, world] = [await World.open(model.disk, {}), await World.open(world.disk, { baseLayer: layer })];
        } else {
          const found = await outcome(world.overlay, one);
          if (isFault(found)) faults++;
          else expect(found, JSON.stringify(one)).toEqual(await outcome(model.overlay, one));
        }
      }
      disk.schedule = () => undefined;
      expect(await mergedTree(world.overlay)).toEqual(await mergedTree(model.overlay));
      layer.forget();
      await world.overlay.dispose();
      world = await World.open(world.disk, { baseLayer: layer });
      expect(await mergedTree(world.overlay), "opened again").toEqual(await mergedTree(model.overlay));
      // What was copied up for what then failed is in upper, and differs in nothing.
      const shown = async (overlay: Overlay): Promise<unknown> => {
        const lines: string[] = [];
        for (const { kind, path: at, type } of await overlay.changes()) {
          if (kind !== "copied" || type === "directory" || !(await overlay.isUnchangedCopy(at))) lines.push(`${kind} ${at} ${type}`);
        }
        return lines;
      };
      expect(await shown(world.overlay)).toEqual(await shown(model.overlay));
      expect(world.work()).toEqual([]);
    }), { seed, numRuns: runs });
    expect(faults, "faults that came through").toBeGreaterThan(runs / 10);
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}, 120_000);
