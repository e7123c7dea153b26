/**
 * The origins file: for each copied-up entry, which lower entry it came from and that one's fingerprint at that moment.
 * Advisory: nothing that an operation decides rests on it. A journal of JSON lines, so that a directory rename is one
 * line; written behind the operations, read on first use, compacted when most of it is history.
 */
import { Mutex } from "async-mutex";
import { isCode } from "./errors.js";
import type { Env, ScratchLayer } from "./layer.js";
import { isWithin, type OverlayPath } from "./paths.js";
import type { Fingerprint } from "./types.js";

export interface Origin {
  /** The path in the view below the upper. */
  readonly lower: OverlayPath;
  readonly size: string;
  readonly mtimeNs: string;
  readonly ctimeNs: string;
}

type Line =
  | { readonly set: string; readonly from: Origin }
  | { readonly move: string; readonly to: string; readonly tree: boolean }
  | { readonly drop: string; readonly tree: boolean };

const file = "origins";

export class Origins {
  private entries: Map<string, Origin> | undefined;
  private loading: Promise<Map<string, Origin>> | undefined;
  private pending: Line[] = [];
  private writing: Promise<void> | undefined;
  private lines = 0;
  /** Whether this process has written yet: before that the file may end in a line that a crash has torn. */
  private begun = false;
  /** Reading and writing exclude each other: a line is on the disk or pending, never lost between the two. */
  private readonly io = new Mutex();

  constructor(private readonly scratch: ScratchLayer, private readonly env: Env, private readonly readOnly: boolean) {}

  set(path: OverlayPath, lower: OverlayPath, print: Fingerprint): void {
    const from = { lower, size: String(print.size), mtimeNs: String(print.mtimeNs), ctimeNs: String(print.ctimeNs) };
    this.record({ set: path, from });
  }

  /** A path, with `tree` everything beneath it too, moved over whatever was there. */
  move(from: OverlayPath, to: OverlayPath, tree: boolean): void {
    this.record({ move: from, to, tree });
  }

  /** A path, with `tree` everything beneath it too, is gone from upper. */
  drop(path: OverlayPath, tree: boolean): void {
    this.record({ drop: path, tree });
  }

  async get(path: OverlayPath): Promise<Origin | undefined> {
    return (await this.load()).get(path);
  }

  private record(line: Line): void {
    if (this.readOnly) return;
    if (this.entries !== undefined) apply(this.entries, line);
    this.pending.push(line);
    this.writing ??= Promise.resolve().then(() => this.write());
  }

  private async write(): Promise<void> {
    try {
      while (this.pending.length > 0) {
        await this.io.runExclusive(() => this.writeBatch());
      }
    } catch (error) {
      // Advisory: a full disk costs the record, not the edit.
      this.env.log("warn", `could not record origins: ${String(error)}`);
    } finally {
      this.writing = undefined;
    }
  }

  private async writeBatch(): Promise<void> {
    const batch = this.pending;
    this.pending = [];
    this.lines += batch.length;
    const text = batch.map((line) => `${JSON.stringify(line)}\n`).join("");
    const handle = await this.open();
    try {
      await handle.write(this.env.encode(this.begun ? text : `\n${text}`), 0);
      this.begun = true;
    } finally {
      await handle.close();
    }
  }

  private async open() {
    try {
      return await this.scratch.openWrite(file, { append: true });
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
      return this.scratch.create(file, 0o644);
    }
  }

  private load(): Promise<Map<string, Origin>> {
    if (this.entries !== undefined) return Promise.resolve(this.entries);
    this.loading ??= this.io.runExclusive(() => this.read()).finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async read(): Promise<Map<string, Origin>> {
    let text = "";
    try {
      text = this.env.decode(await this.scratch.readFile(file));
    } catch (error) {
      if (!isCode(error, "ENOENT")) this.env.log("warn", `could not read origins: ${String(error)}`);
    }
    const entries = new Map<string, Origin>();
    for (const line of text.split("\n")) {
      if (line === "") continue;
      this.lines++;
      const parsed = parseLine(line);
      if (parsed !== undefined) apply(entries, parsed); // a torn last line is skipped
    }
    for (const line of this.pending) apply(entries, line);
    if (!this.readOnly) this.entries = entries;
    return entries;
  }

  /** Writes what is pending, and the whole anew when most of it is history. Called by dispose. */
  async close(): Promise<void> {
    await this.writing;
    if (this.readOnly || this.entries === undefined || this.lines < 2 * this.entries.size + 100) return;
    const temp = `work/${this.env.id()}`;
    try {
      const text = [...this.entries].map(([set, from]) => `${JSON.stringify({ set, from })}\n`).join("");
      const handle = await this.scratch.create(temp, 0o644);
      try {
        await handle.write(this.env.encode(text), 0);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.scratch.rename(temp, file);
    } catch (error) {
      this.env.log("warn", `could not tidy origins: ${String(error)}`);
      await this.scratch.unlink(temp).catch(() => undefined);
    }
  }
}

function apply(entries: Map<string, Origin>, line: Line): void {
  if ("set" in line) {
    entries.set(line.set, line.from);
    return;
  }
  // Only a directory costs a walk over all that is known.
  const beneath = (ancestor: string) => (line.tree ? [...entries.keys()].filter((path) => isWithin(path, ancestor)) : [ancestor]);
  if ("drop" in line) {
    for (const path of beneath(line.drop)) entries.delete(path);
    return;
  }
  const moved: [string, Origin][] = [];
  for (const path of beneath(line.move)) {
    const origin = entries.get(path);
    if (origin !== undefined) moved.push([line.to + path.slice(line.move.length), origin]);
    entries.delete(path);
  }
  for (const path of beneath(line.to)) entries.delete(path);
  for (const [path, origin] of moved) entries.set(path, origin);
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as unknown;
    if (typeof line !== "object" || line === null) return undefined;
    const tree = "tree" in line && line.tree === true;
    if ("drop" in line && typeof line.drop === "string") return { drop: line.drop, tree };
    if ("move" in line && "to" in line && typeof line.move === "string" && typeof line.to === "string") return { move: line.move, to: line.to, tree };
    if (!("set" in line) || typeof line.set !== "string" || !("from" in line)) return undefined;
    const { from } = line;
    if (typeof from !== "object" || from === null || !("lower" in from) || typeof from.lower !== "string") return undefined;
    const { size, mtimeNs, ctimeNs } = { size: "0", mtimeNs: "0", ctimeNs: "0", ...from } as Record<"size" | "mtimeNs" | "ctimeNs", unknown>;
    return { set: line.set, from: { lower: from.lower as OverlayPath, size: String(size), mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) } };
  } catch {
    return undefined;
  }
}
