/**
 * The origins file: for each copied-up entry, which lower entry it came from and that one's fingerprint at that moment.
 * Advisory: nothing that an operation decides rests on it. A journal of JSON lines, so that a directory rename is one
 * line; written behind the operations, read on first use, compacted when most of it is history.
 */
import { Mutex } from "async-mutex";
import { isCode } from "./errors.js";
import type { Env, ScratchLayer, WriteHandle } from "./layer.js";
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

/** The whole upper was exchanged: its file is kept under the name of where it went, and that of the new one comes. */
interface Exchange {
  readonly aside: string;
  readonly back: string | undefined;
}

const file = "origins";

/** Where the origins of an upper that lies at `layers/<n>` are kept. */
const besides = (layer: string): string => `${file}.${layer.slice(layer.lastIndexOf("/") + 1)}`;

export class Origins {
  private entries: Map<string, Origin> | undefined;
  private loading: Promise<Map<string, Origin>> | undefined;
  private pending: (Line | Exchange)[] = [];
  private writing: Promise<void> | undefined;
  private lines = 0;
  /** Counts exchanges: what was read before one is of another upper. */
  private generation = 0;
  /** Whether this process has written yet: before that the file may end in a line that a crash has torn. */
  private begun = false;
  /** Reading and writing exclude each other: a line is on the disk or pending, never lost between the two. */
  private readonly io = new Mutex();
  /** From the first deletion on it stays open: they come in numbers, and the trash writes a line for each as well. */
  private staysOpen = false;
  private handle: WriteHandle | undefined;

  constructor(private readonly scratch: ScratchLayer, private readonly env: Env, private readonly readOnly: boolean) {}

  set(path: OverlayPath, lower: OverlayPath, print: Fingerprint): void {
    const from = { lower, size: String(print.size), mtimeNs: String(print.mtimeNs), ctimeNs: String(print.ctimeNs) };
    this.record({ set: path, from });
  }

  /** A path, with `tree` everything beneath it too, moved over whatever was there. */
  move(from: OverlayPath, to: OverlayPath, tree: boolean): void {
    this.record({ move: from, to, tree });
  }

  /** What it was deleted, reset or replaced from, kept under a name that merged cannot have. */
  keep(from: OverlayPath, to: OverlayPath, tree: boolean): void {
    this.staysOpen = true;
    this.record({ move: from, to, tree });
  }

  /** A path, with `tree` everything beneath it too, is gone from upper. */
  drop(path: OverlayPath, tree: boolean): void {
    this.record({ drop: path, tree });
  }

  /** The file of an upper that lies at `layers/<n>`, by its path in the scratch. */
  fileBeside(layer: string): string {
    return besides(layer);
  }

  /** @param aside where the upper went, as a layer path. @param back where the new one lay; undefined for an empty one. */
  exchange(aside: string, back?: string): void {
    if (this.readOnly) return;
    this.generation++;
    this.entries = back === undefined ? new Map<string, Origin>() : undefined;
    this.loading = undefined;
    this.push({ aside: besides(aside), back: back === undefined ? undefined : besides(back) });
  }

  async get(path: OverlayPath): Promise<Origin | undefined> {
    return (await this.load()).get(path);
  }

  private record(line: Line): void {
    if (this.readOnly) return;
    if (this.entries !== undefined) apply(this.entries, line);
    this.push(line);
  }

  private push(item: Line | Exchange): void {
    this.pending.push(item);
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
    let lines: Line[] = [];
    for (const item of batch) {
      if (!("aside" in item)) lines.push(item);
      else {
        await this.writeLines(lines);
        lines = await this.exchangeFiles(item);
      }
    }
    await this.writeLines(lines);
  }

  private async writeLines(batch: readonly Line[]): Promise<void> {
    if (batch.length === 0) return;
    this.lines += batch.length;
    const text = batch.map((line) => `${JSON.stringify(line)}\n`).join("");
    this.handle ??= await this.open();
    try {
      await this.handle.write(this.env.encode(this.begun ? text : `\n${text}`), 0);
      this.begun = true;
    } catch (error) {
      this.begun = false; // it may end in half a line
      throw error;
    } finally {
      if (!this.staysOpen) await this.letGo();
    }
  }

  private async letGo(): Promise<void> {
    const { handle } = this;
    this.handle = undefined;
    await handle?.close();
  }

  /** Returns what must be written in place of it: where the old file will not go, that nothing in it counts. */
  private async exchangeFiles({ aside, back }: Exchange): Promise<Line[]> {
    this.begun = false;
    this.lines = 0;
    try {
      await this.letGo();
      await this.renameIfThere(file, aside);
      if (back !== undefined) await this.renameIfThere(back, file);
      return [];
    } catch (error) {
      this.env.log("warn", `could not keep origins: ${String(error)}`);
      return [{ drop: "/", tree: true }];
    }
  }

  private async renameIfThere(from: string, to: string): Promise<void> {
    try {
      await this.scratch.rename(from, to);
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
    }
  }

  private async open() {
    try {
      return await this.scratch.openWrite(file, { append: true });
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
      const made = await this.scratch.create(file, 0o644);
      if (!this.staysOpen) return made;
      await made.close();
      return this.scratch.openWrite(file, { append: true });
    }
  }

  private load(): Promise<Map<string, Origin>> {
    if (this.entries !== undefined) return Promise.resolve(this.entries);
    if (this.loading !== undefined) return this.loading;
    const loading = this.io.runExclusive(() => this.read()).finally(() => {
      if (this.loading === loading) this.loading = undefined;
    });
    return (this.loading = loading);
  }

  private async read(): Promise<Map<string, Origin>> {
    const { generation } = this;
    // The file that is there is another upper's until then.
    if (this.pending.some((item) => "aside" in item)) await this.writeBatch().catch((error: unknown) => { this.env.log("warn", `could not record origins: ${String(error)}`); });
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
    for (const item of this.pending) if (!("aside" in item)) apply(entries, item);
    if (!this.readOnly && generation === this.generation) this.entries = entries;
    return entries;
  }

  /** Writes what is pending, and the whole anew when most of it is history. Called by dispose. */
  async close(): Promise<void> {
    await this.writing;
    await this.letGo().catch((error: unknown) => { this.env.log("warn", `could not close origins: ${String(error)}`); });
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
