// An overlay over a base that is not on a disk, on the real scratch: opened, changed, carried out, while the base is slow or gone.
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { exportFolder, exportLayer, exportPatch, openOverlay, type OpenOverlay, OverlayStore, planApply, undoApply } from "../../src/host/index.js";
import { RemoteLowerLayer } from "../../src/host/remoteLayer.js";
import { createSearcher } from "../../src/search/index.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { held, RemoteDisk, RemoteError, type RemoteCallMade, unavailable } from "../support/layers/remoteDisk.js";
import { codeOf, mergedTree, World } from "../support/world.js";

const uri = "remote://host/some%20project";
let root: string;
let base: string;
let disk: RemoteDisk;
let overlay: OpenOverlay;

const open = (more: { readonly readOnly?: boolean; readonly uri?: string } = {}): Promise<OpenOverlay> =>
  openOverlay({ base: { uri: more.uri ?? uri, files: disk }, scratch: join(root, "scratch"), durability: "none", ...(more.readOnly === undefined ? {} : { readOnly: more.readOnly }) });

const reopen = async (): Promise<void> => {
  await overlay.dispose();
  disk.made();
  overlay = await open();
};

function write(path: string, text: string): void {
  fs.mkdirSync(join(base, path, ".."), { recursive: true });
  fs.writeFileSync(join(base, path), text);
  // Beyond doubt older than anything that is done to it here.
  fs.utimesSync(join(base, path), 1_600_000_000, 1_600_000_000);
}

const text = async (path: string): Promise<string> => new TextDecoder().decode(await overlay.readFile(path));
const dead = (): void => { disk.schedule = () => { throw unavailable(); }; };
const alive = (): void => { disk.schedule = () => undefined; };

beforeEach(async () => {
  root = temporaryFolder("remote-overlay");
  base = join(root, "base");
  write("a.txt", "a\n");
  write("d/b.txt", "b\n");
  write("d/e/c.txt", "c\n");
  disk = new RemoteDisk(base);
  overlay = await open();
});
afterEach(async () => {
  alive();
  await overlay.dispose();
  fs.rmSync(root, { recursive: true, force: true });
});

describe("calls to the base", () => {
  test("making an overlay looks at the root, lists it, and asks for one name in other letters; opening it again asks nothing", async () => {
    expect(disk.made()).toEqual(["stat /", "readDirectory /", "stat A.TXT", "stat /"]);
    await reopen();
    expect(disk.made()).toEqual([]);
  });

  test("listing the root is one call, and what is not in it none", async () => {
    await reopen();
    expect((await overlay.readDirectory("/")).map(({ name }) => name).sort()).toEqual(["a.txt", "d"]);
    expect(disk.made()).toEqual(["readDirectory /"]);
    for (const path of ["/.vscode/settings.json", "/package.json", "/.git"]) expect(await codeOf(overlay.stat(path))).toBe("ENOENT");
    await overlay.readDirectory("/");
    expect(disk.made()).toEqual([]);
  });

  test("a file in a listed folder is one stat, the second time none; read and copied up it is one read", async () => {
    await reopen();
    await overlay.readDirectory("/");
    await overlay.readDirectory("/d");
    expect(disk.made()).toEqual(["readDirectory /", "readDirectory d"]);
    await overlay.stat("/d/b.txt");
    await overlay.stat("/d/b.txt");
    expect(disk.made()).toEqual(["stat d/b.txt"]);
    await overlay.readFile("/d/b.txt");
    await overlay.readLowerFile("/d/b.txt");
    await overlay.append("/d/b.txt", "more\n");
    expect(disk.made()).toEqual(["readFile d/b.txt", "stat d"]);
  });

  test("nothing is read in the background, and what is in upper costs nothing, in a new process too", async () => {
    await overlay.writeFile("/d/e/c.txt", "mine\n");
    await overlay.createDirectory("/new");
    await overlay.writeFile("/new/x.txt", "x\n");
    await reopen();
    expect(await text("/d/e/c.txt")).toBe("mine\n");
    await overlay.append("/d/e/c.txt", "more\n");
    await overlay.readDirectory("/new");
    await overlay.rename("/new/x.txt", "/new/y.txt");
    expect(disk.made()).toEqual([]);
  });
});

test("what was hidden or copied is not read behind the user's back to be hashed", async () => {
  const world = await World.create({ baseLayer: new RemoteLowerLayer(disk, { name: uri }) });
  await world.overlay.remove("/d/b.txt");
  await world.overlay.append("/a.txt", "x");
  disk.made();
  await world.idle();
  await new Promise((resolve) => { setImmediate(resolve); });
  expect(disk.made()).toEqual([]);
  await world.overlay.dispose();
});

