/**
 * Folders of a mount that hide what lies below: what is hidden is nowhere to be found, although fuse-overlayfs (1.10) finds it
 * by itself, and nothing of what keeps it hidden is left when the mount is gone.
 */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { OverlayEvent } from "../../src/host/index.js";
import { recordTree } from "../support/journey/treeRecord.js";
import { mergedTree } from "../support/world.js";
import { missing, MountWorld, until } from "./mountWorld.js";

let world: MountWorld;

beforeEach(() => {
  expect(missing()).toBeUndefined();
  world = new MountWorld();
  mkdirSync(join(world.base, "d/e"), { recursive: true });
  mkdirSync(join(world.base, "k/d"), { recursive: true });
  for (const path of ["a", "b", "d/a", "d/b", "d/e/f", "k/a", "k/d/a"]) writeFileSync(join(world.base, path), `base ${path}`);
  symlinkSync("d", join(world.base, "toD"));
  symlinkSync("/etc", join(world.base, "toEtc"));
  world.recordBase();
});

afterEach(async () => {
  const { logged } = world;
  await world.closeUnchanged();
  expect(logged.filter((line) => /^(error|warn)/.test(line))).toEqual([]);
});

const at = (path: string): string => world.point + path;
const inUpper = (path: string): string => join(world.scratch, "upper", path);
const whiteouts = (path: string): string[] => readdirSync(inUpper(path)).filter((name) => name.startsWith(".wh.") && !name.startsWith(".wh..wh.")).sort();

/** By programs of their own, so that nothing is remembered here: fuse-overlayfs forgets what was listed and let go of. */
function list(...paths: string[]): void {
  for (const path of paths) execFileSync("ls", [at(path)]);
}

/** Which of these a program finds when it asks for them by name. */
const found = (...paths: string[]): string[] => paths.filter((path) => execFileSync("sh", ["-c", `test -e '${at(path)}' && echo yes || echo no`], { encoding: "utf8" }) === "yes\n");

/** Of a folder of the scratch; when an inode was changed last is nobody's to put back. */
function contentOf(folder: string): Record<string, string> {
  const lines = [...recordTree(join(world.scratch, folder))].map(([path, line]): [string, string] => [path, line.split(" ").filter((_, i) => i !== 8).join(" ")]);
  return Object.fromEntries(lines);
}

const ofD = ["/d/a", "/d/b", "/d/e", "/d/e/f"];

function replaceD(): void {
  rmSync(at("/d"), { recursive: true });
  mkdirSync(at("/d"));
}

function theKeeper(): number {
  const [pid] = world.keepers();
  if (pid === undefined) throw new Error("nobody looks after the mount");
  return pid;
}

/** The moment before the keeper hears of something, as long as it takes. */
function beforeItHears(work: () => void): void {
  const keeper = theKeeper();
  process.kill(keeper, "SIGSTOP");
  try {
    work();
  } finally {
    process.kill(keeper, "SIGCONT");
  }
}

