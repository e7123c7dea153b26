/** What `activate` returns: overlays for tests and for other extensions, with no user interface in between. */
import * as vscode from "vscode";
import type { Change, Overlay } from "../engine/index.js";
import type { CarryOptions, FolderReport, ImportReport, LayerReport, PatchReport } from "./carrier.js";
import { deleteForGood } from "./commands/deleteOverlay.js";
import { createOverlay, freeName } from "./commands/openFolder.js";
import type { CommandContext } from "./commands/context.js";
import { overlayPathOf } from "./faces.js";
import type { OverlayInfo } from "./ports.js";
import type { ShownSourceControl } from "./sourceControls.js";
import { baseOf, overlayUri, parseAddress } from "./uris.js";

export interface OpenOptions {
  /** Default: the base folder's name, numbered when that is taken. */
  readonly name?: string;
  /** The caller vouches for the folder; else the user is asked when the overlay is first used. */
  readonly trusted?: boolean;
}

export interface OverlayWorkspaceApi {
  /** Makes a new overlay over a folder, given by path or, when it is not on a disk, by URI; returns its root. Nothing is shown. */
  open(baseFolder: string | vscode.Uri, options?: OpenOptions): Promise<vscode.Uri>;
  /** Every overlay there is, open or not. */
  overlays(): Promise<readonly OverlayInfo[]>;
  /** The overlay that a URI belongs to, when this window has it open. */
  get(uri: vscode.Uri): Overlay | undefined;
  /** What the Source Control view shows of that overlay. */
  sourceControl(uri: vscode.Uri): ShownSourceControl | undefined;
  /** The overlay itself, opening it first. */
  acquire(uri: vscode.Uri): Promise<Overlay>;
  /** Lets go of the overlay that a URI belongs to; its next use opens it again. */
  close(uri: vscode.Uri): Promise<void>;
  /** Mounts the overlay (Linux), and returns the folder where it stands: an ordinary one, for every program. */
  mount(uri: vscode.Uri): Promise<vscode.Uri>;
  /** Rejects with an OverlayError, EBUSY, that names who is in it. */
  unmount(uri: vscode.Uri): Promise<void>;
  /** Deletes an overlay with everything that it keeps. */
  delete(id: string): Promise<void>;
  /** A second overlay with the same changes; its root. Nothing is shown. */
  duplicate(uri: vscode.Uri, name?: string): Promise<vscode.Uri>;
  /** What differs from the base at and beneath a URI, parents first. */
  changes(uri: vscode.Uri): Promise<readonly Change[]>;
  /**
   * These four carry what is at and beneath a URI out to an absolute path, or a patch into its overlay, whole or not at all.
   * They reject with an OverlayError; `leftOut` of what they return says what could not be carried.
   */
  exportPatch(uri: vscode.Uri, target: string, options?: CarryOptions): Promise<PatchReport>;
  exportFolder(uri: vscode.Uri, target: string, options?: CarryOptions): Promise<FolderReport>;
  exportLayer(uri: vscode.Uri, target: string, options?: CarryOptions): Promise<LayerReport>;
  importPatch(uri: vscode.Uri, patch: Uint8Array, options?: CarryOptions): Promise<ImportReport>;
}

export function createApi(context: CommandContext): OverlayWorkspaceApi {
  const { overlays, store, trust, sourceControls } = context;
  return {
    async open(baseFolder, options = {}) {
      const info = await createOverlay(context, typeof baseFolder === "string" ? baseFolder : baseOf(baseFolder), options.name);
      if (options.trusted === true) await trust.remember(info.base);
      return overlayUri(info);
    },
    overlays: async () => (await store.list()).overlays,
    get: (uri) => overlays.peek(idOf(uri))?.overlay,
    sourceControl(uri) {
      const session = overlays.peek(uri.authority);
      return session === undefined ? undefined : sourceControls.of(session);
    },
    acquire: async (uri) => (await overlays.get(idOf(uri))).overlay,
    close: (uri) => overlays.close(uri.authority),
    async mount(uri) {
      const session = await overlays.get(idOf(uri));
      return vscode.Uri.file((await overlays.mount(session)).point);
    },
    async unmount(uri) {
      await overlays.unmount(await overlays.get(idOf(uri)));
    },
    delete: (id) => deleteForGood(context, id),
    async duplicate(uri, name) {
      const { name: first } = await store.info(uri.authority);
      const wanted = name ?? (await freeName(context, first));
      const made = await overlays.whileClosed(uri.authority, () => store.duplicate(uri.authority, wanted));
      context.list.refresh();
      return overlayUri(made);
    },
    changes: async (uri) => (await overlays.get(uri.authority)).overlay.changes(pathOf(uri)),
    exportPatch: async (uri, target, options = {}) => (await overlays.get(uri.authority)).carrier.patchFile(target, { ...options, paths: [pathOf(uri)] }),
    exportFolder: async (uri, target, options = {}) => (await overlays.get(uri.authority)).carrier.folder(target, { ...options, path: pathOf(uri) }),
    exportLayer: async (uri, target, options = {}) => (await overlays.get(uri.authority)).carrier.layerFile(target, { ...options, paths: [pathOf(uri)] }),
    importPatch: async (uri, patch, options = {}) => (await overlays.get(uri.authority)).carrier.importPatch(patch, options),
  };
}

function pathOf(uri: vscode.Uri): string {
  return parseAddress(uri)?.path ?? "/";
}

/** Of an overlay: URI, or of a file where the overlay is mounted in this window. */
function idOf(uri: vscode.Uri): string {
  return overlayPathOf(uri)?.id ?? uri.authority;
}
