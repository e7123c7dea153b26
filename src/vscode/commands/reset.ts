/** Reset to Base, for files, folders and selections, and Reset Layers…, for everything or a pick of folders. */
import * as vscode from "vscode";
import { ChangeTree, isFolder } from "../changeTree.js";
import { describe, make } from "../errors.js";
import { readOnlyReason } from "../fileSystemProvider.js";
import { isWithin, nameOf, outermost } from "../paths.js";
import type { Session } from "../session.js";
import { mention, pickSession, targetsOf, type CommandContext, type Target } from "./context.js";
import { counted } from "./text.js";

/** Whether the user is asked first: always, or for all but one file that can be had back. */
type Asking = "always" | "forMany";

export async function resetToBase(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  await reset(context, clicked, selected, "always");
}

/** The same for the row of one file, as its button says it: no question, as the trash keeps what it was. */
export async function restore(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  await reset(context, clicked, selected, "forMany");
}

async function reset(context: CommandContext, clicked: unknown, selected: unknown, asking: Asking): Promise<void> {
  const targets = await targetsOf(context, clicked, selected);
  const changed: Target[] = [];
  for (const session of new Set(targets.map((target) => target.session))) {
    refuseReadOnly(session);
    await session.changes.load();
    const paths = outermost(targets.flatMap((target) => (target.session === session ? [target.path] : [])));
    changed.push(...paths.filter((path) => session.changes.countWithin(path) > 0).map((path) => ({ session, path })));
  }
  const [first] = changed;
  if (first === undefined) {
    if (targets.length > 0) mention(vscode.l10n.t("There is nothing to reset: it does not differ from the base."));
    return;
  }
  const oneFile = changed.length === 1 && isChangedFile(first);
  if (asking === "always" || !oneFile) {
    if (!(await confirmed(changed, first))) return;
  }
  if (changed.length > progressFrom) {
    for (const session of new Set(changed.map((target) => target.session))) {
      await resetEach(context, session, changed.flatMap((target) => (target.session === session ? [target.path] : [])));
    }
    return;
  }
  const losing = !losesNothing(first);
  for (const { session, path } of changed) await session.overlay.reset(path === "/" ? undefined : path);
  if (asking === "forMany" && oneFile && losing) {
    mention(vscode.l10n.t("'{0}' is as in the base again. What it was is kept in the overlay's trash for seven days.", nameOf(first.path)));
  }
}

/** A file that the base has too: what is only here is not dropped without a question. */
function isChangedFile({ session, path }: Target): boolean {
  const change = session.changes.get(path);
  return change !== undefined && change.type !== "directory" && change.kind !== "added";
}

/** A key in the view acts on what is selected there; anywhere else a selection in the view means nothing. */
export async function resetSelection(context: CommandContext): Promise<void> {
  const [first] = context.view.selection;
  if (first !== undefined) await resetToBase(context, first, context.view.selection);
}

function refuseReadOnly(session: Session): void {
  const reason = readOnlyReason(session);
  if (reason !== undefined) throw make("NoPermissions", vscode.l10n.t("Nothing was reset: {0}.", reason));
}

/** Bringing back what was deleted loses nothing, and needs no question. */
function losesNothing({ session, path }: Target): boolean {
  return session.changes.get(path)?.kind === "deleted";
}

async function confirmed(changed: readonly Target[], first: Target): Promise<boolean> {
  if (changed.every(losesNothing)) return true;
  const count = changed.reduce((sum, { session, path }) => sum + session.changes.countWithin(path), 0);
  const question = questionFor(changed, first);
  return ask(question, count, changed.length === 1 && first.session.changes.get(first.path)?.kind === "added" ? vscode.l10n.t("Delete") : vscode.l10n.t("Reset"));
}

function questionFor(changed: readonly Target[], first: Target): string {
  if (changed.length > 1) return vscode.l10n.t("Reset {0} selected entries to the base?", changed.length);
  if (first.path === "/") return vscode.l10n.t("Throw away all changes of '{0}'?", first.session.info.name);
  const name = nameOf(first.path);
  if (first.session.changes.get(first.path)?.kind === "added") return vscode.l10n.t("'{0}' is not in the base. Delete it?", name);
  return vscode.l10n.t("Reset '{0}' to the base?", name);
}

