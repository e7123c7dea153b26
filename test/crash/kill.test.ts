/**
 * A real process on a real disk, killed at random moments, again and again on one overlay. Each time it is opened as a
 * user would: all that the process was told is done is there, and what was under way is as before or as after. What must
 * be there is known from the same operations on a disk in memory. Long form (OVERLAY_LONG=1): 500 kills.
 */
import { fork } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openOverlay } from "../../src/host/index.js";
import { snapshot } from "../../src/host/memoryTree.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { root } from "../support/paths.js";
import { Random } from "../support/random.js";
import { fullTree, type Tree } from "../support/truth.js";
import { codeOf, World } from "../support/world.js";
import { Allowed, show as showTree } from "./machine.js";
import { layersOf, partsOf, perform, type Said, type Work } from "./work.js";

const kills = process.env["OVERLAY_LONG"] === "1" ? 500 : 20;
const seed = Number(process.env["OVERLAY_SEED"] ?? 1);

const base: Readonly<Record<string, string>> = Object.fromEntries(["", "d0/", "d1/", "d2/"].flatMap((folder) => ["f0", "f1", "f2", "f3"].map((name) => [folder + name, `${folder}${name} of the base\n`.repeat(50)])));

/** Files have a second name for a while after snapshots were joined. */
const show = (tree: Tree): string => showTree(tree).replaceAll(/ x\d+ /g, " ");

/** Runs a worker until it has begun `begins` operations and some turns of the event loop more; then kills it. */
async function workAndKill(folders: { base: string; scratch: string }, random: Random): Promise<{ done: { work: Work; code: string }[]; underWay: Work | undefined }> {
  const child = fork(join(root, "test", "crash", "worker.ts"), [join(root, "dist", "overlay.mjs"), folders.base, folders.scratch, String(random.below(1 << 30))], { stdio: ["ignore", "ignore", "inherit", "ipc"], execArgv: [] });
  const done: { work: Work; code: string }[] = [];
  let underWay: Work | undefined;
  let begins = 1 + random.below(30);
  try {
    await new Promise<void>((resolve, reject) => {
      const kill = (turns: number): void => {
        if (turns > 0) setImmediate(kill, turns - 1);
        else child.kill("SIGKILL");
      };
      child.on("message", (message: unknown) => {
        const said = message as Said;
        if ("begin" in said) {
          underWay = said.begin;
          if (--begins === 0) kill(random.below(400));
        } else if ("done" in said && underWay !== undefined) {
          done.push({ work: underWay, code: said.done });
          underWay = undefined;
        }
      });
      child.once("close", (_code, signal) => { if (signal === "SIGKILL") resolve(); else reject(new Error("the worker ended by itself")); });
      child.once("error", reject);
    });
  } finally {
    child.kill("SIGKILL");
  }
  return { done, underWay };
}

/** A folder that is replaced may be gone. */
async function allowedAfter(model: World, work: Work): Promise<Allowed> {
  const { overlay } = model;
  const before = await fullTree(overlay);
  const twin = await World.open(snapshot(model.disk));
  await codeOf(perform(twin.overlay, work));
  return Allowed.during({ name: work.kind, linksVary: true, run: (o) => perform(o, work), parts: partsOf(work), ...(work.kind === "rename" ? { replaces: work.to } : {}) }, before, await fullTree(twin.overlay), snapshot(model.disk));
}

describe("SIGKILL at random moments", () => {
  test(`${String(kills)} times, seed ${String(seed)}`, async () => {
    const folder = temporaryFolder("kill");
    const folders = { base: join(folder, "base"), scratch: join(folder, "scratch") };
    for (const [path, text] of Object.entries(base)) {
      mkdirSync(join(folders.base, path, ".."), { recursive: true, mode: 0o755 });
      writeFileSync(join(folders.base, path), text, { mode: 0o644 });
    }
    let model = await World.create({ base, disk: { uid: process.getuid?.() ?? 0 } });
    const baseBefore = JSON.stringify(model.base());
    const random = new Random(seed);
    let finished = 0;
    try {
      for (let i = 0; i < kills; i++) {
        const { done, underWay } = await workAndKill(folders, random);
        for (const [n, { work, code }] of done.entries()) {
          expect(await codeOf(perform(model.overlay, work)), `kill ${String(i)}, operation ${String(n)}, ${JSON.stringify({ ...work, text: "" })}`).toBe(code);
        }
        finished += done.length;
        const overlay = await openOverlay(folders);
        const tree = await fullTree(overlay);
        const title = `kill ${String(i)} during ${JSON.stringify({ ...underWay, text: "" })}, after ${String(done.length)} operations`;
        const isModel = async (): Promise<boolean> => show(tree) === show(await fullTree(model.overlay)) && (await layersOf(overlay)) === (await layersOf(model.overlay));
        if (underWay === undefined) {
          expect(show(tree), title).toBe(show(await fullTree(model.overlay)));
          expect(await layersOf(overlay), title).toBe(await layersOf(model.overlay));
        } else {
          const allowed = await allowedAfter(model, underWay);
          if (!allowed.has(tree)) expect(show(tree), title).toBe(show(await fullTree(model.overlay)));
          // The model goes on from whichever it was.
          if (!(await isModel())) await codeOf(perform(model.overlay, underWay));
          if (!(await isModel())) {
            // Between: both go back to the base, so that they are one again.
            await overlay.resetTo("base");
            await overlay.forget();
            model = await World.create({ base, disk: { uid: process.getuid?.() ?? 0 } });
          }
        }
        await overlay.changes();
        await overlay.dispose();
        expect(readdirSync(join(folders.scratch, "work")), `${title}: work/`).toEqual([]);
      }
      expect(JSON.stringify(model.base())).toBe(baseBefore);
      expect(finished).toBeGreaterThan(kills * 3);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 900_000);
});
