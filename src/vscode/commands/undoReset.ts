/**
 * Undo Reset… and Empty Trash, and the Undo that other commands offer in a notification. What stands in the way is said
 * by the engine, which has changed nothing then; where it can take that away in turn, the notification offers it.
 */
import * as vscode from "vscode";
import { isCode, type Dropped } from "../../engine/index.js";
import { describe } from "../errors.js";
import { nameOf } from "../paths.js";
import type { Session } from "../session.js";
import { mention, type CommandContext, type Given } from "./context.js";
import { pickFilled, type Row } from "./layerPicks.js";
import { tell, type Offer } from "./progress.js";
import { writableSession } from "./snapshots.js";
import { ago, bytes } from "./text.js";

/** Does something, and returns the ids of what it dropped, newest first. What the user deletes meanwhile is not part of it. */
export async function droppedBy({ overlay }: Session, work: () => PromiseLike<unknown>): Promise<readonly string[]> {
  const before = new Set((await overlay.dropped()).map(({ id }) => id));
  await work();
  return (await overlay.dropped()).filter(({ id, what }) => !before.has(id) && what !== "delete").map(({ id }) => id);
}

/** Says what was done, with "Undo" where there is something to undo. */
export function offerUndo(context: CommandContext, session: Session, text: string, ids: readonly string[]): void {
  const undo: Offer = { title: vscode.l10n.t("Undo"), run: () => bringBackAll(context, session, ids) };
  tell(context.log, "info", text, ids.length === 0 ? [] : [undo]);
}

/** The newest first: what was dropped last lay on what was dropped before. */
async function bringBackAll(context: CommandContext, session: Session, ids: readonly string[]): Promise<void> {
  for (const id of ids) if (!(await bringBack(context, session, id, false))) return;
}

export async function undoReset(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const session = await writableSession(context, clicked);
  if (session === undefined) return;
  const id = given.dropped ?? (await pickDropped(session));
  if (id !== undefined) await bringBack(context, session, id, given.replace === true);
}

async function bringBack(context: CommandContext, session: Session, id: string, replace: boolean): Promise<boolean> {
  const { overlay } = session;
  const item = (await overlay.dropped()).find((one) => one.id === id);
  let inPlaceOf: readonly string[];
  try {
    inPlaceOf = await droppedBy(session, () => overlay.bringBack(id, { replace }));
  } catch (error) {
    // Whoever calls the command with everything given is told by the same notification: nothing is decided for anybody.
    context.log.warn(describe(error));
    const offers: Offer[] = item !== undefined && isWhole(item) && isCode(error, "EEXIST")
      ? [{ title: vscode.l10n.t("Bring Back in Its Place"), run: () => bringBack(context, session, id, true) }] : [];
    tell(context.log, "warning", describe(error), offers);
    return false;
  }
  context.log.info(`Brought back ${item?.path ?? id} in overlay '${session.info.name}'`);
  const what = item === undefined ? vscode.l10n.t("It is back.") : isWhole(item) ? vscode.l10n.t("The changes of '{0}' are back.", session.info.name) : vscode.l10n.t("'{0}' is back.", nameOf(item.path ?? ""));
  if (inPlaceOf.length === 0) mention(what);
  else offerUndo(context, session, `${what} ${vscode.l10n.t("What was in its place was thrown away.")}`, inPlaceOf);
  return true;
}

/** A whole upper, alone or with snapshots: the only thing that can take the place of what is there. */
function isWhole({ what }: Dropped): boolean {
  return what === "reset-all" || what === "reset-to" || what === "thawed";
}

