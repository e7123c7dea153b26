/**
 * The state of Find in Files: what is asked, what was found, what is running. The view draws it and may come and go; a new key
 * ends the search before it. Text that is edited while it is shown is searched again, results of saved files as they are.
 */
import * as vscode from "vscode";
import { Emitter } from "../emitter.js";
import type { Overlays } from "../overlays.js";
import { isOverlayUri } from "../uris.js";
import { isCancelled, problemOf } from "./cancel.js";
import { fileOf, find, hitsIn, narrowed, queryOf, type FindIn, type FindOutcome } from "./finder.js";
import { relativeIn, searchedFolders } from "./folders.js";
import { emptyForm, type Form, type Scope, type Status } from "./protocol.js";
import { Results, type FileHits } from "./results.js";
import { toRegExp, type Query } from "./textQuery.js";

export type ModelChange =
  | { readonly kind: "files"; readonly files: readonly FileHits[]; readonly fresh: boolean }
  | { readonly kind: "gone"; readonly files: readonly number[] }
  | { readonly kind: "status" }
  | { readonly kind: "form" };

/** What is found is handed on this often, not at each match. */
const tellMs = 50;
/** Text that is being edited is searched again when it has come to rest. */
const editedMs = 250;

const idle: Status = { running: false, text: "", kind: "info", offersLog: false };

export class FindModel implements vscode.Disposable {
  readonly results = new Results();
  private current: Form = emptyForm;
  private shownStatus: Status = idle;
  private running: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  private searched: readonly FindIn[] = [];
  private readonly untold = new Set<number>();
  private readonly edited = new Set<vscode.TextDocument>();
  private tellTimer: NodeJS.Timeout | undefined;
  private typeTimer: NodeJS.Timeout | undefined;
  private editTimer: NodeJS.Timeout | undefined;
  private readonly changes: Emitter<ModelChange>;
  private readonly listening: vscode.Disposable;
  private limitHit = false;
  private messages: readonly string[] = [];

