/** The overlay paths that editors show, of whatever kind. VS Code asks for no watch of a file inside a watched folder. */
import * as vscode from "vscode";
import type { Session } from "./session.js";
import { isOverlayUri, parseAddress } from "./uris.js";

export function openFiles(session: Session): string[] {
  const documents = vscode.workspace.textDocuments.filter(({ isClosed }) => !isClosed).map(({ uri }) => uri);
  const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs.flatMap(({ input }) => urisOf(input)));
  const paths = [...documents, ...tabs].filter(isOverlayUri).map(parseAddress).flatMap((address) => (address?.id === session.id && address.path !== undefined ? [address.path] : []));
  return [...new Set(paths)];
}

function urisOf(input: unknown): vscode.Uri[] {
  if (input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom) return [input.uri];
  return input instanceof vscode.TabInputTextDiff ? [input.modified] : [];
}
