/** VS Code folds every new view of the Explorer. The first time a workspace shows an overlay, Overlay Changes unfolds. */
import * as vscode from "vscode";
import { viewId } from "./changesView.js";
import type { Overlays } from "./overlays.js";
import { isOfOverlay } from "./faces.js";

const key = "changesViewShown";

export function showChangesOnce(overlays: Overlays, memento: vscode.Memento): { dispose(): void } {
  return overlays.onDidOpen(({ id }) => {
    const inWorkspace = vscode.workspace.workspaceFolders?.some(({ uri }) => isOfOverlay(uri, id)) ?? false;
    if (!inWorkspace || memento.get<boolean>(key, false)) return;
    void memento.update(key, true);
    void vscode.commands.executeCommand(`${viewId}.open`, { preserveFocus: true }).then(undefined, () => undefined);
  });
}
