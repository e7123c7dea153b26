/** Import Patch…: a git-format patch from a file or the clipboard into the overlay, whole or not at all. */
import * as vscode from "vscode";
import type { ImportReport } from "../carrier.js";
import { make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import { nameOf } from "../paths.js";
import { uriOf } from "./export.js";
import { pickSession, type CommandContext, type Given } from "./context.js";
import { cancellable, tell } from "./progress.js";

interface Source {
  readonly name: string;
  readonly content: Uint8Array;
}

const clipboard = "clipboard";

export async function importPatch(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const session = await pickSession(context, clicked, ({ access }) => access.kind === "writable");
  if (session === undefined) return;
  const reason = readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was imported: {0}.", reason));
  const source = given.source === undefined ? await ask() : given.source === clipboard ? await fromClipboard() : await fromFile(uriOf(given.source));
  if (source === undefined) return;
  const report = await cancellable(
    vscode.l10n.t("Importing {0}", source.name), vscode.l10n.t("The import was cancelled; the overlay is as it was."),
    (options) => session.carrier.importPatch(source.content, options),
  );
  if (report === undefined) return;
  const left = report.leftBehind.length === 0 ? "" : ` ${vscode.l10n.t("The folder '{0}' could not be cleared away; it can be deleted.", report.leftBehind.join("', '"))}`;
  tell(context.log, left === "" ? "info" : "warning", `${vscode.l10n.t("{0} was imported: {1}.", source.name, summary(report))}${left}`, [
    { title: vscode.l10n.t("Show Changes"), run: () => vscode.commands.executeCommand("overlay.changes.focus") },
  ]);
}

/** The clipboard is offered when it holds what begins as a patch does. */
async function ask(): Promise<Source | undefined> {
  const copied = await vscode.env.clipboard.readText();
  if (!/^(diff --git |--- [^\n]+\n\+\+\+ )/m.test(copied)) return fromDialog();
  const items = [
    { label: `$(file) ${vscode.l10n.t("From File…")}`, from: fromDialog },
    { label: `$(clippy) ${vscode.l10n.t("From Clipboard")}`, from: fromClipboard },
  ];
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Where is the patch?") }))?.from();
}

async function fromDialog(): Promise<Source | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectMany: false, title: vscode.l10n.t("Import Patch"), openLabel: vscode.l10n.t("Import"),
    filters: { [vscode.l10n.t("Patch")]: ["patch", "diff"], [vscode.l10n.t("All Files")]: ["*"] },
  });
  return fromFile(chosen?.[0]);
}

async function fromFile(uri: vscode.Uri | undefined): Promise<Source | undefined> {
  return uri === undefined ? undefined : { name: `'${nameOf(uri.path)}'`, content: await vscode.workspace.fs.readFile(uri) };
}

/** What is copied from a terminal or a page may lack the last line's end, which a patch must have. */
async function fromClipboard(): Promise<Source> {
  const text = await vscode.env.clipboard.readText();
  return { name: vscode.l10n.t("The clipboard's patch"), content: new TextEncoder().encode(text.endsWith("\n") ? text : `${text}\n`) };
}

function summary({ created, modified, deleted, renamed }: ImportReport): string {
  const parts = [
    modified.length > 0 ? vscode.l10n.t("{0} modified", modified.length) : "",
    created.length > 0 ? vscode.l10n.t("{0} created", created.length) : "",
    deleted.length > 0 ? vscode.l10n.t("{0} deleted", deleted.length) : "",
    renamed.length > 0 ? vscode.l10n.t("{0} renamed", renamed.length) : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? vscode.l10n.t("it changes nothing") : parts.join(", ");
}
