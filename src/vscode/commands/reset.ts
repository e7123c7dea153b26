/** Reset to Base and Restore, for files, folders and selections. */
import * as vscode from "vscode";
import { describe, make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import { isWithin, nameOf, outermost } from "../paths.js";
import type { Session } from "../session.js";
import { mention, targetsOf, type CommandContext, type Target } from "./context.js";
import { droppedBy, offerUndo } from "./undoReset.js";

/** Whether the user is asked first: always, or for all but one file that can be had back. */
type Asking = "always" | "forMany";

export async function resetToBase(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  await reset(context, clicked, selected, "always");
}

/** The same for the row of one file, as its button says it: no question, as the trash keeps what it was. */
export async function restore(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  await reset(context, clicked, selected, "forMany");
}

async function reset(context: CommandContext, clicked: unknown, selected: unknown, asking: Asking): Promise<void> {
  const targets = await targetsOf(context, clicked, selected);
  const changed: Target[] = [];
  for (const session of new Set(targets.map((target) => target.session))) {
    refuseReadOnly(session);
    await session.changes.load();
    const paths = outermost(targets.flatMap((target) => (target.session === session ? [target.path] : [])));
    changed.push(...paths.filter((path) => session.changes.countWithin(path) > 0).map((path) => ({ session, path })));
  }
  const [first] = changed;
  if (first === undefined) {
    if (targets.length > 0) mention(vscode.l10n.t("There is nothing to reset: it does not differ from the base."));
    return;
  }
  const oneFile = changed.length === 1 && isChangedFile(first);
  if (asking === "always" || !oneFile) {
    if (!(await confirmed(changed, first))) return;
  }
  if (changed.length > progressFrom) {
    for (const session of new Set(changed.map((target) => target.session))) {
      await resetEach(context, session, changed.flatMap((target) => (target.session === session ? [target.path] : [])));
    }
    return;
  }
  const losing = !losesNothing(first);
  const resetAll = async (): Promise<void> => {
    for (const { session, path } of changed) {
      session.askBaseAgain([path]);
      await session.overlay.reset(path === "/" ? undefined : path);
    }
  };
  // Who was not asked is offered the way back.
  if (asking === "forMany" && oneFile && losing) offerUndo(context, first.session, asBefore(first), await droppedBy(first.session, resetAll));
  else await resetAll();
}

/** A file that the base has too: what is only here is not dropped without a question. */
function isChangedFile({ session, path }: Target): boolean {
  const change = session.changes.get(path);
  return change !== undefined && change.type !== "directory" && change.kind !== "added";
}

/** A key in the view acts on what is selected there; anywhere else a selection in the view means nothing. */
export async function resetSelection(context: CommandContext): Promise<void> {
  const [first] = context.view.selection;
  if (first !== undefined) await resetToBase(context, first, context.view.selection);
}

function refuseReadOnly(session: Session): void {
  const reason = readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was reset: {0}.", reason));
}

/** Bringing back what was deleted loses nothing, and needs no question. */
function losesNothing({ session, path }: Target): boolean {
  return session.changes.get(path)?.kind === "deleted";
}

async function confirmed(changed: readonly Target[], first: Target): Promise<boolean> {
  if (changed.every(losesNothing)) return true;
  const count = changed.reduce((sum, { session, path }) => sum + session.changes.countWithin(path), 0);
  const question = questionFor(changed, first);
  return ask(question, count, changed.length === 1 && first.session.changes.get(first.path)?.kind === "added" ? vscode.l10n.t("Delete") : vscode.l10n.t("Reset"));
}

function questionFor(changed: readonly Target[], first: Target): string {
  if (changed.length > 1) return vscode.l10n.t("Reset {0} selected entries to the base?", changed.length);
  if (first.path === "/") return vscode.l10n.t("Throw away all changes of '{0}'?", first.session.info.name);
  const name = nameOf(first.path);
  if (first.session.changes.get(first.path)?.kind === "added") return vscode.l10n.t("'{0}' is not in the base. Delete it?", name);
  const [snapshot] = first.session.snapshots;
  return snapshot === undefined ? vscode.l10n.t("Reset '{0}' to the base?", name) : vscode.l10n.t("Reset '{0}' to the snapshot '{1}'?", name, snapshot.name);
}

function asBefore({ session: { snapshots: [snapshot] }, path }: Target): string {
  return snapshot === undefined ? vscode.l10n.t("'{0}' is as in the base again.", nameOf(path)) : vscode.l10n.t("'{0}' is as in the snapshot '{1}' again.", nameOf(path), snapshot.name);
}

async function ask(question: string, count: number, yes: string): Promise<boolean> {
  const what = count === 1 ? vscode.l10n.t("1 change is thrown away.") : vscode.l10n.t("{0} changes are thrown away.", count);
  const detail = `${what} ${vscode.l10n.t("The base folder is not touched. Overlay: Undo Reset… brings them back.")}`;
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes;
}

/** From this many on there is a progress to see, and to stop. */
const progressFrom = 20;

export async function resetEach(context: CommandContext, session: Session, paths: readonly string[]): Promise<void> {
  const failures: string[] = [];
  session.askBaseAgain(paths);
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, cancellable: true, title: vscode.l10n.t("Resetting '{0}'…", session.info.name) }, async (progress, token) => {
    for (const path of paths) {
      if (token.isCancellationRequested) return;
      progress.report({ message: path.slice(1), increment: 100 / paths.length });
      try {
        // Resetting a renamed folder restores its old name too, which may have been in the list.
        const left = await session.overlay.changes(path);
        if (left.some((change) => isWithin(change.path, path))) await session.overlay.reset(path);
      } catch (error) {
        context.log.error(describe(error));
        failures.push(describe(error));
      }
    }
  });
  if (failures.length > 0) throw make("Unavailable", vscode.l10n.t("Not everything could be reset. {0}", failures.join(" ")));
}
