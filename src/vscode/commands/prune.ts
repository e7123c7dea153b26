/** Prune Unchanged Copies: drops the copies that are what the base has again, so that what others do to the base shows through. */
import * as vscode from "vscode";
import { isCode } from "../../engine/index.js";
import { describe, make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import type { Session } from "../session.js";
import { mention, pickSession, type CommandContext } from "./context.js";

interface Outcome {
  /** How many copies there were, and how many of them were looked at. */
  readonly copies: number;
  looked: number;
  removed: number;
  readonly failures: string[];
}

export async function pruneUnchangedCopies(context: CommandContext, clicked: unknown): Promise<void> {
  const session = await pickSession(context, clicked, ({ access }) => access.kind === "writable");
  if (session === undefined) return;
  const reason = readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was removed: {0}.", reason));
  const title = vscode.l10n.t("Looking for unchanged copies in '{0}'…", session.info.name);
  const outcome = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, cancellable: true, title },
    (progress, token) => prune(session, token, (share, message) => { progress.report({ increment: share, message }); }));
  for (const failure of outcome.failures) context.log.error(failure);
  say(session, outcome);
}

async function prune(session: Session, token: vscode.CancellationToken, report: (share: number, message: string) => void): Promise<Outcome> {
  const stop = new AbortController();
  const listening = token.onCancellationRequested(() => { stop.abort(); });
  const { overlay } = session;
  const paths = (await overlay.changes()).flatMap(({ kind, type, path }) => (kind === "copied" && type !== "directory" ? [path] : []));
  const outcome: Outcome = { copies: paths.length, looked: 0, removed: 0, failures: [] };
  try {
    for (const path of paths) {
      if (stop.signal.aborted) break;
      report(100 / paths.length, path.slice(1));
      try {
        if (await overlay.resetIf(path, () => overlay.isUnchangedCopy(path, { signal: stop.signal }))) outcome.removed++;
        outcome.looked++;
      } catch (error) {
        if (isCode(error, "ECANCELED")) break;
        outcome.looked++;
        if (isCode(error, "EBUSY")) continue; // somebody works on it: it is no unchanged copy any more
        outcome.failures.push(describe(error));
      }
    }
  } finally {
    listening.dispose();
  }
  return outcome;
}

function say(session: Session, { copies, looked, removed, failures }: Outcome): void {
  const { name } = session.info;
  const done = removed === 1 ? vscode.l10n.t("1 unchanged copy was removed from the overlay '{0}'.", name) : vscode.l10n.t("{0} unchanged copies were removed from the overlay '{1}'.", removed, name);
  if (failures.length > 0) throw make("Unavailable", `${done} ${vscode.l10n.t("Not every copy could be looked at. {0}", failures.join(" "))}`);
  if (looked < copies) void vscode.window.showInformationMessage(`${done} ${vscode.l10n.t("Stopped after {0} of {1} copies.", looked, copies)}`);
  else if (removed > 0) void vscode.window.showInformationMessage(done);
  else mention(vscode.l10n.t("There are no unchanged copies in the overlay '{0}'.", name));
}
