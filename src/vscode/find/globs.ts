/**
 * Globs as VS Code writes them: `*` and `?` stay within a name, `**` crosses folders, `{a,b}` is a choice, `[a-z]` and
 * `[!a]` are classes. What ripgrep does not see (text of unsaved editors, conditions on siblings) is matched here.
 */

/** Whether the path (relative, with slashes) is what the glob names, or lies in a folder that it names. */
export function covers(glob: string, path: string): boolean {
  const pattern = toRegExp(glob);
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) if (pattern.test(at)) return true;
  return false;
}

const known = new Map<string, RegExp>();
/** More than anybody has in settings; what a user types into a box would else be kept for good. */
const knownLimit = 500;

function toRegExp(glob: string): RegExp {
  const before = known.get(glob);
  if (before !== undefined) return before;
  if (known.size >= knownLimit) known.clear();
  const made = compile(glob.replace(/^\/+|\/+$/g, ""));
  known.set(glob, made);
  return made;
}

/** What is no glob (an unclosed class) matches nothing. */
function compile(glob: string): RegExp {
  try {
    return new RegExp(`^${translate(glob)}$`, "u");
  } catch {
    return /^\b$/;
  }
}

function translate(glob: string): string {
  let out = "";
  for (let i = 0; i < glob.length; i++) {
    const rest = glob.slice(i);
    const char = glob.charAt(i);
    if (rest.startsWith("**/")) {
      out += "(?:.*/)?";
      i += 2;
    } else if (rest === "/**") {
      return `${out}(?:/.*)?`;
    } else if (rest.startsWith("**")) {
      out += ".*";
      i += 1;
    } else if (char === "*") out += "[^/]*";
    else if (char === "?") out += "[^/]";
    else if (char === "{") {
      const end = closing(glob, i);
      if (end < 0) {
        out += "\\{";
        continue;
      }
      out += `(?:${splitGlobs(glob.slice(i + 1, end), false).map(translate).join("|")})`;
      i = end;
    } else if (char === "[") {
      const end = glob.indexOf("]", i + 2);
      if (end < 0) {
        out += "\\[";
        continue;
      }
      const inside = glob.slice(i + 1, end).replace(/\\/g, "\\\\").replace(/\[/g, "\\[");
      out += /^[!^]/.test(inside) ? `[^/${inside.slice(1)}]` : `[${inside}]`;
      i = end;
    } else out += char.replace(/[\\^$.|+()[\]{}/]/, "\\$&");
  }
  return out;
}

function closing(glob: string, open: number): number {
  let depth = 0;
  for (let i = open; i < glob.length; i++) {
    if (glob[i] === "{") depth++;
    else if (glob[i] === "}" && --depth === 0) return i;
  }
  return -1;
}

/** Splits at commas that are in no braces. */
export function splitGlobs(text: string, trimmed = true): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = text[i];
    if (char === "{") depth++;
    else if (char === "}") depth--;
    else if (i === text.length || (char === "," && depth === 0)) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return trimmed ? parts.map((part) => part.trim()).filter((part) => part !== "") : parts;
}

export interface SearchedFolder {
  readonly name: string;
  /** Whether it is one of several, so that `./name` says which. */
  readonly several: boolean;
}

/**
 * What one of the boxes "files to include" and "files to exclude" means in a folder: `*.ts` and `src` count at any depth, and a
 * folder for all in it; `./src` counts at the top. Among several folders `./name/src` is in the one with this name.
 * Undefined when the box says something, but nothing about this folder.
 */
export function boxGlobs(text: string, folder: SearchedFolder): string[] | undefined {
  const parts = splitGlobs(text.replaceAll("\\", "/"));
  const globs = parts.flatMap((part) => expand(part, folder));
  return parts.length > 0 && globs.length === 0 ? undefined : [...new Set(globs)];
}

function expand(part: string, folder: SearchedFolder): string[] {
  const fromTop = /^\.?\/(.*)$/.exec(part)?.[1] ?? (part === "." ? "" : undefined);
  if (fromTop !== undefined) {
    const path = fromTop.replace(/\/+$/, "");
    if (!folder.several) return within(path);
    const [name = "", ...rest] = path.split("/");
    return name === folder.name ? within(rest.join("/")) : [];
  }
  // ".ts" is short for "*.ts", but ".github" is a folder as well.
  const glob = part.replace(/\/+$/, "");
  const named = glob.startsWith("**/") ? glob : `**/${glob}`;
  return [...within(named), ...(/^\.[^/.]+$/.test(glob) ? [`**/*${glob}`] : [])];
}

function within(path: string): string[] {
  if (path === "") return ["**"];
  return path.endsWith("**") ? [path] : [path, `${path}/**`];
}
