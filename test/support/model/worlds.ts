/** The layers that comparisons start from: few entries, each of them awkward in a way of its own. */
import { here } from "./operations.js";
import type { Layer, Planted, World } from "./layers.js";

const file = (text: string, more: { mode?: number; owner?: number } = {}): Planted => ({ kind: "file", text, ...more });
const directory = (more: { mode?: number; owner?: number; opaque?: boolean; redirect?: string } = {}): Planted => ({ kind: "directory", ...more });
const symlink = (target: string): Planted => ({ kind: "symlink", target });
const whiteout: Planted = { kind: "whiteout" };

/** 255 bytes can be made and read, 251 are the most that a whiteout has room for. */
export const longestName = "n".repeat(255);
export const longName = "m".repeat(251);

const base: Layer = [
  ["a", file("A")],
  ["b", file("B", { mode: 0o600, owner: 1000 })],
  ["c", file("C", { mode: 0o4755 })],
  ["c2", { kind: "hardLink", to: "c" }],
  ["d", directory()],
  ["d/a", file("DA")],
  ["d/b", file("DB")],
  ["d/e", directory({ owner: 1000 })],
  ["d/e/a", file("DEA")],
  ["d/e/f", directory()],
  ["d/e/f/a", file("DEFA")],
  ["d/l", symlink("../a")],
  ["e", directory()],
  ["f", directory({ mode: 0o2775, owner: 1000 })],
  ["f/a", file("FA")],
  ["g", directory({ mode: 0o555 })],
  ["g/a", file("GA", { mode: 0o444 })],
  ["l", symlink("a")],
  ["ld", symlink("d")],
  ["lb", symlink(`${here}/d/e`)],
  ["dangling", symlink("nothing/there")],
  ["loop", symlink("loop2")],
  ["loop2", symlink("loop")],
  ["out", symlink("../outside")],
  ["\u00fc", file("U")],
  [longestName, file("255")],
  [longName, file("251")],
];

/** Every marker, and what two layers can do to one name. */
const below: Layer = [
  ["a", whiteout],
  ["b", file("B1", { mode: 0o640 })],
  ["c", directory()],
  ["c/a", file("C1A")],
  ["d", directory()],
  ["d/a", whiteout],
  ["d/e", directory({ opaque: true })],
  ["d/e/b", file("D1EB")],
  ["f", whiteout],
  ["h", directory({ redirect: "/f" })],
  ["h/b", file("H1B")],
];
const above: Layer = [
  ["a", file("A2")],
  ["d", directory()],
  ["d/b", directory()],
  ["d/b/a", file("D2BA")],
  ["e", whiteout],
  ["h", whiteout],
  ["i", directory({ redirect: "/h" })],
  ["i/a", whiteout],
  ["i/c", symlink("b")],
];

export const worlds: readonly World[] = [
  { name: "base", base, lowers: [] },
  { name: "layers", base, lowers: [above, below] },
  { name: "empty", base: [], lowers: [] },
];