describe("a folder that was deleted and made again, in a live mount", () => {
  test("INV-9 nothing of the base's is found in it after it was listed", async () => {
    const mounted = await world.mount();
    replaceD();
    await mounted.settle();
    list("/d");
    expect(found(...ofD)).toEqual([]);
    expect(readdirSync(at("/d"))).toEqual([]);
  });

  test("INV-9 what a program has found in the moment before is gone again, by itself", async () => {
    await world.mount();
    beforeItHears(() => {
      replaceD();
      list("/d");
      expect(found(...ofD), "else there is nothing to test").toEqual(ofD);
    });
    await until("what was deleted is gone", () => found(...ofD).length === 0);
    expect(readdirSync(at("/d"))).toEqual([]);
  });

  test("INV-9 what a program has written there in that moment stays, and nothing else", async () => {
    const mounted = await world.mount();
    beforeItHears(() => {
      replaceD();
      list("/d");
      expect(found("/d/a", "/d/e/f"), "else there is nothing to test").toEqual(["/d/a", "/d/e/f"]);
      writeFileSync(at("/d/a"), "mine");
      writeFileSync(at("/d/e/new"), "mine");
    });
    await until("what was deleted is gone", () => found("/d/b", "/d/e/f").length === 0);
    await mounted.settle();
    const tree = await mergedTree(mounted);
    expect(Object.entries(tree).filter(([path]) => path.startsWith("/d"))).toEqual([["/d/", ""], ["/d/a", "mine"], ["/d/e/", ""], ["/d/e/new", "mine"]]);
    await mounted.unmount();
    expect(await mergedTree(await world.open())).toEqual(tree);
  });

  test("through the overlay it is so when the call returns: made, renamed there, copied there", async () => {
    const mounted = await world.mount();
    await mounted.remove("/d", { recursive: true });
    await mounted.createDirectory("/d");
    expect(whiteouts("d")).toEqual([".wh.a", ".wh.b", ".wh.e"]);
    await mounted.createDirectory("/n");
    await mounted.remove("/k", { recursive: true });
    await mounted.rename("/n", "/k");
    expect(whiteouts("k")).toEqual([".wh.a", ".wh.d"]);
    await mounted.remove("/k", { recursive: true });
    await mounted.createDirectory("/from");
    await mounted.copy("/from", "/k");
    expect(whiteouts("k")).toEqual([".wh.a", ".wh.d"]);
    list("/", "/d", "/k");
    expect(found(...ofD, "/k/a", "/k/d")).toEqual([]);
  });

  test("INV-9 a folder that was renamed to where the base has one, and those in it", async () => {
    const mounted = await world.mount();
    rmSync(at("/k"), { recursive: true });
    mkdirSync(at("/n/d"), { recursive: true });
    renameSync(at("/n"), at("/k"));
    await mounted.settle();
    expect([whiteouts("k"), whiteouts("k/d")]).toEqual([[".wh.a"], [".wh.a"]]);
    list("/k", "/k/d");
    expect(found("/k/a", "/k/d/a")).toEqual([]);
    expect(readdirSync(at("/k"))).toEqual(["d"]);
  });

  test("INV-1 where a link of the base was: what it leads to is not found, inside of the base or out of it", async () => {
    const mounted = await world.mount({ allowLinksToBase: true });
    for (const path of ["/toD", "/toEtc"]) {
      unlinkSync(at(path));
      mkdirSync(at(path));
    }
    await mounted.settle();
    list("/toD", "/toEtc");
    expect(found("/toD/a", "/toEtc/passwd")).toEqual([]);
  });

  test("what is made again in it is there, in the mount and in every later one", async () => {
    const mounted = await world.mount();
    replaceD();
    await mounted.settle();
    writeFileSync(at("/d/a"), "again");
    mkdirSync(at("/d/e"));
    writeFileSync(at("/d/tmp"), "b again");
    renameSync(at("/d/tmp"), at("/d/b"));
    await mounted.settle();
    const tree = { "/a": "base a", "/b": "base b", "/d/": "", "/d/a": "again", "/d/b": "b again", "/d/e/": "", "/k/": "", "/k/a": "base k/a", "/k/d/": "", "/k/d/a": "base k/d/a", "/toD": "-> d", "/toEtc": "-> /etc" };
    expect(await mergedTree(mounted)).toEqual(tree);
    list("/", "/d", "/d/e");
    expect(found(...ofD)).toEqual(["/d/a", "/d/b", "/d/e"]);
    await mounted.unmount();
    const open = await world.open();
    expect(await mergedTree(open)).toEqual(tree);
    await open.dispose();
    const again = await world.mount();
    expect(await mergedTree(again)).toEqual(tree);
    list("/", "/d", "/d/e");
    expect(found(...ofD)).toEqual(["/d/a", "/d/b", "/d/e"]);
  });

  test("a name and its whiteout beside each other, as a death between two steps leaves them: the whiteout goes", async () => {
    const mounted = await world.mount();
    replaceD();
    writeFileSync(at("/d/a"), "again");
    await mounted.settle();
    writeFileSync(inUpper("d/.wh.a"), "");
    await mounted.settle();
    expect(whiteouts("d")).toEqual([".wh.b", ".wh.e"]);
    expect(readFileSync(at("/d/a"), "utf8")).toBe("again");
    const keeper = theKeeper();
    process.kill(keeper, "SIGKILL");
    await until("the keeper is gone", () => !existsSync(`/proc/${String(keeper)}`));
    writeFileSync(inUpper("d/.wh.a"), "");
    rmSync(inUpper("d/.wh.b"));
    await mounted.dispose();
    const adopted = await world.mount();
    expect(whiteouts("d"), "by the next keeper").toEqual([".wh.b", ".wh.e"]);
    expect(await mergedTree(adopted)).toMatchObject({ "/d/a": "again" });
    expect(world.logged.splice(0).join()).toContain("lost its keeper");
  });

  test("it is deleted like any other, empty or not", async () => {
    const mounted = await world.mount();
    replaceD();
    await mounted.settle();
    execFileSync("rmdir", [at("/d")]);
    mkdirSync(at("/d"));
    writeFileSync(at("/d/a"), "again");
    await mounted.settle();
    execFileSync("rm", ["-r", at("/d")]);
    await mounted.settle();
    list("/");
    expect(found("/d", ...ofD)).toEqual([]);
    await mounted.unmount();
    expect(Object.keys(await mergedTree(await world.open())).filter((path) => path.startsWith("/d"))).toEqual([]);
  });

  test("INV-12 it makes no event, and no change; the folder's time stays as a program has set it", async () => {
    const mounted = await world.mount();
    await mounted.settle();
    const heard: OverlayEvent[] = [];
    mounted.onDidChange((events) => heard.push(...events));
    replaceD();
    utimesSync(at("/d"), 1000, 1000);
    await mounted.settle();
    await mounted.settle();
    expect(heard).toEqual([{ type: "deleted", path: "/d" }, { type: "created", path: "/d" }]);
    expect(whiteouts("d")).toEqual([".wh.a", ".wh.b", ".wh.e"]);
    expect(lstatSync(inUpper("d")).mtimeMs).toBe(1_000_000);
    expect(await mounted.changes()).toEqual([{ kind: "replaced", path: "/d", type: "directory" }]);
  });
});

