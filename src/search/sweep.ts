/**
 * One search over all that merged shows: where ripgrep runs, and what it is given. The layers' folders are linked to the
 * places at which merged shows them (that of a renamed folder is its new name), so that globs and ignore files mean there
 * what they mean in merged.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type Area, type CancelSignal, OverlayError, type Whereabouts } from "../engine/index.js";
import { walkFlags } from "./flags.js";
import { escapeGlob } from "./globs.js";
import { below } from "./ignoreRules.js";
import { Mapper, type Placed } from "./mapper.js";
import { PathFilter } from "./pathFilter.js";
import { cancelled, runRipgrep } from "./ripgrep.js";
import type { TempFiles } from "./tempFiles.js";
import type { FindOptions } from "./types.js";

/** Whether it is what the others lie on: the base, or merged itself. */
export function isBottom({ layer: { kind } }: Area): boolean {
  return kind === "base" || kind === "whole";
}

/** Where the layers lie on the disk; absolute. */
export interface Roots {
  readonly base: string;
  readonly scratch: string;
  /** As they were given when the overlay was opened. */
  readonly lowers: readonly string[];
}

export type Survey = Pick<Whereabouts, "areas" | "folder">;

export interface Tools {
  readonly command: string;
  readonly roots: Roots;
  readonly temp: TempFiles;
}

/** The ignore files of merged as one text, for paths below some folder; the searched folder is `above` below that. */
export interface Composed {
  readonly text: string;
  readonly above: string;
}

export interface SweepOptions {
  readonly find: FindOptions;
  /** What is looked for: flags beside those that say where. */
  readonly flags: readonly string[];
  /** The base's own folder reads its ignore files itself: merged has the same there. */
  readonly native: boolean;
  /** Waited for only by what needs it; given up with the signal. */
  readonly composed: (signal: CancelSignal) => Promise<Composed>;
  readonly signal: CancelSignal;
  /** A folder of merged as it is to be told. */
  readonly asAsked?: (folder: string) => string;
  /** False: enough. */
  readonly receive: (mapper: Mapper) => (piece: Buffer) => boolean;
}

/**
 * What could not be read, as ripgrep says it. No process is left when it ends. Where the base can be searched as it lies,
 * it is, by a process of its own: each file that is opened through a link costs more. @throws OverlayError
 */
export async function sweep(tools: Tools, survey: Survey, options: SweepOptions): Promise<readonly string[]> {
  const { folder, areas } = survey;
  const isAsItLies = (area: Area): boolean => isBottom(area) && area.path === folder;
  if (!options.native || !areas.some(isAsItLies) || areas.every((area) => isAsItLies(area) || area.isEmpty)) return one(tools, survey, options);
  const ending = new AbortController();
  const end = (): void => { ending.abort(); };
  const outcome: { isEnough: boolean; failure?: unknown } = { isEnough: false };
  const each: SweepOptions = {
    ...options,
    signal: ending.signal,
    receive: (mapper) => {
      const receive = options.receive(mapper);
      return (piece) => {
        if (outcome.isEnough) return false;
        outcome.isEnough = !receive(piece);
        if (outcome.isEnough) end();
        return !outcome.isEnough;
      };
    },
  };
  if (options.signal.aborted) throw cancelled();
  options.signal.addEventListener("abort", end);
  try {
    const halves = [areas.filter(isAsItLies), areas.filter((area) => !isAsItLies(area))];
    const said = await Promise.all(halves.map((half) => one(tools, { folder, areas: half }, each).catch((error: unknown) => {
      if (!outcome.isEnough) outcome.failure ??= error; // the first one is why the other ended
      end();
      return [];
    })));
    if (outcome.failure instanceof Error) throw outcome.failure;
    return said.flat();
  } finally {
    options.signal.removeEventListener("abort", end);
  }
}

async function one(tools: Tools, survey: Survey, options: SweepOptions): Promise<readonly string[]> {
  const { temp, command } = tools;
  const held = new Set<string>();
  try {
    const run = await plan(tools, survey, options, held);
    if (run === undefined) return [];
    const { ignored, globs } = passedOver(run.placed);
    const flags = walkFlags(
      options.find, { native: run.native, file: run.ignored === "" ? undefined : await temp.text(run.ignored, held) },
      ignored === "" ? undefined : await temp.text(ignored, held), run.folders,
    );
    for (const glob of globs) flags.push("--glob", glob);
    const { complaints } = await runRipgrep({
      command, cwd: run.cwd, signal: options.signal, onData: options.receive(new Mapper(run.placed, options.asAsked)),
      args: [...flags, "--path-separator", "/", ...options.flags, "--", ...run.placed.map(({ at }) => (at === "" ? "./" : `./${at}/`))],
    });
    return complaints;
  } finally {
    temp.release(held);
  }
}

