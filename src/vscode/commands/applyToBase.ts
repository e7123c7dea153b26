/**
 * Apply to Base…: the one command that writes the folder beneath. So what it would do is shown file by file, and confirmed
 * by name and number, before anything is done; what was done and what was not is said; and it can be undone.
 */
import * as vscode from "vscode";
import { completed, countsOf } from "../applyChoice.js";
import type { Applied, ApplyItem, ApplyPlan, LeftOut } from "../carrier.js";
import { make } from "../errors.js";
import { shownUri } from "../faces.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import { mountedAt } from "../overlays.js";
import { outermost } from "../paths.js";
import type { Session } from "../session.js";
import { baseText } from "../uris.js";
import { pickApplyItems } from "./applyPick.js";
import { mention, ofOneOverlay, pickSession, type CommandContext } from "./context.js";
import { exportFolder, exportPatch } from "./export.js";
import { cancellable, listOf, tell } from "./progress.js";
import { ago, counted } from "./text.js";

export async function applyToBase(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  const chosen = await ofOneOverlay(context, clicked, selected);
  if (chosen === undefined) return;
  const { session, paths } = chosen;
  refuseReadOnly(session);
  if (refusedByMount(context, session)) return;
  if (session.remote !== undefined) {
    offerExports(context, vscode.l10n.t("'{0}' is not on a disk, so it is only ever read, and nothing was applied.", baseText(session.info.base)), clicked, selected);
    return;
  }
  const plan = await cancellable(
    vscode.l10n.t("Looking at what would change in '{0}'", session.info.base), vscode.l10n.t("Nothing was applied."),
    (options) => session.carrier.planApply({ ...options, ...(paths.includes("/") ? {} : { paths: outermost(paths) }) }),
  );
  if (plan === undefined) return;
  if (plan.unwritable !== undefined) {
    offerExports(context, vscode.l10n.t("The base folder '{0}' cannot be written, so nothing was applied.", plan.base), clicked, selected);
    return;
  }
  if (plan.items.length === 0) {
    mention(vscode.l10n.t("There is nothing to apply: the base has all of it."));
    return;
  }
  const picked = completed(plan.items, await pickApplyItems(session.info.name, plan));
  if (picked.length === 0 || !(await confirmed(plan, picked))) return;
  await carryOut(context, session, plan, picked);
}

function refuseReadOnly(session: Session): void {
  const reason = readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was applied: {0}.", reason));
}

/** Says so, with what can be done: beneath a live mount the base must not change, as the mount does not look at it again. */
function refusedByMount({ log }: CommandContext, { info, opened }: Session): boolean {
  if (mountedAt(opened) === undefined) return false;
  tell(log, "warning", vscode.l10n.t("'{0}' is mounted, and its base must not change beneath the mount. Nothing was applied or undone.", info.name), [
    { title: vscode.l10n.t("Unmount"), run: () => vscode.commands.executeCommand("overlay.unmount", shownUri(info)) },
  ]);
  return true;
}

function offerExports(context: CommandContext, why: string, clicked: unknown, selected: unknown): void {
  tell(context.log, "warning", `${why} ${vscode.l10n.t("The changes can be carried elsewhere.")}`, [
    { title: vscode.l10n.t("Export Patch…"), run: () => exportPatch(context, clicked, selected, {}) },
    { title: vscode.l10n.t("Export Folder…"), run: () => exportFolder(context, undefined, undefined, {}) },
  ]);
}

async function confirmed({ base, snapshots }: ApplyPlan, items: readonly ApplyItem[]): Promise<boolean> {
  const counts = countsOf(items);
  const parts = [
    counts.overwritten > 0 ? vscode.l10n.t("{0} overwritten", counts.overwritten) : "",
    counts.created > 0 ? vscode.l10n.t("{0} created", counts.created) : "",
    counts.deleted > 0 ? vscode.l10n.t("{0} deleted", counts.deleted) : "",
    counts.renamed > 0 ? vscode.l10n.t("{0} renamed", counts.renamed) : "",
  ].filter((part) => part !== "");
  const stale = counts.stale === 0 ? "" : ` ${vscode.l10n.t("{0} of them changed in the base since the overlay copied them: those changes are overwritten.", counts.stale)}`;
  const joined = snapshots === 0 ? "" : ` ${snapshots === 1 ? vscode.l10n.t("The snapshot becomes part of the changes.") : vscode.l10n.t("The {0} snapshots become part of the changes.", snapshots)}`;
  const detail = `${vscode.l10n.t("In the base folder: {0}.", parts.join(", "))}${stale}${joined} ${vscode.l10n.t("What was there is kept first; 'Overlay: Undo Apply…' brings it back.")}`;
  const yes = vscode.l10n.t("Apply");
  return (await vscode.window.showWarningMessage(vscode.l10n.t("Write {0} into '{1}'?", counted(items.length), base), { modal: true, detail }, yes)) === yes;
}

