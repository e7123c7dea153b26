/** What the comparison with the kernel's overlayfs found: each bug as the shortest case that shows it. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { codeOf, type PlantedTree, World, type WorldOptions } from "../support/world.js";

interface Case extends WorldOptions {
  readonly do: (overlay: Overlay) => Promise<unknown>;
  readonly code?: string;
  readonly merged?: Record<string, string>;
}

function check(title: string, c: Case): void {
  test(title, async () => {
    const world = await World.create(c);
    const before = world.base();
    expect(await codeOf(c.do(world.overlay))).toBe(c.code ?? "ok");
    if (c.merged !== undefined) expect(await world.merged()).toEqual(c.merged);
    expect(await (await world.reopened()).merged()).toEqual(await world.merged());
    expect(world.work(), "INV-11 nothing is left in work").toEqual([]);
    await world.overlay.dispose();
    expect(world.base(), "INV-1 the base is as it was").toEqual(before);
  });
}

const base: PlantedTree = { "a": "A", "d/a": "DA", "d/e/a": "DEA" };
const all = { "/a": "A", "/d/": "", "/d/a": "DA", "/d/e/": "", "/d/e/a": "DEA" };

describe("order of errors, as in fs/namei.c", () => {
  check("the root's EBUSY comes before a missing source", { base, do: (o) => o.rename("/none", "/"), code: "EBUSY", merged: all });
  check("but after a file on the way", { base, do: (o) => o.rename("/", "/a/b"), code: "ENOTDIR", merged: all });
  check("rmdir of the root is EBUSY, not ENOTEMPTY", { base, do: (o) => o.rmdir("/"), code: "EBUSY", merged: all });
  check("EEXIST comes before a second name for a directory", { base, do: (o) => o.link("/d", "/a"), code: "EEXIST", merged: all });
  check("a name onto itself without overwriting is EEXIST", { base, do: (o) => o.rename("/a", "/a", { overwrite: false }), code: "EEXIST", merged: all });
  check("EEXIST comes before a move into itself", { base, do: (o) => o.rename("/d", "/d/a", { overwrite: false }), code: "EEXIST", merged: all });
  test("a refused link has copied nothing up", async () => {
    const world = await World.create({ base });
    expect(await codeOf(world.overlay.link("/a", "/d"))).toBe("EEXIST");
    expect(world.upper()).toEqual({});
  });
});

describe("symlinks", () => {
  const linked: PlantedTree = { ...base, "slash": { symlink: "a/" }, "out": { symlink: "../elsewhere" } };
  check("a target that ends in a slash names a directory or nothing", { base: linked, do: (o) => o.readFile("/slash"), code: "ENOTDIR" });
  check("also in upper", { base, do: async (o) => { await o.writeFile("/n", ""); await o.symlink("n/", "/l"); await o.chmod("/l", 0o600); }, code: "ENOTDIR" });
  check("also to nothing", { base, do: async (o) => { await o.symlink("n/", "/l"); await o.writeFile("/l", ""); }, code: "ENOENT" });
  check("opening exclusively outside the base is EROFS, whether or not a file is there", { base: linked, do: (o) => o.open("/out/none", "wx"), code: "EROFS" });
});

describe("handles", () => {
  async function appended(overlay: Overlay, path: string): Promise<void> {
    const one = await overlay.open(path, "a+");
    const two = await overlay.open(path, "a");
    await one.write(new TextEncoder().encode("1"), 5);
    await two.write(new TextEncoder().encode("2"), 0);
    await one.write(new TextEncoder().encode("3"));
    expect(await one.read(new Uint8Array(9))).toBe(0);
    await one.close();
    await two.close();
  }
  check("a handle to append appends, in a file that it made too", { base, do: (o) => appended(o, "/n"), merged: { ...all, "/n": "123" } });
  check("and in a copied one", { base, do: (o) => appended(o, "/a"), merged: { ...all, "/a": "A123" } });
  check("truncating through a handle for reading is EINVAL", { base, do: async (o) => { const h = await o.open("/a"); try { await h.truncate(0); } finally { await h.close(); } }, code: "EINVAL", merged: all });
});

describe("attributes", () => {
  const times = async (overlay: Overlay, path: string) => (await overlay.lstat(path)).mtimeMs;
  test("a whole-file write over what was there leaves the directory's times", async () => {
    const { overlay } = await World.create({ base });
    const before = await times(overlay, "/d");
    await overlay.writeFile("/d/a", "copied");
    expect(await times(overlay, "/d")).toBe(before);
    await overlay.writeFile("/d/a", "again");
    expect(await times(overlay, "/d")).toBe(before);
  });
  test("a directory made in a setgid one is one", async () => {
    const { overlay } = await World.create({ base });
    await overlay.createDirectory("/g");
    await overlay.chmod("/g", 0o2775);
    await overlay.createDirectory("/g/d", 0o700);
    expect((await overlay.lstat("/g/d")).mode).toBe(0o2700);
  });
  test("a copied file has its original's mode, whatever the umask", async () => {
    const { overlay } = await World.create({ base });
    await overlay.chmod("/a", 0o4777);
    await overlay.copy("/a", "/b");
    expect((await overlay.lstat("/b")).mode).toBe(0o4777);
  });
});

describe("copy and plain form", () => {
  check("a folder is not replaced by a copy of what is in it", { base, do: (o) => o.copy("/d/e", "/d", { overwrite: true }), code: "ENOTEMPTY", merged: all });
  check("plain form is refused while the base shows a name that is a marker to others", { base: { "d/e/.wh.x": "" }, do: (o) => o.flatten(), code: "ENOTSUP" });
  check("not while it is hidden", { base: { "d/e/.wh.x": "" }, do: async (o) => { await o.remove("/d/e", { recursive: true }); await o.flatten(); }, merged: { "/d/": "" } });
});
