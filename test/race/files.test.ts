/** Whole-file writes, appends, truncates and handle writes against each other and against what moves or deletes the file. */
import type { PlantedTree } from "../support/world.js";
import { type Pair, races } from "./explore.js";
import type { Operation } from "./history.js";
import { append, chmod, cp, ln, mv, rm, truncate, unlink, write, writeAt } from "./operations.js";

const uppers: Record<string, PlantedTree> = { "a lower file": {}, "an upper file": { "upper/a": "edited", "upper/d/x": "edited X" } };

const others: Record<string, Operation> = {
  "append": append("/a", "+"),
  "whole-file write": write("/a", "other"),
  "write through a handle": writeAt("/a", "#", 1),
  "truncate": truncate("/a", 1),
  "truncate to nothing": truncate("/a", 0),
  "chmod": chmod("/a", 0o600),
  "unlink": unlink("/a"),
  "rename of it": mv("/a", "/c"),
  "rename over it": mv("/b", "/a"),
  "hard link to it": ln("/a", "/l"),
  "copy of it": cp("/a", "/c"),
};

/** Over a file that has open writers, or another name, a whole-file write goes on in place. */
const meetsWriters = ["append", "write through a handle", "truncate", "truncate to nothing", "hard link to it"];

function against(scratch: PlantedTree, a: Operation, inPlace: readonly string[]): Record<string, Pair> {
  return Object.fromEntries(Object.entries(others).map(([title, b]) => [
    title, { scratch, a, b, see: ["/a", "/c"], inPlace: inPlace.includes(title), makesLinks: title.startsWith("hard") },
  ]));
}

for (const [what, scratch] of Object.entries(uppers)) {
  races(`whole-file write of ${what} and`, against(scratch, write("/a", "a whole new text"), meetsWriters));
  races(`append to ${what} and`, against(scratch, append("/a", "1"), ["whole-file write"]));
  races(`a handle that writes to ${what} and`, {
    ...against(scratch, writeAt("/a", "?", 0), ["whole-file write"]),
    "recursive delete above it": { scratch, a: writeAt("/d/x", "?", 0), b: rm("/d"), see: ["/d/x"] },
    "rename of its folder": { scratch, a: writeAt("/d/x", "?", 0), b: mv("/d", "/q"), see: ["/d/x", "/q/x"] },
  });
}
