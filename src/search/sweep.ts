/**
 * One search over all that merged shows: which processes of ripgrep it takes, where each runs, what each is given. A
 * layer's folder that stands where the searched one does is searched as it lies. What stands elsewhere (renamed folders)
 * is linked to its places under a folder of ours, so that globs and ignore files mean there what they mean in merged.
 */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Area, type CancelSignal, OverlayError, type Whereabouts } from "../engine/index.js";
import { walkFlags } from "./flags.js";
import { escapeGlob } from "./globs.js";
import { Mapper, type Placed } from "./mapper.js";
import { PathFilter } from "./pathFilter.js";
import { cancelled, runRipgrep } from "./ripgrep.js";
import type { TempFiles } from "./tempFiles.js";
import type { FindOptions } from "./types.js";

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

/** The ignore files of merged as one text, for paths below `anchor`; `above` is the searched folder below it. */
export interface Composed {
  readonly text: string;
  readonly above: string;
  /** git's file for the user, absolute. */
  readonly global?: string | undefined;
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
  /** For each process its own; false: enough. */
  readonly receive: (mapper: Mapper) => (piece: Buffer) => boolean;
}

/** What could not be read, as ripgrep says it. No process is left when it ends. @throws OverlayError */
export async function sweep(tools: Tools, whereabouts: Survey, options: SweepOptions): Promise<string[]> {
  const held = new Set<string>();
  const ending = new AbortController();
  const end = (): void => { ending.abort(); };
  const outcome: { isEnough: boolean; failure?: unknown } = { isEnough: false };
  const all: SweepOptions = {
    ...options,
    signal: ending.signal,
    receive: (mapper) => {
      const receive = options.receive(mapper);
      return (piece) => {
        if (receive(piece)) return true;
        outcome.isEnough = true;
        end();
        return false;
      };
    },
  };
  if (options.signal.aborted) throw cancelled();
  options.signal.addEventListener("abort", end);
  try {
    const runs = await plan(tools, whereabouts, options);
    const complaints: string[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let run = runs[next++]; run !== undefined && !isCancelled(ending.signal); run = runs[next++]) {
        try {
          complaints.push(...(await one(tools, run, all, held)));
        } catch (error) {
          outcome.failure ??= isCancelled(ending.signal) ? undefined : error;
          end();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(runs.length, Math.max(2, availableParallelism())) }, worker));
    if (outcome.failure instanceof Error) throw outcome.failure;
    if (isCancelled(options.signal) && !outcome.isEnough) throw cancelled();
    return complaints;
  } finally {
    options.signal.removeEventListener("abort", end);
    tools.temp.release(held);
  }
}

function isCancelled(signal: CancelSignal): boolean {
  return signal.aborted;
}

interface Run {
  readonly placed: readonly Placed[];
  /** In the first one's folder itself; else where they are linked. */
  readonly direct: boolean;
  readonly native: boolean;
}

async function one(tools: Tools, run: Run, options: SweepOptions, held: Set<string>): Promise<readonly string[]> {
  const { temp, command } = tools;
  const useIgnore = options.find.useIgnoreFiles !== false;
  const composed = run.native || !useIgnore ? undefined : await options.composed(options.signal);
  const { text = "", above = "", global } = composed ?? {};
  const { placed, args, cwd } = await stand(tools, run, { text, above }, options, held);
  if (placed.length === 0) return [];
  const hidden = hiddenLines(placed);
  const files = [...(global === undefined ? [] : [global]), ...(text === "" ? [] : [await temp.text(text, held)])];
  const flags = walkFlags(options.find, run.native ? { kind: "native" } : { kind: "given", files }, hidden === "" ? undefined : await temp.text(hidden, held), above);
  const { complaints } = await runRipgrep({
    command, cwd, signal: options.signal, onData: options.receive(new Mapper(placed, options.asAsked)),
    args: [...flags, "--path-separator", "/", ...options.flags, "--", ...args],
  });
  return complaints;
}

/** What need not be read, as lines of an ignore file. What is read in vain all the same is left out afterwards. */
function hiddenLines(placed: readonly Placed[]): string {
  return placed.flatMap(({ at, area }) => area.hidden.filter((path) => !path.includes("\n")).map((path) => `/${escapeGlob(at === "" ? path : `${at}/${path}`)}\n`)).join("");
}

async function stand(
  { temp }: Tools, run: Run, { text, above }: Pick<Composed, "text" | "above">, { find, flags }: SweepOptions, held: Set<string>,
): Promise<{ placed: readonly Placed[]; cwd: string; args: readonly string[] }> {
  const [first] = run.placed;
  if (first === undefined) return { placed: [], cwd: "", args: [] };
  // A listing of "." has "./" before each path; of nothing it has not, and is as quick to take apart as can be.
  if (run.direct && above === "") return { placed: run.placed, cwd: first.physical, args: flags.includes("--files") ? [] : ["."] };
  // A folder that is named to ripgrep is looked into whatever is said of it and of those above it: that is looked at here.
  const filter = new PathFilter(find, find.useIgnoreFiles === false ? "" : text, above);
  const placed = run.placed.filter(({ at }) => filter.entersFolder(at)).map((one): Placed => ({ ...one, at: [above, one.at].filter((part) => part !== "").join("/") }));
  if (placed.length === 0) return { placed, cwd: "", args: [] };
  const cwd = await temp.links(new Map(placed.map(({ at, physical }) => [at, physical])), held);
  return { placed, cwd, args: placed.map(({ at }) => `./${at}/`) };
}

async function plan({ roots }: Tools, { areas, folder }: Survey, { native }: SweepOptions): Promise<Run[]> {
  const runs: Run[] = [];
  const linked: Placed[] = [];
  for (const area of areas) {
    const physical = join(rootOf(roots, area), area.from);
    const found = await stat(physical).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      if (area.layer.kind === "base" && area.from === "" && found === undefined) {
        throw new OverlayError("ENOENT", "search", folder, { reason: `the base folder '${physical}' is not there any more` });
      }
      continue;
    }
    if (area.path !== folder) linked.push({ at: area.path.slice(folder === "/" ? 1 : folder.length + 1), area, physical });
    else {
      const isBase = area.layer.kind === "base";
      const run: Run = { placed: [{ at: "", area, physical }], direct: true, native: isBase && native };
      if (isBase) runs.unshift(run); // what takes longest begins first
      else runs.push(run);
    }
  }
  for (const placed of apart(linked)) runs.push({ placed, direct: false, native: false });
  return runs;
}

/** In groups in which none stands within another, as a link has nothing within it. */
function apart(placed: readonly Placed[]): Placed[][] {
  const groups: Placed[][] = [];
  const within = (a: string, b: string): boolean => a === b || a.startsWith(`${b}/`) || b.startsWith(`${a}/`);
  for (const one of placed) {
    const group = groups.find((others) => !others.some(({ at }) => within(at, one.at)));
    if (group === undefined) groups.push([one]);
    else group.push(one);
  }
  return groups;
}

export function rootOf(roots: Roots, { layer }: Area): string {
  switch (layer.kind) {
    case "base":
      return roots.base;
    case "lower":
      return roots.lowers[layer.index] ?? roots.base;
    case "snapshot":
    case "upper":
      return join(roots.scratch, layer.path);
  }
}
