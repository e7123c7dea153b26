/**
 * The keys that `when` clauses of package.json read, so that menus offer only what makes sense. Sent when they differ,
 * and not more often than a person could notice.
 */
import * as vscode from "vscode";
import { mountedAt, type Overlays } from "./overlays.js";
import { ancestorsOf } from "./paths.js";
import type { Session } from "./session.js";
import { onDidChangeMountedFolders, schemesInUse, urisOf } from "./faces.js";

const soonMs = 100;
/** With more changes than this the list is not sent, and menus offer their commands on every overlay path. */
const listLimit = 2000;

export class ContextKeys implements vscode.Disposable {
  private readonly following = new Map<Session, { dispose(): void }>();
  private readonly sent = new Map<string, string>();
  private readonly mountedFolders: vscode.Disposable;
  private timer: NodeJS.Timeout | undefined;

  constructor() {
    this.send("overlay.active", (vscode.workspace.workspaceFolders ?? []).some(({ uri }) => uri.scheme === "overlay"));
    this.schemes();
    this.mountedFolders = onDidChangeMountedFolders(() => { this.schemes(); });
  }

  follow(overlays: Overlays): void {
    overlays.onDidOpen((session) => {
      const changes = session.changes.onDidChange(() => { this.soon(); });
      const layers = session.onDidChangeLayers(() => { this.soon(); });
      this.following.set(session, { dispose: () => { changes.dispose(); layers.dispose(); } });
      this.soon();
    });
    overlays.onDidClose((session) => {
      this.following.get(session)?.dispose();
      this.following.delete(session);
      this.soon();
    });
    overlays.onDidChangeAccess(() => { this.soon(); });
  }

  /** Menus on files ask whether these may be an overlay's. */
  private schemes(): void {
    this.send("overlay.schemes", schemesInUse());
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.mountedFolders.dispose();
    for (const one of this.following.values()) one.dispose();
  }

  private soon(): void {
    this.timer ??= setTimeout(() => { this.update(); }, soonMs);
  }

  private update(): void {
    this.timer = undefined;
    const sessions = [...this.following.keys()];
    const count = sessions.reduce((sum, { changes }) => sum + (changes.count ?? 0), 0);
    this.send("overlay.active", sessions.length > 0);
    this.send("overlay.writable", sessions.some(({ access }) => access.kind === "writable"));
    this.send("overlay.mounted", sessions.some(({ opened }) => mountedAt(opened) !== undefined));
    this.send("overlay.readOnly", sessions.some(({ access }) => access.kind === "readOnly"));
    this.send("overlay.remoteBase", sessions.some(({ remote }) => remote !== undefined));
    this.send("overlay.hasChanges", count > 0);
    this.send("overlay.hasSnapshots", sessions.some(({ snapshots }) => snapshots.length > 0));
    this.send("overlay.manyChanges", count > listLimit);
    // `in` looks a key up in an object at once, where it would search a list.
    const changed = count > listLimit ? { resources: {}, paths: {} } : changedResources(sessions);
    this.send("overlay.changedResources", changed.resources);
    // Of files of a mount: by path, as their URIs are other ones in the workbench when it is remote.
    this.send("overlay.changedPaths", changed.paths);
  }

  private send(key: string, value: unknown): void {
    const text = JSON.stringify(value);
    if (this.sent.get(key) === text) return;
    this.sent.set(key, text);
    void vscode.commands.executeCommand("setContext", key, value);
  }
}

/** Every changed path, and every folder that holds one: there is something to compare or reset. */
function changedResources(sessions: readonly Session[]): { readonly resources: Record<string, true>; readonly paths: Record<string, true> } {
  const resources: Record<string, true> = {};
  const mounted: Record<string, true> = {};
  for (const session of sessions) {
    const paths = new Set(session.changes.all().flatMap(({ path }) => [path, ...ancestorsOf(path)]));
    for (const uri of [...paths].flatMap((path) => urisOf(session, path))) {
      if (uri.scheme === "file") mounted[uri.fsPath] = true;
      else resources[uri.toString()] = true;
    }
  }
  return { resources, paths: mounted };
}
