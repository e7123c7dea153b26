/** Open Mounted, New Terminal: an overlay as an ordinary folder, for every program. */
import * as vscode from "vscode";
import { OverlayError } from "../../engine/index.js";
import { overlayPathOf } from "../faces.js";
import { mountedAt } from "../overlays.js";
import type { MountedPlace, OverlayInfo } from "../ports.js";
import type { Session } from "../session.js";
import { activeSession } from "../statusBar.js";
import { pickSession, type CommandContext } from "./context.js";
import { pickOverlay, trusted } from "./openFolder.js";
import { overlayOf } from "./overlayList.js";
import { cancellable } from "./progress.js";

/** How long this window keeps a mount for one that is being opened on it. */
const untilOpenMs = 120_000;

export async function openMounted(context: CommandContext, clicked: unknown): Promise<void> {
  const info = await chooseOverlay(context, clicked, vscode.l10n.t("Mount which overlay?"));
  if (info === undefined) return;
  const wasOpen = context.overlays.peek(info.id) !== undefined;
  const place = await mountInfo(context, info);
  if (place === undefined) return;
  // A window that has it as its folder keeps that one; else the mount takes this window's place or its own.
  await vscode.commands.executeCommand("vscode.openFolder", vscode.Uri.file(place.point), { forceNewWindow: (vscode.workspace.workspaceFolders ?? []).length > 0 });
  if (!wasOpen) setTimeout(() => { closeIfUnused(context, info.id); }, untilOpenMs).unref();
}

/** Opened for the sake of the mount alone: the window on the mount has it by now. */
function closeIfUnused(context: CommandContext, id: string): void {
  const used = [...(vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri), ...vscode.workspace.textDocuments.map(({ uri }) => uri)].some((uri) => overlayPathOf(uri)?.id === id);
  if (!used) void context.overlays.close(id);
}

/** A shell in merged: mounts the overlay for it, and the mount stays as long as the shell stands in it. */
export async function newTerminal(context: CommandContext, clicked: unknown): Promise<void> {
  const options = await terminalOptions(context, clicked);
  if (options !== undefined) vscode.window.createTerminal(options).show();
}

/** The absolute path of the mounted overlay, for tasks and launch configurations: "${command:overlay.mountPoint}". */
export async function mountPoint(context: CommandContext, clicked: unknown): Promise<string | undefined> {
  const info = await chooseOverlay(context, clicked, vscode.l10n.t("Mount which overlay?"));
  return info === undefined ? undefined : (await mountInfo(context, info))?.point;
}

export function terminalProfile(context: CommandContext): vscode.TerminalProfileProvider {
  return {
    async provideTerminalProfile() {
      const options = await terminalOptions(context, undefined);
      return options === undefined ? undefined : new vscode.TerminalProfile(options);
    },
  };
}

async function terminalOptions(context: CommandContext, clicked: unknown): Promise<vscode.TerminalOptions | undefined> {
  const info = await chooseOverlay(context, clicked, vscode.l10n.t("A terminal in which overlay?"));
  const place = info === undefined ? undefined : await mountInfo(context, info);
  if (info === undefined || place === undefined) return undefined;
  return { cwd: place.point, name: vscode.l10n.t("Overlay {0}", info.name), iconPath: new vscode.ThemeIcon("layers") };
}

/** What was clicked, else the overlay of this window, else one that is picked. */
async function chooseOverlay(context: CommandContext, clicked: unknown, placeHolder: string): Promise<OverlayInfo | undefined> {
  if (clicked !== undefined && clicked !== null) return overlayOf(context, clicked, placeHolder);
  const open = context.overlays.all();
  if (open.length > 1) return (await pickSession(context, undefined))?.info;
  return activeSession(context.overlays)?.info ?? pickOverlay(context, placeHolder);
}

/** Mounts it unless it is; undefined when the user thinks better of it. */
export async function mountInfo(context: CommandContext, info: OverlayInfo): Promise<MountedPlace | undefined> {
  if (!(await trusted(context, info.base))) return undefined;
  const session = await context.overlays.get(info.id);
  try {
    return await mountSession(context, session, false);
  } catch (error) {
    if (!(error instanceof OverlayError) || error.code !== "EXDEV") throw error;
    const yes = vscode.l10n.t("Mount Anyway");
    const detail = vscode.l10n.t("What a program writes through such a link changes the base itself, and no overlay can undo it.");
    if ((await vscode.window.showWarningMessage(error.reason, { modal: true, detail }, yes)) !== yes) return undefined;
    return mountSession(context, session, true);
  }
}

async function mountSession(context: CommandContext, session: Session, allowLinksToBase: boolean): Promise<MountedPlace | undefined> {
  const already = mountedAt(session.opened);
  if (already !== undefined) return already;
  return cancellable(
    vscode.l10n.t("Mounting '{0}'", session.info.name), vscode.l10n.t("Mounting was cancelled."),
    (options) => context.overlays.mount(session, { ...options, allowLinksToBase }),
  );
}
