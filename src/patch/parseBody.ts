/** What follows the header of a file: hunks of lines, or binary data. */
import { decodeLine } from "./base85.js";
import { ByteWriter } from "./bytes.js";
import { PatchError } from "./errors.js";
import type { PatchLines } from "./patchLines.js";
import type { BinaryHunk, Body, Hunk } from "./types.js";

const code = { space: 0x20, minus: 0x2d, plus: 0x2b, backslash: 0x5c, newline: 0x0a };

const maxCount = 0x7fffffff;

/** Reads the hunks that stand here, at least one. @throws PatchError */
export function readHunks(lines: PatchLines): Hunk[] {
  const hunks: Hunk[] = [];
  while (lines.begins("@@ -")) hunks.push(readHunk(lines));
  return hunks;
}

function readHunk(lines: PatchLines): Hunk {
  const line = lines.line;
  const header = /^@@ -(\d{1,10})(?:,(\d{1,10}))? \+(\d{1,10})(?:,(\d{1,10}))? @@/.exec(lines.text());
  const [oldStart = 0, oldLines = 0, newStart = 0, newLines = 0] = (header?.slice(1) ?? []).map((digits: string | undefined) => Number(digits ?? 1));
  if (header === null || Math.max(oldStart, oldLines, newStart, newLines) > maxCount) throw new PatchError(`'${lines.text().slice(0, 80)}' is no hunk header`, line);
  lines.next();
  const start = lines.at;
  const { trailing, changed } = readHunkLines(lines, line, oldLines, newLines);
  if (!changed) throw new PatchError("the hunk changes nothing", line);
  const body = lines.bytes.subarray(start, lines.at);
  refuseMore(lines, oldLines, newLines);
  return { line, oldStart, oldLines, newStart, newLines, trailing, body };
}

/** Goes over the lines of a hunk. */
function readHunkLines(lines: PatchLines, header: number, oldLines: number, newLines: number): { trailing: number; changed: boolean } {
  let old = 0;
  let now = 0;
  let trailing = 0;
  let changed = false;
  while (old < oldLines || now < newLines) {
    switch (lines.first) {
      case code.space:
      case code.newline: // an empty line whose space was lost on the way
        old++;
        now++;
        trailing++;
        break;
      case code.minus:
        old++;
        trailing = 0;
        changed = true;
        break;
      case code.plus:
        now++;
        trailing = 0;
        changed = true;
        break;
      case code.backslash: // "\ No newline at end of file", of the line before
        break;
      default:
        throw new PatchError(`the hunk says ${said(oldLines, newLines, old, now)}`, header);
    }
    if (old > oldLines || now > newLines) throw new PatchError(`the hunk says ${said(oldLines, newLines, old, now)}`, header);
    lines.next();
  }
  if (lines.first === code.backslash) lines.next();
  return { trailing, changed };
}

function said(oldLines: number, newLines: number, old: number, now: number): string {
  const isOld = old > oldLines || (old < oldLines && now <= newLines);
  const [says, are, which] = isOld ? [oldLines, old, "old"] : [newLines, now, "new"];
  return `${says} ${which} ${says === 1 ? "line" : "lines"}, there ${are === 1 ? "is" : "are"} ${are > says ? "more" : are}`;
}

/** A line that looks like one more of the hunk would be lost in silence. "-- " ends a mail, "--- " begins a plain diff. */
function refuseMore(lines: PatchLines, oldLines: number, newLines: number): void {
  const ends = ["-- ", "--- ", "--\n"].some((begin) => lines.begins(begin));
  const isMore = !ends && [code.space, code.plus, code.minus].includes(lines.first);
  if (isMore) throw new PatchError(`the hunk says ${oldLines} old and ${newLines} new lines, there are more`, lines.line);
}

/** Reads "GIT binary patch", the data forwards, and backwards where it is given. @throws PatchError */
export function readBinary(lines: PatchLines): Body {
  lines.next();
  const forward = readBinaryHunk(lines);
  if (forward === undefined) throw new PatchError("neither 'literal' nor 'delta' follows 'GIT binary patch'", lines.line);
  const reverse = readBinaryHunk(lines);
  return { kind: "binary", forward, ...(reverse !== undefined && { reverse }) };
}

function readBinaryHunk(lines: PatchLines): BinaryHunk | undefined {
  const line = lines.line;
  const header = lines.begins("literal ") || lines.begins("delta ") ? /^(literal|delta) (\d{1,15})$/.exec(lines.text()) : null;
  if (header === null) return undefined;
  const out = new ByteWriter(1 << 10);
  lines.next();
  while (!lines.atEnd && lines.content().length > 0) {
    if (!decodeLine(out, lines.content())) throw new PatchError("this is no line of binary data", lines.line);
    lines.next();
  }
  if (lines.atEnd) throw new PatchError("the patch ends in the middle of binary data", lines.line);
  lines.next();
  return { line, method: header[1] === "delta" ? "delta" : "literal", size: Number(header[2]), deflated: out.take() };
}
