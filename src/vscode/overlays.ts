/**
 * The overlays that this window has open: each opened on the first use of one of its URIs, ended when the window goes.
 * Keeps the agreement with other windows: who owns may write, who comes second reads, and takes over when the first lets go.
 */
import * as vscode from "vscode";
import { Disposables } from "./disposables.js";
import { Emitter } from "./emitter.js";
import { describe, make } from "./errors.js";
import { inFolderOrder } from "./faces.js";
import type { FloorStore } from "./floorStore.js";
import type { MountedPlace, MountOptions, OpenedOverlay, OpenOptions, OverlayInfo, OverlayStore, YieldAsker } from "./ports.js";
import { Session } from "./session.js";
import { baseText } from "./uris.js";

export interface OverlaysParts {
  readonly store: OverlayStore;
  readonly floors: FloorStore;
  readonly log: vscode.LogOutputChannel;
  /** Asked each time: the settings may have changed. */
  readonly settings: () => Pick<OpenOptions, "durability" | "retention">;
  /** Asks the user where needed; false keeps the overlay closed. */
  readonly trust: (base: string) => Promise<boolean>;
  /** False when the window that this process served is gone. */
  readonly windowAlive: () => Promise<boolean>;
}

type Slot =
  | { readonly kind: "opening"; readonly promise: Promise<Session> }
  | { readonly kind: "open"; readonly session: Session }
  | { readonly kind: "failed"; readonly error: unknown; readonly until: number };

/** A window that was just closed or reloaded lets go within this time; so long is it waited for. */
const waitForOwnerMs = 1000;
/** How long the owner may take to finish what it is doing when the user takes an overlay over. */
const takeOverMs = 10_000;
/** After a failure the next try waits this long; the editor asks for many paths at once. */
const failureMs = 3000;
/** Time for the window that asked to take what this one let go, before this one would take it back. */
const handOverMs = 10_000;

export class Overlays {
  private readonly slots = new Map<string, Slot>();
  /** Transitions of one overlay happen one after the other. */
  private readonly turns = new Map<string, Promise<void>>();
  private readonly watches = new Map<Session, { dispose(): void }>();
  private readonly opened = new Emitter<Session>((error) => { this.fail(error); });
  private readonly closed = new Emitter<Session>((error) => { this.fail(error); });
  private readonly accessChanged = new Emitter<Session>((error) => { this.fail(error); });
  private readonly failed = new Emitter<{ id: string; error: unknown }>((error) => { this.fail(error); });
  readonly onDidOpen = this.opened.event;
  readonly onDidClose = this.closed.event;
  readonly onDidChangeAccess = this.accessChanged.event;
  readonly onDidFail = this.failed.event;
  private readonly unmounted = new Emitter<{ readonly session: Session; readonly reason: string | undefined }>((error) => { this.fail(error); });
  /** `reason` when nobody asked for it. */
  readonly onDidUnmount = this.unmounted.event;
  private readonly deleted = new Set<string>();
  private ended = false;

  constructor(private readonly parts: OverlaysParts) {}

  /** The overlay, opened if need be. */
  async get(id: string): Promise<Session> {
    // While an overlay changes hands, its engine object is closing; what comes now goes to the next one.
    await this.turns.get(id);
    const slot = this.slots.get(id);
    switch (slot?.kind) {
      case "open":
        return slot.session;
      case "opening":
        return slot.promise;
      case "failed":
        if (Date.now() < slot.until) throw slot.error;
        return this.start(id);
      case undefined:
        return this.start(id);
    }
  }

  /** The overlay when it is open. */
  peek(id: string): Session | undefined {
    const slot = this.slots.get(id);
    return slot?.kind === "open" ? slot.session : undefined;
  }

  /** Those that are open, in the order of the window's folders. */
  all(): Session[] {
    return inFolderOrder([...this.slots.values()].flatMap((slot) => (slot.kind === "open" ? [slot.session] : [])));
  }

  /** Forgets a failure, so that the next use tries again. */
  retry(id: string): void {
    if (this.slots.get(id)?.kind === "failed") this.slots.delete(id);
  }

  /** Lets go of an overlay. The next use of one of its URIs opens it again. */
  async close(id: string): Promise<void> {
    await this.settled(id);
    const session = this.peek(id);
    this.slots.delete(id);
    if (session !== undefined) await this.end(session);
  }

  /** Lets go of an overlay that is being deleted: what still asks for it is told that it is gone, and nothing is shown. */
  async forget(id: string): Promise<void> {
    await this.settled(id);
    const session = this.peek(id);
    if (session !== undefined) await this.unmount(session);
    this.deleted.add(id);
    await this.close(id);
  }

  remember(id: string): void {
    this.deleted.delete(id);
  }

  /** Makes a read-only overlay writable because the user said so: the owner is asked, then waited for. */
  async takeOver(session: Session): Promise<boolean> {
    const { opened } = session;
    if (opened.kind === "writable") return true;
    const request = await opened.askToYield("user");
    try {
      await released(opened, takeOverMs);
      return await this.reopen(session, {});
    } finally {
      request.dispose();
    }
  }

