/** A stack of lower layers with markers: whiteouts, opaque folders, redirects, and what is deleted below a redirect. */
import { describe, expect, test } from "vitest";
import { codeOf, type PlantedTree, World } from "../support/world.js";

interface Case {
  readonly base: PlantedTree;
  /** Topmost first. */
  readonly lowers: readonly PlantedTree[];
  readonly scratch?: PlantedTree;
  readonly merged: Record<string, string>;
}

function check(title: string, { merged, ...layers }: Case): void {
  test(title, async () => {
    const world = await World.create(layers);
    expect(await world.merged()).toEqual(merged);
    // The walk to a path and the list of its folder agree.
    for (const path of Object.keys(merged)) if (!path.endsWith("/")) expect(await codeOf(world.overlay.lstat(path)), path).toBe("ok");
    // A copy-up changes nothing that is seen; neither does a rename there and back.
    for (const [path, text] of Object.entries(merged)) if (!path.endsWith("/") && !text.startsWith("->")) await world.overlay.copyUp(path);
    expect(await world.merged()).toEqual(merged);
    for (const name of (await world.overlay.readDirectory("/")).map((entry) => entry.name)) {
      await world.overlay.rename(`/${name}`, "/away");
      expect(await (await world.reopened()).merged("/away").catch(() => ({}))).toEqual(await world.merged("/away").catch(() => ({})));
      await world.overlay.rename("/away", `/${name}`);
    }
    expect(await world.merged()).toEqual(merged);
    expect(await (await world.reopened()).merged()).toEqual(merged);
  });
}

describe("layers over the base", () => {
  check("the topmost has the word", { base: { "f": "0", "b": "0" }, lowers: [{ "f": "2" }, { "f": "1", "m": "1" }], merged: { "/b": "0", "/f": "2", "/m": "1" } });
  check("folders merge through all layers", {
    base: { "d/0": "0", "d/x": "0" }, lowers: [{ "d/2": "2" }, { "d/1": "1", "d/x": "1" }], merged: { "/d/": "", "/d/0": "0", "/d/1": "1", "/d/2": "2", "/d/x": "1" },
  });
  check("a whiteout hides what is below it, not what is above", {
    base: { "f": "0", "g": "0" }, lowers: [{ "g": "2" }, { ".wh.f": "", ".wh.g": "" }], merged: { "/g": "2" },
  });
  check("a device 0/0 is a whiteout too", { base: { "f": "0" }, lowers: [{ f: { special: "character", rdev: 0 } }], merged: {} });
  check("a whiteout beside its name is void", { base: { "f": "0", "d/x": "0" }, lowers: [{ ".wh.f": "", "f": "1", ".wh.d": "", "d/y": "1" }], merged: { "/d/": "", "/d/x": "0", "/d/y": "1", "/f": "1" } });
  check("an opaque folder hides all below it, and what is above still merges with it", {
    base: { "d/0": "0" }, lowers: [{ "d/2": "2" }, { "d/.wh..wh..opq": "", "d/1": "1" }], merged: { "/d/": "", "/d/1": "1", "/d/2": "2" },
  });
  check("a file over a folder, a folder over a file", { base: { "a/x": "0", "b": "0" }, lowers: [{ "a": "1", "b/x": "1" }], merged: { "/a": "1", "/b/": "", "/b/x": "1" } });
  check("a folder over a file over a folder shows only the topmost", { base: { "a/0": "0" }, lowers: [{ "a/2": "2" }, { "a": "1" }], merged: { "/a/": "", "/a/2": "2" } });
});

