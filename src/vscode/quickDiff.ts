/** The gutter beside a file of an overlay: what it is compared with is the base's file, where the base has one. */
import type * as vscode from "vscode";
import { overlayPathOf } from "./faces.js";
import type { Session } from "./session.js";
import { lowerUri, overlayUri } from "./uris.js";

export function quickDiffOf(session: Session): vscode.QuickDiffProvider {
  return {
    // Unchanged files as well: the marks are there while one types, before the first save.
    async provideOriginalResource(uri) {
      const address = overlayPathOf(uri);
      if (address?.id !== session.id || session.changes.get(address.path)?.kind === "added") return undefined;
      const lower = await session.overlay.statLower(address.path).catch(() => undefined);
      return lower?.type === "file" ? lowerUri(overlayUri(session.info, address.path)) : undefined;
    },
  };
}
