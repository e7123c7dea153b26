/** INV-12: every change has its events, in the order of the changes, delivered after the lock; and none lies. */
import { describe, expect, test } from "vitest";
import type { Overlay, OverlayEvent } from "../../src/engine/index.js";
import { fullTree, untruths } from "../support/truth.js";
import { codeOf, type PlantedTree, World } from "../support/world.js";

const base: PlantedTree = { "a": "A", "b": "B", "d/x": "X", "d/e/z": "Z", "empty/": null };

const short = (events: readonly OverlayEvent[]) => events.map(({ type, path }) => `${type} ${path}`);

interface Row {
  readonly do: (o: Overlay) => Promise<unknown>;
  readonly scratch?: PlantedTree;
  readonly events: readonly string[];
}

const rows: Record<string, Row> = {
  "copyUp: each that changed its layer, parents first": { do: (o) => o.copyUp("/d/e/z"), events: ["changed /d", "changed /d/e", "changed /d/e/z"] },
  "write over a lower file": { do: (o) => o.writeFile("/a", "new"), events: ["changed /a"] },
  "write of a new one": { do: (o) => o.writeFile("/n", "new"), events: ["created /n"] },
  "write over a whiteout": { scratch: { "upper/.wh.a": "" }, do: (o) => o.writeFile("/a", "new"), events: ["created /a"] },
  "append to a lower file: its layer, then its content": { do: (o) => o.append("/a", "+"), events: ["changed /a", "changed /a"] },
  "append to an upper file": { scratch: { "upper/a": "" }, do: (o) => o.append("/a", "+"), events: ["changed /a"] },
  "truncate": { scratch: { "upper/a": "up" }, do: (o) => o.truncate("/a", 1), events: ["changed /a"] },
  "chmod": { scratch: { "upper/a": "up" }, do: (o) => o.chmod("/a", 0o600), events: ["changed /a"] },
  "utimes of a folder": { do: (o) => o.utimes("/d", 1, 1), events: ["changed /d", "changed /d"] },
  "mkdir": { do: (o) => o.createDirectory("/n"), events: ["created /n"] },
  "symlink": { do: (o) => o.symlink("a", "/n"), events: ["created /n"] },
  "link": { scratch: { "upper/a": "up" }, do: (o) => o.link("/a", "/n"), events: ["created /n"] },
  "unlink": { do: (o) => o.unlink("/a"), events: ["deleted /a"] },
  "rmdir": { do: (o) => o.rmdir("/empty"), events: ["deleted /empty"] },
  "recursive delete is one": { do: (o) => o.remove("/d", { recursive: true }), events: ["deleted /d"] },
  "rename of a file": { scratch: { "upper/a": "up" }, do: (o) => o.rename("/a", "/n"), events: ["deleted /a", "created /n"] },
  "rename over a file": { scratch: { "upper/a": "up" }, do: (o) => o.rename("/a", "/b"), events: ["deleted /a", "changed /b"] },
  "rename of a folder is one each": { scratch: { "upper/d/x": "up" }, do: (o) => o.rename("/d", "/q"), events: ["deleted /d", "created /q"] },
  "copy of a folder is one": { do: (o) => o.copy("/d", "/q"), events: ["created /q"] },
  "reset of an edited file": { scratch: { "upper/a": "up" }, do: (o) => o.reset("/a"), events: ["changed /a"] },
  "reset of a deleted file": { scratch: { "upper/.wh.a": "" }, do: (o) => o.reset("/a"), events: ["created /a"] },
  "reset of an added file": { scratch: { "upper/n": "up" }, do: (o) => o.reset("/n"), events: ["deleted /n"] },
  "reset of a folder: all beneath may differ": { scratch: { "upper/d/x": "up" }, do: (o) => o.reset("/d"), events: ["deleted /d", "created /d"] },
  "reset of everything": {
    scratch: { "upper/a": "up", "upper/.wh.b": "", "upper/n": "N", "upper/d/x": "up" }, do: (o) => o.reset(), events: ["changed /a", "created /b", "changed /d/x", "deleted /n"],
  },
  "what is refused says nothing": { do: (o) => codeOf(o.unlink("/none")), events: [] },
  "a rename onto itself says nothing": { do: (o) => o.rename("/a", "/a"), events: [] },
  "a handle's write, truncate": {
    scratch: { "upper/a": "up" },
    do: async (o) => {
      const file = await o.open("/a", "r+");
      await file.write(new Uint8Array(1), 0);
      await file.truncate(0);
      await file.close();
    },
    events: ["changed /a", "changed /a"],
  },
};

