/**
 * What the adapter asks of a host, in the adapter's words. extension.ts hands in an implementation; nothing in
 * src/vscode knows where overlays are kept or how one process tells another to let go.
 */
import type { CancelSignal, Durability, Overlay, OverlayEvent, Progress, Retention } from "../engine/index.js";
import type { Searcher } from "../search/types.js";
import type { Carrier } from "./carrier.js";

/** What is known of an overlay without opening it. */
export interface OverlayInfo {
  /** Lower-case letters, digits and dashes: it is the authority of a URI, which VS Code writes in lower case. */
  readonly id: string;
  readonly name: string;
  /** Absolute path of the folder beneath; its URI when it is not on a disk. */
  readonly base: string;
  /** Absolute path of the folder that holds the changes. */
  readonly scratch: string;
  readonly snapshots: number;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly lastUsed: number;
}

/** An overlay that was deleted and can be had back. */
export interface RemovedOverlay {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly base: string;
  /** Milliseconds since the epoch. */
  readonly deleted: number;
}

/** A folder under the scratch root that is no overlay, or none that this version can read. */
export interface DamagedOverlay {
  readonly path: string;
  readonly reason: string;
}

export interface OverlayList {
  readonly overlays: readonly OverlayInfo[];
  readonly damaged: readonly DamagedOverlay[];
}

/** Who asks the owner to let go: a window that is opening the overlay, or a user who chose to take it over. */
export type YieldAsker = "window" | "user";

/** How a base that is not on a disk is asked. Paths have no leading slash; `vscode.workspace.fs` answers so. */
export interface BaseFiles {
  stat(path: string): PromiseLike<{ readonly type: number; readonly ctime: number; readonly mtime: number; readonly size: number; readonly permissions?: number | undefined }>;
  readDirectory(path: string): PromiseLike<readonly (readonly [name: string, type: number])[]>;
  readFile(path: string): PromiseLike<Uint8Array>;
}

export interface RemoteState {
  /** How many wait for an answer. */
  readonly waiting: number;
  /** What was said instead of the last answer. */
  readonly fault: string | undefined;
}

/** A base that is not on a disk, of which is remembered what it said. */
export interface RemoteBase {
  /** What is known of these paths of the base is not any more. */
  changed(changes: readonly OverlayEvent[]): void;
  forget(): void;
  /** Whoever waits is told that it was cancelled. */
  cancel(): void;
  readonly state: RemoteState;
  onDidChangeState(listener: (state: RemoteState) => void): { dispose(): void };
}

/** Where an overlay stands as an ordinary folder, and how that ends. */
export interface MountedPlace {
  /** Absolute path. */
  readonly point: string;
  /** @throws OverlayError EBUSY, naming what is in it. */
  unmount(): Promise<void>;
  /** Whether nothing keeps it busy but what this very process has started, and takes with it. */
  hasOwnUsersOnly(): Promise<boolean>;
  /** Once, however it ends; `reason` when it was not asked for. */
  onEnded(listener: (reason: string | undefined) => void): { dispose(): void };
}

export interface MountOptions extends OpenOptions {
  /** The user knows that some links lead past the mount, into the base. */
  readonly allowLinksToBase?: boolean;
  readonly signal?: CancelSignal;
  readonly onProgress?: Progress;
}

export type OpenedOverlay =
  | {
    readonly kind: "writable";
    readonly overlay: Overlay;
    readonly remote: RemoteBase | undefined;
    readonly carrier: Carrier;
    /** Ends with the overlay. */
    readonly searcher: Searcher;
    readonly caseSensitive: boolean;
    /** Another process wants this overlay. */
    onYieldRequested(listener: (by: YieldAsker) => void): { dispose(): void };
    /** A user elsewhere broke our claim: nothing more may be written through this object. */
    onLost(listener: () => void): { dispose(): void };
    /** It is mounted, and this object goes through the mount. */
    readonly mounted?: MountedPlace;
  }
  | {
    readonly kind: "readOnly";
    readonly overlay: Overlay;
    readonly remote: RemoteBase | undefined;
    readonly carrier: Carrier;
    readonly searcher: Searcher;
    readonly caseSensitive: boolean;
    /** Who owns it, as a phrase: "process 4711 on this computer". */
    readonly owner: string;
    /** Called once when the owner has let go, or is known to be dead. */
    onReleased(listener: () => void): { dispose(): void };
    /** Called once when the overlay is mounted by its owner: then opening it again gives a writable one. */
    onMounted(listener: () => void): { dispose(): void };
    /** Asks the owner to let go, until disposed. */
    askToYield(by: YieldAsker): Promise<{ dispose(): void }>;
    /** Declares the owner's claim void. Only ever done because the user said so. */
    breakLock(): Promise<void>;
  };

export interface OpenOptions {
  readonly durability: Durability;
  /** How long, and up to how much, what is thrown away is kept. */
  readonly retention: Retention;
  /** How long to wait for an owner that is asked to let go, before the overlay is opened read-only. */
  readonly waitMs: number;
  /** Leave the overlay to others even if nobody owns it. */
  readonly readOnly?: boolean;
}

export interface OverlaySize {
  /** Undefined when they cannot be counted, because the base is not to be had, or not on a disk: it is not asked for a list. */
  readonly changes: number | undefined;
  readonly bytes: number;
}

export interface OverlayStore {
  list(): Promise<OverlayList>;
  info(id: string): Promise<OverlayInfo>;
  /** @param base a path, or a URI. */
  create(base: string, name: string | undefined): Promise<OverlayInfo>;
  /** Deletes everything that an overlay keeps. Refused while another process owns it. */
  delete(id: string): Promise<void>;
  /** One that is mounted is opened through its mount, writable for every window. */
  open(id: string, options: OpenOptions): Promise<OpenedOverlay>;
  /**
   * Mounts an overlay that nobody has open, or joins those who have it mounted.
   * @throws OverlayError: ENOTSUP where it cannot be had, the reason saying what is missing and how to get it.
   */
  mount(id: string, options: MountOptions): Promise<OpenedOverlay>;
  /** The overlay whose mount a path on this disk lies in, by the place alone: it need not be mounted now. */
  mountOf(path: string): Promise<{ readonly id: string; readonly point: string } | undefined>;
  /** Counts the changes and the bytes of an overlay that need not be open. Walks both: ask only for what is shown. */
  measure(id: string, signal?: CancelSignal): Promise<OverlaySize>;
  /** Who has it open now, as a phrase; undefined when nobody has. */
  owner(id: string): Promise<string | undefined>;
  /** These three are refused while somebody has the overlay open, this window included. */
  rename(id: string, name: string): Promise<void>;
  /** A second overlay over the same base, with the same changes and snapshots. */
  duplicate(id: string, name: string, signal?: CancelSignal): Promise<OverlayInfo>;
  /** Deletes it so that it can be had back, by the key that is returned. */
  remove(id: string): Promise<string>;
  removed(): Promise<readonly RemovedOverlay[]>;
  restore(key: string): Promise<OverlayInfo>;
  /** Ends what `remove` keeps. */
  discard(key: string): Promise<void>;
  /** Goes on with what earlier processes did not end. */
  sweep(): Promise<void>;
  /** Whether the folder tells names apart that differ only in case. */
  caseSensitive(base: string): Promise<boolean>;
}

/** What the adapter needs of the machine besides overlays. */
export interface Machine {
  /** The absolute path with symlinks resolved; the path itself where that fails. */
  realPath(path: string): Promise<string>;
  /** The environment variable, when it is set and not empty. */
  env(name: string): string | undefined;
}
