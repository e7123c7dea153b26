/**
 * The Overlays view: every overlay there is, open or not. A row costs a look at its manifest and its lock; what takes a
 * walk (changes, size) is looked for only while a row is unfolded, and is given up when it is folded again.
 */
import * as vscode from "vscode";
import { ago, bytes, counted } from "./commands/text.js";
import { describe } from "./errors.js";
import { Measures } from "./measures.js";
import { mountedAt, type Overlays } from "./overlays.js";
import type { DamagedOverlay, OverlayInfo, OverlayStore } from "./ports.js";
import { baseText, isBaseUri } from "./uris.js";

export const overlaysViewId = "overlay.overlays";

const factKinds = ["base", "changes", "size", "snapshots", "lastUsed", "owner"] as const;
type FactKind = (typeof factKinds)[number];

/** Where an overlay is open: in this window, in another one, or nowhere. */
type Place = { readonly kind: "here"; readonly writable: boolean; readonly mounted: string | undefined } | { readonly kind: "elsewhere"; readonly owner: string } | { readonly kind: "free" };

export interface OverlayNode {
  readonly kind: "overlay";
  readonly info: OverlayInfo;
  readonly place: Place;
}

interface FactNode {
  readonly kind: "fact";
  readonly fact: FactKind;
  readonly of: OverlayNode;
}

type Node = OverlayNode | FactNode | { readonly kind: "damaged"; readonly damaged: DamagedOverlay };

/** Counts of open overlays change with every save; a row that is drawn twice a second is followed well enough. */
const soonMs = 500;

