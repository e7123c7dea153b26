/** Open files: flags, positions, what becomes of them when their name moves or goes. */
import { constants } from "node:fs";
import { describe, expect, test } from "vitest";
import type { OverlayHandle } from "../../src/engine/index.js";
import { codeOf, World } from "../support/world.js";

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const bytes = (text: string) => new TextEncoder().encode(text);
const base = { "f": "0123456789", "d/x": "X", "l": { symlink: "f" } };

async function readAll(handle: OverlayHandle): Promise<string> {
  const buffer = new Uint8Array(100);
  return new TextDecoder().decode(buffer.subarray(0, await handle.read(buffer, 0)));
}

describe("flags", () => {
  const lower = "0123456789";
  // What is read, whether it can be written, and what is there afterwards; for a file of the base and for none.
  test.each([
    ["r", lower, false, lower, "ENOENT"], ["r+", lower, true, "W123456789", "ENOENT"], ["w", "EBADF", true, "W", ""], ["w+", "", true, "W", ""],
    ["a", "EBADF", true, `${lower}W`, ""], ["a+", lower, true, `${lower}W`, ""], ["wx", "EEXIST", true, lower, ""], ["ax+", "EEXIST", true, lower, ""],
    [O_RDONLY, lower, false, lower, "ENOENT"], [O_RDWR, lower, true, "W123456789", "ENOENT"], [O_WRONLY, "EBADF", true, "W123456789", "ENOENT"],
    [O_WRONLY | O_CREAT, "EBADF", true, "W123456789", ""], [O_RDWR | O_TRUNC, "", true, "W", "ENOENT"], [O_RDWR | O_CREAT | O_EXCL, "EEXIST", true, lower, ""],
    [O_RDWR | O_APPEND, lower, true, `${lower}W`, "ENOENT"], [O_RDONLY | O_CREAT, lower, false, lower, ""],
  ] as const)("%s", async (flags, read, writes, after, fresh) => {
    const world = await World.create({ base });
    const code = await codeOf(world.overlay.open("/f", flags));
    if (read === "EEXIST") expect(code).toBe("EEXIST");
    else {
      const handle = await world.overlay.open("/f", flags);
      if (read === "EBADF") expect(await codeOf(handle.read(new Uint8Array(1)))).toBe("EBADF");
      else expect(await readAll(handle)).toBe(read);
      expect(await codeOf(handle.write(bytes("W"), 0))).toBe(writes ? "ok" : "EBADF");
      await handle.close();
    }
    expect(await world.text("/f")).toBe(after);
    expect(await codeOf(world.overlay.open("/none", flags, 0o640))).toBe(fresh === "ENOENT" ? "ENOENT" : "ok");
    if (fresh !== "ENOENT") expect((await world.overlay.stat("/none")).mode).toBe(0o640);
  });

  test("what is no file, or not to be followed", async () => {
    const world = await World.create({ base });
    for (const flags of ["r", "r+", "w", "a"]) expect(await codeOf(world.overlay.open("/d", flags))).toBe("EISDIR");
    expect(await codeOf(world.overlay.open("/l", O_RDONLY | O_NOFOLLOW))).toBe("ELOOP");
    expect(await codeOf(world.overlay.open("/l", "wx"))).toBe("EEXIST");
    for (const flags of ["", "x", "rx", "rw", 3, 0.5]) expect(await codeOf(world.overlay.open("/f", flags)), String(flags)).toBe("EINVAL");
    expect(world.upper()).toEqual({});
  });
});

describe("positions", () => {
  test("move by reads and writes that name none, and only by those", async () => {
    const world = await World.create({ base });
    const handle = await world.overlay.open("/f", "r+");
    const buffer = new Uint8Array(3);
    const next = async () => new TextDecoder().decode(buffer.subarray(0, await handle.read(buffer)));
    expect(await next()).toBe("012");
    await handle.read(buffer, 8);
    expect(await next()).toBe("345");
    await handle.write(bytes("##"));
    await handle.write(bytes("!"), 0);
    expect(await next()).toBe("89");
    expect(await next()).toBe("");
    await handle.write(bytes("+"));
    await handle.close();
    expect(await world.text("/f")).toBe("!12345##89+");
  });

  test("a handle opened to append writes at the end, wherever it was; reads go on from there", async () => {
    const world = await World.create({ base });
    const handle = await world.overlay.open("/f", "a+");
    const other = await world.overlay.open("/f", "a");
    await other.write(bytes("B"), 0);
    await handle.write(bytes("A"), 3);
    await handle.write(bytes("C"));
    expect(await handle.read(new Uint8Array(5))).toBe(0);
    expect(await readAll(handle)).toBe("0123456789BAC");
  });

  test("beyond the end there are zeros; truncate to less, to more, to nothing", async () => {
    const world = await World.create({ base });
    const handle = await world.overlay.open("/f", "r+");
    await handle.truncate(2);
    await handle.write(bytes("Z"), 4);
    await handle.truncate(6);
    expect(await readAll(handle)).toBe("01\0\0Z\0");
    await handle.truncate();
    expect((await handle.stat()).size).toBe(0);
    await handle.sync();
    await handle.close();
  });
});

