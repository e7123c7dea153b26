/**
 * Reset Layers…: throws away what lies above a layer, in one step whatever the size, or what was changed in a pick of
 * folders. Nothing is asked, as all of it can be brought back: the notification at the end has the Undo.
 */
import * as vscode from "vscode";
import type { LayerInfo } from "../../engine/index.js";
import { ChangeTree, isFolder } from "../changeTree.js";
import { nameOf } from "../paths.js";
import type { Session } from "../session.js";
import { mention, type CommandContext, type Given } from "./context.js";
import { countInUpper, pickFilled, snapshotRow, type Row } from "./layerPicks.js";
import { resetEach } from "./reset.js";
import { writableSession } from "./snapshots.js";
import { droppedBy, offerUndo } from "./undoReset.js";
import { ago, bytes, counted } from "./text.js";
import { baseText } from "../uris.js";

/** In place of a layer: single folders and files of the upper. */
const someOnly = " some";

export async function resetLayers(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const session = await writableSession(context, clicked);
  if (session === undefined) return;
  const { overlay, info, changes } = session;
  const snapshots = await overlay.snapshots();
  const count = await countInUpper(session);
  if (count === 0 && snapshots.length === 0) {
    mention(vscode.l10n.t("There is nothing to reset: '{0}' does not differ from the base.", info.name));
    return;
  }
  const layer = given.layer ?? (await pickLayer(session, count));
  if (layer === undefined) return;
  if (layer === someOnly) {
    await changes.load();
    await resetSome(context, session);
    return;
  }
  const title = vscode.l10n.t("Resetting '{0}'…", info.name);
  session.askBaseAgain(["/"]);
  // One step whatever the size, so there is nothing to cancel.
  const ids = await droppedBy(session, () => vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, () => overlay.resetTo(layer)));
  const snapshot = snapshots.find(({ id }) => id === layer) ?? (layer === "upper" ? snapshots[0] : undefined);
  offerUndo(context, session, snapshot === undefined
    ? vscode.l10n.t("'{0}' is as the base again.", info.name)
    : vscode.l10n.t("'{0}' is as in the snapshot '{1}' again.", info.name, snapshot.name), ids);
}

/** The upper, the snapshots and the base as they lie on each other. */
async function pickLayer(session: Session, count: number): Promise<string | undefined> {
  const { overlay, info } = session;
  const snapshots = await overlay.snapshots();
  const rows = (infos?: readonly LayerInfo[]): Row<string>[] => {
    const upper = infos?.find(({ id }) => id === "upper");
    const [top] = snapshots;
    return [
      {
        label: `$(edit) ${top === undefined ? vscode.l10n.t("All changes") : vscode.l10n.t("Changes since '{0}'", top.name)}`,
        description: [...(upper === undefined ? [] : [ago(upper.created)]), counted(count), ...(upper === undefined ? [] : [bytes(upper.bytes)])].join(" · "),
        detail: top === undefined ? vscode.l10n.t("Back to the base") : vscode.l10n.t("Throw away these alone"), value: "upper",
      },
      ...snapshots.map((snapshot, at): Row<string> => ({ ...snapshotRow(snapshot, infos), detail: at === 0 ? vscode.l10n.t("Back to this snapshot") : backTo(snapshots.slice(0, at).map(({ name }) => name)) })),
      ...(top === undefined ? [] : [{ label: `$(root-folder) ${vscode.l10n.t("Base")}`, description: baseText(info.base), detail: vscode.l10n.t("Throw away everything, snapshots too"), value: "base" }]),
      ...(count === 0 ? [] : [{ label: vscode.l10n.t("or"), kind: vscode.QuickPickItemKind.Separator }, { label: `$(list-selection) ${vscode.l10n.t("Only Some Folders and Files…")}`, value: someOnly }]),
    ];
  };
  return pickFilled(
    { title: vscode.l10n.t("Reset Layers: {0}", info.name), placeholder: vscode.l10n.t("Throw away what lies above which layer? It can be brought back.") },
    rows(), async (signal, draw) => { draw(rows(await overlay.layerInfo({ signal }))); },
  );
}

function backTo(gone: readonly string[]): string {
  return vscode.l10n.t("Back to this snapshot; throw away {0} too", gone.map((name) => `'${name}'`).join(", "));
}

async function resetSome(context: CommandContext, session: Session): Promise<void> {
  const { changes, info } = session;
  // In the order of the Overlay Changes view.
  const items = ChangeTree.sorted(new ChangeTree(changes.all()).root).map((row) => ({
    label: `$(${isFolder(row) ? "folder" : "file"}) ${row.name}`, description: counted(changes.countWithin(row.path)), path: row.path,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    canPickMany: true, title: vscode.l10n.t("Reset Layers: {0}", info.name), placeHolder: vscode.l10n.t("Throw away the changes in which of these? They can be brought back."),
  });
  const paths = picked?.map(({ path }) => path) ?? [];
  if (paths.length === 0) return;
  const ids = await droppedBy(session, () => resetEach(context, session, paths));
  offerUndo(context, session, vscode.l10n.t("The changes in {0} were thrown away.", paths.map((path) => `'${nameOf(path)}'`).join(", ")), ids);
}
