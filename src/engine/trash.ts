/**
 * What was deleted, reset or replaced: the thing itself at trash/<id>, and what it was in the journal `dropped`, one JSON
 * line each. A line is on its way before the thing moves and is waited for afterwards, so that it costs a delete next to
 * nothing; one whose thing is not in the trash means nothing, and a thing without one is listed without its path. Where
 * the line cannot be written (a full disk) the thing is deleted all the same: it is not lost. Takes no lock; `keep` is
 * called under the one that guards the entry's name.
 */
import { Mutex } from "async-mutex";
import { isCode } from "./errors.js";
import type { Env, ScratchLayer, WriteHandle } from "./layer.js";
import { childPath, type OverlayPath } from "./paths.js";
import type { UpperEntry } from "./tree.js";
import type { EntryType } from "./types.js";
import type { Workdir } from "./workdir.js";

export type DropKind = "delete" | "reset" | "replaced";

export interface TrashRecord {
  readonly id: string;
  readonly path: OverlayPath;
  readonly what: DropKind;
  readonly when: number;
  /** A whiteout has nothing in the trash: bringing it back hides the lower entry again. */
  readonly type: EntryType | "whiteout";
  /** The lower folder that a folder showed, as a path in the view below the upper. */
  readonly lower?: OverlayPath | undefined;
  /** The snapshot that the upper lay on; undefined for the base. */
  readonly top?: string | undefined;
  /** Under which name it was, before a reset gave it its old one back. */
  readonly renamedTo?: OverlayPath | undefined;
}

export interface TrashItem {
  readonly id: string;
  /** Undefined for what has no line: a crash came between, or the line could not be written. */
  readonly record: TrashRecord | undefined;
  readonly type: EntryType | "whiteout";
  readonly when: number;
}

type About = Pick<TrashRecord, "path" | "what" | "renamedTo">;
type Line = TrashRecord | { readonly gone: string };

const file = "dropped";
/** Lines about things that are gone cost nothing until there are this many more of them than of others. */
const slack = 200;
/** No move into the trash takes longer, in ms. */
const settledMs = 60_000;

/** Where the origins of what is in the trash are kept: a name that merged cannot have. */
export function trashedPath(id: string): OverlayPath {
  return childPath("/.wh..wh.trash", id);
}

