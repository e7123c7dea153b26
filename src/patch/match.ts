/** Where the old side of a hunk stands in a file. Linear in the file's length, whatever is in it. */
import { newline, standsAt } from "./bytes.js";

/** A content by its lines. */
export class LineIndex {
  /** Where each line begins, and after the last one the length. */
  readonly starts: Uint32Array;
  readonly count: number;
  private sums: Int32Array | undefined;

  constructor(readonly content: Uint8Array) {
    let count = 0;
    for (const byte of content) if (byte === newline) count++;
    if (content.length > 0 && content[content.length - 1] !== newline) count++;
    const starts = new Uint32Array(count + 1);
    let line = 0;
    for (let i = 0; i < content.length; i++) if (content[i] === newline) starts[++line] = i + 1;
    starts[count] = content.length;
    this.starts = starts;
    this.count = count;
  }

  /** Whether these lines, as many as `lines`, are the ones from `line` on. */
  has(text: Uint8Array, lines: number, line: number): boolean {
    const start = this.starts[line];
    return line >= 0 && start !== undefined && this.starts[line + lines] === start + text.length && standsAt(this.content, text, start);
  }

  /**
   * The nearest place to `line` where the lines stand and `isFree` agrees; of two as near, the later one, as in git.
   * A rolling hash (Karp, Rabin) leaves one comparison for almost every place that is none.
   */
  nearest(text: Uint8Array, lines: number, line: number, isFree: (line: number) => boolean): number | undefined {
    const sums = (this.sums ??= this.sumsAtLines());
    let sum = 0;
    let power = 1;
    for (const byte of text) {
      sum = (Math.imul(sum, base) + byte + 1) | 0;
      power = Math.imul(power, base);
    }
    const fits = (at: number): boolean =>
      at >= 0 && at + lines <= this.count && (((sums[at + lines] ?? 0) - Math.imul(sums[at] ?? 0, power)) | 0) === sum
      && isFree(at) && this.has(text, lines, at);
    const from = Math.min(line, this.count);
    for (let away = 0; away <= this.count; away++) {
      if (fits(from + away)) return from + away;
      if (fits(from - away)) return from - away;
    }
    return undefined;
  }

  private sumsAtLines(): Int32Array {
    const sums = new Int32Array(this.count + 1);
    let sum = 0;
    let at = 0;
    for (let line = 0; line < this.count; line++) {
      for (const end = this.starts[line + 1] ?? 0; at < end; at++) sum = (Math.imul(sum, base) + (this.content[at] ?? 0) + 1) | 0;
      sums[line + 1] = sum;
    }
    return sums;
  }
}

const base = 0x01000193;
