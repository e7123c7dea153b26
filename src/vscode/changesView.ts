/**
 * The Overlay Changes view in the Explorer: what differs from the base, as a tree, whiteouts included (they have no row
 * in the Explorer itself). One overlay shows its entries at the top; several have a row each.
 */
import * as vscode from "vscode";
import { ChangeTree, isFolder, type ChangeRow } from "./changeTree.js";
import { baseMoved, kindWord } from "./decorations.js";
import type { Overlays } from "./overlays.js";
import type { Session } from "./session.js";
import { inFolderOrder, shownUri } from "./faces.js";

export interface ViewNode {
  readonly session: Session;
  readonly row: ChangeRow;
}

export const viewId = "overlay.changes";

interface Shown {
  tree: ChangeTree;
  /** One object for each row, as VS Code knows rows by identity. */
  nodes: Map<ChangeRow, ViewNode>;
  readonly following: { dispose(): void };
}

export class ChangesView implements vscode.TreeDataProvider<ViewNode>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<ViewNode | ViewNode[] | undefined>();
  readonly onDidChangeTreeData = this.emitter.event;
  private readonly shown = new Map<Session, Shown>();
  private readonly view: vscode.TreeView<ViewNode>;
  private readonly folders = vscode.workspace.onDidChangeWorkspaceFolders(() => { this.refreshAll(); });

  constructor(overlays: Overlays) {
    this.view = vscode.window.createTreeView(viewId, { treeDataProvider: this, showCollapseAll: true, canSelectMany: true });
    overlays.onDidOpen((session) => { this.open(session); });
    overlays.onDidClose((session) => { this.close(session); });
    overlays.onDidChangeAccess(() => { this.emitter.fire(undefined); });
  }

  getChildren(node?: ViewNode): ViewNode[] {
    if (node !== undefined) return this.childrenOf(node.session, node.row);
    const sessions = this.visible();
    const only = sessions[0];
    if (only === undefined) return [];
    if (sessions.length === 1) return this.childrenOf(only, this.treeOf(only).root);
    return sessions.map((session) => this.nodeOf(session, this.treeOf(session).root));
  }

  getParent(node: ViewNode): ViewNode | undefined {
    const { parent } = node.row;
    if (parent === undefined) return undefined;
    return parent.path === "/" && this.visible().length === 1 ? undefined : this.nodeOf(node.session, parent);
  }

  getTreeItem(node: ViewNode): vscode.TreeItem {
    const { session, row } = node;
    const uri = shownUri(session.info, row.path);
    const item = new vscode.TreeItem(uri, itemState(row));
    item.id = uri.toString();
    const writable = session.access.kind === "writable" ? "writable" : "readonly";
    if (row.path === "/") {
      item.label = session.info.name;
      item.iconPath = new vscode.ThemeIcon("layers");
      item.description = countText(session);
      item.contextValue = `overlay:${writable}`;
      return item;
    }
    item.label = row.name;
    item.iconPath = isFolder(row) ? vscode.ThemeIcon.Folder : vscode.ThemeIcon.File;
    if (row.change === undefined) {
      item.contextValue = `folder:${writable}`;
      item.tooltip = vscode.l10n.t("{0}: changes inside: {1}", row.path.slice(1), session.changes.countWithin(row.path));
      item.accessibilityInformation = { label: vscode.l10n.t("{0}, folder with changes inside: {1}", row.name, session.changes.countWithin(row.path)) };
      return item;
    }
    const { change } = row;
    const kind = kindWord(change, session.changes.renamedTo(row.path));
    const word = change.stale === true ? baseMoved(kind) : kind;
    item.contextValue = `change:${change.kind}:${change.type === "directory" ? "directory" : "file"}${change.stale === true ? ":stale" : ""}:${writable}`;
    // What a decoration says is said by it; a deleted entry and the old name of a renamed one need words.
    if (change.kind === "deleted" || change.kind === "renamed" || change.kind === "replaced") item.description = word;
    item.tooltip = change.stale === true ? baseMoved(row.path.slice(1)) : row.path.slice(1);
    item.accessibilityInformation = { label: `${row.name}, ${word}` };
    if (change.type !== "directory") {
      item.command = { command: "overlay.previewChange", title: vscode.l10n.t("Compare with Base"), arguments: [node] };
    }
    return item;
  }

  /** What is selected, for commands that a key starts. */
  get selection(): readonly ViewNode[] {
    return this.view.selection;
  }

  dispose(): void {
    for (const session of [...this.shown.keys()]) this.close(session);
    this.folders.dispose();
    this.view.dispose();
    this.emitter.dispose();
  }

  private open(session: Session): void {
    const following = session.changes.onDidChange((event) => {
      if (event.kind === "loaded") this.reload(session);
      else this.update(session, event.paths);
    });
    this.shown.set(session, { tree: new ChangeTree(session.changes.all()), nodes: new Map(), following });
    this.refreshAll();
  }

  private close(session: Session): void {
    this.shown.get(session)?.following.dispose();
    this.shown.delete(session);
    this.refreshAll();
  }

  private reload(session: Session): void {
    const shown = this.shown.get(session);
    if (shown === undefined) return;
    shown.tree = new ChangeTree(session.changes.all());
    shown.nodes = new Map();
    this.refreshAll();
  }

  /** Redraws the rows that are different, and no others. */
  private update(session: Session, paths: readonly string[]): void {
    const { tree, nodes } = this.shownOf(session);
    const rows = new Set<ChangeRow>();
    for (const path of paths) {
      const row = tree.set(path, session.changes.get(path));
      if (row !== undefined) rows.add(row);
    }
    for (const row of nodes.keys()) if (row.parent !== undefined && row.parent.children.get(row.name) !== row) nodes.delete(row);
    const atTop = this.visible().length === 1;
    const attached = [...rows].filter((row) => tree.find(row.path) === row);
    if (atTop && attached.some((row) => row.path === "/")) this.emitter.fire(undefined);
    else if (attached.length > 0) this.emitter.fire(attached.map((row) => this.nodeOf(session, row)));
    this.drawCounts();
  }

  private refreshAll(): void {
    this.emitter.fire(undefined);
    this.drawCounts();
  }

  private drawCounts(): void {
    const sessions = this.visible();
    const total = sessions.reduce((sum, { changes }) => sum + (changes.count ?? 0), 0);
    this.view.description = sessions.length === 1 && sessions[0] !== undefined && total > 0 ? countText(sessions[0]) : "";
    const loading = sessions.some(({ changes }) => changes.count === undefined);
    this.view.message = loading ? vscode.l10n.t("Looking for changes…") : "";
  }

  private visible(): Session[] {
    return inFolderOrder(this.shown.keys());
  }

  private childrenOf(session: Session, row: ChangeRow): ViewNode[] {
    return ChangeTree.sorted(row).map((child) => this.nodeOf(session, child));
  }

  private nodeOf(session: Session, row: ChangeRow): ViewNode {
    const { nodes } = this.shownOf(session);
    let node = nodes.get(row);
    if (node === undefined) nodes.set(row, node = { session, row });
    return node;
  }

  private treeOf(session: Session): ChangeTree {
    return this.shownOf(session).tree;
  }

  private shownOf(session: Session): Shown {
    return this.shown.get(session) ?? { tree: new ChangeTree(), nodes: new Map(), following: { dispose: () => undefined } };
  }
}

export function countText(session: Session): string {
  const { count } = session.changes;
  if (count === undefined) return "";
  return count === 1 ? vscode.l10n.t("1 change") : vscode.l10n.t("{0} changes", count);
}

function itemState(row: ChangeRow): vscode.TreeItemCollapsibleState {
  if (row.children.size === 0) return vscode.TreeItemCollapsibleState.None;
  // A folder that was added or renamed whole is one change to look at; what lies in it is a second look.
  return row.change === undefined ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.Collapsed;
}
