/**
 * Whether a program is being debugged in this window. `activeDebugSession` alone may go on naming a session that has ended:
 * the extension host awaits the message which names one, so that the next, which says there is none, overtakes it
 * (ExtHostDebugService.$acceptDebugSessionActiveChanged).
 */
import type { Disposable } from "../engine/index.js";

/** Of `vscode.debug`. */
export interface Debug {
  readonly activeDebugSession: { readonly id: string } | undefined;
  readonly onDidTerminateDebugSession: (listener: (session: { readonly id: string }) => void) => Disposable;
}

export class DebugSessions implements Disposable {
  private readonly ended = new Set<string>();
  private readonly listening: Disposable;

  constructor(private readonly debug: Debug) {
    this.listening = debug.onDidTerminateDebugSession(({ id }) => { this.ended.add(id); });
  }

  get isActive(): boolean {
    const { activeDebugSession } = this.debug;
    return activeDebugSession !== undefined && !this.ended.has(activeDebugSession.id);
  }

  dispose(): void {
    this.listening.dispose();
  }
}