interface Run {
  readonly cwd: string;
  readonly placed: readonly Placed[];
  /** Where the searched folder is below `cwd`: once for each layer that has something in it. */
  readonly folders: readonly string[];
  readonly native: boolean;
  /** Lines of an ignore file. */
  readonly ignored: string;
}

/** A command line has room for so many characters of globs on each system. */
const mostGlobs = process.platform === "win32" ? 8_000 : 100_000;

/**
 * What need not be looked at, as lines of an ignore file or as globs: an ignore file costs as much for each path as all
 * globs together, yet a command line holds only so many. What is met in vain all the same is left out afterwards.
 */
function passedOver(placed: readonly Placed[]): { readonly ignored: string; readonly globs: readonly string[] } {
  const lines = placed.flatMap(({ at, area }) => area.hidden
    .filter((path) => !path.includes("\n"))
    .map((path) => `/${escapeGlob(at === "" ? path : `${at}/${path}`)}`));
  const length = lines.reduce((sum, line) => sum + line.length, 0);
  if (length <= mostGlobs) return { ignored: "", globs: lines.map((line) => `!${line}`) };
  return { ignored: lines.map((line) => `${line}\n`).join(""), globs: [] };
}

/**
 * One process for these layers, as each costs more than a small layer's files. Where there is only the base it runs in the
 * base. Else each layer is linked below a folder of ours, "0", "1", ..., and every glob and rule is said for each.
 */
async function plan({ roots, temp }: Tools, { areas, folder }: Survey, options: SweepOptions, held: Set<string>): Promise<Run | undefined> {
  const { find } = options;
  const there = await onDisk(roots, areas, folder);
  const [first] = there;
  if (first === undefined) return undefined;
  const useIgnore = find.useIgnoreFiles !== false;
  // Another layer's folder lacks the base's ignore files.
  if (there.length === 1 && first.at === "" && (!useIgnore || (options.native && isBottom(first.area)))) {
    return { cwd: first.physical, placed: there, folders: [""], native: true, ignored: "" };
  }
  // Of links the folders above are not those of the base; and a renamed folder's own files are no stronger than others.
  const native = options.native && find.useParentIgnoreFiles !== true && find.useGlobalIgnoreFiles !== true
    && there.every(({ area, at }) => at === "" || !isBottom(area));
  const { text, above } = useIgnore ? await options.composed(options.signal) : { text: "", above: "" };
  // A folder that is named to ripgrep is looked into whatever is said of it and of those above it: that is looked at here.
  const filter = new PathFilter(find, text, above);
  const groups = apart(there.filter(({ at }) => at === "" || filter.entersFolder(at)));
  const folders = groups.map((_, i) => join2(String(i), above));
  const placed = groups.flatMap((group, i) => group.map((one): Placed => ({ ...one, at: join2(folders[i] ?? "", one.at) })));
  const ruled = groups.flatMap((group, i) => (native && group.some(({ area }) => isBottom(area)) ? [] : [String(i)]));
  const cwd = await temp.links(new Map(placed.map(({ at, physical }) => [at, physical])), held);
  return { cwd, placed, folders, native, ignored: ruled.length === 0 ? "" : below(text, ruled) };
}

function join2(folder: string, path: string): string {
  return folder === "" || path === "" ? folder + path : `${folder}/${path}`;
}

/** The areas in which there is something, the base's first; `at` is below the searched folder. */
async function onDisk(roots: Roots, areas: readonly Area[], folder: string): Promise<Placed[]> {
  const there: Placed[] = [];
  for (const area of areas) {
    if (area.isEmpty) continue;
    const physical = join(rootOf(roots, area), area.from);
    const found = await stat(physical).catch(() => undefined);
    if (found?.isDirectory() === true) there.unshift({ at: area.path === folder ? "" : area.path.slice(folder === "/" ? 1 : folder.length + 1), area, physical });
    else if (isBottom(area) && area.from === "" && found === undefined) {
      throw new OverlayError("ENOENT", "search", folder, { reason: `the base folder '${physical}' is not there any more` });
    }
  }
  return there;
}

/** In groups in which none stands within another, as a link has nothing within it. */
function apart(placed: readonly Placed[]): Placed[][] {
  const groups: Placed[][] = [];
  const overlap = (a: string, b: string): boolean => a === b || a === "" || b === "" || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
  for (const one of placed) {
    const group = groups.find((others) => !others.some(({ at }) => overlap(at, one.at)));
    if (group === undefined) groups.push([one]);
    else group.push(one);
  }
  return groups;
}

export function rootOf(roots: Roots, { layer }: Area): string {
  switch (layer.kind) {
    case "base":
      return roots.base;
    case "whole":
      return layer.path;
    case "lower":
      return roots.lowers[layer.index] ?? roots.base;
    case "snapshot":
    case "upper":
      return join(roots.scratch, layer.path);
  }
}
