/**
 * One change of the base, atomic for its file: what it takes away is kept, the intention is in the journal and forced,
 * the new grows beside, forced; one rename, unlink, mkdir, rmdir or chmod decides. What fails leaves the old.
 */
import type { ScratchLayer } from "../engine/index.js";
import type { Sides } from "../carry/sides.js";
import { type BaseWriter, refused } from "./baseWriter.js";
import type { Journal } from "./journal.js";
import { keep } from "./keep.js";
import type { Op } from "./order.js";
import type { Kept } from "./types.js";

export interface Bench {
  readonly id: string;
  readonly base: BaseWriter;
  /** The overlay's folder. */
  readonly folder: ScratchLayer;
  readonly journal: Journal;
  readonly sides: Sides;
}

/** @throws OverlayError, LayerError: then the base has there what it had. */
export async function carryOutOp(bench: Bench, op: Op, n: number): Promise<void> {
  const { base, journal } = bench;
  await base.checkStill(op.path, op.print);
  const before = await keepOld(bench, op, n);
  const temp = op.kind === "put" ? base.tempFor(op.path, bench.id, n) : undefined;
  await journal.add({ op: n, kind: op.kind, path: op.path, ...(before === undefined ? {} : { before }), ...(temp === undefined ? {} : { temp }), ...(op.item.base === "stale" ? { stale: true } : {}) }, "forced");
  if (temp !== undefined) {
    try {
      await put(bench, op, n, temp);
    } catch (error) {
      await base.discard(temp).catch(() => undefined); // the next open does
      throw error;
    }
  } else {
    await base.checkStill(op.path, op.print);
    await act(bench, op);
  }
  await base.syncFolder(op.path).catch(() => undefined); // it is done; a power cut may undo it
  const print = await base.look(op.path);
  await journal.add({ done: n, ...(print === undefined ? {} : { print }) });
}

async function keepOld({ base, folder, id }: Bench, { kind, path, print, item }: Op, n: number): Promise<Kept | undefined> {
  if (print === undefined) return undefined;
  if (kind === "rmdir") return { ...print, mtimeNs: item.print?.mtimeNs ?? print.mtimeNs }; // since, what was in it went
  return kind === "put" || kind === "remove" ? keep(base, folder, id, n, path, print) : print;
}

async function put({ base, journal, sides }: Bench, { path, print, after }: Op, n: number, temp: string): Promise<void> {
  if (after === undefined) return;
  const content = after.type === "symlink" ? { target: await sides.readlink(after) } : sides.pieces(after);
  const { mode, atimeMs, mtimeMs } = after.stat;
  const old = print?.type === "file" ? await base.disk.lstat(path.slice(1)) : undefined;
  const staged = await base.stage(temp, { mode, atimeMs, mtimeMs, ...(old === undefined ? {} : { uid: old.uid, gid: old.gid }) }, content);
  if (after.type === "file" && staged.size !== String(after.stat.size)) throw refused("EBUSY", path, `'${path}' changed in the overlay meanwhile; make a new plan`);
  await journal.add({ staged: n, print: staged });
  await base.checkStill(path, print);
  await base.disk.rename(temp.slice(1), path.slice(1));
}

async function act({ base }: Bench, { kind, path, after }: Op): Promise<void> {
  const at = path.slice(1);
  switch (kind) {
    case "put": return;
    // Its own mode may forbid what is to be put in it: that comes last, as a change of its own.
    case "mkdir": {
      await base.disk.makeDirectory(at, 0o700);
      if (after !== undefined) {
        await base.disk.chmod(at, after.stat.mode | 0o700).catch(async (error: unknown) => {
          await base.disk.removeDirectory(at);
          throw error;
        });
      }
      return;
    }
    case "chmod": return after === undefined ? undefined : base.disk.chmod(at, after.stat.mode);
    case "remove": return base.disk.unlink(at);
    case "rmdir": return base.disk.removeDirectory(at);
  }
}
