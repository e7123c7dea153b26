/**
 * Replaces matches. In files that editors show it is one edit, so that unsaved text is respected and Ctrl+Z takes it back; they
 * are saved then, but for those that were not before. Other files are written as they are, because VS Code would open an
 * editor for each that stays unsaved for a while, and forgets how to undo in what it closes. Either way it goes to the upper.
 */
import * as vscode from "vscode";
import { make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import type { Overlays } from "../overlays.js";
import { isOverlayUri } from "../uris.js";
import { applied, changesFor, type TextChange } from "./replacements.js";
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
  /** Files whose bytes would not have stayed what they are, because they are not in the encoding that the settings say. */
  readonly undecodable: readonly vscode.Uri[];
}

export type ReplacedFile = { readonly uri: vscode.Uri; /** What it holds now. */ readonly text: string } & (
  | { readonly kind: "editor"; readonly before: string; readonly wasDirty: boolean }
  | { readonly kind: "file"; readonly before: Uint8Array; readonly after: Uint8Array });

type InEditor = Extract<ReplacedFile, { kind: "editor" }>;

/** So many files are opened, saved or written at once. */
const atOnce = 16;

/** What was done when the token is cancelled stays done, and is told. `onFile` is told of each file. */
export async function replaceIn(overlays: Overlays, files: readonly ToReplace[], replacement: Replacement, token: vscode.CancellationToken, onFile: () => void): Promise<Replaced> {
  for (const { uri } of files) refuseReadOnly(overlays, uri);
  const shown = shownInEditors();
  const done = { count: 0, missed: 0, files: [] as ReplacedFile[], unsaved: [] as vscode.Uri[], undecodable: [] as vscode.Uri[] };
  const take = (file: ToReplace, text: string): readonly TextChange[] => {
    const { changes, missed } = changesFor(text, file.spans, file.query, replacement);
    done.missed += missed;
    done.count += changes.length;
    return changes;
  };
  const inEditors = files.filter(({ uri }) => shown.has(uri.toString()));
  const edit = new vscode.WorkspaceEdit();
  const edited: InEditor[] = [];
  for (const file of inEditors) {
    const document = await vscode.workspace.openTextDocument(file.uri);
    const before = document.getText();
    const changes = take(file, before);
    if (changes.length === 0) continue;
    edited.push({ kind: "editor", uri: file.uri, before, text: applied(before, changes), wasDirty: document.isDirty });
    edit.set(file.uri, changes.map(({ start, end, text }) => new vscode.TextEdit(new vscode.Range(document.positionAt(start), document.positionAt(end)), text)));
  }
  if (edited.length > 0) {
    await apply(edit);
    done.files.push(...edited);
    done.unsaved.push(...(await saveAll(edited)));
  }
  for (const _ of inEditors) onFile();
  await inTurns(files.filter(({ uri }) => !shown.has(uri.toString())), async (file) => {
    if (token.isCancellationRequested) return;
    const before = await vscode.workspace.fs.readFile(file.uri);
    const encoded = await decode(file.uri, before);
    const changes = encoded === undefined ? [] : take(file, encoded.text);
    if (encoded === undefined) done.undecodable.push(file.uri);
    else if (changes.length > 0) {
      const text = applied(encoded.text, changes);
      const after = await encode(text, encoded.encoding);
      await vscode.workspace.fs.writeFile(file.uri, after);
      done.files.push({ kind: "file", uri: file.uri, before, after, text });
    }
    onFile();
  });
  return done;
}

/** Puts back what was there, in files that have not changed since. Returns the others. */
export async function undoReplace(files: readonly ReplacedFile[]): Promise<readonly vscode.Uri[]> {
  const left: vscode.Uri[] = [];
  const edit = new vscode.WorkspaceEdit();
  const back: InEditor[] = [];
  for (const file of files) {
    if (file.kind === "file") continue;
    const document = await vscode.workspace.openTextDocument(file.uri);
    if (document.getText() !== file.text) {
      left.push(file.uri);
      continue;
    }
    back.push(file);
    edit.set(file.uri, [new vscode.TextEdit(new vscode.Range(document.positionAt(0), document.positionAt(file.text.length)), file.before)]);
  }
  if (back.length > 0) {
    await apply(edit);
    left.push(...(await saveAll(back)));
  }
  const unsaved = new Set(vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty).map(({ uri }) => uri.toString()));
  await inTurns(files, async (file) => {
    if (file.kind === "editor") return;
    const now = unsaved.has(file.uri.toString()) ? undefined : await vscode.workspace.fs.readFile(file.uri).then(undefined, () => undefined);
    if (now === undefined || !isSame(now, file.after)) left.push(file.uri);
    else await vscode.workspace.fs.writeFile(file.uri, file.before);
  });
  return left;
}

/** The text of a file, and what to encode it with so that all other bytes stay; undefined when nothing does that. */
async function decode(uri: vscode.Uri, bytes: Uint8Array): Promise<{ readonly text: string; readonly encoding: Encoding } | undefined> {
  const text = await vscode.workspace.decode(bytes, { uri });
  // The setting, or what a byte order mark says in place of it.
  for (const encoding of [uri, "utf8bom", "utf16le", "utf16be"]) if (isSame(await encode(text, encoding), bytes)) return { text, encoding };
  return undefined;
}

/** By its name, or as the settings have it for a file. */
type Encoding = string | vscode.Uri;

async function encode(text: string, encoding: Encoding): Promise<Uint8Array> {
  return typeof encoding === "string" ? vscode.workspace.encode(text, { encoding }) : vscode.workspace.encode(text, { uri: encoding });
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** What a tab shows, and what has unsaved text. */
function shownInEditors(): ReadonlySet<string> {
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs.flatMap(({ input }) => {
    if (input instanceof vscode.TabInputText) return [input.uri];
    return input instanceof vscode.TabInputTextDiff ? [input.original, input.modified] : [];
  }));
  const unsaved = vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty).map(({ uri }) => uri);
  return new Set([...tabs, ...unsaved].map((uri) => uri.toString()));
}

async function apply(edit: vscode.WorkspaceEdit): Promise<void> {
  if (!(await vscode.workspace.applyEdit(edit))) throw make("Unavailable", vscode.l10n.t("Nothing was replaced: a file was changed or closed at the same moment. Try again."));
}

function refuseReadOnly(overlays: Overlays, uri: vscode.Uri): void {
  const session = isOverlayUri(uri) ? overlays.peek(uri.authority) : undefined;
  const reason = session === undefined ? undefined : readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was replaced: {0}.", reason));
}

async function saveAll(files: readonly InEditor[]): Promise<vscode.Uri[]> {
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
