/**
 * Names as they stand in a patch: C-quoted as git does with core.quotePath at its default, and what a path must be so
 * that a patch cannot reach out of its tree.
 */
import { byteString, fromByteString } from "./bytes.js";
import { PatchError } from "./errors.js";

const escapes: Readonly<Record<string, string>> = { "\x07": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", '"': '"', "\\": "\\" };
const unescapes = new Map(Object.entries(escapes).map(([byte, letter]) => [letter, byte]));

/** No byte. */
const unknown = "\ufffd";

// Control characters are what this is about.
// eslint-disable-next-line no-control-regex
const special = /["\\\x00-\x1f\x7f-\uffff]/;
// eslint-disable-next-line no-control-regex
const specialBytes = /["\\\x00-\x1f\x7f-\xff]/g;

/** The name as git writes it, ASCII alone: quoted where a byte is a control character, a quote, a backslash or not ASCII. */
export function quoteName(name: string): string {
  if (!special.test(name)) return name;
  const bytes = byteString(new TextEncoder().encode(name));
  return `"${bytes.replace(specialBytes, (byte) => `\\${escapes[byte] ?? byte.charCodeAt(0).toString(8).padStart(3, "0")}`)}"`;
}

/**
 * Reads a quoted name from the beginning of a byte string.
 * @returns the name as a byte string and what follows its closing quote; undefined when it is not closed or an escape is none.
 */
export function unquoteName(text: string): { readonly name: string; readonly rest: string } | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"/s.exec(text);
  if (quoted === null) return undefined;
  const name = (quoted[1] ?? "").replace(/\\([0-3][0-7]{2}|.)/gs, (_, escape: string) => {
    if (escape.length === 3) return String.fromCharCode(parseInt(escape, 8));
    return unescapes.get(escape) ?? unknown;
  });
  return name.includes(unknown) ? undefined : { name, rest: text.slice(quoted[0].length) };
}

/**
 * The path that a byte string of a patch means.
 * @throws PatchError when it is no UTF-8, absolute, or has a component that is empty, "." or "..".
 */
export function toPath(bytes: string, line: number): string {
  let path: string;
  try {
    path = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fromByteString(bytes));
  } catch {
    throw new PatchError(`the name '${bytes}' is not UTF-8`, line);
  }
  const fault = faultOf(path);
  if (fault !== undefined) throw new PatchError(`the path '${path}' is refused: ${fault}`, line);
  return path;
}

/** For the writer. @throws PatchError for a path that no patch can carry. */
export function checkPath(path: string): void {
  const fault = /\p{Surrogate}/u.test(path) ? "it is not Unicode text" : faultOf(path);
  if (fault !== undefined) throw new PatchError(`the path '${path}' cannot be in a patch: ${fault}`);
}

function faultOf(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (path.startsWith("/")) return "it is absolute";
  if (path.includes("\0")) return "it has a NUL in it";
  const parts = path.split("/");
  if (parts.includes("..")) return "it leads out of the folder";
  return parts.includes("") || parts.includes(".") ? "it has an empty component" : undefined;
}

/**
 * Whether `git apply` takes no file of this path: it never writes into what could be a repository's own folder, on any
 * system (core.protectNTFS: trailing dots and spaces, streams and the short name of ".git" count as well), nor makes
 * .gitmodules a symbolic link. One such path and it refuses the whole patch, so whoever exports leaves these out.
 */
export function gitRefuses(path: string, mode?: number): boolean {
  const parts = path.split("/");
  if (parts.some((part) => /^(\.git|git~1)[. ]*([:\\].*)?$/is.test(part))) return true;
  return mode === 0o120000 && parts.some((part) => /^\.gitmodules[. ]*(:.*)?$/is.test(part));
}