describe("a base that is slow", () => {
  test("INV-6 what is done in upper waits for nobody who waits for the base", async () => {
    await overlay.writeFile("/d/mine.txt", "1");
    await overlay.createDirectory("/d/own");
    await reopen();
    await overlay.readDirectory("/d/own");
    const gate = held(({ path }) => path !== "");
    disk.schedule = gate.schedule;
    // Each of these needs the base: to read, to copy up, to list, to delete what it may have, to rename a folder of it.
    const slow = [overlay.readFile("/a.txt"), overlay.append("/d/e/c.txt", "x"), overlay.readDirectory("/d"), overlay.remove("/d/mine.txt"), overlay.rename("/d/e", "/d/f")];
    await gate.reached;
    expect(await text("/d/mine.txt")).toBe("1");
    await overlay.append("/d/mine.txt", "2");
    await overlay.writeFile("/d/own/x.txt", "x");
    await overlay.rename("/d/own/x.txt", "/d/own/y.txt");
    await overlay.remove("/d/own/y.txt");
    gate.open();
    const settled = await Promise.allSettled(slow);
    expect(settled.filter(({ status }) => status === "rejected").length).toBeLessThanOrEqual(1); // append and rename race for one file
    expect(await codeOf(overlay.stat("/d/mine.txt"))).toBe("ENOENT");
  });

  test("an operation can be let go while it waits, and leaves nothing (INV-11)", async () => {
    await reopen();
    const gate = held(({ call }) => call === "readFile");
    disk.schedule = gate.schedule;
    const appending = overlay.append("/d/b.txt", "more");
    await gate.reached;
    overlay.remote?.cancel();
    await expect(appending).rejects.toMatchObject({ code: "ECANCELED" });
    gate.open();
    expect(fs.readdirSync(join(overlay.folder, "work"))).toEqual([]);
    expect(await text("/d/b.txt")).toBe("b\n");
    expect((await overlay.stat("/d/b.txt")).layer).toBe("lower");
  });
});

describe("a base that is gone", () => {
  test("the overlay opens, what is in upper can be had and changed, and the rest is a fault that says why", async () => {
    await overlay.writeFile("/d/b.txt", "mine\n");
    dead();
    await reopen();
    expect(await text("/d/b.txt")).toBe("mine\n");
    await overlay.writeFile("/d/b.txt", "mine again\n");
    for (const call of [overlay.readDirectory("/"), overlay.stat("/a.txt"), overlay.writeFile("/new.txt", ""), overlay.remove("/d/b.txt"), overlay.changes()]) {
      await expect(call).rejects.toMatchObject({ code: "EIO", reason: "the base did not answer: the connection was lost" });
    }
    alive();
    expect(await mergedTree(overlay)).toEqual({ "/a.txt": "a\n", "/d/": "", "/d/b.txt": "mine again\n", "/d/e/": "", "/d/e/c.txt": "c\n" });
    await overlay.remove("/d/b.txt");
    expect(await codeOf(overlay.stat("/d/b.txt"))).toBe("ENOENT");
    expect(fs.readdirSync(join(overlay.folder, "upper/d"))).toEqual([".wh.b.txt"]);
  });

  test("no overlay is made over what does not answer, is not there, or is no folder", async () => {
    const at = (path: string): Promise<OpenOverlay> => openOverlay({ base: { uri, files: new RemoteDisk(join(base, path)) }, scratch: join(root, "other") });
    await expect(at("none")).rejects.toMatchObject({ code: "ENOENT", reason: "the base folder 'remote://host/some project' does not exist" });
    await expect(at("a.txt")).rejects.toMatchObject({ code: "ENOTDIR" });
    const silent = new RemoteDisk(base);
    silent.schedule = () => { throw unavailable(); };
    await expect(openOverlay({ base: { uri, files: silent }, scratch: join(root, "other") })).rejects.toMatchObject({
      code: "EIO", reason: "the base folder 'remote://host/some project' cannot be opened: the base did not answer: the connection was lost",
    });
    expect(fs.existsSync(join(root, "other/overlay.json"))).toBe(false);
  });

  test("a folder of upper whose folder in the base went is shown with what is its own, as added, and can be renamed", async () => {
    await overlay.writeFile("/d/e/mine.txt", "1");
    fs.rmSync(join(base, "d"), { recursive: true });
    overlay.remote?.forget();
    await reopen();
    expect(await mergedTree(overlay, "/d")).toEqual({ "/d/e/": "", "/d/e/mine.txt": "1" });
    expect(await overlay.changes()).toContainEqual({ kind: "added", path: "/d", type: "directory" });
    await overlay.rename("/d", "/moved");
    expect(await mergedTree(overlay)).toEqual({ "/a.txt": "a\n", "/moved/": "", "/moved/e/": "", "/moved/e/mine.txt": "1" });
    await reopen();
    expect(await text("/moved/e/mine.txt")).toBe("1");
  });
});

