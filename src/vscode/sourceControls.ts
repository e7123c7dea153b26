/**
 * One source control for each open overlay: what differs from the base, as VS Code's Source Control view shows it.
 * Follows the change model; what comes close together is drawn once, and only rows that are different are made anew.
 */
import * as vscode from "vscode";
import { ChangeRows, type GroupId, type RowContent } from "./changeRows.js";
import { baseMoved, kindWord } from "./decorations.js";
import type { Overlays } from "./overlays.js";
import { quickDiffOf } from "./quickDiff.js";
import type { Session } from "./session.js";
import { shownUri } from "./faces.js";

/** What `scmProvider` is in the when clauses of package.json. */
export const providerId = "overlay";

const soonMs = 50;

/** A row: what menus hand to the commands. */
export class ChangeResource implements vscode.SourceControlResourceState {
  readonly resourceUri: vscode.Uri;
  readonly command: vscode.Command;
  readonly decorations: vscode.SourceControlResourceDecorations;
  readonly contextValue: string;

  constructor(readonly session: Session, { change, renamedTo }: RowContent) {
    this.path = change.path;
    this.resourceUri = shownUri(session.info, change.path);
    this.command = { command: "overlay.previewChange", title: vscode.l10n.t("Open Changes"), arguments: [this] };
    const what = kindWord(change, renamedTo);
    const word = change.type === "directory" ? vscode.l10n.t("folder, {0}", what) : what;
    // Badge and colour come from the file decorations, as in the Explorer; the tooltip is what a screen reader says.
    this.decorations = {
      strikeThrough: change.kind === "deleted",
      tooltip: change.stale === true ? baseMoved(word) : word,
    };
    this.contextValue = `change:${change.kind}${change.stale === true ? ":stale" : ""}:${change.type === "directory" ? "directory" : "file"}`;
  }

  readonly path: string;
}

/** What `activate` hands out of it. */
export interface ShownSourceControl {
  readonly sourceControl: vscode.SourceControl;
  readonly groups: Readonly<Record<GroupId, vscode.SourceControlResourceGroup>>;
}

interface Shown extends ShownSourceControl {
  readonly rows: ChangeRows<ChangeResource>;
  readonly following: { dispose(): void };
  timer: NodeJS.Timeout | undefined;
}

export class SourceControls implements vscode.Disposable {
  private readonly shown = new Map<Session, Shown>();

  constructor(overlays: Overlays) {
    overlays.onDidOpen((session) => { this.open(session); });
    overlays.onDidClose((session) => { this.close(session); });
  }

  /** What an overlay's view shows, as of the last drawing. */
  of(session: Session): ShownSourceControl | undefined {
    return this.shown.get(session);
  }

  /** The overlay of a source control that a menu handed over. */
  sessionOf(value: unknown): Session | undefined {
    for (const [session, { sourceControl }] of this.shown) if (sourceControl === value) return session;
    return undefined;
  }

  /** The overlay of a group that a menu handed over, and what is in it. */
  groupOf(value: unknown): { readonly session: Session; readonly whole: boolean; readonly paths: readonly string[] } | undefined {
    for (const [session, { groups, rows }] of this.shown) {
      for (const [id, group] of Object.entries(groups) as [GroupId, vscode.SourceControlResourceGroup][]) {
        if (group !== value) continue;
        const paths = rows.rowsOf(id).map(({ path }) => path);
        return { session, whole: paths.length === rows.count, paths };
      }
    }
    return undefined;
  }

  dispose(): void {
    for (const session of [...this.shown.keys()]) this.close(session);
  }

  private open(session: Session): void {
    const sourceControl = vscode.scm.createSourceControl(providerId, vscode.l10n.t("Overlay {0}", session.info.name), shownUri(session.info));
    sourceControl.inputBox.visible = false; // There is nothing to write a message for.
    sourceControl.quickDiffProvider = quickDiffOf(session);
    const groups = {
      stale: sourceControl.createResourceGroup("stale", vscode.l10n.t("Stale")),
      changes: sourceControl.createResourceGroup("changes", vscode.l10n.t("Changes")),
    };
    groups.stale.hideWhenEmpty = true;
    const rows = new ChangeRows((content) => new ChangeResource(session, content));
    const following = session.changes.onDidChange((event) => {
      if (event.kind === "loaded") rows.replaceAll(contentsOf(session));
      else for (const path of event.paths) rows.set(path, contentOf(session, path));
      this.soon(session);
    });
    rows.replaceAll(contentsOf(session));
    this.shown.set(session, { sourceControl, groups, rows, following, timer: undefined });
    this.soon(session);
  }

  private close(session: Session): void {
    const shown = this.shown.get(session);
    if (shown === undefined) return;
    this.shown.delete(session);
    clearTimeout(shown.timer);
    shown.following.dispose();
    shown.sourceControl.dispose();
  }

  private soon(session: Session): void {
    const shown = this.shown.get(session);
    if (shown !== undefined) shown.timer ??= setTimeout(() => { draw(shown); }, soonMs);
  }
}

function draw(shown: Shown): void {
  shown.timer = undefined;
  for (const [id, rows] of shown.rows.take()) shown.groups[id].resourceStates = rows;
  shown.sourceControl.count = shown.rows.count;
}

function contentOf({ changes }: Session, path: string): RowContent | undefined {
  const change = changes.get(path);
  return change === undefined ? undefined : { change, renamedTo: change.kind === "deleted" ? changes.renamedTo(path) : undefined };
}

function contentsOf(session: Session): RowContent[] {
  return session.changes.all().flatMap(({ path }) => contentOf(session, path) ?? []);
}
