/**
 * One entry's change of one content, by the rules of `git apply` without options: the context has to match exactly; a
 * hunk may stand elsewhere than it says; one that says line 1 only at the beginning, one without context at its end only
 * at the end; no hunk takes lines that another one has made.
 */
import { ByteWriter } from "./bytes.js";
import { applyDelta } from "./delta.js";
import { LineIndex } from "./match.js";
import type { BinaryHunk, Body, Codec, Entry, Hunk } from "./types.js";
import { oidOf } from "./write.js";

export type Applied =
  | { readonly kind: "applied"; readonly content: Uint8Array }
  /** `line` of the patch, from 1; `hunk` from 1. */
  | { readonly kind: "failed"; readonly reason: string; readonly line: number; readonly hunk?: number };

/** The content after an entry whose file has this content; of a creation, an empty one. Never throws for bad data. */
export async function applyEntry(entry: Pick<Entry, "line" | "oldOid" | "newOid"> & { readonly body: Body }, content: Uint8Array, codec: Codec): Promise<Applied> {
  switch (entry.body.kind) {
    case "none":
      return { kind: "applied", content };
    case "text":
      return applyHunks(entry.body.hunks, content);
    case "binary":
      return applyBinary(entry, entry.body.forward, content, codec);
  }
}

interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly by: Uint8Array;
}

export function applyHunks(hunks: readonly Hunk[], content: Uint8Array): Applied {
  const index = new LineIndex(content);
  const done: Replacement[] = []; // by line
  for (const [n, hunk] of hunks.entries()) {
    const old = sideOf(hunk, minus);
    const at = place(index, hunk, old, done);
    if (at === undefined) return { kind: "failed", reason: whyNot(hunk), line: hunk.line, hunk: n + 1 };
    const by = sideOf(hunk, plus);
    const after = done.findLastIndex(({ from }) => from < at) + 1;
    done.splice(after, 0, { from: at, to: at + hunk.oldLines, by });
    // What has no newline ends the file: nothing can follow it.
    if (by.length > 0 && by[by.length - 1] !== 10 && at + hunk.oldLines < index.count) {
      return { kind: "failed", reason: "it ends the file without a newline, in its middle", line: hunk.line, hunk: n + 1 };
    }
  }
  return { kind: "applied", content: replaced(index, done) };
}

/** The line of the old content, from 0, where a hunk's old side stands and no hunk has been. */
function place(index: LineIndex, hunk: Hunk, old: Uint8Array, done: readonly Replacement[]): number | undefined {
  const { oldLines, oldStart } = hunk;
  // Lines between nothing and nothing have no place but in an empty file.
  if (oldLines === 0) return index.count === 0 && done.length === 0 ? 0 : undefined;
  const isFree = (line: number): boolean => (done.findLast(({ from }) => from < line + oldLines)?.to ?? 0) <= line;
  const fits = (line: number): boolean => isFree(line) && index.has(old, oldLines, line);
  const last = index.count - oldLines;
  switch (belongs(hunk)) {
    case "atStart":
      return fits(0) && (hunk.trailing > 0 || last === 0) ? 0 : undefined;
    case "atEnd":
      return fits(last) ? last : undefined;
    case "anywhere":
      return fits(oldStart - 1) ? oldStart - 1 : index.nearest(old, oldLines, oldStart - 1, isFree);
  }
}

function belongs({ oldStart, trailing }: Hunk): "atStart" | "atEnd" | "anywhere" {
  return oldStart <= 1 ? "atStart" : trailing === 0 ? "atEnd" : "anywhere";
}

function whyNot(hunk: Hunk): string {
  if (hunk.oldLines === 0) return hunk.oldStart === 0 ? "the file should be empty" : "it has no context, so nothing says where it belongs";
  switch (belongs(hunk)) {
    case "atStart":
      return "its lines are not at the beginning of the file, where it belongs";
    case "atEnd":
      return "its lines are not at the end of the file, where a hunk without context after it belongs";
    case "anywhere":
      return "its lines are not in the file";
  }
}

function replaced({ content, starts }: LineIndex, replacements: readonly Replacement[]): Uint8Array {
  const out = new ByteWriter(content.length + 1024);
  let at = 0;
  for (const { from, to, by } of replacements) {
    out.bytes(content, at, starts[from]);
    out.bytes(by);
    at = starts[to] ?? content.length;
  }
  out.bytes(content, at);
  return out.take();
}

const newline = 0x0a;
const space = 0x20;
const minus = 0x2d;
const plus = 0x2b;
const backslash = 0x5c;

/** The lines of one side of a hunk, together. */
function sideOf({ body }: Hunk, sign: number): Uint8Array {
  const out = new ByteWriter(body.length);
  let taken = false;
  for (let at = 0; at < body.length;) {
    const found = body.indexOf(newline, at);
    const end = found < 0 ? body.length : found + 1;
    const first = body[at];
    // "\ No newline at end of file" is about the line before; it has at most one newline to lose.
    if (first === backslash) {
      if (taken) out.dropLast();
    } else {
      taken = first === sign || first === space || first === newline;
      if (taken) out.bytes(body, first === newline ? at : at + 1, end);
      // A patch that was cut off after its last line's text has lost this newline alone.
      if (taken && found < 0) out.byte(newline);
    }
    at = end;
  }
  return out.take();
}

async function applyBinary(entry: Pick<Entry, "line" | "oldOid" | "newOid">, hunk: BinaryHunk, content: Uint8Array, codec: Codec): Promise<Applied> {
  const failed = (reason: string): Applied => ({ kind: "failed", reason, line: hunk.line });
  const isFull = (oid: string | undefined): oid is string => oid?.length === 40;
  const zero = "0".repeat(40);
  if (isFull(entry.oldOid) && entry.oldOid !== zero && oidOf({ content }, codec) !== entry.oldOid) return failed("the file is not the one that the patch was made for");
  let data: Uint8Array;
  try {
    data = await codec.inflate(hunk.deflated, hunk.size);
  } catch {
    return failed("the binary data is damaged");
  }
  if (data.length !== hunk.size) return failed(`the binary data should have ${hunk.size} bytes, it has ${data.length}`);
  const result = hunk.method === "literal" ? data : applyDelta(content, data);
  if (result === undefined) return failed("the binary difference does not fit the file");
  if (isFull(entry.newOid) && entry.newOid !== zero && oidOf({ content: result }, codec) !== entry.newOid) return failed("what comes out is not what the patch says");
  return { kind: "applied", content: result };
}