describe("changes", () => {
  test("size and time say what is stale; Keep Mine and reset work", async () => {
    await overlay.append("/a.txt", "mine\n");
    await overlay.remove("/d/b.txt");
    expect(await overlay.changes()).toEqual([{ kind: "copied", path: "/a.txt", type: "file" }, { kind: "deleted", path: "/d/b.txt", type: "file" }]);
    fs.writeFileSync(join(base, "a.txt"), "b\n");
    const events = [{ type: "changed" as const, path: "/a.txt" }];
    overlay.remote?.changed(events);
    await overlay.baseChanged(events);
    expect(await overlay.changeOf("/a.txt")).toEqual({ kind: "copied", path: "/a.txt", type: "file", stale: true });
    await overlay.adoptOrigin("/a.txt");
    expect(await overlay.changeOf("/a.txt")).toEqual({ kind: "copied", path: "/a.txt", type: "file" });
    await overlay.reset("/a.txt");
    expect(await text("/a.txt")).toBe("b\n");
  });

  test("snapshots, renames of whole folders and their undo are as over any base", async () => {
    await overlay.rename("/d", "/moved");
    await overlay.takeSnapshot("one");
    await overlay.append("/moved/e/c.txt", "more\n");
    expect(await text("/moved/e/c.txt")).toBe("c\nmore\n");
    await reopen();
    expect(await mergedTree(overlay, "/moved")).toMatchObject({ "/moved/b.txt": "b\n", "/moved/e/c.txt": "c\nmore\n" });
    await overlay.resetTo("base");
    expect(await mergedTree(overlay)).toMatchObject({ "/d/b.txt": "b\n", "/d/e/c.txt": "c\n" });
    const [dropped] = await overlay.dropped();
    await overlay.bringBack(dropped?.id ?? "");
    expect(await text("/moved/e/c.txt")).toBe("c\nmore\n");
  });

  test("INV-1 no call that writes is there to be made; the base is as it was", async () => {
    const before = fs.statSync(join(base, "a.txt")).mtimeMs;
    await overlay.append("/a.txt", "x");
    await overlay.chmod("/d/b.txt", 0o600);
    await overlay.utimes("/d/e/c.txt", 1, 1);
    await overlay.remove("/d", { recursive: true });
    expect(fs.readFileSync(join(base, "a.txt"), "utf8")).toBe("a\n");
    expect(fs.statSync(join(base, "a.txt")).mtimeMs).toBe(before);
    expect(fs.readdirSync(join(base, "d")).sort()).toEqual(["b.txt", "e"]);
  });

  test("links that leave the overlay lead nowhere: this machine's disk is not the base's", async () => {
    await overlay.symlink("/etc", "/absolute");
    await overlay.symlink("../../../../etc", "/d/above");
    await overlay.symlink("d/b.txt", "/inside");
    for (const path of ["/absolute/hostname", "/d/above/hostname", "/absolute"]) expect(await codeOf(overlay.stat(path))).toBe("ENOENT");
    expect(await codeOf(overlay.writeFile("/absolute", "x"))).toBe("EROFS");
    expect(await text("/inside")).toBe("b\n");
    expect((await overlay.lstat("/absolute")).type).toBe("symlink");
  });
});

describe("carrying out", () => {
  test("a patch, a layer and a plain folder hold what merged shows", async () => {
    await overlay.append("/a.txt", "mine\n");
    await overlay.remove("/d/b.txt");
    const patch: Uint8Array[] = [];
    for await (const piece of exportPatch(overlay)) patch.push(piece);
    expect(Buffer.concat(patch).toString().replaceAll(/^index .*$/gm, "index")).toBe([
      "diff --git a/d/b.txt b/d/b.txt", "deleted file mode 100644", "index", "--- a/d/b.txt", "+++ /dev/null", "@@ -1 +0,0 @@", "-b",
      "diff --git a/a.txt b/a.txt", "index", "--- a/a.txt", "+++ b/a.txt", "@@ -1 +1,2 @@", " a", "+mine", "",
    ].join("\n"));
    expect((await exportLayer(overlay, join(root, "layer.tar"))).whiteouts).toBe(1);
    expect((await exportFolder(overlay, join(root, "plain"))).files).toBe(2);
    expect(fs.readFileSync(join(root, "plain/a.txt"), "utf8")).toBe("a\nmine\n");
    expect(fs.readFileSync(join(root, "plain/d/e/c.txt"), "utf8")).toBe("c\n");
  });

  test("Apply to Base is refused before anything is looked at, and says what can be done instead", async () => {
    await overlay.append("/a.txt", "mine\n");
    disk.made();
    const refusal = { code: "ENOTSUP", reason: `the base '${uri}' is not on a disk, so it is only ever read; export a patch or a folder instead` };
    await expect(planApply(overlay)).rejects.toMatchObject(refusal);
    await expect(undoApply(overlay, "x")).rejects.toMatchObject(refusal);
    expect(disk.made()).toEqual([]);
  });
});

