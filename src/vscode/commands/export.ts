/** Export Patch…, Export Folder… and Export Layer…: where to, the work with its progress, and what came of it. */
import { homedir } from "node:os";
import * as vscode from "vscode";
import type { LeftOut } from "../carrier.js";
import { make } from "../errors.js";
import { nameOf, outermost } from "../paths.js";
import type { Session } from "../session.js";
import { isBaseUri, rootName } from "../uris.js";
import { ofOneOverlay, type CommandContext, type Given } from "./context.js";
import { cancellable, listOf, tell, type Offer } from "./progress.js";
import { bytes } from "./text.js";

const patchFilter = { [vscode.l10n.t("Patch")]: ["patch", "diff"] };
const layerFilter = { [vscode.l10n.t("OCI Layer")]: ["tar"] };

/** Where the last export of this window went: the next one is likely to go there too. */
let lastFolder: vscode.Uri | undefined;

export async function exportPatch(context: CommandContext, clicked: unknown, selected: unknown, given: Given): Promise<void> {
  const chosen = await ofOneOverlay(context, clicked, selected);
  if (chosen === undefined) return;
  const { session } = chosen;
  const target = uriOf(given.target) ?? (await askForFile(session, `${plainName(session, chosen.paths)}.patch`, vscode.l10n.t("Export Patch"), patchFilter));
  if (target === undefined) return;
  const report = await cancellable(exporting(session), cancelled(), async (options) => {
    const selection = { ...options, ...within(chosen.paths) };
    return target.scheme === "file" ? session.carrier.patchFile(target.fsPath, selection) : throughFileService(session, target, selection);
  });
  if (report === undefined) return;
  const { files, leftOut } = report;
  const done = files === 1 ? vscode.l10n.t("1 file was exported to '{0}'.", nameOf(target.path)) : vscode.l10n.t("{0} files were exported to '{1}'.", files, nameOf(target.path));
  const nothing = files === 0 ? vscode.l10n.t("Nothing differs from the base that a patch can hold: '{0}' is empty.", nameOf(target.path)) : done;
  say(context, nothing, leftOut, [{ title: vscode.l10n.t("Open"), run: () => vscode.commands.executeCommand("vscode.open", target) }, ...reveal(target)]);
}

/** A place that is no disk takes a file in one piece only. */
async function throughFileService(session: Session, target: vscode.Uri, options: Parameters<Session["carrier"]["patch"]>[0]): Promise<{ files: number; leftOut: readonly LeftOut[] }> {
  const patch = session.carrier.patch(options);
  const pieces: Uint8Array[] = [];
  for await (const piece of patch) pieces.push(piece);
  await vscode.workspace.fs.writeFile(target, Buffer.concat(pieces));
  return patch.report();
}

export async function exportLayer(context: CommandContext, clicked: unknown, selected: unknown, given: Given): Promise<void> {
  const chosen = await ofOneOverlay(context, clicked, selected);
  if (chosen === undefined) return;
  const { session } = chosen;
  const target = onDisk(uriOf(given.target) ?? (await askForFile(session, `${plainName(session, chosen.paths)}.tar`, vscode.l10n.t("Export Layer"), layerFilter)));
  if (target === undefined) return;
  const report = await cancellable(exporting(session), cancelled(), (options) => session.carrier.layerFile(target.fsPath, { ...options, ...within(chosen.paths) }));
  if (report === undefined) return;
  const { entries, whiteouts, leftOut } = report;
  say(context, vscode.l10n.t("The layer '{0}' holds {1} entries and {2} deletions.", nameOf(target.path), entries, whiteouts), leftOut, reveal(target));
}

export async function exportFolder(context: CommandContext, clicked: unknown, selected: unknown, given: Given): Promise<void> {
  const chosen = await ofOneOverlay(context, clicked, selected);
  if (chosen === undefined) return;
  const { session } = chosen;
  const path = await folderOf(session, chosen.paths);
  const target = onDisk(uriOf(given.target) ?? (await askForFolder(session, plainName(session, [path]))));
  if (target === undefined) return;
  const report = await cancellable(exporting(session), cancelled(), (options) => session.carrier.folder(target.fsPath, { ...options, path }));
  if (report === undefined) return;
  const text = vscode.l10n.t("The folder '{0}' was made, with {1} files ({2}).", target.fsPath, report.files, bytes(report.bytes));
  const open = { title: vscode.l10n.t("Open in New Window"), run: () => vscode.commands.executeCommand("vscode.openFolder", target, { forceNewWindow: true }) };
  say(context, text, report.leftOut, [open, ...reveal(target)]);
}

