/** What is done from the Overlays view, or from the palette after a pick: open, rename, duplicate. */
import * as vscode from "vscode";
import type { OverlayInfo } from "../ports.js";
import type { OverlayNode } from "../overlaysView.js";
import { overlayPathOf } from "../faces.js";
import { baseText } from "../uris.js";
import type { CommandContext, Given } from "./context.js";
import { freeName, openIn, pickOverlay, trusted } from "./openFolder.js";
import { cancellable, tell } from "./progress.js";

/** A row of the view, an id, or a URI says which; else the user picks. */
export async function overlayOf(context: CommandContext, clicked: unknown, placeHolder: string): Promise<OverlayInfo | undefined> {
  if (isOverlayNode(clicked)) return context.store.info(clicked.info.id);
  if (typeof clicked === "string") return context.store.info(clicked);
  const address = clicked instanceof vscode.Uri ? overlayPathOf(clicked) : undefined;
  if (address !== undefined) return context.store.info(address.id);
  return pickOverlay(context, placeHolder);
}

export function isOverlayNode(value: unknown): value is OverlayNode {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "overlay" && "info" in value;
}

export async function openOverlay(context: CommandContext, clicked: unknown): Promise<void> {
  await open(context, clicked, "thisWindow");
}

export async function openOverlayInNewWindow(context: CommandContext, clicked: unknown): Promise<void> {
  await open(context, clicked, "newWindow");
}

async function open(context: CommandContext, clicked: unknown, where: "thisWindow" | "newWindow"): Promise<void> {
  const info = await overlayOf(context, clicked, vscode.l10n.t("Open which overlay?"));
  if (info !== undefined && (await trusted(context, info.base))) await openIn(info, where);
}

export async function renameOverlay(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const info = await overlayOf(context, clicked, vscode.l10n.t("Rename which overlay?"));
  if (info === undefined) return;
  const name = (given.name ?? (await vscode.window.showInputBox({
    title: vscode.l10n.t("Rename Overlay"), prompt: vscode.l10n.t("A new name for the overlay over {0}", baseText(info.base)), value: info.name,
    validateInput: (text) => (text.trim() === "" ? vscode.l10n.t("A name is needed.") : undefined),
  })))?.trim();
  if (name === undefined || name === "" || name === info.name) return;
  await context.overlays.whileClosed(info.id, () => context.store.rename(info.id, name));
  context.log.info(`Renamed overlay '${info.name}' (${info.id}) to '${name}'`);
  context.list.refresh();
}

/** At once, as an Explorer's copy: under a name of its own that can be changed afterwards. */
export async function duplicateOverlay(context: CommandContext, clicked: unknown, _selected: unknown, given: Given): Promise<void> {
  const info = await overlayOf(context, clicked, vscode.l10n.t("Duplicate which overlay?"));
  if (info === undefined) return;
  const name = given.name ?? (await freeName(context, info.name));
  const made = await cancellable(
    vscode.l10n.t("Duplicating '{0}'", info.name), vscode.l10n.t("Duplicating was cancelled; there is no second overlay."),
    ({ signal }) => context.overlays.whileClosed(info.id, () => context.store.duplicate(info.id, name, signal)),
  );
  context.list.refresh();
  if (made === undefined) return;
  context.log.info(`Duplicated overlay '${info.name}' (${info.id}) as '${made.name}' (${made.id})`);
  tell(context.log, "info", vscode.l10n.t("'{0}' was duplicated as '{1}'.", info.name, made.name), [
    { title: vscode.l10n.t("Open in New Window"), run: () => openOverlayInNewWindow(context, made.id) },
    { title: vscode.l10n.t("Rename…"), run: () => renameOverlay(context, made.id, undefined, {}) },
  ]);
}
