/** Open Folder as Overlay…, Open Recent Overlay…, and the two ways in that ask nothing: the environment and the API. */
import * as vscode from "vscode";
import { make } from "../errors.js";
import type { OverlayInfo } from "../ports.js";
import { baseOf, baseScheme, baseText, isBaseUri, overlayScheme, overlayUri, rootName } from "../uris.js";
import { workspaceFolderOf, type CommandContext } from "./context.js";
import { ago, bytes, counted } from "./text.js";

type Where = "newWindow" | "thisWindow" | "addToWorkspace";

export async function openFolderAsOverlay(context: CommandContext, clicked: unknown): Promise<void> {
  const folder = clicked instanceof vscode.Uri ? clicked : await chooseFolder();
  if (folder !== undefined) await openAsOverlay(context, folder);
}

/** For a folder that is not on a disk, and has no row in an Explorer. `clicked` may be its address. */
export async function openAddressAsOverlay(context: CommandContext, clicked: unknown): Promise<void> {
  const address = typeof clicked === "string" ? clicked : await vscode.window.showInputBox({
    title: vscode.l10n.t("Open Address as Overlay"),
    prompt: vscode.l10n.t("The URI of a folder that an extension serves, such as vscode-vfs://github/microsoft/vscode"),
    validateInput: (text) => (text.trim() === "" || addressOf(text) !== undefined ? undefined : vscode.l10n.t("A URI begins with a scheme, such as ssh:")),
    ignoreFocusOut: true,
  });
  if (address === undefined || address.trim() === "") return;
  const folder = addressOf(address);
  if (folder === undefined) throw make("Unavailable", vscode.l10n.t("'{0}' is no URI.", address));
  await openAsOverlay(context, folder);
}

function addressOf(text: string): vscode.Uri | undefined {
  try {
    return isBaseUri(text.trim()) ? vscode.Uri.parse(text.trim(), true) : undefined;
  } catch {
    return undefined;
  }
}

async function openAsOverlay(context: CommandContext, folder: vscode.Uri): Promise<void> {
  if (folder.scheme === overlayScheme || folder.scheme === baseScheme) {
    throw make("Unavailable", vscode.l10n.t("'{0}' is in an overlay already. Overlay: Duplicate makes a second one over the same folder, Overlay: Take Snapshot… a layer to go on from.", folder.path.slice(1)));
  }
  const base = baseOf(folder);
  const overlay = await chooseOverlay(context, base);
  if (overlay === undefined) return;
  const where = await chooseWhere(overlay === "new" ? rootName(base) : overlay.name);
  if (where === undefined || !(await trusted(context, base))) return;
  await openIn(overlay === "new" ? await createOverlay(context, base) : overlay, where);
}

/** The folders of this window that no file dialog shows are offered before it. */
async function chooseFolder(): Promise<vscode.Uri | undefined> {
  const virtual = (vscode.workspace.workspaceFolders ?? []).filter(({ uri }) => uri.scheme !== "file" && uri.scheme !== overlayScheme);
  if (virtual.length === 0) return browse();
  const items: (vscode.QuickPickItem & { choose(): Promise<vscode.Uri | undefined> })[] = [
    ...virtual.map(({ name, uri }) => ({ label: `$(root-folder) ${name}`, description: uri.toString(true), choose: async () => uri })),
    { label: `$(folder-opened) ${vscode.l10n.t("Browse…")}`, description: vscode.l10n.t("a folder on this computer"), choose: browse },
  ];
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Open which folder as an overlay?") }))?.choose();
}

async function browse(): Promise<vscode.Uri | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false, canSelectFolders: true, canSelectMany: false,
    openLabel: vscode.l10n.t("Open as Overlay"), title: vscode.l10n.t("Open Folder as Overlay"),
  });
  return chosen?.[0];
}

