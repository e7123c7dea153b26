/** An upper in another tool's hands: nothing is trusted and nothing changed meanwhile, and what comes back is put in order. */
import { describe, expect, test } from "vitest";
import { MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { plant, type PlantedTree } from "../../src/host/memoryTree.js";
import { codeOf, World, type WorldOptions } from "../support/world.js";

const base: PlantedTree = { a: "A", b: "B", "d/x": "X", "d/y": "Y", l: { symlink: "a" } };

/** A clock of whole seconds, so that what is done later has another time. */
function clock(): () => bigint {
  let now = 1_700_000_000n;
  return () => (now += 1n) * 1_000_000_000n;
}

const make = (options: WorldOptions = {}) => World.create({ base, disk: { clock: clock() }, ...options });

/** What the other tool does to the upper. */
function other(world: World, tree: PlantedTree): void {
  plant(world.disk, "/scratch/upper", tree);
}

const said = async (world: World): Promise<string[]> => (await world.overlay.changes()).map(({ kind, path, stale }) => `${kind} ${path}${stale === true ? " stale" : ""}`);

describe("while it is lent", () => {
  test("it is in plain form first: what renamed folders show is copied up", async () => {
    const world = await make();
    await world.overlay.rename("/d", "/k");
    await world.overlay.lend();
    expect(Object.keys(world.upper()).sort()).toEqual([".wh.d", "k", "k/.wh..wh..opq", "k/x", "k/y"]);
  });

  test("what the other tool writes is seen at once, whatever was remembered", async () => {
    const world = await make();
    expect(await world.text("/a")).toBe("A");
    await world.overlay.lend();
    expect(await world.text("/a")).toBe("A");
    other(world, { a: "theirs", ".wh.b": "", "n/x": "new" });
    world.overlay.upperChanged();
    expect(await world.merged()).toEqual({ "/a": "theirs", "/d/": "", "/d/x": "X", "/d/y": "Y", "/l": "-> a", "/n/": "", "/n/x": "new" });
  });

  test("nothing that would change the upper is done", async () => {
    const { overlay } = await make();
    await overlay.lend();
    const changes = [
      overlay.writeFile("/a", "x"), overlay.append("/a", "x"), overlay.createDirectory("/n"), overlay.unlink("/a"), overlay.rename("/a", "/n"), overlay.copyUp("/a"),
      overlay.reset("/a"), overlay.takeSnapshot(), overlay.resetTo("base"), overlay.open("/a", "w"), overlay.lend(), overlay.flatten(),
    ];
    for (const change of changes) expect(await codeOf(change)).toBe("EBUSY");
    await overlay.takeBack();
    expect(await codeOf(overlay.writeFile("/a", "x"))).toBe("ok");
  });

  test("not while a file is open for writing", async () => {
    const { overlay } = await make();
    const handle = await overlay.open("/a", "r+");
    expect(await codeOf(overlay.lend())).toBe("EBUSY");
    await handle.close();
    expect(await codeOf(overlay.lend())).toBe("ok");
  });

  test("INV-1: a link with the base's own path in it is refused by name, one that was deleted is not", async () => {
    const world = await make({ base: { ...base, "d/abs": { symlink: "/base/a" } } });
    const refused = await world.overlay.lend().catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "EXDEV", operation: "lend" });
    expect(String(refused)).toContain("'/d/abs'");
    expect(await codeOf(world.overlay.writeFile("/a", "x")), "it is not lent").toBe("ok");
    expect(await codeOf(world.overlay.lend({ allowLinksToBase: true }))).toBe("ok");
    await world.overlay.takeBack();
    await world.overlay.unlink("/d/abs");
    expect(await codeOf(world.overlay.lend())).toBe("ok");
  });

  test("INV-11: lending that is cancelled leaves it as it was, and not lent", async () => {
    const world = await make();
    await world.overlay.rename("/d", "/k");
    const before = await world.merged();
    const cancelled = new AbortController();
    cancelled.abort();
    expect(await codeOf(world.overlay.lend({ signal: cancelled.signal }))).toBe("ECANCELED");
    expect(await world.merged()).toEqual(before);
    expect(world.work()).toEqual([]);
    expect(await codeOf(world.overlay.writeFile("/k/x", "mine"))).toBe("ok");
  });
});

