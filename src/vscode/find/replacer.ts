/**
 * Replaces matches through the editor, so that it can be undone there and unsaved text is respected: one edit over all files,
 * which are saved then, and so go to the upper. A file that was not saved before stays unsaved.
 */
import * as vscode from "vscode";
import { make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import type { Overlays } from "../overlays.js";
import { isOverlayUri } from "../uris.js";
import { applied, changesFor } from "./replacements.js";
import type { Replacement } from "./replacePattern.js";
import type { Query, Span } from "./textQuery.js";

export interface ToReplace {
  readonly uri: vscode.Uri;
  readonly query: Query;
  readonly spans: readonly Span[];
}

export interface Replaced {
  readonly count: number;
  readonly files: readonly ReplacedFile[];
  /** Matches that were not where they had been found. */
  readonly missed: number;
  /** Files that could not be saved: their editors have the change. */
  readonly unsaved: readonly vscode.Uri[];
}

export interface ReplacedFile {
  readonly uri: vscode.Uri;
  readonly before: string;
  readonly after: string;
  readonly wasDirty: boolean;
}

/** So many files are opened or saved at once. */
const atOnce = 16;

export async function replaceIn(overlays: Overlays, files: readonly ToReplace[], replacement: Replacement, token: vscode.CancellationToken): Promise<Replaced> {
  for (const { uri } of files) refuseReadOnly(overlays, uri);
  const edit = new vscode.WorkspaceEdit();
  const changed: ReplacedFile[] = [];
  let [count, missed] = [0, 0];
  await inTurns(files, async ({ uri, query, spans }) => {
    if (token.isCancellationRequested) throw new vscode.CancellationError();
    const document = await vscode.workspace.openTextDocument(uri);
    const before = document.getText();
    const found = changesFor(before, spans, query, replacement);
    missed += found.missed;
    if (found.changes.length === 0) return;
    count += found.changes.length;
    changed.push({ uri, before, after: applied(before, found.changes), wasDirty: document.isDirty });
    edit.set(uri, found.changes.map(({ start, end, text }) => new vscode.TextEdit(new vscode.Range(document.positionAt(start), document.positionAt(end)), text)));
  });
  if (changed.length === 0) return { count, files: [], missed, unsaved: [] };
  await apply(edit);
  return { count, files: changed, missed, unsaved: await saveAll(changed) };
}

/** Puts back what was there, in files that have not changed since. Returns the others. */
export async function undoReplace(files: readonly ReplacedFile[]): Promise<readonly vscode.Uri[]> {
  const edit = new vscode.WorkspaceEdit();
  const left: vscode.Uri[] = [];
  const back: ReplacedFile[] = [];
  await inTurns(files, async (file) => {
    const document = await vscode.workspace.openTextDocument(file.uri);
    if (document.getText() !== file.after) {
      left.push(file.uri);
      return;
    }
    back.push(file);
    edit.set(file.uri, [new vscode.TextEdit(new vscode.Range(document.positionAt(0), document.positionAt(file.after.length)), file.before)]);
  });
  if (back.length > 0) {
    await apply(edit);
    left.push(...(await saveAll(back)));
  }
  return left;
}

async function apply(edit: vscode.WorkspaceEdit): Promise<void> {
  if (!(await vscode.workspace.applyEdit(edit))) throw make("Unavailable", vscode.l10n.t("Nothing was replaced: a file was changed or closed at the same moment. Try again."));
}

function refuseReadOnly(overlays: Overlays, uri: vscode.Uri): void {
  const session = isOverlayUri(uri) ? overlays.peek(uri.authority) : undefined;
  const reason = session === undefined ? undefined : readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was replaced: {0}.", reason));
}

async function saveAll(files: readonly ReplacedFile[]): Promise<vscode.Uri[]> {
  const failed: vscode.Uri[] = [];
  await inTurns(files.filter(({ wasDirty }) => !wasDirty), async ({ uri }) => {
    const document = await vscode.workspace.openTextDocument(uri);
    if (document.isDirty && !(await document.save())) failed.push(uri);
  });
  return failed;
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, async () => {
    for (const item of queue) await work(item);
  }));
}
