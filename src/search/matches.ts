/**
 * ripgrep's `--json` lines as matches: its byte offsets as lines and UTF-16 columns, and what of them is shown. Pure but
 * for Buffer. A line that is no UTF-8 comes as base64 and is decoded as the editor does it, with U+FFFD for what is none.
 */
import type { TextContext, TextMatch, TextRange } from "./types.js";

/** Text as ripgrep writes it. */
type Bytes = { readonly text: string } | { readonly bytes: string };

export type Message =
  | { readonly type: "begin" | "end"; readonly data: { readonly path: Bytes } }
  | { readonly type: "match" | "context"; readonly data: Lines }
  | { readonly type: "summary" };

export interface Lines {
  readonly path: Bytes;
  readonly lines: Bytes;
  readonly line_number: number | null;
  readonly submatches: readonly { readonly start: number; readonly end: number }[];
}

/** Undefined for a name that is no Unicode: merged does not show it either. */
export function pathOf(path: Bytes): string | undefined {
  return "text" in path ? path.text : undefined;
}

/** Lines with a way from byte offsets in them to UTF-16 ones. */
interface Decoded {
  readonly text: string;
  /** Offsets must not go down from call to call. */
  readonly at: (byte: number) => number;
}

function decode(lines: Bytes, isFirst: boolean): Decoded {
  if ("bytes" in lines) {
    const bytes = Buffer.from(lines.bytes, "base64");
    const bom = isFirst && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    return { text: bytes.toString("utf8", bom), at: (byte) => bytes.toString("utf8", bom, Math.max(bom, byte)).length };
  }
  const bom = isFirst && lines.text.startsWith("\ufeff");
  const text = bom ? lines.text.slice(1) : lines.text;
  const cut = bom ? 3 : 0;
  if (Buffer.byteLength(text) === text.length) return { text, at: (byte) => Math.max(0, byte - cut) };
  let unit = 0;
  let passed = cut;
  return {
    text,
    at(byte) {
      while (passed < byte && unit < text.length) {
        const code = text.codePointAt(unit) ?? 0;
        passed += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        unit += code < 0x10000 ? 1 : 2;
      }
      return unit;
    },
  };
}

interface Line {
  readonly start: number;
  /** Without its end. */
  readonly end: number;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    lines.push({ start, end: end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end });
    start = end + 1;
  }
  if (lines.length === 0) lines.push({ start: 0, end: 0 });
  return lines;
}

export interface PreviewLimits {
  readonly lines: number;
  readonly chars: number;
}

export function contextOf(data: Lines, path: string): TextContext[] {
  const first = (data.line_number ?? 1) - 1;
  const { text } = decode(data.lines, first === 0);
  return linesOf(text).map(({ start, end }, i) => ({ kind: "context", path, line: first + i, text: text.slice(start, end) }));
}

/**
 * One message's matches, at most `most` ranges. One result where all of them can be shown together; those of a long line
 * that are too far apart come as several.
 */
export function matchesOf(data: Lines, path: string, limits: PreviewLimits, most: number): TextMatch[] {
  const first = (data.line_number ?? 1) - 1;
  const { text, at } = decode(data.lines, first === 0);
  const lines = linesOf(text);
  let line = 0;
  const place = (offset: number): { line: number; column: number } => {
    while (line + 1 < lines.length && (lines[line + 1]?.start ?? 0) <= offset) line++;
    return { line, column: offset - (lines[line]?.start ?? 0) };
  };
  const ranges: TextRange[] = [];
  for (const { start, end } of data.submatches.slice(0, most)) {
    const from = place(at(start));
    const to = place(at(end));
    ranges.push({ startLine: from.line, startColumn: from.column, endLine: to.line, endColumn: to.column });
  }
  const found: TextMatch[] = [];
  for (let next = 0; next < ranges.length;) {
    const preview = new Preview(text, lines, ranges[next], limits);
    const shown: { source: TextRange; preview: TextRange }[] = [];
    do {
      const range = ranges[next];
      if (range === undefined || (shown.length > 0 && !preview.has(range))) break;
      shown.push({ source: { ...range, startLine: first + range.startLine, endLine: first + range.endLine }, preview: preview.range(range) });
    } while (++next < ranges.length);
    found.push({ kind: "match", path, ranges: shown, preview: preview.text });
  }
  return found;
}

/** The part of the lines that is shown for a match, which is cut where it is too long. */
class Preview {
  readonly text: string;
  private readonly firstLine: number;
  private readonly windows: readonly { readonly from: number; readonly to: number }[];

  constructor(text: string, lines: readonly Line[], around: TextRange | undefined, { lines: most, chars }: PreviewLimits) {
    // What fits is shown whole, from its first line; else from where the match begins.
    this.firstLine = lines.length <= most ? 0 : (around?.startLine ?? 0);
    const shown = lines.slice(this.firstLine, this.firstLine + Math.max(1, most));
    this.windows = shown.map(({ start, end }, i) => {
      const length = end - start;
      const begins = this.firstLine + i === around?.startLine ? around.startColumn : 0;
      const from = length <= chars ? 0 : Math.max(0, Math.min(begins - Math.floor(chars / 5), length - chars));
      return { from, to: Math.min(length, from + chars) };
    });
    this.text = shown.map(({ start }, i) => text.slice(start + (this.windows[i]?.from ?? 0), start + (this.windows[i]?.to ?? 0))).join("\n");
  }

  /** Whether all of a range is shown. */
  has(range: TextRange): boolean {
    return this.shows(range.startLine, range.startColumn) && this.shows(range.endLine, range.endColumn);
  }

  range({ startLine, startColumn, endLine, endColumn }: TextRange): TextRange {
    const start = this.place(startLine, startColumn);
    const end = this.place(endLine, endColumn);
    return { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column };
  }

  private shows(line: number, column: number): boolean {
    const window = this.windows[line - this.firstLine];
    return window !== undefined && column >= window.from && column <= window.to;
  }

  /** In the preview; what is not shown is at its nearer end. */
  private place(line: number, column: number): { line: number; column: number } {
    const last = this.windows.length - 1;
    const at = Math.max(0, Math.min(last, line - this.firstLine));
    const window = this.windows[at] ?? { from: 0, to: 0 };
    const inside = line - this.firstLine > last ? window.to : Math.min(window.to, Math.max(window.from, column));
    return { line: at, column: inside - window.from };
  }
}
