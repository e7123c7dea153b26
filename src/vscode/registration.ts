/**
 * Registers the two schemes. VS Code takes one answer per scheme for "are names that differ in case different?", where
 * each overlay has its own. Two names called one would let an editor overwrite the wrong file; one name called two
 * shows a file twice. So a window is case-sensitive as soon as one of its overlays is, and stays so.
 * Read-only is one answer per scheme too; an overlay that another window owns says so in each stat instead.
 */
import * as vscode from "vscode";
import type { BaseFileSystem } from "./baseFileSystem.js";
import type { OverlayFileSystem } from "./fileSystemProvider.js";
import type { Overlays } from "./overlays.js";
import type { OverlayStore } from "./ports.js";
import { baseScheme, isOverlayUri, overlayScheme } from "./uris.js";

export class Registration implements vscode.Disposable {
  private registered: vscode.Disposable | undefined;
  private sensitive = true;

  constructor(private readonly files: OverlayFileSystem, private readonly bases: BaseFileSystem, overlays: Overlays) {
    overlays.onDidOpen(({ caseSensitive }) => {
      if (caseSensitive && !this.sensitive) this.register(true);
    });
  }

  /** Finds out about the workspace's overlays first: registering anew later would disturb open editors. */
  async start(store: OverlayStore): Promise<void> {
    const folders = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => isOverlayUri(uri));
    const answers = await Promise.all(folders.map(async ({ uri }) => {
      try {
        return await store.caseSensitive((await store.info(uri.authority)).base);
      } catch {
        return true; // It does not open; that is said when it is used.
      }
    }));
    this.register(answers.length === 0 || answers.includes(true));
  }

  dispose(): void {
    this.registered?.dispose();
  }

  private register(isCaseSensitive: boolean): void {
    this.registered?.dispose();
    this.sensitive = isCaseSensitive;
    this.registered = vscode.Disposable.from(
      vscode.workspace.registerFileSystemProvider(overlayScheme, this.files, { isCaseSensitive }),
      vscode.workspace.registerFileSystemProvider(baseScheme, this.bases, {
        isCaseSensitive,
        isReadonly: new vscode.MarkdownString(vscode.l10n.t("This is the base, which is never changed.")),
      }),
    );
  }
}
