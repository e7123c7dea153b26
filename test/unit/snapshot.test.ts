/** Snapshots: merged stays, the upper becomes a layer, what is open for writing refuses, what is in flight starts again. */
import { describe, expect, test } from "vitest";
import { plant } from "../../src/host/memoryTree.js";
import { gate } from "../support/layers/hooks.js";
import { fullTree } from "../support/truth.js";
import { codeOf, World } from "../support/world.js";

const base = { "a": "A", "b": "B", "d/x": "X", "d/y": "Y", "d/e/z": "Z", "old/f": "F", "empty/": null, "link": { symlink: "a" } };

async function edited(options = {}) {
  const world = await World.create({ base, ...options });
  await world.overlay.append("/a", "+");
  await world.overlay.remove("/d/y");
  await world.overlay.rename("/old", "/new");
  await world.overlay.writeFile("/new/added", "1");
  await world.overlay.remove("/d/e", { recursive: true });
  await world.overlay.createDirectory("/d/e");
  await world.overlay.writeFile("/n", "n");
  return world;
}

describe("a snapshot", () => {
  test("changes nothing that merged shows, says nothing, and leaves nothing changed against the lowers", async () => {
    const world = await edited();
    const before = await fullTree(world.overlay);
    const times = (await world.overlay.stat("/")).mtimeMs;
    world.events.length = 0;
    const taken = await world.overlay.takeSnapshot("first");
    expect(taken).toMatchObject({ name: "first" });
    expect(await fullTree(world.overlay)).toEqual(before);
    expect((await world.overlay.stat("/")).mtimeMs).toBe(times);
    expect(world.events).toEqual([]);
    expect(await world.overlay.changes()).toEqual([]);
    expect(world.upper()).toEqual({});
    expect(await world.overlay.snapshots()).toEqual([taken]);
    const again = await world.reopened();
    expect(await fullTree(again.overlay)).toEqual(before);
    expect(await again.overlay.snapshots()).toEqual([taken]);
  });

  test("is worked on top of like a base: edits, deletes and renames of what it holds, and a snapshot of those", async () => {
    const world = await edited();
    const plain = await edited();
    for (const step of [0, 1, 2]) {
      await world.overlay.takeSnapshot();
      for (const { overlay } of [world, plain]) {
        await overlay.append("/a", String(step));
        await overlay.rename(step === 0 ? "/new" : `/new${String(step)}`, `/new${String(step + 1)}`);
        await overlay.remove("/n");
        await overlay.writeFile("/n", `n${String(step)}`);
        await overlay.createDirectory(`/m${String(step)}`);
      }
      expect(await world.merged()).toEqual(await plain.merged());
      expect(await (await world.reopened()).merged()).toEqual(await plain.merged());
    }
    expect((await world.overlay.snapshots()).map(({ name }) => name)).toEqual(["Snapshot 3", "Snapshot 2", "Snapshot 1"]);
  });

  test("of an empty upper is one too", async () => {
    const world = await World.create({ base });
    await world.overlay.takeSnapshot();
    expect(await (await world.reopened()).overlay.snapshots()).toHaveLength(1);
  });

  test("costs the same however much upper holds", async () => {
    const counts: number[] = [];
    for (const files of [1, 200]) {
      let seen = 0;
      const world = await World.create({ base, scratch: Object.fromEntries(Array.from({ length: files }, (_, i) => [`upper/s/f${String(i)}`, "x"])), hook: (_, run) => { seen++; return run(); } });
      await world.overlay.changes();
      seen = 0;
      await world.overlay.takeSnapshot();
      counts.push(seen);
    }
    expect(counts[0]).toBe(counts[1]);
  });

  test("case-insensitive names are found in it whatever their case", async () => {
    const world = await World.create({ base: { "Foo": "base", "Dir/x": "X" }, overlay: { caseSensitive: false }, disk: { caseSensitive: false } });
    await world.overlay.append("/Foo", "+");
    await world.overlay.writeFile("/Dir/New", "1");
    await world.overlay.remove("/Dir/x");
    await world.overlay.takeSnapshot();
    expect(await world.text("/FOO")).toBe("base+");
    expect(await world.text("/dir/NEW")).toBe("1");
    expect(await codeOf(world.overlay.stat("/DIR/X"))).toBe("ENOENT");
  });
});