describe("redirects of a layer", () => {
  check("name a path in the view below it", {
    base: { "old/x": "0" }, lowers: [{ ".wh.old": "", "new/.wh..wh..redirect": "/old", "new/y": "1" }], merged: { "/new/": "", "/new/x": "0", "/new/y": "1" },
  });
  check("what a layer below deleted does not come back through it", {
    base: { "old/x": "0", "old/gone": "0" }, lowers: [{ ".wh.old": "", "new/.wh..wh..redirect": "/old" }, { "old/.wh.gone": "", "old/1": "1" }], merged: { "/new/": "", "/new/1": "1", "/new/x": "0" },
  });
  check("an opaque folder of a layer below counts", {
    base: { "old/x": "0" }, lowers: [{ ".wh.old": "", "new/.wh..wh..redirect": "/old" }, { "old/.wh..wh..opq": "", "old/1": "1" }], merged: { "/new/": "", "/new/1": "1" },
  });
  check("a redirect of a layer below is followed from there", {
    base: { "a/x": "0" }, lowers: [{ ".wh.b": "", "c/.wh..wh..redirect": "/b" }, { ".wh.a": "", "b/.wh..wh..redirect": "/a", "b/1": "1" }], merged: { "/c/": "", "/c/1": "1", "/c/x": "0" },
  });
  check("through a renamed folder on the way", {
    base: { "a/s/x": "0" }, lowers: [{ "c/.wh..wh..redirect": "/b/s", "b/.wh.s": "" }, { ".wh.a": "", "b/.wh..wh..redirect": "/a" }], merged: { "/b/": "", "/c/": "", "/c/x": "0" },
  });
  check("opaque beats redirect", { base: { "old/x": "0" }, lowers: [{ "new/.wh..wh..redirect": "/old", "new/.wh..wh..opq": "", "new/1": "1" }], merged: { "/new/": "", "/new/1": "1", "/old/": "", "/old/x": "0" } });
  check("of the upper name a path in the view of all of them", {
    base: { "a/x": "0", "a/gone": "0" }, lowers: [{ ".wh.a": "", "b/.wh..wh..redirect": "/a", "b/.wh.gone": "" }], scratch: { "upper/.wh.b": "", "upper/c/.wh..wh..redirect": "/b" }, merged: { "/c/": "", "/c/x": "0" },
  });
});

describe("snapshots inside the scratch are layers of the same kind", () => {
  test("topmost first, over the base", async () => {
    const world = await World.create({
      base: { "f": "0", "old/x": "0" }, snapshots: ["layers/2", "layers/1"],
      scratch: { "layers/1/f": "1", "layers/1/.wh.old": "", "layers/1/new/.wh..wh..redirect": "/old", "layers/2/new/.wh.x": "", "layers/2/g": "2" },
    });
    expect(await world.merged()).toEqual({ "/f": "1", "/g": "2", "/new/": "" });
    await world.overlay.remove("/new", { recursive: true });
    await world.overlay.append("/f", "+");
    expect(await world.merged()).toEqual({ "/f": "1+", "/g": "2" });
    await world.overlay.reset();
    expect(await world.merged()).toEqual({ "/f": "1", "/g": "2", "/new/": "" });
  });
});

describe("a damaged redirect is a fault that names the file, never a guess", () => {
  const damaged: Record<string, string | Uint8Array | { directory: true } | { symlink: string }> = {
    "empty": "", "relative": "old", "the root": "/", "two lines": "/old\n/other", "with '..'": "/a/../old", "with an empty component": "/a//old", "with a closing slash": "/old/",
    "a marker": "/.wh.old", "too long": `/${"n/".repeat(2500)}old`, "not Unicode": new Uint8Array([0x2f, 0xff]), "with NUL": "/old\0", "a target that is missing": "/none", "a target that is a file": "/f", "a target beneath a file": "/f/x",
    "a folder": { directory: true }, "a symlink": { symlink: "/old" },
  };
  test.each(Object.keys(damaged))("%s", async (kind) => {
    const marker = damaged[kind] ?? "";
    const world = await World.create({ base: { "old/x": "0", "f": "0" }, scratch: { "upper/new/.wh..wh..redirect": marker, "upper/new/y": "1" } });
    for (const operation of [world.overlay.readDirectory("/new"), world.overlay.readFile("/new/x"), world.overlay.stat("/new"), world.overlay.writeFile("/new/z", "")]) {
      const error: unknown = await operation.catch((fault: unknown) => fault);
      expect(error).toMatchObject({ code: "EIO" });
      expect((error as { reason: string }).reason).toMatch(/redirect|renamed from/);
    }
    // Everything else works, and the folder can be put right.
    expect(await world.text("/old/x")).toBe("0");
    expect(await codeOf(world.overlay.writeFile("/other", "ok"))).toBe("ok");
    const text = await (await World.create({ base: { "old/x": "0", "f": "0" }, lowers: [{ "new/.wh..wh..redirect": marker }] })).overlay.readDirectory("/new").catch((fault: unknown) => fault);
    expect(text).toMatchObject({ code: "EIO" });
  });

  test("it can be reset or deleted", async () => {
    for (const repair of ["reset", "remove"] as const) {
      const world = await World.create({ base: { "old/x": "0", "new/b": "B" }, scratch: { "upper/new/.wh..wh..redirect": "", "upper/new/y": "1" } });
      expect(await codeOf(repair === "reset" ? world.overlay.reset("/new") : world.overlay.remove("/new", { recursive: true }))).toBe("ok");
      expect(await world.merged()).toEqual(repair === "reset" ? { "/new/": "", "/new/b": "B", "/old/": "", "/old/x": "0" } : { "/old/": "", "/old/x": "0" });
      expect(await (await world.reopened()).merged()).toEqual(await world.merged());
    }
  });
});
