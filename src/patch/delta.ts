/**
 * git's delta of one binary content to another (Documentation/gitformat-pack, "Deltified representation"): two lengths,
 * then instructions, "copy from the old one" (0x80 and which bytes of offset and length follow) or "these 1 to 127
 * bytes". Made in the simplest way, for the commonest change: what both share at beginning and end is copied.
 */
import { ByteWriter, commonPrefix, commonSuffix } from "./bytes.js";

const maxCopy = 0xffffff;
const maxInsert = 127;

/** @returns undefined when most of the target would have to be said anyway: then the whole of it is as good. */
export function makeDelta(source: Uint8Array, target: Uint8Array): Uint8Array | undefined {
  const prefix = commonPrefix(source, target);
  const suffix = commonSuffix(source, target, prefix);
  if ((target.length - prefix - suffix) * 2 >= target.length) return undefined;
  const out = new ByteWriter(64);
  length(out, source.length);
  length(out, target.length);
  copy(out, 0, prefix);
  for (let at = prefix; at < target.length - suffix; at += maxInsert) {
    const end = Math.min(at + maxInsert, target.length - suffix);
    out.byte(end - at);
    out.bytes(target, at, end);
  }
  copy(out, source.length - suffix, suffix);
  return out.take();
}

function length(out: ByteWriter, value: number): void {
  for (; value > 0x7f; value = Math.floor(value / 0x80)) out.byte((value % 0x80) | 0x80);
  out.byte(value);
}

function copy(out: ByteWriter, offset: number, count: number): void {
  for (let left = count; left > 0; left -= maxCopy) {
    const size = Math.min(left, maxCopy);
    const from = offset + count - left;
    const parts = [from & 0xff, (from >>> 8) & 0xff, (from >>> 16) & 0xff, from >>> 24, size & 0xff, (size >>> 8) & 0xff, size >>> 16];
    out.byte(parts.reduce((flags, part, bit) => (part === 0 ? flags : flags | (1 << bit)), 0x80));
    for (const part of parts) if (part !== 0) out.byte(part);
  }
}

/** @returns the target; undefined when the delta is damaged or made for another source. */
export function applyDelta(source: Uint8Array, delta: Uint8Array): Uint8Array | undefined {
  const reader = new DeltaReader(delta);
  if (reader.length() !== source.length) return undefined;
  const size = reader.length();
  const parts: Uint8Array[] = [];
  let done = 0;
  while (!reader.atEnd) {
    const part = reader.instruction(source);
    if (part === undefined || (done += part.length) > size) return undefined;
    parts.push(part);
  }
  if (done !== size) return undefined;
  const target = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
  return target;
}

class DeltaReader {
  private at = 0;
  constructor(private readonly delta: Uint8Array) {}

  get atEnd(): boolean {
    return this.at >= this.delta.length;
  }

  length(): number {
    let value = 0;
    for (let scale = 1; !this.atEnd; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return -1;
  }

  /** The bytes that the next instruction stands for. */
  instruction(source: Uint8Array): Uint8Array | undefined {
    const code = this.byte();
    if (code < 0x80) {
      const bytes = this.delta.subarray(this.at, this.at + code);
      this.at += code;
      return code > 0 && bytes.length === code ? bytes : undefined; // 0 is reserved
    }
    let offset = 0;
    let size = 0;
    for (let bit = 0; bit < 4; bit++) if ((code & (1 << bit)) !== 0) offset += this.byte() * 2 ** (8 * bit);
    for (let bit = 0; bit < 3; bit++) if ((code & (0x10 << bit)) !== 0) size += this.byte() * 2 ** (8 * bit);
    if (size === 0) size = 0x10000;
    return this.at <= this.delta.length && offset + size <= source.length ? source.subarray(offset, offset + size) : undefined;
  }

  private byte(): number {
    return this.delta[this.at++] ?? 0;
  }
}
