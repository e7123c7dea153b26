/** Searches over one overlay: asks the engine where everything is, runs ripgrep, counts, and ends everything when told to. */
import { type CancelSignal, isCode, type Overlay, OverlayError, type Whereabouts } from "../engine/index.js";
import { type IndexOptions, OverlayFileIndex } from "./fileIndex.js";
import { listFlags, textFlags } from "./flags.js";
import { Links } from "./links.js";
import { lister } from "./listing.js";
import type { Mapped, Mapper } from "./mapper.js";
import { type Ignores, MergedIgnores } from "./mergedIgnores.js";
import { PathFilter } from "./pathFilter.js";
import { cancelled } from "./ripgrep.js";
import { isBottom, type Roots, sweep, type Tools } from "./sweep.js";
import { TempFiles } from "./tempFiles.js";
import { count, textReader } from "./textMatches.js";
import type { FileIndex, FindOptions, Finished, Searcher, TextOptions, TextQuery, TextResult } from "./types.js";

export interface SearcherParts {
  readonly overlay: Overlay;
  /** Whether the base is; only there a program can search it. */
  readonly onDisk: boolean;
  readonly roots: () => Roots;
  /** The program; undefined where none was found. */
  readonly ripgrep: () => Promise<string | undefined>;
  /** Told what goes wrong in the background. */
  readonly fail: (error: unknown) => void;
}

/** Files that are told at once. */
const mostAtOnce = 2000;
/** Characters of a line that are shown at most: what an editor shows of a line. */
const defaultChars = 10_000;

export class OverlaySearcher implements Searcher {
  private readonly temp = new TempFiles();
  private readonly ignores: MergedIgnores;
  private readonly running = new Set<Promise<unknown>>();
  private readonly ending = new AbortController();
  private fileIndex: OverlayFileIndex | undefined;

  constructor(private readonly parts: SearcherParts) {
    this.ignores = new MergedIgnores(parts.overlay, () => this.tools());
  }

  files(options: FindOptions, onPaths: (paths: readonly string[]) => void, signal?: CancelSignal): Promise<Finished> {
    const most = options.maxResults ?? Infinity;
    let found = 0;
    const tell = (paths: string[]): boolean => {
      if (paths.length === 0) return true;
      const left = most - found;
      found += paths.length;
      if (left > 0) onPaths(paths.length > left ? paths.slice(0, left) : paths);
      return found <= most;
    };
    return this.run(options, signal, async (search) => {
      const links = options.followSymlinks === true ? new Links(this.parts.overlay) : undefined;
      const doubtful: Mapped[] = [];
      if (links === undefined) {
        // What lies above the base is in memory: looked at while ripgrep, once it runs, lists the base.
        let begin = (): void => undefined;
        const running = new Promise<void>((resolve) => { begin = resolve; });
        const swept = search.sweep(listFlags, (mapper) => {
          begin();
          return lister(mapper, tell);
        }, "base").finally(begin);
        const own = running.then(() => search.own(tell));
        const [listed] = await Promise.allSettled([swept, own]);
        if (listed.status === "rejected") throw listed.reason;
        await own;
        return finished(found > most, listed.value);
      }
      const complaints = await search.sweep(listFlags, (mapper) => lister(mapper, tell, (file) => {
        const isDoubtful = links.isInLinked(file);
        if (isDoubtful) doubtful.push(file);
        return isDoubtful;
      }));
      for (const file of doubtful) {
        if (found > most) break;
        search.check();
        if (await links.isTrue(file)) tell([file.path]);
      }
      return finished(found > most, complaints);
    });
  }

  text(query: TextQuery, options: TextOptions, onResults: (results: readonly TextResult[]) => void, signal?: CancelSignal): Promise<Finished> {
    if (query.pattern === "") return Promise.resolve({ limitHit: false });
    const most = options.maxResults ?? Infinity;
    let found = 0;
    let limitHit = false;
    const take = (results: readonly TextResult[]): boolean => {
      found += count(results);
      onResults(results);
      return !limitHit;
    };
    return this.run(options, signal, async (search) => {
      const links = options.followSymlinks === true ? new Links(this.parts.overlay) : undefined;
      const held: { readonly file: Mapped; readonly results: TextResult[] }[] = [];
      const complaints = await search.sweep(textFlags(query, options), (mapper) => textReader(mapper, {
        limits: { lines: options.previewLines ?? Infinity, chars: options.previewChars ?? defaultChars },
        left: () => most - found,
        onLimit: () => { limitHit = true; },
        take,
        ...(links === undefined ? {} : { isDoubtful: (file) => links.isLinked(file), hold: (file, results) => held.push({ file, results }) }),
      }));
      for (const { file, results } of held) {
        search.check();
        if (limitHit || links === undefined || !(await links.isTrue(file))) continue;
        const left = most - found;
        if (count(results) > left) limitHit = true;
        take(limitHit ? within(results, left) : results);
      }
      return finished(limitHit, complaints);
    });
  }

  index(): FileIndex {
    this.fileIndex ??= new OverlayFileIndex({
      overlay: this.parts.overlay,
      files: (options, onPaths) => this.files(options, onPaths),
      filter: (options) => this.filter(options),
      fail: this.parts.fail,
    });
    return this.fileIndex;
  }

  /** What a list of the whole overlay with these options has. */
  private async filter(options: IndexOptions): Promise<PathFilter> {
    if (options.useIgnoreFiles === false) return new PathFilter(options, "");
    const { roots } = await this.tools();
    const ignores = await this.ignores.of(await this.parts.overlay.whereabouts(), roots, options);
    const { text, above } = await ignores.composed(this.ending.signal);
    return new PathFilter(options, text, above);
  }

