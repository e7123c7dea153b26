/**
 * How overlays are addressed: overlay://<id>/<base folder name>/<path>, and overlay-base: for the lower side of the
 * same path. The base folder's name is in the path because titles and the Explorer show the last segment.
 */
import * as vscode from "vscode";
import { nameOf } from "./paths.js";

export const overlayScheme = "overlay";
export const baseScheme = "overlay-base";

/** Asks the overlay-base: provider for an empty file: the missing side of a one-sided comparison. */
const emptySide = "empty";
/** Before the overlay path of a renamed entry, in the URI of what it was renamed from. */
const sideOf = "of=";
/** Before the layer that is looked at in place of what lies below the upper: a snapshot's id, or "base". */
const layerIs = "layer=";

/** What the base had when the change at this path was made. */
const originSide = "origin";
/** Before the key of a content that is kept for as long as it is shown. */
const heldIs = "held=";

export interface Address {
  readonly id: string;
  /** The first path segment; it must be the base folder's name. */
  readonly root: string;
  /** The overlay path; undefined for the URI above the root, overlay://<id>/ */
  readonly path: string | undefined;
}

/** Whether a base is named by a URI, because it is not on a disk, and not by its path (which may begin with a drive's letter). */
export function isBaseUri(base: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]+:/.test(base);
}

export function baseUri(base: string): vscode.Uri {
  return isBaseUri(base) ? vscode.Uri.parse(base, true) : vscode.Uri.file(base);
}

/** What a base is known by: a folder on a disk by its path, any other by its URI, of which there is one form. */
export function baseOf(folder: vscode.Uri): string {
  if (folder.scheme === "file") return folder.fsPath;
  return folder.with({ path: folder.path.replace(/\/+$/, "") || "/", query: "", fragment: "" }).toString();
}

/** As people read it. */
export function baseText(base: string): string {
  return isBaseUri(base) ? baseUri(base).toString(true) : base;
}

export function rootName(base: string): string {
  const uri = isBaseUri(base) ? baseUri(base) : undefined;
  const path = uri === undefined ? base.replaceAll("\\", "/") : uri.path;
  return nameOf(path.replace(/\/+$/, "")) || uri?.authority || uri?.scheme || "root";
}

export function overlayUri(overlay: { readonly id: string; readonly base: string }, path = "/", scheme = overlayScheme): vscode.Uri {
  const root = rootName(overlay.base);
  return vscode.Uri.from({ scheme, authority: overlay.id, path: path === "/" ? `/${root}` : `/${root}${path}` });
}

/** The lower side of an overlay URI; of a renamed entry shown under its old name, where that is given. */
export function lowerUri(uri: vscode.Uri, from?: vscode.Uri): vscode.Uri {
  if (from === undefined) return uri.with({ scheme: baseScheme });
  return from.with({ scheme: baseScheme, query: `${sideOf}${parseAddress(uri)?.path ?? ""}` });
}

/** The overlay path that an overlay-base: URI is the lower side of. */
export function pathOfLower(uri: vscode.Uri): string | undefined {
  return uri.query.startsWith(sideOf) ? uri.query.slice(sideOf.length) : parseAddress(uri)?.path;
}

/** What a layer shows under the path of an overlay URI. */
export function layerUri(uri: vscode.Uri, layer: string): vscode.Uri {
  return uri.with({ scheme: baseScheme, query: `${layerIs}${layer}` });
}

/** What the base had when the change was made. */
export function originUri(uri: vscode.Uri): vscode.Uri {
  return uri.with({ scheme: baseScheme, query: originSide });
}

export function isOriginSide(uri: vscode.Uri): boolean {
  return uri.query === originSide;
}

/** What the overlay had when a merge began. */
export function heldUri(uri: vscode.Uri, key: string): vscode.Uri {
  return uri.with({ scheme: baseScheme, query: `${heldIs}${key}` });
}

export function heldOf(uri: vscode.Uri): string | undefined {
  return uri.query.startsWith(heldIs) ? uri.query.slice(heldIs.length) : undefined;
}

/** The layer that an overlay-base: URI names; undefined for what lies below the upper. */
export function layerOf(uri: vscode.Uri): string | undefined {
  return uri.query.startsWith(layerIs) ? uri.query.slice(layerIs.length) : undefined;
}

export function emptyUri(uri: vscode.Uri): vscode.Uri {
  return uri.with({ scheme: baseScheme, query: emptySide });
}

export function isEmptySide(uri: vscode.Uri): boolean {
  return uri.query === emptySide;
}

/** Splits a URI; undefined when it has no authority, so names no overlay. */
export function parseAddress(uri: vscode.Uri): Address | undefined {
  if (uri.authority === "") return undefined;
  const path = uri.path.length > 1 ? uri.path.replace(/\/+$/, "") : uri.path;
  const end = path.indexOf("/", 1);
  const root = end === -1 ? path.slice(1) : path.slice(1, end);
  if (root === "") return { id: uri.authority, root, path: undefined };
  return { id: uri.authority, root, path: end === -1 ? "/" : path.slice(end) };
}

export function isOverlayUri(uri: vscode.Uri | undefined): uri is vscode.Uri {
  return uri?.scheme === overlayScheme;
}
