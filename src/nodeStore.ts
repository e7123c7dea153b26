/** The node host's overlays in the words of the adapter's ports: each call is passed on, nothing is decided here. */
import { isCaseSensitiveToRead } from "./host/caseProbe.js";
import { breakLock, describeOwner, isBaseUri, openOverlay, OverlayError, OverlayStore as Folder, type OpenOverlay, type OpenOverlayOptions, readMountMark, type StoredOverlay } from "./host/index.js";
import { createCarrier, createMountedCarrier } from "./nodeCarrier.js";
import { isStranded, joinMounted, type MountedOverlay, mountOverlay, overlayAt, pointOf, whenMounted } from "./mount/index.js";
import type { CancelSignal, Env } from "./engine/index.js";
import { createSearcher, type Searcher } from "./search/index.js";
import type { BaseFiles, OpenedOverlay, OpenOptions, OverlayInfo, OverlayStore } from "./vscode/ports.js";

type Log = Env["log"];

export interface StoreTools {
  /** The program that searches are run with; undefined where there is none. */
  readonly ripgrep: () => Promise<string | undefined>;
  /** The bundle of the process that looks after a mount. */
  readonly keeper: string;
  /** What answers for a base that is not on a disk, by its URI. */
  readonly connect: (uri: string) => BaseFiles;
  readonly log: Log;
}

/** `root` is asked each time: the setting may change. */
export function createNodeStore(root: () => string, tools: StoreTools): OverlayStore {
  const { connect, log } = tools;
  const folder = (): Folder => new Folder(root());
  const find = async (id: string): Promise<StoredOverlay> => {
    const stored = await folder().find(id);
    if (stored !== undefined) return stored;
    const reason = `there is no overlay with the id '${id}' in ${root()}. It was deleted, or 'overlay.scratchRoot' was another folder when it was made`;
    throw new OverlayError("ENOENT", "open", id, { reason });
  };
  const at = (base: string): OpenOverlayOptions["base"] => (isBaseUri(base) ? { uri: base, files: connect(base) } : base);
  return {
    async list() {
      const { overlays, damaged } = await folder().list();
      return { overlays: overlays.map(infoOf), damaged: damaged.map((one) => ({ path: one.folder, reason: one.reason })) };
    },
    info: async (id) => infoOf(await find(id)),
    async create(base, name) {
      const made = await folder().create(base);
      try {
        // Opening it once writes its manifest.
        await (await openOverlay({ base: at(base), scratch: made.folder, log, ...(name === undefined ? {} : { name }) })).dispose();
      } catch (error) {
        await folder().delete(made.id).catch(() => undefined);
        throw error;
      }
      return infoOf(await find(made.id));
    },
    async delete(id) {
      await (await folder().delete(id)).cleared;
    },
    async open(id, options) {
      const stored = await find(id);
      const found = isBaseUri(stored.base) ? undefined : await findMounted(stored, options, tools);
      return found ?? open({ base: at(stored.base), scratch: stored.folder, log }, options, tools);
    },
    mount: async (id, options) => mounted(await mountOverlay({ ...mountable(await find(id), options, tools), ...options }), tools),
    async mountOf(path) {
      const place = overlayAt(path);
      if (place === undefined) return undefined;
      const stored = await folder().find(place.id).catch(() => undefined);
      return stored !== undefined && place.point === pointOf(stored.id, stored.base) ? place : undefined;
    },
    async measure(id, signal) {
      const stored = await find(id);
      const [bytes, changes] = await Promise.all([stored.sizeOnDisk(signal), countChanges(stored, log, signal)]);
      return { bytes, changes };
    },
    async owner(id) {
      const stored = await find(id);
      const owner = await stored.owner();
      if (owner === undefined) return undefined;
      const mark = await readMountMark(stored.folder);
      return mark === undefined ? describeOwner(owner) : `a mount at ${mark.point}`;
    },
    rename: (id, name) => folder().rename(id, name),
    duplicate: async (id, name, signal) => infoOf(await find(await folder().duplicate(id, name, signal === undefined ? {} : { signal }))),
    remove: (id) => folder().remove(id),
    removed: () => folder().removed(),
    restore: async (key) => infoOf(await find(await folder().restore(key))),
    discard: (key) => folder().discard(key),
    sweep: () => folder().sweep(),
    async caseSensitive(base) {
      if (!isBaseUri(base)) return isCaseSensitiveToRead(base);
      // It was asked when the first overlay over it was made.
      return (await folder().list()).overlays.find((one) => one.base === base)?.caseSensitive ?? true;
    },
  };
}

function infoOf({ id, name, base, folder, snapshots, created, lastUsed }: StoredOverlay): OverlayInfo {
  return { id, name, base, scratch: folder, snapshots, created, lastUsed };
}

