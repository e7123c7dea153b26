/**
 * Go to File over the overlays of this window: what was looked at before first, the rest from an index that answers each key
 * and drops the answer to the key before.
 */
import * as vscode from "vscode";
import { Disposables } from "../disposables.js";
import type { Overlays } from "../overlays.js";
import { isWithin, nameOf, parentOf } from "../paths.js";
import { isOverlayUri, parseAddress } from "../uris.js";
import { isCancelled, problemOf } from "./cancel.js";
import { ignoreOptions, searchedFolders, searcherOf, uriIn, type SearchedFolder } from "./folders.js";
import { parseGoToQuery, type GoToQuery } from "./goToQuery.js";
import { Recents } from "./recents.js";

const recentsKey = "recentFiles";
/** What VS Code's own box has for a text that begins so: commands, symbols, lines of this editor, help. */
const ofOthers = /^[>@#:?]/;
/** More rows than these nobody reads; VS Code shows as many. */
const maxRows = 512;

/** VS Code draws a file's icon by its URI; its typings of the version that we are built for do not have it yet. */
interface Row extends vscode.QuickPickItem {
  readonly resourceUri?: vscode.Uri;
  readonly uri?: vscode.Uri;
}

interface Found {
  readonly uri: vscode.Uri;
  readonly path: string;
  readonly folder: SearchedFolder;
  readonly score: number;
  readonly isRecent: boolean;
}

export class GoToFile implements vscode.Disposable {
  private readonly recents: Recents;
  private readonly listening: vscode.Disposable;

  constructor(private readonly overlays: Overlays, private readonly memento: vscode.Memento) {
    this.recents = new Recents(memento.get(recentsKey));
    this.note(vscode.window.tabGroups.activeTabGroup.activeTab);
    this.listening = vscode.window.tabGroups.onDidChangeTabs(({ opened, changed }) => {
      for (const tab of [...opened, ...changed]) if (tab.isActive) this.note(tab);
    });
  }

  dispose(): void {
    this.listening.dispose();
  }

  async show(): Promise<void> {
    const folders = await searchedFolders(this.overlays);
    await new Promise<void>((resolve) => { new Pick(folders, this.recents, resolve).show(); });
  }

  private note(tab: vscode.Tab | undefined): void {
    const input = tab?.input;
    const uri = input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom || input instanceof vscode.TabInputNotebook ? input.uri : undefined;
    if (isOverlayUri(uri) && this.recents.note(uri.toString())) void this.memento.update(recentsKey, this.recents.all());
  }
}

class Pick {
  private readonly pick = vscode.window.createQuickPick<Row>();
  private readonly parts = new Disposables();
  private readonly toSide: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon("split-horizontal"), tooltip: vscode.l10n.t("Open to the Side") };
  private asking: AbortController | undefined;
  private query: GoToQuery = { name: "" };
  /** The text that the rows are an answer to. */
  private answered: string | undefined;
  private acceptWhenAnswered = false;

  constructor(private readonly folders: readonly SearchedFolder[], private readonly recents: Recents, private readonly onEnd: () => void) {
    const { pick } = this;
    pick.placeholder = vscode.l10n.t("Search files by name (append : to go to line)");
    // The rows are chosen and ordered here; the box would order them by its own idea of a match.
    Object.assign(pick, { matchOnDescription: false, matchOnDetail: false, sortByLabel: false });
    this.parts.add(pick);
    this.parts.add(pick.onDidChangeValue((text) => { void this.ask(text); }));
    this.parts.add(pick.onDidAccept(() => { this.accept(); }));
    this.parts.add(pick.onDidTriggerItemButton(({ item }) => { this.open(item, true, false); }));
    this.parts.add(pick.onDidHide(() => { this.end(); }));
    for (const folder of folders) {
      const index = searcherOf(folder).index();
      index.configure({ ...ignoreOptions(folder.rules), excludes: folder.rules.excludes });
      this.parts.add(index.onDidChange(() => { void this.ask(pick.value); }));
    }
  }

  show(): void {
    this.pick.show();
    void this.ask("");
  }

  private async ask(text: string): Promise<void> {
    if (ofOthers.test(text)) {
      this.pick.hide();
      await vscode.commands.executeCommand("workbench.action.quickOpen", text);
      return;
    }
    this.asking?.abort();
    const stop = new AbortController();
    this.asking = stop;
    this.pick.busy = true;
    this.query = parseGoToQuery(text);
    try {
      const found = await Promise.all(this.folders.map((folder) => this.findIn(folder, stop.signal)));
      if (stop.signal.aborted) return;
      this.draw(found.flatMap(({ files }) => files));
      this.pick.busy = found.some(({ isComplete }) => !isComplete);
      this.answered = text;
      if (this.acceptWhenAnswered) this.accept();
    } catch (error) {
      if (stop.signal.aborted || isCancelled(error)) return;
      this.pick.busy = false;
      this.pick.items = [{ label: `$(error) ${vscode.l10n.t("Files cannot be listed")}`, detail: problemOf(error), alwaysShow: true }];
    }
  }

  private async findIn(folder: SearchedFolder, signal: AbortSignal): Promise<{ files: Found[]; isComplete: boolean }> {
    const recent = this.recents.all().flatMap((text) => {
      const address = parseAddress(vscode.Uri.parse(text));
      return address?.id === folder.session.id && address.path !== undefined ? [address.path] : [];
    });
    const { matches, isComplete } = await searcherOf(folder).index().find({ text: this.query.name, max: maxRows, recent }, signal);
    const files = matches.filter(({ path }) => isWithin(path, folder.path)).map(({ path, score, isRecent }) => ({ uri: uriIn(folder, path), path, folder, score, isRecent }));
    return { files, isComplete };
  }

  private draw(found: readonly Found[]): void {
    const order = new Map(this.recents.all().map((uri, at) => [uri, at]));
    const at = ({ uri }: Found): number => order.get(uri.toString()) ?? Infinity;
    const best = (a: Found, b: Found): number => b.score - a.score;
    const recent = found.filter(({ isRecent }) => isRecent).sort((a, b) => (this.query.name === "" ? at(a) - at(b) : best(a, b)));
    const others = found.filter(({ isRecent }) => !isRecent).sort(best);
    this.pick.items = [
      ...(recent.length === 0 ? [] : [separator(vscode.l10n.t("recently opened")), ...recent.map((one) => this.row(one))]),
      ...(others.length === 0 ? [] : [separator(vscode.l10n.t("file results")), ...others.slice(0, maxRows).map((one) => this.row(one))]),
      ...(recent.length + others.length === 0 && this.query.name !== "" ? [{ label: vscode.l10n.t("No matching results"), alwaysShow: true }] : []),
    ];
  }

  private row({ uri, path, folder }: Found): Row {
    const parent = parentOf(path).slice(1);
    const description = this.folders.length > 1 ? [folder.name, parent].filter((part) => part !== "").join(" · ") : parent;
    return { label: nameOf(path), description, alwaysShow: true, iconPath: vscode.ThemeIcon.File, resourceUri: uri, uri, buttons: [this.toSide] };
  }

  /** Enter may come before the answer to the last key: then it is for the first row of that. */
  private accept(): void {
    if (this.answered !== this.pick.value) {
      this.acceptWhenAnswered = true;
      return;
    }
    this.acceptWhenAnswered = false;
    const row = this.pick.selectedItems[0] ?? this.pick.activeItems[0] ?? this.pick.items.find(({ uri }) => uri !== undefined);
    if (row !== undefined) this.open(row, false, true);
  }

  private open({ uri }: Row, toSide: boolean, hide: boolean): void {
    if (uri === undefined) return;
    const { line, column = 0 } = this.query;
    const at = line === undefined ? {} : { selection: new vscode.Range(line, column, line, column) };
    void vscode.commands.executeCommand("vscode.open", uri, { ...at, preview: !toSide, ...(toSide ? { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true } : {}) });
    if (hide) this.pick.hide();
  }

  private end(): void {
    this.asking?.abort();
    this.parts.dispose();
    this.onEnd();
  }
}

function separator(label: string): Row {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}
