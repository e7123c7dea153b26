/** Quick picks over the layers of an overlay. What takes a walk is filled in when it is known; closing the pick stops it. */
import * as vscode from "vscode";
import type { CancelSignal, ChangeKind, LayerInfo, Snapshot } from "../../engine/index.js";
import { isShown } from "../changeModel.js";
import type { Session } from "../session.js";
import { ago, bytes, counted } from "./text.js";

export interface Row<T> extends vscode.QuickPickItem {
  readonly value?: T;
}

/** One pick, whose rows are drawn again with what `fill` finds. A failure there costs the figures, not the pick. */
export function pickFilled<T>(
  show: { readonly title: string; readonly placeholder: string },
  rows: readonly Row<T>[],
  fill: (signal: CancelSignal, draw: (rows: readonly Row<T>[]) => void) => Promise<void>,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<Row<T>>();
    const stop = new AbortController();
    Object.assign(pick, show);
    pick.matchOnDescription = pick.matchOnDetail = pick.keepScrollPosition = true;
    pick.items = rows;
    pick.busy = true;
    const draw = (next: readonly Row<T>[]): void => {
      if (stop.signal.aborted) return;
      // Drawing anew puts the mark on the first row, under the hand of who is about to press Enter.
      const at = pick.items.indexOf(pick.activeItems[0] ?? pick.items[0] ?? { label: "" });
      pick.items = next;
      const active = next[at];
      if (active !== undefined) pick.activeItems = [active];
    };
    fill(stop.signal, draw).catch(() => undefined).finally(() => { if (!stop.signal.aborted) pick.busy = false; });
    pick.onDidAccept(() => {
      resolve((pick.selectedItems[0] ?? pick.activeItems[0])?.value);
      pick.hide();
    });
    pick.onDidHide(() => {
      stop.abort();
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

/** "3 changes, 2 kB": what a layer says, folders that merely hold it left out where that is known. */
export function figures({ counts, bytes: size }: LayerInfo): string {
  return `${counted(total(counts))}, ${bytes(size)}`;
}

function total(counts: Readonly<Record<ChangeKind, number>>): number {
  return Object.values(counts).reduce((sum, one) => sum + one, 0);
}

/** Undefined when the user turned away. */
export async function pickSnapshot(session: Session, placeholder: string, others: readonly Row<string>[] = []): Promise<string | undefined> {
  const taken = await session.overlay.snapshots();
  const rows = (infos?: readonly LayerInfo[]): Row<string>[] => [...taken.map((snapshot) => snapshotRow(snapshot, infos)), ...others];
  return pickFilled({ title: session.info.name, placeholder }, rows(), async (signal, draw) => { draw(rows(await session.overlay.layerInfo({ signal }))); });
}

export function snapshotRow({ id, name, created }: Snapshot, infos?: readonly LayerInfo[]): Row<string> {
  const info = infos?.find((one) => one.id === id);
  return { label: `$(layers) ${name}`, description: [ago(created), ...(info === undefined ? [] : [figures(info)])].join(" · "), value: id };
}

/** How many changes the upper has, as everywhere else: folders that were copied up for what is in them do not count. */
export async function countInUpper({ overlay }: Session): Promise<number> {
  return (await overlay.changes()).filter(isShown).length;
}

/** The name of what lies below the upper, for titles: what "the base" of a comparison is, once there are snapshots. */
export function belowName({ snapshots }: Session): string {
  return snapshots[0]?.name ?? vscode.l10n.t("Base");
}
