/**
 * Apply to Base: the changes of a plan, file by file, written into the base. Each file is old or new at every moment;
 * what is taken away is kept for `undoApply`; between two files it can be cancelled, and the report says what is done.
 */
import { randomBytes } from "node:crypto";
import { checkCancelled } from "../carry/cancel.js";
import { isWithin } from "../carry/difference.js";
import { Sides } from "../carry/sides.js";
import type { Carried, CarryOptions } from "../carry/types.js";
import { isCode, LayerError, OverlayError } from "../engine/index.js";
import { NodeScratchLayer } from "../host/nodeScratch.js";
import { BaseWriter, refused, type Wrap } from "./baseWriter.js";
import { carryOutOp, type Bench } from "./carryOut.js";
import { Journal } from "./journal.js";
import { hasRenamedFolders, leaveUpper } from "./leaveUpper.js";
import { type Op, orderOps } from "./order.js";
import { refuseRemote } from "./plan.js";
import { Stack, stampOf } from "./stack.js";
import type { ApplyReport, NotDone, Plan, PlanItem } from "./types.js";

export interface ApplyOptions extends CarryOptions {
  /** Paths of items to apply although the base changed since: each was chosen. */
  readonly stale?: readonly string[];
  /** For tests. */
  readonly wrap?: Wrap;
}

/**
 * Progress counts single changes. Merged looks the same before, during and afterwards, but for the one file that grows
 * in the base under a name of its own (`.overlay-apply-…`); what was applied leaves the upper. Snapshots would go on hiding
 * what the base gets: they become part of the upper first, and come back with `undoApply` (stack.ts).
 * A file that cannot be written is in the report, and the others are. A full disk ends it.
 * @throws OverlayError before anything is done: EROFS for a base or an overlay that is read-only, EBUSY where it has
 * snapshots and a file is open for writing, ENOSPC or the like when not even the record can be made; and for what goes wrong with the overlay afterwards.
 */
export async function apply(overlay: Carried, plan: Plan, options: ApplyOptions = {}): Promise<ApplyReport> {
  if (!overlay.writable) throw new OverlayError("EROFS", "apply", "/", { reason: "the overlay is read-only here" });
  refuseRemote(overlay);
  if (plan.unwritable !== undefined) throw refused("EROFS", "/", plan.unwritable);
  const sides = await Sides.of(overlay, "apply");
  if (sides.base !== plan.base) throw refused("EINVAL", "/", "the plan was made for another base");
  const { chosen, notDone } = choose(plan, options.stale ?? []);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const run = new Run(chosen, notDone, options);
  const stack = chosen.length === 0 ? undefined : await Stack.thaw(overlay, signal);
  try {
    if (await hasRenamedFolders(sides)) await overlay.flatten(signal);
    await stack?.mark();
    const id = randomBytes(6).toString("hex");
    const stays = await recorded(overlay, sides, run, { id, same: plan.same, stack, wrap: options.wrap });
    return { id, applied: chosen.filter((item) => run.isDone(item)), notDone, cancelled: run.cancelled, stays };
  } finally {
    if (run.put.length + run.removed.length === 0) await stack?.bringBack().catch(() => undefined); // Undo Reset has it
  }
}

interface Recorded {
  readonly id: string;
  readonly same: readonly string[];
  readonly stack: Stack | undefined;
  readonly wrap: Wrap | undefined;
}

/** With a record in the overlay's folder. @returns what stays in the upper. */
async function recorded(overlay: Carried, sides: Sides, run: Run, { id, same, stack, wrap }: Recorded): Promise<NotDone[]> {
  const folder = new NodeScratchLayer(overlay.folder);
  const bench = { id, sides, base: new BaseWriter(sides.base, wrap), folder: wrap?.(folder, "folder") ?? folder };
  const journal = await Journal.create(bench.folder, id);
  try {
    await journal.add({ begin: id, base: sides.base, time: Date.now(), ...(stack === undefined ? {} : { thawed: stack.id }) }, "forced");
    await run.all({ ...bench, journal });
    await journal.add({ end: "finished", time: Date.now() });
    // Where snapshots are still there, nothing was done, and what leaves the upper would show what they say.
    const stays = overlay.manifest.snapshots.length > 0 ? [] : await leaveUpper(sides, run.removed, [...run.put, ...same]);
    if (stack !== undefined) await journal.add({ left: await stampOf(overlay) });
    return stays;
  } finally {
    await journal.close().catch(() => undefined);
  }
}

