/**
 * The view of Find in Files: shows the model's state in a web page that may be thrown away while it is hidden, and does what is
 * asked in it. Opens results, goes from one to the next, shows what replacing would do, and replaces.
 */
import * as vscode from "vscode";
import { Disposables } from "../disposables.js";
import { describe } from "../errors.js";
import type { Overlays } from "../overlays.js";
import { FindModel, type ModelChange } from "./findModel.js";
import { pageFor } from "./page.js";
import { parseFromView, type Box, type Form, type FromView, type OpenHow, type Scope, type ToView } from "./protocol.js";
import { rangeOf } from "./providers.js";
import { parseReplacement } from "./replacePattern.js";
import { ReplacePreview } from "./replacePreview.js";
import { replaceIn, undoReplace, type Replaced } from "./replacer.js";
import type { Place } from "./results.js";

export const findViewId = "overlay.search";
const hasResultsKey = "overlay.search.hasResults";
/** More than these take their time. */
const manyFiles = 50;
const runningKey = "overlay.search.running";

export class FindView implements vscode.WebviewViewProvider, vscode.Disposable {
  readonly model: FindModel;
  private readonly preview: ReplacePreview;
  private readonly parts = new Disposables();
  private view: vscode.WebviewView | undefined;
  /** The page's script listens; before, it would miss what is said. */
  private isReady = false;
  private focusWhenReady: Box | undefined;
  /** What the page said itself, it needs not be told. */
  private isFromPage = false;
  private current: { readonly file: number; readonly hit: number } | undefined;
  private keys = "";

  constructor(private readonly overlays: Overlays, private readonly extension: vscode.Uri, private readonly log: vscode.LogOutputChannel, private readonly fail: (error: unknown) => void) {
    this.model = new FindModel(overlays, log, fail);
    this.preview = new ReplacePreview(this.model, fail);
    const following = this.model.onDidChange((change) => { this.onModelChange(change); });
    const access = overlays.onDidChangeAccess(() => { this.sendForm(); });
    for (const part of [this.model, this.preview, following, access, vscode.window.registerWebviewViewProvider(findViewId, this)]) this.parts.add(part);
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    this.view = view;
    this.isReady = false;
    const { webview } = view;
    webview.options = { enableScripts: true, localResourceRoots: ["dist", "media"].map((folder) => vscode.Uri.joinPath(this.extension, folder)) };
    webview.onDidReceiveMessage((message: unknown) => {
      const said = parseFromView(message);
      if (said !== undefined) this.onMessage(said).catch((error: unknown) => { this.sayFailure(error); });
    });
    view.onDidDispose(() => {
      this.view = undefined;
      this.isReady = false;
    });
    webview.html = pageFor(webview, this.extension);
  }

  /** Shows the view with the caret in a box; `seed` is put into the boxes, and searched for. */
  async show(focus: Box, seed: Partial<Form>): Promise<void> {
    this.focusWhenReady = focus;
    const form = { ...this.model.form, ...seed };
    this.model.setForm(form, form.pattern !== "" && form.pattern !== this.model.form.pattern);
    await vscode.commands.executeCommand(`${findViewId}.focus`);
    this.sendForm();
  }

  async next(step: 1 | -1): Promise<void> {
    const place = this.model.results.next(this.current, step);
    if (place === undefined) return;
    this.post({ type: "reveal", file: place.file.id, hit: place.hit.id });
    await this.open(place, "preview");
  }

  fold(folded: boolean): void {
    this.post({ type: "fold", folded });
  }

  dispose(): void {
    this.parts.dispose();
  }

  private async onMessage(message: FromView): Promise<void> {
    switch (message.type) {
      case "ready":
        this.isReady = true;
        this.sendForm();
        this.post({ type: "files", files: this.model.results.files(), fresh: true });
        this.post({ type: "status", status: this.model.status });
        return;
      case "form":
        this.isFromPage = true;
        try {
          this.model.setForm(message.form, message.now);
        } finally {
          this.isFromPage = false;
        }
        return;
      case "open": {
        const place = this.model.results.place(message.file, message.hit);
        if (place !== undefined) await this.open(place, message.how);
        return;
      }
      case "replace":
        await this.replace(message.scope);
        return;
      case "dismiss":
        this.model.dismiss(message.scope);
        return;
      case "cancel":
        this.model.cancel();
        return;
      case "showLog":
        this.log.show();
        return;
    }
  }

  private onModelChange(change: ModelChange): void {
    if (change.kind === "form") {
      if (!this.isFromPage) this.sendForm();
    } else if (change.kind === "status") this.post({ type: "status", status: this.model.status });
    else if (change.kind === "files") this.post({ type: "files", files: change.files, fresh: change.fresh });
    else this.post({ type: "gone", files: change.files });
    this.sendKeys();
  }

