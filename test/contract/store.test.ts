// The overlays under a scratch root: listed with what a user picks by, several per base, deleted at once; and case.
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isCaseSensitiveToRead, isCaseSensitiveToWrite } from "../../src/host/caseProbe.js";
import { probeCreator } from "../../src/host/creatorProbe.js";
import { OverlayStore } from "../../src/host/index.js";
import { prepare } from "../../src/host/openOverlay.js";
import type { Prepared } from "../../src/host/openOverlay.js";
import { temporaryFolder } from "../support/layers/hosts.js";

describe("the store of overlays", () => {
  let root: string;
  let base: string;
  let store: OverlayStore;
  beforeEach(() => {
    root = temporaryFolder("store");
    base = join(root, "My Base");
    fs.mkdirSync(base);
    store = new OverlayStore(join(root, "overlays"));
  });
  afterEach(() => { fs.rmSync(root, { recursive: true, force: true }); });

  const make = async (name: string): Promise<Prepared> => prepare({ base, scratch: (await store.create(base)).folder, name });
  const close = async ({ hold }: Prepared): Promise<void> => {
    if (hold.kind === "owner") await hold.lock.release();
  };

  test("none, then several over one base, last used first", async () => {
    expect(await store.list()).toEqual({ overlays: [], damaged: [] });
    const first = await make("first");
    const second = await make("second");
    await close(second);
    await new Promise((resolve) => setTimeout(resolve, 15));
    await close(first);
    const { overlays } = await store.list();
    expect(overlays.map((o) => [o.name, o.base])).toEqual([["first", base], ["second", base]]);
    expect(overlays[0]?.id).toMatch(/^my-base-[0-9a-f]{12}$/);
    expect(overlays[0]?.lastUsed).toBeGreaterThan(overlays[1]?.lastUsed ?? Infinity);
    expect(Date.now() - (overlays[0]?.lastUsed ?? 0)).toBeLessThan(10_000);
    expect((await store.find(overlays[0]?.id ?? ""))?.name).toBe("first");
    expect(await store.find("nobody")).toBeUndefined();
    await expect(store.find("../x")).rejects.toMatchObject({ code: "EINVAL" });
  });

  test("what cannot be used is listed as such, strays are not", async () => {
    const made = await make("good");
    await close(made);
    fs.mkdirSync(join(store.root, "bad"));
    fs.writeFileSync(join(store.root, "bad/overlay.json"), "{");
    fs.mkdirSync(join(store.root, "empty"));
    fs.writeFileSync(join(store.root, "stray"), "");
    const { overlays, damaged } = await store.list();
    expect(overlays.map((o) => o.name)).toEqual(["good"]);
    expect(damaged).toEqual([{ id: "bad", folder: join(store.root, "bad"), reason: expect.stringContaining("damaged") as unknown }]);
  });

  test("size on disk: blocks, a file of two names once, no symlink followed", async () => {
    const { folder } = await make("sized");
    const [overlay] = (await store.list()).overlays;
    if (overlay === undefined) throw new Error("not listed");
    const before = await overlay.sizeOnDisk();
    fs.mkdirSync(join(folder, "upper"));
    fs.writeFileSync(join(folder, "upper/a"), Buffer.alloc(100_000, 1));
    fs.linkSync(join(folder, "upper/a"), join(folder, "upper/b"));
    fs.symlinkSync("/", join(folder, "upper/root"));
    const grown = (await overlay.sizeOnDisk()) - before;
    expect(grown).toBeGreaterThanOrEqual(100_000);
    expect(grown).toBeLessThan(130_000);
  });

  test("delete: not while it is open, gone at once otherwise, read-only directories and symlinks in it included", async () => {
    const open = await make("doomed");
    const id = open.manifest.id;
    await expect(store.delete(id)).rejects.toMatchObject({ code: "EBUSY", reason: expect.stringContaining(`process ${process.pid}`) as unknown });
    expect((await (await store.list()).overlays[0]?.owner())?.pid).toBe(process.pid);
    await close(open);
    fs.mkdirSync(join(open.folder, "upper/fixed"), { recursive: true });
    fs.writeFileSync(join(open.folder, "upper/fixed/f"), "");
    fs.chmodSync(join(open.folder, "upper/fixed"), 0o555);
    fs.symlinkSync(base, join(open.folder, "upper/away"));
    fs.writeFileSync(join(base, "kept"), "");
    const { cleared } = await store.delete(id);
    expect(await store.find(id)).toBeUndefined();
    expect((await store.list()).overlays).toEqual([]);
    await cleared;
    expect(fs.readdirSync(store.root)).toEqual([]);
    expect(fs.readdirSync(base)).toEqual(["kept"]);
    await expect(store.delete(id)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("a deletion that ended halfway is finished by the next sweep", async () => {
    fs.mkdirSync(join(store.root, ".deleted-x/upper"), { recursive: true });
    fs.mkdirSync(join(store.root, "kept"));
    await store.sweep();
    expect(fs.readdirSync(store.root)).toEqual(["kept"]);
  });

  test("a root inside the base is refused before anything is made", async () => {
    await expect(new OverlayStore(join(base, "x")).create(base)).rejects.toMatchObject({ code: "EINVAL" });
    expect(fs.readdirSync(base)).toEqual([]);
  });

  test("what a file made in a folder looks like is seen, not guessed: umask and the folder's group", async () => {
    if (process.platform === "win32") return;
    const made = join(root, "made");
    fs.mkdirSync(made);
    const umask = process.umask(0o027);
    try {
      expect(await probeCreator(made)).toEqual({ uid: process.geteuid?.(), gid: process.getegid?.(), umask: 0o027 });
      if (process.geteuid?.() === 0) {
        fs.chownSync(made, 0, 4321);
        fs.chmodSync(made, 0o2755);
        expect(await probeCreator(made)).toMatchObject({ gid: 4321 });
      }
    } finally {
      process.umask(umask);
    }
    expect(fs.readdirSync(made)).toEqual([]);
    expect(await probeCreator(join(root, "gone"))).toBeUndefined();
  });

  test("case: found without writing to the base, whatever its entries", async () => {
    if (process.platform !== "linux") return;
    expect(await isCaseSensitiveToRead(base)).toBe(true); // by its own name
    fs.writeFileSync(join(base, "123"), "");
    fs.writeFileSync(join(base, "Readme"), "");
    fs.linkSync(join(base, "Readme"), join(base, "rEADME")); // both spellings of one file: proves nothing
    const before = fs.statSync(base, { bigint: true }).mtimeNs;
    expect(await isCaseSensitiveToRead(base)).toBe(true);
    expect(fs.statSync(base, { bigint: true }).mtimeNs).toBe(before);
    expect(await isCaseSensitiveToWrite(base)).toBe(true);
    expect(fs.readdirSync(base).sort()).toEqual(["123", "Readme", "rEADME"]);
  });
});
