/** Compare with Snapshot…: merged beside what it was in a snapshot, or is in the base; one file, or all that differ. */
import * as vscode from "vscode";
import { isShown } from "../changeModel.js";
import { nameOf } from "../paths.js";
import type { Session } from "../session.js";
import { baseText, emptyUri } from "../uris.js";
import { mention, ofOneOverlay, virtualUriOf, type CommandContext, type Given } from "./context.js";
import { pickSnapshot } from "./layerPicks.js";
import { isConfirmed, isLarge, many, sidesOf } from "./multiDiff.js";
import { hasSnapshots } from "./snapshots.js";

export async function compareWithSnapshot(context: CommandContext, clicked: unknown, selected: unknown, given: Given): Promise<void> {
  const of = await ofOneOverlay(context, clicked, selected);
  if (of === undefined || !(await hasSnapshots(of.session))) return;
  const { session, paths } = of;
  const base = { label: `$(root-folder) ${vscode.l10n.t("Base")}`, description: baseText(session.info.base), value: "base" };
  const layer = given.layer ?? (await pickSnapshot(session, vscode.l10n.t("Compare with which snapshot?"), [base]));
  if (layer === undefined) return;
  const name = (await session.overlay.snapshots()).find(({ id }) => id === layer)?.name ?? vscode.l10n.t("Base");
  const [only] = paths;
  if (paths.length === 1 && only !== undefined && (await isFile(session, only, layer))) await compareFile(session, only, layer, name);
  else await compareAll(session, paths, layer, name);
}

/** A file on either side: a folder that was a file before is compared as the folder that it is. */
async function isFile({ overlay }: Session, path: string, layer: string): Promise<boolean> {
  const type = await overlay.lstat(path).then((stat) => stat.type, () => undefined);
  return (type ?? (await overlay.statLower(path, layer).then((stat) => stat.type, () => undefined))) === "file";
}

async function compareFile(session: Session, path: string, layer: string, name: string): Promise<void> {
  const [change] = (await session.overlay.changes(path, { since: layer })).filter((one) => one.path === path);
  if (change === undefined) {
    mention(vscode.l10n.t("'{0}' does not differ from '{1}'.", nameOf(path), name));
    return;
  }
  const [, left, right] = await sidesOf(session, change, layer);
  const uri = virtualUriOf({ session, path });
  await vscode.commands.executeCommand("vscode.diff", left ?? emptyUri(uri), right ?? emptyUri(uri), vscode.l10n.t("{0} ({1} ↔ Overlay)", nameOf(path), name), { preview: true });
}

async function compareAll(session: Session, paths: readonly string[], layer: string, name: string): Promise<void> {
  const { overlay, info } = session;
  const found = (await Promise.all(paths.map((path) => overlay.changes(path, { since: layer })))).flat();
  const old = new Set(found.flatMap((change) => (change.kind === "renamed" ? [change.from] : [])));
  // Where a renamed file was: the row of its new name has both sides.
  const files = [...new Map(found.filter((change) => isShown(change) && change.type === "file" && !(change.kind === "deleted" && old.has(change.path))).map((change) => [change.path, change])).values()];
  if (files.length === 0) {
    mention(vscode.l10n.t("No file differs from '{0}'.", name));
    return;
  }
  if (files.length > many && !(await isConfirmed(files.length))) return;
  const small = await Promise.all(files.map(async (change) => ((await isLarge(session, change, layer)) ? [] : [await sidesOf(session, change, layer)])));
  const left = small.filter((one) => one.length === 0).length;
  if (left > 0) void vscode.window.showInformationMessage(vscode.l10n.t("Large files are left out: {0}. Compare each by itself.", left));
  await vscode.commands.executeCommand("vscode.changes", vscode.l10n.t("Overlay {0}: Changes since '{1}'", info.name, name), small.flat());
}
