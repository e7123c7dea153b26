/**
 * What differs from the base, as one model that decorations, lists and status bar read. One walk of overlay.changes(),
 * then only the paths that events name are asked again. Pure: an overlay in, change sets out; never two updates at once.
 * A copy that is what the base has again is no change; that is found out afterwards, as nobody should wait for it.
 */
import { isCode, type Change, type Disposable, type OverlayEvent } from "../engine/index.js";
import { CopyChecks, type CheckCopy } from "./copyChecks.js";
import { Emitter } from "./emitter.js";
import { ancestorsOf, isWithin, outermost } from "./paths.js";

/** What the overlay says; a fake may say of each whether it is stale. */
export type ShownChange = Change;

/** The part of an overlay that the model reads. */
export interface ChangeSource {
  changes(path?: string): Promise<readonly ShownChange[]>;
  changeOf(path: string): Promise<ShownChange | undefined>;
  /** Whether a copied entry is what the base has again. May take long; without it every copy counts as modified. */
  readonly isUnchanged?: CheckCopy;
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
  private entries = new Map<string, ShownChange>();
  /** Copies that are what the base has again: kept, and not shown. */
  private unchanged = new Map<string, ShownChange>();
  private readonly checks: CopyChecks | undefined;
  /** How many shown changes lie beneath a folder. */
  private readonly beneath = new Map<string, number>();
  /** Where a base path went that was renamed: its old name stands as deleted beside it. */
  private readonly renames = new Map<string, string>();
  /** Old names whose renamed entry came or went: their row says where it is. */
  private readonly pointedAt = new Set<string>();
  private pending = new Map<string, OverlayEvent["type"]>();
  private loaded = false;
  private running: Promise<void> | undefined;
  private readonly emitter: Emitter<ModelEvent>;
  private readonly listening: Disposable;
  private ended = false;

  constructor(private readonly source: ChangeSource, private readonly onFailure: (error: unknown) => void) {
    this.emitter = new Emitter(onFailure);
    if (source.isUnchanged !== undefined) this.checks = new CopyChecks(source.isUnchanged, (verdicts) => { this.judge(verdicts); });
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

  get(path: string): ShownChange | undefined {
    return this.entries.get(path);
  }

  /** How many copies are known to be what the base has again. */
  get unchangedCount(): number {
    return this.unchanged.size;
  }

  /** Where the entry that the base has at a path is found now, if it was renamed. */
  renamedTo(path: string): string | undefined {
    return this.renames.get(path);
  }

  /** How many changes lie at a path and beneath it. */
  countWithin(path: string): number {
    return (this.entries.has(path) ? 1 : 0) + (this.beneath.get(path) ?? 0);
  }

  all(): readonly ShownChange[] {
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

  /** Tells that the base changed at these paths of its own, which no event says where a copy hides it. */
  baseChanged(paths: readonly string[]): void {
    // Copies among them are compared anew with it.
    this.askAgain(paths.filter((path) => this.entries.has(path)));
    if (this.checks === undefined) return;
    // Which base path a copy below a renamed folder came from is the overlay's to know, so all that are hidden are asked.
    for (const path of this.unchanged.keys()) this.checks.add(path);
    this.checks.start();
  }

  /** Tells that something of these paths may be different which merged does not show: whether they are stale. */
  askAgain(paths: readonly string[]): void {
    if (paths.length === 0 || (!this.loaded && this.running === undefined)) return;
    for (const path of paths) this.expect({ type: "changed", path });
    if (this.loaded) void this.update();
  }

  dispose(): void {
    this.ended = true;
    this.checks?.dispose();
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
    this.checks?.start();
  }

  /** Read anew after every await. */
  private isEnded(): boolean {
    return this.ended;
  }

  private async walk(): Promise<void> {
    const found = await this.source.changes();
    if (this.isEnded()) return;
    const hidden = this.unchanged;
    this.entries = new Map();
    this.unchanged = new Map();
    this.beneath.clear();
    this.renames.clear();
    for (const change of found) {
      if (!isShown(change)) continue;
      if (isCopy(change)) this.checks?.add(change.path);
      // What was not shown is not shown until it is known to differ: it would come and go with every walk.
      if (isCopy(change) && hidden.has(change.path)) this.unchanged.set(change.path, change);
      else this.put(change.path, change);
    }
    this.pointedAt.clear();
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
    this.tell(different);
  }

  private tell(different: readonly string[]): void {
    const paths = new Set([...different, ...[...this.pointedAt].filter((path) => this.entries.has(path))]);
    this.pointedAt.clear();
    if (paths.size > 0 && !this.isEnded()) this.emitter.fire({ kind: "changed", paths: [...paths] });
  }

  /** What the checks found: a copy goes, or comes back. */
  private judge(verdicts: ReadonlyMap<string, boolean>): void {
    const different: string[] = [];
    for (const [path, same] of verdicts) {
      const shown = this.entries.get(path);
      const hidden = this.unchanged.get(path);
      if (same && isCopy(shown)) {
        this.put(path, undefined);
        this.unchanged.set(path, shown);
        different.push(path);
      } else if (!same && hidden !== undefined) {
        this.unchanged.delete(path);
        this.put(path, hidden);
        different.push(path);
      }
    }
    this.tell(different);
  }

  private async changesAt(path: string): Promise<readonly ShownChange[]> {
    try {
      return await this.source.changes(path);
    } catch (error) {
      if (isCode(error, "ENOENT", "ENOTDIR")) return []; // Neither here nor in the base: nothing differs.
      throw error;
    }
  }

  private replaceWithin(path: string, found: readonly ShownChange[]): string[] {
    const now = new Map(found.filter((change) => isShown(change) && isWithin(change.path, path)).map((change) => [change.path, change]));
    const gone = this.countWithin(path) === 0 ? [] : [...this.entries.keys()].filter((known) => isWithin(known, path) && !now.has(known));
    for (const known of this.unchanged.keys()) if (isWithin(known, path) && !now.has(known)) this.unchanged.delete(known);
    return [...gone.filter((known) => this.set(known, undefined)), ...[...now].filter(([known, change]) => this.set(known, change)).map(([known]) => known)];
  }

  /** Returns whether anything is different. */
  private set(path: string, change: ShownChange | undefined): boolean {
    if (isCopy(change)) {
      this.checks?.add(path);
      if (this.unchanged.has(path)) {
        this.unchanged.set(path, change);
        return false;
      }
    } else this.unchanged.delete(path);
    const before = this.entries.get(path);
    if (sameChange(before, change)) return false;
    this.put(path, change);
    return true;
  }

  private put(path: string, change: ShownChange | undefined): void {
    const before = this.entries.get(path);
    if (before?.kind === "renamed" && this.renames.get(before.from) === path) {
      this.renames.delete(before.from);
      this.pointedAt.add(before.from);
    }
    if (change?.kind === "renamed") {
      this.renames.set(change.from, path);
      this.pointedAt.add(change.from);
    }
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

function isCopy(change: ShownChange | undefined): change is ShownChange & { readonly kind: "copied" } {
  return change?.kind === "copied";
}

export function sameChange(a: ShownChange | undefined, b: ShownChange | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (a.stale ?? false) === (b.stale ?? false) && a.kind === b.kind && a.type === b.type && (a.kind === "renamed" ? a.from : "") === (b.kind === "renamed" ? b.from : "");
}
