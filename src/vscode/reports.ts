/** Lists that are too long for a notification, as read-only documents: closing one asks nothing. */
import * as vscode from "vscode";

const scheme = "overlay-report";
/** A tab that is still open after so many later ones is empty when it is drawn anew. */
const most = 20;

const texts = new Map<string, string>();
let next = 0;

export function registerReports(): vscode.Disposable {
  return vscode.workspace.registerTextDocumentContentProvider(scheme, { provideTextDocumentContent: ({ query }) => texts.get(query) ?? "" });
}

/** `title` is what the tab says. */
export async function showReport(title: string, lines: readonly string[]): Promise<void> {
  const key = String(next++);
  texts.set(key, `${lines.join("\n")}\n`);
  for (const old of [...texts.keys()].slice(0, -most)) texts.delete(old);
  const uri = vscode.Uri.from({ scheme, path: `/${title}`, query: key });
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
}
