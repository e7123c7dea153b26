/** The preview of Apply to Base…: a pick of all that would be done, in the order of paths; what is refused cannot be picked. */
import * as vscode from "vscode";
import { isChosenAtFirst } from "../applyChoice.js";
import type { ApplyAction, ApplyItem, ApplyPlan } from "../carrier.js";
import { rootName } from "../uris.js";
import { counted } from "./text.js";

interface Row extends vscode.QuickPickItem {
  readonly item: ApplyItem | undefined;
}

/** Empty when the user turned away. */
export function pickApplyItems(name: string, plan: ApplyPlan): Promise<readonly ApplyItem[]> {
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<Row>();
    pick.canSelectMany = true;
    pick.matchOnDescription = true;
    pick.title = vscode.l10n.t("Apply to Base: {0}", name);
    pick.placeholder = vscode.l10n.t("What should be written into '{0}'?", rootName(plan.base));
    pick.items = rowsOf(plan.items);
    const isFree = ({ item }: Row): boolean => item !== undefined && item.refused === undefined;
    pick.selectedItems = pick.items.filter(({ item }) => item !== undefined && isChosenAtFirst(item));
    pick.onDidChangeSelection((selected) => {
      const possible = selected.filter(isFree);
      if (possible.length !== selected.length) pick.selectedItems = possible;
    });
    pick.onDidAccept(() => {
      resolve(pick.selectedItems.flatMap(({ item }) => item ?? []));
      pick.hide();
    });
    pick.onDidHide(() => {
      resolve([]);
      pick.dispose();
    });
    pick.show();
  });
}

/** Three parts: what can be done, what others changed meanwhile, and what cannot be done. */
function rowsOf(items: readonly ApplyItem[]): Row[] {
  const refused = items.filter((item) => item.refused !== undefined);
  const stale = items.filter((item) => item.refused === undefined && item.base === "stale");
  const plain = items.filter((item) => item.refused === undefined && item.base !== "stale");
  return [
    ...part(vscode.l10n.t("will be written"), plain),
    ...part(vscode.l10n.t("changed in the base meanwhile"), stale),
    ...part(vscode.l10n.t("cannot be written"), refused),
  ];
}

function part(label: string, items: readonly ApplyItem[]): Row[] {
  if (items.length === 0) return [];
  return [{ label: `${label} (${counted(items.length)})`, kind: vscode.QuickPickItemKind.Separator, item: undefined }, ...items.map(rowOf)];
}

function rowOf(item: ApplyItem): Row {
  const { action, path, from, base, refused } = item;
  const shown = path.slice(1);
  const word = from === undefined ? words()[action] : vscode.l10n.t("renamed from {0}", from.slice(1));
  if (refused !== undefined) return { item, label: `$(circle-slash) ${shown}`, description: refused };
  if (base === "stale") return { item, label: `$(warning) ${shown}`, description: vscode.l10n.t("{0}, with what others changed", word) };
  return { item, label: `$(${icons[action]}) ${shown}`, description: word };
}

const icons: Readonly<Record<ApplyAction, string>> = {
  create: "diff-added", overwrite: "diff-modified", mode: "diff-modified", delete: "diff-removed", rename: "diff-renamed", replace: "replace", mkdir: "new-folder", rmdir: "diff-removed",
};

function words(): Readonly<Record<ApplyAction, string>> {
  return {
    create: vscode.l10n.t("created"), overwrite: vscode.l10n.t("overwritten"), mode: vscode.l10n.t("gets another mode"), delete: vscode.l10n.t("deleted"),
    rename: vscode.l10n.t("renamed"), replace: vscode.l10n.t("replaced by another kind of entry"), mkdir: vscode.l10n.t("folder created"), rmdir: vscode.l10n.t("folder deleted"),
  };
}