async function carryOut(context: CommandContext, session: Session, plan: ApplyPlan, items: readonly ApplyItem[]): Promise<void> {
  // Cancelled in the middle, it still says what was done: so that is no error here.
  const report = await cancellable(vscode.l10n.t("Applying to '{0}'", plan.base), vscode.l10n.t("Nothing was applied."), (options) => plan.apply(items, options));
  if (report === undefined) return;
  context.log.info(`Applied ${report.applied.length} changes of '${session.info.name}' to ${plan.base} (${report.id})`);
  for (const { path, reason } of report.stays) context.log.info(`Applied, and still in the overlay: ${path}: ${reason}`);
  const stays = report.stays.length === 0 ? "" : ` ${vscode.l10n.t("In the overlay {0} stays too: {1}", counted(report.stays.length), report.stays[0]?.reason ?? "")}`;
  const done = `${vscode.l10n.t("{0} applied to '{1}'.", counted(report.applied.length), plan.base)}${stays}`;
  const undo = { title: vscode.l10n.t("Undo"), run: () => undoOne(context, session, report.id) };
  sayDone(context, report.cancelled ? `${vscode.l10n.t("Stopped.")} ${done}` : done, report.notDone, report.applied.length > 0 ? [undo] : []);
}

function sayDone({ log }: CommandContext, done: string, notDone: readonly LeftOut[], offers: readonly { title: string; run(): unknown }[]): void {
  for (const { path, reason } of notDone) log.warn(`Not done: ${path}: ${reason}`);
  if (notDone.length === 0) {
    tell(log, "info", done, offers);
    return;
  }
  const text = `${done} ${notDone.length === 1 ? vscode.l10n.t("1 was not.") : vscode.l10n.t("{0} were not.", notDone.length)}`;
  tell(log, "warning", text, [...offers, listOf(text, notDone, vscode.l10n.t("Show What Was Not Done"))]);
}

interface AppliedItem extends vscode.QuickPickItem {
  readonly id: string;
}

export async function undoApply(context: CommandContext, clicked: unknown): Promise<void> {
  const session = await pickSession(context, clicked, ({ access }) => access.kind === "writable");
  if (session === undefined) return;
  refuseReadOnly(session);
  if (refusedByMount(context, session)) return;
  const items = (await session.carrier.applied()).flatMap((one) => appliedItem(one));
  if (items.length === 0) {
    mention(vscode.l10n.t("Nothing was applied from '{0}' that could be undone.", session.info.name));
    return;
  }
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Undo Apply: {0}", session.info.name), placeHolder: vscode.l10n.t("Which apply should the base be without again?") });
  if (picked !== undefined) await undoOne(context, session, picked.id);
}

function appliedItem({ id, time, base, outcome, done }: Applied): AppliedItem[] {
  const left = done.filter(({ undone }) => !undone);
  if (left.length === 0) return [];
  const names = left.slice(0, 3).map(({ path }) => path.slice(1)).join(", ");
  return [{
    id,
    label: `$(history) ${ago(time)}`,
    description: outcome === "finished" ? counted(left.length) : vscode.l10n.t("{0}, cut short", counted(left.length)),
    detail: vscode.l10n.t("{0} in {1}", left.length > 3 ? `${names}, …` : names, base),
  }];
}

async function undoOne(context: CommandContext, session: Session, id: string): Promise<void> {
  const title = vscode.l10n.t("Undoing in '{0}'", session.info.base);
  const report = await cancellable(title, vscode.l10n.t("Nothing was undone."), (options) => session.carrier.undoApply(id, options));
  if (report === undefined) return;
  context.log.info(`Undid ${report.undone.length} steps of the apply ${id} in ${session.info.base}`);
  const done = vscode.l10n.t("'{0}' is as it was before, in {1} entries.", session.info.base, report.undone.length);
  const stack = report.snapshots === false ? ` ${vscode.l10n.t("The snapshots were not put back, as the overlay was changed since: 'Overlay: Undo Reset…' has them.")}` : "";
  sayDone(context, `${report.cancelled ? `${vscode.l10n.t("Stopped.")} ` : ""}${done}${stack}`, report.notDone, []);
}
