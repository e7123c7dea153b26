/**
 * Which URI means which path of which overlay. Everywhere an overlay has its overlay: URIs; where this window has a folder
 * of a mount, the file: URIs in it mean the same. The one place that knows of both: everything else asks here.
 */
import * as vscode from "vscode";
import { isWithin } from "./paths.js";
import type { OverlayInfo } from "./ports.js";
import type { Session } from "./session.js";
import { isOverlayUri, overlayScheme, overlayUri, parseAddress } from "./uris.js";

export interface OverlayPath {
  readonly id: string;
  readonly path: string;
}

interface MountedFolder {
  readonly id: string;
  /** Path of the mount point's file: URI. */
  readonly root: string;
}

/** By mount point. Those that folders of this window lie in; whether something is mounted there now is another question. */
const folders = new Map<string, MountedFolder>();
const changed = new vscode.EventEmitter<void>();
export const onDidChangeMountedFolders = changed.event;

export function rememberMount(id: string, point: string): void {
  if (folders.has(point)) return;
  folders.set(point, { id, root: vscode.Uri.file(point).path });
  changed.fire();
}

/** The overlay and path that a URI means; undefined for what is none of an overlay's. */
export function overlayPathOf(uri: vscode.Uri | undefined): OverlayPath | undefined {
  if (uri?.scheme === overlayScheme) {
    const address = parseAddress(uri);
    return address?.path === undefined ? undefined : { id: address.id, path: address.path };
  }
  if (uri?.scheme !== "file") return undefined;
  for (const { id, root } of folders.values()) if (isWithin(uri.path, root)) return { id, path: uri.path.slice(root.length) || "/" };
  return undefined;
}

export function isOfOverlay(uri: vscode.Uri | undefined, id: string): boolean {
  return overlayPathOf(uri)?.id === id;
}

/** As the Explorer has their folders, and after these what has none: not as they happened to be opened. */
export function inFolderOrder(sessions: Iterable<Session>): Session[] {
  const shown = vscode.workspace.workspaceFolders ?? [];
  const place = ({ info }: Session): number => {
    const at = shown.findIndex(({ uri }) => isOfOverlay(uri, info.id));
    return at < 0 ? shown.length : at;
  };
  return [...sessions].sort((a, b) => place(a) - place(b));
}

/** Whether this window shows the overlay as the folder where it is mounted. */
export function mountedFolderOf(id: string): vscode.Uri | undefined {
  const found = [...folders.entries()].find(([, folder]) => folder.id === id);
  return found === undefined ? undefined : vscode.Uri.file(found[0]);
}

/** The URI under which this window has a path of an overlay: what its Explorer shows, else the overlay: one. */
export function shownUri(info: Pick<OverlayInfo, "id" | "base">, path = "/"): vscode.Uri {
  const mounted = mountedFolderOf(info.id);
  const virtual = (vscode.workspace.workspaceFolders ?? []).some(({ uri }) => isOverlayUri(uri) && uri.authority === info.id);
  if (mounted === undefined || virtual) return overlayUri(info, path);
  return path === "/" ? mounted : vscode.Uri.joinPath(mounted, ...path.slice(1).split("/"));
}

/** Every URI that means this path here. */
export function urisOf({ info }: Session, path: string): vscode.Uri[] {
  const virtual = overlayUri(info, path);
  const mounted = mountedFolderOf(info.id);
  if (mounted === undefined) return [virtual];
  return [virtual, path === "/" ? mounted : vscode.Uri.joinPath(mounted, ...path.slice(1).split("/"))];
}

/** The schemes whose files may be an overlay's in this window: on a remote, the workbench has a scheme of its own for files. */
export function schemesInUse(): string[] {
  return folders.size === 0 ? ["overlay"] : ["overlay", "file", "vscode-remote"];
}
