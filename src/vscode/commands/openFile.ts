/** Open File, from a list of changes: the file itself, or of a deleted one what the base has. */
import * as vscode from "vscode";
import { lowerUri } from "../uris.js";
import { mention, targetsOf, uriOf, virtualUriOf, type CommandContext } from "./context.js";

export async function openFile(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  const targets = await targetsOf(context, clicked, selected);
  for (const target of targets) {
    const change = target.session.changes.get(target.path);
    const uri = uriOf(target);
    if (change?.type === "directory" && change.kind === "deleted") mention(vscode.l10n.t("The folder was deleted. Restore brings it back."));
    else if (change?.type === "directory") await vscode.commands.executeCommand("revealInExplorer", uri);
    // Of several each stays open, as none is a mere look.
    else await vscode.commands.executeCommand("vscode.open", change?.kind === "deleted" ? lowerUri(virtualUriOf(target)) : uri, { preview: targets.length === 1 });
  }
}
