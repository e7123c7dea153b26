/** VS Code's cancellation in the words of the engine, and what a search that failed says. */
import * as vscode from "vscode";
import { isCode, OverlayError } from "../../engine/index.js";
import { describe } from "../errors.js";

/** Runs it with a signal that is aborted with the token. */
export async function withToken<T>(token: vscode.CancellationToken, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  if (token.isCancellationRequested) stop.abort();
  const listening = token.onCancellationRequested(() => { stop.abort(); });
  try {
    return await work(stop.signal);
  } finally {
    listening.dispose();
  }
}

export function isCancelled(error: unknown): boolean {
  return isCode(error, "ECANCELED") || error instanceof vscode.CancellationError;
}

/** A sentence for the user. What the searcher says of itself is one already. */
export function problemOf(error: unknown): string {
  if (!(error instanceof OverlayError)) return describe(error);
  const said = sentence(error.reason);
  return error.code === "ENOTSUP" ? `${said} ${vscode.l10n.t("VS Code brings ripgrep with it: installing VS Code anew puts it back.")}` : said;
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}