describe("what is kept aside", () => {
  test("is in the trash under a second name, and comes back when the other tool has dropped it", async () => {
    const world = await make();
    await world.overlay.lend();
    other(world, { a: "mine", "n/x": "new", "n/.wh.y": "" });
    expect(await world.overlay.keepAside("/b", "reset"), "upper has nothing there").toBeUndefined();
    await world.overlay.keepAside("/a", "reset");
    await world.overlay.keepAside("/n", "delete");
    expect(world.work()).toEqual([]);
    const scratch = new MemoryScratchLayer(world.disk, "/scratch");
    for (const path of ["upper/a", "upper/n/x", "upper/n/.wh.y"]) await scratch.unlink(path);
    await scratch.removeDirectory("upper/n");
    await world.overlay.takeBack();
    expect(await said(world)).toEqual([]);
    const kept = await world.overlay.dropped();
    expect(kept.map(({ path, what }) => `${what} ${String(path)}`)).toEqual(["delete /n", "reset /a"]);
    for (const { id } of kept) await world.overlay.bringBack(id);
    expect(await said(world)).toEqual(["copied /a", "added /n", "added /n/x"]);
  });

  test("only while it is lent", async () => {
    expect(await codeOf((await make()).overlay.keepAside("/a", "reset"))).toBe("EINVAL");
  });
});

describe("snapshots, for a tool that finds what opaque folders hide", () => {
  async function lentLayers(work: (world: World) => Promise<unknown>): Promise<{ readonly world: World; readonly layers: readonly string[] }> {
    const world = await make();
    await work(world);
    await world.overlay.takeSnapshot();
    return { world, layers: await world.overlay.lend() };
  }

  test("are handed over as they are where an opaque folder has nothing beneath it", async () => {
    const { layers } = await lentLayers(async ({ overlay }) => {
      await overlay.createDirectory("/n");
      await overlay.writeFile("/n/x", "n");
      await overlay.unlink("/d/x");
    });
    expect(layers).toEqual(["layers/1"]);
  });

  test("are written out where a lower layer has a folder there, or a link, also when another layer hides it", async () => {
    for (const path of ["/d", "/l", "/s"]) {
      const { layers } = await lentLayers(async ({ overlay }) => {
        if (path === "/s") {
          await overlay.createDirectory(path);
          await overlay.takeSnapshot();
        }
        await overlay.remove(path, { recursive: true });
        await overlay.takeSnapshot();
        await overlay.createDirectory(path);
        await overlay.writeFile(`${path}/n`, "n");
      });
      expect(layers).toEqual(path === "/s" ? ["plain/3", "layers/2", "layers/1"] : ["plain/2", "layers/1"]);
    }
  });

  test("a folder in the place of a file is nothing to find: it is handed over", async () => {
    const { layers } = await lentLayers(async ({ overlay }) => {
      await overlay.unlink("/a");
      await overlay.createDirectory("/a");
    });
    expect(layers).toEqual(["layers/1"]);
  });
});

