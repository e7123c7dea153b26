/** Random operations, weighted to where overlays go wrong: few names, met again and again, in every layer. */
import * as fc from "fast-check";
import { handleSlots, here, type OpenFlag, type Operation } from "./operations.js";
import { longestName, longName } from "./worlds.js";

const names = ["a", "b", "c", "d", "e", "f", "n"] as const;
const odd = ["l", "ld", "lb", "loop", "dangling", "out", "g", "h", "i", "c2", "\u00fc", longName, longestName, ".wh.a", "x".repeat(256)] as const;
const often = ["/d", "/d/e", "/d/a", "/d/b", "/e", "/n", "/n/a", "/a", "/b", "/c", "/d/e/f", "/d/e/a", "/e/a", "/f", "/f/a", "/ld/a", "/lb/f", "/h", "/i", "/l", "/n/e"] as const;

const name = fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...names) }, { weight: 3, arbitrary: fc.constantFrom(...odd) });
const path = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...often) },
  { weight: 6, arbitrary: fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`) },
  { weight: 1, arbitrary: fc.constant("/") },
);
const mode = fc.constantFrom(0o666, 0o777, 0o644, 0o600, 0o755, 0o555, 0o444, 0o2775, 0o1777, 0o4755, 0o0);
const makeMode = fc.constantFrom(0o666, 0o600, 0o777, 0o444, 0o2755);
const data = fc.oneof(fc.string({ maxLength: 6 }), fc.constant("y".repeat(50)));
const size = fc.constantFrom(0, 1, 3, 10, 60);
const slot = fc.nat(handleSlots - 1);
const position = fc.option(fc.constantFrom(0, 1, 2, 7), { nil: null });
const overwrite = fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) });
const target = fc.constantFrom("a", "b", "d", "e", "../a", "../d", "d/e", ".", "..", "../outside", "../../e", "e/../a", "nothing", `${here}/d`, `${here}/a`, `${here}/e/n`, here, "/proc/nothing", "a/", "d/", "loop");
const flags = fc.constantFrom<OpenFlag>("r", "r", "r", "r+", "r+", "w", "wx", "w+", "a", "a+", "ax", "ax+");

function op<K extends Operation["op"], T>(name: K, fields: { [F in keyof T]: fc.Arbitrary<T[F]> }): fc.Arbitrary<{ op: K } & T> {
  return fc.record({ op: fc.constant(name), ...fields }) as unknown as fc.Arbitrary<{ op: K } & T>;
}

const weighted: { readonly weight: number; readonly arbitrary: fc.Arbitrary<Operation> }[] = [
  { weight: 6, arbitrary: op("writeFile", { path, data, create: overwrite, overwrite, mode: makeMode }) },
  { weight: 4, arbitrary: op("append", { path, data, mode: makeMode }) },
  { weight: 3, arbitrary: op("truncate", { path, size }) },
  { weight: 8, arbitrary: op("mkdir", { path, mode }) },
  { weight: 6, arbitrary: op("unlink", { path }) },
  { weight: 5, arbitrary: op("rmdir", { path }) },
  { weight: 4, arbitrary: op("removeAll", { path }) },
  { weight: 16, arbitrary: op("rename", { from: path, to: path, overwrite }) },
  { weight: 3, arbitrary: op("copy", { from: path, to: path, overwrite }) },
  { weight: 3, arbitrary: op("symlink", { target, path }) },
  { weight: 3, arbitrary: op("link", { from: path, to: path }) },
  { weight: 3, arbitrary: op("chmod", { path, mode }) },
  { weight: 2, arbitrary: op("utimes", { path, seconds: fc.constantFrom(0, 1, 1_000_000_000, 1_234_567_890.5) }) },
  { weight: 2, arbitrary: op("copyUp", { path }) },
  { weight: 2, arbitrary: op("readFile", { path }) },
  { weight: 3, arbitrary: op("readDirectory", { path }) },
  { weight: 2, arbitrary: op("stat", { path }) },
  { weight: 1, arbitrary: op("lstat", { path }) },
  { weight: 1, arbitrary: op("readlink", { path }) },
  { weight: 5, arbitrary: op("open", { slot, path, flags, mode: makeMode }) },
  { weight: 4, arbitrary: op("handleRead", { slot, length: fc.constantFrom(1, 4, 100), position }) },
  { weight: 4, arbitrary: op("handleWrite", { slot, data, position }) },
  { weight: 1, arbitrary: op("handleTruncate", { slot, size }) },
  { weight: 1, arbitrary: op("handleStat", { slot }) },
  { weight: 1, arbitrary: op("handleClose", { slot }) },
  { weight: 2, arbitrary: fc.constant<Operation>({ op: "compare" }) },
  { weight: 1, arbitrary: fc.constant<Operation>({ op: "reopen" }) },
  { weight: 1, arbitrary: fc.constant<Operation>({ op: "freeze" }) },
];

/** What overlays are prone to get wrong takes two or three operations on one name. */
const together: fc.Arbitrary<Operation[]> = fc.record({ path, other: path, data, mode }).chain(({ path: at, other, data: text, mode: bits }) => {
  const mkdir: Operation = { op: "mkdir", path: at, mode: bits };
  const write: Operation = { op: "writeFile", path: at, data: text, create: true, overwrite: true, mode: 0o666 };
  const away: Operation = { op: "rename", from: at, to: other, overwrite: true };
  const back: Operation = { op: "rename", from: other, to: at, overwrite: true };
  const gone: Operation = { op: "removeAll", path: at };
  const open: Operation = { op: "open", slot: 0, path: at, flags: "r", mode: 0o666 };
  const read: Operation = { op: "handleRead", slot: 0, length: 100, position: 0 };
  const append: Operation = { op: "append", path: at, data: text, mode: 0o666 };
  return fc.constantFrom<Operation[]>([open, append, read], [open, write, read], [gone, mkdir], [gone, write], [away, mkdir], [away, write], [away, back], [away, mkdir, back], [gone, mkdir, away], [away, { op: "freeze" }, back]);
});

const layers: typeof weighted = [
  { weight: 2, arbitrary: op("layers", { change: fc.constant("snapshot" as const), nth: fc.constant(0), back: fc.constant(false) }) },
  { weight: 1, arbitrary: op("layers", { change: fc.constantFrom("squash" as const, "thaw" as const), nth: fc.constant(0), back: fc.boolean() }) },
  { weight: 2, arbitrary: op("layers", { change: fc.constant("reset" as const), nth: fc.nat(3), back: fc.oneof({ weight: 2, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }) }) },
];

/**
 * Long from the start: fast-check would begin with short ones, which find nothing.
 * @param withLayers snapshots and what is done with them, too.
 */
export function operations(most: number, withLayers = false): fc.Arbitrary<Operation[]> {
  const one = fc.oneof(...weighted, ...(withLayers ? layers : [])).map((operation) => [operation]);
  return fc.array(fc.oneof({ weight: 9, arbitrary: one }, { weight: 1, arbitrary: together }), { maxLength: most, size: "max" }).map((parts) => parts.flat());
}
