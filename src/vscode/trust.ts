/**
 * VS Code trusts a window on overlay: by itself, even when the folder beneath was never trusted. So this asks, once for
 * each base folder. What VS Code trusts already, and what the user named when starting it, needs no question.
 */
import * as vscode from "vscode";
import { isWithin } from "./paths.js";
import { baseText, isBaseUri } from "./uris.js";

const key = "trustedBases";

export class Trust {
  private readonly asking = new Map<string, Promise<boolean>>();
  /** A "no" holds until the user takes the folder up again: the editor goes on asking for paths in it. */
  private readonly refused = new Set<string>();

  constructor(
    private readonly memento: vscode.Memento,
    /** A folder that was named to this process from outside, with no question wanted. */
    private readonly vouched: () => string | undefined,
  ) {}

  /** The folder of this window that an overlay over the base is mounted at: VS Code asks of that one itself. */
  readonly mounts = new Map<string, string>();

  /** Whether the base is trusted, asking the user if that is not known. */
  ensure(base: string): Promise<boolean> {
    if (this.isTrusted(base)) return Promise.resolve(true);
    if (this.refused.has(base)) return Promise.resolve(false);
    // Many paths of one overlay are asked for at once; the user is asked once.
    const asked = this.asking.get(base) ?? this.ask(base).finally(() => { this.asking.delete(base); });
    this.asking.set(base, asked);
    return asked;
  }

  /** The user wants the folder after all: ask again next time. */
  askAgain(base: string): void {
    this.refused.delete(base);
  }

  isTrusted(base: string): boolean {
    return this.vouched() === base || this.remembered().some((folder) => isWithin(base, folder)) || inTrustedWorkspace(base, this.mounts);
  }

  async remember(base: string): Promise<void> {
    if (this.remembered().includes(base)) return;
    await this.memento.update(key, [...this.remembered(), base]);
  }

  private remembered(): readonly string[] {
    return this.memento.get<string[]>(key, []);
  }

  private async ask(base: string): Promise<boolean> {
    const yes = vscode.l10n.t("Trust and Open");
    const answer = await vscode.window.showWarningMessage(
      vscode.l10n.t("Do you trust the authors of the files in '{0}'?", baseText(base)),
      {
        modal: true,
        detail: vscode.l10n.t("An overlay never changes this folder, but VS Code and extensions may run code that lies in it, as in any folder that you open. VS Code does not ask for overlays itself."),
      },
      yes,
    );
    if (answer !== yes) {
      this.refused.add(base);
      return false;
    }
    await this.remember(base);
    return true;
  }
}

/** VS Code's own answer, where it has one: the base lies in a folder of a trusted workspace on disk, or is mounted as one. */
function inTrustedWorkspace(base: string, mounts: ReadonlyMap<string, string>): boolean {
  // Who switched the question off has answered it for every folder.
  if (!vscode.workspace.getConfiguration("security.workspace.trust").get<boolean>("enabled", true)) return true;
  // A window on a folder that is not on a disk is trusted by itself, too: that says nothing.
  if (!vscode.workspace.isTrusted || isBaseUri(base)) return false;
  return (vscode.workspace.workspaceFolders ?? []).some(({ uri }) => uri.scheme === "file" && (isWithin(vscode.Uri.file(base).path, uri.path) || mounts.get(uri.path) === base));
}