describe("after the name has gone or moved", () => {
  test("a reader and a writer keep their file after unlink; nobody else sees it", async () => {
    const world = await World.create({ base });
    const reader = await world.overlay.open("/f");
    const writer = await world.overlay.open("/f", "r+");
    await world.overlay.unlink("/f");
    await world.overlay.writeFile("/f", "new");
    world.events.length = 0;
    await writer.write(bytes("W"), 0);
    expect(await readAll(writer)).toBe("W123456789");
    expect(await readAll(reader)).toBe("0123456789");
    expect(await world.text("/f")).toBe("new");
    await Promise.resolve();
    expect(world.events, "INV-12 no event lies").toEqual([]);
  });

  test.each(["file", "folder"])("a writer follows a rename of its %s, and its events say the new name (INV-12)", async (what) => {
    const world = await World.create({ base });
    const writer = await world.overlay.open("/d/x", "r+");
    const path = what === "file" ? "/y" : "/q/x";
    await (what === "file" ? world.overlay.rename("/d/x", path) : world.overlay.rename("/d", "/q"));
    await Promise.resolve();
    world.events.length = 0;
    await writer.write(bytes("W"), 0);
    await Promise.resolve();
    expect(await world.text(path)).toBe("W");
    expect(world.events).toEqual([{ type: "changed", path }]);
  });

  test("INV-3 a reader of a lower file keeps it through copy-up, write, rename over it and reset", async () => {
    const world = await World.create({ base });
    const reader = await world.overlay.open("/f");
    await world.overlay.append("/f", "+");
    await world.overlay.writeFile("/f", "new");
    await world.overlay.rename("/d/x", "/f");
    await world.overlay.reset();
    expect(await readAll(reader)).toBe("0123456789");
    expect((await reader.stat()).layer).toBe("lower");
  });

  test("a whole-file write under an open writer goes on in place: both see one file", async () => {
    const world = await World.create({ base });
    const writer = await world.overlay.open("/f", "r+");
    const { ino } = await writer.stat();
    await world.overlay.writeFile("/f", "new");
    await writer.write(bytes("N"), 0);
    expect(await world.text("/f")).toBe("New");
    expect((await world.overlay.stat("/f")).ino).toBe(ino);
    await writer.close();
    await world.overlay.writeFile("/f", "newer");
    expect((await world.overlay.stat("/f")).ino).not.toBe(ino);
  });
});

describe("closing", () => {
  test("a closed handle is EBADF for everything but another close", async () => {
    const world = await World.create({ base });
    for (const flags of ["r", "r+"]) {
      const handle = await world.overlay.open("/f", flags);
      await handle.close();
      for (const use of [handle.read(new Uint8Array(1)), handle.write(bytes("x")), handle.truncate(0), handle.stat(), handle.sync()]) expect(await codeOf(use)).toBe("EBADF");
      expect(await codeOf(handle.close())).toBe("ok");
    }
  });

  test("dispose closes what is open, after what is under way", async () => {
    const world = await World.create({ base });
    const handle = await world.overlay.open("/f", "r+");
    let ended = 0;
    const writes = Array.from({ length: 20 }, (_, i) => world.overlay.append("/d/x", String(i % 10)).finally(() => { ended++; }));
    await world.overlay.dispose();
    expect(ended).toBe(20);
    expect(await Promise.all(writes.map(codeOf))).toEqual(writes.map(() => "ok"));
    expect(world.disk.handles.size).toBe(0);
    for (const use of [handle.read(new Uint8Array(1)), world.overlay.stat("/f"), world.overlay.writeFile("/f", "")]) expect(await codeOf(use)).toBe("EBADF");
    expect((await (await world.reopened()).text("/d/x")).length).toBe(21);
  });
});
