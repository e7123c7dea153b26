/** What others do to the base meanwhile, and what a form cannot hold: nothing of theirs is lost, and nothing is done by halves. */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { apply, exportLayer, exportPatch, importPatch, openOverlay, type OpenOverlay, planApply, undoApply } from "../../src/host/index.js";
import { inMerged, onDisk } from "../interop/carryWorld.js";
import { temporaryFolder } from "../support/layers/hosts.js";

let own: string;
let base: string;
let overlay: OpenOverlay;
beforeEach(async () => {
  own = temporaryFolder("edges");
  base = join(own, "base");
  for (const folder of ["d/e", "a", "b"]) mkdirSync(join(base, folder), { recursive: true });
  for (const [path, text] of Object.entries({ "f": "f\n", "z": "z\n", "d/x": "x\n", "d/y": "y\n", "a/x": "A\n", "a/k": "K\n", "b/x": "B\n" })) writeFileSync(join(base, path), text);
  overlay = await openOverlay({ base, scratch: join(own, "scratch"), durability: "none" });
});
afterEach(async () => {
  await overlay.dispose();
  rmSync(own, { recursive: true, force: true });
});

/** So that the disk gives another time. */
const later = (): Promise<void> => new Promise((resolve) => { setTimeout(resolve, 20); });
const stale = async (): Promise<string[]> => (await planApply(overlay)).items.filter((item) => item.base === "stale").map(({ path }) => path).sort();
const gathered = async (): Promise<{ patch: Buffer; leftOut: string[] }> => {
  const exported = exportPatch(overlay);
  const pieces: Uint8Array[] = [];
  for await (const piece of exported) pieces.push(piece);
  return { patch: Buffer.concat(pieces), leftOut: (await exported.report()).leftOut.map(({ path }) => path) };
};

describe("Apply, what others did in a folder", () => {
  test("that the overlay deleted: what they made or changed stays unless it is chosen, and the folder with it", async () => {
    await overlay.remove("/d", { recursive: true });
    await later();
    writeFileSync(join(base, "d/theirs"), "precious");
    appendFileSync(join(base, "d/x"), "theirs");
    expect(await stale()).toEqual(["/d/theirs", "/d/x"]);
    const report = await apply(overlay, await planApply(overlay));
    expect(report.notDone.map(({ path }) => path).sort()).toEqual(["/d", "/d/theirs", "/d/x"]);
    expect(report.notDone.find(({ path }) => path === "/d")?.reason).toMatch(/not empty/);
    expect(readdirSync(join(base, "d")).sort()).toEqual(["theirs", "x"]);
    await later();
    expect(await stale(), "what Apply itself took from it makes nothing stale").toEqual(["/d/theirs", "/d/x"]);
  });

  test.each(["made", "replaced"])("that the overlay %s itself", async (how) => {
    const at = how === "made" ? "m" : "d";
    if (how === "replaced") await overlay.remove("/d", { recursive: true });
    await overlay.createDirectory(`/${at}`);
    await overlay.writeFile(`/${at}/x`, "mine");
    await later();
    mkdirSync(join(base, at), { recursive: true });
    for (const name of ["x", "theirs"]) writeFileSync(join(base, at, name), "theirs");
    expect(await stale()).toEqual([`/${at}/theirs`, `/${at}/x`]);
    await apply(overlay, await planApply(overlay));
    for (const name of ["x", "theirs"]) expect(readFileSync(join(base, at, name), "utf8")).toBe("theirs");
    await apply(overlay, await planApply(overlay), { stale: await stale() });
    expect(onDisk(base, "full")).toEqual(await inMerged(overlay, "full"));
  });

  test("that a snapshot deleted: of what is in it the folder's own time tells", async () => {
    await overlay.remove("/d", { recursive: true });
    await overlay.takeSnapshot();
    expect(await stale()).toEqual([]);
    await later();
    writeFileSync(join(base, "d/theirs"), "precious");
    expect(await stale()).toEqual(["/d/theirs", "/d/x", "/d/y"]);
  });

  test("of which nothing was touched since", async () => {
    await later();
    await overlay.remove("/d", { recursive: true });
    await overlay.createDirectory("/d");
    await overlay.writeFile("/d/x", "mine");
    expect(await stale()).toEqual([]);
  });
});

test("Apply: another time alone is no change where the content is known; another mode is", async () => {
  await overlay.append("/f", "mine\n");
  const origins = join(own, "scratch", "origins");
  while (!existsSync(origins) || !readFileSync(origins, "utf8").includes('{"hash":"/f"')) await later();
  utimesSync(join(base, "f"), new Date(), new Date());
  expect(await stale()).toEqual([]);
  execFileSync("chmod", ["600", join(base, "f")]);
  expect(await stale()).toEqual(["/f"]);
});

test("Apply: what was removed is not taken for what a link in merged leads to", async () => {
  await overlay.unlink("/a/x");
  await overlay.remove("/b", { recursive: true });
  await overlay.symlink("a", "/b");
  const before = await inMerged(overlay, "full");
  const plan = await planApply(overlay);
  await apply(overlay, { ...plan, items: plan.items.filter(({ path }) => path === "/b/x") });
  expect(existsSync(join(base, "b/x"))).toBe(false);
  expect(await inMerged(overlay, "full")).toEqual(before);
  expect((await overlay.changes()).map(({ path }) => path)).toContain("/a/x");
});

