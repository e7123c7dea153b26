/**
 * What to do with a change whose base has moved since: keep it as it is, or look at both and take over by hand. To take
 * the base is Restore under the name that it has here.
 */
import * as vscode from "vscode";
import { make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import { isWithin, nameOf } from "../paths.js";
import { compareWithBase } from "./compare.js";
import { mention, targetsOf, type CommandContext, type Target } from "./context.js";

export async function keepMine(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  await keep(await targetsOf(context, clicked, selected));
}

/**
 * VS Code's merge editor wants a third side, what the base had when the change was made, and that is not kept: so both
 * that there are, side by side, and a word on how to go on from there.
 */
export async function mergeInEditor(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  const targets = await targetsOf(context, clicked, selected);
  await compareWithBase(context, clicked, selected);
  if (targets.length === 0) return;
  const text = vscode.l10n.t("What the base had before is not kept, so nothing can be merged by itself. Take over what you want from the left, save, and choose Keep Mine.");
  const keepNow = vscode.l10n.t("Keep Mine");
  // Not waited for: the comparison is what one works in meanwhile.
  void vscode.window.showInformationMessage(text, keepNow).then(async (chosen) => {
    if (chosen === keepNow) await vscode.commands.executeCommand("overlay.keepMine", clicked, selected);
  });
}

async function keep(targets: readonly Target[]): Promise<void> {
  let kept = 0;
  for (const { session, path } of targets) {
    const reason = readOnlyReason(session);
    if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was kept: {0}.", reason));
    await session.changes.load();
    const stale = session.changes.all().filter((change) => change.stale === true && isWithin(change.path, path));
    for (const change of stale) await session.overlay.adoptOrigin(change.path);
    kept += stale.length;
  }
  const [first] = targets;
  if (kept === 0 && first !== undefined) mention(vscode.l10n.t("The base of '{0}' has not changed since.", nameOf(first.path)));
}
