/**
 * A window on a mounted overlay: its folder is known by its place alone, and from then on its files are the overlay's as
 * well. When the mount ends without having been asked to, it is said, with what can be done.
 */
import * as vscode from "vscode";
import type { CommandContext } from "./commands/context.js";
import { mountInfo } from "./commands/mounted.js";
import { tell } from "./commands/progress.js";
import { describe } from "./errors.js";
import { mountedFolderOf, rememberMount } from "./faces.js";
import { mountedAt } from "./overlays.js";
import type { OverlayInfo } from "./ports.js";
import { overlayUri } from "./uris.js";

export class MountedWindow implements vscode.Disposable {
  private readonly listening: vscode.Disposable[];

  constructor(private readonly context: CommandContext) {
    const { overlays } = context;
    overlays.onDidUnmount(({ session, reason }) => { if (reason !== undefined) this.sayEnded(session.info, reason); });
    this.listening = [vscode.workspace.onDidChangeWorkspaceFolders(({ added }) => { void this.adopt(added); })];
  }

  /** A look at each folder's path: nothing of the disk unless it lies where mounts stand. */
  async start(): Promise<void> {
    await this.adopt(vscode.workspace.workspaceFolders ?? []);
  }

  dispose(): void {
    for (const one of this.listening) one.dispose();
  }

  private async adopt(folders: readonly vscode.WorkspaceFolder[]): Promise<void> {
    for (const { uri } of folders) if (uri.scheme === "file") await this.adoptFolder(uri).catch((error: unknown) => { this.context.log.error(describe(error)); });
  }

  private async adoptFolder(uri: vscode.Uri): Promise<void> {
    const { store, trust, overlays } = this.context;
    const place = await store.mountOf(uri.fsPath);
    if (place === undefined) return;
    const info = await store.info(place.id);
    rememberMount(place.id, place.point);
    trust.mounts.set(vscode.Uri.file(place.point).path, info.base);
    const session = await overlays.get(place.id);
    if (mountedAt(session.opened) === undefined) this.sayGone(info);
  }

  /** The folder that VS Code brought back is not there. */
  private sayGone(info: OverlayInfo): void {
    const text = vscode.l10n.t("The overlay '{0}' is not mounted any more, so this folder is empty. Nothing of it is lost.", info.name);
    tell(this.context.log, "warning", text, [
      { title: vscode.l10n.t("Mount Again"), run: () => this.mountAgain(info) },
      { title: vscode.l10n.t("Open as Overlay"), run: () => openVirtual(info) },
    ]);
  }

  private sayEnded(info: OverlayInfo, reason: string): void {
    const text = vscode.l10n.t("The overlay '{0}' is not mounted any more: {1}. What was written is kept.", info.name, reason);
    const again = { title: vscode.l10n.t("Mount Again"), run: () => this.mountAgain(info) };
    const virtual = { title: vscode.l10n.t("Open as Overlay"), run: () => openVirtual(info) };
    tell(this.context.log, "warning", text, mountedFolderOf(info.id) === undefined ? [again] : [again, virtual]);
  }

  /** What VS Code watches in the folder is of the mount that was. */
  private async mountAgain(info: OverlayInfo): Promise<void> {
    const place = await mountInfo(this.context, info);
    if (place !== undefined && mountedFolderOf(info.id) !== undefined) await vscode.commands.executeCommand("workbench.action.reloadWindow");
  }
}

function openVirtual(info: OverlayInfo): Thenable<unknown> {
  return vscode.commands.executeCommand("vscode.openFolder", overlayUri(info), { forceReuseWindow: true });
}