  /** Declares the owner's claim void, and takes the overlay. */
  async breakLock(session: Session): Promise<boolean> {
    if (session.opened.kind === "readOnly") await session.opened.breakLock();
    return this.reopen(session, {});
  }

  /**
   * Mounts an overlay of this window, for whoever asks of it here and for every other program. What is asked meanwhile waits.
   * @throws OverlayError, with the overlay as it was.
   */
  async mount(session: Session, options: Pick<MountOptions, "allowLinksToBase" | "signal" | "onProgress"> = {}): Promise<MountedPlace> {
    const { opened: before } = session;
    if (mountedAt(before) === undefined && before.kind === "readOnly") await this.takeOver(session);
    return this.inTurn(session.id, async () => {
      const already = mountedAt(session.opened);
      if (already !== undefined) return already;
      this.unwatch(session);
      await session.overlay.dispose();
      try {
        const opened = await this.parts.store.mount(session.id, { ...this.parts.settings(), waitMs: waitForOwnerMs, ...options });
        session.replace(opened);
        const place = mountedAt(opened);
        if (place === undefined) throw make("Unavailable", vscode.l10n.t("The overlay '{0}' was mounted, and is not any more.", session.info.name));
        this.parts.log.info(`Mounted overlay '${session.info.name}' (${session.id}) at ${place.point}`);
        return place;
      } catch (error) {
        session.replace(await this.openStore(session.info, {}));
        throw error;
      } finally {
        this.watch(session);
        this.accessChanged.fire(session);
      }
    });
  }

  /** @throws OverlayError EBUSY, naming what is in it. Returns when the overlay is open as before. */
  async unmount(session: Session): Promise<void> {
    const place = mountedAt(session.opened);
    if (place === undefined) return;
    await place.unmount();
    await this.afterMount(session, undefined);
  }

  /** The mount is gone, here or by somebody else's doing: the overlay goes on without. */
  private async afterMount(session: Session, reason: string | undefined): Promise<void> {
    const { opened: gone } = session;
    await this.inTurn(session.id, async () => {
      if (this.peek(session.id) !== session || session.opened !== gone || mountedAt(gone) === undefined) return;
      this.unwatch(session);
      await gone.overlay.dispose();
      session.replace(await this.openStore(session.info, {}));
      this.watch(session);
      this.parts.log.info(`Overlay '${session.info.name}' is not mounted any more${reason === undefined ? "" : `: ${reason}`}`);
      this.accessChanged.fire(session);
      this.unmounted.fire({ session, reason });
    });
  }

  /**
   * Does something to an overlay's folder that nobody may be using: what this window asks of the overlay meanwhile waits.
   * Afterwards it is open again, if it was, under the name that it has then.
   */
  async whileClosed<T>(id: string, work: () => Promise<T>): Promise<T> {
    await this.settled(id);
    return this.inTurn(id, async () => {
      const session = this.peek(id);
      if (session === undefined) return work();
      await mountedAt(session.opened)?.unmount();
      this.unwatch(session);
      if (session.opened.kind === "writable") await session.overlay.dispose();
      try {
        return await work();
      } finally {
        await this.goOn(session);
      }
    });
  }

  /** Drains every operation, keeps the floors, lets go of every overlay. */
  async dispose(): Promise<void> {
    this.ended = true;
    await Promise.all([...this.slots.keys()].map((id) => this.close(id).catch((error: unknown) => { this.fail(error); })));
  }

  private start(id: string): Promise<Session> {
    if (this.ended) return Promise.reject(make("Unavailable", vscode.l10n.t("The window is closing.")));
    if (this.deleted.has(id)) return Promise.reject(make("FileNotFound", vscode.l10n.t("This overlay was deleted.")));
    const promise = this.open(id).then(
      (session) => {
        this.slots.set(id, { kind: "open", session });
        this.opened.fire(session);
        // The one walk, once somebody can hear of it; nobody waits for it.
        void session.changes.load();
        return session;
      },
      (error: unknown) => {
        this.slots.set(id, { kind: "failed", error, until: Date.now() + failureMs });
        this.parts.log.error(`Opening overlay ${id}: ${describe(error)}`);
        this.failed.fire({ id, error });
        throw error;
      },
    );
    this.slots.set(id, { kind: "opening", promise });
    return promise;
  }

  private async open(id: string): Promise<Session> {
    const info = await this.parts.store.info(id);
    if (!(await this.parts.trust(info.base))) {
      throw make("NoPermissions", vscode.l10n.t("You have not trusted '{0}', so its overlay stays closed. Open it again to be asked again.", baseText(info.base)));
    }
    const opened = await this.openStore(info, {});
    const session = new Session(info, opened, { floors: this.parts.floors.load(id), fail: (error) => { this.fail(error); } });
    this.watch(session);
    return session;
  }