/** What is merely listed must not make calls that take seconds, or ask for a password. */
async function countChanges({ base, folder }: StoredOverlay, log: Log, signal: CancelSignal | undefined): Promise<number | undefined> {
  if (isBaseUri(base)) return undefined;
  try {
    const overlay = await openOverlay({ base, scratch: folder, readOnly: true, log });
    try {
      return (await overlay.changes("/", signal === undefined ? {} : { signal })).length;
    } finally {
      await overlay.dispose();
    }
  } catch {
    return undefined;
  }
}

function mountable({ id, base, folder }: StoredOverlay, { durability, retention }: OpenOptions, { keeper: program, log }: StoreTools) {
  return { id, base, folder, durability, retention, program, log };
}

/** The overlay through its mount, if it has one. */
async function findMounted(stored: StoredOverlay, options: OpenOptions, tools: StoreTools): Promise<OpenedOverlay | undefined> {
  const about = mountable(stored, options, tools);
  const joined = await joinMounted(about);
  if (joined !== undefined) return mounted(joined, tools);
  // Its keeper died and the mount goes on: whoever uses the overlay next looks after it.
  return (await isStranded(stored.folder, tools.log)) ? mounted(await mountOverlay(about), tools) : undefined;
}

async function open(place: Pick<OpenOverlayOptions, "base" | "scratch" | "log">, options: OpenOptions, tools: StoreTools): Promise<OpenedOverlay> {
  const how = { ...place, durability: options.durability, retention: options.retention };
  const opened = (overlay: OpenOverlay): OpenedOverlay => inWordsOfPort(overlay, tools);
  if (options.readOnly === true) return opened(await openOverlay({ ...how, readOnly: true }));
  const overlay = await openOverlay({ ...how, readOnly: "ifOwned" });
  if (overlay.hold.kind === "owner" || !(await letsGo(overlay, options.waitMs))) return opened(overlay);
  await overlay.dispose();
  return opened(await openOverlay({ ...how, readOnly: "ifOwned" }));
}

/** Whether the owner lets go within this time. */
function letsGo({ hold }: OpenOverlay, ms: number): Promise<boolean> {
  if (hold.kind === "owner") return Promise.resolve(false);
  return new Promise((resolve) => {
    const end = (free: boolean): void => {
      clearTimeout(timer);
      listening.dispose();
      resolve(free);
    };
    const timer = setTimeout(end, ms, false);
    const listening = hold.onReleased(() => { end(true); });
  });
}

function mounted(overlay: MountedOverlay, tools: StoreTools): OpenedOverlay {
  const never = { dispose: () => undefined };
  return {
    kind: "writable", overlay, remote: undefined, carrier: createMountedCarrier(overlay), searcher: searcherOf(overlay, tools), caseSensitive: overlay.manifest.caseSensitive,
    // The upper is the keeper's: who wants it asks there, and what becomes of that is the mount's end.
    onYieldRequested: () => never,
    onLost: () => never,
    mounted: {
      point: overlay.point,
      unmount: () => overlay.unmount(),
      hasOwnUsersOnly: () => overlay.hasOwnUsersOnly(),
      onEnded: (listener) => overlay.onEnded((ending) => { listener(ending.how === "failed" ? ending.reason : undefined); }),
    },
  };
}

/** It ends with the overlay. */
function searcherOf(overlay: OpenOverlay | MountedOverlay, { ripgrep, log }: StoreTools): Searcher {
  const searcher = createSearcher(overlay, ripgrep, (error) => { log("warn", `Search: ${String(error)}`); });
  const disposeOverlay = overlay.dispose.bind(overlay);
  Object.assign(overlay, { dispose: () => searcher.dispose().finally(disposeOverlay) });
  return searcher;
}

function inWordsOfPort(overlay: OpenOverlay, tools: StoreTools): OpenedOverlay {
  const { hold, folder, remote, manifest: { caseSensitive } } = overlay;
  const carrier = createCarrier(overlay);
  const searcher = searcherOf(overlay, tools);
  if (hold.kind === "owner") {
    return {
      kind: "writable", overlay, remote, carrier, searcher, caseSensitive,
      onYieldRequested: (listener) => hold.lock.onYieldRequested(({ by }) => { listener(by); }),
      onLost: (listener) => overlay.onLost(listener),
    };
  }
  const { owner } = hold;
  return {
    kind: "readOnly", overlay, remote, carrier, searcher, caseSensitive,
    owner: owner === undefined ? "another process" : describeOwner(owner),
    onReleased: (listener) => hold.onReleased(listener),
    onMounted: (listener) => whenMounted(folder, listener),
    askToYield: (by) => hold.requestYield(by),
    breakLock: async () => { if (owner !== undefined) await breakLock(folder, owner); },
  };
}
