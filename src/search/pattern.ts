/**
 * What the user typed as the expression that ripgrep is given. VS Code's habits, which its users know: `\n` meets the line
 * ends of Windows too, `\u00e9` is a character whichever engine runs, and a whole word begins where the pattern does.
 */
import type { TextQuery } from "./types.js";

export interface Pattern {
  readonly text: string;
  readonly kind: "literal" | "expression";
}

export function patternOf({ pattern, isRegExp = false, isWordMatch = false, isMultiline = false }: TextQuery): Pattern {
  if (!isRegExp && !isWordMatch && !isMultiline) return { text: pattern, kind: "literal" };
  const source = isRegExp ? pattern : escape(pattern);
  const whole = isWordMatch ? wholeWord(source, pattern) : source;
  return { text: isMultiline || isRegExp ? withLineEnds(withHexEscapes(whole)) : whole, kind: "expression" };
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|#&~-]/g, "\\$&");
}

/** A boundary stands only beside what can be part of a word: "(a)" is found whole as it is. */
function wholeWord(source: string, typed: string): string {
  const begins = /^[\p{L}\p{N}_]/u.test(typed) ? "\\b" : "";
  const ends = /[\p{L}\p{N}_]$/u.test(typed) ? "\\b" : "";
  return `${begins}${source}${ends}`;
}

/** \u{1f600} and \u00e9 as \x{...}, which both of ripgrep's engines know. A backslash may itself be escaped. */
function withHexEscapes(source: string): string {
  return source.replace(/\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|[^])/g, (whole: string, long?: string, short?: string) => {
    const digits = long ?? short;
    return digits === undefined ? whole : `\\x{${digits}}`;
  });
}

/** Every `\n`, typed or escaped, as `\r?\n`; in brackets and behind `(?<=` what comes nearest. */
function withLineEnds(source: string): string {
  let out = "";
  let at = 0;
  const behind: boolean[] = [];
  while (at < source.length) {
    const rest = source.slice(at);
    if (rest.startsWith("[")) {
      const length = classLength(rest);
      out += inClass(rest.slice(0, length), behind.includes(true));
      at += length;
    } else if (rest.startsWith("\\n") || rest.startsWith("\n")) {
      out += behind.includes(true) ? "\\n" : "\\r?\\n";
      at += rest.startsWith("\n") ? 1 : 2;
    } else if (rest.startsWith("\\")) {
      out += rest.slice(0, 2);
      at += 2;
    } else {
      if (rest.startsWith("(")) behind.push(/^\(\?<[=!]/.test(rest));
      else if (rest.startsWith(")")) behind.pop();
      out += rest.charAt(0);
      at++;
    }
  }
  return out;
}

/** The length of what stands in brackets at the start; to the end where none closes them. */
function classLength(source: string): number {
  let at = source.startsWith("[^") ? 2 : 1;
  if (source[at] === "]") at++;
  for (let depth = 1; at < source.length; at++) {
    const c = source[at];
    if (c === "\\") at++;
    else if (c === "[" && source[at + 1] === ":") depth++;
    else if (c === "]" && --depth === 0) return at + 1;
  }
  return source.length;
}

function inClass(source: string, behind: boolean): string {
  const plain = source.replaceAll("\n", "\\n");
  if (!/(^|[^\\])(\\\\)*\\n/.test(plain)) return plain;
  if (plain.startsWith("[^")) return plain.replace(/^\[\^(\]?)/, "[^$1\\r");
  return behind ? plain : `(?:${plain}|\\r\\n)`;
}
