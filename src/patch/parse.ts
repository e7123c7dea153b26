/**
 * A patch as its entries. Takes what `git diff` and `git format-patch` write, one mail or a series of them, and plain
 * unified diffs; text before, between and after is skipped. Paths lose one leading component ("a/", "b/"), as with -p1.
 */
import { PatchError } from "./errors.js";
import { type GitHeader, readGitHeader } from "./gitHeader.js";
import { readBinary, readHunks } from "./parseBody.js";
import { PatchLines } from "./patchLines.js";
import { readPlainHeader } from "./plainHeader.js";
import type { Body, Entry } from "./types.js";

/**
 * The entries in the patch's order; their hunks are views of `patch`.
 * @throws PatchError with the line: what is no patch, is damaged or cut off, or has a path that leaves the tree.
 */
export function parsePatch(patch: Uint8Array): Entry[] {
  const lines = new PatchLines(patch);
  const entries: Entry[] = [];
  let part = 0;
  let mails = 0;
  while (!lines.atEnd) {
    if (lines.begins("diff --git ")) entries.push(gitEntry(lines, part));
    else if (lines.begins("--- ") && lines.begins("+++ ", 1)) {
      const header = readPlainHeader(lines);
      if (header === undefined) continue;
      entries.push({ ...header.about(readHunks(lines)), line: header.line, plain: true, part });
    } else {
      // A series of commits builds one on the other, the entries of one commit stand side by side.
      if (/^From [0-9a-f]{40} /.test(lines.begins("From ") ? lines.text() : "") && mails++ > 0) part++;
      refuseStray(lines);
      lines.next();
    }
  }
  if (entries.length === 0) throw new PatchError("this is not a patch: no 'diff --git' or '---' line was found");
  return entries;
}

/** What would be lost in silence if it were skipped as text. */
function refuseStray(lines: PatchLines): void {
  if (lines.begins("@@ -") && /^@@ -\d+(,\d+)? \+\d+(,\d+)? @@/.test(lines.text())) throw new PatchError("a hunk without a '---' and '+++' line before it", lines.line);
  if (lines.begins("diff --cc ") || lines.begins("diff --combined ")) throw new PatchError("the combined diff of a merge cannot be applied", lines.line);
}

function gitEntry(lines: PatchLines, part: number): Entry {
  const header = readGitHeader(lines);
  const body = readBody(lines, header);
  checkWhole(header, body);
  return { ...header, body, plain: false, part };
}

function readBody(lines: PatchLines, header: GitHeader): Body {
  if (lines.begins("@@ -")) return { kind: "text", hunks: readHunks(lines) };
  if (lines.begins("GIT binary patch")) return readBinary(lines);
  if ((lines.begins("Binary files ") || lines.begins("Files ")) && lines.text().endsWith(" differ")) {
    throw new PatchError(`'${header.newPath}' is binary, and the patch only says that it differs: make it with 'git diff --binary'`, lines.line);
  }
  return { kind: "none" };
}

/** A header that announces nothing, or more than follows, was cut off. */
function checkWhole(header: GitHeader, body: Body): void {
  if (body.kind !== "none") {
    const { kind, line } = header;
    if (body.kind === "text" && kind === "create" && body.hunks.some((hunk) => hunk.oldLines > 0)) throw new PatchError(`'${header.newPath}' is new, but its hunks have old lines`, line);
    if (body.kind === "text" && kind === "delete" && body.hunks.some((hunk) => hunk.newLines > 0)) throw new PatchError(`'${header.oldPath}' is deleted, but its hunks leave lines`, line);
    return;
  }
  if (header.contentFollows) throw new PatchError(`the content of '${header.newPath}' is missing after its header`, header.line);
  if (header.kind === "modify" && header.oldMode === header.newMode) throw new PatchError(`nothing follows the header of '${header.newPath}'`, header.line);
}
