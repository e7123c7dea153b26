/**
 * Everything between "open this" and the engine: checks, the folder and its manifest, the lock, the ports. In that
 * order, so that a refusal has changed nothing, and nothing in the folder is made or swept by who does not own it.
 */
import { basename, join } from "node:path";
import { OverlayError, asOverlayError } from "../engine/errors.js";
import type { BaseLayer, Env, LowerLayer, ManifestPort, OutsideReader, ScratchLayer } from "../engine/layer.js";
import type { Disposable, Durability, Retention } from "../engine/types.js";
import { isCaseSensitiveToRead, isCaseSensitiveToWrite } from "./caseProbe.js";
import { probeCreator } from "./creatorProbe.js";
import { NodeManifest, readManifest, writeManifest } from "./manifest.js";
import type { Manifest } from "./manifest.js";
import { refuseStranded } from "./mountMark.js";
import { NodeEnv } from "./nodeEnv.js";
import type { Log } from "./nodeEnv.js";
import { NodeLowerLayer, NodeOutsideReader } from "./nodeLayer.js";
import { NodeScratchLayer } from "./nodeScratch.js";
import { checkConnected, connectBase, isBaseUri, isCaseSensitiveBase, nameOfBaseUri, outsideNowhere, type RemoteBase } from "./remoteBase.js";
import { RemoteLowerLayer } from "./remoteLayer.js";
import { acquire, currentOwner, describeOwner, onReleased, requestYield } from "./ownership.js";
import type { Owner, OverlayLock } from "./ownership.js";
import { checkFresh, checkOwnFolders, checkReadable, checkScratchPlace, makeFolder, makeOwnFolders } from "./scratch.js";
import type { BaseFolder } from "./scratch.js";
import type { AskedBy } from "./yieldRequests.js";

export interface OpenOverlayOptions {
  /** The folder to work on, which is only ever read: its path, or what answers for one that is not on a disk. */
  readonly base: string | RemoteBase;
  /** Read-only layers in the upper's format over the base, topmost first. */
  readonly lowers?: readonly string[];
  /** Where the changes are kept. Made when it is missing; then it becomes this overlay's own. */
  readonly scratch: string;
  readonly durability?: Durability;
  /**
   * false (default): own the upper, or EBUSY. true: own nothing, write nothing. "ifOwned": own it if nobody else does,
   * else read-only.
   */
  readonly readOnly?: boolean | "ifOwned";
  /** Shown to people; default the base's own name. Only a new overlay takes it. */
  readonly name?: string;
  /** Default: found out when the overlay is made. */
  readonly caseSensitive?: boolean;
  /** How long, and up to how much, what is thrown away is kept. Default: seven days, 2 GiB. */
  readonly retention?: Retention;
  readonly log?: Log;
  /** The caller looks after a mount that has the upper and whose keeper died, and lends it the upper before anything else. */
  readonly adoptMount?: boolean;
  /** For tests: how the ports are seen by the engine. */
  readonly wrap?: (parts: Ports) => Ports;
}

export interface Ports {
  readonly base: BaseLayer;
  readonly lowers: LowerLayer[];
  readonly scratch: ScratchLayer;
  readonly manifest: ManifestPort;
  readonly outside: OutsideReader;
  readonly env: Env;
  readonly options: { readonly durability?: Durability; readonly caseSensitive: boolean; readonly readOnly: boolean; readonly retention?: Retention };
}

export interface Prepared {
  readonly ports: Ports;
  /** The base that is not on a disk. */
  readonly remote: RemoteLowerLayer | undefined;
  readonly manifest: Manifest;
  /** Its `latest` is the manifest as it is by then. */
  readonly live: NodeManifest;
  /** The overlay's folder, real path. */
  readonly folder: string;
  readonly hold: Hold;
}

/** Whose the upper is, as long as the overlay is open. */
export type Hold =
  | { readonly kind: "owner"; readonly lock: OverlayLock }
  /** `owner` is who had it when we opened, if anybody. */
  | { readonly kind: "reader"; readonly owner: Owner | undefined; requestYield(by?: AskedBy): Promise<Disposable>; onReleased(listener: () => void): Disposable };

/** @throws OverlayError, with the path that is at fault and a sentence for the user. */
export async function prepare(options: OpenOverlayOptions): Promise<Prepared> {
  try {
    return await prepareFolder(options);
  } catch (error) {
    throw asOverlayError(error, "open", options.scratch);
  }
}

/** What an overlay is opened over: a folder on a disk, whose paths are known, or one that something answers for. */
type Base = { readonly kind: "disk"; readonly folder: BaseFolder } | { readonly kind: "remote"; readonly at: RemoteBase };

async function baseOf(base: string | RemoteBase): Promise<Base> {
  if (typeof base === "string") return { kind: "disk", folder: await checkReadable(base, "the base folder") };
  if (!isBaseUri(base.uri)) throw new OverlayError("EINVAL", "open", base.uri, { reason: `'${base.uri}' is not a URI` });
  return { kind: "remote", at: base };
}

