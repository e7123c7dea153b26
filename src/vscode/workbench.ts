/** Puts the adapter together from the ports that extension.ts hands in. The one place that knows every part. */
import * as vscode from "vscode";
import { createApi, type OverlayWorkspaceApi } from "./api.js";
import { BaseFileSystem } from "./baseFileSystem.js";
import { BaseStatus } from "./baseStatus.js";
import { ChangesView } from "./changesView.js";
import { registerCommands } from "./commands/index.js";
import { offerLastUndo } from "./commands/deleteOverlay.js";
import { openWithoutAsking } from "./commands/openFolder.js";
import { terminalProfile } from "./commands/mounted.js";
import { unmountLeft } from "./commands/unmount.js";
import { guarded, type CommandContext } from "./commands/context.js";
import { durability, retention } from "./config.js";
import { ContextKeys } from "./contextKeys.js";
import { DebugSessions } from "./debugSessions.js";
import { Decorations } from "./decorations.js";
import { Disposables } from "./disposables.js";
import { describe } from "./errors.js";
import { isOfOverlay, overlayPathOf } from "./faces.js";
import { FailureNotice } from "./failureNotice.js";
import { OverlayFileSystem } from "./fileSystemProvider.js";
import { Search } from "./find/index.js";
import { showChangesOnce } from "./firstLook.js";
import { FloorStore } from "./floorStore.js";
import { MountedWindow } from "./mountedWindow.js";
import { handovers } from "./nextWindow.js";
import { clearOld } from "./oldOverlays.js";
import { Overlays } from "./overlays.js";
import { OverlaysView } from "./overlaysView.js";
import type { Machine, OverlayStore } from "./ports.js";
import { ReaderSync } from "./readerSync.js";
import { Registration } from "./registration.js";
import { SourceControls } from "./sourceControls.js";
import { StatusBar } from "./statusBar.js";
import { ThirdSides } from "./thirdSides.js";
import { Trust } from "./trust.js";
import { isOverlayUri } from "./uris.js";

export interface Running {
  readonly api: OverlayWorkspaceApi;
  /** Drains every operation and lets go of every overlay. */
  stop(): Promise<void>;
}

/** What VS Code keeps for us: for good, and for this workspace; and where the extension lies. */
export interface Surroundings {
  readonly globalState: vscode.Memento;
  readonly workspaceState: vscode.Memento;
  readonly extensionUri: vscode.Uri;
}

/** `npm start` names the folder to open in the extension host's environment. */
const openVariable = "OVERLAY_WORKSPACE_OPEN";
/** The window answers at once or is gone. */
const windowAnswersMs = 2000;

export async function run({ globalState: memento, workspaceState, extensionUri }: Surroundings, store: OverlayStore, machine: Machine, log: vscode.LogOutputChannel): Promise<Running> {
  const parts = new Disposables();
  const fail = (error: unknown): void => { log.error(describe(error)); };
  const keys = parts.add(new ContextKeys());
  const trust = new Trust(memento, () => machine.env(openVariable));
  const floors = parts.add(new FloorStore(memento, fail));
  const overlays = new Overlays({ store, floors, log, settings: () => ({ durability: durability(), retention: retention() }), trust: (base) => trust.ensure(base), windowAlive });
  new FailureNotice(overlays, store, trust, log);

  const files = parts.add(new OverlayFileSystem(overlays, fail));
  parts.add(new ReaderSync(overlays, (session) => files.refreshOpenFiles(session), fail));
  const sides = parts.add(new ThirdSides(trust));
  const bases = parts.add(new BaseFileSystem(overlays, sides, files.onDidChangeBase));
  const decorations = parts.add(new Decorations(overlays));
  const view = parts.add(new ChangesView(overlays));
  const sourceControls = parts.add(new SourceControls(overlays));
  parts.add(new StatusBar(overlays));
  parts.add(new BaseStatus(overlays));
  keys.follow(overlays);
  parts.add(showChangesOnce(overlays, workspaceState));
  parts.add(vscode.window.registerFileDecorationProvider(decorations));
  const list = parts.add(new OverlaysView(overlays, store, fail));
  const search = parts.add(new Search(overlays, workspaceState, extensionUri, log, fail));
  const debugSessions = parts.add(new DebugSessions(vscode.debug));
  const context: CommandContext = {
    overlays, files, search, store, floors, trust, view, list, handovers: handovers(memento), sourceControls, sides, debugSessions, machine, log,
  };
  parts.add(registerCommands(context));
  parts.add(vscode.window.registerTerminalProfileProvider("overlay.terminal", terminalProfile(context)));
  const mountedWindow = parts.add(new MountedWindow(context));
  parts.add(vscode.workspace.onDidChangeWorkspaceFolders(({ removed }) => {
    release(overlays, removed, fail);
    void guarded(context, () => unmountLeft(context));
  }));
  // Who becomes writable, or stops being so, is drawn differently in the Explorer; only a refresh asks again.
  parts.add(overlays.onDidChangeAccess(() => { void vscode.commands.executeCommand("workbench.files.action.refreshFilesExplorer"); }));

  parts.add(vscode.workspace.onDidChangeConfiguration((change) => {
    if (!change.affectsConfiguration("overlay.trash")) return;
    for (const { access, overlay } of overlays.all()) if (access.kind === "writable") overlay.keepDropped(retention()).catch(fail);
  }));

  const registration = parts.add(new Registration(files, bases, overlays));
  await registration.start(store);
  void mountedWindow.start();
  void openFromEnvironment(context);
  offerLastUndo(context).catch(fail);
  void guarded(context, () => unmountLeft(context));
  clearOld(store, floors).catch(fail);
  return {
    api: createApi(context),
    async stop() {
      await overlays.dispose();
      parts.dispose();
    },
  };
}

/** A process whose window is gone gets no answer; one whose window lives gets it at once. */
async function windowAlive(): Promise<boolean> {
  const answered = Promise.resolve(vscode.commands.getCommands(true)).then(() => true, () => false);
  return Promise.race([answered, new Promise<boolean>((resolve) => { setTimeout(() => { resolve(false); }, windowAnswersMs); })]);
}

/** An overlay that left the workspace is free for other windows, unless an editor still shows a file of it. */
function release(overlays: Overlays, removed: readonly vscode.WorkspaceFolder[], fail: (error: unknown) => void): void {
  for (const { uri } of removed) {
    const id = overlayPathOf(uri)?.id;
    if (id === undefined || vscode.workspace.textDocuments.some((document) => !document.isClosed && isOfOverlay(document.uri, id))) continue;
    overlays.close(id).catch(fail);
  }
}

async function openFromEnvironment(context: CommandContext): Promise<void> {
  const folder = context.machine.env(openVariable);
  // The folders of a workspace file may come later than we do; who opened one wants no other window in its place.
  const shown = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri);
  if (folder === undefined || vscode.workspace.workspaceFile !== undefined || shown.some(isOverlayUri)) return;
  // A window on a mounted overlay shows one already.
  for (const { scheme, fsPath } of shown) if (scheme === "file" && (await context.store.mountOf(fsPath)) !== undefined) return;
  await guarded(context, () => openWithoutAsking(context, folder));
}
