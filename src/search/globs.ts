/**
 * VS Code's globs as ripgrep takes them (`-g`), which are lines of an ignore file turned round: without braces, which
 * parts of the line would be lost in; anchored, because VS Code matches the whole path and ripgrep any part of it.
 */

/** More alternatives than this in one glob are not taken apart; ripgrep knows braces itself. */
const mostAlternatives = 200;

/** Takes braces apart: "{a,b/c}/*" is "a/*" and "b/c/*". A brace without its other one stands for itself. */
export function expandBraces(glob: string): string[] {
  const open = findOpen(glob);
  if (open === undefined) return [glob];
  const before = glob.slice(0, open.at);
  const after = expandBraces(glob.slice(open.end + 1));
  const found: string[] = [];
  for (const alternative of open.alternatives) {
    for (const inner of expandBraces(alternative)) for (const rest of after) found.push(before + inner + rest);
    if (found.length > mostAlternatives) return [glob];
  }
  return found;
}

function findOpen(glob: string): { at: number; end: number; alternatives: string[] } | undefined {
  const inClass = classes(glob);
  for (let at = glob.indexOf("{"); at >= 0; at = glob.indexOf("{", at + 1)) {
    if (inClass(at)) continue;
    let depth = 0;
    let start = at + 1;
    const alternatives: string[] = [];
    for (let i = at; i < glob.length; i++) {
      if (inClass(i)) continue;
      const c = glob[i];
      if (c === "{") depth++;
      else if (c === "," && depth === 1) {
        alternatives.push(glob.slice(start, i));
        start = i + 1;
      } else if (c === "}" && --depth === 0) return { at, end: i, alternatives: [...alternatives, glob.slice(start, i)] };
    }
  }
  return undefined;
}

/** Which positions lie within brackets. */
function classes(glob: string): (at: number) => boolean {
  const within = new Set<number>();
  for (let at = glob.indexOf("["); at >= 0; at = glob.indexOf("[", at + 1)) {
    // A bracket that closes right after the opening one (or its negation) stands for itself.
    const first = /^\[[!^]?\]?/.exec(glob.slice(at))?.[0].length ?? 1;
    const end = glob.indexOf("]", at + first);
    if (end < 0) break;
    for (let i = at; i <= end; i++) within.add(i);
    at = end;
  }
  return (at) => within.has(at);
}

/**
 * Text as a part of a line that means just this text. A newline cannot stand in a line; space at its end would be cut off.
 */
export function escapeGlob(text: string): string {
  if (!/[*?[\]{}\\!#\s]/.test(text)) return text;
  return text.replace(/[*?[\]{}\\!#]/g, "\\$&").replaceAll("\n", "?").replace(/\s(?=$|\/)/gu, "[$&]");
}

/** One of VS Code's globs as ripgrep's, relative to a folder below the one in which ripgrep runs ("" is that one). */
function anchored(glob: string, folder: string): string {
  // Neither knows the other's escapes: a backslash is an ordinary character in VS Code's globs.
  const plain = glob.replaceAll("\\", "\\\\").replace(/^\.?\/+/, "").replace(/[{}](?![^[]*\])/g, "\\$&");
  // What asks for the last name alone is the same from anywhere, and ripgrep need not match it as an expression.
  if (/^\*\*\/[^/]+$/.test(plain)) return `/${plain}`;
  const rooted = `/${folder === "" ? "" : `${escapeGlob(folder)}/`}${plain}`;
  return rooted.endsWith("**/") ? `${rooted}*` : rooted;
}

/** "**" and what means the same: nothing is left out by it. */
const everything = /^(\*\*\/?)+\*?$/;

/**
 * The `-g` values for these includes and excludes. As in VS Code, a file that an include names is found although an
 * ignore file names it too, and its folder, where the include begins with a folder's name.
 */
export function globLines(includes: readonly string[], excludes: readonly string[], folder = ""): string[] {
  const lines: string[] = [];
  const wanted = includes.some((glob) => everything.test(glob)) ? [] : includes.flatMap(expandBraces).filter((glob) => glob !== "");
  // Folders that no include can be in are not walked through. Only where all say where they begin.
  if (wanted.length > 0 && wanted.every((glob) => !glob.startsWith("**"))) {
    lines.push("!*");
    for (const above of ancestors(folder)) lines.push(`/${escapeGlob(above)}/`);
  }
  for (const glob of wanted) {
    const line = anchored(glob, folder);
    if (!glob.startsWith("**")) lines.push(...above(line, folder));
    lines.push(line);
  }
  for (const glob of excludes.flatMap(expandBraces)) if (glob !== "") lines.push(`!${anchored(glob, folder)}`);
  return [...new Set(lines)];
}

/** The folder itself and those above it, the highest first: "a/b" is "a", "a/b". */
function ancestors(folder: string): string[] {
  if (folder === "") return [];
  return folder.split("/").map((_, i, parts) => parts.slice(0, i + 1).join("/"));
}

/** The folders on the way to what a line names, as lines for folders alone, up to where "**" begins. */
function above(line: string, folder: string): string[] {
  const parts = line.slice(1).split("/");
  const found: string[] = [];
  for (let end = (folder === "" ? 0 : folder.split("/").length) + 1; end < parts.length && parts[end - 1] !== "**"; end++) {
    found.push(`/${parts.slice(0, end).join("/")}/`);
  }
  return found;
}
