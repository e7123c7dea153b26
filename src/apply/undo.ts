/**
 * Undo of an apply: file by file, what it took away comes back and what it put goes, where the base still has what it
 * wrote. The overlay has the changes again afterwards, so that merged looks the same before and after.
 */
import { join } from "node:path";
import { isCode, OverlayError, type ScratchLayer } from "../engine/index.js";
import { checkCancelled } from "../carry/cancel.js";
import { Sides } from "../carry/sides.js";
import type { Carried, CarryOptions } from "../carry/types.js";
import { NodeScratchLayer } from "../host/nodeScratch.js";
import { removeTree } from "../host/treeOnDisk.js";
import { reasonOf } from "./apply.js";
import { BaseWriter, refused, sameBytes, type Wrap } from "./baseWriter.js";
import { Journal, type OpRecord, readRecord, recordIds, told } from "./journal.js";
import { keptBytes, keptPath } from "./keep.js";
import { refuseRemote } from "./plan.js";
import { recoverApplies } from "./recover.js";
import { bringBackStack, stampOf } from "./stack.js";
import type { Applied, NotDone, Print } from "./types.js";

export interface UndoReport {
  /** Overlay paths that are in the base as they were before. */
  readonly undone: readonly string[];
  /** Each with its reason; `undoApply` may be asked again. */
  readonly notDone: readonly NotDone[];
  readonly cancelled: boolean;
  /** Whether the snapshots that were there are there again; undefined when there were none. */
  readonly snapshots?: boolean;
}

/** The applies of this overlay, newest first; those that a crash cut short among them. */
export async function appliedRecords(overlay: Carried): Promise<Applied[]> {
  const folder = new NodeScratchLayer(overlay.folder);
  const records = await Promise.all((await recordIds(folder)).map((id) => readRecord(folder, id).catch(() => undefined)));
  return records.flatMap((record) => (record === undefined ? [] : [told(record)])).sort((a, b) => b.time - a.time);
}

/** Forgets an apply: it cannot be undone any more, and what it kept gives its space back. @throws OverlayError */
export async function forgetApply(overlay: Carried, id: string): Promise<void> {
  if (!overlay.writable) throw new OverlayError("EROFS", "forgetApply", id, { reason: "the overlay is read-only here" });
  await readRecord(new NodeScratchLayer(overlay.folder), id);
  await removeTree(join(overlay.folder, keptPath(id, "")));
}

/**
 * Progress counts single changes.
 * @throws OverlayError: ENOENT for an unknown id, EINVAL for another base or a damaged record, EROFS; before anything is done.
 */
export async function undoApply(overlay: Carried, id: string, options: CarryOptions & { readonly wrap?: Wrap } = {}): Promise<UndoReport> {
  if (!overlay.writable) throw new OverlayError("EROFS", "undoApply", id, { reason: "the overlay is read-only here" });
  refuseRemote(overlay);
  const plain = new NodeScratchLayer(overlay.folder);
  const folder = options.wrap?.(plain, "folder") ?? plain;
  // What a full disk kept out of the journal, the base tells.
  if (!(await readRecord(folder, id)).ended) await recoverApplies(overlay.folder, overlay.manifest.base);
  const record = await readRecord(folder, id);
  const sides = await Sides.of(overlay, "undoApply");
  if (sides.base !== record.base) throw refused("EINVAL", id, `it was applied to '${record.base}', not to '${sides.base}'`);
  // Undoing gives the upper what the base loses, and the snapshots have all of that, too.
  const { stack } = record;
  const isAsLeft = stack !== undefined && stack.left === (await stampOf(overlay));
  const undo = new Undo(sides, new BaseWriter(sides.base, options.wrap), folder, id, await Journal.reopen(folder, id));
  try {
    const report = await undo.all(record.ops.filter(({ state }) => state === "done").reverse(), options);
    if (stack === undefined) return report;
    const isWhole = isAsLeft && report.notDone.length === 0 && !report.cancelled;
    return { ...report, snapshots: isWhole && (await bringBackStack(overlay, stack.id, await stampOf(overlay))) };
  } finally {
    await undo.journal.close().catch(() => undefined);
  }
}

