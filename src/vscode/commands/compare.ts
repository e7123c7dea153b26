/** Compare with Base: both sides where there are two, an empty one beside it where there is one. */
import * as vscode from "vscode";
import type { Change, Overlay } from "../../engine/index.js";
import { nameOf } from "../paths.js";
import { emptyUri, lowerUri } from "../uris.js";
import { mention, targetsOf, uriOf, type CommandContext, type Target } from "./context.js";

/** Git's measure for "binary": a NUL within the first bytes. */
const sniffLength = 8000;

type Sides = "both" | "overlayOnly" | "baseOnly";

export async function compareWithBase(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  for (const target of await targetsOf(context, clicked, selected)) await compareOne(target, { preview: true });
}

/** What a click on a row of the view does: the comparison is shown, and keys still go to the view. */
export async function previewChange(context: CommandContext, clicked: unknown): Promise<void> {
  for (const target of await targetsOf(context, clicked, undefined)) await compareOne(target, { preview: true, preserveFocus: true });
}

async function compareOne(target: Target, options: vscode.TextDocumentShowOptions): Promise<void> {
  const { session: { overlay }, path } = target;
  const change = await overlay.changeOf(path);
  const sides = await sidesOf(overlay, path, change);
  if (sides === undefined) {
    mention(vscode.l10n.t("'{0}' does not differ from the base.", nameOf(path)));
    return;
  }
  const uri = uriOf(target);
  const name = nameOf(path);
  if (sides === "both") {
    await vscode.commands.executeCommand("vscode.diff", lowerUri(uri), uri, vscode.l10n.t("{0} (Base ↔ Overlay)", name), options);
    return;
  }
  const [only, left, right, title] = sides === "overlayOnly"
    ? [uri, emptyUri(uri), uri, vscode.l10n.t("{0} (Added)", name)] as const
    : [lowerUri(uri), lowerUri(uri), emptyUri(uri), vscode.l10n.t("{0} (Deleted)", name)] as const;
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

async function isBinary(overlay: Overlay, path: string, sides: Exclude<Sides, "both">): Promise<boolean> {
  if (sides === "baseOnly") return (await overlay.readLowerFile(path)).subarray(0, sniffLength).includes(0);
  const handle = await overlay.open(path, "r");
  try {
    const start = new Uint8Array(sniffLength);
    return start.subarray(0, await handle.read(start, 0)).includes(0);
  } finally {
    await handle.close();
  }
}
