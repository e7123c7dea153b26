/** What `rg --files --null` writes, taken apart and put through a mapper. The paths of a piece are handed on together. */
import type { Mapped, Mapper } from "./mapper.js";

/**
 * @param take false: enough.
 * @param putOff whether a file is kept for later.
 */
export function lister(mapper: Mapper, take: (paths: string[]) => boolean, putOff?: (file: Mapped) => boolean): (piece: Buffer) => boolean {
  let rest: Buffer | undefined;
  return (piece) => {
    const all = rest === undefined ? piece : Buffer.concat([rest, piece]);
    const end = all.lastIndexOf(0);
    if (end < 0) {
      rest = all;
      return true;
    }
    rest = end + 1 < all.length ? Buffer.from(all.subarray(end + 1)) : undefined;
    const text = all.toString("utf8", 0, end);
    const paths: string[] = [];
    // What is no Unicode reads as U+FFFD, which a name may also have of itself.
    const odd = text.includes("\ufffd");
    let byte = 0;
    for (let at = 0, next: number; at < text.length; at = next + 1) {
      const zero = text.indexOf("\0", at);
      next = zero < 0 ? text.length : zero;
      if (odd) {
        const bytes = all.subarray(byte, all.indexOf(0, byte));
        byte += bytes.length + 1;
        if (!bytes.equals(Buffer.from(text.slice(at, next)))) continue;
      }
      const path = mapper.path(text, at, next);
      if (path === undefined) continue;
      if (putOff !== undefined) {
        const file = mapper.place(text.slice(at, next));
        if (file !== undefined && putOff(file)) continue;
      }
      paths.push(path);
    }
    return paths.length === 0 || take(paths);
  };
}