describe("bad input", () => {
  test.each(["", "  ", "two\nlines", "x".repeat(201), "\u0000"])("a name like %j is EINVAL, and nothing is done", async (name) => {
    const world = await World.create({ base });
    expect(await codeOf(world.overlay.takeSnapshot(name))).toBe("EINVAL");
    expect(await world.overlay.snapshots()).toEqual([]);
    const { id } = await world.overlay.takeSnapshot("ok");
    expect(await codeOf(world.overlay.renameSnapshot(id, name))).toBe("EINVAL");
    expect(await world.overlay.snapshots()).toMatchObject([{ name: "ok" }]);
  });

  test("an unknown id is ENOENT everywhere", async () => {
    const { overlay } = await World.create({ base });
    for (const operation of [overlay.renameSnapshot("x", "n"), overlay.resetTo("x"), overlay.squash(["x", "y"]), overlay.changes("/", { since: "x" }), overlay.statLower("/a", "x"), overlay.readLowerFile("/a", "x"), overlay.bringBack("x"), overlay.forget(["x"]), overlay.sizeOfDropped("x")]) {
      expect(await codeOf(operation)).toBe("ENOENT");
    }
  });

  test("a read-only opener changes nothing, and sees what the owner does to the layers", async () => {
    const world = await edited();
    const reader = await World.open(world.disk, { overlay: { readOnly: true } });
    for (const operation of [reader.overlay.takeSnapshot(), reader.overlay.resetTo("base"), reader.overlay.squash(), reader.overlay.bringBack("x"), reader.overlay.forget(), reader.overlay.keepDropped({})]) expect(await codeOf(operation)).toBe("EROFS");
    await world.overlay.takeSnapshot("by the owner");
    await world.overlay.writeFile("/a", "later");
    reader.overlay.upperChanged();
    expect(await reader.overlay.snapshots()).toMatchObject([{ name: "by the owner" }]);
    expect(await reader.merged()).toEqual(await world.merged());
  });
});

describe("what is open for writing", () => {
  test("refuses with EBUSY, naming the path, until it is closed; reading is in nobody's way", async () => {
    const world = await World.create({ base });
    const reader = await world.overlay.open("/b");
    const writer = await world.overlay.open("/d/x", "r+");
    const before = await fullTree(world.overlay);
    const error: unknown = await world.overlay.takeSnapshot().catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: "EBUSY", reason: expect.stringContaining("'/d/x'") as string });
    expect(await fullTree(world.overlay)).toEqual(before);
    expect(world.work()).toEqual([]);
    await writer.close();
    expect(await codeOf(world.overlay.takeSnapshot())).toBe("ok");
    const buffer = new Uint8Array(4);
    expect(await reader.read(buffer, 0)).toBe(1);
    await reader.close();
  });

  test("a file that could not be opened is not counted", async () => {
    const world = await World.create({ base });
    expect(await codeOf(world.overlay.open("/none", "r+"))).toBe("ENOENT");
    expect(await codeOf(world.overlay.takeSnapshot())).toBe("ok");
  });

  test("an append under way is waited for, and is whole in the snapshot", async () => {
    const held = gate((call) => call.name === "handle.write" && call.path === "upper/a");
    const world = await World.create({ base, hook: held.hook });
    await world.overlay.copyUp("/a");
    const append = world.overlay.append("/a", "+");
    await held.reached;
    let taken = false;
    const snapshot = world.overlay.takeSnapshot().then(() => { taken = true; });
    for (let i = 0; i < 200; i++) await Promise.resolve();
    expect(taken).toBe(false);
    held.open();
    await Promise.all([append, snapshot]);
    expect(world.upper()).toEqual({});
    expect(await world.text("/a")).toBe("A+");
  });

  test("a copy-up under way does not hold it up, and starts again over the new layer", async () => {
    let armed = true;
    const held = gate((call) => armed && call.name === "handle.sync" && call.path.startsWith("work/"));
    const world = await World.create({ base, hook: held.hook });
    const append = world.overlay.append("/d/x", "+");
    await held.reached;
    await world.overlay.takeSnapshot();
    armed = false;
    held.open();
    await append;
    expect(await world.text("/d/x")).toBe("X+");
    expect(Object.keys(world.upper())).toContain("d/x");
    expect(await world.overlay.changes()).toMatchObject([{ kind: "copied", path: "/d/x" }]);
    expect(world.work()).toEqual([]);
  });
});

