/** Everything that goes wrong with a mount: it is said, the mount point is free again, and nothing that was written is lost. */
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { OverlayStore } from "../../src/host/index.js";
import { type Ending, findTools, isStranded, type MountedOverlay } from "../../src/mount/index.js";
import { codeOf } from "../support/world.js";
import { isMounted, missing, MountWorld, reasonOf, until } from "./mountWorld.js";

let world: MountWorld;
const path = process.env["PATH"] ?? "";

beforeEach(() => {
  expect(missing()).toBeUndefined();
  world = new MountWorld();
  mkdirSync(join(world.base, "d"));
  writeFileSync(join(world.base, "a"), "A");
  writeFileSync(join(world.base, "d/b"), "B");
  world.recordBase();
});

afterEach(async () => {
  process.env["PATH"] = path;
  await world.closeUnchanged();
});

const at = (name: string): string => world.point + name;
const text = async (overlay: { readFile(path: string): Promise<Uint8Array> }, name: string): Promise<string> => new TextDecoder().decode(await overlay.readFile(name));
const endingOf = (mounted: MountedOverlay): Promise<Ending> => new Promise((resolve) => { mounted.onEnded(resolve); });

function kill(pids: readonly number[]): void {
  expect(pids).toHaveLength(1);
  for (const pid of pids) process.kill(pid, "SIGKILL");
}

/** Of what was written before a death: it is all there. */
async function expectAllThere(overlay: { readFile(path: string): Promise<Uint8Array>; readDirectory(path: string): Promise<readonly { readonly name: string }[]> }): Promise<void> {
  expect(await text(overlay, "/a")).toBe("mine");
  expect(await text(overlay, "/n/x")).toBe("new");
  expect((await overlay.readDirectory("/")).map(({ name }) => name).sort()).toEqual(["a", "n"]);
}

function writeSome(): void {
  writeFileSync(at("/a"), "mine");
  writeTheRest();
}

function writeTheRest(): void {
  mkdirSync(at("/n"));
  writeFileSync(at("/n/x"), "new");
  rmSync(at("/d"), { recursive: true });
}

describe("deaths", () => {
  test("fuse-overlayfs is killed: windows hear of it, the mount point goes, everything written before is in the overlay", async () => {
    const mounted = await world.mount();
    writeSome();
    const ended = endingOf(mounted);
    kill(world.servers());
    const ending = await ended;
    expect(ending).toMatchObject({ how: "failed" });
    expect(JSON.stringify(ending)).toContain("SIGKILL");
    expect(world.isMounted()).toBe(false);
    expect(await codeOf(mounted.readFile("/a"))).toBe("EBADF");
    await expectAllThere(await world.open());
  });

  test("fuse-overlayfs is killed: what a program wrote into a file that it still has open is there, too", async () => {
    const mounted = await world.mount();
    const servers = world.servers(); // first: with each process that is started, the system writes what it has kept back
    const ended = endingOf(mounted);
    const log = openSync(at("/log"), "a");
    for (let line = 0; line < 100; line++) writeSync(log, "a line\n");
    kill(servers);
    await ended;
    try {
      closeSync(log);
    } catch (error) {
      expect(String(error), "some kernels say so only here").toContain("ENOTCONN");
    }
    expect(await text(await world.open(), "/log")).toBe("a line\n".repeat(100));
  });

  test("the keeper is killed: the mount goes on, nobody else may write the upper, and the next keeper takes it on", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "mine");
    const terminal = world.stand();
    const ended = endingOf(mounted);
    kill(world.keepers());
    expect(await ended).toMatchObject({ how: "failed" });
    writeTheRest();
    expect(await reasonOf(world.open())).toContain(world.point);
    expect(await codeOf(new OverlayStore(join(world.folder)).rename("scratch", "x")), "not even its name").toBe("EBUSY");
    expect(await isStranded(world.scratch, () => undefined)).toBe(true);
    const again = await world.mount();
    expect(world.servers()).toHaveLength(1);
    await expectAllThere(again);
    expect(await reasonOf(again.unmount())).toContain(`sleep (${String(terminal.pid)})`);
    terminal.kill();
    await until("nobody stands in it", () => terminal.signalCode !== null);
    await again.unmount();
    expect(world.isMounted()).toBe(false);
    await expectAllThere(await world.open());
  });

  /** Keeper and fuse-overlayfs die after some work. */
  async function bothKilled(): Promise<void> {
    const mounted = await world.mount();
    writeSome();
    const ended = endingOf(mounted);
    kill(world.keepers());
    kill(world.servers());
    await ended;
    await until("nobody serves it", () => world.servers().length === 0);
  }

  test("both are killed: what is left of the mount is cleared away by whoever opens the overlay next", async () => {
    await bothKilled();
    expect(world.isMounted(), "the system keeps it").toBe(true);
    expect(await isStranded(world.scratch, () => undefined)).toBe(false);
    expect(world.isMounted()).toBe(false);
    await expectAllThere(await world.open());
  });

  test("both are killed: mounting it again does as well", async () => {
    await bothKilled();
    await expectAllThere(await world.mount());
    expect(readFileSync(at("/n/x"), "utf8")).toBe("new");
  });

  test("an adopted mount that dies is noticed, too", async () => {
    const first = await world.mount();
    writeSome();
    const gone = endingOf(first);
    kill(world.keepers());
    await gone;
    const again = await world.mount();
    const ended = endingOf(again);
    kill(world.servers());
    expect(await ended).toMatchObject({ how: "failed" });
    await expectAllThere(await world.open());
  });

  test("the last window is killed: the mount goes by itself, with all that was written", async () => {
    const mounted = await world.mount();
    writeSome();
    const other = world.window();
    await until("the other window is there", () => other.stdout?.readableLength !== 0);
    await mounted.dispose();
    other.kill("SIGKILL");
    await until("it is unmounted", () => !world.isMounted() && world.keepers().length === 0);
    expect(readdirSync(world.runtime)).toEqual([]);
    await expectAllThere(await world.open());
  });

  test("somebody unmounts it by hand: windows hear of it, and it is an overlay as before", async () => {
    const mounted = await world.mount();
    writeSome();
    const ended = endingOf(mounted);
    execFileSync("fusermount3", ["-u", world.point]);
    expect(await ended).toEqual({ how: "unmounted" });
    await expectAllThere(await world.open());
  });
});

