/** Long work that can be cancelled, and what is said at its end. Nothing here waits for the user to read it. */
import * as vscode from "vscode";
import { isCode } from "../../engine/index.js";
import type { CarryOptions, LeftOut } from "../carrier.js";
import { describe } from "../errors.js";
import { mention } from "./context.js";

/** Runs it with a bar and a button to cancel; undefined when that was pressed, and `cancelled` is said. */
export async function cancellable<T>(title: string, cancelled: string, work: (options: Required<CarryOptions>) => Promise<T>): Promise<T | undefined> {
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, cancellable: true, title }, async (progress, token) => {
    const stop = new AbortController();
    const listening = token.onCancellationRequested(() => { stop.abort(); });
    let shown = 0;
    const onProgress = (done: number, total: number): void => {
      // A message for each file would be the slowest part of it: whole per cents are enough.
      const percent = total === 0 ? 0 : Math.floor((100 * done) / total);
      if (percent <= shown) return;
      progress.report({ increment: percent - shown, message: vscode.l10n.t("{0} %", percent) });
      shown = percent;
    };
    try {
      return await work({ signal: stop.signal, onProgress });
    } catch (error) {
      if (!isCode(error, "ECANCELED")) throw error;
      mention(cancelled);
      return undefined;
    } finally {
      listening.dispose();
    }
  });
}

export interface Offer {
  readonly title: string;
  run(): unknown;
}

/** A notification with what can be done next; the command that shows it has ended by then. */
export function tell(log: vscode.LogOutputChannel, severity: "info" | "warning", text: string, offers: readonly Offer[]): void {
  const show = severity === "info" ? vscode.window.showInformationMessage : vscode.window.showWarningMessage;
  void (async () => {
    try {
      const answer = await show(text, ...offers.map(({ title }) => title));
      await offers.find(({ title }) => title === answer)?.run();
    } catch (error) {
      log.error(describe(error));
      void vscode.window.showErrorMessage(describe(error));
    }
  })();
}

/** What was left out, as a document that can be read, searched and kept. */
export function listOf(heading: string, leftOut: readonly LeftOut[]): Offer {
  return {
    title: vscode.l10n.t("Show What Is Missing"),
    async run() {
      const content = [heading, "", ...leftOut.map(({ path, reason }) => `${path}: ${reason}`), ""].join("\n");
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ content, language: "plaintext" }));
    },
  };
}
