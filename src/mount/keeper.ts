/**
 * Looks after one mounted overlay, in a process of its own: owns the overlay, lends its upper to fuse-overlayfs, and takes
 * it back when the last window and the last process in the mount have gone. What must not be done beneath a live mount is
 * done between an unmount and a mount. A mount that died is cleared away, and nothing that was written is lost: all of it
 * is in the upper.
 */
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { isWrittenOut, openOverlay, OverlayError, readNames, type CancelSignal, type Durability, type OpenOverlay, type OverlayEvent, type Progress, type Retention } from "../host/index.js";
import { isMounted, readMountMark, removeMountMark, writeMountMark } from "../host/mountMark.js";
import { clearDead, FuseMount, lowersOf, type MountEnd, servingProcess } from "./fuse.js";
import { findTools, type Tools } from "./need.js";
import { clearPlace, closePoint, makePlace, placeOf, type Place } from "./places.js";
import { aside, type EngineCall, type Ending } from "./protocol.js";
import { UpperWatch } from "./upperWatch.js";
import { Veil, veilTree } from "./veil.js";

export interface KeeperOptions {
  /** The overlay's folder, and its base. */
  readonly folder: string;
  readonly base: string;
  readonly id: string;
  /** The folder of all mounts of this user. */
  readonly runtime: string;
  readonly durability?: Durability;
  readonly retention?: Retention;
  readonly allowLinksToBase?: boolean;
  /** How long after the last window went the mount goes, in ms; how long until it is tried again while it is in use. */
  readonly graceMs: number;
}

export interface KeeperEvents {
  changed(events: readonly OverlayEvent[]): void;
  layers(): void;
  stale(paths: readonly string[]): void;
  /** The place is given up: nobody new may come. */
  closing(): void;
  /** Nothing more comes after this. */
  ended(ending: Ending): void;
  log(level: "debug" | "info" | "warn" | "error", text: string): void;
  /** Resolves when no window does anything in the mount. @throws OverlayError EBUSY. */
  pause(): Promise<void>;
  resume(): void;
}

/** Where fuse-overlayfs keeps what it needs: on the upper's disk, never in the overlay's own work/. */
const fuseWork = "fuse";

export class Keeper {
  private mount: FuseMount | undefined;
  private watch: UpperWatch | undefined;
  /** Unmounts and mounts happen one after the other. */
  private turn: Promise<unknown> = Promise.resolve();
  private over: Promise<void> | undefined;

  private constructor(
    private readonly overlay: OpenOverlay, private readonly place: Place, private readonly tools: Tools, private readonly options: KeeperOptions,
    private readonly events: KeeperEvents,
  ) {}

  /** @throws OverlayError, with everything as it was. */
  static async start(options: KeeperOptions, events: KeeperEvents, how: { readonly signal?: CancelSignal; readonly onProgress?: Progress }): Promise<Keeper> {
    const tools = await findTools();
    const { folder, base, durability, retention } = options;
    const overlay = await openOverlay({
      base, scratch: folder, adoptMount: true, log: (level, text) => { events.log(level, text); },
      ...(durability === undefined ? {} : { durability }), ...(retention === undefined ? {} : { retention }),
    });
    try {
      const found = await adoptable(folder, tools);
      const place = found?.place ?? placeOf(options.runtime, options.id, base);
      const keeper = new Keeper(overlay, place, tools, options, events);
      if (found === undefined) await keeper.begin(how);
      else await keeper.adopt(found.pid);
      keeper.listen();
      return keeper;
    } catch (error) {
      await overlay.dispose();
      throw error;
    }
  }

  get point(): string {
    return this.place.point;
  }

  get socket(): string {
    return this.place.socket;
  }

  onYieldRequested(listener: () => void): void {
    const { hold } = this.overlay;
    if (hold.kind === "owner") hold.lock.onYieldRequested(({ by }) => { if (by === "user") listener(); });
  }

  /** What a window asks of the engine. @throws OverlayError. */
  async call(call: EngineCall, args: readonly unknown[]): Promise<unknown> {
    if ((aside as readonly string[]).includes(call)) return this.engine(call, args);
    return this.between(() => this.engine(call, args));
  }

  /** Tells of everything that happened so far. */
  async settle(): Promise<void> {
    await this.watch?.settle();
  }

  /** @throws OverlayError EBUSY, naming who is in it; then it goes on. */
  end(): Promise<void> {
    return this.inTurn(async () => {
      if (this.over !== undefined) return this.over;
      await this.events.pause();
      try {
        await this.unmount();
      } catch (error) {
        this.events.resume();
        throw error;
      }
      await this.close({ how: "unmounted" });
    });
  }

  private async begin(how: { readonly signal?: CancelSignal; readonly onProgress?: Progress }): Promise<void> {
    if (await isMounted(this.place.point)) throw new OverlayError("EBUSY", "mount", this.place.point, { reason: `the mount point ${this.place.point} is taken: something else is mounted there` });
    await makePlace(this.options.runtime, this.place);
    try {
      await this.mountNow(how);
    } catch (error) {
      await this.overlay.takeBack();
      await removeMountMark(this.options.folder);
      await clearPlace(this.place);
      throw error;
    }
  }

  private async adopt(pid: number): Promise<void> {
    await this.overlay.lend({ asItIs: true });
    this.events.log("warn", `The mount at ${this.point} had lost its keeper; it is looked after again`);
    await this.serve(await FuseMount.adopt(this.point, pid, this.tools), await lowersOf(this.place.layers));
  }

