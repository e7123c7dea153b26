/**
 * What differs from the base, as one model that decorations, tree and status bar read. One walk of overlay.changes(),
 * then only the paths that events name are asked again. Pure: an overlay in, change sets out; never two updates at once.
 */
import { isCode, type Change, type Disposable, type OverlayEvent } from "../engine/index.js";
import { Emitter } from "./emitter.js";
import { ancestorsOf, isWithin, outermost } from "./paths.js";

/** The part of an overlay that the model reads. */
export interface ChangeSource {
  changes(path?: string): Promise<readonly Change[]>;
  changeOf(path: string): Promise<Change | undefined>;
  onDidChange(listener: (events: readonly OverlayEvent[]) => void): Disposable;
}

export type ModelEvent =
  /** Everything may be different. */
  | { readonly kind: "loaded" }
  /** The entries of these paths appeared, went, or became another kind. */
  | { readonly kind: "changed"; readonly paths: readonly string[] };

/** One walk is cheaper than asking this many paths one by one. */
const walkInstead = 200;

/** A folder that merely holds changed entries was copied up for them; it is no change that a user made. */
export function isShown(change: Change): boolean {
  return !(change.kind === "copied" && change.type === "directory");
}

export class ChangeModel {
  private entries = new Map<string, Change>();
  /** How many shown changes lie beneath a folder. */
  private readonly beneath = new Map<string, number>();
  /** Where a base path went that was renamed: its old name stands as deleted beside it. */
  private readonly renames = new Map<string, string>();
  private pending = new Map<string, OverlayEvent["type"]>();
  private loaded = false;
  private running: Promise<void> | undefined;
  private readonly emitter: Emitter<ModelEvent>;
  private readonly listening: Disposable;
  private ended = false;

  constructor(private readonly source: ChangeSource, private readonly onFailure: (error: unknown) => void) {
    this.emitter = new Emitter(onFailure);
    this.listening = source.onDidChange((events) => {
      if (!this.loaded && this.running === undefined) return; // The walk to come sees it.
      for (const event of events) this.expect(event);
      if (this.loaded) void this.update();
    });
  }

  get onDidChange(): Emitter<ModelEvent>["event"] {
    return this.emitter.event;
  }

  /** Undefined until the first walk is done. */
  get count(): number | undefined {
    return this.loaded ? this.entries.size : undefined;
  }

  get(path: string): Change | undefined {
    return this.entries.get(path);
  }

  /** Where the entry that the base has at a path is found now, if it was renamed. */
  renamedTo(path: string): string | undefined {
    return this.renames.get(path);
  }

  /** How many changes lie at a path and beneath it. */
  countWithin(path: string): number {
    return (this.entries.has(path) ? 1 : 0) + (this.beneath.get(path) ?? 0);
  }

  all(): readonly Change[] {
    return [...this.entries.values()];
  }

  /** Does the first walk; later calls wait for whatever is being brought up to date. */
  async load(): Promise<void> {
    if (!this.loaded && this.running === undefined) this.pending.set("/", "created");
    await this.update();
  }

  /** Walks again: for whoever knows that events were missed. */
  async reload(): Promise<void> {
    this.pending.set("/", "created");
    await this.update();
  }

  dispose(): void {
    this.ended = true;
    this.listening.dispose();
  }

  private expect({ path, type }: OverlayEvent): void {
    const before = this.pending.get(path);
    this.pending.set(path, before === undefined || before === type ? type : "created");
  }

  private update(): Promise<void> {
    this.running ??= this.drain().finally(() => { this.running = undefined; });
    return this.running;
  }

  private async drain(): Promise<void> {
    while (this.pending.size > 0 && !this.ended) {
      const batch = this.pending;
      this.pending = new Map();
      try {
        if (!this.loaded || (batch.get("/") ?? "changed") !== "changed" || batch.size > walkInstead) await this.walk();
        else await this.ask(batch);
      } catch (error) {
        if (this.isEnded()) return;
        this.onFailure(error);
        // What could not be read is not known any more; the next event walks again.
        if (this.loaded) this.pending.set("/", "created");
        return;
      }
    }
  }

  /** Read anew after every await. */
  private isEnded(): boolean {
    return this.ended;
  }

  private async walk(): Promise<void> {
    const found = await this.source.changes();
    if (this.isEnded()) return;
    this.entries = new Map();
    this.beneath.clear();
    this.renames.clear();
    for (const change of found) if (isShown(change)) this.put(change.path, change);
    this.loaded = true;
    this.emitter.fire({ kind: "loaded" });
  }

  private async ask(batch: ReadonlyMap<string, OverlayEvent["type"]>): Promise<void> {
    const different: string[] = [];
    // One event stands for everything beneath a created or deleted folder, so those are walked.
    const whole = outermost([...batch].filter(([, type]) => type !== "changed").map(([path]) => path));
    for (const path of whole) different.push(...this.replaceWithin(path, await this.changesAt(path)));
    const covered = new Set(whole);
    for (const [path, type] of batch) {
      if (type !== "changed" || covered.has(path) || ancestorsOf(path).some((above) => covered.has(above))) continue;
      const change = await this.source.changeOf(path);
      if (this.set(path, change !== undefined && isShown(change) ? change : undefined)) different.push(path);
    }
    if (different.length > 0 && !this.isEnded()) this.emitter.fire({ kind: "changed", paths: different });
  }

  private async changesAt(path: string): Promise<readonly Change[]> {
    try {
      return await this.source.changes(path);
    } catch (error) {
      if (isCode(error, "ENOENT", "ENOTDIR")) return []; // Neither here nor in the base: nothing differs.
      throw error;
    }
  }

  private replaceWithin(path: string, found: readonly Change[]): string[] {
    const now = new Map(found.filter((change) => isShown(change) && isWithin(change.path, path)).map((change) => [change.path, change]));
    const gone = this.countWithin(path) === 0 ? [] : [...this.entries.keys()].filter((known) => isWithin(known, path) && !now.has(known));
    return [...gone.filter((known) => this.set(known, undefined)), ...[...now].filter(([known, change]) => this.set(known, change)).map(([known]) => known)];
  }

  /** Returns whether anything is different. */
  private set(path: string, change: Change | undefined): boolean {
    const before = this.entries.get(path);
    if (sameChange(before, change)) return false;
    this.put(path, change);
    return true;
  }

  private put(path: string, change: Change | undefined): void {
    const before = this.entries.get(path);
    if (before?.kind === "renamed" && this.renames.get(before.from) === path) this.renames.delete(before.from);
    if (change?.kind === "renamed") this.renames.set(change.from, path);
    const step = (change === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
    if (change === undefined) this.entries.delete(path);
    else this.entries.set(path, change);
    if (step === 0) return;
    for (const above of ancestorsOf(path)) {
      const count = (this.beneath.get(above) ?? 0) + step;
      if (count === 0) this.beneath.delete(above);
      else this.beneath.set(above, count);
    }
  }
}

function sameChange(a: Change | undefined, b: Change | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.kind === b.kind && a.type === b.type && (a.kind === "renamed" ? a.from : "") === (b.kind === "renamed" ? b.from : "");
}
