/** Open All Changes: the changed files of an overlay, a folder or a selection beside the base's, in one editor. */
import * as vscode from "vscode";
import { type CommandContext, mention, pickSession, targetsOf, uriOf, virtualUriOf, type Target } from "./context.js";
import type { ShownChange } from "../changeModel.js";
import { ancestorsOf, nameOf } from "../paths.js";
import type { Session } from "../session.js";
import { layerUri, lowerUri, overlayUri } from "../uris.js";
import { belowName } from "./layerPicks.js";

/** VS Code reads both sides of each file when it opens them; past this many the user is asked. */
export const many = 500;
/** A side of more bytes than this would keep all others from being shown; a comparison of its own shows it. */
const largest = 16 * 1024 * 1024;

/** The file that a row is about, and its two sides; a missing one is undefined. */
type Sides = [vscode.Uri, vscode.Uri | undefined, vscode.Uri | undefined];

export async function openAllChanges(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  if (clicked !== undefined) return openMultiDiff(await targetsOf(context, clicked, selected));
  const session = await pickSession(context, clicked);
  if (session !== undefined) await openMultiDiff([{ session, path: "/" }]);
}

export async function openMultiDiff(targets: readonly Target[]): Promise<void> {
  for (const session of new Set(targets.map((target) => target.session))) {
    await openOf(session, targets.filter((target) => target.session === session).map(({ path }) => path));
  }
}

async function openOf(session: Session, paths: readonly string[]): Promise<void> {
  await session.changes.load();
  const within = changesWithin(session, paths);
  const files = within.filter(({ type }) => type === "file");
  if (files.length > many && !(await isConfirmed(files.length))) return;
  const looked = await Promise.all(files.map(async (change) => ((await isLarge(session, change)) ? "large" : isOldName(session, change) ? undefined : sidesOf(session, change))));
  const sides = looked.filter((found) => found !== undefined && found !== "large");
  const large = looked.filter((found) => found === "large").length;
  if (large > 0) {
    const text = large === 1 ? vscode.l10n.t("1 large file is left out. Its own row opens it.") : vscode.l10n.t("{0} large files are left out. Their own rows open them.", large);
    void vscode.window.showInformationMessage(text);
  }
  if (sides.length === 0) {
    if (large === 0) mention(within.length === 0
      ? vscode.l10n.t("There is nothing to open: it does not differ from the base.")
      : vscode.l10n.t("There is nothing to open: only folders and links differ from the base here."));
    return;
  }
  await vscode.commands.executeCommand("vscode.changes", titleOf(session, paths), sides);
}

/** The changes at and beneath these paths, in the order of their paths. */
function changesWithin({ changes }: Session, paths: readonly string[]): ShownChange[] {
  const wanted = new Set(paths);
  const found = changes.all().filter(({ path }) => wanted.has(path) || ancestorsOf(path).some((above) => wanted.has(above)));
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Where a renamed file was: the row of its new name has both sides. */
function isOldName({ changes }: Session, { kind, path }: ShownChange): boolean {
  return kind === "deleted" && changes.renamedTo(path) !== undefined;
}

/** @param layer the view to compare with: a snapshot's id, or "base"; undefined for what lies below the upper. */
export async function isLarge({ overlay }: Session, { kind, path }: ShownChange, layer?: string): Promise<boolean> {
  const sides = [...(kind === "deleted" ? [] : [overlay.lstat(path)]), ...(kind === "added" ? [] : [overlay.statLower(path, layer)])];
  const sizes = await Promise.all(sides.map((side) => side.then(({ size }) => size, () => 0)));
  return Math.max(...sizes) > largest;
}

/** @param layer as for `isLarge`. */
export async function sidesOf(session: Session, change: ShownChange, layer?: string): Promise<Sides> {
  const uri = uriOf({ session, path: change.path });
  const virtual = virtualUriOf({ session, path: change.path });
  const lower = (from?: vscode.Uri): vscode.Uri => (layer === undefined ? lowerUri(virtual, from) : layerUri(from ?? virtual, layer));
  switch (change.kind) {
    case "copied":
      return [uri, lower(), uri];
    case "renamed":
      return [uri, lower(overlayUri(session.info, change.from)), uri];
    case "added":
      return [uri, undefined, uri];
    case "deleted":
      return [uri, lower(), undefined];
    case "replaced":
      return [uri, (await session.overlay.statLower(change.path, layer).then(({ type }) => type === "file", () => false)) ? lower() : undefined, uri];
  }
}

function titleOf(session: Session, paths: readonly string[]): string {
  const [only] = paths;
  if (paths.length === 1 && only !== undefined && only !== "/") return vscode.l10n.t("{0}: Changes ({1} ↔ Overlay)", nameOf(only), belowName(session));
  return vscode.l10n.t("Overlay {0}: Changes", session.info.name);
}

export async function isConfirmed(count: number): Promise<boolean> {
  const yes = vscode.l10n.t("Open");
  const detail = vscode.l10n.t("Both sides of each are read. This can take a while, and much memory.");
  return (await vscode.window.showWarningMessage(vscode.l10n.t("Open the changes of {0} files at once?", count), { modal: true, detail }, yes)) === yes;
}
