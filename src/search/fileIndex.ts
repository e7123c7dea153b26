/**
 * The file index of Go to File: listed once, kept up to date by events, asked at each keystroke. What was deleted goes at
 * once; what was created is looked at in the background, a folder as a whole; a changed ignore file makes the list anew.
 */
import { type CancelSignal, type Disposable, isCode, type Overlay, type OverlayEvent } from "../engine/index.js";
import { FileList } from "./fileList.js";
import { maskOf, noMatch } from "./fuzzy.js";
import type { PathFilter } from "./pathFilter.js";
import { cancelled } from "./ripgrep.js";
import type { FileIndex, FindOptions, IndexMatch, IndexQuery } from "./types.js";
import { Word } from "./word.js";

export type IndexOptions = Omit<FindOptions, "folder" | "maxResults">;

/** What an index asks of the searcher that it belongs to. */
export interface IndexSource {
  readonly overlay: Overlay;
  files(options: FindOptions, onPaths: (paths: readonly string[]) => void): Promise<unknown>;
  /** Which paths such a list has. */
  filter(options: IndexOptions): Promise<PathFilter>;
  fail(error: unknown): void;
}

/** An answer gives way to others after so many ms. */
const sliceMs = 8;
/** Files between two looks at the clock. */
const stride = 2048;
/** When more than this came one by one, the list is made anew: that is the cheaper way. */
const mostSingles = 5000;
const recentBonus = 40;

const ignoreNames = /\/(\.gitignore|\.ignore|\.rgignore|\.git\/info\/exclude)$/;

export class OverlayFileIndex implements FileIndex {
  private list = new FileList();
  private options: IndexOptions = {};
  private state: "never" | "listing" | "listed" = "never";
  /** Everything must be listed again. */
  private isOld = true;
  private created = new Set<string>();
  /** Deleted while a list was made that may still have it. */
  private deletedMeanwhile: string[] = [];
  private working: Promise<void> | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly listening: Disposable;
  private ended = false;
  /** What the last query found, for the next one that only goes on typing. */
  private last: { readonly text: string; readonly generation: number; readonly end: number; readonly files: Int32Array } | undefined;

  constructor(private readonly source: IndexSource) {
    this.listening = source.overlay.onDidChange((events) => { this.changed(events); });
  }

  get size(): number {
    return this.list.size;
  }

  get bytes(): number {
    return this.list.bytes + (this.last?.files.byteLength ?? 0);
  }

  configure(options: IndexOptions): void {
    if (JSON.stringify(options) === JSON.stringify(this.options)) return;
    this.options = options;
    this.isOld = true;
    if (this.state !== "never") this.work();
  }

  onDidChange(listener: () => void): Disposable {
    const own = (): void => { listener(); };
    this.listeners.add(own);
    return { dispose: () => { this.listeners.delete(own); } };
  }

  async dispose(): Promise<void> {
    this.ended = true;
    this.listening.dispose();
    this.listeners.clear();
    await this.working;
  }

  async find({ text, max, recent = [] }: IndexQuery, signal?: CancelSignal): Promise<{ matches: readonly IndexMatch[]; isComplete: boolean }> {
    const check = (): void => { if (this.ended || signal?.aborted === true) throw cancelled(); };
    check();
    if (this.isOld || this.created.size > 0) this.work();
    // The first list is waited for, and its fault is this call's. Later ones come when they come.
    while (this.state !== "listed") {
      await (this.working ?? Promise.resolve());
      check();
      if (this.failure !== undefined) throw this.failure;
      if (this.working === undefined && this.isWaiting()) this.work();
    }
    const words = text.split(/\s+/).filter((word) => word !== "").map((typed) => new Word(typed));
    const isComplete = this.working === undefined;
    const recents = this.list.find(recent);
    if (words.length === 0) {
      const matches = recent.filter((path) => recents.has(path)).slice(0, max).map((path): IndexMatch => ({ path, score: 0, highlights: [], isRecent: true }));
      return { matches, isComplete };
    }
    const ranks = new Map(recent.flatMap((path, i) => { const file = recents.get(path); return file === undefined ? [] : [[file, recentBonus - Math.min(i, recentBonus - 1)] as const]; }));
    return { matches: await this.search(text, words, max, ranks, check), isComplete };
  }

  private async search(text: string, words: readonly Word[], max: number, ranks: ReadonlyMap<number, number>, check: () => void): Promise<IndexMatch[]> {
    const { list } = this;
    const { generation, end } = list;
    const bits = words.reduce((all, word) => all | maskOf(word.folded), 0);
    // Whoever goes on typing can only find less; not so where what came meanwhile was not looked at.
    const from = this.last !== undefined && this.last.generation === generation && this.last.end === end && this.last.text !== "" && text.startsWith(this.last.text) ? this.last.files : undefined;
    const total = from === undefined ? end : from.length;
    const top = new Top(max);
    let found = new Int32Array(1024);
    let count = 0;
    let since = performance.now();
    for (let i = 0; i < total; i++) {
      if (i % stride === stride - 1 && performance.now() - since > sliceMs) {
        await new Promise((resolve) => { setImmediate(resolve); });
        check();
        // Numbers mean other files now: the same again, from the start.
        if (this.list !== list || list.generation !== generation) return this.search(text, words.map(({ typed }) => new Word(typed)), max, new Map(), check);
        since = performance.now();
      }
      const file = from === undefined ? i : (from[i] ?? 0);
      if (!list.mayHave(file, bits)) continue;
      const score = this.score(file, words);
      if (score === noMatch) continue;
      if (count === found.length) {
        const larger = new Int32Array(found.length * 2);
        larger.set(found);
        found = larger;
      }
      found[count++] = file;
      top.add(file, score + (ranks.get(file) ?? 0));
    }
    this.last = { text, generation, end, files: found.slice(0, count) };
    return top.sorted((file) => list.path(file)).map(({ file, score }) => this.matchOf(file, score, words, ranks.has(file)));
  }

