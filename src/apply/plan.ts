/** What applying would do to the base, file by file, before anything is done: nothing here writes. */
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { difference, foldersAbove, isWithin, pathOf, settle } from "../carry/difference.js";
import { Sides } from "../carry/sides.js";
import { pooled } from "../carry/cancel.js";
import type { Carried, Entry, Pair, Selection } from "../carry/types.js";
import { type Change, OverlayError } from "../engine/index.js";
import { BaseWriter } from "./baseWriter.js";
import { Hidden } from "./hidden.js";
import type { Action, Plan, PlanItem, Print } from "./types.js";

/** @throws OverlayError: ENOTSUP over a base that is not on a disk, ECANCELED, and what cannot be read. */
export async function planApply(overlay: Carried, options: Selection = {}): Promise<Plan> {
  refuseRemote(overlay);
  const sides = await Sides.of(overlay, "planApply");
  const found = await settle(sides, await difference(sides, "planApply", options), "planApply", options.signal);
  const base = new BaseWriter(sides.base);
  const unwritable = await whyUnwritable(base);
  const ways = new Ways(base);
  const looks = { sides, base, ways, hidden: new Hidden(overlay, found.changes) };
  const items = await pooled(found.pairs, (pair) => itemOf(looks, pair, found.changes.get(pathOf(pair))));
  const chosen = (path: string): boolean => options.paths?.some((one) => isWithin(path, one)) ?? true;
  const different = new Set(found.pairs.flatMap(({ before, after }) => [before, after].flatMap((entry) => (entry === undefined ? [] : [entry.path, ...foldersAbove(entry.path)]))));
  const same = found.regions.flatMap(({ kind, path }) => (kind !== "deleted" && chosen(path) && !different.has(path) ? [path] : []));
  return { base: sides.base, snapshots: overlay.manifest.snapshots.length, same, ...(unwritable === undefined ? {} : { unwritable }), items, leftOut: found.leftOut };
}

/**
 * What is written must be old or new at every moment, and kept before it is overwritten: that only a disk can promise.
 * @throws OverlayError ENOTSUP
 */
export function refuseRemote({ remote, manifest }: Carried): void {
  if (remote === undefined) return;
  throw new OverlayError("ENOTSUP", "apply", "/", { reason: `the base '${manifest.base}' is not on a disk, so it is only ever read; export a patch or a folder instead` });
}

async function whyUnwritable(base: BaseWriter): Promise<string | undefined> {
  const reason = await whyReadOnly(base, "/", await base.look("/"));
  return reason === undefined ? undefined : `the base folder '${base.root}' is read-only; export a patch or a folder instead`;
}

/** What nobody may write is read-only to root as well: someone wanted it so. */
async function whyReadOnly(base: BaseWriter, path: string, print: Print | undefined): Promise<string | undefined> {
  if (print === undefined || print.type === "symlink") return undefined;
  const what = `${print.type === "directory" ? "the folder " : ""}'${path}' of the base is read-only`;
  if ((print.mode & 0o222) === 0) return what;
  return access(join(base.root, path), constants.W_OK).then(() => undefined, () => what);
}

/** Folders that lead somewhere, each looked at once. */
class Ways {
  private readonly known = new Map<string, Promise<string | undefined>>();
  constructor(private readonly base: BaseWriter) {}

  /** Why no name in a folder can be made or removed; a folder that is still to be made is as writable as where it will be. */
  obstacle(folder: string): Promise<string | undefined> {
    const key = folder === "" ? "/" : folder;
    const made = this.known.get(key) ?? this.look(key);
    this.known.set(key, made);
    return made;
  }

  private async look(folder: string): Promise<string | undefined> {
    const print = await this.base.look(folder);
    if (folder !== "/") {
      const above = folder.slice(0, folder.lastIndexOf("/"));
      if (print === undefined || print.type !== "directory") return this.obstacle(above);
      await this.base.checkWay(folder);
    }
    return whyReadOnly(this.base, folder, print);
  }
}

interface Looks {
  readonly sides: Sides;
  readonly base: BaseWriter;
  readonly ways: Ways;
  readonly hidden: Hidden;
}

