/** What the watch of an upper hears and tells, when the folders in it come and go while it looks. */
import { chmodSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OverlayEvent, readNames } from "../../src/host/index.js";
import { UpperWatch, type UpperWatchParts } from "../../src/mount/upperWatch.js";
import { makeTemp, removeTemp } from "../support/processes.ts";

let folder: string;
let upper: string;
let bell: string;
let told: OverlayEvent[];
let mended: string[];

beforeEach(() => {
  folder = makeTemp("upper-watch");
  upper = join(folder, "upper");
  bell = join(folder, "bell");
  for (const one of [upper, bell, join(upper, "going"), join(upper, "stays")]) mkdirSync(one);
  told = [];
  mended = [];
});

afterEach(() => { removeTemp(folder); });

const parts = (): UpperWatchParts => ({
  upper, bell, lowerHas: async () => false, mend: async (path) => { mended.push(path); }, veil: async () => false, tell: (events) => { told.push(...events); }, read: readNames,
});
const heard = (): string[] => told.map(({ type, path }) => `${type} ${path}`).sort();

test("a folder that goes while the one that it is in is listed takes nothing of the watch with it", async () => {
  let goes = false;
  const watch = new UpperWatch({
    ...parts(),
    // Called between the list and the look at what was listed.
    read: (names) => {
      if (goes && names.includes("going") && names.length > 1) {
        rmdirSync(join(upper, "going"));
        goes = false;
      }
      return readNames(names);
    },
  });
  try {
    await watch.start();
    goes = true;
    writeFileSync(join(upper, "new"), "");
    await watch.settle();
    expect(goes, "it went in between").toBe(false);
    writeFileSync(join(upper, "stays/x"), "");
    await watch.settle();
    expect(heard()).toEqual(["created /new", "created /stays/x", "deleted /going"]);
  } finally {
    await watch.end();
  }
});

test.each(["", "/stays"])("a change of the folder '%s' itself is no name in it that has come back: nothing is taken away, and the watch goes on", async (path) => {
  // The lower has the same name in each: /upper, /stays/stays.
  const watch = new UpperWatch({ ...parts(), lowerHas: async () => true });
  try {
    await watch.start();
    chmodSync(upper + path, 0o750);
    await watch.settle();
    expect(mended).toEqual([]);
    writeFileSync(join(upper, "stays/x"), "");
    await watch.settle();
    expect(heard()).toContain("changed /stays/x");
    expect(mended).toEqual([]);
  } finally {
    await watch.end();
  }
});
