/** What is done with an overlay as a whole: look at its folder, take it from another window; and what the status bar offers. */
import * as vscode from "vscode";
import { mountedFolderOf } from "../faces.js";
import { mountedAt } from "../overlays.js";
import type { Session } from "../session.js";
import { activeSession } from "../statusBar.js";
import { mention, pickSession, type CommandContext } from "./context.js";
import { isOverlayNode } from "./overlayList.js";
import { baseText } from "../uris.js";

export async function revealScratchFolder(context: CommandContext, clicked: unknown): Promise<void> {
  const info = isOverlayNode(clicked) ? clicked.info : (await pickSession(context, clicked))?.info;
  if (info === undefined) return;
  const uri = vscode.Uri.file(info.scratch);
  // A file manager is at hand only where the window runs on the machine that has the files.
  if (vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined) await vscode.commands.executeCommand("revealFileInOS", uri);
  else await vscode.commands.executeCommand("vscode.openFolder", uri, { forceNewWindow: true });
}

export async function takeOver(context: CommandContext, clicked: unknown): Promise<void> {
  const session = await pickSession(context, clicked, ({ access }) => access.kind === "readOnly");
  if (session?.access.kind !== "readOnly") {
    mention(vscode.l10n.t("This window can write its overlays already."));
    return;
  }
  const { owner } = session.access;
  const yes = vscode.l10n.t("Take Over");
  const detail = vscode.l10n.t("{0} has it open. It is asked to finish what it is doing and to go on read-only; files with unsaved changes there cannot be saved until it gets the overlay back.", capitalised(owner));
  if ((await vscode.window.showWarningMessage(vscode.l10n.t("Make the overlay '{0}' writable in this window?", session.info.name), { modal: true, detail }, yes)) !== yes) return;
  const title = vscode.l10n.t("Waiting for {0} to let go of '{1}'…", owner, session.info.name);
  const taken = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, () => context.overlays.takeOver(session));
  if (!taken) await offerToBreak(context, session, owner);
}

async function offerToBreak(context: CommandContext, session: Session, owner: string): Promise<void> {
  const yes = vscode.l10n.t("Break Its Lock");
  const detail = vscode.l10n.t("Break the lock only if you are sure that it does not run any more, as after a crash or on a computer that is switched off. Two writers at once damage the overlay.");
  const question = vscode.l10n.t("{0} did not let go of the overlay '{1}'.", capitalised(owner), session.info.name);
  if ((await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) !== yes) return;
  context.log.warn(`The lock of overlay ${session.id}, held by ${owner}, is broken by the user`);
  await context.overlays.breakLock(session);
}

function capitalised(text: string): string {
  return text.slice(0, 1).toLocaleUpperCase() + text.slice(1);
}

interface CommandItem extends vscode.QuickPickItem {
  readonly command: string;
}

/** What a click on the status bar offers. */
export async function showCommands(context: CommandContext): Promise<void> {
  const session = activeSession(context.overlays);
  const writable = session?.access.kind === "writable";
  const changed = (session?.changes.count ?? 0) > 0;
  const offers: (CommandItem & { readonly when: boolean })[] = [
    { label: `$(list-tree) ${vscode.l10n.t("Show Overlay Changes")}`, command: "overlay.changes.focus", when: session !== undefined },
    { label: `$(export) ${vscode.l10n.t("Export Patch…")}`, command: "overlay.exportPatch", when: changed },
    { label: `$(arrow-down) ${vscode.l10n.t("Apply to Base…")}`, command: "overlay.applyToBase", when: writable && changed && session.remote === undefined },
    { label: `$(discard) ${vscode.l10n.t("Reset Layers…")}`, command: "overlay.resetLayers", when: writable && changed },
    { label: `$(unlock) ${vscode.l10n.t("Take Over…")}`, command: "overlay.takeOver", when: session !== undefined && !writable },
    { label: `$(refresh) ${vscode.l10n.t("Refresh Base")}`, command: "overlay.refreshBase", when: session?.remote !== undefined },
    { label: `$(vm) ${vscode.l10n.t("Open Mounted")}`, command: "overlay.openMounted", when: session !== undefined && mountedFolderOf(session.id) === undefined },
    { label: `$(terminal) ${vscode.l10n.t("New Terminal")}`, command: "overlay.newTerminal", when: session !== undefined },
    { label: `$(debug-disconnect) ${vscode.l10n.t("Unmount")}`, command: "overlay.unmount", when: session !== undefined && mountedAt(session.opened) !== undefined },
    { label: `$(folder-opened) ${vscode.l10n.t("Reveal Scratch Folder")}`, command: "overlay.revealScratchFolder", when: session !== undefined },
    { label: `$(history) ${vscode.l10n.t("Open Recent Overlay…")}`, command: "overlay.openRecent", when: true },
    { label: `$(layers) ${vscode.l10n.t("Open Folder as Overlay…")}`, command: "overlay.openFolder", when: true },
    { label: `$(trash) ${vscode.l10n.t("Delete Overlay…")}`, command: "overlay.delete", when: true },
    { label: `$(output) ${vscode.l10n.t("Show Log")}`, command: "overlay.showLog", when: true },
  ];
  const placeHolder = session === undefined ? vscode.l10n.t("Overlay") : vscode.l10n.t("Overlay '{0}' over {1}", session.info.name, baseText(session.info.base));
  const picked = await vscode.window.showQuickPick(offers.filter(({ when }) => when), { placeHolder });
  if (picked !== undefined) await vscode.commands.executeCommand(picked.command);
}
