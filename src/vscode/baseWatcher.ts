/**
 * Watches a base folder with VS Code's own watcher (which respects files.watcherExclude) and tells the engine, which
 * decides what of it is visible. Started by the first watch of an overlay's URI, ended with the overlay.
 */
import * as vscode from "vscode";
import type { OverlayEvent } from "../engine/index.js";
import { EventCoalescer } from "./eventCoalescer.js";
import type { Session } from "./session.js";
import { baseUri } from "./uris.js";

const foldMs = 50;

export class BaseWatcher implements vscode.Disposable {
  private readonly coalescer = new EventCoalescer();
  private readonly watcher: vscode.FileSystemWatcher;
  private readonly root: vscode.Uri;
  private timer: NodeJS.Timeout | undefined;
  private readonly emitter = new vscode.EventEmitter<readonly OverlayEvent[]>();
  /** What happened in the base, in base paths. */
  readonly onDidChange = this.emitter.event;

  constructor(private readonly session: Session, private readonly onFailure: (error: unknown) => void) {
    this.root = baseUri(session.info.base);
    this.watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(this.root, "**/*"));
    this.watcher.onDidCreate((uri) => { this.add("created", uri); });
    this.watcher.onDidChange((uri) => { this.add("changed", uri); });
    this.watcher.onDidDelete((uri) => { this.add("deleted", uri); });
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.watcher.dispose();
    this.emitter.dispose();
  }

  private add(type: OverlayEvent["type"], uri: vscode.Uri): void {
    // VS Code matches patterns on paths alone: what happens in the overlay itself can have the base's path, in another scheme.
    if (uri.scheme !== this.root.scheme || uri.authority !== this.root.authority) return;
    const root = this.root.path.replace(/\/+$/, "");
    if (!uri.path.startsWith(`${root}/`)) return;
    this.coalescer.add({ type, path: uri.path.slice(root.length) });
    this.timer ??= setTimeout(() => { void this.flush(); }, foldMs);
  }

  private async flush(): Promise<void> {
    this.timer = undefined;
    const events = this.coalescer.take().flatMap(({ type, path }): OverlayEvent[] =>
      type === "replaced" ? [{ type: "deleted", path }, { type: "created", path }] : [{ type, path }]);
    try {
      // What is remembered of the base first: the engine asks for it.
      this.session.remote?.changed(events);
      await this.session.overlay.baseChanged(events);
      this.emitter.fire(events);
    } catch (error) {
      this.onFailure(error);
    }
  }
}
