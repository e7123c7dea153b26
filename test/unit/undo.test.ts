/** What was thrown away: listed, brought back as it was, refused over newer work, forgotten by hand, age and size. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { snapshot } from "../../src/host/memoryTree.js";
import { copying } from "../crash/machine.js";
import { failing } from "../support/layers/hooks.js";
import { fullTree, untruths } from "../support/truth.js";
import { codeOf, World, type WorldOptions } from "../support/world.js";

const base = { "a": "A", "b": "B", "d/x": "X", "d/y": "Y", "d/e/z": "Z", "old/f": "F", "empty/": null };
type Step = (o: Overlay) => Promise<unknown>;
const rm = (path: string): Step => (o) => o.remove(path, { recursive: true });
const reset = (path?: string): Step => (o) => o.reset(path);
const write = (path: string, text: string): Step => (o) => o.writeFile(path, text);
const newest = async (o: Overlay): Promise<string> => (await o.dropped())[0]?.id ?? "none";
const back: Step = async (o) => o.bringBack(await newest(o));

interface Case extends WorldOptions {
  readonly first?: readonly Step[];
  readonly drop: Step;
  readonly item: object;
  /** Done between: the item still comes back. */
  readonly then?: readonly Step[];
}

const scratch = { "upper/q/.wh..wh..redirect": "/old", "upper/.wh.old": "", "upper/q/n": "n", "upper/op/.wh..wh..opq": "", "upper/op/k": "k" };

/** Dropped and brought back, merged is what it was; so it is for the next process, and there the undo works too. */
const cases: Record<string, Case> = {
  "a deleted file": { first: [write("/a", "edited")], drop: rm("/a"), item: { path: "/a", what: "delete", type: "file" } },
  "a deleted file that only upper had": { first: [write("/n", "n")], drop: (o) => o.remove("/n"), item: { path: "/n", what: "delete" } },
  "a deleted link": { first: [(o) => o.symlink("a", "/l")], drop: (o) => o.remove("/l"), item: { path: "/l", type: "symlink" } },
  "a deleted folder that merged": { first: [write("/d/x", "edited"), rm("/d/y")], drop: rm("/d"), item: { path: "/d", what: "delete", type: "directory" } },
  "a deleted folder that was opaque": { scratch, drop: rm("/op"), item: { path: "/op" } },
  "a deleted folder that was renamed": { scratch, drop: rm("/q"), item: { path: "/q" } },
  "a reset file": { first: [write("/d/x", "edited")], drop: reset("/d/x"), item: { path: "/d/x", what: "reset" } },
  "a reset folder with its whiteouts": { first: [write("/d/x", "edited"), rm("/d/y"), rm("/d/e"), (o) => o.createDirectory("/d/e")], drop: reset("/d"), item: { path: "/d", what: "reset", type: "directory" } },
  "a deletion that was reset": { first: [rm("/d/e")], drop: reset("/d/e"), item: { path: "/d/e", what: "reset", type: "whiteout" } },
  "a rename of a folder that was reset": { first: [(o) => o.rename("/d", "/r"), write("/r/x", "edited")], drop: reset("/r"), item: { path: "/d", what: "reset" } },
  "a rename of a file that was reset": { first: [(o) => o.rename("/a", "/r")], drop: reset("/r"), item: { path: "/a", what: "reset" } },
  "a rename over something that was reset": { first: [(o) => o.rename("/a", "/b")], drop: reset("/b"), item: { path: "/a", what: "reset" } },
  "everything": { first: [write("/a", "edited"), rm("/b"), (o) => o.rename("/d", "/r")], drop: reset(), item: { path: "/", what: "reset-all", snapshots: [] } },
  "layers": { first: [write("/a", "1"), (o) => o.takeSnapshot("one"), rm("/b"), (o) => o.rename("/d", "/r"), (o) => o.takeSnapshot("two"), write("/r/x", "3")], drop: (o) => o.resetTo("base"), item: { what: "reset-to", snapshots: [{ name: "two" }, { name: "one" }] } },
  "layers above one": { first: [write("/a", "1"), (o) => o.takeSnapshot("one"), rm("/b"), (o) => o.takeSnapshot("two"), write("/n", "3")], drop: async (o) => o.resetTo((await o.snapshots())[1]?.id ?? ""), item: { what: "reset-to", snapshots: [{ name: "two" }] } },
  "a folder whose own folder was renamed away and back": { first: [write("/d/e/n", "n")], drop: rm("/d/e"), item: { path: "/d/e" }, then: [(o) => o.rename("/d", "/r"), (o) => o.rename("/r", "/d")] },
  "a file over which a snapshot was taken": { first: [write("/a", "edited")], drop: rm("/a"), item: { path: "/a" }, then: [(o) => o.takeSnapshot()] },
  "an opaque folder over which a snapshot was taken": { scratch, drop: rm("/op"), item: { path: "/op" }, then: [(o) => o.takeSnapshot()] },
  "of an ordinary user, with a folder that may not be written to": { base: { "ro/f": "F" }, disk: { uid: 1000 }, first: [write("/ro/f", "edited"), (o) => o.chmod("/ro", 0o555)], drop: rm("/ro"), item: { path: "/ro" } },
};

