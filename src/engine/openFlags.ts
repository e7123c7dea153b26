/** The flags of Node's fs.open, strings or O_ bits (Linux's values on every system), as what they ask for. Pure. */
import { Refusal } from "./errors.js";

export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
  readonly append: boolean;
  readonly noFollow: boolean;
}

const none: OpenFlags = { read: false, write: false, create: false, exclusive: false, truncate: false, append: false, noFollow: false };

/** From asm-generic/fcntl.h. */
const bits = { accessMode: 0o3, writeOnly: 0o1, readWrite: 0o2, create: 0o100, exclusive: 0o200, truncate: 0o1000, append: 0o2000, noFollow: 0o400000 };

/** @throws Refusal EINVAL. */
export function parseOpenFlags(flags: string | number): OpenFlags {
  if (typeof flags === "number") return fromBits(flags);
  const plain = flags.replaceAll("s", "").split("").sort().join("");
  const exclusive = plain.includes("x");
  switch (plain.replace("x", "")) {
    case "r":
      if (!exclusive) return { ...none, read: true };
      break;
    case "+r":
      if (!exclusive) return { ...none, read: true, write: true };
      break;
    case "w":
      return { ...none, write: true, create: true, truncate: true, exclusive };
    case "+w":
      return { ...none, read: true, write: true, create: true, truncate: true, exclusive };
    case "a":
      return { ...none, write: true, create: true, append: true, exclusive };
    case "+a":
      return { ...none, read: true, write: true, create: true, append: true, exclusive };
  }
  throw new Refusal("EINVAL", `'${flags}' are not flags that a file can be opened with`);
}

function fromBits(flags: number): OpenFlags {
  const access = flags & bits.accessMode;
  if (!Number.isInteger(flags) || access === bits.accessMode) throw new Refusal("EINVAL", `${String(flags)} are not flags that a file can be opened with`);
  const has = (bit: number) => (flags & bit) !== 0;
  const write = access !== 0;
  return {
    read: access !== bits.writeOnly,
    write,
    create: has(bits.create),
    exclusive: has(bits.exclusive) && has(bits.create),
    truncate: has(bits.truncate) && write,
    append: has(bits.append) && write,
    noFollow: has(bits.noFollow),
  };
}
