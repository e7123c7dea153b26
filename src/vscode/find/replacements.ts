/** What replacing matches does to a text: pure, for the comparison that shows it and for the edit that does it. */
import { needsGroups, replacementFor, type Replacement } from "./replacePattern.js";
import { groupsAt, LineIndex, type Query, type Span } from "./textQuery.js";

export interface TextChange {
  /** Offsets in the text. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The match's place in the list that was handed over. */
  readonly index: number;
}

export interface Changes {
  readonly changes: readonly TextChange[];
  /** Matches that do not stand there any more: they are left alone. */
  readonly missed: number;
}

/** In the order of the text. `spans` are matches of the query in this text, or in what it was when it was searched. */
export function changesFor(text: string, spans: readonly Span[], query: Query, replacement: Replacement): Changes {
  const lines = new LineIndex(text);
  const changes: TextChange[] = [];
  let missed = 0;
  let last = 0;
  const ordered = spans.map((span, index) => ({ index, start: lines.offset(span.startLine, span.startColumn), end: lines.offset(span.endLine, span.endColumn) }))
    .sort((a, b) => a.start - b.start);
  for (const { index, start, end } of ordered) {
    const groups = end > start && start >= last ? groupsAt(text, start, end, query) : undefined;
    if (groups === undefined) {
      missed++;
      continue;
    }
    last = end;
    changes.push({ start, end, index, text: replacementFor(replacement, needsGroups(replacement) ? groups : []) });
  }
  return { changes, missed };
}

export function applied(text: string, changes: readonly TextChange[]): string {
  let out = "";
  let at = 0;
  for (const { start, end, text: put } of changes) {
    out += text.slice(at, start) + put;
    at = end;
  }
  return out + text.slice(at);
}