export class Trash {
  private records: Map<string, TrashRecord> | undefined;
  private pending: Line[] = [];
  private writing: Promise<void> | undefined;
  private handle: WriteHandle | undefined;
  private lines = 0;
  /** Whether the file may end in half a line: as a crash or a failed write left it. */
  private torn = true;
  private readonly io = new Mutex();
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly scratch: ScratchLayer, private readonly work: Workdir, private readonly env: Env, private readonly layers: { readonly top: string | undefined },
  ) {}

  /** Moves an upper entry to the trash: one rename. Returns its id. */
  async keep(from: string, entry: UpperEntry, about: About): Promise<string> {
    const id = this.env.id();
    const lower = entry.node?.content?.below?.path;
    this.note({ id, ...about, when: this.env.now(), type: entry.type, lower, top: this.layers.top });
    await this.work.moveToTrash(from, entry.node !== undefined, id);
    for (const listener of this.listeners) listener();
    return id;
  }

  /** A whiteout that a reset takes away. Its line is all that is left of it, so it is waited for first. */
  noteWhiteout(about: About): Promise<void> {
    this.note({ id: this.env.id(), ...about, when: this.env.now(), type: "whiteout", top: this.layers.top });
    return this.written();
  }

  /** It was brought back, or is not wanted any more. What lies in the trash needs no such line. */
  gone(id: string): Promise<void> {
    this.note({ gone: id });
    return this.written();
  }

  /** Resolves when the lines so far are written, or cannot be. */
  written(): Promise<void> {
    return this.writing ?? Promise.resolve();
  }

  /** Something came: it may be too much now. */
  onKept(listener: () => void): void {
    this.listeners.add(listener);
  }

  private note(line: Line): void {
    if (this.records !== undefined) apply(this.records, line);
    this.pending.push(line);
    this.writing ??= this.io.runExclusive(() => this.write());
  }

  private async write(): Promise<void> {
    while (this.pending.length > 0) {
      const batch = this.pending;
      this.pending = [];
      try {
        this.handle ??= await this.open();
        this.lines += batch.length;
        const start = this.torn ? "\n" : "";
        this.torn = true;
        await this.handle.write(this.env.encode(start + batch.map((line) => `${JSON.stringify(line)}\n`).join("")), 0);
        this.torn = false;
      } catch (error) {
        this.env.log("warn", `could not record what was dropped: ${String(error)}`);
      }
    }
    this.writing = undefined; // with the last look: a line that comes any later starts anew
  }

  private async open(): Promise<WriteHandle> {
    try {
      return await this.scratch.openWrite(file, { append: true });
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
      return this.scratch.create(file, 0o600).then(async (made) => {
        await made.close();
        return this.scratch.openWrite(file, { append: true });
      });
    }
  }

  private async read(): Promise<Map<string, TrashRecord>> {
    await this.written();
    return this.io.runExclusive(async () => {
      if (this.records !== undefined) return this.records;
      let text = "";
      try {
        text = this.env.decode(await this.scratch.readFile(file));
      } catch (error) {
        if (!isCode(error, "ENOENT")) this.env.log("warn", `could not read what was dropped: ${String(error)}`);
      }
      const records = new Map<string, TrashRecord>();
      for (const raw of text.split("\n")) {
        const line = parseLine(raw);
        if (line === undefined) continue;
        this.lines++;
        apply(records, line);
      }
      for (const line of this.pending) apply(records, line);
      return (this.records = records);
    });
  }

  /** Newest first. One readdir, and an lstat for what has no record. @throws LayerError. */
  async list(): Promise<TrashItem[]> {
    const records = await this.read();
    const { entries } = await this.scratch.readDirectory("trash");
    const items: TrashItem[] = [];
    for (const { name, type } of entries) {
      const record = records.get(name);
      if (record !== undefined) items.push({ id: name, record, type, when: record.when });
      // A rename sets ctime: that is when it came here.
      else items.push({ id: name, record: undefined, type, when: (await this.scratch.lstat(`trash/${name}`)).ctimeMs });
    }
    for (const record of records.values()) if (record.type === "whiteout") items.push({ id: record.id, record, type: "whiteout", when: record.when });
    // Ids sort by time of making: they tell apart what came in one millisecond.
    return items.sort((a, b) => b.when - a.when || (a.id < b.id ? 1 : -1));
  }

  /** Writes the journal anew when most of it is history. @param present what the trash holds. */
  async compact(present: ReadonlySet<string>): Promise<void> {
    const records = await this.read();
    await this.io.runExclusive(async () => {
      // A line is written before its thing comes.
      const old = this.env.now() - settledMs;
      for (const [id, { type, when }] of records) if (type !== "whiteout" && !present.has(id) && when < old) records.delete(id);
      if (this.lines < records.size + slack) return;
      const text = [...records.values()].map((record) => `${JSON.stringify(record)}\n`).join("");
      try {
        const staged = await this.work.stageSynced(this.env.encode(text));
        await this.handle?.close();
        this.handle = undefined;
        await this.scratch.rename(staged, file);
        this.lines = records.size;
      } catch (error) {
        this.env.log("warn", `could not tidy the record of what was dropped: ${String(error)}`);
      }
    });
  }

  async close(): Promise<void> {
    await this.written();
    await this.handle?.close();
    this.handle = undefined;
  }
}

function apply(records: Map<string, TrashRecord>, line: Line): void {
  if ("gone" in line) records.delete(line.gone);
  else records.set(line.id, line);
}

const kinds: ReadonlySet<unknown> = new Set<DropKind>(["delete", "reset", "replaced"]);

/** Undefined for a torn or foreign line. */
function parseLine(text: string): Line | undefined {
  if (text === "") return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const line = value as Readonly<Record<string, unknown>>;
  if (typeof line["gone"] === "string") return { gone: line["gone"] };
  const { id, path, what, when, type } = line;
  if (typeof id !== "string" || typeof path !== "string" || !path.startsWith("/") || typeof when !== "number" || typeof type !== "string" || !kinds.has(what)) return undefined;
  const optional = (name: string) => (typeof line[name] === "string" ? line[name] : undefined);
  return {
    id, path: path as OverlayPath, what: what as DropKind, when, type: type as EntryType, top: optional("top"),
    lower: optional("lower") as OverlayPath | undefined, renamedTo: optional("renamedTo") as OverlayPath | undefined,
  };
}
