// What a UI test imports: the workbench, and everything a user does in it.
export { shownFolder, startWorkbench, waitForOverlay, type Workbench, type WorkbenchOptions } from "../workbench.ts";
export { until, type UntilOptions } from "./until.ts";
export { acceptInput, offersCommand, pick, quickInputText, quickPickRows, runCommand, typeInput, type PickRow } from "./quickInput.ts";
export { explorer, growView, sourceControl, useMenu, useSubmenu, view, type Tree, type TreeRow } from "./tree.ts";
export {
  answerDialog, answerNotification, clickStatus, notifications, statusBar, waitForDialog, waitForNotification, waitForStatus, type Dialog, type Notification,
} from "./dialogs.ts";
export { appendText, editorText, replaceText, save, tabs, waitForEditor, waitForText, type Tab } from "./editor.ts";
export { gone, newFile, newFolder, newTopFolder, remove, rename } from "./files.ts";
export { choosePath } from "./fileDialog.ts";
export { builtInSearch, ownSearch, type FoundFile, type OwnSearch, type SearchView } from "./search.ts";
export { keepEvidence } from "./evidence.ts";
export { openOverlayWindow, plantFiles, type Files, type OverlayWindow } from "./overlayWindow.ts";
export { waitForFolders } from "./workspaceFile.ts";
