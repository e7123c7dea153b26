/**
 * One run of Find in Files: the query is put to each folder's searcher and to the text of unsaved editors, which stands for
 * what their files hold. Results come as they are found.
 */
import * as vscode from "vscode";
import type { TextOptions, TextResult } from "../../search/types.js";
import { nameOf, parentOf } from "../paths.js";
import { isOverlayUri, parseAddress } from "../uris.js";
import { findOptions, isHiddenBySibling, relative, relativeIn, searcherOf, uriIn, type SearchedFolder } from "./folders.js";
import { boxGlobs, covers } from "./globs.js";
import type { Form } from "./protocol.js";
import { rowOf, type NewFile, type NewHit } from "./results.js";
import { withoutExcludes } from "./rules.js";
import { findIn, isMultiline, LineIndex, withSmartCase, type Query } from "./textQuery.js";

/** A folder with what the boxes say about it. */
export interface FindIn extends SearchedFolder {
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  /** Whether several folders are searched, so that a result says which it is of. */
  readonly several: boolean;
}

export interface FindOutcome {
  readonly limitHit: boolean;
  readonly messages: readonly string[];
}

export type OnFound = (file: NewFile, hits: readonly NewHit[]) => void;

export function queryOf(form: Form, { rules }: SearchedFolder): Query {
  const { pattern, isRegExp, isCaseSensitive, isWordMatch } = form;
  return withSmartCase({ pattern, isRegExp, isCaseSensitive, isWordMatch }, rules.smartCase);
}

/** Those of the folders that the boxes leave to be searched. */
export function narrowed(folders: readonly SearchedFolder[], form: Form): FindIn[] {
  const several = folders.length > 1;
  return folders.flatMap((folder): FindIn[] => {
    const includes = boxGlobs(form.includes, { name: folder.name, several });
    if (includes === undefined) return [];
    const rules = form.useExcludes ? folder.rules : withoutExcludes(folder.rules);
    return [{ ...folder, rules, includes, excludes: boxGlobs(form.excludes, { name: folder.name, several }) ?? [], several }];
  });
}

/** Rejects with ECANCELED when the signal is aborted, and with what the searcher says when it cannot. */
export async function find(folders: readonly FindIn[], form: Form, onFound: OnFound, signal: AbortSignal): Promise<FindOutcome> {
  const stop = new AbortController();
  const stopAll = (): void => { stop.abort(); };
  signal.addEventListener("abort", stopAll);
  if (signal.aborted) stopAll();
  const limit = Math.min(...folders.map(({ rules }) => rules.maxResults ?? Infinity));
  const run = new Run(form, onFound, limit, stop.signal);
  try {
    for (const folder of folders) run.findInEditors(folder);
    const outcomes = await Promise.all(folders.map((folder) => run.findInFolder(folder).catch((error: unknown) => {
      stopAll(); // What one cannot do, the others need not try.
      throw error;
    })));
    return { limitHit: run.limitHit || outcomes.some(({ limitHit }) => limitHit), messages: [...new Set(outcomes.flatMap(({ messages }) => messages))] };
  } finally {
    signal.removeEventListener("abort", stopAll);
  }
}

class Run {
  limitHit = false;
  private found = 0;

  constructor(private readonly form: Form, private readonly onFound: OnFound, private readonly limit: number, private readonly signal: AbortSignal) {}

  findInEditors(folder: FindIn): void {
    for (const document of unsaved()) {
      const hits = hitsIn(document.uri, document.getText(), folder, this.form, this.limit - this.found);
      if (hits !== undefined) this.tell(fileOf(folder, document.uri), hits.rows, hits.limitHit);
    }
  }

  async findInFolder(folder: FindIn): Promise<FindOutcome> {
    if (this.limitHit) return { limitHit: true, messages: [] };
    const waiting: Promise<void>[] = [];
    const { limitHit, message } = await searcherOf(folder).text({ ...queryOf(this.form, folder), isMultiline: isMultiline(this.form) }, this.optionsFor(folder), (results) => {
      for (const [path, rows] of byFile(results)) {
        const uri = uriIn(folder, path);
        if (unsaved().some((document) => document.uri.toString() === uri.toString())) continue;
        if (folder.rules.conditional.length === 0) this.tell(fileOf(folder, uri), rows, false);
        else waiting.push(isHiddenBySibling(folder, relative(folder, path)).then((hidden) => { if (!hidden) this.tell(fileOf(folder, uri), rows, false); }));
      }
    }, this.signal);
    await Promise.all(waiting);
    return { limitHit, messages: message === undefined ? [] : [message] };
  }

  private optionsFor(folder: FindIn): TextOptions {
    const { encoding } = folder.rules;
    return {
      ...findOptions(folder),
      includes: folder.includes,
      excludes: [...folder.rules.excludes, ...folder.excludes],
      ...(Number.isFinite(this.limit) ? { maxResults: this.limit } : {}),
      ...(encoding === undefined ? {} : { encoding }),
      previewChars: 10_000,
    };
  }

  private tell(file: NewFile, rows: readonly NewHit[], limitHit: boolean): void {
    if (this.signal.aborted) return;
    const room = this.limit - this.found;
    if (rows.length > room || limitHit) this.limitHit = true;
    const taken = rows.slice(0, room);
    this.found += taken.length;
    if (taken.length > 0) this.onFound(file, taken);
  }
}

/** The matches in a file's text; undefined when the file is not among those that are searched. */
export function hitsIn(uri: vscode.Uri, text: string, folder: FindIn, form: Form, limit: number): { readonly rows: NewHit[]; readonly limitHit: boolean } | undefined {
  const path = relativeIn(folder, uri);
  if (path === undefined || path === "" || !isIncluded(folder, path)) return undefined;
  const { spans, limitHit } = findIn(text, queryOf(form, folder), Math.max(0, limit));
  const index = new LineIndex(text);
  const rows = spans.map((span) => {
    const lines = text.slice(index.startOf(span.startLine), index.startOf(span.endLine + 1));
    return rowOf(span, lines, { ...span, startLine: 0, endLine: span.endLine - span.startLine });
  });
  return { rows, limitHit };
}

/** Ignore files are not asked: an editor that is open is wanted. VS Code's own search does the same. */
function isIncluded({ includes, excludes, rules }: FindIn, path: string): boolean {
  if (includes.length > 0 && !includes.some((glob) => covers(glob, path))) return false;
  return ![...excludes, ...rules.excludes].some((glob) => covers(glob, path));
}

function unsaved(): readonly vscode.TextDocument[] {
  return vscode.workspace.textDocuments.filter(({ isDirty, isClosed, uri }) => isDirty && !isClosed && isOverlayUri(uri));
}

export function fileOf({ several, name, path: root }: FindIn, uri: vscode.Uri): NewFile {
  const path = (parseAddress(uri)?.path ?? "/").slice(root === "/" ? 0 : root.length);
  const folder = parentOf(path).slice(1);
  return { uri: uri.toString(), key: `${several ? name : ""}${path}`, name: nameOf(path), folder: several ? [name, folder].filter((part) => part !== "").join(" · ") : folder };
}

/** A line with several matches has a row for each. */
function byFile(results: readonly TextResult[]): Map<string, NewHit[]> {
  const files = new Map<string, NewHit[]>();
  for (const result of results) {
    if (result.kind !== "match") continue;
    const rows = files.get(result.path) ?? [];
    files.set(result.path, rows);
    for (const { source, preview } of result.ranges) rows.push(rowOf(source, result.preview, preview));
  }
  return files;
}