describe("against a snapshot", () => {
  test("lower sides and changes of any layer", async () => {
    const world = await World.create({ base });
    await world.overlay.append("/a", "1");
    const first = await world.overlay.takeSnapshot("first");
    await world.overlay.append("/a", "2");
    await world.overlay.writeFile("/n", "n");
    await world.overlay.rename("/d", "/q");
    const second = await world.overlay.takeSnapshot("second");
    await world.overlay.remove("/b");
    await world.overlay.append("/q/x", "+");
    const text = async (layer?: string) => new TextDecoder().decode(await world.overlay.readLowerFile("/a", layer));
    expect([await text("base"), await text(first.id), await text(second.id), await text()]).toEqual(["A", "A1", "A12", "A12"]);
    expect(await codeOf(world.overlay.statLower("/n", first.id))).toBe("ENOENT");
    expect((await world.overlay.statLower("/n", second.id)).size).toBe(1);
    const since = async (id: string, path = "/") => (await world.overlay.changes(path, { since: id })).map((change) => `${change.kind} ${change.path}${change.kind === "renamed" ? ` from ${change.from}` : ""}`);
    expect(await since(second.id)).toEqual(["deleted /b", "copied /q/x"]);
    expect(await since(first.id)).toEqual(["copied /a", "deleted /b", "deleted /d", "added /n", "renamed /q from /d", "copied /q/x"]);
    expect(await since("base")).toEqual(["copied /a", "deleted /b", "deleted /d", "added /n", "renamed /q from /d", "copied /q/x"]);
    expect(await since("base", "/q")).toEqual(["renamed /q from /d", "copied /q/x"]);
    expect(await since("base", "/q/x")).toEqual(["copied /q/x"]);
    expect(await since("base", "/none/x")).toEqual([]);
  });

  test("against the layers right below it says what changes() says", async () => {
    const world = await edited();
    const kinds = (list: readonly { kind: string; path: string }[]) => list.map(({ kind, path }) => `${kind} ${path}`);
    expect(kinds(await world.overlay.changes("/", { since: "base" }))).toEqual(kinds(await world.overlay.changes()));
  });

  test("each layer's counts and size; cancelled when asked", async () => {
    const world = await World.create({ base });
    await world.overlay.append("/a", "12345");
    await world.overlay.remove("/b");
    const { id } = await world.overlay.takeSnapshot("first");
    await world.overlay.writeFile("/n", "123");
    const none = { copied: 0, added: 0, deleted: 0, replaced: 0, renamed: 0 };
    expect(await world.overlay.layerInfo()).toMatchObject([
      { id: "upper", counts: { ...none, added: 1 }, bytes: 3 }, { id, name: "first", counts: { ...none, copied: 1, deleted: 1 }, bytes: 6 },
    ]);
    const signal = { aborted: true, addEventListener: () => undefined, removeEventListener: () => undefined };
    expect(await codeOf(world.overlay.layerInfo({ signal }))).toBe("ECANCELED");
    expect(await codeOf(world.overlay.changes("/", { since: "base", signal }))).toBe("ECANCELED");
    expect(await codeOf(world.overlay.squash(undefined, { signal }))).toBe("EINVAL");
  });
});

describe("opening", () => {
  test("an unlisted layer that the manifest has not numbered is the upper on its way, and goes back", async () => {
    const world = await World.create({ base, scratch: { "layers/1/n": "n" } });
    expect(await world.text("/n")).toBe("n");
    expect(world.upper()).toMatchObject({ n: 'file "n"' });
  });

  test("one that it has numbered stays where it is: the upper is empty, and the layer is never deleted", async () => {
    const world = await World.create({ base, scratch: { "layers/1/n": "n", "overlay.json": JSON.stringify({ snapshots: [], layers: { next: 2 } }) } });
    expect(await codeOf(world.overlay.stat("/n"))).toBe("ENOENT");
    await world.overlay.dispose();
    expect(world.disk.find("/scratch/layers/1/n", "test").entry).toBeDefined();
    const next = await World.open(world.disk);
    await next.overlay.writeFile("/m", "m");
    await next.overlay.takeSnapshot();
    expect(next.disk.find("/scratch/layers/1/n", "test").entry).toBeDefined();
    expect(await next.merged()).toMatchObject({ "/m": "m" });
  });

  test("a number that somebody else has used is passed over", async () => {
    const world = await World.create({ base });
    plant(world.disk, "/scratch", { "layers/1/theirs": "x" });
    await world.overlay.writeFile("/n", "n");
    await world.overlay.takeSnapshot();
    expect(await (await world.reopened()).text("/n")).toBe("n");
  });
});
