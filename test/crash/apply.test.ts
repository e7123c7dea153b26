/**
 * Apply to Base when the disk fails, or the process ends, in each of its calls in turn: every file of the base is old or
 * new, nothing of ours is left in it after the next open, merged is what it was, and what is said to be done can be undone.
 */
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { ScratchLayer } from "../../src/engine/index.js";
import { LayerError } from "../../src/engine/index.js";
import { appliedRecords, apply, openOverlay, type OpenOverlay, planApply, undoApply } from "../../src/host/index.js";
import { inMerged, onDisk, type Shown } from "../interop/carryWorld.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { seedFrom } from "../support/seed.js";

const folder = temporaryFolder("apply");
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });
let runs = 0;
const step = process.env["OVERLAY_LONG"] === "1" ? 1 : 9;
const seed = seedFrom("OVERLAY_SEED", step);

interface World {
  readonly base: string;
  readonly overlay: OpenOverlay;
  readonly reopen: () => Promise<OpenOverlay>;
}

/** One of each thing that apply does. */
async function world(layered = false): Promise<World> {
  const own = join(folder, `run${runs++}`);
  const base = join(own, "base");
  for (const [path, text] of Object.entries({ "over": "old over", "gone": "old gone", "mode": "old mode", "moved/one": "one", "moved/two": "two", "becomes": "file", "dir/inner": "inner", "gonedir/f": "f", "private/p": "p" })) {
    mkdirSync(join(base, path, ".."), { recursive: true });
    writeFileSync(join(base, path), text);
  }
  symlinkSync("target", join(base, "link"));
  const open = (): Promise<OpenOverlay> => openOverlay({ base, scratch: join(own, "scratch"), durability: "none" });
  const overlay = await open();
  const layer = async (): Promise<unknown> => (layered ? overlay.takeSnapshot() : undefined);
  if (layered) {
    await overlay.writeFile("/over", "in a snapshot");
    await overlay.rename("/moved", "/between");
    await overlay.rename("/between", "/moved");
    await layer();
  }
  await overlay.writeFile("/over", "new over");
  await overlay.writeFile("/new", "new");
  await overlay.unlink("/gone");
  await overlay.chmod("/mode", 0o755);
  await overlay.rename("/moved", "/renamed");
  await layer();
  await overlay.unlink("/becomes");
  await overlay.createDirectory("/becomes");
  await overlay.writeFile("/becomes/f", "in it");
  await overlay.remove("/dir", { recursive: true });
  await overlay.writeFile("/dir", "file now");
  await overlay.remove("/gonedir", { recursive: true });
  await overlay.chmod("/private", 0o700);
  await overlay.unlink("/link");
  await overlay.symlink("elsewhere", "/link");
  return { base, overlay, reopen: open };
}

/** Counts the calls that change something; at one of them the disk fails, or everything ends. */
class Fault {
  calls = 0;
  dead = false;
  constructor(private readonly at: number, private readonly how: "fails" | "dies before" | "dies after") {}

  readonly wrap = (layer: ScratchLayer): ScratchLayer => this.around(layer, new Set(["create", "openWrite", "makeDirectory", "makeSymlink", "link", "rename", "unlink", "removeDirectory", "chmod", "cloneFrom", "syncDirectory"]));

  private around<T extends object>(target: T, changing: ReadonlySet<string>): T {
    return new Proxy(target, {
      get: (of, name) => {
        const value: unknown = Reflect.get(of, name);
        if (typeof value !== "function") return value;
        const call = value.bind(of) as (...args: unknown[]) => Promise<unknown>;
        return changing.has(String(name)) ? async (...args: unknown[]) => this.called(String(name), call, args) : call;
      },
    });
  }

  private async called(name: string, call: (...args: unknown[]) => Promise<unknown>, args: unknown[]): Promise<unknown> {
    if (this.dead) throw new LayerError("EIO", name, "after the end");
    const turn = this.calls++ === this.at;
    if (turn && this.how !== "dies after") {
      this.dead = this.how === "dies before";
      throw new LayerError("EIO", name, "the fault of this test");
    }
    const result = await call(...args);
    if (turn) this.dead = true;
    const handle = result as { write?: unknown } | undefined;
    return typeof handle === "object" && typeof handle.write === "function" ? this.around(handle, new Set(["write", "sync", "chmod", "utimes"])) : result;
  }
}

async function countCalls(layered: boolean): Promise<number> {
  const { overlay } = await world(layered);
  const fault = new Fault(-1, "fails");
  expect((await apply(overlay, await planApply(overlay), { wrap: fault.wrap })).notDone).toEqual([]);
  await overlay.dispose();
  return fault.calls;
}