  private async openStore(info: OverlayInfo, how: { readonly readOnly?: boolean }): Promise<OpenedOverlay> {
    const opened = await this.parts.store.open(info.id, { ...this.parts.settings(), waitMs: waitForOwnerMs, ...how });
    const access = opened.kind === "writable" ? (opened.mounted === undefined ? "writable" : `through its mount at ${opened.mounted.point}`) : `read-only, owned by ${opened.owner}`;
    this.parts.log.info(`Opened overlay '${info.name}' (${info.id}) over ${info.base}: ${access}`);
    return opened;
  }

  private watch(session: Session): void {
    this.unwatch(session);
    const { opened } = session;
    const watches = new Disposables();
    this.watches.set(session, watches);
    const fail = (error: unknown): void => { this.fail(error); };
    if (opened.kind === "writable") {
      watches.add(opened.onYieldRequested((by) => { this.onYieldRequested(session, by).catch(fail); }));
      watches.add(opened.onLost(() => { this.letGo(session, "its lock was broken elsewhere").catch(fail); }));
      if (opened.mounted !== undefined) watches.add(opened.mounted.onEnded((reason) => { this.afterMount(session, reason).catch(fail); }));
      return;
    }
    watches.add(opened.onMounted(() => { this.reopen(session, {}).catch(fail); }));
    watches.add(opened.onReleased(() => { this.reopen(session, {}).catch(fail); }));
    // The owner may be what this window's own reload left behind; it lets go when it finds its window gone.
    opened.askToYield("window").then((request) => watches.add(request), fail);
  }

  private unwatch(session: Session): void {
    this.watches.get(session)?.dispose();
    this.watches.delete(session);
  }

  private async onYieldRequested(session: Session, by: YieldAsker): Promise<void> {
    // A window that merely opens the overlay gets it only from a process whose own window is gone.
    if (by === "window" && (await this.parts.windowAlive())) return;
    await this.letGo(session, by === "user" ? "taken over in another window" : "this process has no window any more");
  }

  private async letGo(session: Session, why: string): Promise<void> {
    this.parts.log.info(`Letting go of overlay '${session.info.name}': ${why}`);
    await this.reopen(session, { readOnly: true });
    this.unwatch(session);
    const timer = setTimeout(() => { if (this.peek(session.id) === session) this.watch(session); }, handOverMs);
    this.watches.set(session, { dispose: () => { clearTimeout(timer); } });
  }

  /** Drains the engine object and goes on with a new one. Returns whether the overlay can be written then. */
  private async reopen(session: Session, how: { readonly readOnly?: boolean }): Promise<boolean> {
    return this.inTurn(session.id, async () => {
      if (this.peek(session.id) !== session) return false;
      if (session.access.kind === "writable" && how.readOnly !== true) return true;
      this.unwatch(session);
      const before = session.opened;
      // Who reads goes on reading until there is something to go on with; who writes must let go first.
      if (before.kind === "writable") await before.overlay.dispose();
      session.replace(await this.openStore(session.info, how));
      if (before.kind === "readOnly") await before.overlay.dispose();
      this.watch(session);
      this.accessChanged.fire(session);
      return session.access.kind === "writable";
    });
  }

  private async settled(id: string): Promise<void> {
    const slot = this.slots.get(id);
    if (slot?.kind === "opening") await slot.promise.catch(() => undefined);
  }

  /** A new name is drawn everywhere by letting the overlay go and come. */
  private async goOn(session: Session): Promise<void> {
    const before = session.opened;
    const info = await this.parts.store.info(session.id);
    const isRenamed = info.name !== session.info.name;
    if (isRenamed) this.closed.fire(session);
    session.replace(await this.openStore(info, {}), info);
    if (before.kind === "readOnly") await before.overlay.dispose();
    this.watch(session);
    if (isRenamed) this.opened.fire(session);
    this.accessChanged.fire(session);
  }

  private async inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.turns.get(id) ?? Promise.resolve();
    const mine = before.then(work);
    const settled = mine.then(() => undefined, () => undefined);
    this.turns.set(id, settled);
    try {
      return await mine;
    } finally {
      if (this.turns.get(id) === settled) this.turns.delete(id);
    }
  }

  private async end(session: Session): Promise<void> {
    await this.inTurn(session.id, async () => {
      this.unwatch(session);
      this.closed.fire(session);
      session.dispose();
      await session.overlay.dispose();
      await this.parts.floors.save(session.id, session.floors);
    });
  }

  private fail(error: unknown): void {
    this.parts.log.error(describe(error));
  }
}

/** Where an overlay stands as a folder, while it does. */
export function mountedAt(opened: OpenedOverlay): MountedPlace | undefined {
  return opened.kind === "writable" ? opened.mounted : undefined;
}

/** Resolves when the owner has let go, or after a while. */
function released(opened: Extract<OpenedOverlay, { kind: "readOnly" }>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      listening.dispose();
      resolve();
    };
    const timer = setTimeout(end, ms);
    const listening = opened.onReleased(end);
  });
}
