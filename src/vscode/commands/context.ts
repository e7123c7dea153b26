/** What the commands share: the parts they work on, what they were called with, and how they fail. */
import * as vscode from "vscode";
import { OverlayError } from "../../engine/index.js";
import { describe, make } from "../errors.js";
import type { ChangesView, ViewNode } from "../changesView.js";
import type { DebugSessions } from "../debugSessions.js";
import type { Search } from "../find/index.js";
import type { OverlayFileSystem } from "../fileSystemProvider.js";
import type { FloorStore } from "../floorStore.js";
import type { Handovers } from "../nextWindow.js";
import type { Overlays } from "../overlays.js";
import type { OverlaysView } from "../overlaysView.js";
import type { Machine, OverlayInfo, OverlayStore } from "../ports.js";
import type { Session } from "../session.js";
import { ChangeResource, type SourceControls } from "../sourceControls.js";
import { activeSession } from "../statusBar.js";
import type { ThirdSides } from "../thirdSides.js";
import type { Trust } from "../trust.js";
import { isOfOverlay, overlayPathOf, shownUri } from "../faces.js";
import { baseText, overlayUri } from "../uris.js";

export interface CommandContext {
  readonly overlays: Overlays;
  readonly search: Search;
  readonly files: OverlayFileSystem;
  readonly store: OverlayStore;
  readonly floors: FloorStore;
  readonly trust: Trust;
  readonly view: ChangesView;
  readonly list: OverlaysView;
  readonly handovers: Handovers;
  readonly sourceControls: SourceControls;
  readonly sides: ThirdSides;
  readonly debugSessions: DebugSessions;
  readonly machine: Machine;
  readonly log: vscode.LogOutputChannel;
}

export interface Target {
  readonly session: Session;
  readonly path: string;
}

/**
 * What menus hand over, as clicked and selected: the Explorer and our view give one thing and the whole selection with
 * it, the Source Control view gives the rows of the selection, or of a folder, one after the other.
 */
export function clickedAndSelected(args: readonly unknown[]): readonly [clicked: unknown, selected: unknown] {
  return args.length > 1 && args.every((arg) => arg instanceof ChangeResource) ? [args[0], args] : [args[0], args[1]];
}

/** What a caller may say in place of being asked: the last argument, as a plain object. Menus hand over none. */
export interface Given {
  /** Where an export goes: a URI, or an absolute path. */
  readonly target?: vscode.Uri | string;
  /** The patch to import: a URI, an absolute path, or "clipboard". */
  readonly source?: vscode.Uri | string;
  readonly name?: string;
  /** "upper", a snapshot's id, or "base". */
  readonly layer?: string;
  /** Snapshots' ids; all of them when there is none in it. */
  readonly layers?: readonly string[];
  /** What is to be brought back, by its id. */
  readonly dropped?: string;
  /** With `dropped`: in place of what is in the way. */
  readonly replace?: boolean;
}

export function takeGiven(args: readonly unknown[]): readonly [given: Given, rest: readonly unknown[]] {
  const last = args.at(-1);
  const isPlain = typeof last === "object" && last !== null && Object.getPrototypeOf(last) === Object.prototype;
  return isPlain && ["target", "source", "name", "layer", "layers", "dropped"].some((key) => key in last) ? [last, args.slice(0, -1)] : [{}, args];
}

/** The palette and keys hand over nothing: then it is the active editor's file. */
export async function targetsOf(context: CommandContext, clicked: unknown, selected: unknown): Promise<Target[]> {
  const list = Array.isArray(selected) && selected.length > 0 ? selected : clicked === undefined ? [] : [clicked];
  const targets: Target[] = [];
  for (const item of list) {
    if (isViewNode(item)) targets.push({ session: item.session, path: item.row.path });
    else if (item instanceof ChangeResource) targets.push({ session: item.session, path: item.path });
    else if (item instanceof vscode.Uri) targets.push(...(await targetOf(context, item)));
    else targets.push(...inSourceControl(context, item));
  }
  return targets.length > 0 ? targets : targetOf(context, activeUri());
}

/** A group with all changes in it, and a source control, stand for the whole overlay. */
function inSourceControl({ sourceControls }: CommandContext, item: unknown): Target[] {
  const whole = sourceControls.sessionOf(item);
  if (whole !== undefined) return [{ session: whole, path: "/" }];
  const group = sourceControls.groupOf(item);
  if (group === undefined) return [];
  const { session } = group;
  return group.whole ? [{ session, path: "/" }] : group.paths.map((path) => ({ session, path }));
}