class Undo {
  private readonly undone: string[] = [];
  private readonly notDone: NotDone[] = [];
  /** Folders that are in the base again, and were not to be seen in merged. */
  private readonly hidden: string[] = [];

  constructor(
    private readonly sides: Sides, private readonly base: BaseWriter, private readonly folder: ScratchLayer, private readonly id: string, readonly journal: Journal,
  ) {}

  async all(ops: readonly OpRecord[], { signal, onProgress }: CarryOptions): Promise<UndoReport> {
    const ours: string[] = [];
    const again: OpRecord[] = [];
    let cancelled = false;
    for (const [n, op] of ops.entries()) {
      try {
        checkCancelled(signal, "undoApply", op.path);
        await this.one(op);
        await this.journal.add({ undone: op.n });
        this.undone.push(op.path);
        if (op.stale === undefined) ours.push(op.path);
        if (op.kind === "rmdir") again.push(op);
      } catch (error) {
        this.notDone.push({ path: op.path, reason: reasonOf(error, op.path) });
        cancelled = isCode(error, "ECANCELED");
        if (cancelled) break;
      }
      onProgress?.(n + 1, ops.length);
    }
    for (const path of this.hidden.reverse()) await this.sides.overlay.rmdir(path).catch(() => undefined); // something is in it
    for (const op of again) await this.bringBackTime(op).catch(() => undefined); // it is there, which counts
    // The base has what the changes were made from: that we wrote it ourselves makes it no other. Unless it was another then, too.
    for (const path of ours) await this.sides.overlay.adoptOrigin(path).catch(() => undefined); // a fault of what is advisory
    return { undone: [...new Set(this.undone)], notDone: this.notDone, cancelled };
  }

  private async one(op: OpRecord): Promise<void> {
    const { overlay } = this.sides;
    switch (op.kind) {
      case "put": {
        await this.checkOurs(op);
        const target = await this.keepInUpper(op.path);
        await (op.before === undefined ? this.take(op, () => this.base.disk.unlink(op.path.slice(1))) : this.bringBack(op, "over"));
        await this.told(op.path, op.before === undefined ? "deleted" : "changed");
        return target === undefined ? undefined : this.linkInUpper(op.path, target);
      }
      case "chmod": {
        const { before } = op;
        if (before === undefined) return; // a folder that goes as a whole
        await this.checkOurs(op);
        await this.keepInUpper(op.path);
        await this.take(op, () => this.base.disk.chmod(op.path.slice(1), before.mode));
        return this.told(op.path, "changed");
      }
      case "mkdir": {
        await this.keepInUpper(op.path);
        await this.take(op, () => this.base.disk.removeDirectory(op.path.slice(1)));
        return this.told(op.path, "deleted");
      }
      case "remove": {
        const wasThere = (await this.sides.inMerged(op.path)) !== undefined;
        await this.bringBack(op, "free");
        await this.told(op.path, "created");
        if (!wasThere && (await this.sides.inMerged(op.path)) !== undefined) await overlay.unlink(op.path);
        return;
      }
      case "rmdir": {
        const wasThere = (await this.sides.inMerged(op.path)) !== undefined;
        await this.checkFree(op.path);
        await this.base.disk.makeDirectory(op.path.slice(1), 0o700);
        await this.base.disk.chmod(op.path.slice(1), op.before?.mode ?? 0o755);
        await this.told(op.path, "created");
        if (!wasThere) this.hidden.push(op.path);
      }
    }
  }

