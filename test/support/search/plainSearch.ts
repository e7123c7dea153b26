/** The same ripgrep on a plain folder, with the same flags and taken apart by the same parser: what a search must equal. */
import type { Area } from "../../../src/engine/index.js";
import { listFlags, textFlags, walkFlags } from "../../../src/search/flags.js";
import { lister } from "../../../src/search/listing.js";
import { Mapper } from "../../../src/search/mapper.js";
import { ripgrepIn } from "../../../src/search/ripgrepPath.js";
import { runRipgrep } from "../../../src/search/ripgrep.js";
import { textReader } from "../../../src/search/textMatches.js";
import type { FindOptions, TextOptions, TextQuery, TextResult } from "../../../src/search/types.js";
import { installServer } from "../vscode/install.ts";

/** The one that VS Code brings. */
export async function findRipgrep(): Promise<string> {
  const found = await ripgrepIn(await installServer());
  if (found === undefined) throw new Error("the installed VS Code has no ripgrep for this machine");
  return found;
}

function plainMapper(physical: string, folder: string): Mapper {
  const area: Area = {
    layer: { kind: "base" }, from: "", path: folder, hidden: [], isEmpty: false,
    directory: (path) => ({ path: path === "" ? folder : folder === "/" ? `/${path}` : `${folder}/${path}`, showsAll: true, shows: () => true }),
  };
  return new Mapper([{ at: "", area, physical }]);
}

const never = new AbortController().signal;

async function search(command: string, root: string, options: FindOptions, flags: readonly string[], receive: (mapper: Mapper) => (piece: Buffer) => boolean): Promise<void> {
  const folder = options.folder ?? "/";
  const cwd = folder === "/" ? root : root + folder;
  const args = [...walkFlags(options, { native: true }, undefined, [""]), "--path-separator", "/", ...flags, "--", "./"];
  await runRipgrep({ command, cwd, args, signal: never, onData: receive(plainMapper(cwd, folder)) });
}

export async function plainFiles(command: string, root: string, options: FindOptions): Promise<string[]> {
  const found: string[] = [];
  await search(command, root, options, listFlags, (mapper) => lister(mapper, (paths) => { found.push(...paths); return true; }));
  return found.sort();
}

export async function plainText(command: string, root: string, query: TextQuery, options: TextOptions): Promise<TextResult[]> {
  const found: TextResult[] = [];
  await search(command, root, options, textFlags(query, options), (mapper) => textReader(mapper, {
    limits: { lines: options.previewLines ?? Infinity, chars: options.previewChars ?? 10_000 },
    left: () => Infinity,
    onLimit: () => undefined,
    take: (results) => { found.push(...results); return true; },
  }));
  return inOrder(found);
}

/** Files are told in any order, the results of each in theirs. */
export function inOrder(results: readonly TextResult[]): TextResult[] {
  return [...results].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
