/** Long work that can be cancelled, and what is said at its end. Nothing here waits for the user to read it. */
import * as vscode from "vscode";
import { isCode } from "../../engine/index.js";
import type { CarryOptions, LeftOut } from "../carrier.js";
import { describe } from "../errors.js";
import { showReport } from "../reports.js";
import { mention } from "./context.js";

/** What is done sooner needs no notification that comes and goes. */
const noticedMs = 400;

/** Runs it with a bar and a button to cancel; undefined when that was pressed, and `cancelled` is said. */
export async function cancellable<T>(title: string, cancelled: string, work: (options: Required<CarryOptions>) => Promise<T>): Promise<T | undefined> {
  const stop = new AbortController();
  let percent = 0;
  let show: (percent: number) => void = () => undefined;
  const onProgress = (done: number, total: number): void => {
    // A message for each file would be the slowest part of it: whole per cents are enough.
    const now = total === 0 ? 0 : Math.floor((100 * done) / total);
    if (now <= percent) return;
    percent = now;
    show(percent);
  };
  const working = work({ signal: stop.signal, onProgress });
  try {
    if (await endsWithin(working, noticedMs)) return await working;
    return await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, cancellable: true, title }, async (progress, token) => {
      const listening = token.onCancellationRequested(() => { stop.abort(); });
      let shown = 0;
      show = (now) => {
        progress.report({ increment: now - shown, message: vscode.l10n.t("{0} %", now) });
        shown = now;
      };
      show(percent);
      try {
        return await working;
      } finally {
        listening.dispose();
      }
    });
  } catch (error) {
    if (!isCode(error, "ECANCELED")) throw error;
    mention(cancelled);
    return undefined;
  }
}

async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => { timer = setTimeout(() => { resolve(false); }, ms); });
  try {
    return await Promise.race([work.then(() => true, () => true), late]);
  } finally {
    clearTimeout(timer);
  }
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

/** What was left out, as a document that can be read and searched. */
export function listOf(heading: string, leftOut: readonly LeftOut[], title = vscode.l10n.t("Show What Is Missing")): Offer {
  return { title, run: () => showReport(vscode.l10n.t("Overlay Report"), [heading, "", ...leftOut.map(({ path, reason }) => `${path}: ${reason}`)]) };
}