  private sendForm(): void {
    if (!this.isReady) return;
    const focus = this.focusWhenReady;
    this.focusWhenReady = undefined;
    const canReplace = this.overlays.all().some(({ access }) => access.kind === "writable");
    this.post({ type: "form", form: this.model.form, canReplace, ...(focus === undefined ? {} : { focus }) });
  }

  private post(message: ToView): void {
    if (this.isReady) void this.view?.webview.postMessage(message);
  }

  /** What the buttons of the view's title, and F4, go by. */
  private sendKeys(): void {
    const { results, status } = this.model;
    const keys = { [hasResultsKey]: results.count > 0, [runningKey]: status.running };
    const text = JSON.stringify(keys);
    if (this.keys === text) return;
    this.keys = text;
    for (const [key, value] of Object.entries(keys)) void vscode.commands.executeCommand("setContext", key, value);
  }

  private async open({ file, hit }: Place, how: OpenHow): Promise<void> {
    const mine = { file: file.id, hit: hit.id };
    this.current = mine;
    const uri = vscode.Uri.parse(file.uri);
    await vscode.workspace.openTextDocument(uri);
    // Who has gone on meanwhile wants to see the next one, and this not after it.
    if (this.current !== mine) return;
    const selection = rangeOf(hit.span);
    const show: vscode.TextDocumentShowOptions = {
      selection, preview: how === "preview", preserveFocus: how === "preview", ...(how === "side" ? { viewColumn: vscode.ViewColumn.Beside } : {}),
    };
    if (how === "preview" && this.preview.isWanted()) await this.preview.show(uri, show);
    else await vscode.window.showTextDocument(uri, show);
  }

  private async replace(scope: Scope): Promise<void> {
    const { model } = this;
    const files = model.filesOf(scope).map((file) => {
      const uri = vscode.Uri.parse(file.uri);
      return { uri, query: model.queryFor(uri), spans: file.hits.filter(({ id }) => scope.kind !== "hit" || id === scope.hit).map(({ span }) => span) };
    });
    if (files.length === 0) return;
    if (model.status.running) model.cancel();
    const replacement = parseReplacement(model.form.replacement, model.form.isRegExp);
    const done = await this.withBar(files.length, (token, onFile) => replaceIn(this.overlays, files, replacement, token, onFile));
    model.lookAgain(done.files);
    this.report(done, scope.kind === "hit").catch(this.fail);
  }

  /** A bar in the view is enough for a few files; many have a notification with a button to stop. */
  private async withBar<T>(count: number, work: (token: vscode.CancellationToken, onFile: () => void) => Promise<T>): Promise<T> {
    const title = vscode.l10n.t("Replacing…");
    const options: vscode.ProgressOptions = count > manyFiles ? { location: vscode.ProgressLocation.Notification, title, cancellable: true } : { location: { viewId: findViewId } };
    return vscode.window.withProgress(options, (progress, token) => work(token, () => { progress.report({ increment: 100 / count }); }));
  }

  private async report({ count, files, missed, unsaved, undecodable }: Replaced, isOne: boolean): Promise<void> {
    const left = [
      ...(missed === 0 ? [] : [vscode.l10n.t("{0} were left alone, as the text is another one by now: search again.", missed)]),
      ...(unsaved.length === 0 ? [] : [vscode.l10n.t("{0} files could not be saved; their editors have the change.", unsaved.length)]),
      ...(undecodable.length === 0 ? [] : [vscode.l10n.t("{0} files are in another encoding than 'files.encoding' says, and stay as they are.", undecodable.length)]),
    ];
    // One match is seen to be replaced, and undone with a key.
    if (isOne && left.length === 0) return;
    const said = files.length === 1 ? vscode.l10n.t("Replaced {0} in 1 file.", count) : vscode.l10n.t("Replaced {0} in {1} files.", count, files.length);
    const undo = vscode.l10n.t("Undo");
    const text = [said, ...left].join(" ");
    const answer = left.length > 0 ? await vscode.window.showWarningMessage(text, undo) : await vscode.window.showInformationMessage(text, undo);
    if (answer !== undo) return;
    const kept = await undoReplace(files);
    await this.model.search();
    if (kept.length > 0) void vscode.window.showWarningMessage(vscode.l10n.t("{0} files were changed since, and stay as they are.", kept.length));
  }

  private sayFailure(error: unknown): void {
    if (error instanceof vscode.CancellationError) return;
    this.log.error(error instanceof Error ? error : String(error));
    this.model.say({ running: false, kind: "error", text: describe(error), offersLog: true });
  }
}
