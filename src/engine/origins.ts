/**
 * The origins file: which lower entry each upper entry came from, and what each name of upper hides, as it was then.
 * Advisory: nothing that an operation decides rests on it. A journal of JSON lines, so that a directory rename is one
 * line; written behind the operations, read on first use, compacted when most of it is history.
 */
import { Mutex } from "async-mutex";
import { isCode } from "./errors.js";
import type { Env, ScratchLayer, WriteHandle } from "./layer.js";
import { type ContentHash, type Line, type Origin, parseLine, Records, type Under } from "./originRecords.js";
import type { OverlayPath } from "./paths.js";
import type { Fingerprint } from "./types.js";

/** The whole upper was exchanged: its file is kept under the name of where it went, and that of the new one comes. */
interface Exchange {
  readonly aside: string;
  readonly back: string | undefined;
}

/** What a move leaves hidden behind it, and hides where it goes. */
export interface Hidden {
  readonly was?: Under | undefined;
  readonly over?: Under | undefined;
}

const file = "origins";
/** How many lines may wait for others before they are written. */
const mostUnwritten = 1000;

/** Where the origins of an upper that lies at `layers/<n>` are kept. */
const besides = (layer: string): string => `${file}.${layer.slice(layer.lastIndexOf("/") + 1)}`;

export class Origins {
  private known: Records | undefined;
  private loading: Promise<Records> | undefined;
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
  move(from: OverlayPath, to: OverlayPath, tree: boolean, hidden: Hidden = {}): void {
    this.record({ move: from, to, tree, ...hidden });
  }

  /** What it was deleted, reset or replaced from, kept under a name that merged cannot have. */
  keep(from: OverlayPath, to: OverlayPath, tree: boolean, hidden: Hidden = {}): void {
    this.staysOpen = true;
    this.record({ move: from, to, tree, ...hidden });
  }

  /** A path, with `tree` everything beneath it too, is gone from upper. @param was what it hides from now on. */
  drop(path: OverlayPath, tree: boolean, was?: Under): void {
    this.record({ drop: path, tree, was });
  }

  /** What lies under a name of upper, when nothing of upper came from there. */
  hide(path: OverlayPath, was: Under | undefined): void {
    this.record({ hide: path, was });
  }

  /** That nothing lies under a new name. Written with what comes next: making a file is not to cost a line on the disk. */
  bare(path: OverlayPath, nothing: Under | undefined): void {
    if (this.readOnly || nothing === undefined) return;
    const line = { hide: path, was: nothing };
    this.known?.apply(line);
    this.pending.push(line);
    if (this.pending.length > mostUnwritten) this.schedule();
  }

  /** An entry stays, and where it came from is not to be said any more. */
  forget(path: OverlayPath): void {
    this.record({ forget: path });
  }

  hash(lower: OverlayPath, of: ContentHash): void {
    this.record({ hash: lower, of });
  }

  /** Tells of every new origin, at once: what listens must be quick. */
  onNew: ((origin: Origin) => void) | undefined;

  /** The file of an upper that lies at `layers/<n>`, by its path in the scratch. */
  fileBeside(layer: string): string {
    return besides(layer);
  }

  /** @param aside where the upper went, as a layer path. @param back where the new one lay; undefined for an empty one. */
  exchange(aside: string, back?: string): void {
    if (this.readOnly) return;
    this.generation++;
    this.known = back === undefined ? new Records() : undefined;
    this.loading = undefined;
    this.push({ aside: besides(aside), back: back === undefined ? undefined : besides(back) });
  }

  async get(path: OverlayPath): Promise<Origin | undefined> {
    return (await this.load()).entries.get(path);
  }

  /** All that is known, for whoever asks of many paths. It goes on changing. */
  records(): Promise<Records> {
    return this.load();
  }

