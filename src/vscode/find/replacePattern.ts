/**
 * What stands in the replace box, as VS Code understands it. With regular expressions `$1` is a group, `$0` and `$&` the whole
 * match, `$$` a dollar, `\n` and `\t` a line break and a tab, and `\u \l \U \L` change the case of the next group.
 * Used by the view, which shows what would come, and by what replaces. Pure.
 */

type CaseChange = "u" | "l" | "U" | "L";
type Piece = string | { readonly group: number; readonly cases: readonly CaseChange[] };

export interface Replacement {
  readonly pieces: readonly Piece[];
}

export function parseReplacement(text: string, isRegExp: boolean): Replacement {
  return { pieces: isRegExp ? parse(text) : [text] };
}

/** Whether it needs to know more than where the match is. */
export function needsGroups({ pieces }: Replacement): boolean {
  return pieces.some((piece) => typeof piece !== "string");
}

/** `groups[0]` is the whole match; a group that there is none of is nothing. */
export function replacementFor({ pieces }: Replacement, groups: readonly (string | undefined)[]): string {
  return pieces.map((piece) => {
    if (typeof piece === "string") return piece;
    // As VS Code: with fewer than 13 groups, $13 is $1 and a 3.
    for (let group = piece.group, tail = ""; ; tail = `${group % 10}${tail}`, group = Math.floor(group / 10)) {
      if (group < groups.length || group < 10) return withCase(groups[group] ?? "", piece.cases) + tail;
    }
  }).join("");
}

function parse(text: string): Piece[] {
  const pieces: Piece[] = [];
  let cases: CaseChange[] = [];
  const literal = (part: string): void => {
    const last = pieces.at(-1);
    if (typeof last === "string") pieces[pieces.length - 1] = last + part;
    else pieces.push(part);
  };
  for (const [token] of text.matchAll(/\\[\s\S]|\$(?:\$|&|\d{1,2})|[\s\S]/gu)) {
    if (/^\\[uUlL]$/.test(token)) cases.push(token.slice(1) as CaseChange);
    else if (token === "\\n") literal("\n");
    else if (token === "\\t") literal("\t");
    else if (token === "\\\\") literal("\\");
    else if (token === "$$") literal("$");
    else if (token.length > 1 && token.startsWith("$")) {
      pieces.push({ group: token === "$&" ? 0 : Number(token.slice(1)), cases });
      cases = [];
    } else literal(token);
  }
  return pieces;
}

/** `\u` and `\l` take one character each, `\U` and `\L` all that is left. */
function withCase(text: string, cases: readonly CaseChange[]): string {
  let out = "";
  let rest = text;
  for (const change of cases) {
    if (change === "U") return out + rest.toUpperCase();
    if (change === "L") return out + rest.toLowerCase();
    const [first = ""] = rest;
    out += change === "u" ? first.toUpperCase() : first.toLowerCase();
    rest = rest.slice(first.length);
  }
  return out + rest;
}