async function itemOf(looks: Looks, pair: Pair, change: Change | undefined): Promise<PlanItem> {
  const { sides, base, ways } = looks;
  const { before, after } = pair;
  const path = pathOf(pair);
  const old = before === undefined ? undefined : await base.look(before.path);
  const action = await actionOf(sides, pair);
  const refused = await obstacle(base, ways, pair, old, action);
  return {
    action, path, type: (after ?? before).type, pair,
    ...(action === "rename" && before !== undefined ? { from: before.path } : {}),
    base: await freshness(looks, path, pair, old, change),
    ...(refused === undefined ? {} : { refused }),
    ...(old === undefined ? {} : { print: old }),
  };
}

async function actionOf(sides: Sides, { before, after }: Pair): Promise<Action> {
  if (before === undefined) return after.type === "directory" ? "mkdir" : "create";
  if (after === undefined) return before.type === "directory" ? "rmdir" : "delete";
  if (before.path !== after.path) return "rename";
  if ((before.type === "directory") !== (after.type === "directory")) return "replace";
  if (before.type === "directory") return "mode";
  const modeAlone = before.type === "file" && after.type === "file" && before.stat.mode !== after.stat.mode && (await sides.sameContent(before, after));
  return modeAlone ? "mode" : "overwrite";
}

async function obstacle(base: BaseWriter, ways: Ways, { before, after }: Pair, old: Print | undefined, action: Action): Promise<string | undefined> {
  for (const entry of [before, after]) {
    if (entry === undefined) continue;
    if (!["file", "directory", "symlink"].includes(entry.type)) return `'${entry.path}' is a ${entry.type}, which cannot be kept, nor made`;
    const inTheWay = await ways.obstacle(entry.path.slice(0, entry.path.lastIndexOf("/")));
    if (inTheWay !== undefined) return inTheWay;
  }
  return before === undefined || action === "mkdir" ? undefined : whyReadOnly(base, before.path, old);
}

/**
 * What the overlay wrote down when it copied the file up says whether the base still has that one; with snapshots, what
 * the lowest of the layers wrote down. A file that was renamed over another one comes from elsewhere: of the one that it
 * replaces nothing is written down. Of what was not copied (deleted, or the base has gained its name) the overlay says
 * itself whether the base has moved, and of what lies in such a folder the time of its last change does; of the folder
 * itself that would be so after each entry that Apply takes from it, and it goes only when it is empty.
 */
async function freshness({ sides, base, hidden }: Looks, path: string, pair: Pair, now: Print | undefined, change: Change | undefined): Promise<PlanItem["base"]> {
  const { before, after } = pair;
  const { overlay } = sides;
  if (before?.type === "directory" && after?.type === "directory" && before.path === after.path) return folderFreshness(after, now);
  const origin = await overlay.originOf(path, "base");
  if (origin === undefined) {
    if (now === undefined) return "fresh";
    if (before?.type === "directory") return "unknown";
    const isNewer = before?.path === path ? await hidden.isNewer(path, now) : undefined;
    return (isNewer ?? change?.stale) === true ? "stale" : "unknown";
  }
  const source = before?.path === origin.lower ? now : await base.look(origin.lower);
  if (source === undefined || origin.size !== source.size) return "stale";
  if ((origin.mtimeNs !== source.mtimeNs || origin.ctimeNs !== source.ctimeNs) && !(await isTouchedOnly(sides, path, origin.lower, after, source))) return "stale";
  return before === undefined || before.path === origin.lower ? "fresh" : "unknown";
}

/** Another time, and all else is what was copied: the content by its hash, where that is known, and the mode as it is to be. */
async function isTouchedOnly(sides: Sides, path: string, lower: string, after: Entry | undefined, now: Print): Promise<boolean> {
  if (now.type !== "file" || after?.stat.mode !== now.mode) return false;
  const was = await sides.overlay.originFile(path);
  const found = was?.lower === lower ? await sides.inBase(lower) : undefined;
  return found?.type === "file" && was !== undefined && was.is(await sides.read(found));
}

/** Nothing is written down of a folder that both have: the mode is the overlay's own if the base's was touched last before that copied it. */
function folderFreshness({ stat }: Entry, now: Print | undefined): PlanItem["base"] {
  return now !== undefined && Number(now.ctimeNs) / 1e6 < stat.birthtimeMs ? "fresh" : "stale";
}
