/** The lines of a patch, one after the other, with their numbers. Long ones are only ever looked at from their beginning. */
import { byteString, newline } from "./bytes.js";

/** Longer lines are no headers: names have 4 KiB, and quoting makes four characters of a byte. */
const headerLength = 1 << 16;

const carriageReturn = 13;

export class PatchLines {
  /** Number of the current line, from 1. */
  line = 1;
  /** Where it begins. */
  at = 0;
  /** Where it ends, before its newline. */
  end: number;

  constructor(readonly bytes: Uint8Array) {
    this.end = this.endFrom(0);
  }

  get atEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  next(): void {
    this.at = Math.min(this.end + 1, this.bytes.length);
    this.end = this.endFrom(this.at);
    this.line++;
  }

  /** The current line's first byte; -1 at the end of the patch, and of an empty line its newline. */
  get first(): number {
    return this.bytes[this.at] ?? -1;
  }

  /** Whether the line that is `ahead` lines further begins with this. */
  begins(text: string, ahead = 0): boolean {
    let at = this.at;
    for (let i = 0; i < ahead; i++) at = this.endFrom(at) + 1;
    for (let i = 0; i < text.length; i++) if (this.bytes[at + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** The current line without its end. A carriage return there was added on the way: names have it quoted. */
  content(): Uint8Array {
    return this.bytes.subarray(this.at, this.end > this.at && this.bytes[this.end - 1] === carriageReturn ? this.end - 1 : this.end);
  }

  /** The same as a byte string. */
  text(): string {
    return byteString(this.content().subarray(0, headerLength));
  }

  private endFrom(at: number): number {
    const found = this.bytes.indexOf(newline, at);
    return found < 0 ? this.bytes.length : found;
  }
}