describe("brought back as it was", () => {
  test.each(Object.keys(cases))("%s", async (name) => {
    const c = cases[name] ?? { drop: back, item: {} };
    const world = await World.create({ base, ...c });
    for (const step of c.first ?? []) await step(world.overlay);
    const before = await fullTree(world.overlay);
    const changed = await world.overlay.changes();
    await c.drop(world.overlay);
    const between = await fullTree(world.overlay);
    expect(between).not.toEqual(before);
    expect((await world.overlay.dropped())[0]).toMatchObject(c.item);
    for (const step of c.then ?? []) await step(world.overlay);
    const again = await world.reopened();
    for (const { overlay, events } of [world, again]) {
      await Promise.resolve();
      events.length = 0;
      const start = await fullTree(overlay);
      const count = (await overlay.dropped()).length;
      await back(overlay);
      expect(await fullTree(overlay)).toEqual(before);
      if (c.then === undefined) expect(await overlay.changes()).toEqual(changed);
      expect(untruths(events, start, before)).toEqual([]);
      expect(await overlay.dropped()).toHaveLength(count - 1);
      if (c.drop === reset()) expect(await overlay.snapshots()).toEqual([]);
    }
    expect(world.work()).toEqual([]);
    expect(await fullTree((await world.reopened()).overlay)).toEqual(before);
    await world.overlay.dispose();
    expect(world.disk.handles.size).toBe(0);
  });

  test("a folder replaced by a copy, once the copy is out of the way", async () => {
    const world = await World.create({ base });
    await world.overlay.writeFile("/empty/mine", "1");
    await world.overlay.copy("/d", "/empty", { overwrite: true });
    expect(await world.overlay.dropped()).toMatchObject([{ path: "/empty", what: "replaced", type: "directory" }]);
    expect(await codeOf(back(world.overlay))).toBe("EEXIST");
    await world.overlay.rename("/empty", "/copy");
    await back(world.overlay);
    expect(await world.merged("/empty")).toEqual({ "/empty/mine": "1" });
    expect(await world.text("/copy/x")).toBe("X");
  });

  test("a reset of nothing drops nothing", async () => {
    const world = await World.create({ base });
    await world.overlay.reset();
    await world.overlay.resetTo("base");
    expect(await world.overlay.dropped()).toEqual([]);
  });

  const frozen: Record<string, { readonly first: readonly Step[]; readonly then: readonly Step[]; readonly shows: object }> = {
    "a file that was written anew": { first: [write("/f", "old"), rm("/f")], then: [write("/f", "new")], shows: { "/f": "new" } },
    "an edit of what was reset": { first: [write("/a", "old"), reset("/a")], then: [write("/a", "new")], shows: { "/a": "new" } },
    "a deletion that was reset, under something new in the folder": { first: [rm("/d"), reset("/d")], then: [write("/d/new", "n")], shows: { "/d/new": "n", "/d/x": "X" } },
    "the new name of a rename": { first: [(o) => o.rename("/a", "/r"), reset("/r")], then: [write("/r", "new")], shows: { "/a": "A", "/r": "new" } },
  };
  test.each(Object.keys(frozen))("what was made since and frozen by a snapshot is in the way, too: %s", async (title) => {
    const { first, then, shows } = frozen[title] ?? { first: [], then: [], shows: {} };
    for (const also of [[], [(o: Overlay) => o.takeSnapshot()]]) {
      const world = await World.create({ base });
      for (const step of also) await step(world.overlay);
      for (const step of first) await step(world.overlay);
      const id = await newest(world.overlay);
      for (const step of then) await step(world.overlay);
      await world.overlay.takeSnapshot();
      const before = await fullTree(world.overlay);
      expect(await codeOf(world.overlay.bringBack(id))).toBe("EEXIST");
      expect(await fullTree(world.overlay)).toEqual(before);
      expect(await world.merged()).toMatchObject(shows);
    }
  });

  test("a snapshot of other things is in nobody's way", async () => {
    const world = await World.create({ base });
    await world.overlay.writeFile("/a", "old");
    await world.overlay.reset("/a");
    await world.overlay.writeFile("/b", "other");
    await world.overlay.takeSnapshot();
    await back(world.overlay);
    expect(await world.text("/a")).toBe("old");
  });

  test.each(["a file", "a file in a folder"])("%s that has another name in a snapshot is one of its own when it comes back", async (what) => {
    const at = what === "a file" ? "/x" : "/g/x";
    const world = await World.create({ base });
    await world.overlay.createDirectory("/g");
    await world.overlay.writeFile(at, "one");
    await world.overlay.chmod(at, 0o640);
    await world.overlay.link(at, "/other");
    const before = await world.overlay.stat(at);
    await rm(what === "a file" ? at : "/g")(world.overlay);
    const id = await newest(world.overlay);
    const { id: snapshotId } = await world.overlay.takeSnapshot();
    await world.overlay.bringBack(id);
    expect(await world.overlay.stat(at)).toMatchObject({ mode: before.mode, mtimeMs: before.mtimeMs, size: 3, nlink: 1 });
    await world.overlay.append(at, "-two");
    await world.overlay.chmod(at, 0o600);
    expect([await world.text(at), await world.text("/other"), (await world.overlay.stat("/other")).mode]).toEqual(["one-two", "one", 0o640]);
    await world.overlay.resetTo(snapshotId);
    expect([await world.text("/other"), (await world.overlay.stat("/other")).mode]).toEqual(["one", 0o640]);
    expect(world.work()).toEqual([]);
  });

  test("without another upper in between, names of one file are that again", async () => {
    const world = await World.create({ base });
    await world.overlay.writeFile("/x", "one");
    await world.overlay.link("/x", "/other");
    await world.overlay.remove("/x");
    await back(world.overlay);
    await world.overlay.append("/x", "-two");
    expect(await world.text("/other")).toBe("one-two");
  });

  test("of an upper that says nothing but the root's own mode, that comes back", async () => {
    const world = await World.create({ base });
    await world.overlay.chmod("/", 0o700);
    await world.overlay.reset();
    expect((await world.overlay.stat("/")).mode).toBe(0o755);
    await back(world.overlay);
    expect((await world.overlay.stat("/")).mode).toBe(0o700);
    expect(await world.overlay.dropped()).toEqual([]);
  });

  test("where another folder has that path by now it shows what it showed", async () => {
    const world = await World.create({ base });
    await world.overlay.createDirectory("/n");
    await world.overlay.createDirectory("/n/e");
    await world.overlay.writeFile("/n/e/p", "p");
    await world.overlay.remove("/n/e", { recursive: true });
    await world.overlay.rename("/n", "/m");
    await world.overlay.rename("/d", "/n"); // a merged folder takes its name, and has an e of its own
    await back(world.overlay);
    expect(await world.merged("/n/e")).toEqual({ "/n/e/p": "p" });
    expect(await (await world.reopened()).merged()).toEqual(await world.merged());
  });

  test("so does one that merged, in a folder that does not", async () => {
    const world = await World.create({ base });
    await world.overlay.writeFile("/d/e/n", "n");
    await world.overlay.remove("/d/e", { recursive: true });
    await world.overlay.rename("/d", "/r");
    await world.overlay.createDirectory("/d");
    await back(world.overlay);
    expect(await world.merged("/d")).toEqual({ "/d/e/": "", "/d/e/n": "n", "/d/e/z": "Z" });
    expect(await (await world.reopened()).merged()).toEqual(await world.merged());
  });
});