  private async mountNow(how: { readonly signal?: CancelSignal; readonly onProgress?: Progress } = {}): Promise<void> {
    const { folder, base, allowLinksToBase = false } = this.options;
    const layers = await this.overlay.lend({ ...how, allowLinksToBase });
    const work = join(folder, fuseWork);
    await mkdir(work, { recursive: true, mode: 0o700 });
    const lowers = [...layers.map((path) => join(folder, path)), await realpath(base)];
    const own = await realpath(folder);
    await veilTree(join(own, "upper"), lowers);
    for (const [i, layer] of layers.entries()) if (isWrittenOut(layer)) await veilTree(join(own, layer), lowers.slice(i + 1));
    await makePlace(this.options.runtime, this.place);
    // Before the mount is there, so that a death between the two leaves no mount that nobody knows of.
    await writeMountMark(folder, { point: this.point, socket: this.socket });
    const mount = await FuseMount.start({ lowers, upper: join(folder, "upper"), work, links: this.place.layers }, this.point, this.tools);
    await this.serve(mount, lowers);
  }

  private async serve(mount: FuseMount, lowers: readonly string[]): Promise<void> {
    this.mount = mount;
    mount.onUnexpectedEnd((end) => { void this.inTurn(() => this.died(end)); });
    const [top] = await this.overlay.snapshots();
    const upper = await realpath(join(this.options.folder, "upper"));
    const veil = new Veil({ upper, point: await realpath(this.point), lowers });
    this.watch = new UpperWatch({
      upper,
      bell: this.place.layers,
      lowerHas: (path) => this.overlay.statLower(path, top?.id ?? "base").then(() => true, () => false),
      mend: async (path) => {
        await veil.drop(path).catch((error: unknown) => { this.events.log("warn", `'${path}' was deleted and has come back: ${String(error)}`); });
      },
      veil: (path) => veil.over(path === "/" ? "" : path).catch((error: unknown) => {
        this.events.log("warn", `what was deleted from '${path}' may still be found there: ${String(error)}`);
        return false;
      }),
      tell: (events) => { this.events.changed(events); },
      read: readNames,
    });
    await this.watch.start();
  }

  private listen(): void {
    this.overlay.onDidChange((events) => { this.events.changed(events); });
    this.overlay.onDidChangeLayers(() => { this.events.layers(); });
    this.overlay.onDidChangeStaleness((paths) => { this.events.stale(paths); });
    this.overlay.onLost(() => { void this.inTurn(() => this.lost()); });
  }

  private async engine(call: EngineCall, args: readonly unknown[]): Promise<unknown> {
    const act = this.overlay[call].bind(this.overlay) as (...given: readonly unknown[]) => Promise<unknown>;
    return act(...args.map((arg) => arg ?? undefined));
  }

  /** A short unmount: what is done meanwhile finds the upper in our hands. */
  private between<T>(work: () => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      this.refuseOver();
      await this.events.pause();
      try {
        await this.unmount();
        await this.overlay.takeBack();
        try {
          return await work();
        } finally {
          await this.mountAgain();
        }
      } finally {
        this.events.resume();
      }
    });
  }

  private async mountAgain(): Promise<void> {
    try {
      await this.mountNow();
    } catch (error) {
      await this.close({ how: "failed", reason: `it could not be mounted again: ${error instanceof OverlayError ? error.reason : String(error)}` });
    }
  }

  private async unmount(): Promise<void> {
    await this.mount?.unmount();
    await this.watch?.settle();
    await this.watch?.end();
    this.mount = undefined;
    this.watch = undefined;
    await closePoint(this.point);
  }

  private async died(end: MountEnd): Promise<void> {
    if (this.over !== undefined || this.mount === undefined) return;
    this.mount = undefined;
    await this.watch?.end();
    await clearDead(this.tools, this.point);
    await this.close(end.how === "by hand" ? { how: "unmounted" } : { how: "failed", reason: `fuse-overlayfs has stopped: ${end.reason}` });
  }

  /** A user said that we do not live: whoever has the lock now must not meet our mount. */
  private async lost(): Promise<void> {
    if (this.over !== undefined) return;
    await this.events.pause().catch(() => undefined);
    await this.unmount().catch((error: unknown) => { this.events.log("error", String(error)); });
    await this.close({ how: "failed", reason: "its lock was broken elsewhere" });
  }

  private close(ending: Ending): Promise<void> {
    this.over ??= (async () => {
      try {
        await this.overlay.takeBack().catch((error: unknown) => { this.events.log("warn", String(error)); }); // it only tidies
        // All of it while the overlay is ours: the next keeper makes the same names.
        this.events.closing();
        await removeMountMark(this.options.folder);
        await clearPlace(this.place);
        await this.overlay.dispose();
      } finally {
        this.events.ended(ending);
      }
    })();
    return this.over;
  }

  private refuseOver(): void {
    if (this.over !== undefined) throw new OverlayError("EBADF", "mount", this.point, { reason: "the overlay is not mounted any more" });
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(work);
    this.turn = mine.catch(() => undefined);
    return mine;
  }
}

/** A mount that is alive although its keeper is not; what is left of a dead one is cleared away. */
async function adoptable(folder: string, tools: Tools): Promise<{ readonly place: Place; readonly pid: number } | undefined> {
  const mark = await readMountMark(folder);
  if (mark === undefined) return undefined;
  const pid = await servingProcess(mark.point);
  const there = await isMounted(mark.point);
  if (there && pid !== undefined) {
    const own = join(mark.point, "..");
    return { place: { folder: own, point: mark.point, socket: mark.socket, layers: join(own, ".layers") }, pid };
  }
  if (there) await clearDead(tools, mark.point);
  // Its keeper died while it was starting: it has served nobody yet.
  else if (pid !== undefined) process.kill(pid);
  await removeMountMark(folder);
  return undefined;
}
