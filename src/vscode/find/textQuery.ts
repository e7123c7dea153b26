/**
 * A query as JavaScript understands it: for the text of editors that are not saved, which no file has, for the groups of a
 * match, and to say what is wrong with a regular expression before anything is searched. Pure.
 */

export interface Query {
  readonly pattern: string;
  readonly isRegExp: boolean;
  readonly isCaseSensitive: boolean;
  readonly isWordMatch: boolean;
}

/** Lines from 0, columns in UTF-16 units from 0. */
export interface Span {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine: number;
  readonly endColumn: number;
}

/** A match that crosses lines is looked for only when the pattern says so, which costs more. */
export function isMultiline({ pattern, isRegExp }: Query): boolean {
  return pattern.includes("\n") || (isRegExp && /(?:^|[^\\])(?:\\\\)*\\[nrW]/.test(pattern));
}

/** With `search.smartCase`, a pattern with a capital letter means it. */
export function withSmartCase(query: Query, isSmart: boolean): Query {
  return isSmart && !query.isCaseSensitive && query.pattern !== query.pattern.toLowerCase() ? { ...query, isCaseSensitive: true } : query;
}

/** The regular expression of a query; a SyntaxError's text when its pattern is none. */
export function toRegExp(query: Query): RegExp | { readonly problem: string } {
  const source = query.isRegExp ? query.pattern : query.pattern.replace(/[\\^$.*+?()[\]{}|/-]/g, (char) => (char === "-" ? "\\x2d" : `\\${char}`));
  const flags = `gm${query.isCaseSensitive ? "" : "i"}u`;
  try {
    // Alone first: `)` and `(` in a word match would else close what is put around it.
    const alone = new RegExp(source, flags);
    if (!query.isWordMatch) return alone;
    const [from, to] = [boundary(query, /^\w/u), boundary(query, /\w$/u)];
    return new RegExp(`${from}(?:${source})${to}`, flags);
  } catch (error) {
    return { problem: (error instanceof Error ? error.message : String(error)).replace(/^Invalid regular expression: \/.*\/[a-z]*: /su, "") };
  }
}

/** Beside what is no letter there is no word that could end. */
function boundary({ pattern, isRegExp }: Query, edge: RegExp): string {
  return isRegExp || edge.test(pattern) ? "\\b" : "";
}

/** All matches in a text, at most so many. Empty ones do not count. */
export function findIn(text: string, query: Query, limit: number): { readonly spans: Span[]; readonly limitHit: boolean } {
  const expression = toRegExp(query);
  if ("problem" in expression) return { spans: [], limitHit: false };
  const spans: Span[] = [];
  const lines = new LineIndex(text);
  const add = (start: number, length: number): boolean => {
    if (length === 0) return true;
    if (spans.length >= limit) return false;
    spans.push(lines.span(start, start + length));
    return true;
  };
  if (isMultiline(query)) {
    for (const match of text.matchAll(expression)) if (!add(match.index, match[0].length)) return { spans, limitHit: true };
    return { spans, limitHit: false };
  }
  for (let line = 0; line < lines.count; line++) {
    const from = lines.startOf(line);
    for (const match of lines.textOf(line).matchAll(expression)) if (!add(from + match.index, match[0].length)) return { spans, limitHit: true };
  }
  return { spans, limitHit: false };
}

/** The groups of the match that stands exactly there; undefined when the text is another one by now. */
export function groupsAt(text: string, start: number, end: number, query: Query): readonly (string | undefined)[] | undefined {
  const expression = toRegExp(query);
  if ("problem" in expression) return undefined;
  const sticky = new RegExp(expression.source, expression.flags.replace("g", "y"));
  // In its own line first, as it was found; `^`, `$` and what is looked at around the match then mean the same.
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = /\r?\n|$/g;
  lineEnd.lastIndex = end;
  const to = lineEnd.exec(text)?.index ?? text.length;
  for (const [part, at] of [[text.slice(from, to), start - from], [text, start]] as const) {
    sticky.lastIndex = at;
    const match = sticky.exec(part);
    if (match?.[0].length === end - start) return [...match];
  }
  return undefined;
}

/** Where lines begin, as the editor counts them. */
export class LineIndex {
  private readonly starts: number[] = [0];

  constructor(private readonly text: string) {
    for (const match of text.matchAll(/\r\n|\n|\r/g)) this.starts.push(match.index + match[0].length);
  }

  get count(): number {
    return this.starts.length;
  }

  startOf(line: number): number {
    return this.starts[line] ?? this.text.length;
  }

  textOf(line: number): string {
    return this.text.slice(this.startOf(line), this.startOf(line + 1)).replace(/\r?\n$|\r$/, "");
  }

  span(start: number, end: number): Span {
    const [startLine, endLine] = [this.lineAt(start), this.lineAt(end)];
    return { startLine, startColumn: start - this.startOf(startLine), endLine, endColumn: end - this.startOf(endLine) };
  }

  offset(line: number, column: number): number {
    return Math.min(this.startOf(line) + column, this.text.length);
  }

  private lineAt(offset: number): number {
    let [low, high] = [0, this.starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.startOf(middle) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