  private score(file: number, words: readonly Word[]): number {
    let sum = 0;
    for (const word of words) {
      const score = word.score(this.list, file);
      if (score === noMatch) return noMatch;
      sum += score;
    }
    return sum;
  }

  private matchOf(file: number, score: number, words: readonly Word[], isRecent: boolean): IndexMatch {
    const at = new Set(words.flatMap((word) => word.places(this.list, file)));
    const highlights: [number, number][] = [];
    for (const place of [...at].sort((a, b) => a - b)) {
      const last = highlights.at(-1);
      if (last !== undefined && last[1] === place) last[1]++;
      else highlights.push([place, place + 1]);
    }
    return { path: this.list.path(file), score, highlights, isRecent };
  }

  // Keeping it up to date.

  private failure: Error | undefined;

  private changed(events: readonly OverlayEvent[]): void {
    if (this.state === "never" && this.working === undefined) return;
    const deleted: string[] = [];
    for (const { type, path } of events) {
      if (ignoreNames.test(path) && this.options.useIgnoreFiles !== false) this.isOld = true;
      if (type === "created") this.created.add(path);
      else if (type === "deleted") {
        this.created.delete(path);
        deleted.push(path);
      }
    }
    if (deleted.length > 0) {
      if (this.working !== undefined) this.deletedMeanwhile.push(...deleted);
      if (this.list.remove(deleted) > 0) this.tell();
    }
    if (this.isWaiting()) this.work();
  }

  private isWaiting(): boolean {
    return this.isOld || this.created.size > 0;
  }

  private work(): void {
    if (this.working !== undefined || this.ended) return;
    this.failure = undefined;
    this.working = this.refresh()
      .catch((error: unknown) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
        if (!this.ended && !isCode(error, "ECANCELED")) this.source.fail(error);
      })
      .finally(() => {
        this.working = undefined;
        this.tell();
      });
  }

  private async refresh(): Promise<void> {
    while (this.isWaiting() && !this.isEnded()) {
      this.deletedMeanwhile = [];
      if (this.created.size > mostSingles) this.isOld = true;
      if (this.isOld) await this.listAll();
      else await this.listCreated();
    }
  }

  private isEnded(): boolean {
    return this.ended;
  }

  private async listAll(): Promise<void> {
    this.isOld = false;
    this.created = new Set();
    if (this.state === "never") this.state = "listing";
    const list = new FileList();
    try {
      await this.source.files(this.options, (paths) => { list.add(paths); });
    } catch (error) {
      this.isOld = true;
      if (this.state === "listing") this.state = "never";
      throw error;
    }
    list.remove(this.deletedMeanwhile);
    list.trim();
    this.list = list;
    this.last = undefined;
    this.state = "listed";
  }

  /** Files one by one, as the options let them through; of folders everything, and then the same. */
  private async listCreated(): Promise<void> {
    const { overlay } = this.source;
    const paths = [...this.created];
    this.created = new Set();
    const filter = await this.source.filter(this.options);
    const follow = this.options.followSymlinks === true;
    const added = new Set<string>();
    for (const path of paths) {
      const { type } = await (follow ? overlay.stat(path) : overlay.lstat(path)).catch((error: unknown) => {
        if (isCode(error, "EBADF")) throw error;
        return { type: "unknown" }; // it went again
      });
      if (type === "file" && filter.admits(path.slice(1))) added.add(path);
      if (type !== "directory" || !filter.entersFolder(path.slice(1))) continue;
      const { includes: _includes, excludes: _excludes, ...rest } = this.options;
      await this.source.files({ ...rest, folder: path, useIgnoreFiles: false }, (found) => {
        for (const one of found) if (filter.admits(one.slice(1))) added.add(one);
      }).catch((error: unknown) => {
        if (!isCode(error, "ENOENT", "ENOTDIR", "ENOTSUP")) throw error; // it went again
      });
    }
    // Whatever is known of them already, and what was deleted since, is not to be there twice or at all.
    this.list.remove([...added]);
    this.list.add([...added]);
    this.list.remove(this.deletedMeanwhile);
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }
}

interface Scored {
  readonly file: number;
  readonly score: number;
}

/** The best so many of many. */
class Top {
  private readonly kept: Scored[] = [];
  private least = -Infinity;

  constructor(private readonly max: number) {}

  add(file: number, score: number): void {
    if (score <= this.least) return;
    this.kept.push({ file, score });
    if (this.kept.length < this.max * 4 + 64) return;
    this.cut();
  }

  sorted(path: (file: number) => string): Scored[] {
    this.cut();
    const named = this.kept.map((one) => ({ ...one, path: path(one.file) }));
    named.sort((a, b) => b.score - a.score || a.path.length - b.path.length || (a.path < b.path ? -1 : 1));
    return named.map(({ file, score }) => ({ file, score }));
  }

  private cut(): void {
    this.kept.sort((a, b) => b.score - a.score);
    if (this.kept.length > this.max) this.kept.length = this.max;
    if (this.kept.length === this.max) this.least = this.kept.at(-1)?.score ?? -Infinity;
  }
}
