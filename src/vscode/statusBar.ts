/** The status bar: which overlay the active editor is in, how many changes it has, and whether it can be written. */
import * as vscode from "vscode";
import { countText } from "./changesView.js";
import { readOnlyReason } from "./fileSystemProvider.js";
import { overlayPathOf } from "./faces.js";
import { mountedAt, type Overlays } from "./overlays.js";
import type { Session } from "./session.js";
import { baseText } from "./uris.js";

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("overlay.status", vscode.StatusBarAlignment.Left, 50);
  private readonly following = new Map<Session, { dispose(): void }>();
  private readonly listening: vscode.Disposable;

  constructor(private readonly overlays: Overlays) {
    this.item.name = vscode.l10n.t("Overlay");
    this.item.command = "overlay.showCommands";
    overlays.onDidOpen((session) => {
      this.following.set(session, session.changes.onDidChange(() => { this.draw(); }));
      this.draw();
    });
    overlays.onDidClose((session) => {
      this.following.get(session)?.dispose();
      this.following.delete(session);
      this.draw();
    });
    overlays.onDidChangeAccess(() => { this.draw(); });
    this.listening = vscode.window.onDidChangeActiveTextEditor(() => { this.draw(); });
  }

  dispose(): void {
    for (const one of this.following.values()) one.dispose();
    this.listening.dispose();
    this.item.dispose();
  }

  private draw(): void {
    const session = activeSession(this.overlays, [...this.following.keys()]);
    if (session === undefined) {
      this.item.hide();
      return;
    }
    const { name } = session.info;
    const base = baseText(session.info.base);
    const counted = countText(session);
    const readOnly = readOnlyReason(session);
    const mounted = mountedAt(session.opened);
    this.item.text = `$(${readOnly !== undefined ? "lock" : mounted === undefined ? "layers" : "layers-active"}) ${name}${counted === "" ? "" : `: ${counted}`}`;
    if (mounted !== undefined) this.item.tooltip = vscode.l10n.t("Overlay '{0}' over {1}, mounted at {2}. The folder beneath is never changed.", name, base, mounted.point);
    else this.item.tooltip = readOnly === undefined
      ? vscode.l10n.t("Overlay '{0}' over {1}. The folder beneath is never changed.", name, base)
      : vscode.l10n.t("Overlay '{0}' over {1}: {2}.", name, base, readOnly);
    this.item.accessibilityInformation = {
      label: readOnly === undefined ? vscode.l10n.t("Overlay {0}, {1}", name, counted) : vscode.l10n.t("Overlay {0}, {1}, read-only", name, counted),
      role: "button",
    };
    this.item.show();
  }
}

/** The overlay of the active editor, else the first of the workspace, else any that is open. */
export function activeSession(overlays: Overlays, open: readonly Session[] = overlays.all()): Session | undefined {
  const uris = [vscode.window.activeTextEditor?.document.uri, ...(vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri)];
  for (const uri of uris) {
    const address = overlayPathOf(uri);
    const session = address === undefined ? undefined : open.find(({ id }) => id === address.id);
    if (session !== undefined) return session;
  }
  return open[0];
}
