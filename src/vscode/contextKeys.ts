/**
 * The keys that `when` clauses of package.json read, so that menus offer only what makes sense. Sent when they differ,
 * and not more often than a person could notice.
 */
import * as vscode from "vscode";
import type { Overlays } from "./overlays.js";
import { ancestorsOf } from "./paths.js";
import type { Session } from "./session.js";
import { overlayUri } from "./uris.js";

const soonMs = 100;
/** With more changes than this the list is not sent, and menus offer their commands on every overlay path. */
const listLimit = 2000;

export class ContextKeys implements vscode.Disposable {
  private readonly following = new Map<Session, { dispose(): void }>();
  private readonly sent = new Map<string, string>();
  private timer: NodeJS.Timeout | undefined;

  constructor() {
    this.send("overlay.active", (vscode.workspace.workspaceFolders ?? []).some(({ uri }) => uri.scheme === "overlay"));
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

  dispose(): void {
    clearTimeout(this.timer);
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
    this.send("overlay.readOnly", sessions.some(({ access }) => access.kind === "readOnly"));
    this.send("overlay.remoteBase", sessions.some(({ remote }) => remote !== undefined));
    this.send("overlay.hasChanges", count > 0);
    this.send("overlay.hasSnapshots", sessions.some(({ snapshots }) => snapshots.length > 0));
    this.send("overlay.manyChanges", count > listLimit);
    // `in` looks a key up in an object at once, where it would search a list.
    this.send("overlay.changedResources", count > listLimit ? {} : changedResources(sessions));
  }

  private send(key: string, value: unknown): void {
    const text = JSON.stringify(value);
    if (this.sent.get(key) === text) return;
    this.sent.set(key, text);
    void vscode.commands.executeCommand("setContext", key, value);
  }
}

/** Every changed path, and every folder that holds one: there is something to compare or reset. */
function changedResources(sessions: readonly Session[]): Record<string, true> {
  const found: Record<string, true> = {};
  for (const { changes, info } of sessions) {
    const paths = new Set(changes.all().flatMap(({ path }) => [path, ...ancestorsOf(path)]));
    for (const path of paths) found[overlayUri(info, path).toString()] = true;
  }
  return found;
}