/** What is at each name is what was there before, or what is to be there; a name may be on its way to another type. */
function expectOldOrNew(now: Shown, before: Shown, after: Shown, title: string): void {
  for (const path of new Set([...Object.keys(now), ...Object.keys(before), ...Object.keys(after)])) {
    const allowed: (string | undefined)[] = [before[path], after[path]];
    const between = before[path]?.startsWith("folder") !== after[path]?.startsWith("folder") || path.split("/").length > 2;
    if (now[path] === undefined && between) continue;
    const shown = now[path]?.startsWith("folder") === true ? "folder" : now[path];
    expect(allowed.map((one) => (one?.startsWith("folder") === true ? "folder" : one)), `${title}: ${path}`).toContain(shown);
  }
}

describe.each(["fails", "dies before", "dies after"] as const)("a call that %s", (how) => {
  test.each([["", false], [", with snapshots", true]] as const)("at each of them in turn%s", async (_, layered) => {
    const calls = await countCalls(layered);
    expect(calls).toBeGreaterThan(80);
    // The short form takes some of them, other ones each time.
    for (let at = seed % step; at < calls; at += step) {
      const { base, overlay, reopen } = await world(layered);
      const snapshots = await overlay.snapshots();
      const title = `call ${at} ${how} (seed ${seed})`;
      const merged = await inMerged(overlay, "full");
      const before = onDisk(base, "full");
      const fault = new Fault(at, how);
      const plan = await planApply(overlay);
      const report = await apply(overlay, plan, { wrap: fault.wrap }).catch((error: unknown) => error as Error);
      const shown = Object.entries(await inMerged(overlay, "full")).filter(([path]) => how === "fails" || !path.includes(".overlay-apply"));
      expect(Object.fromEntries(shown), `${title}: merged`).toEqual(merged);
      await overlay.dispose();
      const again = await reopen();
      const now = onDisk(base, "full");
      expectOldOrNew(now, before, merged, title);
      expect(Object.keys(now).filter((path) => path.includes(".overlay-apply")), `${title}: left over`).toEqual([]);
      expect(await inMerged(again, "full"), `${title}: merged, opened again`).toEqual(merged);
      if (how === "fails" && !(report instanceof Error)) {
        const said = new Set(report.applied.map(({ path }) => path));
        for (const item of plan.items) expect(said.has(item.path) || report.notDone.some(({ path }) => path === item.path), `${title}: ${item.path} is told of`).toBe(true);
      }
      for (const record of await appliedRecords(again)) expect((await undoApply(again, record.id)).notDone, `${title}: undo`).toEqual([]);
      expect(onDisk(base, "full"), `${title}: undone`).toEqual(before);
      expect(await inMerged(again, "full"), `${title}: merged, undone`).toEqual(merged);
      // There, or kept to be brought back by hand where it was cut short.
      const kept = [...(await again.snapshots()), ...(await again.dropped()).flatMap((item) => item.snapshots)].map(({ id }) => id);
      for (const { id } of snapshots) expect(kept, `${title}: the snapshots`).toContain(id);
      await again.dispose();
      rmSync(join(base, ".."), { recursive: true, force: true });
    }
  }, 600_000);
});

test("a new plan finishes what a crash cut short", async () => {
  for (const at of [20, 40, 60]) {
    const { base, overlay, reopen } = await world();
    const merged = await inMerged(overlay, "full");
    await apply(overlay, await planApply(overlay), { wrap: new Fault(at, "dies before").wrap }).catch(() => undefined);
    await overlay.dispose();
    const again = await reopen();
    expect((await appliedRecords(again))[0]?.outcome).toBe("cut short");
    const report = await apply(again, await planApply(again));
    expect(report.notDone).toEqual([]);
    expect(onDisk(base, "full")).toEqual(merged);
    expect(await inMerged(again, "full")).toEqual(merged);
    expect(await again.changes()).toEqual([]);
    expect(readdirSync(base).filter((name) => name.startsWith(".overlay"))).toEqual([]);
    await again.dispose();
  }
});

test("cancelled between two files: what is said to be done is done, the rest is as it was", async () => {
  const { base, overlay } = await world();
  cpSync(base, `${base}-before`, { recursive: true, verbatimSymlinks: true });
  const merged = await inMerged(overlay, "full");
  const cancel = new AbortController();
  const report = await apply(overlay, await planApply(overlay), { signal: cancel.signal, onProgress: (done) => { if (done === 5) cancel.abort(); } });
  expect(report.cancelled).toBe(true);
  expect(report.applied.length).toBeGreaterThan(0);
  expect(report.notDone.some(({ reason }) => reason.includes("cancelled"))).toBe(true);
  expectOldOrNew(onDisk(base, "full"), onDisk(`${base}-before`, "full"), merged, "cancelled");
  expect(await inMerged(overlay, "full")).toEqual(merged);
  await overlay.dispose();
});