describe("the place", () => {
  test("the mount point vanishes (detached by hand) while a shell stands in it: unmounting names the shell, and is done when it goes", async () => {
    const mounted = await world.mount();
    writeSome();
    const terminal = world.stand();
    execFileSync("umount", ["-l", world.point]);
    expect(world.isMounted()).toBe(false);
    expect(await reasonOf(mounted.unmount())).toContain(`sleep (${String(terminal.pid)})`);
    const ended = endingOf(mounted);
    terminal.kill();
    expect(await ended).toEqual({ how: "unmounted" });
    await expectAllThere(await world.open());
  });

  test("the mount point vanishes (its folder is moved away): it is unmounted where it is, and nothing is lost", async () => {
    const mounted = await world.mount();
    writeSome();
    renameSync(world.runtime, `${world.runtime}.away`);
    await mounted.unmount();
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(world.runtime);
    expect(world.servers()).toEqual([]);
    await expectAllThere(await world.open());
  });

  test("a mount point that is taken is refused by its path, and left alone", async () => {
    mkdirSync(world.point, { recursive: true, mode: 0o700 });
    for (const folder of [world.runtime, join(world.runtime, "it")]) execFileSync("chmod", ["700", folder]);
    writeFileSync(at("/something"), "of the user's");
    expect(await reasonOf(world.mount())).toContain(`${world.point} is taken`);
    expect(readFileSync(at("/something"), "utf8")).toBe("of the user's");
    expect(await codeOf(world.open()), "it opens as before").toBe("ok");
  });

  test("a mount point that something else is mounted at is refused, and left alone", async () => {
    mkdirSync(world.point, { recursive: true, mode: 0o700 });
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "overlay-test", world.point]);
    try {
      expect(await reasonOf(world.mount())).toContain("something else is mounted there");
      expect(isMounted(world.point)).toBe(true);
    } finally {
      execFileSync("umount", [world.point]);
    }
  });

  test("a folder for mounts that others may look into is refused", async () => {
    mkdirSync(world.runtime, { mode: 0o755 });
    execFileSync("chmod", ["755", world.runtime]);
    expect(await reasonOf(world.mount())).toContain("not a folder of yours alone");
  });

  test("blanks, commas, colons and quotes in the names of base and scratch", async () => {
    await world.close();
    world = new MountWorld("a base, with: 'every' \\thing");
    writeFileSync(join(world.base, "a"), "A");
    world.recordBase();
    const mounted = await world.mount();
    writeFileSync(at("/a"), "mine");
    expect(await text(mounted, "/a")).toBe("mine");
    await mounted.unmount();
    expect(world.isMounted()).toBe(false);
  });
});