export class OverlaysView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<Node | undefined>();
  readonly onDidChangeTreeData = this.emitter.event;
  private readonly view: vscode.TreeView<Node>;
  private readonly measures: Measures;
  private readonly following = new Map<string, { dispose(): void }>();
  /** The rows as last listed, by id: VS Code knows rows by identity. */
  private rows = new Map<string, OverlayNode>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly overlays: Overlays, private readonly store: OverlayStore, private readonly fail: (error: unknown) => void) {
    this.measures = new Measures((id, signal) => store.measure(id, signal), (id) => { this.redraw(id); });
    this.view = vscode.window.createTreeView(overlaysViewId, { treeDataProvider: this });
    this.view.onDidCollapseElement(({ element }) => { if (element.kind === "overlay") this.measures.drop(element.info.id); });
    this.view.onDidChangeVisibility(({ visible }) => { if (visible) this.refresh(); });
    overlays.onDidOpen((session) => {
      this.following.set(session.id, session.changes.onDidChange(() => { this.soon(); }));
      this.refresh();
    });
    overlays.onDidClose(({ id }) => {
      this.following.get(id)?.dispose();
      this.following.delete(id);
      this.refresh();
    });
    overlays.onDidChangeAccess(() => { this.refresh(); });
  }

  /** Lists anew; what was measured is measured again when it is shown. */
  refresh(): void {
    this.measures.clear();
    this.emitter.fire(undefined);
  }

  stopMeasuring(id: string): void {
    this.measures.stop(id);
  }

  /** What is selected, for commands that a key starts. */
  get selected(): OverlayNode | undefined {
    const [node] = this.view.selection;
    return node?.kind === "overlay" ? node : node?.kind === "fact" ? node.of : undefined;
  }

  async getChildren(node?: Node): Promise<Node[]> {
    if (node?.kind === "overlay") {
      this.measures.start(node.info.id);
      return factKinds.filter((fact) => fact !== "owner" || node.place.kind === "elsewhere").map((fact) => ({ kind: "fact", fact, of: node }));
    }
    if (node !== undefined) return [];
    return this.list().catch((error: unknown) => {
      this.fail(error);
      this.view.message = describe(error);
      return [];
    });
  }

  getParent(node: Node): Node | undefined {
    return node.kind === "fact" ? node.of : undefined;
  }

  getTreeItem(node: Node): vscode.TreeItem {
    switch (node.kind) {
      case "overlay":
        return this.overlayItem(node);
      case "fact":
        return this.factItem(node);
      case "damaged": {
        const item = new vscode.TreeItem(node.damaged.path);
        item.iconPath = new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"));
        item.tooltip = node.damaged.reason;
        item.contextValue = "damaged";
        item.accessibilityInformation = { label: vscode.l10n.t("{0}, cannot be used: {1}", node.damaged.path, node.damaged.reason) };
        return item;
      }
    }
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const one of this.following.values()) one.dispose();
    this.measures.clear();
    this.view.dispose();
    this.emitter.dispose();
  }

  private async list(): Promise<Node[]> {
    const { overlays, damaged } = await this.store.list();
    const rows = await Promise.all(overlays.map(async (info): Promise<OverlayNode> => ({ kind: "overlay", info, place: await this.placeOf(info) })));
    rows.sort((a, b) => Number(b.place.kind === "here") - Number(a.place.kind === "here") || b.info.lastUsed - a.info.lastUsed);
    this.rows = new Map(rows.map((row) => [row.info.id, row]));
    this.view.message = "";
    return [...rows, ...damaged.map((one): Node => ({ kind: "damaged", damaged: one }))];
  }

  private async placeOf({ id }: OverlayInfo): Promise<Place> {
    const session = this.overlays.peek(id);
    if (session !== undefined) return { kind: "here", writable: session.access.kind === "writable", mounted: mountedAt(session.opened)?.point };
    const owner = await this.store.owner(id).catch(() => undefined);
    return owner === undefined ? { kind: "free" } : { kind: "elsewhere", owner };
  }

  private overlayItem(node: OverlayNode): vscode.TreeItem {
    const { info, place } = node;
    const item = new vscode.TreeItem(info.name, vscode.TreeItemCollapsibleState.Collapsed);
    item.id = info.id;
    item.iconPath = new vscode.ThemeIcon(place.kind === "elsewhere" ? "lock" : place.kind === "here" ? "layers-active" : "layers");
    item.description = [this.countOf(info.id) ?? "", baseText(info.base)].filter((part) => part !== "").join(" · ");
    item.tooltip = [info.name, baseText(info.base), placeText(place), vscode.l10n.t("last used {0}", ago(info.lastUsed))].filter((line) => line !== "").join("\n");
    item.contextValue = `overlay:${place.kind}${place.kind === "here" && place.mounted !== undefined ? ":mounted" : ""}`;
    item.accessibilityInformation = { label: [info.name, vscode.l10n.t("overlay over {0}", baseText(info.base)), this.countOf(info.id) ?? "", placeText(place)].filter((part) => part !== "").join(", ") };
    return item;
  }

  private factItem({ fact, of }: FactNode): vscode.TreeItem {
    const { info } = of;
    const [label, value, icon] = this.factText(fact, of);
    const item = new vscode.TreeItem(label);
    item.id = `${info.id} ${fact}`;
    item.description = value;
    item.tooltip = value;
    item.iconPath = new vscode.ThemeIcon(icon);
    item.contextValue = icon.startsWith("loading") ? "fact:measuring" : "fact";
    item.accessibilityInformation = { label: `${label}: ${value}` };
    return item;
  }

  private factText(fact: FactKind, { info, place }: OverlayNode): readonly [label: string, value: string, icon: string] {
    const measured = this.measures.of(info.id);
    const looking = [vscode.l10n.t("looking…"), "loading~spin"] as const;
    switch (fact) {
      case "base":
        return [vscode.l10n.t("Base"), baseText(info.base), "folder"];
      case "changes": {
        const known = this.countOf(info.id);
        if (known !== undefined) return [vscode.l10n.t("Changes"), known, "diff"];
        if (measured.kind === "looking") return [vscode.l10n.t("Changes"), ...looking];
        const count = measured.kind === "known" ? measured.size.changes : undefined;
        const unknown = measured.kind === "known" && !isBaseUri(info.base) ? vscode.l10n.t("not known: the base is not to be had") : vscode.l10n.t("not counted");
        return [vscode.l10n.t("Changes"), count === undefined ? unknown : counted(count), "diff"];
      }
      case "size":
        if (measured.kind === "looking") return [vscode.l10n.t("Size"), ...looking];
        return [vscode.l10n.t("Size"), measured.kind === "known" ? bytes(measured.size.bytes) : measured.kind === "failed" ? describe(measured.error) : vscode.l10n.t("not measured"), "database"];
      case "snapshots":
        return [vscode.l10n.t("Snapshots"), info.snapshots === 0 ? vscode.l10n.t("none") : String(info.snapshots), "versions"];
      case "lastUsed":
        return [vscode.l10n.t("Last used"), ago(info.lastUsed), "history"];
      case "owner":
        return [vscode.l10n.t("Open in"), place.kind === "elsewhere" ? place.owner : vscode.l10n.t("this window"), "lock"];
    }
  }

  /** What is open is counted anyway. */
  private countOf(id: string): string | undefined {
    const count = this.overlays.peek(id)?.changes.count;
    return count === undefined ? undefined : counted(count);
  }

  private soon(): void {
    if (!this.view.visible) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      for (const id of this.following.keys()) this.redraw(id);
    }, soonMs);
  }

  private redraw(id: string): void {
    const row = this.rows.get(id);
    if (row !== undefined) this.emitter.fire(row);
  }
}

function placeText(place: Place): string {
  switch (place.kind) {
    case "here":
      if (place.mounted !== undefined) return vscode.l10n.t("open in this window, mounted at {0}", place.mounted);
      return place.writable ? vscode.l10n.t("open in this window") : vscode.l10n.t("open in this window, read-only");
    case "elsewhere":
      return vscode.l10n.t("open in {0}", place.owner);
    case "free":
      return "";
  }
}