  constructor(private readonly overlays: Overlays, private readonly log: vscode.LogOutputChannel, fail: (error: unknown) => void) {
    this.changes = new Emitter(fail);
    this.listening = vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => { if (contentChanges.length > 0) this.noteEdit(document); });
  }

  get onDidChange(): Emitter<ModelChange>["event"] {
    return this.changes.event;
  }

  get form(): Form {
    return this.current;
  }

  get status(): Status {
    return this.shownStatus;
  }

  /** `now` searches at once; else when typing has come to rest, if that is wanted at all. */
  setForm(form: Form, now: boolean): void {
    const asksAnew = isOtherQuery(form, this.current);
    this.current = form;
    this.changes.fire({ kind: "form" });
    if (!asksAnew && !now) return;
    this.stop();
    if (now || form.pattern === "") {
      void this.search();
      return;
    }
    const settings = vscode.workspace.getConfiguration("search");
    if (!settings.get<boolean>("searchOnType", true)) return;
    this.typeTimer = setTimeout(() => { void this.search(); }, settings.get<number>("searchOnTypeDebouncePeriod", 300));
  }

  /** Searches anew, ending what runs. Resolves when there is nothing more to come of it. */
  async search(): Promise<void> {
    this.stop();
    this.results.clear();
    this.untold.clear();
    this.limitHit = false;
    this.messages = [];
    this.searched = [];
    this.changes.fire({ kind: "files", files: [], fresh: true });
    const { pattern, isRegExp } = this.current;
    if (pattern === "") {
      this.say(idle);
      return;
    }
    const expression = toRegExp(this.current);
    if (isRegExp && "problem" in expression) {
      this.say({ ...idle, problem: vscode.l10n.t("This is no regular expression: {0}.", expression.problem) });
      return;
    }
    const stop = new AbortController();
    const done = this.run(stop.signal);
    this.running = { stop, done };
    this.say({ ...idle, running: true });
    void vscode.window.withProgress({ location: { viewId: "overlay.search" } }, () => done);
    await done;
  }

  cancel(): void {
    if (this.running === undefined) return;
    this.stop();
    this.tell();
    this.say({ ...idle, kind: "info", text: vscode.l10n.t("The search was stopped. {0}", this.countText()) });
  }

  clear(): void {
    this.current = { ...this.current, pattern: "", replacement: "", includes: "", excludes: "" };
    this.changes.fire({ kind: "form" });
    void this.search();
  }

  dismiss(scope: Scope): void {
    const before = this.filesOf(scope).map(({ id }) => id);
    if (scope.kind === "all") this.results.clear();
    else if (scope.kind === "file") this.results.dropFile(scope.file);
    else this.results.drop(scope.file, [scope.hit]);
    this.tellOf(before);
    this.say(this.doneStatus());
  }

  filesOf(scope: Scope): readonly FileHits[] {
    if (scope.kind === "all") return this.results.files();
    const file = this.results.file(scope.file);
    return file === undefined ? [] : [file];
  }

  /** The query as it was put to the folder that the file lies in. */
  queryFor(uri: vscode.Uri): Query {
    const folder = this.folderOf(uri);
    return folder === undefined ? this.current : queryOf(this.current, folder);
  }

  /** Matches of a file that are no more, because they were replaced; what else there is in it is looked for again. */
  lookAgain(files: readonly { readonly uri: vscode.Uri; readonly text: string }[]): void {
    const told = files.flatMap(({ uri, text }) => this.searchText(uri, text));
    this.tellOf([...new Set(told)]);
    this.say(this.doneStatus());
  }

  say(status: Status): void {
    this.shownStatus = status;
    this.changes.fire({ kind: "status" });
  }

  dispose(): void {
    this.stop();
    clearTimeout(this.tellTimer);
    clearTimeout(this.editTimer);
    this.listening.dispose();
  }

  private stop(): void {
    clearTimeout(this.typeTimer);
    this.running?.stop.abort();
    this.running = undefined;
  }

  private async run(signal: AbortSignal): Promise<void> {
    try {
      const folders = narrowed(await searchedFolders(this.overlays), this.current);
      if (signal.aborted) return;
      this.searched = folders;
      const outcome = await find(folders, this.current, (file, hits) => {
        if (signal.aborted) return;
        this.untold.add(this.results.add(file, hits).id);
        this.tellTimer ??= setTimeout(() => { this.tell(); }, tellMs);
      }, signal);
      this.finish(outcome, signal);
    } catch (error) {
      if (signal.aborted || isCancelled(error)) return;
      this.running = undefined;
      this.tell();
      this.log.error(error instanceof Error ? error : String(error));
      this.say({ ...idle, kind: "error", text: problemOf(error), offersLog: true });
    }
  }

  private finish({ limitHit, messages }: FindOutcome, signal: AbortSignal): void {
    if (this.running?.stop.signal !== signal) return;
    this.running = undefined;
    this.limitHit = limitHit;
    this.messages = messages;
    this.tell();
    this.say(this.doneStatus());
  }

  private doneStatus(): Status {
    if (this.running !== undefined) return this.shownStatus;
    const limited = this.limitHit ? [vscode.l10n.t("There are more than these. Search for something more special, or raise 'search.maxResults'.")] : [];
    const text = [this.countText(), ...limited, ...this.messages].join("\n");
    return { ...idle, text, kind: limited.length + this.messages.length > 0 ? "warning" : "info", offersLog: this.messages.length > 0 };
  }

  private countText(): string {
    const { count, fileCount } = this.results;
    if (count === 0) return this.current.useExcludes ? vscode.l10n.t("No results. Files that settings or ignore files exclude were left out.") : vscode.l10n.t("No results.");
    if (count === 1) return vscode.l10n.t("1 result in 1 file");
    return fileCount === 1 ? vscode.l10n.t("{0} results in 1 file", count) : vscode.l10n.t("{0} results in {1} files", count, fileCount);
  }

  private tell(): void {
    clearTimeout(this.tellTimer);
    this.tellTimer = undefined;
    this.tellOf([...this.untold]);
    this.untold.clear();
  }

  private tellOf(ids: readonly number[]): void {
    const files = ids.flatMap((id) => this.results.file(id) ?? []);
    const gone = ids.filter((id) => this.results.file(id) === undefined);
    if (files.length > 0) this.changes.fire({ kind: "files", files, fresh: false });
    if (gone.length > 0) this.changes.fire({ kind: "gone", files: gone });
  }

  private folderOf(uri: vscode.Uri): FindIn | undefined {
    return this.searched.find((folder) => relativeIn(folder, uri) !== undefined);
  }

  private noteEdit(document: vscode.TextDocument): void {
    if (this.current.pattern === "" || !isOverlayUri(document.uri) || this.folderOf(document.uri) === undefined) return;
    this.edited.add(document);
    clearTimeout(this.editTimer);
    this.editTimer = setTimeout(() => {
      const documents = [...this.edited];
      this.edited.clear();
      for (const one of documents) this.searchDocument(one);
      if (this.running === undefined) this.say(this.doneStatus());
    }, editedMs);
  }

  private searchDocument(document: vscode.TextDocument): void {
    // What ignore files leave out does not come in by being edited and saved.
    const isKnown = this.results.fileOf(document.uri.toString()) !== undefined;
    if (document.isClosed || (!isKnown && !document.isDirty)) return;
    this.tellOf([...new Set(this.searchText(document.uri, document.getText()))]);
  }

  /** The numbers of the file whose results are other ones then. */
  private searchText(uri: vscode.Uri, text: string): number[] {
    const folder = this.folderOf(uri);
    if (folder === undefined) return [];
    const before = this.results.fileOf(uri.toString());
    const found = hitsIn(uri, text, folder, this.current, folder.rules.maxResults ?? Infinity);
    const now = found === undefined ? undefined : this.results.set(fileOf(folder, uri), found.rows);
    return [before?.id, now?.id].filter((id) => id !== undefined);
  }
}

/** What is to be put in its place, and what is unfolded, asks nothing new. */
function isOtherQuery(one: Form, other: Form): boolean {
  return (["pattern", "isRegExp", "isCaseSensitive", "isWordMatch", "includes", "excludes", "useExcludes"] as const).some((name) => one[name] !== other[name]);
}
