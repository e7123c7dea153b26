/** Which folders of this window are searched, and by which rules: each folder of the workspace that is in an overlay. */
import * as vscode from "vscode";
import type { FindOptions, Searcher } from "../../search/types.js";
import { isWithin } from "../paths.js";
import type { Overlays } from "../overlays.js";
import type { Session } from "../session.js";
import { isOverlayUri, overlayUri, parseAddress } from "../uris.js";
import { hidingSiblings, rulesFrom, type Rules } from "./rules.js";

export interface SearchedFolder {
  readonly session: Session;
  /** What the workspace calls it. */
  readonly name: string;
  /** The overlay path of the folder; the workspace may have one further down than the root. */
  readonly path: string;
  readonly rules: Rules;
}

/** A window with nothing but overlays: VS Code's own search finds nothing there, unless it is told how. */
export function isOverlayOnly(): boolean {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.length > 0 && folders.every(({ uri }) => isOverlayUri(uri));
}

/** Opens the overlays that are not open yet. One that cannot be opened is said elsewhere, and left out. */
export async function searchedFolders(overlays: Overlays): Promise<SearchedFolder[]> {
  const found = await Promise.all((vscode.workspace.workspaceFolders ?? []).map(async ({ uri, name }): Promise<SearchedFolder[]> => {
    const address = isOverlayUri(uri) ? parseAddress(uri) : undefined;
    if (address?.path === undefined) return [];
    const session = await overlays.get(address.id).catch(() => undefined);
    return session === undefined ? [] : [{ session, name, path: address.path, rules: rulesOf(uri) }];
  }));
  return found.flat();
}

function rulesOf(uri: vscode.Uri): Rules {
  const settings = vscode.workspace.getConfiguration(undefined, uri);
  return rulesFrom((name) => settings.get(name));
}

/** Asked each time: when an overlay changes hands, its searcher is another one. */
export function searcherOf({ session }: { readonly session: Session }): Searcher {
  return session.opened.searcher;
}

export function findOptions({ path, rules }: SearchedFolder): FindOptions {
  return { folder: path, ...ignoreOptions(rules), excludes: rules.excludes };
}

export function ignoreOptions({ useIgnoreFiles, useGlobalIgnoreFiles, useParentIgnoreFiles, followSymlinks }: Rules): FindOptions {
  return { useIgnoreFiles, useGlobalIgnoreFiles, useParentIgnoreFiles, followSymlinks };
}

export function uriIn({ session }: { readonly session: Session }, path: string): vscode.Uri {
  return overlayUri(session.info, path);
}

/** The path of an overlay's file relative to the folder; undefined when it lies elsewhere. */
export function relativeIn(folder: SearchedFolder, uri: vscode.Uri): string | undefined {
  const address = isOverlayUri(uri) ? parseAddress(uri) : undefined;
  if (address?.path === undefined || address.id !== folder.session.id || !isWithin(address.path, folder.path)) return undefined;
  return relative(folder, address.path);
}

export function relative({ path: root }: SearchedFolder, path: string): string {
  return path.slice(root === "/" ? 1 : root.length + 1);
}

/** Whether a condition of `files.exclude` or `search.exclude` hides the file at this relative path. */
export async function isHiddenBySibling({ session, path: root, rules }: SearchedFolder, path: string): Promise<boolean> {
  for (const sibling of hidingSiblings(rules, path)) {
    const there = await session.overlay.lstat(`${root === "/" ? "" : root}/${sibling}`).then(() => true, () => false);
    if (there) return true;
  }
  return false;
}
