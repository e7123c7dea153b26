/**
 * The lines of ignore files: many files as one, and what they say of one path. Pure. The rules are those of ripgrep
 * (crate `ignore`, gitignore.rs and dir.rs), which are git's but for braces: the last line that matches decides; of the
 * kinds of files a stronger one decides whatever stands in a weaker one. As VS Code runs it, a .git is no border to them.
 */
import { escapeGlob } from "./globs.js";

/** Weakest first. `global` is git's file for the user; `exclude` is .git/info/exclude, for the folder that has the .git. */
export const ignoreKinds = ["global", "exclude", ".gitignore", ".ignore", ".rgignore"] as const;
export type IgnoreKind = (typeof ignoreKinds)[number];

export interface IgnoreFile {
  readonly kind: IgnoreKind;
  /** The folder that it is for, below the one in which ripgrep runs: "" or "a/b". */
  readonly folder: string;
  readonly text: string;
}

interface Rule {
  readonly negated: boolean;
  readonly directoryOnly: boolean;
  /** As the crate makes it: whole path below the rule's folder, no slash at the start. */
  readonly glob: string;
}

/** One line; undefined for what says nothing. */
export function parseRule(raw: string): Rule | undefined {
  if (raw.startsWith("#")) return undefined;
  let line = raw.endsWith("\\ ") ? raw : raw.replace(/\s+$/u, "");
  if (line === "") return undefined;
  let negated = false;
  let absolute = false;
  if (line.startsWith("\\!") || line.startsWith("\\#")) line = line.slice(1);
  else {
    if (line.startsWith("!")) {
      negated = true;
      line = line.slice(1);
    }
    if (line.startsWith("/")) {
      absolute = true;
      line = line.slice(1);
    }
  }
  const directoryOnly = line.endsWith("/");
  if (directoryOnly) line = line.slice(0, line.endsWith("\\/") ? -2 : -1);
  let glob = line;
  if (!absolute && !line.includes("/") && !glob.startsWith("**/")) glob = `**/${glob}`;
  return { negated, directoryOnly, glob };
}

/** As text of one file at the top that says the same. */
export function composeIgnoreFiles(files: readonly IgnoreFile[]): string {
  const depth = ({ folder }: IgnoreFile): number => (folder === "" ? 0 : folder.split("/").length);
  return [...files]
    .sort((a, b) => ignoreKinds.indexOf(a.kind) - ignoreKinds.indexOf(b.kind) || depth(a) - depth(b) || (a.folder < b.folder ? -1 : 1))
    .flatMap(moved)
    .map((line) => `${line}\n`)
    .join("");
}

/** Composed lines as they are for these folders below. What asks for the last name alone is said once: it is the same for all. */
export function below(text: string, folders: readonly string[]): string {
  const prefixes = folders.map((folder) => `/${escapeGlob(folder)}/`);
  return text.replace(/^(!?)\/(.*\n)/gm, (line, not: string, rest: string) => (/^\*\*\/[^/]+\/?$/.test(rest.trimEnd()) ? line : prefixes.map((prefix) => not + prefix + rest).join("")));
}

function moved({ folder, text }: IgnoreFile): string[] {
  const prefix = folder === "" ? "/" : `/${escapeGlob(folder)}/`;
  const lines: string[] = [];
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    const rule = parseRule(line);
    if (rule === undefined || rule.glob === "") continue;
    lines.push(`${rule.negated ? "!" : ""}${prefix}${rule.glob}${rule.directoryOnly ? "/" : ""}`);
  }
  return lines;
}

export type Verdict = "ignored" | "wanted" | undefined;

/** What lines of one ignore file at the top say of a path ("a/b") itself; what lies above it is not looked at. */
export class IgnoreRules {
  private readonly rules: (Rule & { readonly expression: RegExp })[] = [];

  constructor(text: string) {
    for (const line of text.split("\n")) {
      const rule = parseRule(line);
      const expression = rule === undefined ? undefined : globExpression(rule.glob.endsWith("/**") ? `${rule.glob}/*` : rule.glob);
      if (rule !== undefined && expression !== undefined) this.rules.push({ ...rule, expression });
    }
  }

  get size(): number {
    return this.rules.length;
  }

  verdict(path: string, isDirectory: boolean): Verdict {
    for (let i = this.rules.length - 1; i >= 0; i--) {
      const rule = this.rules[i];
      if (rule === undefined || (rule.directoryOnly && !isDirectory) || !rule.expression.test(path)) continue;
      return rule.negated ? "wanted" : "ignored";
    }
    return undefined;
  }
}

/** A glob of ripgrep's as an expression for a whole path; undefined where it is none (ripgrep leaves such a line out, too). */
export function globExpression(glob: string): RegExp | undefined {
  let source = "";
  let depth = 0;
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i] ?? "";
    if (c === "*") {
      let end = i;
      while (glob[end] === "*") end++;
      const isComponent = (i === 0 || glob[i - 1] === "/") && (end === glob.length || glob[end] === "/");
      if (end - i >= 2 && isComponent && end - i === 2) {
        if (end === glob.length) source += ".*";
        else {
          source += "(?:.*/)?";
          end++; // its slash
        }
      } else source += "[^/]*";
      i = end - 1;
    } else if (c === "?") source += "[^/]";
    else if (c === "[") {
      const found = /^\[([!^]?)(\]?[^\]]*)\]/.exec(glob.slice(i));
      if (found === null) return undefined;
      const [whole, not = "", inner = ""] = found;
      source += `(?!/)[${not === "" ? "" : "^"}${inner.replace(/[\\\]^[]/g, "\\$&")}]`;
      i += whole.length - 1;
    } else if (c === "{") {
      depth++;
      source += "(?:";
    } else if (c === "}") {
      if (depth-- === 0) return undefined;
      source += ")";
    } else if (c === "," && depth > 0) source += "|";
    else if (c === "\\") {
      const next = glob[++i];
      if (next === undefined) return undefined;
      source += literal(next);
    } else source += literal(c);
  }
  if (depth > 0) return undefined;
  try {
    return new RegExp(`^${source}$`, "su");
  } catch {
    return undefined; // a range the wrong way round
  }
}

function literal(c: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(c) ? `\\${c}` : c;
}
