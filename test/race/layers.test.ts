/** Snapshots, resets of layers and undo against what changes the upper: each comes out as if one had come first. */
import type { OverlayHandle } from "../../src/engine/index.js";
import type { PlantedTree } from "../support/world.js";
import { races } from "./explore.js";
import type { Operation } from "./history.js";
import { append, chmod, copyUp, cp, create, mkdir, mv, reset, rm, truncate, unlink, write } from "./operations.js";

/** An edited file, a deleted one, an added one, and an added folder; below them a snapshot. */
const scratch: PlantedTree = {
  "upper/a": "edited", "upper/d/.wh.y": "", "upper/d/x": "edited X", "upper/d/n": "added", "upper/m/f": "F", "upper/m/.wh..wh..opq": "",
  "layers/1/b": "frozen B", "layers/1/d/s": "frozen", "layers/1/.wh.empty": "",
  "overlay.json": JSON.stringify({ snapshots: ["layers/1"], layers: { next: 2, about: [{ id: "one", path: "layers/1", name: "one", created: 1 }] } }),
};

/** A snapshot can come between each two of its steps, and then says that the file is open. */
function handle(path: string, text: string): Operation {
  let file: OverlayHandle | undefined;
  const parts: Operation[] = [
    async (o) => { file = await o.open(path, "r+"); },
    async () => { await file?.write(new TextEncoder().encode(text), 1); },
    async () => { await file?.close(); },
  ];
  return Object.assign(async (o: Parameters<Operation>[0]) => { for (const part of parts) await part(o); }, { parts });
}

const others: Record<string, Operation> = {
  "copy-up": copyUp("/d/e/z"),
  "append to an edited file": append("/d/x", "+"),
  "append to a lower file": append("/d/e/z", "+"),
  "append to a frozen file": append("/d/s", "+"),
  "whole-file write": write("/d/x", "new"),
  "write through a handle": handle("/d/x", "#"),
  "truncate": truncate("/d/x", 2),
  "create over a whiteout": create("/d/y", "new Y"),
  "create": create("/d/new", "new"),
  "mkdir": mkdir("/d/new"),
  "unlink": unlink("/d/x"),
  "recursive delete": rm("/d"),
  "rename of a file": mv("/d/x", "/out"),
  "rename of the folder": mv("/d", "/q"),
  "chmod of the folder": chmod("/d"),
  "copy of a file": cp("/d/x", "/copy"),
  "copy of an added folder": cp("/m", "/copy"),
  "reset of the folder": reset("/d"),
  "reset of everything": reset(),
  "stat": async (o) => (await o.stat("/d/n")).size,
  "readdir": async (o) => (await o.readDirectory("/d")).map(({ name }) => name).sort(),
  "changes since the base": async (o) => (await o.changes("/", { since: "base" })).map(({ kind, path }) => `${kind} ${path}`).sort(),
  "changes": async (o) => (await o.changes()).map(({ kind, path }) => `${kind} ${path}`).sort(),
  "what the layers hold": async (o) => (await o.layerInfo()).map(({ name, counts }) => [name, counts]),
  "read": async (o) => new TextDecoder().decode(await o.readFile("/d/x")),
};

const against = (a: Operation) => Object.fromEntries(Object.entries(others).map(([title, b]) => [title, { scratch, a, b, see: ["/d", "/d/x"] }]));

const take: Operation = async (o) => (await o.takeSnapshot("two")).name;

races("a snapshot and", against(take));

// Not against a reset: what is copied piece by piece may be half of what was there before, as with cp.
races("a snapshot and", { "copy of the folder": { scratch, a: take, b: cp("/d", "/copy"), see: ["/d", "/copy", "/copy/x"] } });

races("a reset to a snapshot and", against((o) => o.resetTo("one")));

races("a reset to the base and", against((o) => o.resetTo("base")));

const two: PlantedTree = {
  ...scratch, "layers/2/d/t": "frozen 2",
  "overlay.json": JSON.stringify({ snapshots: ["layers/2", "layers/1"], layers: { next: 3, about: [{ id: "two", path: "layers/2", name: "two", created: 1 }, { id: "one", path: "layers/1", name: "one", created: 1 }] } }),
};

// Without hard links, as their count tells of the joining for a while.
races("joining snapshots and", Object.fromEntries(
  Object.entries({ "append to a frozen file": append("/d/s", "+"), "recursive delete": rm("/d"), "rename of the folder": mv("/d", "/q"), "copy-up": copyUp("/b"), "create": create("/d/new", "new") })
    .map(([title, b]) => [title, { scratch: two, a: (async (o) => (await o.squash()).name), b, see: ["/d", "/d/s"], disk: { hardLinks: false } }]),
));

// Two operations: the upper is frozen, then all that is frozen joined.
const thaw: Operation = Object.assign(async (o: Parameters<Operation>[0]) => { await o.thaw(); }, {
  parts: [async (o: Parameters<Operation>[0]) => { await o.takeSnapshot(); }, async (o: Parameters<Operation>[0]) => { await o.thaw(); }],
});

races("thawing and", against(thaw));

const dropped: PlantedTree = {
  "trash/t1/x": "dropped X", "trash/t1/.wh.y": "", "upper/.wh.d": "",
  "dropped": `${JSON.stringify({ id: "t1", path: "/d", what: "delete", when: 1_700_000_000_000, type: "directory", lower: "/d" })}\n`,
};

races("bringing back a deleted folder and", Object.fromEntries(
  Object.entries({ "create of its name": create("/d", "new"), "mkdir of its name": mkdir("/d"), "rename to its name": mv("/empty", "/d"), "reset of its name": reset("/d"), "reset of everything": reset(), "append in another folder": append("/a", "+") })
    .map(([title, b]) => [title, { scratch: dropped, a: ((o) => o.bringBack("t1")), b, see: ["/d", "/d/x"] }]),
));
