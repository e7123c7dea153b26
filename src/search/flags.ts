/** The flags of ripgrep for a search: those that VS Code's own search gives it, so that both find the same. Pure. */
import { globLines } from "./globs.js";
import { patternOf } from "./pattern.js";
import type { FindOptions, TextOptions, TextQuery } from "./types.js";

/** Where ignore files are read: by ripgrep itself in the folders, or from these files alone, the stronger one later. */
export type Ignoring = { readonly kind: "native" } | { readonly kind: "given"; readonly files: readonly string[] };

/** Whatever is looked for. `folder`: the searched folder below the one in which ripgrep runs, "" where that is it. */
export function walkFlags(options: FindOptions, ignoring: Ignoring, hidden: string | undefined, folder: string): string[] {
  const flags = ["--no-config", "--hidden", "--no-require-git"];
  if (hidden !== undefined) flags.push("--ignore-file", hidden);
  if (options.useIgnoreFiles === false) flags.push("--no-ignore");
  else if (ignoring.kind === "given") {
    flags.push("--no-ignore");
    for (const file of ignoring.files) flags.push("--ignore-file", file);
  } else {
    if (options.useParentIgnoreFiles !== true) flags.push("--no-ignore-parent");
    if (options.useGlobalIgnoreFiles !== true) flags.push("--no-ignore-global");
  }
  if (options.followSymlinks === true) flags.push("--follow");
  for (const line of globLines(options.includes ?? [], options.excludes ?? [], folder)) flags.push("--glob", line);
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