async function pickDropped(session: Session): Promise<string | undefined> {
  const { overlay, info } = session;
  const all = await overlay.dropped();
  if (all.length === 0) {
    mention(vscode.l10n.t("There is nothing to bring back in the overlay '{0}'.", info.name));
    return undefined;
  }
  const sizes = new Map<string, number>();
  const rows = (): Row<string>[] => all.map((item) => rowOf(item, sizes.get(item.id)));
  return pickFilled({ title: vscode.l10n.t("Undo Reset: {0}", info.name), placeholder: vscode.l10n.t("Bring back what?") }, rows(), async (signal, draw) => {
    for (const [at, { id }] of all.entries()) {
      // What was forgotten since the list was made has no size.
      const size = await overlay.sizeOfDropped(id, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      if (size !== undefined) sizes.set(id, size);
      // The first ones are seen at once; drawing a long list for each of its rows would be all that is done.
      if (at < 20 || at % 50 === 0) draw(rows());
    }
    draw(rows());
  });
}

function rowOf(item: Dropped, size: number | undefined): Row<string> {
  const { id, path, when, type } = item;
  const icon = isWhole(item) ? "layers" : type === "directory" ? "folder" : type === "whiteout" ? "trash" : "file";
  const label = isWhole(item) ? vscode.l10n.t("All changes") : path === undefined ? vscode.l10n.t("(place not known)") : path.slice(1);
  return { label: `$(${icon}) ${label}`, description: [ago(when), ...(size === undefined || type === "whiteout" ? [] : [bytes(size)])].join(" · "), detail: howOf(item), value: id };
}

function howOf({ what, type, snapshots }: Dropped): string {
  switch (what) {
    case "delete":
      return vscode.l10n.t("deleted");
    case "reset":
      return type === "whiteout" ? vscode.l10n.t("a deletion that was taken back: bringing it back deletes again") : vscode.l10n.t("reset");
    case "replaced":
      return vscode.l10n.t("replaced by a copy");
    case "reset-all":
      return vscode.l10n.t("everything was reset");
    case "reset-to":
      return vscode.l10n.t("layers were reset, with the snapshots {0}", snapshots.map(({ name }) => `'${name}'`).join(", "));
    case "thawed":
      return vscode.l10n.t("as it was before it was applied, with the snapshots {0}", snapshots.map(({ name }) => `'${name}'`).join(", "));
    case "unknown":
      return vscode.l10n.t("thrown away just before a crash");
  }
}

/** Final, so it is asked about, with how much it frees. A caller that names everything with `layers` is not asked. */
export async function emptyTrash(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const session = await writableSession(context, clicked);
  if (session === undefined) return;
  const { overlay, info } = session;
  const all = await overlay.dropped();
  if (all.length === 0) {
    mention(vscode.l10n.t("The trash of the overlay '{0}' is empty.", info.name));
    return;
  }
  const ids = given.layers ?? (await confirmed(session, all));
  if (ids === undefined) return;
  const title = vscode.l10n.t("Emptying the trash of '{0}'…", info.name);
  const freed = await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, () => overlay.forget(ids.length === 0 ? undefined : ids));
  context.log.info(`Emptied the trash of overlay '${info.name}': ${String(freed)} bytes`);
  mention(vscode.l10n.t("The trash of '{0}' was emptied: {1} are free now.", info.name, bytes(freed)));
}

/** What was counted is what goes: things thrown away while the question stands are not part of it. */
async function confirmed({ overlay, info }: Session, all: readonly Dropped[]): Promise<readonly string[] | undefined> {
  let size = 0;
  const title = vscode.l10n.t("Looking at the trash of '{0}'…", info.name);
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, async () => {
    for (const { id } of all) size += await overlay.sizeOfDropped(id).catch(() => 0);
  });
  const yes = vscode.l10n.t("Empty Trash");
  const question = vscode.l10n.t("Delete for good what was thrown away in the overlay '{0}'?", info.name);
  const detail = all.length === 1
    ? vscode.l10n.t("1 entry, {0}. Nothing brings it back then. The overlay and its base folder are not touched.", bytes(size))
    : vscode.l10n.t("{0} entries, {1}. Nothing brings them back then. The overlay and its base folder are not touched.", all.length, bytes(size));
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes ? all.map(({ id }) => id) : undefined;
}
