/**
 * A base that is not on a disk, as an overlay is opened over it: how it is named, what is checked, and what links that
 * leave it lead to, which is nothing. An overlay that exists is opened without one call to its base: what is in the upper
 * can be had while the base cannot.
 */
import { isAbsolute } from "node:path";
import { LayerError, OverlayError } from "../engine/errors.js";
import type { BaseLayer, OutsideReader } from "../engine/layer.js";
import { isNotFound, remoteFault, type RemoteFiles } from "./remoteFiles.js";
import { RemoteLowerLayer } from "./remoteLayer.js";

/** In place of a path, where an overlay is opened. */
export interface RemoteBase {
  /** Names it for good: the same base has the same text. */
  readonly uri: string;
  readonly files: RemoteFiles;
}

export interface ConnectedBase extends BaseLayer {
  readonly layer: RemoteLowerLayer;
}

/** Whether the base of a manifest is a URI, and not a path (of which Windows has some that begin with one letter and a colon). */
export function isBaseUri(base: string): boolean {
  return !isAbsolute(base) && /^[A-Za-z][A-Za-z0-9+.-]+:/.test(base);
}

/** The last part of its path that says something; as people read it. */
export function nameOfBaseUri(uri: string): string {
  const readable = readableUri(uri).replace(/[?#].*$/s, "");
  return readable.split(/[/:]+/).filter((part) => part !== "").at(-1) ?? readable;
}

export function readableUri(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

/** No absolute path begins with it, so that no link is taken for one into the base. */
const nowhere = "base:";

export function connectBase({ uri, files }: RemoteBase, caseSensitive: boolean): ConnectedBase {
  return { layer: new RemoteLowerLayer(files, { name: readableUri(uri), caseSensitive }), given: nowhere, real: nowhere };
}

/** @throws OverlayError when there is no such folder, or it does not answer. */
export async function checkConnected({ layer }: ConnectedBase, { uri }: RemoteBase): Promise<void> {
  try {
    if ((await layer.lstat("")).type !== "directory") throw new OverlayError("ENOTDIR", "open", uri, { reason: `'${readableUri(uri)}' is not a folder` });
  } catch (error) {
    if (!(error instanceof LayerError)) throw error;
    const why = error.code === "ENOENT" ? "does not exist" : `cannot be opened: ${error.reason ?? error.code}`;
    throw new OverlayError(error.code, "open", uri, { reason: `the base folder '${readableUri(uri)}' ${why}`, cause: error });
  }
}

/** Whether it tells "a" from "A"; true where nothing in it says so. @throws LayerError. */
export async function isCaseSensitiveBase({ layer }: ConnectedBase, files: RemoteFiles): Promise<boolean> {
  const names = (await layer.readDirectory("")).entries.map(({ name }) => name);
  if (new Set(names.map((name) => name.toLowerCase())).size < names.length) return true;
  const name = names.find((one) => swapCase(one) !== one);
  if (name === undefined) return true;
  // Asked of the base itself: that the listing has no such name says nothing here.
  return !(await answersTo(files, swapCase(name)));
}

/** ASCII only: the one folding on which all agree. */
function swapCase(name: string): string {
  return name.replace(/[A-Za-z]/g, (letter) => (letter < "a" ? letter.toLowerCase() : letter.toUpperCase()));
}

async function answersTo(files: RemoteFiles, name: string): Promise<boolean> {
  try {
    await files.stat(name);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw remoteFault(error, "lstat", name);
  }
}

/** A link in upper that is absolute, or leads above the overlay, means a place that nobody can tell: nothing is there. */
export const outsideNowhere: OutsideReader = {
  realPath: (path) => lost("realpath", path),
  layer: {
    lstat: (path) => lost("lstat", path),
    fingerprint: (path) => lost("lstat", path),
    readDirectory: (path) => lost("readdir", path),
    readLink: (path) => lost("readlink", path),
    openRead: (path) => lost("open", path),
    readFile: (path) => lost("open", path),
  },
};

function lost(call: string, path: string): Promise<never> {
  return Promise.reject(new LayerError("ENOENT", call, path));
}
