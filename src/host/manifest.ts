/**
 * overlay.json: what an overlay's folder says of itself. Written whole or not at all; one that is damaged, or written
 * by a newer version, is refused by its path and everything beside it stays as it is.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { lstat, open, rename, unlink } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { LayerError, OverlayError, isCode } from "../engine/errors.js";
import type { LayerState, ManifestPort } from "../engine/layer.js";
import { layersToJson, parseLayers } from "./manifestLayers.js";
import { nodeFault } from "./nodeFault.js";
import { NodeLowerLayer } from "./nodeLayer.js";
import { isBaseUri } from "./remoteBase.js";

export interface Manifest {
  readonly id: string;
  readonly name: string;
  /** An absolute path, as the user gave it; or the URI of a folder that is not on a disk. */
  readonly base: string;
  /** Layer paths inside the folder, topmost first. */
  readonly snapshots: readonly string[];
  /** What else is known of the layers. A version that does not know it reads `snapshots` and shows the same files. */
  readonly layers?: LayerState | undefined;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Whether base and scratch both tell names apart that differ only in case. */
  readonly caseSensitive: boolean;
}

export const manifestName = "overlay.json";
/** 2: the base is a URI. Everything else is 1, which versions that know no such base can read. */
const formatVersion = 2;
const formatOf = ({ base }: Pick<Manifest, "base">): number => (isBaseUri(base) ? 2 : 1);
const largest = 1 << 20;

export async function readManifest(folder: string): Promise<Manifest | undefined> {
  const path = join(folder, manifestName);
  try {
    const stat = await lstat(path).catch((error: unknown) => { throw nodeFault(error, "lstat", path); });
    if (!stat.isFile()) throw damaged(path, "it is not a regular file");
    if (stat.size > largest) throw damaged(path, "it is too large");
    return parseManifest(new TextDecoder().decode(await new NodeLowerLayer(folder).readFile(manifestName)), path);
  } catch (error) {
    if (isCode(error, "ENOENT") && !(error instanceof OverlayError)) return undefined;
    throw error;
  }
}

export function manifestText({ layers, ...rest }: Manifest): string {
  return `${JSON.stringify({ format: formatOf(rest), ...rest, ...(layers === undefined ? {} : layersToJson(layers)) }, undefined, 2)}\n`;
}

/** The manifest's part on layers. What else is in it stays as it is on the disk by then. */
export class NodeManifest implements ManifestPort {
  /** @param latest what is on the disk, as this process last saw it. */
  constructor(private readonly folder: string, public latest: Manifest) {}

  async read(): Promise<LayerState> {
    return layersOf(await this.#manifest());
  }

  async replace(layers: LayerState): Promise<void> {
    const manifest = { ...(await this.#manifest()), layers, snapshots: layers.snapshots.map(({ path }) => path) };
    await writeManifest(this.folder, manifest);
    this.latest = manifest;
  }

  async #manifest(): Promise<Manifest> {
    const manifest = await readManifest(this.folder);
    if (manifest === undefined) throw new LayerError("ENOENT", "open", join(this.folder, manifestName));
    this.latest = manifest;
    return manifest;
  }
}

export function layersOf(manifest: Manifest): LayerState {
  return manifest.layers ?? { snapshots: [], next: 1, dropped: [], doomed: [] };
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const path = join(folder, manifestName);
  const temp = join(folder, `overlay-${randomBytes(8).toString("hex")}.tmp`);
  try {
    const file = await open(temp, "wx", 0o644);
    try {
      await file.writeFile(manifestText(manifest));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temp, path);
  } catch (error) {
    await unlink(temp).catch(() => undefined);
    throw nodeFault(error, "open", path);
  }
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, fs.constants.O_RDONLY).catch(() => undefined);
  if (handle === undefined) return;
  await handle.sync().catch(() => undefined); // not every filesystem can; the rename itself is done
  await handle.close();
}

function damaged(path: string, what: string): OverlayError {
  return new OverlayError("EINVAL", "open", path, { reason: `the overlay's manifest ${path} is damaged: ${what}` });
}

/** @throws OverlayError EINVAL (damaged), ENOTSUP (a newer version's). */
export function parseManifest(text: string, path: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged(path, "it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw damaged(path, "it is not an object");
  const { format, id, name, base, snapshots, created, caseSensitive } = value as Record<string, unknown>;
  if (typeof format !== "number" || !Number.isInteger(format) || format < 1) throw damaged(path, "it has no format version");
  if (format > formatVersion) {
    throw new OverlayError("ENOTSUP", "open", path, { reason: `${path} was written by a newer version (format ${format}, this one knows ${formatVersion})` });
  }
  if (typeof id !== "string" || id === "") throw damaged(path, "it has no id");
  if (typeof name !== "string") throw damaged(path, "it has no name");
  if (typeof base !== "string" || base.includes("\0")) throw damaged(path, "it has no base");
  if (!isAbsolute(base) && !(format > 1 && isBaseUri(base))) throw damaged(path, "its base is not an absolute path");
  if (!Array.isArray(snapshots)) throw damaged(path, "it has no list of snapshots");
  if (typeof created !== "number" || !Number.isFinite(created)) throw damaged(path, "it has no time of creation");
  if (typeof caseSensitive !== "boolean") throw damaged(path, "it does not say whether case matters");
  try {
    const about = (value as Record<string, unknown>)["layers"];
    const layers = parseLayers(snapshots, about, created);
    const paths = layers.snapshots.map((snapshot) => snapshot.path);
    return { id, name, base, snapshots: paths, ...(about === undefined && paths.length === 0 ? {} : { layers }), created, caseSensitive };
  } catch (error) {
    throw damaged(path, error instanceof Error ? error.message : String(error));
  }
}
