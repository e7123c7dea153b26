/**
 * VS Code's own Go to File, Search view and `findFiles` over merged, where the APIs for that are to be had: each call is
 * translated for the searchers of the overlays that it names.
 */
import * as vscode from "vscode";
import type { FindOptions, TextMatch, TextOptions, TextRange, TextResult } from "../../search/types.js";
import type { Overlays } from "../overlays.js";
import type { Session } from "../session.js";
import { parseAddress } from "../uris.js";
import { isCancelled, problemOf, withToken } from "./cancel.js";
import { searcherOf, uriIn } from "./folders.js";
import type { FileSearchOptions, FileSearchProvider, FolderOptions, ResultClasses, TextSearchComplete, TextSearchOptions, TextSearchProvider, TextSearchQuery } from "./proposed.js";

interface Folder {
  readonly session: Session;
  readonly path: string;
  readonly options: FolderOptions;
}

export class FileSearch implements FileSearchProvider {
  constructor(private readonly overlays: Overlays) {}

  async provideFileSearchResults(pattern: string, options: FileSearchOptions, token: vscode.CancellationToken): Promise<vscode.Uri[]> {
    return search(this.overlays, options, token, async (folders, signal) => {
      const found: vscode.Uri[] = [];
      await Promise.all(folders.map(async (folder) => {
        for (const path of await filesOf(folder, pattern, options.maxResults, signal)) found.push(uriIn(folder, path));
      }));
      return found;
    });
  }
}

/** Something typed is answered from the index, which VS Code asks at each key; without, it is all files that are wanted. */
async function filesOf(folder: Folder, pattern: string, max: number | undefined, signal: AbortSignal): Promise<readonly string[]> {
  const searcher = searcherOf(folder);
  const options = translated(folder.options);
  if (pattern !== "" && options.includes?.length === 0 && folder.path === "/") {
    const { folder: _, includes: __, ...rest } = options;
    const index = searcher.index();
    index.configure(rest);
    return (await index.find({ text: pattern, max: limited(max) ?? 512 }, signal)).matches.map(({ path }) => path);
  }
  // Before anything is typed VS Code asks for none, so that what will be needed can be fetched.
  if (max === 0) return [];
  const found: string[] = [];
  const filter = pattern === "" ? undefined : subsequence(pattern);
  const limit = filter === undefined && limited(max) !== undefined ? { maxResults: limited(max) ?? 0 } : {};
  await searcher.files({ folder: folder.path, ...options, ...limit }, (paths) => { found.push(...(filter === undefined ? paths : paths.filter(filter))); }, signal);
  return found;
}

/** Whether a path has these characters in this order, as VS Code itself asks of what it is given. */
function subsequence(pattern: string): (path: string) => boolean {
  const wanted = pattern.toLowerCase().replace(/[\s\\]/g, "");
  return (path) => {
    let at = 0;
    for (const char of path.toLowerCase()) if (char === wanted[at]) at++;
    return at >= wanted.length;
  };
}

export class TextSearch implements TextSearchProvider {
  constructor(private readonly overlays: Overlays, private readonly classes: ResultClasses) {}

  async provideTextSearchResults(query: TextSearchQuery, options: TextSearchOptions, progress: vscode.Progress<object>, token: vscode.CancellationToken): Promise<TextSearchComplete> {
    const none: TextSearchComplete = { limitHit: false };
    if (query.pattern === "") return none;
    return (await search(this.overlays, options, token, async (folders, signal) => {
      const outcomes = await Promise.all(folders.map((folder) =>
        searcherOf(folder).text(query, textOptions(folder, options), (results) => { for (const result of results) progress.report(this.resultOf(folder, result)); }, signal)));
      const messages = [...new Set(outcomes.flatMap(({ message }) => (message === undefined ? [] : [message])))];
      return [{ limitHit: outcomes.some(({ limitHit }) => limitHit), ...(messages.length === 0 ? {} : { message: messages.map((text) => ({ text, type: 2 as const })) }) }];
    }))[0] ?? none;
  }

  private resultOf(folder: Folder, result: TextResult): object {
    const uri = uriIn(folder, result.path);
    // VS Code counts the lines of a context from 1, those of a match from 0.
    return result.kind === "context" ? new this.classes.context(uri, result.text, result.line + 1) : new this.classes.match(uri, rangesOf(result), result.preview);
  }
}

function rangesOf({ ranges }: TextMatch): { sourceRange: vscode.Range; previewRange: vscode.Range }[] {
  return ranges.map(({ source, preview }) => ({ sourceRange: rangeOf(source), previewRange: rangeOf(preview) }));
}

export function rangeOf({ startLine, startColumn, endLine, endColumn }: TextRange): vscode.Range {
  return new vscode.Range(startLine, startColumn, endLine, endColumn);
}

function textOptions({ path, options }: Folder, { maxResults, maxFileSize, previewOptions, surroundingContext }: TextSearchOptions): TextOptions {
  const max = limited(maxResults);
  return {
    folder: path,
    ...translated(options),
    ...(max === undefined ? {} : { maxResults: max }),
    ...(maxFileSize === undefined ? {} : { maxFileSize }),
    ...(options.encoding === undefined || options.encoding === "" ? {} : { encoding: options.encoding }),
    ...(previewOptions?.matchLines === undefined ? {} : { previewLines: previewOptions.matchLines }),
    ...(previewOptions?.charsPerLine === undefined ? {} : { previewChars: previewOptions.charsPerLine }),
    ...(surroundingContext === undefined || surroundingContext === 0 ? {} : { contextBefore: surroundingContext, contextAfter: surroundingContext }),
  };
}

function translated({ includes, excludes, useIgnoreFiles, followSymlinks }: FolderOptions): FindOptions {
  return {
    includes: [...includes],
    excludes: excludes.map((glob) => (typeof glob === "string" ? glob : glob.pattern)),
    useIgnoreFiles: useIgnoreFiles.local,
    useGlobalIgnoreFiles: useIgnoreFiles.global,
    useParentIgnoreFiles: useIgnoreFiles.parent,
    followSymlinks,
  };
}

/** VS Code says "all" as a number that no list can have, or as none; over the wire none may come as null. */
function limited(max: number | null | undefined): number | undefined {
  return typeof max !== "number" || max >= 2 ** 31 - 1 ? undefined : max;
}

/** Runs it on the folders that VS Code names. A cancelled search has found nothing; one that fails says why. */
async function search<T>(overlays: Overlays, options: FileSearchOptions, token: vscode.CancellationToken, work: (folders: readonly Folder[], signal: AbortSignal) => Promise<T[]>): Promise<T[]> {
  try {
    const folders = await Promise.all(options.folderOptions.map(async (one): Promise<Folder[]> => {
      const address = parseAddress(one.folder);
      return address?.path === undefined ? [] : [{ session: await overlays.get(address.id), path: address.path, options: one }];
    }));
    return await withToken(token, (signal) => work(folders.flat(), signal));
  } catch (error) {
    if (isCancelled(error)) return [];
    throw new Error(problemOf(error), { cause: error });
  }
}
