/**
 * Hands the engine's events to VS Code: folded for a moment, so that a rename over an existing file (which VS Code does
 * as delete, then rename) is one change, and in runs that no listener chokes on.
 */
import * as vscode from "vscode";
import type { OverlayEvent } from "../engine/index.js";
import { EventCoalescer, type NetEvent } from "./eventCoalescer.js";
import { chunks } from "./paths.js";
import type { Session } from "./session.js";
import { overlayUri } from "./uris.js";

const foldMs = 20;
/** A deletion may be the first half of a rename over the name. The Explorer waits 500 ms anyway, so nobody sees this. */
const foldDeletionMs = 250;
/** However busy it is, nobody waits longer. */
const mostMs = 500;
const chunkSize = 500;

export class EventPublisher implements vscode.Disposable {
  private readonly emitter = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  private readonly waiting = new Map<Session, EventCoalescer>();
  private timer: NodeJS.Timeout | undefined;
  private since = 0;
  readonly onDidChangeFile = this.emitter.event;

  add(session: Session, events: readonly OverlayEvent[]): void {
    let coalescer = this.waiting.get(session);
    if (coalescer === undefined) this.waiting.set(session, coalescer = new EventCoalescer());
    for (const event of events) coalescer.add(event);
    if (this.timer === undefined) this.since = Date.now();
    clearTimeout(this.timer);
    const wait = [...this.waiting.values()].some(({ hasDeletion }) => hasDeletion) ? foldDeletionMs : foldMs;
    this.timer = setTimeout(() => { this.flush(); }, Math.max(0, Math.min(wait, this.since + mostMs - Date.now())));
  }

  dispose(): void {
    clearTimeout(this.timer);
    this.emitter.dispose();
  }

  private flush(): void {
    this.timer = undefined;
    const all = [...this.waiting].flatMap(([session, coalescer]) => coalescer.take().flatMap((event) => toVsCode(session, event)));
    this.waiting.clear();
    for (const run of chunks(all, chunkSize)) this.emitter.fire(run);
  }
}

function toVsCode(session: Session, event: NetEvent): vscode.FileChangeEvent[] {
  const uri = overlayUri(session.info, event.path);
  switch (event.type) {
    case "created":
      return [{ type: vscode.FileChangeType.Created, uri }];
    case "changed":
      return [{ type: vscode.FileChangeType.Changed, uri }];
    case "deleted":
      return [{ type: vscode.FileChangeType.Deleted, uri }];
    case "replaced":
      // For a file that an editor was told of this is new content. A folder's old children are gone, which only a
      // deletion says.
      if (session.floors.knows(event.path)) return [{ type: vscode.FileChangeType.Changed, uri }];
      return [{ type: vscode.FileChangeType.Deleted, uri }, { type: vscode.FileChangeType.Created, uri }];
  }
}