describe("the events of each operation", () => {
  test.each(Object.keys(rows))("%s", async (title) => {
    const row = rows[title];
    const world = await World.create({ base, scratch: row?.scratch ?? {} });
    const before = await fullTree(world.overlay);
    await row?.do(world.overlay);
    const after = await fullTree(world.overlay);
    const got = short(world.events);
    expect(title === "reset of everything" ? got.sort() : got).toEqual(title === "reset of everything" ? [...(row?.events ?? [])].sort() : row?.events);
    expect(untruths(world.events, before, after)).toEqual([]);
  });
});

describe("delivery", () => {
  test("in batches, after the lock: a listener may call the overlay again", async () => {
    const world = await World.create({ base });
    const seen: string[] = [];
    world.overlay.onDidChange((events) => {
      for (const { path } of events) void world.overlay.stat(path).then(({ size }) => seen.push(`${path} ${String(size)}`));
    });
    await Promise.all(["1", "2", "3"].map((name) => world.overlay.writeFile(`/d/${name}`, name)));
    await world.overlay.stat("/");
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(seen.filter((line) => line.endsWith(" 1")).sort()).toEqual(["/d/1 1", "/d/2 1", "/d/3 1"]);
  });

  test("a listener that throws harms nobody; one that is disposed hears nothing more; one registered twice hears twice", async () => {
    const world = await World.create({ base });
    world.overlay.onDidChange(() => { throw new Error("listener"); });
    const heard: string[] = [];
    const listener = (events: readonly OverlayEvent[]) => { heard.push(...short(events)); };
    const first = world.overlay.onDidChange(listener);
    world.overlay.onDidChange(listener);
    await world.overlay.writeFile("/n", "");
    await world.overlay.stat("/");
    expect(heard).toEqual(["created /n", "created /n"]);
    first.dispose();
    await world.overlay.unlink("/n");
    await world.overlay.stat("/");
    expect(heard.slice(2)).toEqual(["deleted /n"]);
    expect(world.logged.filter(({ level }) => level === "error").length).toBeGreaterThan(0);
  });
});

describe("what others change in the base", () => {
  const scratch: PlantedTree = {
    "upper/.wh.gone": "", "upper/op/.wh..wh..opq": "", "upper/q/.wh..wh..redirect": "/old", "upper/.wh.old": "", "upper/edited": "up", "upper/d/up": "up", "upper/r/s/.wh..wh..redirect": "/old/deep",
  };
  const tree: PlantedTree = { "f": "F", "d/x": "X", "old/x": "X", "old/deep/y": "Y", "edited": "E", "op/x": "X", "gone": "G" };
  test.each([
    ["changed", "/f", ["changed /f"]], ["changed", "/d/x", ["changed /d/x"]], ["created", "/d/new", ["created /d/new"]], ["deleted", "/d/x", ["deleted /d/x"]],
    ["changed", "/edited", []], ["changed", "/gone", []], ["changed", "/op/x", []], ["changed", "/d/up", []],
    ["changed", "/old/x", ["changed /q/x"]], ["changed", "/old/deep/y", ["changed /q/deep/y", "changed /r/s/y"]],
  ] as const)("%s %s", async (type, path, events) => {
    const world = await World.create({ base: tree, scratch });
    await fullTree(world.overlay);
    await world.overlay.baseChanged([{ type, path }]);
    await world.overlay.stat("/");
    expect(short(world.events).sort()).toEqual(events);
  });

  test("a folder that came or went is merged, or not, from then on", async () => {
    const world = await World.create({ base: { "d/x": "X" }, scratch: { "upper/n/up": "up", "upper/d/up": "up" } });
    await fullTree(world.overlay);
    world.disk.makeDirectory("/base/n", 0o755);
    world.disk.makeFile("/base/n/lower", 0o644);
    world.disk.unlink("/base/d/x");
    world.disk.removeDirectory("/base/d");
    await world.overlay.baseChanged([{ type: "created", path: "/n" }, { type: "deleted", path: "/d" }]);
    expect(await world.merged()).toEqual({ "/d/": "", "/d/up": "up", "/n/": "", "/n/lower": "", "/n/up": "up" });
    expect((await world.overlay.stat("/n")).layer).toBe("merged");
    expect((await world.overlay.stat("/d")).layer).toBe("upper");
  });
});
