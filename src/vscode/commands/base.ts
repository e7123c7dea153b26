/** What is done with a base that is not on a disk: asked for everything anew, or no longer waited for. */
import * as vscode from "vscode";
import type { Session } from "../session.js";
import { baseText } from "../uris.js";
import { mention, pickSession, type CommandContext } from "./context.js";

export async function refreshBase(context: CommandContext, clicked: unknown): Promise<void> {
  const session = await pickSession(context, clicked, isRemote);
  if (session === undefined || !isRemote(session)) {
    mention(vscode.l10n.t("Only bases that are not on a disk need to be refreshed."));
    return;
  }
  await context.files.refreshBase(session);
}

export async function stopWaiting({ overlays, log }: CommandContext): Promise<void> {
  for (const { remote, info } of overlays.all()) {
    if (remote === undefined || remote.state.waiting === 0) continue;
    log.info(`No longer waiting for ${baseText(info.base)}`);
    remote.cancel();
  }
}

function isRemote({ remote }: Session): boolean {
  return remote !== undefined;
}
