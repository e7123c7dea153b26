/** Compare with Base: both sides where there are two, an empty one beside it where there is one. */
import * as vscode from "vscode";
import type { Change, Overlay } from "../../engine/index.js";
import { nameOf } from "../paths.js";
import { emptyUri, lowerUri, overlayUri } from "../uris.js";
import { belowName } from "./layerPicks.js";
import { openMultiDiff } from "./multiDiff.js";
import { mention, targetsOf, uriOf, virtualUriOf, type CommandContext, type Target } from "./context.js";

/** Git's measure for "binary": a NUL within the first bytes. */
const sniffLength = 8000;

type Sides = "both" | "overlayOnly" | "baseOnly";

export async function compareWithBase(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  await compare(await targetsOf(context, clicked, selected), { preview: true });
}

/**
 * What a click on a row of a view does: the comparison is shown, and keys still go to the view. The Source Control view
 * says itself whether they do.
 */
export async function previewChange(context: CommandContext, clicked: unknown, preserveFocus: unknown): Promise<void> {
  await compare(await targetsOf(context, clicked, undefined), { preview: true, preserveFocus: preserveFocus !== false });
}

/** One file in a comparison of its own; several, and what lies in a folder, in one editor. */
async function compare(targets: readonly Target[], options: vscode.TextDocumentShowOptions): Promise<void> {
  const [first] = targets;
  if (first === undefined) return;
  const { session: { changes }, path } = first;
  const beneath = changes.countWithin(path) - (changes.get(path) === undefined ? 0 : 1);
  if (targets.length > 1 || beneath > 0) await openMultiDiff(targets);
  else await compareOne(first, options);
}

async function compareOne(target: Target, options: vscode.TextDocumentShowOptions): Promise<void> {
  const { session: { overlay }, path } = target;
  const change = await overlay.changeOf(path);
  const sides = await sidesOf(overlay, path, change);
  if (sides === undefined) {
    mention(change === undefined
      ? vscode.l10n.t("'{0}' does not differ from '{1}'.", nameOf(path), belowName(target.session))
      : vscode.l10n.t("'{0}' is a folder: it has no content of its own to compare.", nameOf(path)));
    return;
  }
  const uri = uriOf(target);
  const name = nameOf(path);
  if (sides === "both") {
    const from = change?.kind === "renamed" ? change.from : undefined;
    const lower = lowerUri(virtualUriOf(target), from === undefined ? undefined : overlayUri(target.session.info, from));
    const both = from === undefined || nameOf(from) === name ? name : `${nameOf(from)} → ${name}`;
    await vscode.commands.executeCommand("vscode.diff", lower, uri, vscode.l10n.t("{0} ({1} ↔ Overlay)", both, belowName(target.session)), options);
    return;
  }
  const [only, left, right, title] = sides === "overlayOnly"
    ? [uri, emptyUri(virtualUriOf(target)), uri, vscode.l10n.t("{0} (Added)", name)] as const
    : [lowerUri(virtualUriOf(target)), lowerUri(virtualUriOf(target)), emptyUri(virtualUriOf(target)), vscode.l10n.t("{0} (Deleted)", name)] as const;
  // An image viewer makes nothing of an empty file: such content is shown alone.
  if (await isBinary(overlay, path, sides)) await vscode.commands.executeCommand("vscode.open", only, options, title);
  else await vscode.commands.executeCommand("vscode.diff", left, right, title, options);
}

/** Which sides have a file to show; undefined when nothing differs. */
async function sidesOf(overlay: Overlay, path: string, change: Change | undefined): Promise<Sides | undefined> {
  switch (change?.kind) {
    case undefined:
      return undefined;
    case "added":
      return change.type === "directory" ? undefined : "overlayOnly";
    case "deleted":
      return change.type === "directory" ? undefined : "baseOnly";
    case "copied":
    case "replaced":
    case "renamed": {
      const lower = await overlay.statLower(path).then(({ type }) => type !== "directory", () => false);
      const upper = change.type !== "directory";
      return lower && upper ? "both" : upper ? "overlayOnly" : lower ? "baseOnly" : undefined;
    }
  }
}

export function looksBinary(content: Uint8Array): boolean {
  return content.subarray(0, sniffLength).includes(0);
}

async function isBinary(overlay: Overlay, path: string, sides: Exclude<Sides, "both">): Promise<boolean> {
  if (sides === "baseOnly") return looksBinary(await overlay.readLowerFile(path));
  const handle = await overlay.open(path, "r");
  try {
    const start = new Uint8Array(sniffLength);
    return start.subarray(0, await handle.read(start, 0)).includes(0);
  } finally {
    await handle.close();
  }
}
