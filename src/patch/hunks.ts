/** Edits as hunks of a unified diff: three lines of context, neighbours whose context would touch in one hunk. */
import { type ByteWriter, newline } from "./bytes.js";
import type { Edit } from "./lineDiff.js";

const context = 3;

const space = 0x20;
const minus = 0x2d;
const plus = 0x2b;

/** Writes the hunks, and hands on what has come together. */
export function* writeHunks(out: ByteWriter, old: Uint8Array, now: Uint8Array, edits: Iterable<Edit>): Generator<Uint8Array> {
  let group: Edit[] = [];
  for (const edit of edits) {
    const last = group.at(-1);
    if (last !== undefined && edit.oldLine - last.oldLine - last.oldLines > 2 * context) {
      yield* writeHunk(out, old, now, group);
      group = [];
    }
    group.push(edit);
  }
  yield* writeHunk(out, old, now, group);
}

function* writeHunk(out: ByteWriter, old: Uint8Array, now: Uint8Array, edits: readonly Edit[]): Generator<Uint8Array> {
  const first = edits[0];
  const last = edits.at(-1);
  if (first === undefined || last === undefined) return;
  const before = back(old, first.oldAt);
  const after = ahead(old, last.oldEnd);
  const oldFirst = first.oldLine - before.lines;
  const newFirst = first.newLine - before.lines;
  const oldCount = last.oldLine + last.oldLines + after.lines - oldFirst;
  const newCount = last.newLine + last.newLines + after.lines - newFirst;
  out.ascii(`@@ -${range(oldFirst, oldCount)} +${range(newFirst, newCount)} @@\n`);
  let at = before.at;
  for (const edit of edits) {
    yield* writeLines(out, space, old, at, edit.oldAt);
    yield* writeLines(out, minus, old, edit.oldAt, edit.oldEnd);
    yield* writeLines(out, plus, now, edit.newAt, edit.newEnd);
    at = edit.oldEnd;
  }
  yield* writeLines(out, space, old, at, after.at);
}

/** A range counts lines from 1, but an empty one names the line before it; a count of 1 is left out. */
function range(first: number, count: number): string {
  if (count === 0) return `${first},0`;
  return count === 1 ? `${first + 1}` : `${first + 1},${count}`;
}

function back(text: Uint8Array, from: number): { at: number; lines: number } {
  let at = from;
  let lines = 0;
  for (; lines < context && at > 0; lines++) {
    at--;
    while (at > 0 && text[at - 1] !== newline) at--;
  }
  return { at, lines };
}

function ahead(text: Uint8Array, from: number): { at: number; lines: number } {
  let at = from;
  let lines = 0;
  for (; lines < context && at < text.length; lines++) {
    while (at < text.length && text[at] !== newline) at++;
    if (at < text.length) at++;
  }
  return { at, lines };
}

function* writeLines(out: ByteWriter, sign: number, text: Uint8Array, from: number, to: number): Generator<Uint8Array> {
  for (let at = from; at < to;) {
    const found = text.indexOf(newline, at);
    const end = found < 0 || found >= to ? to : found + 1;
    out.byte(sign);
    out.bytes(text, at, end);
    if (text[end - 1] !== newline) out.ascii("\n\\ No newline at end of file\n");
    if (out.isFull) yield out.take();
    at = end;
  }
}
