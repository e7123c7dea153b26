/**
 * INV-11: every call of every operation fails in turn, with each fault. What fails has changed nothing, in this process
 * and for the next one; nothing is left in work/; no handle stays open; and the same operation works when the fault is gone.
 */
import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/engine/index.js";
import { LayerError } from "../../src/engine/errors.js";
import type { MemoryDiskOptions } from "../../src/host/memoryDisk.js";
import { snapshot } from "../../src/host/memoryTree.js";
import type { Hook, LayerCall } from "../support/layers/intercept.js";
import { fullTree, type Tree, untruths } from "../support/truth.js";
import { codeOf, World } from "../support/world.js";
import { Allowed, newWorld, show as showTree } from "./machine.js";
import { copiesUp, type Operation, operations } from "./operations.js";

const faults: readonly ErrorCode[] = ["ENOSPC", "EIO", "EACCES", "EMFILE"];

/** Fails the `nth` call that matches, counted from the arming. */
function failNth(nth: number, code: ErrorCode, matches: (call: LayerCall) => boolean): { hook: Hook; arm(on: boolean): void; failed(): LayerCall | undefined } {
  let armed = false;
  let seen = 0;
  let failed: LayerCall | undefined;
  return {
    hook: (call, run) => {
      if (!armed || !matches(call) || ++seen !== nth) return run();
      failed = call;
      return Promise.reject(new LayerError(code, call.name, call.path));
    },
    arm: (on) => { armed = on; },
    failed: () => failed,
  };
}

/** A staged name that could not be removed, because removing is what failed, counts as a link until the next owner sweeps it. */
const isRemoval = (call: LayerCall): boolean => ["unlink", "removeDirectory", "lstat", "readDirectory"].includes(call.name) && call.path.startsWith("work/");

/** A reset of everything tells, after it is done, what came back; of a base that cannot be read it says "changed". */
const isUnknowable = (operation: Operation, call: LayerCall): boolean => operation.name === "reset /" && call.layer === "base";

/** The void whiteouts: a whiteout beside its name. They mean nothing, yet what fails takes its own back. */
const voids = (world: World): string[] => {
  const upper = world.upper();
  return Object.keys(upper).filter((path) => /(^|\/)\.wh\.(?!\.wh\.)/.test(path) && path.replace(/\.wh\.([^/]*)$/, "$1") in upper);
};

/** @returns whether there was an `nth` call. */
async function failOnce(operation: Operation, nth: number, code: ErrorCode, matches: (call: LayerCall) => boolean, disk: MemoryDiskOptions): Promise<boolean> {
  const fault = failNth(nth, code, matches);
  const world = await newWorld(fault.hook, disk);
  for (const step of operation.before ?? []) await step(world.overlay);
  await Promise.resolve();
  world.events.length = 0;
  const before = await fullTree(world.overlay);
  const voidBefore = voids(world);
  const expected = await afterOf(operation, snapshot(world.disk));
  fault.arm(true);
  const result = await codeOf(operation.run(world.overlay));
  fault.arm(false);
  await world.overlay.changes(); // waits for what is written behind the operation
  const failed = fault.failed();
  if (failed === undefined) return false;

  const show = (tree: Tree) => (isRemoval(failed) || operation.linksVary === true ? showTree(tree).replaceAll(/ x\d+ /g, " ") : showTree(tree));
  const title = `${operation.name}: call ${String(nth)}, ${failed.name} ${failed.path} fails with ${code}; it said ${result}`;
  const now = await fullTree(world.overlay);
  if (result === "ok" || result === expected.code) expect(show(now), title).toBe(show(expected.tree));
  else {
    // What consists of several whole operations may have done some of them.
    const allowed = await Allowed.during({ name: "", run: operation.run, ...(operation.parts === undefined ? {} : { parts: operation.parts }) }, before, before, await diskBefore(disk));
    if (!allowed.has(now)) expect(show(now), title).toBe(show(before));
  }
  if (!isUnknowable(operation, failed)) expect(untruths(world.events, before, now), title).toEqual([]);
  expect(show(await fullTree((await world.reopened()).overlay)), `${title}, reopened`).toBe(show(now));
  if (!isRemoval(failed)) expect(world.work(), title).toEqual([]);
  if (show(now) === show(before)) expect(voids(world).filter((path) => !voidBefore.includes(path)), `${title}: void whiteouts`).toEqual([]);
  if (result !== "ok" && result !== expected.code && show(now) === show(before)) {
    expect(await codeOf(operation.run(world.overlay)), `${title}, again without the fault`).toBe(expected.code);
    expect(show(await fullTree(world.overlay)), `${title}, again without the fault`).toBe(show(expected.tree));
  }
  await world.overlay.dispose();
  expect(world.disk.handles.size, `${title}: handles`).toBe(0);
  return true;
}

async function diskBefore(disk: MemoryDiskOptions) {
  return snapshot((await newWorld(undefined, disk)).disk);
}

async function afterOf(operation: Operation, disk: World["disk"]) {
  const twin = await World.open(disk);
  const code = await codeOf(operation.run(twin.overlay));
  return { code, tree: await fullTree(twin.overlay) };
}

async function failEach(operation: Operation, code: ErrorCode, matches: (call: LayerCall) => boolean, disk: MemoryDiskOptions = {}): Promise<void> {
  for (let nth = 1; await failOnce(operation, nth, code, matches, disk); nth++);
}

describe.each(faults)("every changing call fails with %s", (code) => {
  for (const operation of operations) {
    test(operation.name, () => failEach(operation, code, (call) => call.mutates));
  }
});

describe("every call fails with EIO, looking and closing included", () => {
  for (const operation of operations) {
    test(operation.name, () => failEach(operation, "EIO", (call) => !call.mutates && call.name !== "handle.close"));
  }
});

describe("for an ordinary user, every changing call fails with EIO", () => {
  for (const operation of operations) {
    test(operation.name, () => failEach(operation, "EIO", (call) => call.mutates, { uid: 1000 }));
  }
});

describe.each(["EIO", "ENOSPC"] as const)("where a copy is made and published in one step each, every call but a close fails with %s", (code) => {
  for (const operation of operations.filter(copiesUp)) {
    test(operation.name, () => failEach(operation, code, (call) => call.name !== "handle.close", { oneStep: true }));
  }
});
