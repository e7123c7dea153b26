/**
 * What a search has found, in the order in which it is shown, with numbers that stay the same while it changes: for the view,
 * for going from one result to the next, and for replacing. Pure.
 */
import type { Span } from "./textQuery.js";

/** One match, as its row shows it. */
export interface Hit {
  readonly id: number;
  readonly span: Span;
  /** What stands before it in its line, cut so that the match is seen. */
  readonly before: string;
  /** The match itself; of a long one, or of one over several lines, as much as a row can show. */
  readonly inside: string;
  readonly after: string;
}

export interface FileHits {
  readonly id: number;
  readonly uri: string;
  /** What it is ordered by: the folder's name, then the path in it. */
  readonly key: string;
  readonly name: string;
  /** The folder that it lies in, for people. */
  readonly folder: string;
  readonly hits: readonly Hit[];
}

export type NewFile = Omit<FileHits, "id" | "hits">;
export type NewHit = Omit<Hit, "id">;

export interface Place {
  readonly file: FileHits;
  readonly hit: Hit;
}

export class Results {
  private readonly byUri = new Map<string, FileHits>();
  private readonly byId = new Map<number, FileHits>();
  private order: FileHits[] | undefined;
  private lastId = 0;
  private hits = 0;

  get count(): number {
    return this.hits;
  }

  get fileCount(): number {
    return this.byUri.size;
  }

  /** In the order of the view. */
  files(): readonly FileHits[] {
    this.order ??= [...this.byUri.values()].sort((a, b) => compareKeys(a.key, b.key));
    return this.order;
  }

  /** More matches of a file, in the order in which they stand in it. */
  add(file: NewFile, hits: readonly NewHit[]): FileHits {
    const before = this.byUri.get(file.uri);
    const all = [...(before?.hits ?? []), ...this.numbered(hits)];
    return this.put(file, before, sorted(all));
  }

  /** All matches of a file there are now. Undefined when there is none any more. */
  set(file: NewFile, hits: readonly NewHit[]): FileHits | undefined {
    const before = this.byUri.get(file.uri);
    if (hits.length === 0) {
      if (before !== undefined) this.dropFile(before.id);
      return undefined;
    }
    return this.put(file, before, sorted(this.numbered(hits)));
  }

  file(id: number): FileHits | undefined {
    return this.byId.get(id);
  }

  fileOf(uri: string): FileHits | undefined {
    return this.byUri.get(uri);
  }

  place(fileId: number, hitId: number): Place | undefined {
    const file = this.byId.get(fileId);
    const hit = file?.hits.find(({ id }) => id === hitId);
    return file === undefined || hit === undefined ? undefined : { file, hit };
  }

  /** Takes matches of a file out; with the last one the file goes. */
  drop(fileId: number, hitIds: readonly number[]): void {
    const file = this.byId.get(fileId);
    if (file === undefined) return;
    const rest = file.hits.filter(({ id }) => !hitIds.includes(id));
    if (rest.length === 0) this.dropFile(fileId);
    else this.put(file, file, rest);
  }

  dropFile(id: number): void {
    const file = this.byId.get(id);
    if (file === undefined) return;
    this.byId.delete(id);
    this.byUri.delete(file.uri);
    this.hits -= file.hits.length;
    this.order = undefined;
  }

  /** The match after (1) or before (-1) a place, round the end; from nowhere the first or last. */
  next(from: { readonly file: number; readonly hit: number } | undefined, step: 1 | -1): Place | undefined {
    const places = this.files().flatMap((file) => file.hits.map((hit): Place => ({ file, hit })));
    const at = from === undefined ? -1 : places.findIndex(({ file, hit }) => file.id === from.file && hit.id === from.hit);
    if (at < 0) return step === 1 ? places[0] : places.at(-1);
    return places[(at + step + places.length) % places.length];
  }

  clear(): void {
    this.byUri.clear();
    this.byId.clear();
    this.order = undefined;
    this.hits = 0;
  }

  private put(file: NewFile, before: FileHits | undefined, hits: readonly Hit[]): FileHits {
    const made: FileHits = { ...file, id: before?.id ?? ++this.lastId, hits };
    this.byUri.set(file.uri, made);
    this.byId.set(made.id, made);
    this.hits += hits.length - (before?.hits.length ?? 0);
    this.order = undefined;
    return made;
  }

  private numbered(hits: readonly NewHit[]): Hit[] {
    return hits.map((hit) => ({ ...hit, id: ++this.lastId }));
  }
}

function sorted(hits: Hit[]): Hit[] {
  return hits.sort((a, b) => a.span.startLine - b.span.startLine || a.span.startColumn - b.span.startColumn);
}

/** As the Explorer of VS Code orders search results: files of a folder before those in the folders beneath it. */
export function compareKeys(a: string, b: string): number {
  const [one, other] = [a.split("/"), b.split("/")];
  for (let i = 0; ; i++) {
    const [left, right] = [one[i], other[i]];
    if (left === undefined || right === undefined) return one.length - other.length;
    const [lastLeft, lastRight] = [i === one.length - 1, i === other.length - 1];
    if (lastLeft !== lastRight) return lastLeft ? -1 : 1;
    const order = compareNames(left, right);
    if (order !== 0) return order;
  }
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compareNames(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** Without the rest of a word at its beginning, if there are others. */
function wordsOf(text: string): string {
  const [rest = ""] = /^\S*\s+(?=\S)/.exec(text) ?? [];
  return text.slice(rest.length);
}

const beforeLimit = 26;
const insideLimit = 1000;
const afterLimit = 250;

/** The row of a match: `text` begins with the line `firstLine`, and has at least all lines of the match that are to be shown. */
export function rowOf(span: Span, text: string, at: { readonly startLine: number; readonly startColumn: number; readonly endLine: number; readonly endColumn: number }): NewHit {
  const lines = text.split(/\r\n|\n|\r/);
  const first = lines[at.startLine] ?? "";
  const before = first.slice(0, at.startColumn).trimStart();
  const last = lines[at.endLine] ?? "";
  const inside = at.startLine === at.endLine
    ? first.slice(at.startColumn, at.endColumn)
    : [first.slice(at.startColumn), ...lines.slice(at.startLine + 1, at.endLine), last.slice(0, at.endColumn)].join("\n");
  return {
    span,
    before: before.length > beforeLimit ? `…${wordsOf(before.slice(-beforeLimit))}` : before,
    inside: inside.slice(0, insideLimit),
    after: last.slice(at.endColumn, at.endColumn + afterLimit).trimEnd(),
  };
}