describe("the base and the disk", () => {
  test("the base goes while it is mounted: what was written is kept, and shown again when the base is back", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "mine");
    renameSync(world.base, `${world.base}.away`);
    try {
      expect(await text(mounted, "/a")).toBe("mine");
      await mounted.unmount();
      expect(await reasonOf(world.open())).toContain("does not exist");
    } finally {
      renameSync(`${world.base}.away`, world.base);
    }
    const again = await world.open();
    expect(await text(again, "/a")).toBe("mine");
    world.recordBase(); // its own time of change is that of the renames
  });

  test("the base is gone when a short unmount is over: that is said, and nothing is lost", async () => {
    const mounted = await world.mount();
    writeFileSync(at("/a"), "mine");
    const ended = endingOf(mounted);
    renameSync(world.base, `${world.base}.away`);
    try {
      await mounted.takeSnapshot("s").catch(() => undefined);
      const ending = await ended;
      expect(ending).toMatchObject({ how: "failed" });
      expect(JSON.stringify(ending)).toContain("could not be mounted again");
      expect(world.isMounted()).toBe(false);
    } finally {
      renameSync(`${world.base}.away`, world.base);
    }
    expect(await text(await world.open(), "/a")).toBe("mine");
    world.recordBase();
  });

  test("a full disk is ENOSPC, through the overlay and in the mount, and the old content stays", async () => {
    mkdirSync(world.scratch);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "overlay-test", world.scratch]);
    try {
      const mounted = await world.mount();
      await mounted.writeFile("/a", "old");
      const large = Buffer.alloc(4 << 20, "x");
      expect(await codeOf(mounted.writeFile("/a", large))).toBe("ENOSPC");
      expect(await text(mounted, "/a")).toBe("old");
      expect(() => { writeFileSync(at("/n"), large); }).toThrow("ENOSPC");
      rmSync(at("/n"), { force: true });
      await mounted.writeFile("/a", "small enough");
      expect(readdirSync(world.point).sort(), "nothing staged is left").toEqual(["a", "d"]);
      await mounted.unmount();
      await mounted.dispose();
      await until("its keeper has ended", () => world.keepers().length === 0);
    } finally {
      execFileSync("umount", [world.scratch]);
    }
  });
});

describe("where it cannot be had", () => {
  test("what is missing is named, with how to get it", async () => {
    const bin = join(world.folder, "bin");
    mkdirSync(bin);
    const system = { platform: "linux", path: bin, device: "/dev/fuse" } as const;
    expect(await reasonOf(findTools({ ...system, platform: "darwin" }))).toContain("Linux");
    expect(await reasonOf(findTools(system))).toMatch(/fuse-overlayfs is not installed.*apt install fuse-overlayfs fuse3/);
    writeFileSync(join(bin, "fuse-overlayfs"), "", { mode: 0o755 });
    expect(await reasonOf(findTools(system))).toMatch(/fusermount3 is not installed.*dnf install/);
    writeFileSync(join(bin, "fusermount3"), "", { mode: 0o755 });
    expect(await reasonOf(findTools({ ...system, device: join(world.folder, "none") }))).toMatch(/there is no .*no FUSE.*--device \/dev\/fuse/);
    expect(await codeOf(findTools({ ...system, device: join(world.folder, "none") }))).toBe("ENOTSUP");
    expect(await codeOf(findTools(system))).toBe("ok");
  });

  test("a mount that the system refuses says what fuse-overlayfs said, and the overlay is as before", async () => {
    const bin = join(world.folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "fuse-overlayfs"), "#!/bin/sh\necho 'fuse: mount failed: Operation not permitted' >&2\nexit 1\n", { mode: 0o755 });
    const first = await world.open();
    await first.writeFile("/a", "mine");
    await first.dispose();
    process.env["PATH"] = `${bin}:${path}`;
    expect(await reasonOf(world.mount())).toContain("mount failed: Operation not permitted");
    process.env["PATH"] = path;
    expect(existsSync(join(world.scratch, "mounted"))).toBe(false);
    expect(await text(await world.open(), "/a")).toBe("mine");
  });

  test("mounting that is cancelled leaves nothing mounted", async () => {
    const cancel = new AbortController();
    cancel.abort();
    expect(await codeOf(world.mount({ signal: cancel.signal }))).toBe("ECANCELED");
    await until("its keeper has ended", () => world.keepers().length === 0);
    expect(world.isMounted()).toBe(false);
    expect(await codeOf(world.open())).toBe("ok");
  });
});
