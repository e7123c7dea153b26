/** The flags of ripgrep for a search: those that VS Code's own search gives it, so that both find the same. Pure. */
import { globLines } from "./globs.js";
import { patternOf } from "./pattern.js";
import type { FindOptions, TextOptions, TextQuery } from "./types.js";

/** Where ignore rules come from: `native`, the files in the folders; and a file of lines, weaker than those. */
export interface Ignoring {
  readonly native: boolean;
  readonly file?: string | undefined;
}

/**
 * Whatever is looked for.
 * @param hidden a file of what need not be looked at.
 * @param folders where the searched folder is, below the one in which ripgrep runs: "" is that one.
 */
export function walkFlags(options: FindOptions, ignoring: Ignoring, hidden: string | undefined, folders: readonly string[]): string[] {
  const flags = ["--no-config", "--hidden", "--no-require-git"];
  if (hidden !== undefined) flags.push("--ignore-file", hidden);
  if (options.useIgnoreFiles === false) flags.push("--no-ignore");
  else {
    if (!ignoring.native) flags.push("--no-ignore");
    if (options.useParentIgnoreFiles !== true) flags.push("--no-ignore-parent");
    if (options.useGlobalIgnoreFiles !== true) flags.push("--no-ignore-global");
    if (ignoring.file !== undefined) flags.push("--ignore-file", ignoring.file);
  }
  if (options.followSymlinks === true) flags.push("--follow");
  const lines = new Set(folders.flatMap((folder) => globLines(options.includes ?? [], options.excludes ?? [], folder)));
  // The last line that matches decides: nothing at all comes before what of it is wanted.
  if (lines.delete("!*")) flags.push("--glob", "!*");
  for (const line of lines) flags.push("--glob", line);
  return flags;
}

export const listFlags: readonly string[] = ["--files", "--null"];

export function textFlags(query: TextQuery, options: TextOptions): string[] {
  const { text, kind } = patternOf(query);
  const flags = ["--json", "--crlf", query.isCaseSensitive === true ? "--case-sensitive" : "--ignore-case"];
  if (kind === "literal") flags.push("--fixed-strings");
  else flags.push("--engine", "auto");
  if (query.isMultiline === true) flags.push("--multiline");
  if (options.maxFileSize !== undefined) flags.push("--max-filesize", String(Math.max(0, Math.floor(options.maxFileSize))));
  if (options.contextBefore !== undefined) flags.push("--before-context", String(options.contextBefore));
  if (options.contextAfter !== undefined) flags.push("--after-context", String(options.contextAfter));
  const encoding = encodingLabel(options.encoding ?? "utf8");
  if (encoding !== undefined) flags.push("--encoding", encoding);
  flags.push(`--regexp=${text}`);
  return flags;
}

const odd: Readonly<Record<string, string>> = {
  macroman: "macintosh", koi8r: "koi8-r", koi8u: "koi8-u", shiftjis: "shift_jis", eucjp: "euc-jp", euckr: "euc-kr", big5hkscs: "big5-hkscs",
  utf16le: "utf-16le", utf16be: "utf-16be",
};

/** VS Code's name of an encoding as the web's, which ripgrep takes; undefined for UTF-8, where a byte order mark decides. */
export function encodingLabel(name: string): string | undefined {
  const plain = name.toLowerCase();
  if (plain === "utf8" || plain === "utf8bom" || plain === "utf-8") return undefined;
  return odd[plain] ?? plain.replace(/^iso8859(\d+)$/, "iso-8859-$1").replace(/^windows(\d+)$/, "windows-$1");
}
