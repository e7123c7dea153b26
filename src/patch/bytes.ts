/** Bytes: a buffer that grows and is handed on in pieces, and comparisons. Contents never become strings. */

export const newline = 10;

/** A piece is handed on when this many bytes have come together. */
const pieceSize = 1 << 16;

export class ByteWriter {
  private buffer: Uint8Array<ArrayBuffer>;
  private length = 0;

  constructor(capacity = pieceSize + (pieceSize >> 2)) {
    this.buffer = new Uint8Array(capacity);
  }

  get isFull(): boolean {
    return this.length >= pieceSize;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  byte(value: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = value;
  }

  /** Characters below U+0100, each one byte. */
  ascii(text: string): void {
    if (this.length + text.length > this.buffer.length) this.grow(text.length);
    for (let i = 0; i < text.length; i++) this.buffer[this.length++] = text.charCodeAt(i);
  }

  bytes(from: Uint8Array, start = 0, end = from.length): void {
    const count = end - start;
    if (this.length + count > this.buffer.length) this.grow(count);
    // A line is mostly too short for a view and a call to pay.
    if (count < 64) for (let i = start; i < end; i++) this.buffer[this.length++] = from[i] ?? 0;
    else {
      this.buffer.set(from.subarray(start, end), this.length);
      this.length += count;
    }
  }

  /** Takes the last byte back. */
  dropLast(): void {
    this.length = Math.max(0, this.length - 1);
  }

  /** What was written since the last time; the caller owns it. */
  take(): Uint8Array {
    const taken = this.buffer.slice(0, this.length);
    this.length = 0;
    if (this.buffer.length > 4 * pieceSize) this.buffer = new Uint8Array(2 * pieceSize);
    return taken;
  }

  private grow(by: number): void {
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + by));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}

/** Whether `part` stands in `whole` at `at`. */
export function standsAt(whole: Uint8Array, part: Uint8Array, at: number): boolean {
  if (at < 0 || at + part.length > whole.length) return false;
  for (let i = 0; i < part.length; i++) if (whole[at + i] !== part[i]) return false;
  return true;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && standsAt(a, b, 0));
}

/** How many bytes two contents share at their beginning. */
export function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at < most && a[at] === b[at]) at++;
  return at;
}

/** How many bytes they share at their end, of what follows the first `prefix`. */
export function commonSuffix(a: Uint8Array, b: Uint8Array, prefix: number): number {
  const most = Math.min(a.length, b.length) - prefix;
  let count = 0;
  while (count < most && a[a.length - 1 - count] === b[b.length - 1 - count]) count++;
  return count;
}

/** One byte a character: for headers, whose names are taken apart as bytes. */
export function byteString(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  for (let i = start; i < end; i += 4096) text += String.fromCharCode(...bytes.subarray(i, Math.min(end, i + 4096)));
  return text;
}

export function fromByteString(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
