/** An overlay that does not open leaves an empty Explorer: this says why, once, and offers to try again. */
import * as vscode from "vscode";
import { describe } from "./errors.js";
import type { Overlays } from "./overlays.js";
import type { OverlayStore } from "./ports.js";
import type { Trust } from "./trust.js";

export class FailureNotice {
  private readonly shown = new Set<string>();

  constructor(private readonly overlays: Overlays, private readonly store: OverlayStore, private readonly trust: Trust, private readonly log: vscode.LogOutputChannel) {
    overlays.onDidFail(({ id, error }) => { void this.show(id, error); });
    overlays.onDidOpen(({ id }) => { this.shown.delete(id); });
  }

  private async show(id: string, error: unknown): Promise<void> {
    if (this.shown.has(id)) return;
    this.shown.add(id);
    const again = vscode.l10n.t("Try Again");
    const log = vscode.l10n.t("Show Log");
    const answer = await vscode.window.showErrorMessage(vscode.l10n.t("The overlay could not be opened. {0}", describe(error)), again, log);
    if (answer === log) this.log.show();
    if (answer !== again) return;
    this.shown.delete(id);
    await this.tryAgain(id);
  }

  private async tryAgain(id: string): Promise<void> {
    this.overlays.retry(id);
    try {
      this.trust.askAgain((await this.store.info(id)).base);
      await this.overlays.get(id);
      await vscode.commands.executeCommand("workbench.files.action.refreshFilesExplorer");
    } catch (error) {
      this.log.debug(`Opening overlay ${id} again: ${describe(error)}`);
    }
  }
}
