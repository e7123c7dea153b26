/** What `rg --files --null` writes, taken apart and put through a mapper. The paths of a piece are handed on together. */
import type { Mapped, Mapper, Told } from "./mapper.js";

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
    // What is no Unicode reads as U+FFFD, which a name may also have of itself.
    const paths = text.includes("\ufffd")
      ? pathsIn(unicodeOnly(all.subarray(0, end)), mapper, putOff)
      : pathsIn(text, mapper, putOff, text.length === end ? new DataView(all.buffer, all.byteOffset, end) : undefined);
    return paths.length === 0 || take(paths);
  };
}

/**
 * @param text told paths with a NUL between them, each of which begins with "./". Ripgrep tells the files of a folder one
 * after the other, mostly, so that little is done for each: of a hundred thousand of them nothing is made but the path
 * itself, and where that is what was told, as a piece of the text. Garbage is what costs most here: it is collected by
 * threads for which ripgrep leaves no processor.
 * @param bytes of the text, where each is a character.
 */
function pathsIn(text: string, mapper: Mapper, putOff: ((file: Mapped) => boolean) | undefined, bytes?: DataView): string[] {
  const paths: string[] = [];
  for (let at = 0; at < text.length;) {
    let end = endOf(text, at);
    const slash = text.lastIndexOf("/", end - 1) + 1;
    const folder = mapper.folder(text.slice(at, slash));
    const first = at;
    do {
      const path = putOff === undefined ? pathOf(text, at, end, folder) : unlessPutOff(mapper.place(text.slice(at, end)), putOff);
      if (path !== undefined) paths.push(path);
      at = end + 1;
      end = isIn(folder, text, at, bytes, first) ? endOfName(text, at + folder.told.length) : -1;
    } while (end >= 0);
  }
  return paths;
}

function endOf(text: string, at: number): number {
  const zero = text.indexOf("\0", at);
  return zero < 0 ? text.length : zero;
}

/** Whether the path at `at` begins with the folder, as that at `first` does. (`startsWith` takes three times as long.) */
function isIn({ told }: Told, text: string, at: number, bytes: DataView | undefined, first: number): boolean {
  const end = at + told.length;
  if (end >= text.length) return false;
  if (bytes === undefined) return text.slice(at, end) === told;
  let i = 0;
  for (; i + 4 <= told.length; i += 4) if (bytes.getInt32(at + i) !== bytes.getInt32(first + i)) return false;
  for (; i < told.length; i++) if (bytes.getInt8(at + i) !== bytes.getInt8(first + i)) return false;
  return true;
}

/** Where a path ends of which the last name begins at `at`; -1 if what begins there is no last name. */
function endOfName(text: string, at: number): number {
  const slash = text.indexOf("/", at);
  if (slash < 0) return endOf(text, at);
  // That of the next path's "./", unless this one goes on with folders.
  return text[slash - 2] === "\0" ? slash - 2 : -1;
}

function pathOf(text: string, at: number, end: number, { told, prefix, cut, some }: Told): string | undefined {
  if (prefix === undefined) return undefined;
  if (some?.shows(text.slice(at + told.length, end)) === false) return undefined;
  return cut > 0 ? text.slice(at + cut, end) : prefix + text.slice(at + told.length, end);
}

function unlessPutOff(file: Mapped | undefined, putOff: (file: Mapped) => boolean): string | undefined {
  return file === undefined || putOff(file) ? undefined : file.path;
}

/** Without the paths that are no Unicode. */
function unicodeOnly(all: Buffer): string {
  const good: string[] = [];
  for (let at = 0; at < all.length;) {
    const zero = all.indexOf(0, at);
    const end = zero < 0 ? all.length : zero;
    const bytes = all.subarray(at, end);
    const path = bytes.toString();
    if (bytes.equals(Buffer.from(path))) good.push(path);
    at = end + 1;
  }
  return good.join("\0");
}
