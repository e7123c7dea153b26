/**
 * Unmount. A window whose folder the mount is goes on with the same overlay, virtual; and where it is its own language
 * server that keeps the mount busy, which ends with the folder, it leaves first and unmounts from there.
 */
import * as vscode from "vscode";
import { isCode } from "../../engine/index.js";
import { mountedFolderOf } from "../faces.js";
import { mountedAt } from "../overlays.js";
import type { OverlayInfo } from "../ports.js";
import type { Session } from "../session.js";
import { isOverlayUri, overlayUri } from "../uris.js";
import { mention, pickSession, type CommandContext } from "./context.js";

/** How long the extension host of a folder that was left, and what it has started, may take to end. */
const leavingMs = 20_000;
const againMs = 250;

export async function unmount(context: CommandContext, clicked: unknown): Promise<void> {
  const session = await pickSession(context, clicked, ({ opened }) => mountedAt(opened) !== undefined);
  if (session === undefined || mountedAt(session.opened) === undefined) {
    mention(vscode.l10n.t("No overlay of this window is mounted."));
    return;
  }
  const { info } = session;
  const folder = mountedWorkspaceFolder(info);
  try {
    await unmounting(info, () => context.overlays.unmount(session));
  } catch (error) {
    if (folder === undefined || !isCode(error, "EBUSY") || !(await goesWithFolder(context, session))) throw error;
    context.log.info(`What keeps the mount of '${info.name}' is this window's own: its folder is left first`);
    await context.handovers.leftMount.leave({ id: info.id });
    await replaceFolder(folder, info);
    return;
  }
  if (folder === undefined) mention(vscode.l10n.t("'{0}' is not mounted any more.", info.name));
  else await replaceFolder(folder, info);
}

/** In the window that comes after one that left its mount to be ended, or in the same when that has a workspace of several folders. */
export async function unmountLeft(context: CommandContext): Promise<void> {
  const { leftMount } = context.handovers;
  const id = leftMount.left?.id;
  if (id === undefined || !(vscode.workspace.workspaceFolders ?? []).some(({ uri }) => isOverlayUri(uri) && uri.authority === id)) return;
  await leftMount.forget();
  const session = await context.overlays.get(id);
  const { info } = session;
  await unmounting(info, async () => {
    for (const until = Date.now() + leavingMs; ;) {
      try {
        await context.overlays.unmount(session);
        return;
      } catch (error) {
        if (!isCode(error, "EBUSY") || Date.now() >= until) throw error;
        await new Promise((resolve) => { setTimeout(resolve, againMs); });
      }
    }
  });
  mention(vscode.l10n.t("'{0}' is not mounted any more.", info.name));
}

function unmounting(info: OverlayInfo, work: () => Promise<void>): Thenable<void> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Unmounting '{0}'…", info.name) }, work);
}

/** A program that is being debugged would be lost. */
async function goesWithFolder({ debugSessions }: CommandContext, { opened }: Session): Promise<boolean> {
  return !debugSessions.isActive && (await mountedAt(opened)?.hasOwnUsersOnly()) === true;
}

function mountedWorkspaceFolder(info: OverlayInfo): vscode.WorkspaceFolder | undefined {
  const mounted = mountedFolderOf(info.id);
  return mounted === undefined ? undefined : vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === "file" && uri.path === mounted.path);
}

/** The window goes on with the same overlay in the place of its mount. */
async function replaceFolder({ index, name }: vscode.WorkspaceFolder, info: OverlayInfo): Promise<void> {
  const uri = overlayUri(info);
  if (vscode.workspace.workspaceFile === undefined) await vscode.commands.executeCommand("vscode.openFolder", uri, { forceReuseWindow: true });
  else vscode.workspace.updateWorkspaceFolders(index, 1, { uri, name });
}
