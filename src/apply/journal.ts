/**
 * The record of an apply, in the overlay's folder under applied/<id>/: a journal of JSON lines, and what was overwritten
 * or deleted under kept/. A line that announces a change of the base is forced to the disk before the change.
 */
import type { ScratchLayer, WriteHandle } from "../engine/index.js";
import { isCode, OverlayError } from "../engine/index.js";
import type { Applied, Kept, Line, OpKind, Print } from "./types.js";

export const recordsFolder = "applied";
const idPattern = /^[0-9a-f]{12}$/;

export class Journal {
  private position = 0;
  private owed = "";
  private constructor(private readonly file: WriteHandle) {}

  /** @throws OverlayError, LayerError */
  static async create(folder: ScratchLayer, id: string): Promise<Journal> {
    await makeIfMissing(folder, recordsFolder);
    for (const path of [`${recordsFolder}/${id}`, `${recordsFolder}/${id}/kept`]) await folder.makeDirectory(path, 0o700);
    const journal = new Journal(await folder.create(`${recordsFolder}/${id}/journal`, 0o600));
    await folder.syncDirectory(`${recordsFolder}/${id}`);
    await folder.syncDirectory(recordsFolder);
    return journal;
  }

  static async reopen(folder: ScratchLayer, id: string): Promise<Journal> {
    const path = `${recordsFolder}/${id}/journal`;
    const { size } = await folder.lstat(path);
    const journal = new Journal(await folder.openWrite(path, {}));
    journal.position = size;
    // Its last line may be torn; an empty one costs nothing.
    await journal.write("\n");
    return journal;
  }

  /**
   * @param how `forced`: it is on the disk when this returns, or it is not in the journal. `later`: it says what is so
   * already; where it cannot be written now, it is written with the next line, or found out again by the next open.
   */
  async add(line: Line, how: "forced" | "later" = "later"): Promise<void> {
    const text = `${JSON.stringify(line)}\n`;
    try {
      await this.write(this.owed + text);
      this.owed = "";
      if (how === "forced") await this.file.sync();
    } catch (error) {
      if (how === "forced") throw error;
      this.owed += text;
    }
  }

  private async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    await this.file.write(bytes, this.position);
    this.position += bytes.length;
  }

  async close(): Promise<void> {
    try {
      if (this.owed !== "") await this.write(this.owed);
      await this.file.sync();
    } finally {
      await this.file.close();
    }
  }
}

async function makeIfMissing(folder: ScratchLayer, path: string): Promise<void> {
  await folder.makeDirectory(path, 0o700).catch(async (error: unknown) => {
    if (!isCode(error, "EEXIST")) throw error;
    // A symlink here would lead what is kept astray.
    if ((await folder.lstat(path)).type !== "directory") throw new OverlayError("EINVAL", "apply", path, { reason: `'${path}' in the overlay's folder is no folder, and may not be` });
  });
}

export interface OpRecord {
  readonly n: number;
  readonly kind: OpKind;
  readonly path: string;
  readonly before?: Kept;
  readonly stale?: true;
  /** Every name that something may have grown under: of the change itself, and of undoing it. */
  readonly temps: string[];
  staged?: Print;
  /** What the base had once it was done. */
  print?: Print;
  state: "begun" | "done" | "failed" | "undone";
  reason?: string;
}

export interface Record {
  readonly id: string;
  readonly base: string;
  readonly time: number;
  readonly ended: boolean;
  readonly recovered: boolean;
  /** The snapshots that there were, by the id under which they come back, and what the upper said without them. */
  readonly stack?: { readonly id: string; readonly left: string };
  readonly ops: readonly OpRecord[];
}

/** The ids there are, in no order. */
export async function recordIds(folder: ScratchLayer): Promise<string[]> {
  try {
    return (await folder.readDirectory(recordsFolder)).entries.flatMap(({ name }) => (idPattern.test(name) ? [name] : []));
  } catch (error) {
    if (isCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** @throws OverlayError ENOENT for an id that there is not, EINVAL for a journal that does not begin as one. */
export async function readRecord(folder: ScratchLayer, id: string): Promise<Record> {
  if (!idPattern.test(id)) throw new OverlayError("EINVAL", "apply", id, { reason: `'${id}' is not the id of an apply` });
  const text = await folder.readFile(`${recordsFolder}/${id}/journal`).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) throw new OverlayError("ENOENT", "apply", id, { reason: `there is no record of an apply '${id}'` });
    throw error;
  });
  const lines = Buffer.from(text).toString().split("\n").flatMap((line) => parsed(line));
  const begin = lines.find((line) => "begin" in line);
  if (begin === undefined) throw new OverlayError("EINVAL", "apply", id, { reason: `the record of the apply '${id}' is damaged; nothing of it can be undone` });
  const ops = new Map<number, OpRecord>();
  let [ended, recovered] = [false, false];
  for (const line of lines) {
    if ("end" in line) [ended, recovered] = [true, recovered || line.end === "recovered"];
    else if ("op" in line) ops.set(line.op, { n: line.op, kind: line.kind, path: line.path, ...(line.before === undefined ? {} : { before: line.before }), ...(line.stale === true ? { stale: true } : {}), temps: line.temp === undefined ? [] : [line.temp], state: "begun" });
    else take(ops, line);
  }
  const left = lines.find((line) => "left" in line)?.left;
  const stack = begin.thawed === undefined || left === undefined ? {} : { stack: { id: begin.thawed, left } };
  return { id, base: begin.base, time: begin.time, ended, recovered, ...stack, ops: [...ops.values()] };
}

function take(ops: ReadonlyMap<number, OpRecord>, line: Line): void {
  if ("staged" in line) Object.assign(ops.get(line.staged) ?? {}, { staged: line.print });
  else if ("done" in line) Object.assign(ops.get(line.done) ?? {}, { state: "done", ...(line.print === undefined ? {} : { print: line.print }) });
  else if ("failed" in line) Object.assign(ops.get(line.failed) ?? {}, { state: "failed", reason: line.reason });
  else if ("undo" in line && line.temp !== undefined) ops.get(line.undo)?.temps.push(line.temp);
  else if ("undone" in line) Object.assign(ops.get(line.undone) ?? {}, { state: "undone" });
}

/** A torn line says nothing. This program alone writes the file. */
function parsed(line: string): Line[] {
  try {
    return line === "" ? [] : [JSON.parse(line) as Line];
  } catch {
    return [];
  }
}

export function told(record: Record): Applied {
  return {
    id: record.id, time: record.time, base: record.base,
    outcome: record.ended && !record.recovered ? "finished" : "cut short",
    done: record.ops.flatMap(({ kind, path, state }) => (state === "done" || state === "undone" ? [{ kind, path, undone: state === "undone" }] : [])),
    failed: record.ops.flatMap(({ path, state, reason }) => (state === "failed" || state === "begun" ? [{ path, reason: reason ?? "the program ended before it was done" }] : [])),
  };
}