describe("refused, with nothing changed, naming what is in the way", () => {
  const refusals: Record<string, Case & { code: string; reason: RegExp; way: readonly Step[] }> = {
    "a new file": { first: [write("/a", "1")], drop: rm("/a"), item: {}, way: [write("/a", "newer")], code: "EEXIST", reason: /'\/a' is in the way/ },
    "an edit after a reset": { first: [write("/d/x", "1")], drop: reset("/d/x"), item: {}, way: [write("/d/x", "newer")], code: "EEXIST", reason: /'\/d\/x' is in the way/ },
    "an edit in the folder": { first: [write("/d/x", "1")], drop: reset("/d"), item: {}, way: [write("/d/y", "newer")], code: "EEXIST", reason: /'\/d' is in the way/ },
    "an edit of what a reset brought back": { first: [rm("/a")], drop: reset("/a"), item: {}, way: [write("/a", "newer")], code: "EEXIST", reason: /'\/a'/ },
    "its folder is deleted": { first: [write("/d/x", "1")], drop: rm("/d/x"), item: {}, way: [rm("/d")], code: "ENOENT", reason: /the folder '\/d'/ },
    "a link in its folder's place": { first: [write("/d/x", "1")], drop: rm("/d/x"), item: {}, way: [(o) => o.rename("/d", "/r"), (o) => o.symlink("r", "/d")], code: "EEXIST", reason: /'\/d' is in the way/ },
    "its later name is taken": { first: [(o) => o.rename("/a", "/r")], drop: reset("/r"), item: {}, way: [write("/r", "newer")], code: "EEXIST", reason: /'\/r' is in the way/ },
    "changes since a reset of everything": { first: [write("/a", "1")], drop: reset(), item: {}, way: [write("/b", "newer")], code: "EEXIST", reason: /'\/b' was changed since/ },
    "a deletion since": { first: [write("/a", "1")], drop: reset(), item: {}, way: [rm("/b")], code: "EEXIST", reason: /'\/b' was changed since/ },
    "a snapshot since": { first: [write("/a", "1")], drop: reset(), item: {}, way: [(o) => o.takeSnapshot("later")], code: "EEXIST", reason: /'later' was taken since/ },
    "a folder that showed other layers": { first: [write("/d/x", "1")], drop: rm("/d"), item: {}, way: [(o) => o.takeSnapshot()], code: "EINVAL", reason: /'\/d' showed what lay below it/ },
    "a folder with a renamed one in it": { first: [(o) => o.createDirectory("/n"), (o) => o.rename("/d", "/n/d")], drop: rm("/n"), item: {}, way: [(o) => o.takeSnapshot()], code: "EINVAL", reason: /'\/n' showed what lay below it/ },
    "the snapshot it lay on": { first: [(o) => o.takeSnapshot("one"), write("/a", "1")], drop: reset(), item: {}, way: [(o) => o.resetTo("base"), async (o) => o.forget([await newest(o)].filter((id) => id === ""))], code: "EINVAL", reason: /lay on is not there/ },
  };
  test.each(Object.keys(refusals))("%s", async (name) => {
    const c = refusals[name];
    if (c === undefined) return;
    const world = await World.create({ base, ...c });
    for (const step of c.first ?? []) await step(world.overlay);
    await c.drop(world.overlay);
    const id = await newest(world.overlay);
    for (const step of c.way) await step(world.overlay);
    const before = await fullTree(world.overlay);
    const list = await world.overlay.dropped();
    const error: unknown = await world.overlay.bringBack(id).catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: c.code, reason: expect.stringMatching(c.reason) as string });
    expect(await fullTree(world.overlay)).toEqual(before);
    expect(await world.overlay.dropped()).toEqual(list);
    expect(world.work()).toEqual([]);
  });
});

