/** The codec on Node: the one file of this folder that sees it. */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { deflate, deflateSync, inflate, inflateSync } from "node:zlib";
import type { Codec } from "./types.js";

/** From this many bytes on, zlib works on a thread of its own: the editor must not stand still. Below, that costs more. */
const large = 1 << 18;

/** git's own level for what it puts into patches (zlib's "best speed"). */
const level = 1;

const deflateLater = promisify<Uint8Array, { level: number }, Uint8Array>(deflate);
const inflateLater = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(inflate);

export const nodeCodec: Codec = {
  sha1: (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha1")).digest("hex"),
  deflate: (data) => (data.length < large ? deflateSync(data, { level }) : deflateLater(data, { level })),
  inflate(data, size) {
    const options = { maxOutputLength: Math.max(1, size) };
    return size < large ? inflateSync(data, options) : inflateLater(data, options);
  },
};
