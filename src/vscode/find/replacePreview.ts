/** What a file would be with all its matches replaced, beside what it is: a read-only document that follows what is typed. */
import * as vscode from "vscode";
import { nameOf } from "../paths.js";
import type { FindModel } from "./findModel.js";
import { applied, changesFor } from "./replacements.js";
import { parseReplacement } from "./replacePattern.js";

/** A URI of this scheme has the path of the file, and the file's own URI as its query. */
const scheme = "overlay-replace";

export class ReplacePreview implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<vscode.Uri>();
  private readonly parts: readonly { dispose(): void }[];
  readonly onDidChange = this.emitter.event;

  constructor(private readonly model: FindModel, fail: (error: unknown) => void) {
    this.parts = [
      vscode.workspace.registerTextDocumentContentProvider(scheme, this),
      model.onDidChange(({ kind }) => {
        try {
          if (kind !== "status") this.refresh();
        } catch (error) {
          fail(error);
        }
      }),
      this.emitter,
    ];
  }

  /** Whether somebody who looks at a result would see something replaced. */
  isWanted(): boolean {
    const { showReplace, replacement } = this.model.form;
    return showReplace && replacement !== "";
  }

  async show(uri: vscode.Uri, options: vscode.TextDocumentShowOptions): Promise<void> {
    const shown = uri.with({ scheme, authority: "", query: uri.toString() });
    await vscode.commands.executeCommand("vscode.diff", uri, shown, vscode.l10n.t("{0} ↔ {0} (Replace Preview)", nameOf(uri.path)), options);
  }

  async provideTextDocumentContent(shown: vscode.Uri): Promise<string> {
    const uri = vscode.Uri.parse(shown.query);
    const text = (await vscode.workspace.openTextDocument(uri)).getText();
    const file = this.model.results.fileOf(uri.toString());
    if (file === undefined) return text;
    const { isRegExp, replacement } = this.model.form;
    return applied(text, changesFor(text, file.hits.map(({ span }) => span), this.model.queryFor(uri), parseReplacement(replacement, isRegExp)).changes);
  }

  dispose(): void {
    for (const part of this.parts) part.dispose();
  }

  private refresh(): void {
    for (const { uri, isClosed } of vscode.workspace.textDocuments) if (uri.scheme === scheme && !isClosed) this.emitter.fire(uri);
  }
}