/** Those of one overlay, for what is about one: menus can hand over a selection across several. */
export async function ofOneOverlay(context: CommandContext, clicked: unknown, selected: unknown): Promise<{ readonly session: Session; readonly paths: readonly string[] } | undefined> {
  if (clicked === undefined) {
    const session = await pickSession(context, clicked);
    return session === undefined ? undefined : { session, paths: ["/"] };
  }
  const targets = await targetsOf(context, clicked, selected);
  const [first] = targets;
  if (first === undefined) return undefined;
  if (targets.some(({ session }) => session !== first.session)) throw make("Unavailable", vscode.l10n.t("The selection is of several overlays. Select entries of one."));
  return { session: first.session, paths: targets.map(({ path }) => path) };
}

/** The file in the active editor, whatever kind of editor it is. */
function activeUri(): vscode.Uri | undefined {
  const input = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
  if (input instanceof vscode.TabInputText || input instanceof vscode.TabInputCustom) return input.uri;
  if (input instanceof vscode.TabInputTextDiff) return input.modified;
  return vscode.window.activeTextEditor?.document.uri;
}

async function targetOf(context: CommandContext, uri: vscode.Uri | undefined): Promise<Target[]> {
  const address = overlayPathOf(uri);
  if (address === undefined) return [];
  return [{ session: await context.overlays.get(address.id), path: address.path }];
}

function isViewNode(value: unknown): value is ViewNode {
  return typeof value === "object" && value !== null && "session" in value && "row" in value;
}

export function uriOf({ session, path }: Target): vscode.Uri {
  return shownUri(session.info, path);
}

/** The overlay: URI, which the sides of a comparison are made from. */
export function virtualUriOf({ session, path }: Target): vscode.Uri {
  return overlayUri(session.info, path);
}

/** The overlay that a command is about: the only one, or the one the user picks. */
export async function pickSession(context: CommandContext, clicked: unknown, filter: (session: Session) => boolean = () => true): Promise<Session | undefined> {
  if (isViewNode(clicked)) return clicked.session;
  const ofView = context.sourceControls.sessionOf(clicked);
  if (ofView !== undefined) return ofView;
  const address = clicked instanceof vscode.Uri ? overlayPathOf(clicked) : undefined;
  if (address !== undefined) return context.overlays.get(address.id);
  const sessions = context.overlays.all().filter(filter);
  if (sessions.length < 2) return sessions[0];
  const active = activeSession(context.overlays);
  const items = sessions.map((session) => ({ label: session.info.name, description: baseText(session.info.base), session }));
  items.sort((a, b) => Number(b.session === active) - Number(a.session === active));
  return (await vscode.window.showQuickPick(items, { placeHolder: vscode.l10n.t("Which overlay?") }))?.session;
}

/** The folder of an overlay in this window, if it is one of its workspace folders. */
export function workspaceFolderOf(info: OverlayInfo): vscode.WorkspaceFolder | undefined {
  return vscode.workspace.workspaceFolders?.find(({ uri }) => isOfOverlay(uri, info.id));
}

/** Says for a moment, without asking for attention, why a command had nothing to do. */
export function mention(text: string): void {
  vscode.window.setStatusBarMessage(text, 5000);
}

/** Runs a command; what fails is said once, in a sentence. */
export async function guarded(context: CommandContext, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof vscode.CancellationError) return;
    await reportError(context.log, error);
  }
}

export async function reportError(log: vscode.LogOutputChannel, error: unknown): Promise<void> {
  log.error(error instanceof Error ? error : String(error));
  const show = vscode.l10n.t("Show Log");
  const unmount = vscode.l10n.t("Unmount");
  const answer = await vscode.window.showErrorMessage(describe(error), ...(isKeptByMount(error) ? [unmount] : []), show);
  if (answer === show) log.show();
  else if (answer === unmount) await vscode.commands.executeCommand("overlay.unmount");
}

/** It needed the overlay unmounted for a moment, and something stands in the mount. */
function isKeptByMount(error: unknown): boolean {
  return error instanceof OverlayError && error.cause instanceof OverlayError && error.cause.code === "EBUSY" && error.cause.operation === "unmount";
}