  private record(line: Line): void {
    if (this.readOnly) return;
    if (this.known !== undefined) this.known.apply(line);
    this.push(line);
    if (this.onNew === undefined) return;
    const origin = "set" in line ? line.from : "was" in line ? line.was : undefined;
    if (origin !== undefined) this.onNew(origin);
  }

  private push(item: Line | Exchange): void {
    this.pending.push(item);
    this.schedule();
  }

  private schedule(): void {
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

  private load(): Promise<Records> {
    if (this.known !== undefined) return Promise.resolve(this.known);
    if (this.loading !== undefined) return this.loading;
    const loading = this.io.runExclusive(() => this.read()).finally(() => {
      if (this.loading === loading) this.loading = undefined;
    });
    return (this.loading = loading);
  }

  private async read(): Promise<Records> {
    const { generation } = this;
    // The file that is there is another upper's until then.
    await this.exchanged();
    const { entries, lines } = await this.parsed(file);
    this.lines += lines;
    for (const item of this.pending) if (!("aside" in item)) entries.apply(item);
    if (!this.readOnly && generation === this.generation) this.known = entries;
    return entries;
  }

  /** With the turn to read and write: what waits to be renamed is, so that each file has the name of its layer. */
  private async exchanged(): Promise<void> {
    if (!this.pending.some((item) => "aside" in item)) return;
    await this.writeBatch().catch((error: unknown) => { this.env.log("warn", `could not record origins: ${String(error)}`); });
  }

  private async parsed(path: string): Promise<{ entries: Records; lines: number }> {
    let text = "";
    try {
      text = this.env.decode(await this.scratch.readFile(path));
    } catch (error) {
      if (!isCode(error, "ENOENT")) this.env.log("warn", `could not read origins: ${String(error)}`);
    }
    const entries = new Records();
    let lines = 0;
    for (const line of text.split("\n")) {
      if (line === "") continue;
      lines++;
      const parsed = parseLine(line);
      if (parsed !== undefined) entries.apply(parsed); // a torn last line is skipped
    }
    return { entries, lines };
  }

  /** What is recorded of a layer that is frozen. */
  recordsBeside(layer: string): Promise<Records> {
    return this.io.runExclusive(async () => {
      await this.exchanged();
      return (await this.parsed(besides(layer))).entries;
    });
  }

  /** The records of a layer that was made of others. */
  async writeBeside(layer: string, lines: readonly Line[]): Promise<void> {
    if (lines.length === 0) return;
    await this.io.runExclusive(() => this.writeWhole(besides(layer), lines)).catch((error: unknown) => { this.env.log("warn", `could not record origins: ${String(error)}`); });
  }

  /** The records of an upper that was just exchanged for another one: a layer that was made of others. */
  fill(lines: readonly Line[]): void {
    for (const line of lines) this.record(line);
  }

  /** Resolves when all that is known is in the file, or cannot be written. */
  async flush(): Promise<void> {
    if (this.pending.length > 0) this.schedule();
    await this.writing;
  }

  /** Writes what is pending, and the whole anew when most of it is history. Called by dispose. */
  async close(): Promise<void> {
    await this.flush();
    await this.letGo().catch((error: unknown) => { this.env.log("warn", `could not close origins: ${String(error)}`); });
    if (this.readOnly || this.known === undefined || this.lines < 2 * this.known.size + 100) return;
    const lines = this.known.lines();
    await this.writeWhole(file, lines).catch((error: unknown) => { this.env.log("warn", `could not tidy origins: ${String(error)}`); });
  }

  private async writeWhole(path: string, lines: readonly Line[]): Promise<void> {
    const temp = `work/${this.env.id()}`;
    try {
      const handle = await this.scratch.create(temp, 0o644);
      try {
        await handle.write(this.env.encode(lines.map((line) => `${JSON.stringify(line)}\n`).join("")), 0);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.scratch.rename(temp, path);
    } catch (error) {
      await this.scratch.unlink(temp).catch(() => undefined);
      throw error;
    }
  }
}
