/** Plays one sequence of operations on the overlay and on a model, and says where they part. */
import { readdirSync } from "node:fs";
import { diskTree } from "../support/model/diskTree.js";
import { type Operation, type Outcome, type Tree, isComposite } from "../support/model/operations.js";
import type { OverlaySubject } from "../support/model/overlaySubject.js";
import type { PosixSubject } from "../support/model/posixSubject.js";
import { isKernelLimit, isOutside, isRefusal, isTouchedByFailure, judge, keepReaders, overlayFirst, type Verdict } from "./differences.js";

export class Difference extends Error {}

/**
 * @param guarded the model cannot change what is outside of it; else the overlay is always asked first.
 * @throws Difference.
 */
export async function compareSequence(sequence: readonly Operation[], model: PosixSubject, overlay: OverlaySubject, guarded: boolean): Promise<void> {
  const failed = { rename: false };
  for (const [i, operation] of sequence.entries()) {
    const where = `operation ${i}: ${JSON.stringify(operation)}`;
    if (isComposite(operation)) {
      if (operation.op !== "compare") {
        for (const subject of [model, overlay]) await (operation.op === "reopen" ? subject.reopen() : subject.freeze());
      }
      await compareTrees(where, model, overlay, failed.rename);
    } else if ((await step(where, operation, model, overlay, guarded, failed)) === "parted") return;
  }
  await compareTrees("at the end", model, overlay, failed.rename);
  for (const subject of [model, overlay]) await subject.reopen();
  await compareTrees("opened again at the end", model, overlay, failed.rename);
  await overlay.overlay.changes();
}

async function step(where: string, operation: Operation, model: PosixSubject, overlay: OverlaySubject, guarded: boolean, failed: { rename: boolean }): Promise<Verdict> {
  const settle = await keepReaders(operation, model, overlay);
  let ours: Outcome | undefined;
  if (!guarded || overlayFirst(operation)) {
    ours = await overlay.run(operation);
    if (isRefusal(operation, ours) || (!guarded && isOutside(ours))) return "deliberate";
  }
  const theirs = await model.run(operation);
  if (isKernelLimit(operation, theirs)) return ours === undefined ? "deliberate" : "parted";
  ours ??= await overlay.run(operation);
  if (operation.op === "rename" && "code" in theirs) failed.rename = true;
  const verdict = judge(operation, theirs, ours);
  if (verdict === "different") throw new Difference(`${where}\n  model:   ${show(theirs)}\n  overlay: ${show(ours)}`);
  if ("value" in theirs) await settle();
  return verdict;
}

function show(outcome: Outcome): string {
  return "code" in outcome ? outcome.code : `ok ${JSON.stringify(outcome.value)}`;
}

async function compareTrees(where: string, model: PosixSubject, overlay: OverlaySubject, renameFailed: boolean): Promise<void> {
  const [theirs, ours] = [await model.tree(), await overlay.tree()];
  const lines = treeDifference(theirs, ours, (a, b) => renameFailed && isTouchedByFailure(a, b));
  if (lines.length > 0) throw new Difference(`${where}: the trees differ\n${lines.join("\n")}`);
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
