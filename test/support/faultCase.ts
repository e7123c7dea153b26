/**
 * One operation on a disk that may fail, as data: what is there, what is done first, which calls then fail, and what
 * must be the outcome. Whatever is not said stays as it was (INV-11), also for the next process, and nothing is logged.
 */
import { expect, test } from "vitest";
import { type ErrorCode, type Overlay, OverlayError, type OverlayEvent } from "../../src/engine/index.js";
import { compose, failing, type Matches } from "./layers/hooks.js";
import type { Hook, LayerCall } from "./layers/intercept.js";
import { World, type WorldOptions } from "./world.js";

export interface FaultCase extends WorldOptions {
  /** Done before the faults begin. */
  readonly first?: (overlay: Overlay, world: World) => unknown;
  readonly fail?: Matches;
  /** EIO when left out. */
  readonly error?: ErrorCode;
  /** How many calls fail; all when left out. */
  readonly times?: number;
  /** What others do around a call of the operation. */
  readonly meanwhile?: (call: LayerCall, world: World) => unknown;
  readonly do: (overlay: Overlay) => Promise<unknown>;
  readonly code?: string;
  /** What a user is told. */
  readonly reason?: RegExp;
  /** The upper afterwards; as before where it is left out. */
  readonly upper?: Record<string, string>;
  /** Unknown where the disk was changed behind the tree. */
  readonly merged?: Record<string, string> | "unknown";
  /** How many entries the trash holds. */
  readonly trash?: number;
  /** What is left in work/, where removing it is what failed. */
  readonly work?: number;
  readonly logged?: RegExp;
  readonly events?: readonly OverlayEvent[];
  /** Calls on the scratch, as "name path", that the operation makes; others may come between. */
  readonly calls?: readonly string[];
  /** None of these. */
  readonly never?: Matches;
  readonly then?: (world: World) => unknown;
}

export const onScratch = (name: string, path: string): Matches => (call) => call.layer === "scratch" && call.name === name && call.path === path;
export const onBase = (name: string, path: string): Matches => (call) => call.layer === "base" && call.name === name && call.path === path;

export function faultCase(title: string, c: FaultCase): void {
  test(title, async () => {
    let world: World | undefined = undefined as World | undefined;
    let armed = false;
    const seen: LayerCall[] = [];
    const { fail = () => false } = c;
    const watch: Hook = async (call, run) => {
      if (armed) seen.push(call);
      if (armed && world !== undefined) await c.meanwhile?.(call, world);
      return run();
    };
    const faults = failing((call) => armed && fail(call), c.error ?? "EIO", c.times === undefined ? {} : { times: c.times });
    world = await World.create({ ...c, hook: compose(watch, faults) });
    await world.merged();
    await c.first?.(world.overlay, world);
    await Promise.resolve();
    const before = { upper: world.upper(), merged: c.merged === undefined ? await world.merged() : {} };
    world.events.length = 0;
    world.logged.length = 0;
    armed = true;
    let error: OverlayError | undefined;
    try {
      await c.do(world.overlay);
    } catch (fault) {
      if (!(fault instanceof OverlayError)) throw fault;
      error = fault;
    }
    armed = false;
    expect(error?.code ?? "ok").toBe(c.code ?? "ok");
    if (c.reason !== undefined) expect(error?.reason).toMatch(c.reason);
    expect(world.upper()).toEqual(c.upper ?? before.upper);
    if (c.merged !== "unknown") {
      expect(await world.merged()).toEqual(c.merged ?? before.merged);
      const again = await world.reopened();
      expect(await again.merged()).toEqual(await world.merged());
      expect(await again.overlay.changes()).toEqual(await world.overlay.changes());
    }
    expect(world.logged.map(({ level, message }) => `${level}: ${message}`).join("; ")).toMatch(c.logged ?? /^$/);
    expect(world.work(), "INV-11").toHaveLength(c.work ?? 0);
    if (c.trash !== undefined) expect(world.disk.find("/scratch/trash", "test").entry?.inode.body).toHaveProperty("entries.size", c.trash);
    await Promise.resolve();
    if (c.events !== undefined) expect(world.events).toEqual(c.events);
    for (const wanted of c.calls ?? []) expect(seen.map((call) => `${call.name} ${call.path}`)).toContain(wanted);
    const { never } = c;
    if (never !== undefined) expect(seen.filter((call) => never(call))).toEqual([]);
    await c.then?.(world);
    await world.overlay.dispose();
    expect(world.disk.handles.size, "no handle is left open").toBe(0);
  });
}

/** What others do at the first call that matches; what they call themselves does not count. */
export function once(matches: Matches, act: (overlay: Overlay, world: World) => unknown): NonNullable<FaultCase["meanwhile"]> {
  let done = false;
  return async (call, world) => {
    if (done || !matches(call)) return;
    done = true;
    await act(world.overlay, world);
  };
}