async function ask(question: string, count: number, yes: string): Promise<boolean> {
  const what = count === 1 ? vscode.l10n.t("1 change is thrown away.") : vscode.l10n.t("{0} changes are thrown away.", count);
  const detail = `${what} ${vscode.l10n.t("The base folder is not touched. There is no command yet that brings them back.")}`;
  return (await vscode.window.showWarningMessage(question, { modal: true, detail }, yes)) === yes;
}

/** From this many on there is a progress to see, and to stop. */
const progressFrom = 20;

interface LayerItem extends vscode.QuickPickItem {
  /** Undefined: everything. */
  readonly path?: string;
}

export async function resetLayers(context: CommandContext, clicked: unknown): Promise<void> {
  const session = await pickSession(context, clicked, ({ access }) => access.kind === "writable");
  if (session === undefined) return;
  refuseReadOnly(session);
  await session.changes.load();
  const total = session.changes.count ?? 0;
  if (total === 0) {
    mention(vscode.l10n.t("There is nothing to reset: '{0}' does not differ from the base.", session.info.name));
    return;
  }
  const picked = await pickLayers(session, total);
  if (picked.length === 0) return;
  const everything = picked.some(({ path }) => path === undefined);
  const paths = everything ? [] : picked.flatMap(({ path }) => path ?? []);
  const count = everything ? total : paths.reduce((sum, path) => sum + session.changes.countWithin(path), 0);
  const question = everything
    ? vscode.l10n.t("Throw away all changes of '{0}'?", session.info.name)
    : vscode.l10n.t("Throw away the changes in {0}?", paths.map((path) => `'${nameOf(path)}'`).join(", "));
  if (!(await ask(question, count, vscode.l10n.t("Reset")))) return;
  if (everything) await resetEverything(session);
  else await resetEach(context, session, paths);
}

/** Everything is picked at first; it and the folders exclude each other. Empty when the user turned away. */
function pickLayers(session: Session, total: number): Promise<readonly LayerItem[]> {
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<LayerItem>();
    pick.canSelectMany = true;
    pick.title = vscode.l10n.t("Reset Layers: {0}", session.info.name);
    pick.placeholder = vscode.l10n.t("What should be as in the base again?");
    pick.items = layerItems(session, total);
    let before = pick.items.filter(({ path }) => path === undefined);
    pick.selectedItems = before;
    pick.onDidChangeSelection((selected) => {
      const added = selected.filter((item) => !before.includes(item));
      const whole = added.length > 0 ? added.some(({ path }) => path === undefined) : selected.some(({ path }) => path === undefined);
      before = selected.filter(({ path }) => (path === undefined) === whole);
      if (before.length !== selected.length) pick.selectedItems = before;
    });
    pick.onDidAccept(() => {
      resolve(pick.selectedItems);
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve([]);
      pick.dispose();
    });
    pick.show();
  });
}

/** In the order of the Overlay Changes view. */
function layerItems(session: Session, total: number): LayerItem[] {
  const rows = ChangeTree.sorted(new ChangeTree(session.changes.all()).root).map((row): LayerItem => ({
    label: `$(${isFolder(row) ? "folder" : "file"}) ${row.name}`,
    description: counted(session.changes.countWithin(row.path)),
    path: row.path,
  }));
  return [{ label: `$(layers) ${vscode.l10n.t("Everything")}`, description: counted(total) }, { label: vscode.l10n.t("only"), kind: vscode.QuickPickItemKind.Separator, path: "" }, ...rows];
}

/** One step whatever the size, so there is nothing to cancel. */
async function resetEverything(session: Session): Promise<void> {
  const title = vscode.l10n.t("Resetting '{0}'…", session.info.name);
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, () => session.overlay.reset());
}

async function resetEach(context: CommandContext, session: Session, paths: readonly string[]): Promise<void> {
  const failures: string[] = [];
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, cancellable: true, title: vscode.l10n.t("Resetting '{0}'…", session.info.name) }, async (progress, token) => {
    for (const path of paths) {
      if (token.isCancellationRequested) return;
      progress.report({ message: path.slice(1), increment: 100 / paths.length });
      try {
        // Resetting a renamed folder restores its old name too, which may have been in the list.
        const left = await session.overlay.changes(path);
        if (left.some((change) => isWithin(change.path, path))) await session.overlay.reset(path);
      } catch (error) {
        context.log.error(describe(error));
        failures.push(describe(error));
      }
    }
  });
  if (failures.length > 0) throw make("Unavailable", vscode.l10n.t("Not everything could be reset. {0}", failures.join(" ")));
}