async function prepareFolder(options: OpenOverlayOptions): Promise<Prepared> {
  const base = await baseOf(options.base);
  const lowers = await Promise.all((options.lowers ?? []).map((lower) => checkReadable(lower, "a lower layer")));
  const folder = await checkScratchPlace(options.scratch, base.kind === "disk" ? [base.folder, ...lowers] : lowers);
  const known = await readManifest(folder);
  if (known !== undefined) await checkKnown(folder, known, base);
  if (options.readOnly === true) {
    return asReader(options, base, lowers, folder, known, known === undefined ? undefined : await currentOwner(folder));
  }
  if (known === undefined) {
    await makeFolder(folder);
    await checkFresh(folder);
  }
  const claim = await acquire(folder);
  if (claim.kind === "held") {
    if (options.readOnly === "ifOwned") return asReader(options, base, lowers, folder, (await readManifest(folder)) ?? known, claim.owner);
    throw new OverlayError("EBUSY", "open", options.scratch, { reason: `the overlay is open elsewhere: ${describeOwner(claim.owner)}` });
  }
  try {
    if (options.adoptMount !== true) await refuseStranded(folder, "open");
    return await asOwner(options, base, lowers, folder, claim.lock);
  } catch (error) {
    await claim.lock.release().catch(() => undefined);
    throw error;
  }
}

async function asOwner(options: OpenOverlayOptions, base: Base, lowers: readonly BaseFolder[], folder: string, lock: OverlayLock): Promise<Prepared> {
  // Read again under the lock: what was read before may be another's from a moment ago.
  let manifest = await readManifest(folder);
  if (manifest === undefined) {
    await checkFresh(folder);
    await checkOwnFolders(folder, []);
    await makeOwnFolders(folder);
    manifest = await makeManifest(options, base, folder);
  } else {
    await checkKnown(folder, manifest, base);
    await makeOwnFolders(folder);
  }
  const scratch = new NodeScratchLayer(folder, await probeCreator(join(folder, "work")));
  const live = new NodeManifest(folder, manifest);
  return { ...makePorts(options, base, lowers, scratch, live, manifest, false), manifest, live, folder, hold: { kind: "owner", lock } };
}

async function makeManifest(options: OpenOverlayOptions, base: Base, folder: string): Promise<Manifest> {
  const sensitive = options.caseSensitive ?? ((await isSensitive(base)) && (await isCaseSensitiveToWrite(join(folder, "work"))));
  const given = givenOf(base);
  const name = options.name ?? (base.kind === "remote" ? nameOfBaseUri(given) : basename(given) || given);
  const manifest: Manifest = { id: basename(folder), name, base: given, snapshots: [], created: Date.now(), caseSensitive: sensitive };
  await writeManifest(folder, manifest);
  return manifest;
}

function givenOf(base: Base): string {
  return base.kind === "disk" ? base.folder.given : base.at.uri;
}

/** Asked once, when the overlay is made: that it is there, too. */
async function isSensitive(base: Base): Promise<boolean> {
  if (base.kind === "disk") return isCaseSensitiveToRead(base.folder.real);
  const connected = connectBase(base.at, true);
  await checkConnected(connected, base.at);
  return isCaseSensitiveBase(connected, base.at.files);
}

function asReader(
  options: OpenOverlayOptions, base: Base, lowers: readonly BaseFolder[], folder: string, manifest: Manifest | undefined, owner: Owner | undefined,
): Prepared {
  if (manifest === undefined) throw new OverlayError("ENOENT", "open", options.scratch, { reason: "there is no overlay yet, and read-only none can be made" });
  const hold: Hold = { kind: "reader", owner, requestYield: (by) => requestYield(folder, by), onReleased: (listener) => onReleased(folder, listener) };
  const live = new NodeManifest(folder, manifest);
  return { ...makePorts(options, base, lowers, new NodeScratchLayer(folder), live, manifest, true), manifest, live, folder, hold };
}

function makePorts(
  options: OpenOverlayOptions, base: Base, lowers: readonly BaseFolder[], scratch: ScratchLayer, manifest: NodeManifest, known: Manifest, readOnly: boolean,
): Pick<Prepared, "ports" | "remote"> {
  const caseSensitive = options.caseSensitive ?? known.caseSensitive;
  const connected = base.kind === "disk"
    ? { layer: new NodeLowerLayer(base.folder.real), given: base.folder.given, real: base.folder.real }
    : connectBase(base.at, caseSensitive);
  const remote = connected.layer instanceof RemoteLowerLayer ? connected.layer : undefined;
  const ports: Ports = {
    base: connected,
    lowers: lowers.map((lower) => new NodeLowerLayer(lower.real)),
    scratch,
    manifest,
    outside: remote === undefined ? new NodeOutsideReader() : outsideNowhere,
    env: new NodeEnv(options.log),
    options: {
      ...(options.durability === undefined ? {} : { durability: options.durability }),
      caseSensitive,
      readOnly,
      ...(options.retention === undefined ? {} : { retention: options.retention }),
    },
  };
  return { ports: options.wrap?.(ports) ?? ports, remote };
}

async function checkKnown(folder: string, manifest: Manifest, base: Base): Promise<void> {
  const given = givenOf(base);
  const known = base.kind === "disk" && !isBaseUri(manifest.base) ? await checkReadable(manifest.base, "the overlay's base folder").catch(() => undefined) : undefined;
  const isSame = manifest.base === given || (base.kind === "disk" && known?.real === base.folder.real);
  if (!isSame) throw new OverlayError("EINVAL", "open", folder, { reason: `the overlay in ${folder} belongs to '${manifest.base}', not to '${given}'` });
  await checkOwnFolders(folder, manifest.snapshots);
}