describe("when it comes back", () => {
  test("devices that are whiteouts become files, which any filesystem can hold", async () => {
    const world = await make();
    await world.overlay.lend();
    other(world, { b: { special: "character", rdev: 0 }, "d/x": { special: "character", rdev: 0 } });
    await world.overlay.takeBack();
    expect(Object.keys(world.upper()).sort()).toEqual([".wh.b", "d", "d/.wh.x"]);
    expect(await said(world)).toEqual(["deleted /b", "deleted /d/x"]);
  });

  test("a copy that says nothing goes; one that says something, or has a second name, stays", async () => {
    const world = await make();
    await world.overlay.lend();
    other(world, { a: "A", b: "b", "d/x": "X", "d/y": "Y" });
    const scratch = new MemoryScratchLayer(world.disk, "/scratch");
    for (const path of ["a", "b", "d/x"]) {
      const { mtimeMs } = await new MemoryScratchLayer(world.disk, "/base").lstat(path);
      await scratch.utimes(`upper/${path}`, mtimeMs, mtimeMs);
    }
    await scratch.link("upper/d/x", "upper/d/z");
    await world.overlay.takeBack();
    expect(Object.keys(world.upper()).sort()).toEqual(["b", "d", "d/x", "d/y", "d/z"]);
    expect(await world.text("/a")).toBe("A");
  });

  test("whiteouts that hide nothing go, with what was recorded of them; where the base has only lost the folder they stay", async () => {
    const world = await make({ base: { ...base, "e/x": "E", "f/x": "F" } });
    const { overlay } = world;
    await overlay.unlink("/d/x"); // recorded
    await overlay.unlink("/e/x");
    await overlay.lend();
    other(world, { "d/.wh..wh..opq": "", "d/.wh.y": "", "d/new": "", "d/in/.wh.z": "", "f/.wh.x": "", "f/sub/.wh..wh..opq": "", "f/sub/.wh.x": "" });
    const scratch = new MemoryScratchLayer(world.disk, "/scratch");
    for (const path of ["upper/d", "upper/f/sub"]) await scratch.utimes(path, 1_600_000_000_000, 1_600_000_000_000);
    const baseLayer = new MemoryScratchLayer(world.disk, "/base");
    await baseLayer.unlink("e/x");
    await baseLayer.removeDirectory("e");
    await overlay.takeBack();
    expect(Object.keys(world.upper()).sort()).toEqual(["d", "d/.wh..wh..opq", "d/in", "d/new", "e", "e/.wh.x", "f", "f/.wh.x", "f/sub", "f/sub/.wh..wh..opq"]);
    for (const path of ["upper/d", "upper/f/sub"]) expect((await scratch.lstat(path)).mtimeMs).toBe(1_600_000_000_000);
    expect(await said(world)).toEqual(["replaced /d", "added /d/in", "added /d/new", "added /e", "added /f/sub", "deleted /f/x"]);
    const journal = new TextDecoder().decode(await scratch.readFile("origins")).split("\n");
    expect(journal.filter((line) => line.includes('"hide":"/d/x"')).at(-1), "nothing is known of it any more").toBe('{"hide":"/d/x"}');
  });

  test("what was copied up, deleted and made meanwhile has an origin: stale when the base moves, also when it moved before", async () => {
    const world = await make();
    const baseLayer = new MemoryScratchLayer(world.disk, "/base");
    const touch = (path: string) => baseLayer.utimes(path, 1_900_000_000_000, 1_900_000_000_000);
    await world.overlay.lend();
    other(world, { a: "mine", ".wh.b": "", n: "new", "d/x": "mine" });
    await baseLayer.unlink("d/x"); // after its copy was made
    plant(world.disk, "/base", { "d/x": "theirs" });
    await world.overlay.takeBack();
    expect(await said(world)).toEqual(["copied /a", "deleted /b", "copied /d/x stale", "added /n"]);
    for (const path of ["a", "b"]) await touch(path);
    plant(world.disk, "/base", { n: "theirs" });
    await world.overlay.baseChanged(["/a", "/b", "/n"].map((path) => ({ type: "changed", path })));
    expect(await said(world)).toEqual(["copied /a stale", "deleted /b stale", "copied /d/x stale", "copied /n stale"]);
  });

  test("INV-8: a death in the middle of putting it in order leaves the same tree", async () => {
    let calls = 0;
    let last = Infinity;
    const world = await make({ hook: (call, run) => {
      if (call.path.startsWith("upper") && ++calls > last) return Promise.reject(new Error("died"));
      return run();
    } });
    await world.overlay.lend();
    other(world, { a: "A", b: { special: "character", rdev: 0 }, "d/x": "mine" });
    world.overlay.upperChanged();
    const before = await world.merged();
    last = calls + 3;
    await world.overlay.takeBack().catch(() => undefined);
    expect(await (await world.reopened()).merged()).toEqual(before);
  });
});
