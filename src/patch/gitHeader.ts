/** The header that git puts before the hunks of a file (Documentation/diff-format), from "diff --git" on. */
import { PatchError } from "./errors.js";
import { toPath, unquoteName } from "./names.js";
import type { PatchLines } from "./patchLines.js";
import type { Entry, FileMode } from "./types.js";

export type GitHeader = Omit<Entry, "body" | "plain" | "part"> & {
  /** It has object names or a `---` line that say that the content changes, so hunks or binary data must follow. */
  readonly contentFollows: boolean;
};

/** What the lines say, names as byte strings without their prefix. */
interface Said {
  kind: Entry["kind"];
  oldName?: string | undefined;
  newName?: string | undefined;
  oldMode?: FileMode;
  newMode?: FileMode;
  oldOid?: string;
  newOid?: string;
  dashes?: boolean;
}

type Reader = (said: Said, value: string, line: number) => void;

const readers: readonly (readonly [string, Reader])[] = [
  ["old mode ", (said, value, line) => { said.oldMode = toMode(value, line); }],
  ["new mode ", (said, value, line) => { said.newMode = toMode(value, line); }],
  ["deleted file mode ", (said, value, line) => { said.kind = "delete"; said.oldMode = toMode(value, line); }],
  ["new file mode ", (said, value, line) => { said.kind = "create"; said.newMode = toMode(value, line); }],
  ["copy from ", (said, value, line) => { said.kind = "copy"; said.oldName = wholeName(value, line); }],
  ["copy to ", (said, value, line) => { said.kind = "copy"; said.newName = wholeName(value, line); }],
  ["rename from ", (said, value, line) => { said.kind = "rename"; said.oldName = wholeName(value, line); }],
  ["rename to ", (said, value, line) => { said.kind = "rename"; said.newName = wholeName(value, line); }],
  ["similarity index ", () => undefined],
  ["dissimilarity index ", () => undefined],
  ["index ", readIndex],
  ["--- ", (said, value, line) => { said.dashes = true; said.oldName = agree(said.oldName, value, line); }],
  ["+++ ", (said, value, line) => { said.newName = agree(said.newName, value, line); }],
];

/** Reads the header; what comes next is its body. @throws PatchError */
export function readGitHeader(lines: PatchLines): GitHeader {
  const start = lines.line;
  const names = namesOf(lines.text().slice("diff --git ".length));
  const said: Said = { kind: "modify", oldName: names?.old, newName: names?.now };
  lines.next();
  for (let reader = readerOf(lines); reader !== undefined; reader = readerOf(lines)) {
    reader[1](said, lines.text().slice(reader[0].length), lines.line);
    lines.next();
  }
  const { kind, oldMode, newMode, oldOid, newOid } = said;
  const oldName = kind === "create" ? said.newName : said.oldName;
  const newName = kind === "delete" ? said.oldName : said.newName;
  if (oldName === undefined || newName === undefined) throw new PatchError("the header does not say which file it is about", start);
  const oldPath = toPath(oldName, start);
  const newPath = toPath(newName, start);
  if (oldPath !== newPath && kind === "modify") throw new PatchError(`the header has two names, '${oldPath}' and '${newPath}', and no rename`, start);
  if (oldMode !== undefined && newMode !== undefined && oldMode !== newMode && (oldMode === 0o120000 || newMode === 0o120000)) {
    throw new PatchError(`'${newPath}' changes between file and symbolic link in one step; git writes a deletion and a creation`, start);
  }
  // Object names that differ say that the content does, but an empty file has none to show.
  const changes = oldOid !== newOid && kind !== "create" && kind !== "delete";
  return {
    kind, line: start, oldPath, newPath, contentFollows: changes || said.dashes === true,
    ...(oldMode !== undefined && { oldMode }), ...(newMode !== undefined && { newMode }),
    ...(oldOid !== undefined && { oldOid }), ...(newOid !== undefined && { newOid }),
  };
}

function readerOf(lines: PatchLines): readonly [string, Reader] | undefined {
  return readers.find(([begin]) => lines.begins(begin));
}

/** "<old>..<new>", and the mode where that stays. */
function readIndex(said: Said, value: string, line: number): void {
  const found = /^([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: ([0-7]+))?$/.exec(value);
  if (found === null) throw new PatchError(`'index ${value}' is no index line`, line);
  said.oldOid = found[1] ?? "";
  said.newOid = found[2] ?? "";
  if (found[3] !== undefined) said.oldMode ??= toMode(found[3], line);
}

/** git knows two kinds of file, executable by their owner or not; old repositories have others, which count as these. */
function toMode(value: string, line: number): FileMode {
  const mode = /^[0-7]{1,7}$/.test(value) ? parseInt(value, 8) : -1;
  switch (mode < 0 ? -1 : mode & 0o170000) {
    case 0o100000:
      return (mode & 0o100) === 0 ? 0o100644 : 0o100755;
    case 0o120000:
      return 0o120000;
    case 0o160000:
      throw new PatchError("it is about a submodule, which cannot be applied here", line);
    default:
      throw new PatchError(`'${value}' is no file mode`, line);
  }
}

/** A name that has no prefix, quoted or not. */
function wholeName(value: string, line: number): string {
  if (!value.startsWith('"')) return value;
  const unquoted = unquoteName(value);
  if (unquoted?.rest !== "") throw new PatchError(`${value} is not a quoted name`, line);
  return unquoted.name;
}

/** The name of a `---` or `+++` line, which must be the one that is known already. A tab ends it, quoted or not: within quotes there is none. */
function agree(known: string | undefined, value: string, line: number): string | undefined {
  const name = wholeName(value.replace(/\t.*$/s, ""), line);
  if (name === "/dev/null") return known;
  const stripped = strip(name);
  if (stripped === undefined) throw new PatchError(`the name '${name}' has no 'a/' or 'b/' before it`, line);
  if (known !== undefined && known !== stripped) throw new PatchError(`the names do not agree: '${known}' and '${stripped}'`, line);
  return stripped;
}

/** Without the first component. */
function strip(name: string): string | undefined {
  const slash = name.indexOf("/");
  return slash < 0 ? undefined : name.slice(slash + 1);
}

/**
 * Both names of the first line. Unquoted ones are not set apart: where there are spaces, they end where the same name
 * begins again, and a header that is about two different names has them on lines of their own.
 */
function namesOf(text: string): { old: string; now: string } | undefined {
  if (text.includes('"')) {
    const first = text.startsWith('"') ? unquoteName(text) : { name: text.slice(0, text.indexOf(' "')), rest: text.slice(text.indexOf(' "')) };
    const second = first?.rest.startsWith(' "') === true ? unquoteName(first.rest.slice(1)) : { name: first?.rest.slice(1) ?? "", rest: "" };
    const old = first === undefined ? undefined : strip(first.name);
    const now = second?.rest !== "" ? undefined : strip(second.name);
    if (old !== undefined && now !== undefined && old === now) return { old, now };
    return undefined;
  }
  for (let at = text.indexOf(" "); at >= 0; at = text.indexOf(" ", at + 1)) {
    const old = strip(text.slice(0, at));
    if (old !== undefined && old === strip(text.slice(at + 1))) return { old, now: old };
  }
  return undefined;
}
