/**
 * Keep Mine: a change whose base has moved since is kept as it is. To take the base is Restore under the name that it has
 * here; to have something of both: threeWays.ts.
 */
import * as vscode from "vscode";
import { make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import { isWithin, nameOf } from "../paths.js";
import { mention, targetsOf, type CommandContext, type Target } from "./context.js";

export async function keepMine(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  await keep(await targetsOf(context, clicked, selected));
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
