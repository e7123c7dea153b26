/**
 * The content of a file in memory: pages, so that holes cost nothing, and shared between clones and snapshots until
 * one of them writes. The disk's capacity is charged per page.
 */

export const pageSize = 4096;

interface Page {
  readonly bytes: Uint8Array;
  /** Seen by another content too: whoever writes makes a copy first. */
  shared: boolean;
}

/** Takes or gives back pages of the disk; taking fails (by throwing) when none is left. */
export type ChargePages = (pages: number) => void;

export class MemoryContent {
  #pages = new Map<number, Page>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  read(buffer: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(buffer.byteLength, this.#size - position));
    for (let done = 0; done < count; ) {
      const { index, start, length } = span(position + done, count - done);
      const page = this.#pages.get(index);
      if (page === undefined) buffer.fill(0, done, done + length);
      else buffer.set(page.bytes.subarray(start, start + length), done);
      done += length;
    }
    return count;
  }

  /** Either all of it, or nothing and the fault of `charge`. */
  write(data: Uint8Array, position: number, charge: ChargePages): void {
    let missing = 0;
    for (let done = 0; done < data.byteLength; ) {
      const { index, length } = span(position + done, data.byteLength - done);
      if (!this.#pages.has(index)) missing++;
      done += length;
    }
    charge(missing);
    for (let done = 0; done < data.byteLength; ) {
      const { index, start, length } = span(position + done, data.byteLength - done);
      this.#own(index).set(data.subarray(done, done + length), start);
      done += length;
    }
    this.#size = Math.max(this.#size, position + data.byteLength);
  }

  truncate(size: number, charge: ChargePages): void {
    if (size < this.#size) {
      let dropped = 0;
      for (const index of [...this.#pages.keys()]) {
        if (index * pageSize < size) continue;
        this.#pages.delete(index);
        dropped++;
      }
      const rest = size % pageSize;
      const last = Math.floor(size / pageSize);
      if (rest > 0 && this.#pages.has(last)) this.#own(last).fill(0, rest); // growing again shows zeros
      charge(-dropped);
    }
    this.#size = size;
  }

  /** The same bytes, no page copied. */
  clone(): MemoryContent {
    const copy = new MemoryContent();
    copy.#size = this.#size;
    for (const [index, page] of this.#pages) {
      page.shared = true;
      copy.#pages.set(index, page);
    }
    return copy;
  }

  #own(index: number): Uint8Array {
    const page = this.#pages.get(index);
    if (page !== undefined && !page.shared) return page.bytes;
    const bytes = page === undefined ? new Uint8Array(pageSize) : page.bytes.slice();
    this.#pages.set(index, { bytes, shared: false });
    return bytes;
  }
}

/** The part of one page that a range starting at `position` touches first. */
function span(position: number, length: number): { index: number; start: number; length: number } {
  const start = position % pageSize;
  return { index: Math.floor(position / pageSize), start, length: Math.min(length, pageSize - start) };
}
