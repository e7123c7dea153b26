/** What `rg --json` writes, taken apart and put through a mapper. The results of a piece are handed on together. */
import type { Mapped, Mapper } from "./mapper.js";
import { contextOf, matchesOf, type Message, pathOf, type PreviewLimits } from "./matches.js";
import type { TextResult } from "./types.js";

export interface TextSink {
  readonly limits: PreviewLimits;
  /** How many ranges are still wanted; 0: the next one is one too many. */
  readonly left: () => number;
  /** One too many. */
  readonly onLimit: () => void;
  /** False: enough. */
  readonly take: (results: TextResult[]) => boolean;
  /** Where given, a file is looked at before its results are told. */
  readonly hold?: ((file: Mapped, results: TextResult[]) => void) | undefined;
  readonly isDoubtful?: ((file: Mapped) => boolean) | undefined;
}

const noResults: readonly TextResult[] = [];

export function textReader(mapper: Mapper, sink: TextSink): (piece: Buffer) => boolean {
  let rest: Buffer[] = [];
  let file: Mapped | undefined;
  let held: TextResult[] | undefined;
  let results: TextResult[] = [];
  let isOver = false;

  const message = (line: string): void => {
    // Nothing of a file that is not shown is taken apart.
    if (file === undefined && !line.startsWith('{"type":"begin"')) return;
    const parsed = JSON.parse(line) as Message;
    switch (parsed.type) {
      case "begin": {
        const told = pathOf(parsed.data.path);
        file = told === undefined ? undefined : mapper.place(told);
        held = file !== undefined && sink.isDoubtful?.(file) === true ? [] : undefined;
        return;
      }
      case "end":
        if (file !== undefined && held !== undefined && held.length > 0) sink.hold?.(file, held);
        file = undefined;
        return;
      case "context":
        if (file !== undefined) (held ?? results).push(...contextOf(parsed.data, file.path));
        return;
      case "match": {
        if (file === undefined) return;
        // What is held counts when it is told.
        const left = held === undefined ? sink.left() - count(results) : Infinity;
        if (parsed.data.submatches.length > left) {
          isOver = true;
          sink.onLimit();
        }
        if (left > 0) (held ?? results).push(...matchesOf(parsed.data, file.path, sink.limits, left));
        return;
      }
      case "summary":
    }
  };

  return (piece) => {
    const end = piece.lastIndexOf(10);
    if (end < 0) {
      rest.push(piece);
      return true;
    }
    const whole = rest.length === 0 ? piece.toString("utf8", 0, end) : Buffer.concat([...rest, piece.subarray(0, end)]).toString();
    rest = end + 1 < piece.length ? [Buffer.from(piece.subarray(end + 1))] : [];
    for (const line of whole.split("\n")) {
      if (line !== "") message(line);
      if (isOver) break;
    }
    const told = results;
    results = [];
    return (told === noResults || told.length === 0 || sink.take(told)) && !isOver;
  };
}

export function count(results: readonly TextResult[]): number {
  let ranges = 0;
  for (const result of results) if (result.kind === "match") ranges += result.ranges.length;
  return ranges;
}
