/** What `activate` returns: overlays for tests and for other extensions, with no user interface in between. */
import type * as vscode from "vscode";
import type { Overlay } from "../engine/index.js";
import { deleteForGood } from "./commands/deleteOverlay.js";
import { createOverlay } from "./commands/openFolder.js";
import type { CommandContext } from "./commands/context.js";
import type { OverlayInfo } from "./ports.js";
import type { ShownSourceControl } from "./sourceControls.js";
import { overlayUri } from "./uris.js";

export interface OpenOptions {
  /** Default: the base folder's name, numbered when that is taken. */
  readonly name?: string;
  /** The caller vouches for the folder; else the user is asked when the overlay is first used. */
  readonly trusted?: boolean;
}

export interface OverlayWorkspaceApi {
  /** Makes a new overlay over a folder, and returns its root. Nothing is shown. */
  open(baseFolder: string, options?: OpenOptions): Promise<vscode.Uri>;
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
  /** Deletes an overlay with everything that it keeps. */
  delete(id: string): Promise<void>;
}

export function createApi(context: CommandContext): OverlayWorkspaceApi {
  const { overlays, store, trust, sourceControls } = context;
  return {
    async open(baseFolder, options = {}) {
      const info = await createOverlay(context, baseFolder, options.name);
      if (options.trusted === true) await trust.remember(info.base);
      return overlayUri(info);
    },
    overlays: async () => (await store.list()).overlays,
    get: (uri) => overlays.peek(uri.authority)?.overlay,
    sourceControl(uri) {
      const session = overlays.peek(uri.authority);
      return session === undefined ? undefined : sourceControls.of(session);
    },
    acquire: async (uri) => (await overlays.get(uri.authority)).overlay,
    close: (uri) => overlays.close(uri.authority),
    delete: (id) => deleteForGood(context, id),
  };
}
