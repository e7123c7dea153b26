/**
 * What merged differs in from the base, file by file. The list of changes says where to look, so the cost is that of what
 * was touched; whether something is different there, both sides themselves say.
 */
import type { CancelSignal, Change } from "../engine/index.js";
import { checkCancelled, pooled } from "./cancel.js";
import { entryOf, type Sides } from "./sides.js";
import type { Carried, Entry, LeftOut, Pair } from "./types.js";

export interface Difference {
  /** By path of what is now, else of what was; folders are pairs of their own. */
  readonly pairs: readonly Pair[];
  readonly leftOut: readonly LeftOut[];
  /** The changes that no other change contains: each stands for all beneath its path. */
  readonly regions: readonly Change[];
  /** By path. */
  readonly changes: ReadonlyMap<string, Change>;
}

/** The changes of merged against the base itself, whichever layer says them; folders of another mode, too, as `copied`. With what the base has there, where it is known. */
export async function changesAgainstBase(overlay: Carried, signal?: CancelSignal): Promise<Change[]> {
  for (;;) {
    const had = overlay.manifest.snapshots.length > 0;
    const changes = await overlay.changes("/", { ...(had ? { since: "base" } : {}), folders: true, stats: true, ...(signal === undefined ? {} : { signal }) });
    // Without `since` they are those against a snapshot, had one been taken meanwhile.
    if (had || overlay.manifest.snapshots.length === 0) return changes;
  }
}

/** A folder that both sides have: what lies in it speaks for itself. */
function isModeAlone({ kind, type }: Change): boolean {
  return kind === "copied" && type === "directory";
}

/**
 * Pairs of what may differ. Contents are not compared: `settle` does that for who needs it.
 * @throws OverlayError, LayerError
 */
export async function difference(sides: Sides, operation: string, options: { readonly paths?: readonly string[]; readonly signal?: CancelSignal } = {}): Promise<Difference> {
  const changes = await changesAgainstBase(sides.overlay, options.signal);
  sides.expect(changes.length);
  const regions = topmost(changes.filter((change) => !isModeAlone(change)));
  const leftOut: LeftOut[] = [];
  const before = new Map<string, Entry>();
  const after = new Map<string, Entry>();
  const put = (map: Map<string, Entry>, entries: readonly Entry[]): void => { for (const entry of entries) map.set(entry.path, entry); };
  await pooled(regions, async (change) => {
    checkCancelled(options.signal, operation, change.path);
    const old = await inBase(sides, change);
    const now = change.kind === "deleted" ? undefined : await sides.inMerged(change.path);
    if (old !== undefined) put(before, old.type === "directory" ? await sides.tree(old, leftOut, operation, options.signal) : [old]);
    if (now !== undefined) put(after, now.type === "directory" ? await sides.tree(now, leftOut, operation, options.signal) : [now]);
  });
  await pooled(changes.filter(isModeAlone), async ({ path }) => {
    const [old, now] = await Promise.all([sides.inBase(path), sides.inMerged(path)]);
    if (after.has(path) || old?.type !== "directory" || now?.type !== "directory") return;
    before.set(path, old);
    after.set(path, now);
  });
  checkCancelled(options.signal, operation);
  const { paths } = options;
  const pairs = chosenOf(paired(before, after, changes), paths);
  return { pairs, leftOut: paths === undefined ? leftOut : leftOut.filter(({ path }) => isWithinAny(path, paths)), regions, changes: new Map(changes.map((change) => [change.path, change])) };
}

/** Of each change the base was looked at already: a second look would cost as much as all the rest of it. */
function inBase(sides: Sides, { kind, path, lower }: Change): Promise<Entry | undefined> | Entry | undefined {
  if (kind === "added") return undefined;
  return lower === undefined ? sides.inBase(path) : entryOf("base", path, lower);
}

/** Drops what turns out to be as it was: type, mode and content; two folders of other content are the same. */
export async function settle(sides: Sides, found: Difference, operation: string, signal?: CancelSignal): Promise<Difference> {
  const kept = await pooled(found.pairs, async (pair) => {
    checkCancelled(signal, operation, pathOf(pair));
    const same = pair.before !== undefined && pair.after !== undefined && pair.before.path === pair.after.path && (await sides.isSame(pair.before, pair.after));
    return same ? [] : [pair];
  });
  return { ...found, pairs: kept.flat() };
}

export function pathOf(pair: Pair): string {
  return pair.after?.path ?? pair.before?.path ?? "/";
}

export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || ancestor === "/" || path.startsWith(`${ancestor}/`);
}

/** What lies in an own, replaced or renamed folder belongs to it. Parents come before children. */
function topmost(changes: readonly Change[]): Change[] {
  const tops: Change[] = [];
  const whole = new Set<string>();
  for (const change of changes) {
    if (whole.size > 0 && foldersAbove(change.path).some((folder) => whole.has(folder))) continue;
    tops.push(change);
    if (change.type === "directory" && change.kind !== "deleted") whole.add(change.path);
  }
  return tops;
}

export function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) folders.push(path.slice(0, at));
  return folders;
}

function paired(before: ReadonlyMap<string, Entry>, after: ReadonlyMap<string, Entry>, changes: readonly Change[]): Pair[] {
  const gone = new Map([...before].filter(([path]) => !after.has(path)));
  const sources = new Map(changes.flatMap((change) => (change.kind === "renamed" ? [[change.path, change.from] as const] : [])));
  const pairs: Pair[] = [];
  for (const [path, now] of after) {
    const old = before.get(path);
    if (old !== undefined) pairs.push({ before: old, after: now });
    else {
      const from = sourceOf(path, now, sources);
      const source = from === undefined ? undefined : gone.get(from);
      if (source !== undefined && source.type === now.type) {
        gone.delete(source.path);
        pairs.push({ before: source, after: now });
      } else pairs.push({ after: now });
    }
  }
  for (const old of gone.values()) pairs.push({ before: old });
  return pairs.sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
}

/** Where the base had a file: the nearest renamed folder above it, or its own rename, tells. Folders are made and removed. */
function sourceOf(path: string, { type }: Entry, sources: ReadonlyMap<string, string>): string | undefined {
  if (type === "directory") return undefined;
  for (const above of [path, ...foldersAbove(path)]) {
    const from = sources.get(above);
    if (from !== undefined) return from + path.slice(above.length);
  }
  return undefined;
}

/** With the new folders that lead to what is chosen: without, it would have no place. */
function chosenOf(pairs: readonly Pair[], paths: readonly string[] | undefined): readonly Pair[] {
  if (paths === undefined) return pairs;
  const isChosen = ({ before, after }: Pair): boolean => [before, after].some((entry) => entry !== undefined && isWithinAny(entry.path, paths));
  const needed = new Set(pairs.flatMap((pair) => (pair.after !== undefined && isChosen(pair) ? foldersAbove(pair.after.path) : [])));
  return pairs.filter((pair) => isChosen(pair) || (pair.after?.type === "directory" && pair.before?.type !== "directory" && needed.has(pair.after.path)));
}

function isWithinAny(path: string, paths: readonly string[]): boolean {
  return paths.some((chosen) => isWithin(path, chosen));
}
