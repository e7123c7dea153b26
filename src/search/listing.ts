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
    let at = 0;
    for (const told of text.split("\0")) {
      if (odd && told.includes("\ufffd")) {
        const bytes = all.subarray(at, all.indexOf(0, at));
        at += bytes.length + 1;
        if (!bytes.equals(Buffer.from(told))) continue;
      } else if (odd) at += Buffer.byteLength(told) + 1;
      const path = mapper.path(told);
      if (path === undefined) continue;
      if (putOff !== undefined) {
        const file = mapper.place(told);
        if (file !== undefined && putOff(file)) continue;
      }
      paths.push(path);
    }
    return paths.length === 0 || take(paths);
  };
}
