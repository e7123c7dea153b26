/**
 * Badges, colours and tooltips for what differs from the base. VS Code asks only for what it draws, and colours the
 * folders above a path only once an event named that path: so every change is named, whiteouts most of all.
 */
import * as vscode from "vscode";
import type { Change } from "../engine/index.js";
import { overlayPathOf, urisOf } from "./faces.js";
import type { Overlays } from "./overlays.js";
import { chunks, parentOf } from "./paths.js";
import type { Session } from "./session.js";

/** VS Code cuts an event with more than 250 URIs to one for each folder; a path may have two. */
const chunkSize = 100;

export class Decorations implements vscode.FileDecorationProvider, vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<vscode.Uri[]>();
  readonly onDidChangeFileDecorations = this.emitter.event;
  private readonly following = new Map<Session, { dispose(): void }>();

  constructor(private readonly overlays: Overlays) {
    overlays.onDidOpen((session) => { this.follow(session); });
    overlays.onDidClose((session) => {
      this.following.get(session)?.dispose();
      this.following.delete(session);
    });
  }

  provideFileDecoration(uri: vscode.Uri): vscode.FileDecoration | undefined {
    const address = overlayPathOf(uri);
    const changes = address === undefined ? undefined : this.overlays.peek(address.id)?.changes;
    const change = address === undefined ? undefined : changes?.get(address.path);
    if (change === undefined) return undefined;
    // A folder with anything coloured beneath it shows a dot for its own badge. What lies directly in a folder that has a
    // badge colours nothing further up: the folder has said it.
    return decorate(change, changes?.renamedTo(change.path), changes?.get(parentOf(change.path)) === undefined);
  }

  dispose(): void {
    for (const one of this.following.values()) one.dispose();
    this.emitter.dispose();
  }

  private follow(session: Session): void {
    let decorated = new Set<string>();
    this.following.set(session, session.changes.onDidChange((event) => {
      if (event.kind === "changed") {
        for (const path of event.paths) {
          if (session.changes.get(path) === undefined) decorated.delete(path);
          else decorated.add(path);
        }
        this.fire(session, event.paths);
        return;
      }
      const now = new Set(session.changes.all().map(({ path }) => path));
      const all = new Set([...decorated, ...now]);
      decorated = now;
      this.fire(session, [...all]);
    }));
  }

  private fire(session: Session, paths: readonly string[]): void {
    for (const run of chunks(paths, chunkSize)) this.emitter.fire(run.flatMap((path) => urisOf(session, path)));
  }
}

function decorate(change: Change, renamedTo: string | undefined, propagate: boolean): vscode.FileDecoration {
  const { badge, color } = looks(change);
  const text = tooltip(change, renamedTo);
  const stale = change.stale === true;
  // Two characters are what a badge has room for.
  const decoration = new vscode.FileDecoration(stale && badge.length === 1 ? `${badge}!` : badge, stale ? baseMoved(text) : text, new vscode.ThemeColor(color));
  decoration.propagate = propagate;
  return decoration;
}

function looks(change: Change): { readonly badge: string; readonly color: string } {
  switch (change.kind) {
    case "copied":
      return { badge: "M", color: "overlay.modifiedForeground" };
    case "added":
      return { badge: "A", color: "overlay.addedForeground" };
    case "deleted":
      return { badge: "D", color: "overlay.deletedForeground" };
    case "replaced":
      return { badge: "RP", color: "overlay.replacedForeground" };
    case "renamed":
      return { badge: "R", color: "overlay.renamedForeground" };
  }
}

/** One sentence on what happened here, and from where. */
function tooltip(change: Change, renamedTo: string | undefined): string {
  const folder = change.type === "directory";
  switch (change.kind) {
    case "copied":
      return vscode.l10n.t("Modified in the overlay; the base keeps its own");
    case "added":
      return folder ? vscode.l10n.t("Folder added in the overlay; the base has none") : vscode.l10n.t("Added in the overlay; the base has none");
    case "deleted":
      if (renamedTo !== undefined) return vscode.l10n.t("Renamed in the overlay, to '{0}'; the base still has it here", renamedTo.slice(1));
      return folder ? vscode.l10n.t("Folder deleted in the overlay; the base still has it") : vscode.l10n.t("Deleted in the overlay; the base still has it");
    case "replaced":
      return folder ? vscode.l10n.t("Folder replaced in the overlay; it hides what the base has here") : vscode.l10n.t("Replaced in the overlay; it hides what the base has here");
    case "renamed":
      return folder ? vscode.l10n.t("Folder renamed in the overlay, from '{0}' in the base", change.from.slice(1)) : vscode.l10n.t("Renamed in the overlay, from '{0}' in the base", change.from.slice(1));
  }
}

/** What is said of a stale change, after what is said of it anyway. */
export function baseMoved(text: string): string {
  return vscode.l10n.t("{0}; the base has changed since", text);
}

/** One word for a row of a list. */
export function kindWord(change: Change, renamedTo?: string): string {
  switch (change.kind) {
    case "copied":
      return vscode.l10n.t("modified");
    case "added":
      return vscode.l10n.t("added");
    case "deleted":
      return renamedTo === undefined ? vscode.l10n.t("deleted") : vscode.l10n.t("renamed to {0}", renamedTo.slice(1));
    case "replaced":
      return vscode.l10n.t("replaced");
    case "renamed":
      return vscode.l10n.t("renamed from {0}", change.from.slice(1));
  }
}