test("searches say that they cannot be, with no call to the base", async () => {
  const searcher = createSearcher(overlay, async () => "rg", () => undefined);
  disk.made();
  await expect(searcher.files({}, () => undefined)).rejects.toMatchObject({ code: "ENOTSUP", reason: expect.stringMatching(/^the base is not on a disk/) as string });
  await searcher.dispose();
  expect(disk.made()).toEqual([]);
});

describe("the manifest", () => {
  test("names the base by its URI, in a format of its own; over a path it is the old one", async () => {
    const manifest = JSON.parse(fs.readFileSync(join(overlay.folder, "overlay.json"), "utf8")) as object;
    expect(manifest).toMatchObject({ format: 2, base: uri, name: "some project", caseSensitive: true });
    const plain = await openOverlay({ base, scratch: join(root, "plain") });
    expect(JSON.parse(fs.readFileSync(join(plain.folder, "overlay.json"), "utf8"))).toMatchObject({ format: 1, base });
    await plain.dispose();
  });

  test("another base is refused, also a path; the list names the base, and a new overlay is named after it", async () => {
    await overlay.dispose();
    await expect(open({ uri: "remote://host/other" })).rejects.toMatchObject({ code: "EINVAL" });
    await expect(openOverlay({ base, scratch: join(root, "scratch") })).rejects.toMatchObject({ code: "EINVAL" });
    await expect(open({ uri: "no uri" })).rejects.toMatchObject({ code: "EINVAL", reason: "'no uri' is not a URI" });
    overlay = await open();
    const store = new OverlayStore(join(root, "store"));
    const made = await store.create(uri);
    expect(made.id).toMatch(/^some-project-[0-9a-f]{12}$/);
    await (await openOverlay({ base: { uri, files: disk }, scratch: made.folder })).dispose();
    expect((await store.list()).overlays).toMatchObject([{ base: uri, name: "some project", caseSensitive: true }]);
    const second = await store.duplicate(made.id, "second");
    expect(await store.find(second)).toMatchObject({ base: uri, name: "second" });
  });

  test("format 1 with a URI is damaged, as it was for every version before", async () => {
    await overlay.dispose();
    const path = join(root, "scratch/overlay.json");
    fs.writeFileSync(path, fs.readFileSync(path, "utf8").replace('"format": 2', '"format": 1'));
    await expect(open()).rejects.toMatchObject({ code: "EINVAL" });
    fs.writeFileSync(path, fs.readFileSync(path, "utf8").replace('"format": 1', '"format": 2'));
    overlay = await open();
  });

  test("a base in which two names differ in case alone, or none answers in other letters, tells case", async () => {
    const folding = (fold: (path: string) => string): RemoteDisk => {
      const one = new RemoteDisk(base);
      const stat = one.stat.bind(one);
      return Object.assign(one, { stat: (path: string) => stat(fold(path)) });
    };
    const caseless = await openOverlay({ base: { uri, files: folding((path) => path.toLowerCase()) }, scratch: join(root, "caseless") });
    expect(caseless.manifest.caseSensitive).toBe(false);
    await caseless.dispose();
    const broken = folding((path) => { if (path === "A.TXT") throw new RemoteError("Unavailable", "lost"); return path; });
    await expect(openOverlay({ base: { uri, files: broken }, scratch: join(root, "broken") })).rejects.toMatchObject({ code: "EIO" });
  });
});

test("every tenth call that fails is not noticed: it is asked once more", async () => {
  await reopen();
  let n = 0;
  const failed: RemoteCallMade[] = [];
  disk.schedule = (call) => {
    if (++n % 10 !== 0) return;
    failed.push(call);
    throw unavailable();
  };
  for (let i = 0; i < 12; i++) {
    overlay.remote?.forget();
    expect(await mergedTree(overlay)).toMatchObject({ "/a.txt": "a\n", "/d/b.txt": "b\n", "/d/e/c.txt": "c\n" });
  }
  expect(failed.length).toBeGreaterThan(5);
});