describe("a folder that hides what lies below, when the mount begins", () => {
  /** A whiteout in the root is what has fuse-overlayfs forget. */
  async function withOpaque(): Promise<void> {
    const overlay = await world.open();
    await overlay.remove("/d", { recursive: true });
    await overlay.createDirectory("/d");
    await overlay.createDirectory("/d/e");
    await overlay.unlink("/b");
    for (const path of ["/d/e", "/d"]) await overlay.utimes(path, 1000, 1000);
    await overlay.dispose();
  }

  test("INV-9 nothing of the base's is found in it, from the first moment", async () => {
    await withOpaque();
    await world.mount();
    list("/", "/d");
    expect(found(...ofD)).toEqual(["/d/e"]);
  });

  test("after the unmount upper is what it was, and so are the changes", async () => {
    await withOpaque();
    const open = await world.open();
    const changes = await open.changes();
    await open.dispose();
    const upper = contentOf("upper");
    const mounted = await world.mount();
    expect([whiteouts("d"), whiteouts("d/e")]).toEqual([[".wh.a", ".wh.b"], [".wh.f"]]);
    expect(await mounted.changes()).toEqual(changes);
    await mounted.unmount();
    expect(contentOf("upper")).toEqual(upper);
    expect(lstatSync(inUpper("d")).mtimeMs).toBe(1_000_000);
    expect(await (await world.open()).changes()).toEqual(changes);
  });

  test("INV-9 in a snapshot: over the base, over another snapshot, in a renamed folder; the snapshot is left as it is", async () => {
    const overlay = await world.open();
    await overlay.createDirectory("/s");
    await overlay.writeFile("/s/one", "1");
    await overlay.takeSnapshot("one");
    for (const path of ["/d", "/s"]) {
      await overlay.remove(path, { recursive: true });
      await overlay.createDirectory(path);
    }
    await overlay.remove("/k", { recursive: true });
    await overlay.createDirectory("/n");
    await overlay.writeFile("/n/new", "n");
    await overlay.rename("/n", "/k");
    await overlay.unlink("/b");
    await overlay.takeSnapshot("two");
    await overlay.writeFile("/d/mine", "m");
    const tree = await mergedTree(overlay);
    await overlay.dispose();
    const layers = contentOf("layers");
    const mounted = await world.mount();
    expect(await mergedTree(mounted)).toEqual(tree);
    list("/", "/d", "/s", "/k");
    expect(found(...ofD, "/s/one", "/k/a", "/k/d/a")).toEqual([]);
    await mounted.unmount();
    expect(contentOf("layers")).toEqual(layers);
    expect(existsSync(join(world.scratch, "plain"))).toBe(false);
    expect(await mergedTree(await world.open())).toEqual(tree);
  });
});

test("what was deleted of such a folder comes back without its whiteouts", async () => {
  const mounted = await world.mount();
  replaceD();
  writeFileSync(at("/d/new"), "n");
  await mounted.settle();
  await mounted.remove("/d", { recursive: true });
  await mounted.unmount();
  const overlay = await world.open();
  const [dropped] = await overlay.dropped();
  await overlay.bringBack(dropped?.id ?? "");
  expect(readdirSync(inUpper("d")).sort()).toEqual([".wh..wh..opq", "new"]);
});
