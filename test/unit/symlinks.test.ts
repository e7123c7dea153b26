/** Symlinks are followed in merged: relative, absolute, into the base by either of its names, out of it and back in. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { codeOf, type PlantedTree, World } from "../support/world.js";

const base: PlantedTree = {
  "a": "A", "d/x": "X", "d/e/z": "Z",
  "relative": { symlink: "d/x" }, "up": { symlink: "d/../a" }, "d/e/up": { symlink: "../../a" }, "absolute": { symlink: "/base/d/x" },
  "dir": { symlink: "d" }, "chain": { symlink: "dir/e" }, "trailing": { symlink: "d/" }, "dot": { symlink: "./d/./e" },
  "loop": { symlink: "pool" }, "pool": { symlink: "loop" }, "dangling": { symlink: "d/none" }, "nowhere": { symlink: "none/none" },
  "out": { symlink: "/elsewhere/f" }, "outDir": { symlink: "/elsewhere" }, "outAndBack": { symlink: "/elsewhere/back/x" },
  "pastRoot": { symlink: "../elsewhere/f" }, "pastRootAndBack": { symlink: "../base/a" }, "outLoop": { symlink: "/elsewhere/loop" },
  "file": { symlink: "a/" }, "beneathFile": { symlink: "a/b" },
};
const elsewhere: PlantedTree = {
  "elsewhere/f": "F", "elsewhere/g/h": "H", "elsewhere/back": { symlink: "/base/d" }, "elsewhere/loop": { symlink: "/base/outLoop" },
};

const make = () => World.create({ base, elsewhere });

describe("reading through a link", () => {
  test.each([
    ["/relative", "X"], ["/up", "A"], ["/d/e/up", "A"], ["/absolute", "X"], ["/dir/x", "X"], ["/chain/z", "Z"], ["/trailing/x", "X"], ["/dot/z", "Z"],
    ["/out", "F"], ["/outDir/f", "F"], ["/outDir/g/h", "H"], ["/outAndBack", "X"], ["/outDir/back/e/z", "Z"], ["/pastRoot", "F"], ["/pastRootAndBack", "A"],
  ])("%s", async (path, text) => {
    const world = await make();
    expect(await world.text(path)).toBe(text);
    expect((await world.overlay.stat(path)).size).toBe(1);
    const handle = await world.overlay.open(path);
    await handle.close();
  });

  test.each([
    ["/loop", "ELOOP"], ["/outLoop", "ELOOP"], ["/dangling", "ENOENT"], ["/nowhere", "ENOENT"], ["/file", "ENOTDIR"], ["/beneathFile", "ENOTDIR"], ["/relative/y", "ENOTDIR"], ["/outDir/none", "ENOENT"],
  ])("%s is %s", async (path, code) => {
    const world = await make();
    expect(await codeOf(world.overlay.readFile(path))).toBe(code);
    expect(await codeOf(world.overlay.stat(path))).toBe(code);
  });

  test("the list of a folder outside, and of one in the base through a link", async () => {
    const world = await make();
    expect((await world.overlay.readDirectory("/outDir")).map(({ name }) => name).sort()).toEqual(["back", "f", "g", "loop"]);
    expect((await world.overlay.readDirectory("/chain")).map(({ name }) => name).sort()).toEqual(["up", "z"]);
  });

  test("links see what was changed, whichever way they lead into the base", async () => {
    const world = await make();
    await world.overlay.writeFile("/d/x", "new");
    await world.overlay.rename("/a", "/moved");
    for (const path of ["/relative", "/absolute", "/dir/x", "/outAndBack"]) expect(await world.text(path)).toBe("new");
    for (const path of ["/up", "/d/e/up", "/pastRootAndBack"]) expect(await codeOf(world.overlay.stat(path))).toBe("ENOENT");
  });

  test("a base that is given by a link: its real path is inside too", async () => {
    const world = await World.create({
      base: { "a": "A", "byGiven": { symlink: "/given/a" }, "byReal": { symlink: "/base/a" } }, elsewhere: { given: { symlink: "/base" } }, given: "/given",
    });
    await world.overlay.writeFile("/a", "new");
    expect([await world.text("/byGiven"), await world.text("/byReal")]).toEqual(["new", "new"]);
  });
});

describe("changing through a link", () => {
  test.each([["/relative", "/d/x"], ["/absolute", "/d/x"], ["/dir/x", "/d/x"], ["/outAndBack", "/d/x"], ["/d/e/up", "/a"], ["/pastRootAndBack", "/a"], ["/dangling", "/d/none"]])(
    "append to %s changes %s", async (path, target) => {
      const world = await make();
      await world.overlay.append(path, "+");
      expect((await world.text(target)).endsWith("+")).toBe(true);
      expect((await world.overlay.lstat(path)).type).toBe(path === "/dir/x" ? "file" : "symlink");
    },
  );

  const changes: Record<string, (o: Overlay) => Promise<unknown>> = {
    "writeFile": (o) => o.writeFile("/out", "new"), "writeFile of a new name": (o) => o.writeFile("/outDir/n", "new"), "append": (o) => o.append("/pastRoot", "+"),
    "truncate": (o) => o.truncate("/out", 0), "chmod": (o) => o.chmod("/out", 0o600), "utimes": (o) => o.utimes("/outDir", 1, 1), "open to write": (o) => o.open("/out", "w"),
    "open to read and write": (o) => o.open("/outDir/f", "r+"), "unlink": (o) => o.unlink("/outDir/f"), "rmdir": (o) => o.rmdir("/outDir/g"), "remove": (o) => o.remove("/outDir/g", { recursive: true }),
    "createDirectory": (o) => o.createDirectory("/outDir/n"), "symlink": (o) => o.symlink("x", "/outDir/n"), "rename out of it": (o) => o.rename("/outDir/f", "/n"),
    "rename into it": (o) => o.rename("/a", "/outDir/n"), "link into it": (o) => o.link("/a", "/outDir/n"), "link from it": (o) => o.link("/outDir/f", "/n"),
    "copy into it": (o) => o.copy("/a", "/outDir/n"), "copyUp": (o) => o.copyUp("/out"), "reset": (o) => o.reset("/outDir/f"),
  };
  test.each(Object.keys(changes))("%s outside is EROFS, and nothing is touched there", async (name) => {
    const world = await make();
    expect(await codeOf(changes[name]?.(world.overlay) ?? Promise.resolve())).toBe("EROFS");
    expect(world.upper()).toEqual({});
    expect(world.work()).toEqual([]);
    expect((await world.merged())["/a"]).toBe("A");
  });

  test("the link itself can be deleted, renamed, replaced: it is what has the name", async () => {
    const world = await make();
    await world.overlay.rename("/out", "/renamed");
    await world.overlay.unlink("/outDir");
    await world.overlay.unlink("/loop");
    await world.overlay.createDirectory("/loop");
    expect(await world.text("/renamed")).toBe("F");
    expect((await world.overlay.stat("/loop")).type).toBe("directory");
  });
});
