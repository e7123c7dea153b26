/**
 * Bases that are not on a disk, in the status bar: which of them is waited for, with a click that ends the waiting, and
 * which does not answer, with a click that asks again. Nothing is shown while all is well.
 */
import * as vscode from "vscode";
import { LongWait } from "./longWait.js";
import type { Overlays } from "./overlays.js";
import type { Session } from "./session.js";
import { baseText, rootName } from "./uris.js";

interface Followed {
  readonly wait: LongWait;
  long: boolean;
  listening: { dispose(): void };
}

export class BaseStatus implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("overlay.base", vscode.StatusBarAlignment.Left, 49);
  private readonly following = new Map<Session, Followed>();

  constructor(overlays: Overlays) {
    this.item.name = vscode.l10n.t("Overlay: Base");
    overlays.onDidOpen((session) => { this.follow(session); });
    // The engine object is another one then, and with it what asks the base.
    overlays.onDidChangeAccess((session) => { this.follow(session); });
    overlays.onDidClose((session) => { this.stop(session); });
  }

  dispose(): void {
    for (const session of [...this.following.keys()]) this.stop(session);
    this.item.dispose();
  }

  private follow(session: Session): void {
    this.stop(session);
    const { remote } = session;
    if (remote === undefined) return;
    const followed: Followed = { wait: new LongWait((long) => { followed.long = long; this.draw(); }), long: false, listening: { dispose: () => undefined } };
    let { fault } = remote.state;
    followed.listening = remote.onDidChangeState((state) => {
      followed.wait.set(state.waiting > 0);
      if (state.fault !== fault) {
        fault = state.fault;
        this.draw();
      }
    });
    followed.wait.set(remote.state.waiting > 0);
    this.following.set(session, followed);
    this.draw();
  }

  private stop(session: Session): void {
    const followed = this.following.get(session);
    if (followed === undefined) return;
    followed.wait.dispose();
    followed.listening.dispose();
    this.following.delete(session);
    this.draw();
  }

  private draw(): void {
    const slow = [...this.following].find(([, { long }]) => long)?.[0];
    const broken = [...this.following.keys()].find(({ remote }) => remote?.state.fault !== undefined);
    if (slow !== undefined) {
      const name = rootName(slow.info.base);
      this.item.text = `$(loading~spin) ${vscode.l10n.t("Waiting for {0}…", name)}`;
      this.item.tooltip = vscode.l10n.t("'{0}' has not answered yet. Click to stop waiting.", baseText(slow.info.base));
      this.item.command = "overlay.stopWaiting";
      this.item.backgroundColor = undefined;
    } else if (broken !== undefined) {
      const name = rootName(broken.info.base);
      this.item.text = `$(warning) ${vscode.l10n.t("{0} does not answer", name)}`;
      this.item.tooltip = vscode.l10n.t("'{0}': {1}. What is in the overlay can be read and changed. Click to ask again.", baseText(broken.info.base), broken.remote?.state.fault ?? "");
      this.item.command = "overlay.refreshBase";
      this.item.backgroundColor = new vscode.ThemeColor("statusBarItem.warningBackground");
    } else {
      this.item.hide();
      return;
    }
    this.item.accessibilityInformation = { label: this.item.text.replace(/^\$\([^)]*\) /, ""), role: "button" };
    this.item.show();
  }
}