  async dispose(): Promise<void> {
    this.ending.abort();
    this.ignores.dispose();
    await this.fileIndex?.dispose();
    await Promise.allSettled(this.running);
    await this.temp.dispose();
  }

  /** The frame of a search: ended by its own signal or with the searcher, its faults told as OverlayError. */
  private async run(options: FindOptions, signal: CancelSignal | undefined, act: (search: Search) => Promise<Finished>): Promise<Finished> {
    const abort = new AbortController();
    const end = (): void => { abort.abort(); };
    const signals: CancelSignal[] = [this.ending.signal, ...(signal === undefined ? [] : [signal])];
    for (const one of signals) {
      if (one.aborted) end();
      one.addEventListener("abort", end);
    }
    const work = (async () => {
      if (abort.signal.aborted) throw cancelled();
      const tools = await this.tools();
      const whereabouts = await this.parts.overlay.whereabouts(options.folder ?? "/");
      return act(new Search(tools, whereabouts, this.ignores, options, abort.signal));
    })();
    this.running.add(work);
    try {
      return await work;
    } catch (error) {
      if (isCode(error, "EBADF")) throw cancelled(); // the overlay was closed meanwhile
      throw error;
    } finally {
      this.running.delete(work);
      for (const one of signals) one.removeEventListener("abort", end);
    }
  }

  private async tools(): Promise<Tools> {
    if (!this.parts.onDisk) throw new OverlayError("ENOTSUP", "search", "/", { reason: "the base is not on a disk, which is where ripgrep can search; files open by their name in the Explorer" });
    const command = await this.parts.ripgrep();
    if (command === undefined) {
      throw new OverlayError("ENOTSUP", "search", "/", { reason: "there is no ripgrep in this VS Code, and nothing can be searched without it" });
    }
    return { command, roots: this.parts.roots(), temp: this.temp };
  }
}

class Search {
  /** Paths are told below the folder as it was asked for, which may be a link. */
  private readonly asAsked: (folder: string) => string;

  constructor(
    private readonly tools: Tools, private readonly whereabouts: Whereabouts, private readonly ignores: MergedIgnores,
    private readonly options: FindOptions, private readonly signal: AbortSignal,
  ) {
    const { folder } = whereabouts;
    const asked = options.folder ?? "/";
    this.asAsked = folder === asked ? (path) => path : (path) => (path === folder ? asked : `${asked.replace(/\/+$/, "")}/${path.slice(folder === "/" ? 1 : folder.length + 1)}`);
  }

  check(): void {
    if (this.signal.aborted) throw cancelled();
  }

  /** The files of the layers above the base, decided here as ripgrep would. */
  async own(tell: (paths: string[]) => boolean): Promise<void> {
    const { options, whereabouts } = this;
    const ignores = await this.findIgnores();
    let filter: PathFilter | undefined;
    const { folder } = whereabouts;
    const cut = folder === "/" ? 1 : folder.length + 1;
    let batch: string[] = [];
    for (const path of whereabouts.ownFiles()) {
      if (filter === undefined) {
        const { text, above } = ignores === undefined ? { text: "", above: "" } : await ignores.composed(this.signal);
        filter = new PathFilter(options, text, above);
      }
      if (filter.admits(path.slice(cut))) batch.push(this.asAsked(path));
      if (batch.length < mostAtOnce) continue;
      if (!tell(batch)) return;
      batch = [];
      await new Promise((resolve) => { setImmediate(resolve); });
      this.check();
    }
    tell(batch);
  }

  private findIgnores(): Promise<Ignores> | undefined {
    if (this.options.useIgnoreFiles === false) return undefined;
    return this.ignores.of(this.whereabouts, this.tools.roots, this.options);
  }

  /** @param which of all layers, or of the base alone. */
  async sweep(flags: readonly string[], receive: (mapper: Mapper) => (piece: Buffer) => boolean, which: "all" | "base" = "all"): Promise<readonly string[]> {
    const { options, signal, tools, whereabouts } = this;
    const ignores = await this.findIgnores();
    const areas = which === "all" ? whereabouts.areas : whereabouts.areas.filter(isBottom);
    return sweep(tools, { folder: whereabouts.folder, areas }, {
      find: options, flags, signal, receive, asAsked: this.asAsked,
      native: ignores?.native ?? true,
      composed: async (ending) => (ignores === undefined ? { text: "", above: "" } : ignores.composed(ending)),
    });
  }
}

/** A link that leads nowhere, and what went while it was searched, have no text that anybody could miss. */
const isAbsent = /\(os error [23]\)$/;

function finished(limitHit: boolean, all: readonly string[]): Finished {
  const complaints = all.filter((line) => !isAbsent.test(line));
  const [first] = complaints;
  if (first === undefined) return { limitHit };
  const more = complaints.length === 1 ? "" : `, and ${String(complaints.length - 1)} more`;
  return { limitHit, message: `Not everything could be searched: ${first}${more}` };
}

/** The first so many ranges. */
function within(results: readonly TextResult[], most: number): TextResult[] {
  let left = most;
  const kept: TextResult[] = [];
  for (const result of results) {
    if (left <= 0) break;
    if (result.kind === "context") kept.push(result);
    else {
      kept.push({ ...result, ranges: result.ranges.slice(0, left) });
      left -= result.ranges.length;
    }
  }
  return kept;
}
