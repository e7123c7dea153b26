/**
 * What merged differs in from the base, as a layer by the rules of the OCI image-spec ("Image Layer Filesystem
 * Changeset"): what is new or different with its folders, `.wh.name` for what is gone. Explicit whiteouts throughout,
 * which the spec asks of those who make layers; an opaque mark would say the same. Redirects do not exist in it: what a
 * renamed folder shows is there in full, and its old name is whited out.
 */
import { OverlayError } from "../engine/index.js";
import { checkCancelled } from "./cancel.js";
import { difference, foldersAbove, settle } from "./difference.js";
import { intoFile } from "./intoFile.js";
import { Sides } from "./sides.js";
import { tarEnd, tarHeader, tarPadding } from "./tar.js";
import type { Carried, Entry, LeftOut, Selection } from "./types.js";

export interface LayerReport {
  /** Files, folders and symlinks in the layer, the folders that only lead there included. */
  readonly entries: number;
  readonly whiteouts: number;
  readonly leftOut: readonly LeftOut[];
}

export interface ExportedLayer extends AsyncIterable<Uint8Array> {
  report(): Promise<LayerReport>;
}

interface Plan {
  readonly sides: Sides;
  /** Overlay paths of what is to be whited out. */
  readonly whiteouts: readonly string[];
  readonly entries: readonly Entry[];
  readonly report: LayerReport;
}

/**
 * The layer as an uncompressed tar, in pieces. Progress counts bytes of files.
 * @throws from iterating and report(): OverlayError: ECANCELED, EBUSY when a file changed while it was read, ...
 */
export function layerTar(overlay: Carried, options: Selection = {}): ExportedLayer {
  let planned: Promise<Plan> | undefined;
  const plan = (): Promise<Plan> => (planned ??= planLayer(overlay, options));
  return {
    report: async () => (await plan()).report,
    async *[Symbol.asyncIterator]() {
      yield* archive(await plan(), options);
    },
  };
}

/**
 * The layer into a file: it appears whole or not at all, and replaces a file of this name.
 * @param target absolute
 * @throws OverlayError: what may not be a target, and what `layerTar` throws
 */
export async function exportLayer(overlay: Carried, target: string, options: Selection = {}): Promise<LayerReport> {
  const layer = layerTar(overlay, options);
  await intoFile(overlay, target, layer, "exportLayer");
  return layer.report();
}

async function planLayer(overlay: Carried, options: Selection): Promise<Plan> {
  const sides = await Sides.of(overlay, "exportLayer");
  const found = await settle(sides, await difference(sides, "exportLayer", options), "exportLayer", options.signal);
  const leftOut = [...found.leftOut];
  const entries = new Map<string, Entry>();
  const gone = new Set<string>();
  for (const { before, after } of found.pairs) {
    if (before !== undefined && after?.path !== before.path) gone.add(before.path);
    if (after === undefined) continue;
    // In a layer it would be a whiteout, of what else has the name.
    if (after.path.includes("/.wh.")) leftOut.push({ path: after.path, reason: "a layer cannot hold names that start with '.wh.'" });
    else if (after.type === "file" || after.type === "directory" || after.type === "symlink") entries.set(after.path, after);
    else leftOut.push({ path: after.path, reason: `it is a ${after.type}` });
  }
  // Beneath what is whited out, or replaced by what is no folder, nothing is left to white out.
  const whiteouts = [...gone].filter((path) => foldersAbove(path).every((folder) => !gone.has(folder) && (entries.get(folder)?.type ?? "directory") === "directory"));
  await addFolders(sides, entries, whiteouts);
  const report = { entries: entries.size, whiteouts: whiteouts.length, leftOut };
  return { sides, whiteouts, entries: [...entries.values()], report };
}

/** The folders that lead to something in the layer, as merged has them: without, who unpacks would make up their modes. */
async function addFolders(sides: Sides, entries: Map<string, Entry>, whiteouts: readonly string[]): Promise<void> {
  for (const path of [...entries.keys(), ...whiteouts]) {
    for (const folder of foldersAbove(path)) {
      if (entries.has(folder)) continue;
      const found = await sides.inMerged(folder);
      if (found?.type === "directory") entries.set(folder, found);
    }
  }
}

/** Parents first; in a folder the whiteouts first, as the spec would have it. */
async function* archive({ sides, whiteouts, entries }: Plan, options: Selection): AsyncGenerator<Uint8Array, void, undefined> {
  const total = entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.stat.size : 0), 0);
  let done = 0;
  const items = [...whiteouts.map((path) => ({ key: sortKey(path, true), path, entry: undefined })), ...entries.map((entry) => ({ key: sortKey(entry.path, false), path: entry.path, entry }))];
  for (const { path, entry } of items.sort((a, b) => (a.key < b.key ? -1 : 1))) {
    checkCancelled(options.signal, "exportLayer", path);
    if (entry === undefined) {
      const cut = path.lastIndexOf("/");
      yield tarHeader({ path: `${path.slice(1, cut + 1)}.wh.${path.slice(cut + 1)}`, type: "file", mode: 0o600, uid: 0, gid: 0, size: 0, mtimeMs: 0 });
      continue;
    }
    const { type, stat: { mode, uid, gid, mtimeMs } } = entry;
    if (type !== "file" && type !== "directory" && type !== "symlink") continue;
    const size = type === "file" ? entry.stat.size : 0;
    yield tarHeader({ path: path.slice(1), type, mode, uid, gid, size, mtimeMs, ...(type === "symlink" ? { target: await sides.readlink(entry) } : {}) });
    if (type !== "file") continue;
    let written = 0;
    for await (const piece of sides.pieces(entry)) {
      checkCancelled(options.signal, "exportLayer", path);
      if (written + piece.length > size) break;
      written += piece.length;
      options.onProgress?.(done + written, total);
      yield piece.slice();
    }
    if (written !== size) throw new OverlayError("EBUSY", "exportLayer", path, { reason: `'${path}' changed while it was read; try again` });
    done += size;
    yield tarPadding(size);
  }
  yield tarEnd;
}

/** Orders by folder, then whiteouts, then names; a folder comes before what is in it. */
function sortKey(path: string, isWhiteout: boolean): string {
  const cut = path.lastIndexOf("/");
  return `${path.slice(0, cut + 1).replaceAll("/", "/\x02")}${isWhiteout ? "\x01" : ""}${path.slice(cut + 1)}`;
}
