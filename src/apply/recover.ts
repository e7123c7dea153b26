/**
 * After a crash in the middle of an apply: what had begun to grow in the base is removed, and the record is ended with
 * what the base shows was done. Each file is old or new by then; nothing is written but this.
 */
import type { ScratchLayer } from "../engine/index.js";
import { realpath } from "node:fs/promises";
import { NodeScratchLayer } from "../host/nodeScratch.js";
import { BaseWriter, sameBytes } from "./baseWriter.js";
import { Journal, type OpRecord, readRecord, recordIds } from "./journal.js";

export interface Recovered {
  readonly removed: readonly string[];
  readonly put: readonly string[];
}

/** Only the owner of the overlay may call it. @returns what was found to be done by applies that were cut short. */
export async function recoverApplies(overlayFolder: string, base: string): Promise<Recovered> {
  const folder = new NodeScratchLayer(overlayFolder);
  const removed: string[] = [];
  const put: string[] = [];
  for (const id of await recordIds(folder)) {
    const record = await readRecord(folder, id).catch(() => undefined); // nothing was begun
    if (record === undefined || (record.ended && record.ops.every(({ temps, state }) => state !== "begun" && temps.length < 2))) continue;
    if ((await realpath(base).catch(() => undefined)) !== record.base) continue; // its base is not here now
    const writer = new BaseWriter(record.base);
    for (const op of record.ops) for (const temp of op.temps) await writer.discard(temp).catch(() => undefined);
    if (record.ended) continue;
    const done = await endRecord(folder, writer, id, record.ops);
    for (const { kind, path } of done) (kind === "remove" || kind === "rmdir" ? removed : put).push(path);
  }
  return { removed, put };
}

async function endRecord(folder: ScratchLayer, base: BaseWriter, id: string, ops: readonly OpRecord[]): Promise<OpRecord[]> {
  const journal = await Journal.reopen(folder, id);
  const done: OpRecord[] = [];
  try {
    for (const op of ops) {
      if (op.state === "done") done.push(op);
      if (op.state !== "begun") continue;
      const now = await base.look(op.path);
      const isDone = now === undefined ? op.kind === "remove" || op.kind === "rmdir" : wasDone(op, now);
      await journal.add(isDone ? { done: op.n, ...(now === undefined ? {} : { print: now }) } : { failed: op.n, reason: "the program ended before it was done" });
      if (isDone) done.push(op);
    }
    await journal.add({ end: "recovered", time: Date.now() });
  } finally {
    await journal.close();
  }
  return done;
}

function wasDone(op: OpRecord, now: NonNullable<OpRecord["print"]>): boolean {
  switch (op.kind) {
    case "put": return op.staged !== undefined && sameBytes(op.staged, now);
    case "mkdir": return now.type === "directory";
    case "chmod": return op.before?.mode !== now.mode;
    case "remove":
    case "rmdir": return false;
  }
}
