/** Every command by its id, as package.json contributes it. */
import * as vscode from "vscode";
import { compareWithBase, previewChange } from "./compare.js";
import { clickedAndSelected, guarded, takeGiven, type CommandContext, type Given } from "./context.js";
import { exportFolder, exportLayer, exportPatch } from "./export.js";
import { importPatch } from "./importPatch.js";
import { deleteOverlay, revealScratchFolder, showCommands, takeOver } from "./manage.js";
import { openAllChanges } from "./multiDiff.js";
import { openFile } from "./openFile.js";
import { openFolderAsOverlay, openRecentOverlay } from "./openFolder.js";
import { pruneUnchangedCopies } from "./prune.js";
import { resetLayers, resetSelection, resetToBase, restore } from "./reset.js";

type Command = (context: CommandContext, clicked: unknown, selected: unknown, given: Given) => Promise<void>;

const commands: Readonly<Record<string, Command>> = {
  "overlay.openFolder": openFolderAsOverlay,
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
  "overlay.pruneUnchangedCopies": pruneUnchangedCopies,
  // For the key in the view: bound to resetToBase itself, the Explorer's menu would show a key that means "delete" there.
  "overlay.resetSelection": resetSelection,
  "overlay.resetLayers": resetLayers,
  "overlay.exportPatch": exportPatch,
  "overlay.exportFolder": exportFolder,
  "overlay.exportLayer": exportLayer,
  "overlay.importPatch": importPatch,
  "overlay.delete": deleteOverlay,
  "overlay.revealScratchFolder": revealScratchFolder,
  "overlay.takeOver": takeOver,
  "overlay.showCommands": showCommands,
  "overlay.showLog": async (context) => { context.log.show(); },
};

export function registerCommands(context: CommandContext): vscode.Disposable {
  return vscode.Disposable.from(...Object.entries(commands).map(([id, command]) =>
    vscode.commands.registerCommand(id, (...args: unknown[]) => guarded(context, () => {
      const [given, rest] = takeGiven(args);
      return command(context, ...clickedAndSelected(rest), given);
    }))));
}
