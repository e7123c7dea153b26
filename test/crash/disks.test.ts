/**
 * Real disks that fail: full ones (INV-11), bases that may not be written to (INV-1), and bases that go away while an
 * overlay over them is open.
 */
import { chmodSync, chownSync, mkdirSync, readdirSync, rmdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { fullTree, type Tree } from "../support/truth.js";
import { codeOf, World } from "../support/world.js";
import { base, type Change, changes, Filler, large, plant, prepare, record } from "./disks.js";
import { show } from "./machine.js";
import { Mounts, skipped } from "./mounts.js";
import { Guest } from "./remote.js";

const nobody = 65_534;
const skip = skipped("failing disks", "ext4", "btrfs");
let mounts: Mounts;
let guest: Guest;
let bases = 0;

beforeAll(async () => {
  if (skip) return;
  mounts = await Mounts.create("disks");
  chmodSync(mounts.folder, 0o755);
  await mounts.tmpfs(at("memory"));
  guest = await Guest.start(mounts);
});
afterAll(async () => {
  if (skip) return;
  await guest.end();
  await mounts.end();
});

const at = (...path: readonly string[]): string => join(mounts.folder, ...path);
const outside = (path: string): string => mounts.outside(path);

/** A fresh base in the namespace's memory. */
function plantBase(tree: Readonly<Record<string, string>> = base): string {
  const folder = at("memory", `base${String(bases++)}`);
  plant(outside(folder), tree);
  return folder;
}

/** What an operation makes of the prepared overlay where nothing fails. */
async function expected(change: Change): Promise<Tree> {
  const world = await World.create({ base, disk: { uid: 0 } });
  await prepare(world.overlay);
  await change.run(world.overlay);
  return fullTree(world.overlay);
}

const disks: Readonly<Record<string, (disk: string) => Promise<void>>> = {
  "tmpfs": (disk) => mounts.tmpfs(disk, 2 << 20),
  "ext4": async (disk) => {
    await mounts.image("ext4", at("memory/ext4"), 8);
    await mounts.mount(at("memory/ext4"), disk);
  },
  "btrfs": async (disk) => {
    await mounts.image("btrfs", at("memory/btrfs"), 114);
    await mounts.mount(at("memory/btrfs"), disk);
  },
};

describe.skipIf(skip).each(Object.keys(disks))("INV-11 a scratch on a full %s", (kind) => {
  const disk = () => at("disk", kind);
  let filler: Filler;
  beforeAll(async () => {
    await disks[kind]?.(disk());
    filler = new Filler(mounts, disk());
  });
  afterAll(() => mounts.unmount(disk()));

  async function onFull(change: Change, names: number): Promise<string> {
    const folders = { base: plantBase(), scratch: join(disk(), "scratch") };
    const work = () => readdirSync(outside(join(folders.scratch, "work")));
    const overlay = await guest.open(folders);
    try {
      await prepare(overlay);
      const before = show(await fullTree(overlay));
      const after = show(await expected(change));
      await filler.fill(names);
      const code = await codeOf(change.run(overlay));
      expect(["ok", "ENOSPC"], change.name).toContain(code);
      expect(show(await fullTree(overlay)), `${change.name}: ${code}`).toBe(code === "ok" ? after : before);
      expect(work(), `${change.name}: work/`).toEqual([]);
      await filler.empty();
      if (code !== "ok") expect(await codeOf(change.run(overlay)), `${change.name}, with space again`).toBe("ok");
      expect(show(await fullTree(overlay)), `${change.name}, with space again`).toBe(after);
      await overlay.dispose();
      const again = await guest.open(folders);
      expect(show(await fullTree(again)), `${change.name}, opened again`).toBe(after);
      await again.dispose();
      return code;
    } finally {
      await overlay.dispose().catch(() => undefined);
      await filler.empty();
      rmSync(outside(folders.scratch), { recursive: true, force: true });
    }
  }

  test("every operation works, or fails and has changed nothing", async () => {
    const codes: Record<string, number> = {};
    for (const change of changes) {
      const code = await onFull(change, 0);
      codes[code] = (codes[code] ?? 0) + 1;
    }
    expect(codes["ENOSPC"], "how many failed").toBeGreaterThan(5);
  });

  // btrfs has room for as many names as for bytes.
  if (kind !== "btrfs") {
    test("the same where no name fits", async () => {
      const codes: Record<string, number> = {};
      for (const change of changes) {
        const code = await onFull(change, 5000);
        codes[code] = (codes[code] ?? 0) + 1;
      }
      expect(codes["ENOSPC"], "how many failed").toBeGreaterThan(15);
    });
  }
});

describe.skipIf(skip)("a disk that fills while a large file is copied up", () => {
  test("INV-11 nothing is left of the copy; with more space it works", async () => {
    const content = "large of the base ".repeat(1 << 20);
    const disk = at("disk", "small");
    await mounts.tmpfs(disk, 4 << 20);
    const overlay = await guest.open({ base: plantBase({ "large": content, "d/small": "small" }), scratch: join(disk, "scratch") });
    const free = () => statfsSync(outside(disk)).bavail;
    const before = show(await fullTree(overlay));
    const was = free();
    for (const change of [(o: Overlay) => o.append("/large", "+"), (o: Overlay) => o.rename("/large", "/d/large"), (o: Overlay) => o.copy("/large", "/d/large"), (o: Overlay) => o.chmod("/large", 0o600)]) {
      const [code, small] = await Promise.all([codeOf(change(overlay)), overlay.readFile("/d/small")]);
      expect(code).toBe("ENOSPC");
      expect(new TextDecoder().decode(small)).toBe("small");
      expect(show(await fullTree(overlay))).toBe(before);
      expect(readdirSync(outside(join(disk, "scratch", "work")))).toEqual([]);
    }
    // The folder that the rename and the copy needed in upper may stay: it is what merged shows anyway.
    expect(was - free()).toBeLessThan(10);
    await mounts.run(`mount -o remount,size=64M ${disk}`);
    await overlay.append("/large", "+");
    expect(new TextDecoder().decode(await overlay.readFile("/large"))).toBe(`${content}+`);
    await overlay.dispose();
    await mounts.unmount(disk);
  });

  test.each(["tmpfs", "ext4"])("INV-11 a file with two names, saved in place where only its staged copy fits, on %s", async (kind) => {
    const disk = at("disk", `linked-${kind}`);
    await disks[kind]?.(disk);
    const filler = new Filler(mounts, disk);
    const overlay = await guest.open({ base: plantBase(), scratch: join(disk, "scratch") });
    await overlay.writeFile("/own", "own ".repeat(1000));
    await overlay.link("/own", "/second");
    const before = show(await fullTree(overlay));
    await filler.fill(0, large + large / 2);
    expect(await codeOf(overlay.writeFile("/own", "new ".repeat(large / 4)))).toBe("ENOSPC");
    expect(show(await fullTree(overlay))).toBe(before);
    await filler.empty();
    await overlay.writeFile("/own", "new ".repeat(large / 4));
    expect(new TextDecoder().decode(await overlay.readFile("/second"))).toBe("new ".repeat(large / 4));
    await overlay.dispose();
    await mounts.unmount(disk);
  });

  test("an overlay cannot be made on a full disk, and can when there is space", async () => {
    const disk = at("disk", "full");
    await mounts.tmpfs(disk, 1 << 20);
    const filler = new Filler(mounts, disk);
    await filler.fill(0);
    const folders = { base: plantBase(), scratch: join(disk, "scratch") };
    expect(await codeOf(guest.open(folders))).toBe("ENOSPC");
    await filler.empty();
    const made = await guest.open(folders);
    await made.append("/small", "+");
    await made.dispose();
    await filler.fill(0);
    // What is there can be read, whoever wants to write must wait.
    expect(await codeOf(guest.open(folders))).toBe("ENOSPC");
    const reader = await guest.open({ ...folders, readOnly: true });
    expect(new TextDecoder().decode(await reader.readFile("/small"))).toBe("small of the base+");
    await reader.dispose();
    await filler.empty();
    const again = await guest.open(folders);
    expect(new TextDecoder().decode(await again.readFile("/small"))).toBe("small of the base+");
    await again.dispose();
    await mounts.unmount(disk);
  });
});

describe.skipIf(skip)("INV-1 a base that is mounted read-only", () => {
  test.each([["root", undefined], ["an ordinary user", nobody]] as const)("every operation works for %s, and the base is as it was", async (_who, uid) => {
    const real = plantBase();
    const readOnly = at("read-only", String(uid));
    mkdirSync(outside(readOnly), { recursive: true });
    await mounts.run(`mount --bind ${real} ${readOnly} && mount -o remount,bind,ro ${readOnly}`);
    expect(() => { writeFileSync(outside(join(readOnly, "new")), ""); }).toThrow("EROFS");
    const own = at("memory", `own${String(uid)}`);
    mkdirSync(outside(own));
    if (uid !== undefined) chownSync(outside(own), uid, uid);
    const before = record(outside(real));
    const user = await Guest.start(mounts, uid);
    // What an ordinary user copies up becomes his own.
    const withoutOwners = (tree: Tree): string => show(tree).replaceAll(/^(\/\S* \S+ \d+) \d+/gm, "$1");
    try {
      for (const [n, change] of changes.entries()) {
        const overlay = await user.open({ base: readOnly, scratch: join(own, String(n)) });
        await prepare(overlay);
        expect(await codeOf(change.run(overlay)), change.name).toBe("ok");
        expect(withoutOwners(await fullTree(overlay)), change.name).toBe(withoutOwners(await expected(change)));
        await overlay.dispose();
      }
      expect(record(outside(real))).toEqual(before);
    } finally {
      await user.end();
    }
    await mounts.unmount(readOnly);
  });
});

describe.skipIf(skip)("a base that is unmounted while it is in use", () => {
  test("what is of the base fails, what is in upper works, and mounted again all is as before", async () => {
    const real = plantBase();
    const folders = { base: at("mounted"), scratch: at("memory", "lost") };
    const upper = () => names(outside(join(folders.scratch, "upper")));
    mkdirSync(outside(folders.base));
    await mounts.run(`mount --bind ${real} ${folders.base}`);
    const untouched = record(outside(real));
    const overlay = await guest.open(folders);
    await prepare(overlay);
    const before = await fullTree(overlay);
    const upperBefore = upper();
    const handle = await overlay.open("/big", "r");
    const start = new Uint8Array(100);
    await handle.read(start, 0);

    await mounts.unmount(folders.base, "-l");
    expect(readdirSync(outside(folders.base))).toEqual([]);
    const end = new Uint8Array(100);
    expect(await handle.read(end, large - 100)).toBe(100);
    expect(new TextDecoder().decode(end)).toBe((base["big"] ?? "").slice(-100));
    await handle.close();

    const ofBase: Record<string, () => Promise<unknown>> = {
      stat: () => overlay.stat("/big"), read: () => overlay.readFile("/d/e/f"), open: () => overlay.open("/d/big", "r+"), truncate: () => overlay.truncate("/small", 1),
      unlink: () => overlay.unlink("/big"), remove: () => overlay.remove("/d/e", { recursive: true }), rename: () => overlay.rename("/big", "/n"),
      "rename a folder": () => overlay.rename("/d", "/n"), copy: () => overlay.copy("/d", "/n"), chmod: () => overlay.chmod("/d/big", 0o600), copyUp: () => overlay.copyUp("/small"),
      "create in its folder": () => overlay.writeFile("/d/e/n", "n"), "read in a renamed folder": () => overlay.readFile("/u/f"),
    };
    for (const [name, run] of Object.entries(ofBase)) expect(await codeOf(run()), name).toBe("ENOENT");
    // A base that is away has no name, so nothing would be hidden, and its file be back with it.
    const ofUpper: Record<string, () => Promise<unknown>> = {
      "unlink of a copy": () => overlay.unlink("/over"), "delete of a copy": () => overlay.remove("/over"), "rename of a copy": () => overlay.rename("/over", "/else"),
      "delete of a folder": () => overlay.remove("/folder", { recursive: true }),
    };
    for (const [name, run] of Object.entries(ofUpper)) expect(await codeOf(run()), name).toBe("EIO");
    expect(upper(), "nothing came, went or was hidden").toEqual(upperBefore);
    for (const path of ["/over", "/own", "/folder/f", "/s/f"]) expect(JSON.stringify(new TextDecoder().decode(await overlay.readFile(path)))).toBe(before[path]?.replace(/^[^"]*/, ""));
    await overlay.writeFile("/own", "written without the base");
    await overlay.changes();

    await mounts.run(`mount --bind ${real} ${folders.base}`);
    await overlay.writeFile("/own", "own");
    expect(show(await fullTree(overlay))).toBe(show(before));
    await overlay.dispose();

    // A new process, while it is away: what is in upper is there to be read and saved, and loses nothing.
    await mounts.unmount(folders.base);
    const without = await guest.open(folders);
    expect(new TextDecoder().decode(await without.readFile("/s/f"))).toBe(`${base["s/f"] ?? ""}+`);
    expect(await codeOf(without.readFile("/big"))).toBe("ENOENT");
    await without.dispose();
    expect(upper()).toEqual(upperBefore);
    rmdirSync(outside(folders.base));
    expect(await codeOf(guest.open(folders))).toBe("ENOENT");
    mkdirSync(outside(folders.base));
    await mounts.run(`mount --bind ${real} ${folders.base}`);
    const again = await guest.open(folders);
    expect(show(await fullTree(again))).toBe(show(before));
    await again.dispose();
    expect(record(outside(real))).toEqual(untouched);
    await mounts.unmount(folders.base);
  });
});

function names(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).sort();
}
