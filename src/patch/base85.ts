/**
 * git's base 85: lines of at most 52 bytes, each begun by a letter for their number (A is 1, a is 27), four bytes as
 * five digits, the most significant first, the last group filled up with zeros.
 */
import { type ByteWriter, fromByteString, newline } from "./bytes.js";

const digits = fromByteString("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~");
const values = new Int8Array(256).fill(-1);
digits.forEach((digit, value) => (values[digit] = value));

const lineBytes = 52;
const group = new Uint8Array(5);

/** Writes data as lines, and hands on what has come together. */
export function* encodeLines(out: ByteWriter, data: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += lineBytes) {
    const end = Math.min(at + lineBytes, data.length);
    const count = end - at;
    out.byte(count <= 26 ? 64 + count : 96 + count - 26);
    for (let i = at; i < end; i += 4) {
      let rest = (((data[i] ?? 0) << 24) | (byteAt(data, i + 1, end) << 16) | (byteAt(data, i + 2, end) << 8) | byteAt(data, i + 3, end)) >>> 0;
      for (let place = 4; place >= 0; place--) {
        const next = Math.floor(rest / 85);
        group[place] = digits[rest - next * 85] ?? 0;
        rest = next;
      }
      out.bytes(group);
    }
    out.byte(newline);
    if (out.isFull) yield out.take();
  }
}

function byteAt(data: Uint8Array, at: number, end: number): number {
  return at < end ? (data[at] ?? 0) : 0;
}

/** Writes the bytes of one line, given without its end. Returns false when it is none. */
export function decodeLine(out: ByteWriter, line: Uint8Array): boolean {
  const letter = line[0] ?? 0;
  const count = letter >= 65 && letter <= 90 ? letter - 64 : letter >= 97 && letter <= 122 ? letter - 96 + 26 : 0;
  if (count === 0 || line.length !== 1 + Math.ceil(count / 4) * 5) return false;
  for (let at = 1, left = count; left > 0; at += 5, left -= 4) {
    let value = 0;
    for (let i = at; i < at + 5; i++) {
      const digit = values[line[i] ?? 0] ?? -1;
      if (digit < 0) return false;
      value = value * 85 + digit;
    }
    if (value > 0xffffffff) return false;
    for (let i = 0; i < Math.min(left, 4); i++) out.byte((value >>> (24 - 8 * i)) & 0xff);
  }
  return true;
}