test("Apply: a rename whose old name is in use again leaves the upper; undone, nothing of ours is stale, what was stale is", async () => {
  await overlay.rename("/f", "/g");
  await overlay.writeFile("/f", "new\n");
  await overlay.append("/z", "mine\n");
  await later();
  writeFileSync(join(base, "z"), "theirs\n");
  const report = await apply(overlay, await planApply(overlay), { stale: await stale() });
  expect([report.notDone, report.stays, await overlay.changes()]).toEqual([[], [], []]);
  await undoApply(overlay, report.id);
  expect((await overlay.changes()).filter((change) => change.stale).map(({ path }) => path)).toEqual(["/z"]);
  expect(await stale()).toEqual(["/z"]);
});

test("Import Patch, taken back: what is known of where a change came from, and its times, are as they were", async () => {
  await overlay.rename("/f", "/g");
  await overlay.append("/g", "more\n");
  await overlay.append("/z", "mine\n");
  await later();
  writeFileSync(join(base, "z"), "theirs\n");
  await overlay.baseChanged([{ type: "changed", path: "/z" }]);
  await overlay.utimes("/g", 1000, 2000);
  const before = [await overlay.changes(), await overlay.originOf("/g"), await overlay.originOf("/z"), await inMerged(overlay, "full"), (await overlay.stat("/g")).mtimeMs];
  const hunk = (path: string, text: string): string => `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n@@ -1,2 +1,2 @@\n ${text}\n`;
  const patch = `${hunk("g", "f")}-more\n+less\n${hunk("z", "z")}-mine\n+ours\n${hunk("a/x", "A").replace("@@ -1,2 +1,2 @@\n A\n", "@@ -1 +1 @@\n-A\n+AA\n")}`;
  const stop = new AbortController();
  await expect(importPatch(overlay, Buffer.from(patch), { signal: stop.signal, onProgress: (done) => { if (done === 2) stop.abort(); } })).rejects.toMatchObject({ code: "ECANCELED" });
  expect([await overlay.changes(), await overlay.originOf("/g"), await overlay.originOf("/z"), await inMerged(overlay, "full"), (await overlay.stat("/g")).mtimeMs]).toEqual(before);
  expect(before[0]).toMatchObject([{ path: "/f" }, { kind: "renamed", path: "/g" }, { path: "/z", stale: true }]);
});

test("Export Layer: a name that would be a whiteout is left out, and said", async () => {
  writeFileSync(join(base, "d/.wh.x"), "text");
  await overlay.rename("/d", "/q");
  const report = await exportLayer(overlay, join(own, "layer.tar"));
  expect(report.leftOut.map(({ path }) => path)).toEqual(["/q/.wh.x"]);
  expect(execFileSync("tar", ["tf", join(own, "layer.tar")]).toString().split("\n")).not.toContain("q/.wh.x");
});

test("Export Patch: a snapshot that is taken while the changes are asked for takes nothing from them", async () => {
  await overlay.append("/f", "mine\n");
  let taken = false;
  const meanwhile = new Proxy(overlay, {
    get(target, property) {
      if (property === "changes") {
        return async (...asked: Parameters<OpenOverlay["changes"]>) => {
          if (!taken) await target.takeSnapshot();
          taken = true;
          return target.changes(...asked);
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) as unknown : value;
    },
  });
  let patch = "";
  for await (const piece of exportPatch(meanwhile)) patch += Buffer.from(piece).toString();
  expect(patch).toContain("+mine\n");
});

describe("Export Patch, what no patch takes away", () => {
  const applied = (patch: Buffer): string => {
    const copy = join(own, "copy");
    cpSync(base, copy, { recursive: true, filter: (path) => !path.endsWith("/p") });
    const git = spawnSync("git", ["apply", "--whitespace=nowarn"], { cwd: copy, input: patch, env: { ...process.env, GIT_CEILING_DIRECTORIES: own, GIT_DIR: join(own, "none") }, encoding: "utf8" });
    expect(git.stderr).toBe("");
    return copy;
  };

  test("what is too large: neither deleted nor written over; all else is in it", async () => {
    truncateSync(join(base, "z"), 513 * 1024 * 1024);
    await overlay.writeFile("/z", "small\n");
    await overlay.append("/f", "mine\n");
    const { patch, leftOut } = await gathered();
    expect(leftOut).toEqual(["/z"]);
    truncateSync(join(base, "z"), 0);
    expect(readFileSync(join(applied(patch), "f"), "utf8")).toBe("f\nmine\n");
  });

  test("a special file: what is in its place stays out, and what is beneath that", async () => {
    execFileSync("mkfifo", [join(base, "p")]);
    await overlay.unlink("/p");
    await overlay.createDirectory("/p");
    await overlay.writeFile("/p/f", "mine");
    await overlay.append("/f", "mine\n");
    const { patch, leftOut } = await gathered();
    expect(leftOut).toEqual(["/p", "/p/f"]);
    expect(patch.toString()).not.toContain("p/f");
    expect(readFileSync(join(applied(patch), "f"), "utf8")).toBe("f\nmine\n");
  });

  test("an empty folder: a file in the place of what it is in stays out, and the folder whole", async () => {
    await overlay.remove("/d", { recursive: true });
    await overlay.writeFile("/d", "a file now");
    await overlay.append("/f", "mine\n");
    const { patch, leftOut } = await gathered();
    expect(leftOut).toEqual(["/d", "/d/e"]);
    const copy = applied(patch);
    expect(readdirSync(join(copy, "d")).sort()).toEqual(["e", "x", "y"]);
    expect(readFileSync(join(copy, "f"), "utf8")).toBe("f\nmine\n");
    unlinkSync(join(copy, "f"));
  });
});
