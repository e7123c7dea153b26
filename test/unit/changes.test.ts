/** What upper says against the lowers, of each kind; the lower side of each; and the view of an opener that owns nothing. */
import { describe, expect, test } from "vitest";
import type { Change } from "../../src/engine/index.js";
import { MemoryLowerLayer } from "../../src/host/memoryLayer.js";
import { codeOf, type PlantedTree, World } from "../support/world.js";

const base: PlantedTree = { "a": "A", "b": "B", "d/x": "X", "d/y": "Y", "gone": "G", "goneDir/x": "X", "old/x": "X", "type": "T", "opaque/x": "X", "l": { symlink: "a" } };
const scratch: PlantedTree = {
  "upper/a": "edited", "upper/n": "new", "upper/.wh.gone": "", "upper/.wh.goneDir": "", "upper/d/x": "edited X", "upper/d/.wh.y": "", "upper/d/n/f": "F",
  "upper/type/in": "a folder now", "upper/type/.wh..wh..opq": "", "upper/opaque/.wh..wh..opq": "", "upper/opaque/new": "new", "upper/q/.wh..wh..redirect": "/old", "upper/.wh.old": "",
  "upper/q/x": "edited", "upper/.wh.never": "", "upper/b": "void stands", "upper/.wh.b": "", "upper/s": { symlink: "a" }, "upper/l": { symlink: "b" },
};

const all: Change[] = [
  { kind: "copied", path: "/a", type: "file" },
  { kind: "copied", path: "/b", type: "file" },
  { kind: "copied", path: "/d/x", type: "file" },
  { kind: "added", path: "/d/n", type: "directory" },
  { kind: "added", path: "/d/n/f", type: "file" },
  { kind: "deleted", path: "/d/y", type: "file" },
  { kind: "deleted", path: "/gone", type: "file" },
  { kind: "deleted", path: "/goneDir", type: "directory" },
  { kind: "copied", path: "/l", type: "symlink" },
  { kind: "added", path: "/n", type: "file" },
  { kind: "deleted", path: "/old", type: "directory" },
  { kind: "replaced", path: "/opaque", type: "directory" },
  { kind: "added", path: "/opaque/new", type: "file" },
  { kind: "renamed", path: "/q", type: "directory", from: "/old" },
  { kind: "copied", path: "/q/x", type: "file" },
  { kind: "added", path: "/s", type: "symlink" },
  { kind: "replaced", path: "/type", type: "directory" },
  { kind: "added", path: "/type/in", type: "file" },
];
const sorted = (changes: readonly Change[]) => changes.toSorted((a, b) => (a.path < b.path ? -1 : 1));

describe("changes", () => {
  test("of everything; each has a word of its own; parents come first", async () => {
    const world = await World.create({ base, scratch });
    const changes = await world.overlay.changes();
    expect(sorted(changes)).toEqual(sorted(all));
    for (const [i, { path }] of changes.entries()) for (const later of changes.slice(i)) expect(path.startsWith(`${later.path}/`)).toBe(false);
    for (const change of all) expect(await world.overlay.changeOf(change.path), change.path).toEqual(change);
    for (const path of ["/", "/d", "/none", "/goneDir/x", "/opaque/x", "/never"]) expect(await world.overlay.changeOf(path), path).toBeUndefined();
  });

  test.each(["of upper", "since the base, through a snapshot"])("with what the lower has there, %s, where it has something", async (how) => {
    const world = await World.create({ base, scratch });
    const since = how === "of upper" ? {} : { since: "base" };
    if (how !== "of upper") await world.overlay.takeSnapshot();
    const changes = await world.overlay.changes("/", { ...since, stats: true });
    expect(sorted(changes.map(({ lower: _, ...change }) => change as Change))).toEqual(sorted(all));
    const told = changes.flatMap(({ path, lower }) => (lower === undefined ? [] : [path])).sort();
    // Of /q/x the look was at /old/x, and /q/x of the base is another question.
    expect(told).toEqual(["/a", "/b", "/d/x", "/d/y", "/gone", "/goneDir", "/l", "/old", "/opaque", "/type"]);
    for (const { path, lower } of changes) if (lower !== undefined) expect(lower, path).toEqual(await new MemoryLowerLayer(world.disk, "/base").lstat(path.slice(1)));
    expect((await world.overlay.changes("/", since)).some((change) => "lower" in change), "who does not ask is not told").toBe(false);
  });

  test("beneath a path", async () => {
    const world = await World.create({ base, scratch });
    expect(sorted(await world.overlay.changes("/d"))).toEqual(sorted(all.filter(({ path }) => path.startsWith("/d/"))));
    expect(sorted(await world.overlay.changes("/q"))).toEqual(sorted(all.filter(({ path }) => path === "/q" || path === "/q/x")));
    expect(await world.overlay.changes("/gone")).toEqual([{ kind: "deleted", path: "/gone", type: "file" }]);
    expect(await world.overlay.changes("/none")).toEqual([]);
  });

  test("a renamed file says where it came from, also after its folder was renamed, and after reopening", async () => {
    const world = await World.create({ base });
    await world.overlay.rename("/a", "/d/moved");
    await world.overlay.rename("/d", "/q");
    const expected = { kind: "renamed", path: "/q/moved", type: "file", from: "/a" };
    expect(await world.overlay.changeOf("/q/moved")).toEqual(expected);
    await world.overlay.dispose();
    expect(await (await world.reopened()).overlay.changeOf("/q/moved")).toEqual(expected);
  });

  test("the lower side of each, for a diff", async () => {
    const world = await World.create({ base, scratch });
    const text = async (path: string) => new TextDecoder().decode(await world.overlay.readLowerFile(path));
    expect([await text("/a"), await text("/gone"), await text("/d/y"), await text("/q/x"), await text("/goneDir/x"), await text("/b")]).toEqual(["A", "G", "Y", "X", "X", "B"]);
    expect((await world.overlay.statLower("/q")).layer).toBe("lower");
    for (const path of ["/n", "/opaque/new", "/none"]) expect(await codeOf(world.overlay.readLowerFile(path)), path).toBe("ENOENT");
    expect(await codeOf(world.overlay.readLowerFile("/q"))).toBe("EISDIR");
    await world.overlay.reset("/a");
    await world.overlay.rename("/a", "/moved");
    await world.overlay.writeFile("/moved", "edited again");
    expect(await text("/moved")).toBe("A");
  });
});

