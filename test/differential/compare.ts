/** Plays one sequence of operations on the overlay and on a model, and says where they part. */
import { readdirSync } from "node:fs";
import { diskTree } from "../support/model/diskTree.js";
import { type Composite, type Operation, type Outcome, type Tree, isComposite } from "../support/model/operations.js";
import type { OverlaySubject } from "../support/model/overlaySubject.js";
import type { PosixSubject } from "../support/model/posixSubject.js";
import { isKernelLimit, isOutside, isRefusal, isRootAlone, isTouchedByFailure, judge, keepReaders, overlayFirst, type Verdict } from "./differences.js";

export class Difference extends Error {}

/** What has happened that leaves the two sides different on purpose. */
interface Past {
  failedRename: boolean;
  reset: boolean;
}

/**
 * @param guarded the model cannot change what is outside of it; else the overlay is always asked first.
 * @throws Difference.
 */
export async function compareSequence(sequence: readonly Operation[], model: PosixSubject, overlay: OverlaySubject, guarded: boolean): Promise<void> {
  const past = { failedRename: false, reset: false };
  for (const [i, operation] of sequence.entries()) {
    const where = `operation ${i}: ${JSON.stringify(operation)}`;
    if (isComposite(operation)) {
      await composite(operation, model, overlay);
      past.reset ||= operation.op === "layers" && operation.change === "reset";
      await compareTrees(where, model, overlay, past);
    } else if ((await step(where, operation, model, overlay, guarded, past)) === "parted") return;
  }
  await compareTrees("at the end", model, overlay, past);
  for (const subject of [model, overlay]) await subject.reopen();
  await compareTrees("opened again at the end", model, overlay, past);
  await overlay.overlay.changes();
}

async function composite(operation: Composite, model: PosixSubject, overlay: OverlaySubject): Promise<void> {
  if (operation.op === "compare" || (operation.op === "layers" && operation.change === "reset" && !model.hasLayers)) return;
  for (const subject of [model, overlay]) {
    if (operation.op === "layers") await subject.changeLayers(operation);
    else await (operation.op === "reopen" ? subject.reopen() : subject.freeze());
  }
}

async function step(where: string, operation: Operation, model: PosixSubject, overlay: OverlaySubject, guarded: boolean, past: Past): Promise<Verdict> {
  const settle = await keepReaders(operation, model, overlay);
  let ours: Outcome | undefined;
  if (!guarded || overlayFirst(operation)) {
    ours = await overlay.run(operation);
    if (isRefusal(operation, ours) || (!guarded && isOutside(ours))) return "deliberate";
  }
  const theirs = await model.run(operation);
  if (isKernelLimit(operation, theirs)) return ours === undefined ? "deliberate" : "parted";
  ours ??= await overlay.run(operation);
  if (operation.op === "rename" && "code" in theirs) past.failedRename = true;
  const verdict = judge(operation, theirs, ours);
  if (verdict === "different") throw new Difference(`${where}\n  model:   ${show(theirs)}\n  overlay: ${show(ours)}`);
  if ("value" in theirs) await settle();
  return verdict;
}

function show(outcome: Outcome): string {
  return "code" in outcome ? outcome.code : `ok ${JSON.stringify(outcome.value)}`;
}

async function compareTrees(where: string, model: PosixSubject, overlay: OverlaySubject, past: Past): Promise<void> {
  const [theirs, ours] = [await model.tree(), await overlay.tree()];
  const lines = treeDifference(theirs, ours, (a, b) => (past.failedRename && isTouchedByFailure(a, b)) || (past.reset && isRootAlone(a, theirs, b)));
  if (lines.length > 0) throw new Difference(`${where}: the trees differ\n${lines.join("\n")}`);
  // Opening has layers that nobody needs deleted behind everybody's back, through work/.
  if (readdirSync(overlay.work).length > 0) await overlay.tidied();
  const left = readdirSync(overlay.work);
  if (left.length > 0) throw new Difference(`${where}: INV-11: work/ holds ${left.join(", ")}`);
}

export function treeDifference(theirs: Tree, ours: Tree, allowed: (theirs?: string, ours?: string) => boolean = () => false): string[] {
  const paths = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].sort();
  return paths.filter((path) => theirs[path] !== ours[path] && !allowed(theirs[path], ours[path])).flatMap((path) => [`  ${path}`, `    model:   ${theirs[path] ?? "absent"}`, `    overlay: ${ours[path] ?? "absent"}`]);
}

/** INV-1: for each folder, what it held at the start. */
export class Untouched {
  private readonly before: (readonly [string, Tree])[];
  constructor(folders: readonly string[]) {
    this.before = folders.map((folder) => [folder, diskTree(folder)]);
  }
  check(): void {
    for (const [folder, tree] of this.before) {
      const lines = treeDifference(tree, diskTree(folder));
      if (lines.length > 0) throw new Difference(`INV-1: a read-only layer has changed\n${lines.join("\n")}`);
    }
  }
}