/** A folder that has overlays already: go on with one of them, or start another. */
async function chooseOverlay(context: CommandContext, base: string): Promise<OverlayInfo | "new" | undefined> {
  const existing = await overlaysOver(context, base);
  if (existing.length === 0) return "new";
  const fresh = { label: `$(add) ${vscode.l10n.t("New Overlay")}`, description: vscode.l10n.t("starts with no changes"), overlay: "new" as const };
  const items = existing.map((overlay) => ({ label: `$(layers) ${overlay.name}`, description: vscode.l10n.t("last used {0}", ago(overlay.lastUsed)), overlay }));
  const picked = await vscode.window.showQuickPick([...items, fresh], { placeHolder: vscode.l10n.t("'{0}' has overlays already. Which one?", rootName(base)) });
  return picked?.overlay;
}

async function overlaysOver(context: CommandContext, base: string): Promise<OverlayInfo[]> {
  const { overlays } = await context.store.list();
  if (isBaseUri(base)) return overlays.filter((overlay) => overlay.base === base).sort((a, b) => b.lastUsed - a.lastUsed);
  const real = await context.machine.realPath(base);
  const matches: OverlayInfo[] = [];
  for (const overlay of overlays) if (overlay.base === base || (!isBaseUri(overlay.base) && (await context.machine.realPath(overlay.base)) === real)) matches.push(overlay);
  return matches.sort((a, b) => b.lastUsed - a.lastUsed);
}

async function chooseWhere(name: string): Promise<Where | undefined> {
  const items: (vscode.QuickPickItem & { where: Where })[] = [
    { label: `$(empty-window) ${vscode.l10n.t("New Window")}`, where: "newWindow" },
    { label: `$(window) ${vscode.l10n.t("This Window")}`, where: "thisWindow" },
    { label: `$(root-folder) ${vscode.l10n.t("Add to Workspace")}`, where: "addToWorkspace" },
  ];
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Where should the overlay '{0}' open?", name) }))?.where;
}

/** Remembered here, because the window that opens next cannot know what VS Code trusts in this one. */
export async function trusted(context: CommandContext, base: string): Promise<boolean> {
  context.trust.askAgain(base);
  if (!(await context.trust.ensure(base))) return false;
  await context.trust.remember(base);
  return true;
}

export async function createOverlay(context: CommandContext, base: string, name?: string): Promise<OverlayInfo> {
  const wanted = name ?? (await freeName(context, rootName(base)));
  // One that is not on a disk is asked whether it is there, and whether it tells case: that may take a while.
  const info = isBaseUri(base)
    ? await vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Waiting for {0}…", rootName(base)) }, () => context.store.create(base, wanted))
    : await context.store.create(base, wanted);
  context.list.refresh();
  context.log.info(`Created overlay '${info.name}' (${info.id}) over ${info.base}`);
  return info;
}

/** A name, numbered when there are overlays of that name; one that is numbered goes on counting. */
export async function freeName(context: CommandContext, wanted: string): Promise<string> {
  const taken = new Set((await context.store.list()).overlays.map(({ name }) => name));
  const plain = wanted.replace(/ \d+$/, "");
  if (!taken.has(wanted)) return wanted;
  for (let n = 2; ; n++) {
    const name = `${plain} ${n}`;
    if (!taken.has(name)) return name;
  }
}

export async function openIn(info: OverlayInfo, where: Where): Promise<void> {
  const uri = overlayUri(info);
  switch (where) {
    case "newWindow":
      await vscode.commands.executeCommand("vscode.openFolder", uri, { forceNewWindow: true });
      return;
    case "thisWindow":
      await vscode.commands.executeCommand("vscode.openFolder", uri, { forceReuseWindow: true });
      return;
    case "addToWorkspace": {
      if (workspaceFolderOf(info) !== undefined) return;
      const folders = vscode.workspace.workspaceFolders?.length ?? 0;
      if (!vscode.workspace.updateWorkspaceFolders(folders, 0, { uri, name: info.name })) {
        throw make("Unavailable", vscode.l10n.t("The overlay '{0}' could not be added to this workspace. Open it in a window of its own (Overlay: Open Recent Overlay…).", info.name));
      }
    }
  }
}