describe("an opener that does not own the upper", () => {
  test("changes nothing: every change is EROFS, with a reason", async () => {
    const owner = await World.create({ base, scratch: { ...scratch, "work/staged": "by the owner" } });
    const before = JSON.stringify(owner.upper());
    const { overlay } = await World.open(owner.disk, { overlay: { readOnly: true } });
    expect(overlay.writable).toBe(false);
    expect(await (await World.open(owner.disk, { overlay: { readOnly: true } })).merged()).toEqual(await owner.merged());
    const attempts = [
      overlay.writeFile("/a", ""), overlay.append("/a", ""), overlay.truncate("/a"), overlay.createDirectory("/m"), overlay.unlink("/a"), overlay.rmdir("/d"), overlay.remove("/d", { recursive: true }),
      overlay.rename("/a", "/c"), overlay.copy("/a", "/c"), overlay.symlink("x", "/c"), overlay.link("/a", "/c"), overlay.chmod("/a", 0o600), overlay.utimes("/a", 1, 1), overlay.copyUp("/d/y"), overlay.reset(),
      overlay.reset("/a"), overlay.flatten(), overlay.open("/a", "w"), overlay.open("/a", "r+"), overlay.open("/c", "a"),
    ];
    for (const attempt of attempts) expect(await attempt.catch((fault: unknown) => fault)).toMatchObject({ code: "EROFS", reason: expect.stringMatching(/./) as string });
    expect(JSON.stringify(owner.upper())).toBe(before);
    expect(await overlay.changes()).toHaveLength(all.length);
    await overlay.dispose();
  });

  test("sweeps nothing and repairs nothing", async () => {
    const owner = await World.create({ base });
    owner.disk.makeFile("/scratch/work/staged", 0o600);
    await (await World.open(owner.disk, { overlay: { readOnly: true } })).overlay.dispose();
    expect(owner.work()).toEqual(["staged"]);
  });

  test("sees what the owner does once it is told, or after a moment", async () => {
    const owner = await World.create({ base });
    const reader = await World.open(owner.disk, { overlay: { readOnly: true } });
    expect(await reader.text("/a")).toBe("A");
    await owner.overlay.writeFile("/a", "new");
    await owner.overlay.rename("/d", "/q");
    await owner.overlay.unlink("/b");
    reader.overlay.upperChanged();
    expect(await reader.merged()).toEqual(await owner.merged());
  });
});

describe("special files and names that cannot be decoded", () => {
  const odd: PlantedTree = { "fifo": { special: "fifo" }, "socket": { special: "socket" }, "device": { special: "character", rdev: 5 }, "d/fifo": { special: "fifo" }, "u": { undecodable: 2 }, "u/known": "K" };

  test("special files are listed and never opened; they can be deleted, not moved", async () => {
    const world = await World.create({ base: odd });
    expect(await world.merged()).toMatchObject({ "/fifo": "fifo", "/socket": "socket", "/device": "character", "/d/fifo": "fifo" });
    for (const name of ["/fifo", "/socket", "/device"]) {
      for (const use of [world.overlay.readFile(name), world.overlay.open(name), world.overlay.open(name, "r+"), world.overlay.writeFile(name, ""), world.overlay.append(name, "")]) {
        expect(await codeOf(use), name).toBe("EINVAL");
      }
      expect(await codeOf(world.overlay.rename(name, "/moved"))).toBe("EXDEV");
      expect(await codeOf(world.overlay.chmod(name, 0o600))).toBe("ENOTSUP");
      expect(await codeOf(world.overlay.copy(name, "/copied"))).toBe("ENOTSUP");
    }
    await world.overlay.unlink("/fifo");
    await world.overlay.rename("/d", "/q");
    await world.overlay.writeFile("/fifo", "a file now");
    expect(await world.merged()).toMatchObject({ "/fifo": "a file now", "/q/fifo": "fifo" });
    expect(world.work()).toEqual([]);
  });

  test("names that cannot be decoded are left out, and logged; a folder that holds only them is not empty", async () => {
    const world = await World.create({ base: odd });
    expect((await world.overlay.readDirectory("/u")).map(({ name }) => name)).toEqual(["known"]);
    expect(world.logged.some(({ level, message }) => level === "warn" && message.includes("/u") && message.includes("2"))).toBe(true);
    await world.overlay.unlink("/u/known");
    expect(await codeOf(world.overlay.rmdir("/u"))).toBe("ENOTEMPTY");
    await world.overlay.createDirectory("/n");
    expect(await codeOf(world.overlay.rename("/n", "/u"))).toBe("ENOTEMPTY");
    await world.overlay.remove("/u", { recursive: true });
    expect(await codeOf(world.overlay.stat("/u"))).toBe("ENOENT");
  });
});
