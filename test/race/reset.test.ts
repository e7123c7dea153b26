/** Reset, of an entry, of its folder, of everything, against every other operation. */
import { isCode } from "../../src/engine/index.js";
import type { PlantedTree } from "../support/world.js";
import { races } from "./explore.js";
import type { Operation } from "./history.js";
import { append, chmod, copyUp, cp, create, ln, mkdir, mv, reset, resetRenamed, rm, rmdir, symlink, truncate, unlink, write, writeAt } from "./operations.js";

/** An edited file, a deleted one, an added one, and an added folder. */
const scratch: PlantedTree = { "upper/a": "edited", "upper/d/.wh.y": "", "upper/d/x": "edited X", "upper/d/n": "added", "upper/m/f": "F", "upper/m/.wh..wh..opq": "" };

const others: Record<string, Operation> = {
  "copy-up": copyUp("/d/e/z"),
  "append to an edited file": append("/d/x", "+"),
  "append to a lower file": append("/d/e/z", "+"),
  "whole-file write": write("/d/x", "new"),
  "write through a handle": writeAt("/d/x", "#", 1),
  "truncate": truncate("/d/x", 2),
  "create over a whiteout": create("/d/y", "new Y"),
  "create": create("/d/new", "new"),
  "mkdir": mkdir("/d/new"),
  "mkdir over a whiteout": mkdir("/d/y"),
  "symlink": symlink("x", "/d/s"),
  "hard link": ln("/d/x", "/l"),
  "unlink": unlink("/d/x"),
  "rmdir": rmdir("/d"),
  "recursive delete": rm("/d"),
  "rename of a file out": mv("/d/x", "/out"),
  "rename of a file in": mv("/b", "/d/in"),
  "rename of the folder": mv("/d", "/q"),
  "rename of a folder in it": mv("/d/e", "/e"),
  "chmod": chmod("/d/x"),
  "chmod of the folder": chmod("/d"),
  "copy of a file": cp("/d/x", "/copy"),
  "reset of the same": reset("/d"),
  "stat": async (o) => (await o.stat("/d/n")).size,
  "readdir": async (o) => (await o.readDirectory("/d")).map(({ name }) => name).sort(),
};

const against = (a: Operation) => Object.fromEntries(Object.entries(others).map(([title, b]) => [title, { scratch, a, b, see: ["/d", "/d/x"] }]));

races("reset of a folder and", against(reset("/d")));

races("reset of everything and", against(reset()));

races("reset of a file and", {
  "append": { scratch, a: reset("/a"), b: append("/a", "+"), see: ["/a"] },
  "unlink": { scratch, a: reset("/a"), b: unlink("/a"), see: ["/a"] },
  "rename of it": { scratch, a: reset("/a"), b: mv("/a", "/c"), see: ["/a", "/c"] },
  "rename over it": { scratch, a: resetRenamed("/a", "/b"), b: mv("/b", "/a"), see: ["/a", "/b"] },
  "unlink of one that was deleted": { scratch, a: reset("/d/y"), b: unlink("/d/y"), see: ["/d/y", "/d"] },
  "create of one that was deleted": { scratch, a: reset("/d/y"), b: create("/d/y", "new Y"), see: ["/d/y", "/d"] },
  "whole-file write of one that was added": { scratch, a: reset("/d/n"), b: write("/d/n", "new"), see: ["/d/n", "/d"] },
  "recursive delete of its folder": { scratch, a: reset("/d/x"), b: rm("/d"), see: ["/d/x", "/d"] },
});

/** Whatever it says, what others did meanwhile is there afterwards. */
const prune = (path: string): Operation => async (o) => { await o.resetIf(path, () => o.isUnchangedCopy(path)).catch((error: unknown) => { if (!isCode(error, "EBUSY", "EINVAL")) throw error; }); };
const unchanged: PlantedTree = { "upper/a": "A", "upper/d/x": "X", "upper/d/e/z": "Z" };
const pruned = (see: string, path: string, others: Record<string, Operation>) =>
  Object.fromEntries(Object.entries(others).map(([title, b]) => [title, { scratch: unchanged, a: prune(path), b, see: [see] }]));

races("reset of a copy that is unchanged and", pruned("/a", "/a", {
  "append": append("/a", "+"),
  "write through a handle": writeAt("/a", "#", 0),
  "truncate": truncate("/a", 0),
  "whole-file write": write("/a", "new"),
  "chmod": chmod("/a"),
  "unlink": unlink("/a"),
  "rename of it": mv("/a", "/c"),
  "rename over it": mv("/b", "/a"),
  "reset of the same": reset("/a"),
}));

races("reset of a copy that is unchanged, and of its folder:", pruned("/d", "/d/x", {
  "rename": mv("/d", "/q"),
  "recursive delete": rm("/d"),
  "append beside it": append("/d/e/z", "+"),
}));

const renamed: PlantedTree = { "upper/q/.wh..wh..redirect": "/d", "upper/.wh.d": "", "upper/q/x": "edited X" };
const a = resetRenamed("/q", "/d");

races("reset of a renamed folder and", {
  "append in it": { scratch: renamed, a, b: append("/q/x", "+"), see: ["/q/x", "/d/x"] },
  "mkdir of its old name": { scratch: renamed, a, b: mkdir("/d"), see: ["/q", "/d", "/d/x"] },
  "create of a file of its old name": { scratch: renamed, a, b: create("/d", "new"), see: ["/q", "/d"] },
  "recursive delete of it": { scratch: renamed, a, b: rm("/q"), see: ["/q", "/d"] },
  "another rename of it": { scratch: renamed, a, b: mv("/q", "/r"), see: ["/q", "/r", "/d"] },
});