/** Opens a folder in this window with no question: the overlay over it that was used last, or a new one. */
export async function openWithoutAsking(context: CommandContext, base: string): Promise<void> {
  const [latest] = await overlaysOver(context, base);
  const info = latest ?? (await createOverlay(context, base));
  // Who named the folder has vouched for it, for later windows too.
  await context.trust.remember(info.base);
  await openIn(info, "thisWindow");
}

interface RecentItem extends vscode.QuickPickItem {
  readonly overlay?: OverlayInfo;
}

export async function openRecentOverlay(context: CommandContext): Promise<void> {
  const overlay = await pickOverlay(context, vscode.l10n.t("Open which overlay?"));
  if (overlay === undefined) return;
  const where = await chooseWhere(overlay.name);
  if (where === undefined || !(await trusted(context, overlay.base))) return;
  await openIn(overlay, where);
}

/** Lists every overlay at once; what takes a look at the disk is filled in as it becomes known. */
export async function pickOverlay(context: CommandContext, placeHolder: string): Promise<OverlayInfo | undefined> {
  const { overlays, damaged } = await context.store.list();
  for (const { path, reason } of damaged) context.log.warn(`${path}: ${reason}`);
  if (overlays.length === 0 && damaged.length === 0) {
    const open = vscode.l10n.t("Open Folder as Overlay…");
    const picked = await vscode.window.showQuickPick([open], { placeHolder: vscode.l10n.t("There are no overlays yet.") });
    if (picked === open) await vscode.commands.executeCommand("overlay.openFolder");
    return undefined;
  }
  const items = overlays.toSorted((a, b) => b.lastUsed - a.lastUsed).map((overlay) => recentItem(overlay));
  const unreadable: RecentItem[] = damaged.map(({ path, reason }) => ({ label: `$(warning) ${path}`, description: reason }));
  return new Promise((resolve) => {
    const pick = vscode.window.createQuickPick<RecentItem>();
    pick.placeholder = placeHolder;
    pick.matchOnDescription = true;
    pick.items = [...items, ...unreadable];
    pick.busy = true;
    let open = true;
    void measureAll(context, overlays, (overlay, text) => {
      const at = items.findIndex((item) => item.overlay === overlay);
      if (!open || at === -1) return;
      items[at] = recentItem(overlay, text);
      const active = pick.activeItems[0]?.overlay;
      pick.keepScrollPosition = true;
      pick.items = [...items, ...unreadable];
      if (active !== undefined) pick.activeItems = items.filter((item) => item.overlay === active);
    }).finally(() => { if (open) pick.busy = false; });
    pick.onDidAccept(() => {
      resolve((pick.selectedItems[0] ?? pick.activeItems[0])?.overlay);
      pick.hide();
    });
    pick.onDidHide(() => {
      open = false;
      resolve(undefined);
      pick.dispose();
    });
    pick.show();
  });
}

function recentItem(overlay: OverlayInfo, measured = ""): RecentItem {
  const used = vscode.l10n.t("last used {0}", ago(overlay.lastUsed));
  return { label: `$(layers) ${overlay.name}`, description: baseText(overlay.base), detail: measured === "" ? used : `${measured}, ${used}`, overlay };
}

async function measureAll(context: CommandContext, overlays: readonly OverlayInfo[], show: (overlay: OverlayInfo, text: string) => void): Promise<void> {
  for (const overlay of overlays) {
    try {
      const size = await context.store.measure(overlay.id);
      const count = context.overlays.peek(overlay.id)?.changes.count ?? size.changes;
      show(overlay, count === undefined ? uncounted(overlay, bytes(size.bytes)) : `${counted(count)}, ${bytes(size.bytes)}`);
    } catch (error) {
      context.log.warn(`Measuring overlay ${overlay.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** One that is not on a disk was not asked. */
function uncounted({ base }: OverlayInfo, size: string): string {
  return isBaseUri(base) ? size : vscode.l10n.t("base not found, {0}", size);
}
