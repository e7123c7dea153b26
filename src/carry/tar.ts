/**
 * Tar as OCI layers are: ustar headers (POSIX.1-1988), and before an entry that does not fit into one a pax extended
 * header (POSIX.1-2001, "pax Interchange Format") with what does not: names that are long or not ASCII, large sizes and
 * numbers, times with fractions.
 */

export interface TarEntry {
  /** Relative, without a slash at its end. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 for what is no file. */
  readonly size: number;
  readonly mtimeMs: number;
  readonly target?: string;
}

const block = 512;
const flags = { file: "0", directory: "5", symlink: "2" } as const;
/** What 11 octal digits hold, and what 7 do. */
const largestSize = 0o77777777777;
const largestId = 0o7777777;

/** The header, or headers, of an entry; its content and `tarPadding` follow. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const name = entry.type === "directory" ? `${entry.path}/` : entry.path;
  const target = entry.target ?? "";
  const records: [string, string][] = [];
  const place = splitName(name);
  if (place === undefined) records.push(["path", name]);
  if (!fits(target, 100)) records.push(["linkpath", target]);
  if (entry.size > largestSize) records.push(["size", String(entry.size)]);
  if (entry.uid > largestId) records.push(["uid", String(entry.uid)]);
  if (entry.gid > largestId) records.push(["gid", String(entry.gid)]);
  const seconds = Math.floor(entry.mtimeMs / 1000);
  if (seconds < 0 || seconds > largestSize || entry.mtimeMs % 1000 !== 0) records.push(["mtime", decimal(entry.mtimeMs)]);
  const parts: Uint8Array[] = [];
  if (records.length > 0) {
    const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
    parts.push(ustar({ name: "PaxHeaders/entry", prefix: "", flag: "x", mode: 0o644, uid: 0, gid: 0, size: body.length, seconds: 0, target: "" }), body, tarPadding(body.length));
  }
  const cut = (text: string): string => Buffer.from(text.replace(/[^\x20-\x7e]/g, "_")).subarray(0, 100).toString();
  parts.push(ustar({
    ...(place ?? { name: cut(name), prefix: "" }), flag: flags[entry.type], mode: entry.mode, uid: Math.min(entry.uid, largestId), gid: Math.min(entry.gid, largestId),
    size: Math.min(entry.size, largestSize), seconds: Math.min(Math.max(seconds, 0), largestSize), target: cut(target),
  }));
  return Buffer.concat(parts);
}

/** Up to the next whole block. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((block - (size % block)) % block);
}

/** Two blocks of zeros end an archive. */
export const tarEnd: Uint8Array = new Uint8Array(2 * block);

function fits(text: string, bytes: number): boolean {
  return /^[\x20-\x7e]*$/.test(text) && text.length <= bytes;
}

/** ustar has 100 bytes for a name and 155 for folders before it, cut at a slash. */
function splitName(name: string): { name: string; prefix: string } | undefined {
  if (fits(name, 100)) return { name, prefix: "" };
  if (!fits(name, 256)) return undefined;
  const cut = name.indexOf("/", name.length - 101);
  return cut <= 0 || cut > 155 || cut === name.length - 1 ? undefined : { name: name.slice(cut + 1), prefix: name.slice(0, cut) };
}

/** Its length counts itself. */
function paxRecord(key: string, value: string): Uint8Array {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** Seconds, exact: a double with its microseconds. */
function decimal(ms: number): string {
  return (Math.round(ms * 1000) / 1e6).toFixed(6).replace(/\.?0+$/, "");
}

function ustar(h: { name: string; prefix: string; flag: string; mode: number; uid: number; gid: number; size: number; seconds: number; target: string }): Buffer {
  const header = Buffer.alloc(block);
  const octal = (value: number, at: number, length: number): void => { header.write(value.toString(8).padStart(length - 1, "0"), at, "latin1"); };
  header.write(h.name, 0, 100);
  octal(h.mode, 100, 8);
  octal(h.uid, 108, 8);
  octal(h.gid, 116, 8);
  octal(h.size, 124, 12);
  octal(h.seconds, 136, 12);
  header.write("        ", 148);
  header.write(h.flag, 156);
  header.write(h.target, 157, 100);
  header.write("ustar\x0000", 257);
  header.write(h.prefix, 345, 155);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}
