/** Take, rename and squash snapshots. None of them changes what the overlay shows, so there is nothing to undo. */
import * as vscode from "vscode";
import { make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import type { Session } from "../session.js";
import { mention, pickSession, type CommandContext, type Given } from "./context.js";
import { pickSnapshot, snapshotRow } from "./layerPicks.js";
import { cancellable } from "./progress.js";

export async function writableSession(context: CommandContext, clicked: unknown): Promise<Session | undefined> {
  const session = await pickSession(context, clicked, ({ access }) => access.kind === "writable");
  const reason = session === undefined ? undefined : readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was changed: {0}.", reason));
  return session;
}

export async function takeSnapshot(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const session = await writableSession(context, clicked);
  if (session === undefined) return;
  const name = given.name ?? (await askName(vscode.l10n.t("Take Snapshot: {0}", session.info.name), now()));
  if (name === undefined) return;
  const taken = await session.overlay.takeSnapshot(name.trim());
  context.log.info(`Took snapshot '${taken.name}' (${taken.id}) of overlay '${session.info.name}'`);
  mention(vscode.l10n.t("The snapshot '{0}' was taken. Changes from now on are against it.", taken.name));
}

function now(): string {
  return new Intl.DateTimeFormat(vscode.env.language, { dateStyle: "medium", timeStyle: "medium" }).format(new Date());
}

function askName(title: string, value: string): Thenable<string | undefined> {
  return vscode.window.showInputBox({
    title, prompt: vscode.l10n.t("The snapshot's name"), value,
    validateInput: (text) => (text.trim() === "" ? vscode.l10n.t("A name is needed.") : text.length > 200 ? vscode.l10n.t("A name has at most 200 characters.") : undefined),
  });
}

/** @returns false when there are none, which is said. */
export async function hasSnapshots({ overlay, info }: Session): Promise<boolean> {
  if ((await overlay.snapshots()).length > 0) return true;
  mention(vscode.l10n.t("The overlay '{0}' has no snapshots. Overlay: Take Snapshot… makes one.", info.name));
  return false;
}

export async function renameSnapshot(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const session = await writableSession(context, clicked);
  if (session === undefined || !(await hasSnapshots(session))) return;
  const id = given.layer ?? (await pickSnapshot(session, vscode.l10n.t("Rename which snapshot?")));
  if (id === undefined) return;
  const before = (await session.overlay.snapshots()).find((snapshot) => snapshot.id === id)?.name ?? "";
  const name = given.name ?? (await askName(vscode.l10n.t("Rename Snapshot '{0}'", before), before));
  if (name !== undefined) await session.overlay.renameSnapshot(id, name.trim());
}

export async function squashSnapshots(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const session = await writableSession(context, clicked);
  if (session === undefined) return;
  const { overlay, info } = session;
  const all = await overlay.snapshots();
  if (all.length < 2) {
    mention(vscode.l10n.t("There is nothing to join: the overlay '{0}' has fewer than two snapshots.", info.name));
    return;
  }
  const ids = given.layers ?? (await vscode.window.showQuickPick(all.map((snapshot) => ({ ...snapshotRow(snapshot), picked: true })), {
    canPickMany: true, title: vscode.l10n.t("Squash Snapshots: {0}", info.name),
    placeHolder: vscode.l10n.t("Which snapshots become one? They must lie on each other."),
  }))?.flatMap(({ value }) => value ?? []);
  if (ids === undefined) return;
  const joined = await cancellable(
    vscode.l10n.t("Joining snapshots of '{0}'", info.name), vscode.l10n.t("Joining was cancelled; all snapshots are as they were."),
    (options) => overlay.squash(ids.length === 0 ? undefined : ids, options),
  );
  if (joined === undefined) return;
  context.log.info(`Joined ${ids.length === 0 ? "all" : String(ids.length)} snapshots of overlay '${info.name}' into '${joined.name}' (${joined.id})`);
  mention(vscode.l10n.t("The snapshots are one now, '{0}'. What the overlay shows is the same.", joined.name));
}
