/** Every command by its id, as package.json contributes it. */
import * as vscode from "vscode";
import { applyToBase, undoApply } from "./applyToBase.js";
import { refreshBase, stopWaiting } from "./base.js";
import { compareWithBase, previewChange } from "./compare.js";
import type { OverlayNode } from "../overlaysView.js";
import { registerReports } from "../reports.js";
import { clickedAndSelected, guarded, takeGiven, type CommandContext, type Given } from "./context.js";
import { exportFolder, exportLayer, exportPatch } from "./export.js";
import { importPatch } from "./importPatch.js";
import { deleteOverlay, undoDeleteOverlay } from "./deleteOverlay.js";
import { revealScratchFolder, showCommands, takeOver } from "./manage.js";
import { mountPoint, newTerminal, openMounted } from "./mounted.js";
import { openAllChanges } from "./multiDiff.js";
import { openFile } from "./openFile.js";
import { openAddressAsOverlay, openFolderAsOverlay, openRecentOverlay } from "./openFolder.js";
import { duplicateOverlay, isOverlayNode, openOverlay, openOverlayInNewWindow, renameOverlay } from "./overlayList.js";
import { compareWithSnapshot } from "./compareSnapshot.js";
import { pruneUnchangedCopies } from "./prune.js";
import { resetLayers } from "./resetLayers.js";
import { resetSelection, resetToBase, restore } from "./reset.js";
import { renameSnapshot, squashSnapshots, takeSnapshot } from "./snapshots.js";
import { keepMine } from "./stale.js";
import { compareThreeWays, mergeInEditor } from "./threeWays.js";
import { emptyTrash, undoReset } from "./undoReset.js";
import { unmount } from "./unmount.js";

type Command = (context: CommandContext, clicked: unknown, selected: unknown, given: Given) => Promise<void>;

const commands: Readonly<Record<string, Command>> = {
  "overlay.openFolder": openFolderAsOverlay,
  "overlay.openAddress": openAddressAsOverlay,
  "overlay.openRecent": openRecentOverlay,
  "overlay.compareWithBase": compareWithBase,
  // The same under the name that the Source Control view gives it.
  "overlay.openChanges": compareWithBase,
  "overlay.openAllChanges": openAllChanges,
  "overlay.openFile": openFile,
  // Not in any menu: what a click on a row does.
  "overlay.previewChange": previewChange,
  "overlay.resetToBase": resetToBase,
  "overlay.restore": restore,
  // The same for a change whose base has moved.
  "overlay.takeBase": restore,
  "overlay.keepMine": keepMine,
  "overlay.compareThreeWays": compareThreeWays,
  "overlay.mergeInEditor": mergeInEditor,
  "overlay.pruneUnchangedCopies": pruneUnchangedCopies,
  // For the key in the view: bound to resetToBase itself, the Explorer's menu would show a key that means "delete" there.
  "overlay.resetSelection": resetSelection,
  "overlay.resetLayers": resetLayers,
  "overlay.undoReset": undoReset,
  "overlay.emptyTrash": emptyTrash,
  "overlay.takeSnapshot": takeSnapshot,
  "overlay.renameSnapshot": renameSnapshot,
  "overlay.squashSnapshots": squashSnapshots,
  "overlay.compareWithSnapshot": compareWithSnapshot,
  "overlay.exportPatch": exportPatch,
  "overlay.exportFolder": exportFolder,
  "overlay.exportLayer": exportLayer,
  "overlay.importPatch": importPatch,
  "overlay.applyToBase": applyToBase,
  "overlay.undoApply": undoApply,
  "overlay.open": openOverlay,
  "overlay.openInNewWindow": openOverlayInNewWindow,
  "overlay.rename": renameOverlay,
  "overlay.duplicate": duplicateOverlay,
  "overlay.delete": deleteOverlay,
  "overlay.undoDelete": undoDeleteOverlay,
  // For keys in the view: from the palette, what is selected there means nothing.
  "overlay.renameSelected": async (context) => { if (context.list.selected !== undefined) await renameOverlay(context, context.list.selected, undefined, {}); },
  "overlay.deleteSelected": async (context) => { if (context.list.selected !== undefined) await deleteOverlay(context, context.list.selected); },
  "overlay.refreshOverlays": async ({ list }) => { list.refresh(); },
  "overlay.stopMeasuring": async ({ list }, clicked) => { if (isFactOf(clicked)) list.stopMeasuring(clicked.of.info.id); },
  "overlay.openMounted": openMounted,
  "overlay.unmount": unmount,
  "overlay.newTerminal": newTerminal,
  "overlay.revealScratchFolder": revealScratchFolder,
  "overlay.takeOver": takeOver,
  "overlay.refreshBase": refreshBase,
  "overlay.stopWaiting": stopWaiting,
  "overlay.showCommands": showCommands,
  "overlay.showLog": async (context) => { context.log.show(); },
  "overlay.goToFile": ({ search }) => search.goToFile(),
  "overlay.findInFiles": ({ search }) => search.findInFiles(false),
  "overlay.replaceInFiles": ({ search }) => search.findInFiles(true),
  "overlay.findInFolder": ({ search }, clicked) => search.findInFiles(false, clicked),
  "overlay.search.refresh": ({ search }) => search.refresh(),
  "overlay.search.cancel": async ({ search }) => { search.cancel(); },
  "overlay.search.clear": async ({ search }) => { search.clear(); },
  "overlay.search.collapseAll": async ({ search }) => { search.fold(true); },
  "overlay.search.expandAll": async ({ search }) => { search.fold(false); },
  "overlay.search.next": ({ search }) => search.next(1),
  "overlay.search.previous": ({ search }) => search.next(-1),
};

function isFactOf(value: unknown): value is { readonly of: OverlayNode } {
  return typeof value === "object" && value !== null && "of" in value && isOverlayNode(value.of);
}

export function registerCommands(context: CommandContext): vscode.Disposable {
  // The one that answers: variables of tasks and launch configurations are what a command returns.
  const answers = vscode.commands.registerCommand("overlay.mountPoint", (clicked?: unknown) => mountPoint(context, clicked));
  return vscode.Disposable.from(registerReports(), answers, ...Object.entries(commands).map(([id, command]) =>
    vscode.commands.registerCommand(id, (...args: unknown[]) => guarded(context, () => {
      const [given, rest] = takeGiven(args);
      return command(context, ...clickedAndSelected(rest), given);
    }))));
}
