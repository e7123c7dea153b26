/**
 * While another window owns an overlay, this one reads what that one writes: it watches the upper layer, and the manifest,
 * which says what lies below it (that window takes snapshots, and resets to them), drops what the engine remembers of it,
 * and asks again. Which paths changed is not taken from the markers; open files are compared.
 */
import * as vscode from "vscode";
import type { Overlays } from "./overlays.js";
import type { Session } from "./session.js";

const soonMs = 300;
/** VS Code starts its watcher some time after it was asked to and does not say when: what came before is looked for then. */
const startingMs = [1_000, 5_000] as const;

export class ReaderSync implements vscode.Disposable {
  private readonly watching = new Map<Session, vscode.Disposable>();

  constructor(overlays: Overlays, private readonly refreshOpenFiles: (session: Session) => Promise<void>, private readonly onFailure: (error: unknown) => void) {
    overlays.onDidOpen((session) => { this.follow(session); });
    overlays.onDidChangeAccess((session) => { this.follow(session); });
    overlays.onDidClose((session) => { this.stop(session); });
  }

  dispose(): void {
    for (const session of [...this.watching.keys()]) this.stop(session);
  }

  private follow(session: Session): void {
    this.stop(session);
    if (session.access.kind === "writable") return;
    let timer: NodeJS.Timeout | undefined;
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(vscode.Uri.file(session.info.scratch), "{overlay.json,upper/**}"));
    const soon = (): void => { timer ??= setTimeout(() => { timer = undefined; this.catchUp(session).catch(this.onFailure); }, soonMs); };
    watcher.onDidCreate(soon);
    watcher.onDidChange(soon);
    watcher.onDidDelete(soon);
    const starting = startingMs.map((ms) => setTimeout(soon, ms));
    this.watching.set(session, new vscode.Disposable(() => {
      for (const one of [timer, ...starting]) clearTimeout(one);
      watcher.dispose();
    }));
  }

  private async catchUp(session: Session): Promise<void> {
    session.overlay.upperChanged();
    await session.lookAtLayers();
    await session.changes.reload();
    await this.refreshOpenFiles(session);
    await vscode.commands.executeCommand("workbench.files.action.refreshFilesExplorer");
  }

  private stop(session: Session): void {
    this.watching.get(session)?.dispose();
    this.watching.delete(session);
  }
}
