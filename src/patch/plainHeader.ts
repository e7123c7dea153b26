/** The two lines before the hunks of a plain unified diff: names, and dates after a tab. */
import { PatchError } from "./errors.js";
import { toPath, unquoteName } from "./names.js";
import type { PatchLines } from "./patchLines.js";
import type { Entry, Hunk } from "./types.js";

interface PlainHeader {
  readonly line: number;
  /** What the header and these hunks mean. */
  readonly about: (hunks: readonly Hunk[]) => Pick<Entry, "kind" | "oldPath" | "newPath" | "body">;
}

/** Reads the header; undefined, and one line further, when no hunk follows: then it is some text. @throws PatchError */
export function readPlainHeader(lines: PatchLines): PlainHeader | undefined {
  const line = lines.line;
  const old = side(lines.text().slice(4), line);
  lines.next();
  if (!lines.begins("@@ -", 1)) return undefined;
  const now = side(lines.text().slice(4), lines.line);
  lines.next();
  const name = fileName(old, now);
  if (name === undefined) throw new PatchError("neither '---' nor '+++' names a file", line);
  const path = toPath(name, line);
  return {
    line,
    about(hunks) {
      const created = old.isNull || (old.isEpoch && hunks.every((hunk) => hunk.oldLines === 0));
      const deleted = now.isNull || (now.isEpoch && hunks.every((hunk) => hunk.newLines === 0));
      if (created && hunks.some((hunk) => hunk.oldLines > 0)) throw new PatchError(`'${path}' is new, but its hunks have old lines`, line);
      if (deleted && hunks.some((hunk) => hunk.newLines > 0)) throw new PatchError(`'${path}' is deleted, but its hunks leave lines`, line);
      return { kind: created ? "create" : deleted ? "delete" : "modify", oldPath: path, newPath: path, body: { kind: "text", hunks } };
    },
  };
}

interface Side {
  readonly name: string;
  readonly isNull: boolean;
  /** GNU diff -N says by the date 1970-01-01 that the file is not there. */
  readonly isEpoch: boolean;
}

function side(text: string, line: number): Side {
  let name = text;
  let date = "";
  if (text.startsWith('"')) {
    const unquoted = unquoteName(text);
    if (unquoted === undefined) throw new PatchError(`${text} is not a quoted name`, line);
    name = unquoted.name;
    date = unquoted.rest;
  } else if (text.includes("\t")) {
    name = text.slice(0, text.indexOf("\t"));
    date = text.slice(name.length);
  }
  // Midnight in Greenwich is another time, at most a day off, wherever the diff was made.
  return { name, isNull: name === "/dev/null", isEpoch: /^\s*(1970-01-01|1969-12-31) \d\d:\d\d:00(\.0+)? [-+]\d{4}$/.test(date) };
}

/** Both names without their first component; a name without folder is taken as it is. Of "x.orig" and "x", the shorter. */
function fileName(old: Side, now: Side): string | undefined {
  const [first, second] = [old, now].map(({ name, isNull }) => (isNull ? undefined : stripped(name)));
  if (first === undefined || second === undefined) return second ?? first;
  return second.startsWith(first) ? first : second;
}

function stripped(name: string): string {
  // An absolute name has no prefix to lose: it is to be refused, not to become another one.
  if (name.startsWith("/")) return name;
  const slash = name.indexOf("/");
  return slash < 0 ? name : name.slice(slash + 1);
}
