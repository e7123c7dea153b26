/**
 * What a user leaves in a scratch folder after an hour in a real source tree (the journey of test/ui), in plain form and
 * under fuse-overlayfs: the same tree as in the overlay, modes and link targets included.
 */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { playJourney } from "../support/journey/script.ts";
import { makeSourceTree } from "../support/journey/sourceTree.ts";
import { differences, recordTree, type TreeRecord } from "../support/journey/treeRecord.ts";
import { quote } from "../support/model/namespace.js";
import { OverlaySubject } from "../support/model/overlaySubject.js";
import { Fuse } from "./fuse.js";

let folder: string;
let base: string;
let fuse: Fuse;
let before: TreeRecord;

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "overlay-journey-")));
  base = join(folder, "eslint");
  makeSourceTree(base);
  before = recordTree(base);
  const made = await Fuse.create(folder);
  if (made === undefined) throw new Error("this test needs root, /dev/fuse and fuse-overlayfs (apt-get install fuse-overlayfs)");
  fuse = made;
});
afterAll(async () => {
  await fuse.end();
  rmSync(folder, { recursive: true, force: true });
});

test("the journey's upper, flattened, mounted by fuse-overlayfs shows the overlay's tree, and the base is as it was", async () => {
  const own = join(folder, "own");
  await playJourney(base, join(own, "scratch0")); // where the subject opens it
  const subject = await OverlaySubject.open({ base, lowers: [], own });
  const copy = join(folder, "copy");
  let overlay;
  try {
    await subject.overlay.flatten();
    overlay = await subject.tree();
    await fuse.run(`cp -a ${quote(subject.upper)} ${quote(copy)}`);
  } finally {
    await subject.close();
  }
  const mounted = await fuse.tree({ base, upper: copy, work: join(folder, "work"), whiteouts: "files" }, base);
  expect(Object.keys(overlay).length).toBeGreaterThan(2000);
  expect(overlay["/lib/checks/eqeqeq.js"]).toBeDefined();
  expect(overlay["/LICENSE"]).toBeUndefined();
  expect(mounted).toEqual(overlay);
  expect(differences(before, recordTree(base))).toEqual([]);
});