/** The one folder that was chosen; anything else stands for the overlay. */
async function folderOf({ overlay }: Session, [only, ...others]: readonly string[]): Promise<string> {
  if (only === undefined || others.length > 0) return "/";
  return (await overlay.lstat(only).then(({ type }) => type === "directory", () => false)) ? only : "/";
}

function within(paths: readonly string[]): { readonly paths?: readonly string[] } {
  return paths.includes("/") ? {} : { paths: outermost(paths) };
}

export function uriOf(value: vscode.Uri | string | undefined): vscode.Uri | undefined {
  return typeof value === "string" ? vscode.Uri.file(value) : value;
}

/** A layer and a folder grow piece by piece, which only a disk can take. */
function onDisk(target: vscode.Uri | undefined): vscode.Uri | undefined {
  if (target !== undefined && target.scheme !== "file") throw make("Unavailable", vscode.l10n.t("'{0}' is no place on a disk. Choose one on the computer that has the overlay.", target.toString(true)));
  return target;
}

async function askForFile(session: Session, name: string, title: string, filters: Record<string, string[]>): Promise<vscode.Uri | undefined> {
  const defaultUri = vscode.Uri.joinPath(startFolder(session), name);
  const target = await vscode.window.showSaveDialog({ defaultUri, filters, title, saveLabel: vscode.l10n.t("Export") });
  if (target !== undefined) lastFolder = vscode.Uri.joinPath(target, "..");
  return target;
}

/** As with a clone of a repository, what is chosen is the folder that the new one goes into. */
async function askForFolder(session: Session, name: string): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false, canSelectFolders: true, canSelectMany: false, defaultUri: startFolder(session),
    title: vscode.l10n.t("Export Folder: Where Should '{0}' Be Made?", name), openLabel: vscode.l10n.t("Export into This Folder"),
  });
  const [parent] = chosen ?? [];
  if (parent === undefined) return undefined;
  lastFolder = parent;
  for (let n = 1; ; n++) {
    const place = vscode.Uri.joinPath(parent, n === 1 ? name : `${name} ${n}`);
    if (await isFree(place)) return place;
  }
}

async function isFree(uri: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(uri).then(() => false, () => true);
}

function startFolder({ info }: Session): vscode.Uri {
  // An export goes to a disk; where the base is on none, the dialog begins where it would.
  return lastFolder ?? (isBaseUri(info.base) ? vscode.Uri.file(homedir()) : vscode.Uri.joinPath(vscode.Uri.file(info.base), ".."));
}

/** The name of what is exported, without what no file name may have. */
function plainName({ info }: Session, [only, ...others]: readonly string[]): string {
  const name = only === undefined || only === "/" || others.length > 0 ? info.name : nameOf(only);
  return name.replace(/[\\/:*?"<>|\p{Cc}]+/gu, "-") || rootName(info.base);
}

function exporting({ info }: Session): string {
  return vscode.l10n.t("Exporting from '{0}'", info.name);
}

function cancelled(): string {
  return vscode.l10n.t("The export was cancelled; nothing was written.");
}

/** A file manager is at hand only where the window runs on the machine that has the files. */
function reveal(target: vscode.Uri): Offer[] {
  if (target.scheme !== "file" || vscode.env.uiKind !== vscode.UIKind.Desktop || vscode.env.remoteName !== undefined) return [];
  return [{ title: vscode.l10n.t("Reveal"), run: () => vscode.commands.executeCommand("revealFileInOS", target) }];
}

function say({ log }: CommandContext, done: string, leftOut: readonly LeftOut[], offers: readonly Offer[]): void {
  if (leftOut.length === 0) {
    tell(log, "info", done, offers);
    return;
  }
  for (const { path, reason } of leftOut) log.warn(`Not exported: ${path}: ${reason}`);
  const missing = leftOut.length === 1 ? vscode.l10n.t("1 entry could not be put in.") : vscode.l10n.t("{0} entries could not be put in.", leftOut.length);
  tell(log, "warning", `${done} ${missing}`, [...offers, listOf(`${done} ${missing}`, leftOut)]);
}
