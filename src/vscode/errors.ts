/**
 * Turns what the engine throws into what VS Code understands: a code it acts on, and a sentence that says what failed,
 * on which path, why, and what to do. Nothing else ever reaches the editor, a stack trace least of all.
 */
import * as vscode from "vscode";
import { OverlayError, type ErrorCode } from "../engine/index.js";

type FileSystemCode = "FileNotFound" | "FileExists" | "FileNotADirectory" | "FileIsADirectory" | "NoPermissions" | "Unavailable" | "Unknown";

export type Action = "stat" | "list" | "read" | "write" | "createDirectory" | "delete" | "rename" | "copy" | "readBase" | "reset" | "open" | "export" | "import" | "apply"
  | "takeSnapshot" | "renameSnapshot" | "squash" | "resetTo" | "bringBack" | "layers" | "trash" | "mount" | "unmount";

export function assertNever(value: never): never {
  throw new TypeError(`Unexpected value: ${String(value)}`);
}

function fileSystemCode(code: ErrorCode): FileSystemCode {
  switch (code) {
    case "ENOENT":
      return "FileNotFound";
    case "EEXIST":
      return "FileExists";
    case "ENOTDIR":
      return "FileNotADirectory";
    case "EISDIR":
      return "FileIsADirectory";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "NoPermissions";
    case "EBUSY":
    case "ECANCELED":
    case "EIO":
    case "EMFILE":
    case "ENOSPC":
      return "Unavailable";
    // VS Code has no code for these; it shows the message as it is.
    case "EBADF":
    case "EFBIG":
    case "EINVAL":
    case "ELOOP":
    case "EMLINK":
    case "ENAMETOOLONG":
    case "ENOTEMPTY":
    case "ENOTSUP":
    case "EXDEV":
      return "Unknown";
    default:
      return assertNever(code);
  }
}

/** What the user can do about it; empty where there is nothing to say. */
function advice(code: ErrorCode): string {
  switch (code) {
    case "ENOSPC":
      return vscode.l10n.t("Free some space there, or set 'overlay.scratchRoot' to another disk.");
    case "ENOTEMPTY":
      return vscode.l10n.t("Delete it with everything in it, or empty it first.");
    case "EBUSY":
      return vscode.l10n.t("Try again in a moment.");
    case "EMFILE":
      return vscode.l10n.t("Close some files or programs and try again.");
    case "EEXIST":
      return vscode.l10n.t("Choose another name.");
    case "ENAMETOOLONG":
      return vscode.l10n.t("Choose a shorter name.");
    case "EIO":
      return vscode.l10n.t("The log has the details (Overlay: Show Log).");
    default:
      return "";
  }
}

/** What is done with an overlay as a whole, and with places outside it; the reason says what is at fault and how. */
const ofWholeOverlay: ReadonlySet<string> = new Set(["open", "create", "find", "list", "duplicate", "renameOverlay", "restore", "exportPatch", "exportFolder", "exportLayer", "importPatch", "planApply", "apply", "undoApply", "mount", "unmount", "lend", "takeBack",
  "takeSnapshot", "renameSnapshot", "squash", "resetTo", "bringBack", "snapshots", "layerInfo", "dropped", "sizeOfDropped", "forget", "keepDropped"]);

/** Why, in the user's language, from what the code says; the engine's own reason where it says more. */
function why(error: OverlayError): string {
  if (ofWholeOverlay.has(error.operation)) return error.reason;
  switch (error.code) {
    case "ENOENT":
      return vscode.l10n.t("it does not exist");
    case "EEXIST":
      return vscode.l10n.t("it already exists");
    case "ENOTDIR":
      return vscode.l10n.t("a part of the path is not a folder");
    case "EISDIR":
      return vscode.l10n.t("it is a folder");
    case "ENOTEMPTY":
      return vscode.l10n.t("the folder is not empty");
    case "ENOSPC":
      return vscode.l10n.t("there is no space left where the changes are kept");
    case "EMFILE":
      return vscode.l10n.t("too many files are open");
    default:
      return error.reason;
  }
}