  /**
   * What merged shows there goes on being shown when the base has it no more.
   * @returns the target of a symlink: that is followed by a copy-up, so it is made anew afterwards
   */
  private async keepInUpper(path: string): Promise<string | undefined> {
    const [merged, base] = [await this.sides.inMerged(path), await this.sides.inBase(path)];
    if (merged === undefined || (merged.type !== "directory" && (merged.stat.ino !== base?.stat.ino || merged.stat.dev !== base.stat.dev))) return undefined;
    if (merged.type === "symlink") return this.sides.readlink(merged);
    await this.sides.overlay.copyUp(path);
    return undefined;
  }

  private async linkInUpper(path: string, target: string): Promise<void> {
    const { overlay } = this.sides;
    if ((await this.sides.inMerged(path)) !== undefined) await overlay.unlink(path);
    await overlay.symlink(target, path);
  }

  private async told(path: string, type: "created" | "changed" | "deleted"): Promise<void> {
    await this.base.syncFolder(path).catch(() => undefined);
    await this.sides.overlay.baseChanged([{ type, path }]);
  }

  /** Of a folder that was made again, when all is in it again. */
  private async bringBackTime({ path, before }: OpRecord): Promise<void> {
    await this.base.checkWay(path);
    if (before === undefined || (await this.base.look(path))?.type !== "directory") return;
    const ms = msOf(before);
    await this.base.disk.utimes(path.slice(1), ms, ms);
    await this.told(path, "changed");
  }

  private async checkOurs(op: OpRecord): Promise<void> {
    await this.base.checkWay(op.path);
    const now = await this.base.look(op.path);
    const ours = op.print ?? op.staged;
    if (now === undefined) throw refused("ENOENT", op.path, `'${op.path}' of the base was deleted since`);
    const isOurs = ours !== undefined && (now.type === "directory" ? now.ino === ours.ino : sameBytes(ours, now)) && (op.print === undefined || now.mode === op.print.mode);
    if (!isOurs) throw refused("EBUSY", op.path, `'${op.path}' of the base was changed since; it is left as it is`);
  }

  private async checkFree(path: string): Promise<void> {
    await this.base.checkWay(path);
    if ((await this.base.look(path)) !== undefined) throw refused("EEXIST", path, `the base has something at '${path}' again; it is left as it is`);
  }

  private async take(op: OpRecord, act: () => Promise<void>): Promise<void> {
    await this.base.checkWay(op.path);
    try {
      await act();
    } catch (error) {
      if (isCode(error, "ENOTEMPTY")) throw refused("ENOTEMPTY", op.path, `the folder '${op.path}' of the base holds other things now`);
      if (isCode(error, "ENOENT")) return; // gone already
      throw error;
    }
  }

  /** Grown beside, then renamed over what we put, or linked where nothing may be in the way. */
  private async bringBack(op: OpRecord, how: "over" | "free"): Promise<void> {
    const { before } = op;
    if (before === undefined) throw refused("EINVAL", op.path, `nothing was kept of '${op.path}'`);
    const temp = this.base.tempFor(op.path, this.id, `u${op.n}`);
    if (how === "free") await this.checkFree(op.path);
    await this.journal.add({ undo: op.n, temp }, "forced");
    try {
      const ms = msOf(before);
      const content = before.target === undefined ? keptBytes(this.folder, this.id, before.file ?? "") : { target: before.target };
      await this.base.discard(temp);
      await this.base.stage(temp, { mode: before.mode, atimeMs: ms, mtimeMs: ms }, content);
      if (how === "over") {
        await this.checkOurs(op);
        await this.base.disk.rename(temp.slice(1), op.path.slice(1));
      } else {
        await this.checkFree(op.path);
        await this.base.disk.link(temp.slice(1), op.path.slice(1)).catch(async (error: unknown) => {
          if (!isCode(error, "ENOTSUP")) throw error;
          await this.base.disk.rename(temp.slice(1), op.path.slice(1));
        });
      }
    } finally {
      await this.base.discard(temp).catch(() => undefined);
    }
  }
}

/** To the microsecond, which is what a time can be set to. */
function msOf({ mtimeNs }: Print): number {
  return Number(BigInt(mtimeNs) / 1000n) / 1000;
}