describe("in the place of what is there", () => {
  test("a whole upper and newer snapshots are dropped in turn, and come back the same way", async () => {
    const world = await World.create({ base });
    await world.overlay.writeFile("/a", "first");
    const first = await fullTree(world.overlay);
    await world.overlay.reset();
    const id = await newest(world.overlay);
    await world.overlay.writeFile("/b", "second");
    await world.overlay.takeSnapshot("two");
    await world.overlay.remove("/d", { recursive: true });
    const second = await fullTree(world.overlay);
    await world.overlay.bringBack(id, { replace: true });
    expect(await fullTree(world.overlay)).toEqual(first);
    expect(await world.overlay.snapshots()).toEqual([]);
    expect(await world.overlay.dropped()).toMatchObject([{ what: "reset-to", snapshots: [{ name: "two" }] }]);
    await world.overlay.bringBack(await newest(world.overlay), { replace: true });
    expect(await fullTree(world.overlay)).toEqual(second);
    expect(await fullTree((await world.reopened()).overlay)).toEqual(second);
    expect(await world.overlay.snapshots()).toMatchObject([{ name: "two" }]);
  });
});

describe("what is kept, and for how long", () => {
  const day = 24 * 60 * 60 * 1000;
  test("sizes on demand; forgotten by id, or all, says what is free", async () => {
    const world = await World.create({ base });
    await world.overlay.writeFile("/n", "12345");
    await world.overlay.remove("/n");
    await world.overlay.writeFile("/m", "123");
    await world.overlay.takeSnapshot();
    await world.overlay.resetTo("base");
    const [layers, file] = await world.overlay.dropped();
    expect([await world.overlay.sizeOfDropped(layers?.id ?? ""), await world.overlay.sizeOfDropped(file?.id ?? "")]).toEqual([3, 5]);
    expect(await world.overlay.forget([file?.id ?? ""])).toBe(5);
    expect(await world.overlay.dropped()).toEqual([layers]);
    expect(await world.overlay.forget()).toBe(3);
    expect(await world.overlay.dropped()).toEqual([]);
    expect(await world.overlay.forget()).toBe(0);
    expect(world.work()).toEqual([]);
    expect(Object.keys((await import("../../src/host/memoryTree.js")).dump(world.disk, "/scratch/layers"))).toEqual([]);
    expect(await (await world.reopened()).overlay.dropped()).toEqual([]);
  });

  test("the oldest goes first when it is too much; what is younger stays", async () => {
    const world = await World.create({ base });
    for (const name of ["/1", "/2", "/3"]) {
      await world.overlay.writeFile(name, "1234567890");
      await world.overlay.remove(name);
    }
    expect(await world.overlay.keepDropped({ maxBytes: 20 })).toBe(10);
    expect((await world.overlay.dropped()).map(({ path }) => path)).toEqual(["/3", "/2"]);
    expect(await world.overlay.keepDropped({ maxBytes: 0 })).toBe(20);
  });

  test.each([["six days", 6 * day, true], ["seven days", 7 * day, true], ["a moment more", 7 * day + 1, false]])("what was dropped %s ago, with a record or without", async (_, age, kept) => {
    const when = 1_700_000_000_000 + 3_600_000 - age;
    const record = { id: "r", path: "/gone", what: "delete", when, type: "file" };
    const world = await World.create({ base, scratch: { "trash/r": "R", "trash/u": "U", "dropped": `${JSON.stringify(record)}\n{"torn`, "layers/1/n": "N", "overlay.json": JSON.stringify({ snapshots: [], layers: { next: 2, dropped: [{ id: "all", when, upper: "layers/1", snapshots: [] }] } }) } });
    world.disk.inode("/scratch/trash/u", "test").ctime = BigInt(when) * 1_000_000n;
    await world.overlay.dispose();
    const again = await World.open(world.disk);
    const list = await again.overlay.dropped();
    expect(list.map(({ id, what }) => `${id} ${what}`).sort()).toEqual(kept ? ["all reset-all", "r delete", "u unknown"] : []);
    if (kept) expect(await codeOf(again.overlay.bringBack("u"))).toBe("EINVAL");
    if (kept) expect(await codeOf(again.overlay.bringBack("r"))).toBe("ok");
    if (!kept) expect(again.work()).toEqual([]);
  });

  test("a deletion costs one more call, and on a full disk it goes through: kept, without its path", async () => {
    const world = await World.create({ base, hook: failing((call) => call.path === "dropped", "ENOSPC") });
    await world.overlay.writeFile("/n", "n");
    await world.overlay.remove("/n");
    expect(await world.overlay.dropped()).toMatchObject([{ path: "/n", what: "delete" }]); // this process knows
    expect(await (await world.reopened()).overlay.dropped()).toMatchObject([{ path: undefined, what: "unknown", type: "file" }]);
    const quiet = await World.create({ base });
    await quiet.overlay.writeFile("/1", "1");
    await quiet.overlay.remove("/1");
    const names: string[] = [];
    const seen = await World.open(snapshot(quiet.disk), { hook: (call, run) => { names.push(`${call.name} ${call.path}`); return run(); } });
    await seen.overlay.writeFile("/1", "1");
    await seen.overlay.writeFile("/2", "1");
    await seen.overlay.remove("/1");
    names.length = 0;
    await seen.overlay.remove("/2");
    expect(names.filter((name) => name.endsWith("dropped"))).toEqual(["handle.write dropped"]);
  });

  test("the journal is written anew when most of it is history", async () => {
    const world = await World.create({ base });
    for (let i = 0; i < 250; i++) {
      await world.overlay.remove("/d/e", { recursive: true });
      await world.overlay.reset("/d/e");
      await back(world.overlay);
      await world.overlay.reset("/d/e");
      await world.overlay.forget();
    }
    await world.overlay.keepDropped({});
    expect(new TextDecoder().decode(await new (await import("../../src/host/memoryLayer.js")).MemoryScratchLayer(world.disk, "/scratch").readFile("dropped")).length).toBeLessThan(100);
  });
});

describe("INV-8 at each call of a drop, and of its undo, what was dropped is in its place or listed", () => {
  test.each(["a deleted file", "a deleted folder that merged", "a reset folder with its whiteouts", "everything", "layers", "a deletion that was reset"])("%s", async (name) => {
    const c = cases[name] ?? { drop: back, item: {} };
    const copies = copying();
    const world = await World.create({ base, ...c, hook: copies.hook });
    for (const step of c.first ?? []) await step(world.overlay);
    const before = await fullTree(world.overlay);
    for (const step of [c.drop, back]) {
      copies.start(world.disk);
      await step(world.overlay);
      for (const { where, disk } of copies.stop()) {
        const { overlay } = await World.open(disk);
        if (JSON.stringify(await fullTree(overlay)) === JSON.stringify(before)) continue;
        const [item] = await overlay.dropped();
        expect(item, where).toBeDefined();
        if (item?.what === "unknown") continue;
        await overlay.bringBack(item?.id ?? "");
        expect(await fullTree(overlay), where).toEqual(before);
      }
    }
  });
});