function staleReason({ action, path }: PlanItem): string {
  if (action === "delete") return `'${path}' of the base was made or changed after the overlay deleted it; choose it to delete what is there now`;
  return `'${path}' of the base changed since the overlay copied it; choose it to overwrite what it has now`;
}

function choose(plan: Plan, stale: readonly string[]): { chosen: PlanItem[]; notDone: NotDone[] } {
  const notDone: NotDone[] = [];
  const chosen = plan.items.filter((item) => {
    const reason = item.refused ?? (item.base === "stale" && !stale.includes(item.path) ? staleReason(item) : undefined);
    if (reason !== undefined) notDone.push({ path: item.path, reason });
    return reason === undefined;
  });
  return { chosen, notDone };
}

class Run {
  readonly removed: string[] = [];
  readonly put: string[] = [];
  cancelled = false;
  private readonly ops: readonly Op[];
  private readonly failed = new Set<PlanItem>();
  private readonly missing: string[] = [];

  constructor(chosen: readonly PlanItem[], private readonly notDone: NotDone[], private readonly options: ApplyOptions) {
    this.ops = withFolderModes(orderOps(chosen));
  }

  isDone(item: PlanItem): boolean {
    return !this.failed.has(item);
  }

  async all(bench: Bench): Promise<void> {
    for (const [n, op] of this.ops.entries()) {
      const why = this.whySkipped(op);
      if (why !== undefined) this.fail(op, why);
      else if (!(await this.one(bench, op, n))) return;
      this.options.onProgress?.(n + 1, this.ops.length);
    }
  }

  /** @returns whether the next one's turn comes. */
  private async one(bench: Bench, op: Op, n: number): Promise<boolean> {
    try {
      checkCancelled(this.options.signal, "apply", op.path);
      // A folder that this run has made or filled is not as it was looked at.
      const print = op.kind === "rmdir" || (op.kind === "chmod" && op.print === undefined) ? await bench.base.look(op.path) : op.print;
      await carryOutOp(bench, { ...op, ...(print === undefined ? {} : { print }) }, n);
      (op.kind === "remove" || op.kind === "rmdir" ? this.removed : this.put).push(op.path);
      return true;
    } catch (error) {
      this.fail(op, reasonOf(error, op.path));
      await bench.journal.add({ failed: n, reason: reasonOf(error, op.path) });
      this.cancelled = isCode(error, "ECANCELED");
      if (!this.cancelled && !isCode(error, "ENOSPC")) return true;
      for (const later of this.ops.slice(n + 1)) this.fail(later, this.cancelled ? "not reached: cancelled" : "not reached: the disk is full");
      return false;
    }
  }

  private whySkipped(op: Op): string | undefined {
    if (this.failed.has(op.item)) return "its other half failed"; // said already
    const folder = this.missing.find((path) => isWithin(op.path, path));
    return folder === undefined || op.kind === "remove" || op.kind === "rmdir" ? undefined : `the folder '${folder}' could not be made`;
  }

  private fail(op: Op, reason: string): void {
    if (op.kind === "mkdir") this.missing.push(op.path);
    if (this.failed.has(op.item)) return;
    this.failed.add(op.item);
    this.notDone.push({ path: op.item.path, reason });
  }
}

/** A new folder whose mode forbids writing in it gets that mode when all is in it. */
function withFolderModes(ops: readonly Op[]): Op[] {
  const later = ops.flatMap((op): Op[] => (op.kind === "mkdir" && op.after !== undefined && (op.after.stat.mode & 0o700) !== 0o700 ? [{ ...op, kind: "chmod" }] : []));
  return [...ops, ...later.sort((a, b) => (a.path < b.path ? 1 : -1))];
}

export function reasonOf(error: unknown, path: string): string {
  if (error instanceof OverlayError) return error.reason;
  if (error instanceof LayerError) {
    if (error.code === "ENOSPC") return `no space is left for '${path}'`;
    if (error.code === "ENOTEMPTY") return `the folder '${path}' of the base is not empty`;
    return `'${path}' could not be written: ${error.code} of ${error.call}`;
  }
  return String(error);
}
