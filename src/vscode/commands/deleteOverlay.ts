/** Delete Overlay…, which asks nothing because it can be undone for a week, and Undo Delete Overlay…. */
import * as vscode from "vscode";
import type { RemovedOverlay } from "../ports.js";
import { workspaceFolderOf, mention, type CommandContext } from "./context.js";
import { openIn } from "./openFolder.js";
import { overlayOf } from "./overlayList.js";
import { tell } from "./progress.js";
import { ago } from "./text.js";
import { baseText } from "../uris.js";

export async function deleteOverlay(context: CommandContext, clicked: unknown): Promise<void> {
  const info = await overlayOf(context, clicked, vscode.l10n.t("Delete which overlay?"));
  if (info === undefined) return;
  const folder = workspaceFolderOf(info);
  const key = await letGo(context, info.id, () => context.store.remove(info.id));
  context.log.info(`Deleted overlay '${info.name}' (${info.id}); it can be had back for a week`);
  context.list.refresh();
  const closesWindow = folder !== undefined && (vscode.workspace.workspaceFolders?.length ?? 0) === 1;
  if (closesWindow) await context.handovers.deleted.leave({ key, name: info.name });
  else offerUndo(context, key, info.name, false);
  if (closesWindow) await vscode.commands.executeCommand("workbench.action.closeFolder");
  else if (folder !== undefined) vscode.workspace.updateWorkspaceFolders(folder.index, 1);
}

/** When it cannot be deleted it stays what it was, and can be used again. */
async function letGo<T>({ overlays }: CommandContext, id: string, remove: () => Promise<T>): Promise<T> {
  await overlays.forget(id);
  try {
    return await remove();
  } catch (error) {
    overlays.remember(id);
    throw error;
  }
}

function offerUndo(context: CommandContext, key: string, name: string, wasShown: boolean): void {
  tell(context.log, "info", vscode.l10n.t("The overlay '{0}' was deleted. It is kept for seven days.", name), [
    { title: vscode.l10n.t("Undo"), run: () => bringBack(context, key, wasShown) },
  ]);
}

/** For the window that comes after the one that a deletion closed. */
export async function offerLastUndo(context: CommandContext): Promise<void> {
  const last = context.handovers.deleted.left;
  if (last === undefined || !(await context.store.removed()).some(({ key }) => key === last.key)) return;
  offerUndo(context, last.key, last.name, true);
}

/** From the palette, the view, or with the key of what is to come back. */
export async function undoDeleteOverlay(context: CommandContext, clicked: unknown): Promise<void> {
  const key = typeof clicked === "string" ? clicked : (await pickRemoved(context))?.key;
  if (key !== undefined) await bringBack(context, key, false);
}

async function bringBack(context: CommandContext, key: string, show: boolean): Promise<void> {
  const info = await context.store.restore(key);
  await context.handovers.deleted.forget();
  context.overlays.remember(info.id);
  context.log.info(`Brought back overlay '${info.name}' (${info.id})`);
  context.list.refresh();
  if (show) await openIn(info, "thisWindow");
  else tell(context.log, "info", vscode.l10n.t("The overlay '{0}' is back.", info.name), [{ title: vscode.l10n.t("Open in New Window"), run: () => openIn(info, "newWindow") }]);
}

interface RemovedItem extends vscode.QuickPickItem {
  readonly removed: RemovedOverlay;
}

async function pickRemoved(context: CommandContext): Promise<RemovedOverlay | undefined> {
  const list = await context.store.removed();
  if (list.length === 0) {
    mention(vscode.l10n.t("There is no deleted overlay to bring back."));
    return undefined;
  }
  const forGood: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("trash"), tooltip: vscode.l10n.t("Delete for Good…") };
  const items = list.map((removed): RemovedItem => ({
    label: `$(layers) ${removed.name}`, description: baseText(removed.base), detail: vscode.l10n.t("deleted {0}", ago(removed.deleted)), buttons: [forGood], removed,
  }));
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<RemovedItem>();
    pick.placeholder = vscode.l10n.t("Bring back which overlay?");
    pick.matchOnDescription = true;
    pick.items = items;
    pick.onDidTriggerItemButton(({ item }) => {
      pick.hide();
      void discard(context, item.removed).catch((error: unknown) => { void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error)); });
    });
    pick.onDidAccept(() => {
      resolve((pick.selectedItems[0] ?? pick.activeItems[0])?.removed);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

async function discard({ store, floors }: CommandContext, { key, id, name, base }: RemovedOverlay): Promise<void> {
  const yes = vscode.l10n.t("Delete for Good");
  const detail = vscode.l10n.t("Nothing brings it back then. The base folder '{0}' is not touched.", baseText(base));
  if ((await vscode.window.showWarningMessage(vscode.l10n.t("Delete everything that the overlay '{0}' keeps?", name), { modal: true, detail }, yes)) !== yes) return;
  await store.discard(key);
  await floors.forget(id);
}

/** For callers that ask for no way back. */
export async function deleteForGood(context: CommandContext, id: string): Promise<void> {
  await letGo(context, id, () => context.store.delete(id));
  await context.floors.forget(id);
  context.list.refresh();
}
