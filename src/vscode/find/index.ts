/**
 * Finding files and text in this window. Where VS Code lets an extension serve its own search, that is done; else, and when the
 * user wants it so, our own commands take its keys in a window that has nothing but overlays.
 */
import * as vscode from "vscode";
import { Disposables } from "../disposables.js";
import type { Overlays } from "../overlays.js";
import { isOverlayUri, overlayScheme, parseAddress } from "../uris.js";
import { isOverlayOnly } from "./folders.js";
import { FindView } from "./findView.js";
import { GoToFile } from "./goToFile.js";
import { registerSearchProviders } from "./proposed.js";
import type { Form } from "./protocol.js";
import { FileSearch, TextSearch } from "./providers.js";

/** True where our commands stand in for VS Code's. */
const ownKey = "overlay.search.own";
/** Our view is there where it is wanted, also beside VS Code's. */
const shownKey = "overlay.search.shown";
const setting = "overlay.search.useBuiltInSearch";
/** Nobody means to search for a text of so many lines. */
const seedLimit = 1000;

export class Search implements vscode.Disposable {
  private readonly parts = new Disposables();
  private readonly goTo: GoToFile;
  private readonly view: FindView;
  private registered: vscode.Disposable | undefined;

  constructor(private readonly overlays: Overlays, memento: vscode.Memento, extension: vscode.Uri, log: vscode.LogOutputChannel, fail: (error: unknown) => void) {
    this.goTo = this.parts.add(new GoToFile(overlays, memento));
    this.view = this.parts.add(new FindView(overlays, extension, log, fail));
    this.update();
    this.parts.add(vscode.workspace.onDidChangeWorkspaceFolders(() => { this.sendOwn(); }));
    this.parts.add(vscode.workspace.onDidChangeConfiguration((change) => { if (change.affectsConfiguration(setting)) this.update(); }));
  }

  /** Whether VS Code's own search works on overlays here. */
  get isBuiltIn(): boolean {
    return this.registered !== undefined;
  }

  goToFile(): Promise<void> {
    return this.goTo.show();
  }

  /** With the selection of the active editor, and in a folder that was clicked. */
  async findInFiles(replace: boolean, folder?: unknown): Promise<void> {
    await vscode.commands.executeCommand("setContext", shownKey, true);
    const seed = seedText();
    const scope = folder instanceof vscode.Uri ? this.scopeOf(folder) : undefined;
    const form: Partial<Form> = {
      ...(seed === "" ? {} : { pattern: this.view.model.form.isRegExp ? escape(seed) : seed }),
      ...(replace ? { showReplace: true } : {}),
      ...(scope === undefined ? {} : { includes: scope, showDetails: true }),
    };
    await this.view.show(replace && (seed !== "" || this.view.model.form.pattern !== "") ? "replacement" : "pattern", form);
  }

  refresh(): Promise<void> {
    return this.view.model.search();
  }

  cancel(): void {
    this.view.model.cancel();
  }

  clear(): void {
    this.view.model.clear();
  }

  fold(folded: boolean): void {
    this.view.fold(folded);
  }

  next(step: 1 | -1): Promise<void> {
    return this.view.next(step);
  }

  dispose(): void {
    this.registered?.dispose();
    this.parts.dispose();
  }

  private update(): void {
    const wanted = vscode.workspace.getConfiguration().get<string>(setting, "auto") !== "never";
    if (!wanted) {
      this.registered?.dispose();
      this.registered = undefined;
    } else this.registered ??= registerSearchProviders(overlayScheme, new FileSearch(this.overlays), (classes) => new TextSearch(this.overlays, classes));
    this.sendOwn();
  }

  private sendOwn(): void {
    void vscode.commands.executeCommand("setContext", ownKey, isOverlayOnly() && !this.isBuiltIn);
  }

  /** "./src" of a folder, "./name/src" when the workspace has several. */
  private scopeOf(uri: vscode.Uri): string | undefined {
    const root = vscode.workspace.getWorkspaceFolder(uri);
    if (root === undefined || !isOverlayUri(uri)) return undefined;
    const several = (vscode.workspace.workspaceFolders ?? []).filter((one) => isOverlayUri(one.uri)).length > 1;
    const inside = (parseAddress(uri)?.path ?? "/").slice((parseAddress(root.uri)?.path ?? "/").replace(/\/$/, "").length);
    return `.${several ? `/${root.name}` : ""}${inside === "/" ? "" : inside}`;
  }
}

function seedText(): string {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined || !vscode.workspace.getConfiguration("editor").get<boolean>("find.seedSearchStringFromSelection", true)) return "";
  const text = editor.document.getText(editor.selection);
  return text.length > seedLimit || text.includes("\n") ? "" : text;
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