function sentence(action: Action, path: string, reason: string): string {
  switch (action) {
    case "stat":
      return vscode.l10n.t("Cannot look at '{0}': {1}.", path, reason);
    case "list":
      return vscode.l10n.t("Cannot list '{0}': {1}.", path, reason);
    case "read":
      return vscode.l10n.t("Cannot read '{0}': {1}.", path, reason);
    case "write":
      return vscode.l10n.t("Cannot write '{0}': {1}.", path, reason);
    case "createDirectory":
      return vscode.l10n.t("Cannot create the folder '{0}': {1}.", path, reason);
    case "delete":
      return vscode.l10n.t("Cannot delete '{0}': {1}.", path, reason);
    case "rename":
      return vscode.l10n.t("Cannot rename '{0}': {1}.", path, reason);
    case "copy":
      return vscode.l10n.t("Cannot copy '{0}': {1}.", path, reason);
    case "readBase":
      return vscode.l10n.t("Cannot read '{0}' in the base: {1}.", path, reason);
    case "open":
      return vscode.l10n.t("Cannot open '{0}': {1}.", path, reason);
    case "reset":
      return vscode.l10n.t("Cannot reset '{0}': {1}.", path, reason);
    case "export":
      return vscode.l10n.t("Nothing was exported. '{0}': {1}.", path, reason);
    case "import":
      return vscode.l10n.t("The patch was not imported: {0}.", reason);
    case "apply":
      return vscode.l10n.t("Cannot apply to the base: {0}.", reason);
    case "takeSnapshot":
      return vscode.l10n.t("No snapshot was taken: {0}.", reason);
    case "renameSnapshot":
      return vscode.l10n.t("The snapshot was not renamed: {0}.", reason);
    case "squash":
      return vscode.l10n.t("The snapshots were not joined: {0}.", reason);
    case "resetTo":
      return vscode.l10n.t("The layers were not reset: {0}.", reason);
    case "bringBack":
      return vscode.l10n.t("Nothing was brought back: {0}.", reason);
    case "layers":
      return vscode.l10n.t("Cannot look at the snapshots: {0}.", reason);
    case "mount":
      return vscode.l10n.t("The overlay was not mounted: {0}.", reason);
    case "unmount":
      return vscode.l10n.t("The overlay was not unmounted: {0}.", reason);
    case "trash":
      return vscode.l10n.t("Cannot look after what was thrown away: {0}.", reason);
    default:
      return assertNever(action);
  }
}

/** The sentence alone, for notifications. */
export function describe(error: unknown): string {
  if (error instanceof OverlayError) return sentence(actionOf(error.operation), error.path, why(error).replace(/\.$/, ""));
  return error instanceof Error ? error.message.split("\n", 1)[0] ?? "" : String(error);
}

function actionOf(operation: string): Action {
  const actions: Readonly<Record<string, Action>> = {
    stat: "stat", lstat: "stat", readlink: "stat", readDirectory: "list", readFile: "read", open: "open", create: "open", find: "open", list: "open", writeFile: "write", append: "write",
    truncate: "write", createDirectory: "createDirectory", unlink: "delete", rmdir: "delete", remove: "delete", rename: "rename", copy: "copy",
    reset: "reset", statLower: "readBase", readLowerFile: "readBase", duplicate: "copy", renameOverlay: "rename", restore: "open",
    exportPatch: "export", exportFolder: "export", exportLayer: "export", importPatch: "import", planApply: "apply", apply: "apply", undoApply: "apply",
    takeSnapshot: "takeSnapshot", renameSnapshot: "renameSnapshot", squash: "squash", resetTo: "resetTo", bringBack: "bringBack", snapshots: "layers", layerInfo: "layers",
    mount: "mount", lend: "mount", unmount: "unmount", takeBack: "unmount", dropped: "trash", sizeOfDropped: "trash", forget: "trash", keepDropped: "trash",
  };
  return actions[operation] ?? "stat";
}

export function make(code: FileSystemCode, message: string): vscode.FileSystemError {
  switch (code) {
    case "FileNotFound":
      return vscode.FileSystemError.FileNotFound(message);
    case "FileExists":
      return vscode.FileSystemError.FileExists(message);
    case "FileNotADirectory":
      return vscode.FileSystemError.FileNotADirectory(message);
    case "FileIsADirectory":
      return vscode.FileSystemError.FileIsADirectory(message);
    case "NoPermissions":
      return vscode.FileSystemError.NoPermissions(message);
    case "Unavailable":
      return vscode.FileSystemError.Unavailable(message);
    case "Unknown":
      return new vscode.FileSystemError(message);
    default:
      return assertNever(code);
  }
}

/** `readOnlyReason` says who owns the overlay, when that is why nothing can be changed. */
export function toFileSystemError(error: unknown, action: Action, path: string, readOnlyReason?: string): vscode.FileSystemError {
  if (error instanceof vscode.FileSystemError) return error;
  if (!(error instanceof OverlayError)) return make("Unavailable", sentence(action, path, describe(error).replace(/\.$/, "")));
  const reason = error.code === "EROFS" && readOnlyReason !== undefined ? readOnlyReason : why(error);
  const text = sentence(action, path, reason.replace(/\.$/, ""));
  const hint = advice(error.code);
  return make(fileSystemCode(error.code), hint === "" ? text : `${text} ${hint}`);
}
