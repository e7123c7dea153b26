/**
 * A stale change with all that there is of it: what the base had when it was made, what the base has now, and what the
 * overlay has. Side by side, or in VS Code's merge editor. Where the first cannot be had any more, two sides are compared
 * as ever, and why is said.
 */
import * as vscode from "vscode";
import { isCode } from "../../engine/index.js";
import { nameOf } from "../paths.js";
import type { Origin } from "../thirdSides.js";
import { heldUri, lowerUri, originUri, overlayUri } from "../uris.js";
import { compareWithBase, looksBinary } from "./compare.js";
import { guarded, targetsOf, uriOf, type CommandContext, type Target } from "./context.js";
import { tell } from "./progress.js";

/** VS Code's own, which its git extension opens as well. Not part of the API: it may go. */
const mergeEditor = "_open.mergeEditor";

export async function compareThreeWays(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  for (const target of await targetsOf(context, clicked, selected)) {
    const origin = await lookedFor(context, target);
    if (origin.kind !== "found") {
      await compareWithBase(context, uriOf(target), undefined);
      void vscode.window.showInformationMessage(vscode.l10n.t("Two sides are shown: {0}", whyNot(origin)));
      continue;
    }
    const { session: { overlay }, path } = target;
    const uri = uriOf(target);
    const lower = await lowerOf(target);
    const isThere = (stat: Promise<unknown>): Promise<boolean> => stat.then(() => true, () => false);
    const now = (await isThere(overlay.statLower(path))) ? lower : undefined;
    const mine = (await isThere(overlay.lstat(path))) ? uri : undefined;
    await vscode.commands.executeCommand("vscode.changes", vscode.l10n.t("{0}: Base Before ↔ Base Now, Base Before ↔ Overlay", nameOf(path)), [[lower, originUri(uri), now], [uri, originUri(uri), mine]]);
  }
}

/** The base's side of the change: of a renamed file, under its old name. */
async function lowerOf(target: Target): Promise<vscode.Uri> {
  const change = await target.session.overlay.changeOf(target.path);
  return lowerUri(uriOf(target), change?.kind === "renamed" ? overlayUri(target.session.info, change.from) : undefined);
}

function lookedFor({ sides }: CommandContext, { session, path }: Target): Promise<Origin> {
  return Promise.resolve(vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Looking for what the base had in '{0}'…", nameOf(path)) }, () => sides.origin(session, path, true)));
}

function whyNot({ kind }: Origin): string {
  switch (kind) {
    case "untrusted": return vscode.l10n.t("what the base had before is not looked for in a folder that is not trusted.");
    case "noHistory": return vscode.l10n.t("what the base had before is not kept, and the base is in no git repository that could tell.");
    case "notInHistory": return vscode.l10n.t("what the base had before is not kept, and no version that git knows of is it.");
    case "unknown":
    case "found": return vscode.l10n.t("what the base had before is not known.");
  }
}

export async function mergeInEditor(context: CommandContext, clicked: unknown, selected: unknown): Promise<void> {
  for (const target of await targetsOf(context, clicked, selected)) {
    const reason = await merge(context, target);
    if (reason !== undefined) await mergeByHand(context, target, reason);
  }
}

/**
 * The file itself is where the merge grows. It begins as the overlay has it, so that nothing of it is lost whenever it is
 * saved or left: what the base changed elsewhere is there to be accepted, and of what both changed the overlay's side is
 * taken until the user takes the other one.
 * @returns why it cannot be merged there.
 */
async function merge(context: CommandContext, target: Target): Promise<string | undefined> {
  const { session: { overlay }, path } = target;
  // What begins with an underscore counts as internal, and is left out of the short list.
  if (!(await vscode.commands.getCommands(false)).includes(mergeEditor)) return vscode.l10n.t("this version of VS Code has no merge editor to open.");
  const origin = await lookedFor(context, target);
  if (origin.kind !== "found") return whyNot(origin);
  const [theirs, mine] = await Promise.all([content(overlay.readLowerFile(path)), content(overlay.readFile(path))]);
  if (theirs === undefined) return vscode.l10n.t("the base has no such file any more.");
  if (mine === undefined) return vscode.l10n.t("the overlay has no such file any more.");
  if ([origin.content, theirs, mine].some(looksBinary)) return vscode.l10n.t("it is no text.");
  const uri = uriOf(target);
  const document = await vscode.workspace.openTextDocument(uri);
  if (document.isDirty && !(await document.save())) return vscode.l10n.t("it has changes that are not saved.");
  const before = await overlay.readFile(path);
  await vscode.commands.executeCommand(mergeEditor, {
    base: originUri(uri),
    input1: { uri: await lowerOf(target), title: vscode.l10n.t("Base"), description: vscode.l10n.t("as it is now"), detail: target.session.info.base },
    input2: { uri: heldUri(uri, context.sides.hold(before)), title: vscode.l10n.t("Overlay"), description: target.session.info.name, detail: "" },
    output: uri,
  });
  const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
  if (tab !== undefined) follow(context, target, tab, before);
  return undefined;
}

async function content(reading: Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isCode(error, "ENOENT", "EISDIR", "ENOTDIR")) return undefined;
    throw error;
  }
}

/**
 * When the merge is saved by hand, or its editor closed, the change rests on what the base has now, if the user says so,
 * or is what it was. Saved by itself (files.autoSave) it may be half done: nothing is asked then.
 */
function follow(context: CommandContext, target: Target, tab: vscode.Tab, before: Uint8Array): void {
  const { session: { overlay }, path } = target;
  const uri = uriOf(target);
  const isIt = (document: vscode.TextDocument): boolean => document.uri.toString() === uri.toString();
  let byHand = false;
  const offer = async (): Promise<void> => {
    all.dispose();
    const now = await content(overlay.readFile(path));
    if (now === undefined || Buffer.compare(now, before) === 0) return; // nothing came of it
    tell(context.log, "info", vscode.l10n.t("'{0}' is merged. Is it based on what the base has now?", nameOf(path)), [
      { title: vscode.l10n.t("Keep Mine"), run: () => vscode.commands.executeCommand("overlay.keepMine", uri) },
      { title: vscode.l10n.t("Undo Merge"), run: () => overlay.writeFile(path, before) },
    ]);
  };
  const offerOrSay = (): void => { void guarded(context, offer); };
  const all = vscode.Disposable.from(
    vscode.workspace.onWillSaveTextDocument(({ document, reason }) => { if (isIt(document)) byHand = reason === vscode.TextDocumentSaveReason.Manual; }),
    vscode.workspace.onDidSaveTextDocument((document) => { if (isIt(document) && byHand) offerOrSay(); }),
    vscode.window.tabGroups.onDidChangeTabs(({ closed }) => { if (closed.includes(tab)) offerOrSay(); }),
  );
}

/** Both that there are, side by side, and a word on how to go on from there. */
async function mergeByHand(context: CommandContext, target: Target, reason: string): Promise<void> {
  await compareWithBase(context, uriOf(target), undefined);
  // Not waited for: the comparison is what one works in meanwhile.
  tell(context.log, "info", vscode.l10n.t("Nothing can be merged by itself: {0} Take over what you want from the left, save, and choose Keep Mine.", reason), [
    { title: vscode.l10n.t("Keep Mine"), run: () => vscode.commands.executeCommand("overlay.keepMine", uriOf(target)) },
  ]);
}
