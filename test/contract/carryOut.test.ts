/** What cannot be exported, imported or applied: each is refused by a sentence, and nothing is lost, left or half done. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { apply, exportFolder, exportLayer, exportPatch, importPatch, openOverlay, type OpenOverlay, OverlayError, planApply, undoApply } from "../../src/host/index.js";
import { inMerged, onDisk } from "../interop/carryWorld.js";
import { temporaryFolder } from "../support/layers/hosts.js";

let own: string;
let base: string;
let overlay: OpenOverlay;
beforeEach(async () => {
  own = temporaryFolder("carry");
  base = join(own, "base");
  mkdirSync(join(base, "d"), { recursive: true });
  writeFileSync(join(base, "f"), "one\ntwo\n");
  writeFileSync(join(base, "d", "g"), "g\n");
  overlay = await openOverlay({ base, scratch: join(own, "scratch") });
});
afterEach(async () => {
  await overlay.dispose();
  rmSync(own, { recursive: true, force: true });
});

async function refusal(promise: Promise<unknown>): Promise<OverlayError> {
  const error: unknown = await promise.then(() => undefined, (found: unknown) => found);
  expect(error).toBeInstanceOf(OverlayError);
  return error as OverlayError;
}

const text = async (pieces: AsyncIterable<Uint8Array>): Promise<string> => {
  let all = "";
  for await (const piece of pieces) all += Buffer.from(piece).toString("latin1");
  return all;
};

describe("where nothing may be exported to", () => {
  const places: readonly [string, () => string, RegExp][] = [
    ["inside the base", () => join(base, "out"), /inside the base/],
    ["the base", () => base, /inside the base/],
    ["around the base", () => own, /lies inside it/],
    ["inside the overlay's folder", () => join(own, "scratch", "out"), /overlay's own folder/],
    ["a folder that is not empty", () => join(own, "full"), /not empty/],
    ["a file", () => join(own, "file"), /a file has this name/],
    ["a symlink to an empty folder", () => join(own, "link"), /symbolic link/],
    ["through a symlink into the base", () => join(own, "way", "out"), /inside the base/],
    ["no absolute path", () => "out", /absolute/],
    ["a folder that is missing", () => join(own, "no", "out"), /make it first/],
  ];
  test.each(places)("%s", async (_, place, reason) => {
    mkdirSync(join(own, "full", "x"), { recursive: true });
    mkdirSync(join(own, "empty"));
    writeFileSync(join(own, "file"), "");
    symlinkSync(join(own, "empty"), join(own, "link"));
    symlinkSync(base, join(own, "way"));
    const before = onDisk(own, "full");
    expect((await refusal(exportFolder(overlay, place()))).reason).toMatch(reason);
    expect(onDisk(own, "full")).toEqual(before);
  });

  test("a folder for a layer's file", async () => {
    mkdirSync(join(own, "x"));
    expect((await refusal(exportLayer(overlay, join(own, "x")))).code).toBe("EISDIR");
  });
});

test("an export that is cancelled leaves nothing", async () => {
  const cancel = new AbortController();
  const names = readdirSync(own);
  const error = await refusal(exportFolder(overlay, join(own, "out"), { signal: cancel.signal, onProgress: () => { cancel.abort(); } }));
  expect(error.code).toBe("ECANCELED");
  expect(readdirSync(own)).toEqual(names);
});

test("what a patch cannot hold is in its report, and the rest in the patch", async () => {
  execFileSync("mkfifo", [join(base, "pipe")]);
  await overlay.unlink("/pipe");
  await overlay.createDirectory("/empty");
  await overlay.createDirectory("/.git");
  await overlay.writeFile("/.git/config", "x");
  await overlay.unlink("/d/g");
  await overlay.append("/f", "three\n");
  const patch = exportPatch(overlay);
  const { leftOut, files } = await patch.report();
  expect(leftOut.map(({ path }) => path)).toEqual(["/.git/config", "/d", "/empty", "/pipe"]);
  expect(files).toBe(2);
  expect(await text(patch)).toMatch(/^diff --git a\/d\/g b\/d\/g\n[^]*\+three\n$/);
});

test("a selection takes what is beneath it, and renames whole", async () => {
  await overlay.append("/f", "three\n");
  await overlay.rename("/d", "/e");
  expect((await text(exportPatch(overlay, { paths: ["/d"] }))).split("\n").filter((line) => /^(diff|rename)/.test(line))).toEqual(["diff --git a/d/g b/e/g", "rename from d/g", "rename to e/g"]);
});

describe("patches that are refused leave the overlay as it is", () => {
  const patches: readonly [string, string, RegExp][] = [
    ["no patch", "hello\n", /not a patch/],
    ["one that does not fit", "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-ONE\n+1\n two\n", /'f', hunk 1 \(line 3\)/],
    ["one that leads out", "diff --git a/../x b/../x\nnew file mode 100644\n--- /dev/null\n+++ b/../x\n@@ -0,0 +1 @@\n+x\n", /line 1.*leads out/],
    ["one for a repository", "diff --git a/.git/x b/.git/x\nnew file mode 100644\n--- /dev/null\n+++ b/.git/x\n@@ -0,0 +1 @@\n+x\n", /\.git\/x.*repository/],
    ["one that makes a marker", "diff --git a/.wh.x b/.wh.x\nnew file mode 100644\n--- /dev/null\n+++ b/.wh.x\n@@ -0,0 +1 @@\n+x\n", /mark deletions/],
    ["one for a file that is missing", "--- a/no\n+++ b/no\n@@ -1 +1 @@\n-x\n+y\n", /'no'/],
    ["one that is cut off", "--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-one\n", /line/],
  ];
  test.each(patches)("%s", async (_, patch, reason) => {
    const before = await inMerged(overlay, "full");
    const error = await refusal(importPatch(overlay, Buffer.from(patch)));
    expect(error.code).toBe("EINVAL");
    expect(error.reason).toMatch(reason);
    expect(await inMerged(overlay, "full")).toEqual(before);
    expect(await overlay.changes()).toEqual([]);
  });
});

/** An overlay whose disk is full from a call on. */
function fullFrom(at: number): { full: OpenOverlay; calls: () => number } {
  let calls = 0;
  const changing = new Set(["writeFile", "createDirectory", "symlink", "rename", "copy", "chmod", "unlink"]);
  const undoing = new Set(["unlink", "rename", "chmod"]); // these need next to no space, so that taking back goes on
  let isFull = false;
  const full = new Proxy(overlay, {
    get(of, name) {
      const value: unknown = Reflect.get(of, name, of);
      if (typeof value !== "function") return value;
      const call = value.bind(of) as (...args: unknown[]) => Promise<unknown>;
      if (!changing.has(String(name))) return call;
      return async (...args: unknown[]) => {
        if (calls++ === at || (isFull && !undoing.has(String(name)))) {
          isFull = true;
          throw new OverlayError("ENOSPC", String(name), String(args[0]));
        }
        return call(...args);
      };
    },
  });
  return { full, calls: () => calls };
}

test("an import that meets a full disk, at each call in turn, is taken back whole", async () => {
  await overlay.append("/f", "mine\n");
  await overlay.writeFile("/own", "own\n");
  await overlay.utimes("/own", 100, 200);
  mkdirSync(join(base, "e"));
  writeFileSync(join(base, "e", "h"), "h\n");
  const patch = Buffer.from([
    "diff --git a/d/g b/moved/g", "similarity index 100%", "rename from d/g", "rename to moved/g",
    "diff --git a/f b/f", "--- a/f", "+++ b/f", "@@ -1,3 +1,3 @@", "-one", "+1", " two", " mine",
    "diff --git a/own b/own", "deleted file mode 100644", "--- a/own", "+++ /dev/null", "@@ -1 +0,0 @@", "-own",
    "diff --git a/e/h b/e/h", "deleted file mode 100644", "--- a/e/h", "+++ /dev/null", "@@ -1 +0,0 @@", "-h",
    "diff --git a/e b/e", "new file mode 100755", "--- /dev/null", "+++ b/e", "@@ -0,0 +1 @@", "+file", "",
  ].join("\n"));
  const before = await inMerged(overlay, "full");
  const changes = await overlay.changes();
  let at = 0;
  for (; ; at++) {
    const { full } = fullFrom(at);
    const error: unknown = await importPatch(full, patch).then(() => undefined, (found: unknown) => found);
    if (error === undefined) break;
    expect((error as OverlayError).reason, `call ${at}`).toMatch(/everything that was done is taken back/);
    expect(await inMerged(overlay, "full"), `call ${at}`).toEqual(before);
    expect(await overlay.changes(), `call ${at}`).toEqual(changes);
    expect((await overlay.stat("/own")).mtimeMs).toBe(200_000);
  }
  expect(at).toBeGreaterThan(8);
  expect(await inMerged(overlay, "git")).toEqual({ "/f": "plain 1\ntwo\nmine\n", "/moved/g": "plain g\n", "/e": "executable file\n" });
});

test("a file of a patch takes the place of an empty folder, and of no other", async () => {
  mkdirSync(join(base, "empty"));
  const make = (path: string): Buffer => Buffer.from(`diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`);
  expect(await importPatch(overlay, make("empty"))).toMatchObject({ created: ["/empty"], leftBehind: [] });
  expect(Buffer.from(await overlay.readFile("/empty")).toString()).toBe("x\n");
  expect((await refusal(importPatch(overlay, make("d")))).reason).toMatch(/a folder of this name already exists/);
});

describe("Apply", () => {
  const contentOf = (path: string): string => readFileSync(join(base, path), "utf8");

  test("a file whose base changed since is refused, and done when it is chosen", async () => {
    await overlay.append("/f", "three\n");
    await overlay.append("/d/g", "more\n");
    writeFileSync(join(base, "f"), "by others\n");
    const plan = await planApply(overlay);
    expect(plan.items.map(({ path, base: state }) => [path, state])).toEqual([["/d/g", "fresh"], ["/f", "stale"]]);
    const report = await apply(overlay, plan);
    expect(report.notDone.map(({ path }) => path)).toEqual(["/f"]);
    expect([contentOf("f"), contentOf("d/g")]).toEqual(["by others\n", "g\nmore\n"]);
    expect((await overlay.changes()).map(({ path }) => path)).toEqual(["/f"]);
    const again = await apply(overlay, await planApply(overlay), { stale: ["/f"] });
    expect(again.notDone).toEqual([]);
    expect(contentOf("f")).toBe("one\ntwo\nthree\n");
    await undoApply(overlay, again.id);
    expect(contentOf("f")).toBe("by others\n");
  });

  test("so is a deletion of what has changed since, and a file whose name the base has gained", async () => {
    await overlay.unlink("/f");
    await overlay.unlink("/d/g");
    await overlay.writeFile("/new", "mine");
    writeFileSync(join(base, "f"), "by others\n");
    writeFileSync(join(base, "new"), "theirs");
    const plan = await planApply(overlay);
    expect(plan.items.map(({ path, base: state }) => [path, state])).toEqual([["/d/g", "unknown"], ["/f", "stale"], ["/new", "stale"]]);
    const report = await apply(overlay, plan);
    expect(report.notDone.map(({ path }) => path)).toEqual(["/f", "/new"]);
    expect([contentOf("f"), contentOf("new")]).toEqual(["by others\n", "theirs"]);
  });

  test("what changed after the plan was made is refused, chosen or not", async () => {
    await overlay.append("/f", "three\n");
    await overlay.writeFile("/new", "mine");
    const plan = await planApply(overlay);
    writeFileSync(join(base, "f"), "by others\n");
    writeFileSync(join(base, "new"), "theirs");
    const report = await apply(overlay, plan, { stale: ["/f", "/new"] });
    expect(report.notDone.map(({ reason }) => /make a new plan/.test(reason))).toEqual([true, true]);
    expect([contentOf("f"), contentOf("new")]).toEqual(["by others\n", "theirs"]);
  });

  test("read-only files and folders are refused and not made writable", async () => {
    await overlay.append("/f", "three\n");
    await overlay.append("/d/g", "more\n");
    chmodSync(join(base, "f"), 0o444);
    chmodSync(join(base, "d"), 0o555);
    const before = onDisk(base, "full");
    const readOnly = (what: string): string => `${what} of the base is read-only`;
    const report = await apply(overlay, await planApply(overlay), { stale: ["/f", "/d/g"] });
    expect(report.applied).toEqual([]);
    // The folder's own mode is another than that of its copy, too.
    expect(report.notDone).toEqual([{ path: "/d", reason: readOnly("the folder '/d'") }, { path: "/d/g", reason: readOnly("the folder '/d'") }, { path: "/f", reason: readOnly("'/f'") }]);
    expect(onDisk(base, "full")).toEqual(before);
  });

  test("a base that is read-only: the plan says at once what to do instead", async () => {
    await overlay.append("/f", "three\n");
    chmodSync(base, 0o555);
    const plan = await planApply(overlay);
    expect(plan.unwritable).toMatch(/export a patch or a folder instead/);
    expect((await refusal(apply(overlay, plan))).code).toBe("EROFS");
    chmodSync(base, 0o755);
  });

  test("a folder of the base that has become a symlink is not followed", async () => {
    await overlay.append("/d/g", "more\n");
    const plan = await planApply(overlay);
    const outside = join(own, "outside");
    renameSync(join(base, "d"), outside);
    symlinkSync(outside, join(base, "d"));
    const report = await apply(overlay, plan);
    expect(report.notDone[0]?.reason).toMatch(/nothing is written through it/);
    expect(readFileSync(join(outside, "g"), "utf8")).toBe("g\n");
    expect(readdirSync(outside)).toEqual(["g"]);
  });

  test("a base that is lost in the middle: every file is told of, and nothing is made elsewhere", async () => {
    for (let i = 0; i < 5; i++) await overlay.writeFile(`/n${i}`, "new");
    const plan = await planApply(overlay);
    const report = await apply(overlay, plan, { onProgress: (done) => { if (done === 2) renameSync(base, `${base}-lost`); } }).catch((error: unknown) => error);
    expect(existsSync(base)).toBe(false);
    expect(readdirSync(`${base}-lost`).sort()).toEqual(["d", "f", "n0", "n1"]);
    expect(report).toBeDefined();
    renameSync(`${base}-lost`, base);
  });

  test("undo leaves alone what was changed since, file by file", async () => {
    await overlay.append("/f", "three\n");
    await overlay.append("/d/g", "more\n");
    await overlay.writeFile("/new", "new");
    const { id } = await apply(overlay, await planApply(overlay));
    writeFileSync(join(base, "f"), "by others\n");
    utimesSync(join(base, "new"), 1, 1);
    const report = await undoApply(overlay, id);
    expect(report.notDone.map(({ path }) => path).sort()).toEqual(["/f", "/new"]);
    expect([contentOf("f"), contentOf("d/g"), contentOf("new")]).toEqual(["by others\n", "g\n", "new"]);
  });

  test("the whiteouts go too: what others make again under a deleted name is seen, and no old name shows up meanwhile", async () => {
    await overlay.rename("/f", "/h");
    await overlay.remove("/d", { recursive: true });
    const seen: string[] = [];
    overlay.onDidChange((events) => { seen.push(...events.filter(({ type }) => type === "created").map(({ path }) => path)); });
    await apply(overlay, await planApply(overlay));
    expect(seen.filter((path) => path !== "/h")).toEqual([]);
    writeFileSync(join(base, "f"), "again");
    mkdirSync(join(base, "d"));
    await overlay.baseChanged([{ type: "created", path: "/f" }, { type: "created", path: "/d" }]);
    expect(Object.keys(await inMerged(overlay, "full"))).toEqual(["/d", "/f", "/h"]);
  });

  test("a part of a renamed folder: merged stays as it is", async () => {
    writeFileSync(join(base, "d", "h"), "h\n");
    await overlay.rename("/d", "/e");
    const merged = await inMerged(overlay, "full");
    const report = await apply(overlay, await planApply(overlay, { paths: ["/e/g"] }));
    expect(await inMerged(overlay, "full")).toEqual(merged);
    expect(report.notDone).toEqual([]);
    expect(Object.keys(onDisk(base, "git"))).toEqual(["/d/h", "/e/g", "/f"]);
    expect((await apply(overlay, await planApply(overlay))).notDone).toEqual([]);
    expect(onDisk(base, "full")).toEqual(merged);
  });
});

describe("Apply of an overlay with snapshots", () => {
  const contentOf = (path: string): string => readFileSync(join(base, path), "utf8");

  test("a choice is applied, the rest goes on being a change; undone, the snapshots are back", async () => {
    await overlay.append("/f", "three\n");
    await overlay.takeSnapshot("one");
    await overlay.append("/d/g", "more\n");
    await overlay.append("/f", "four\n");
    const [merged, snapshots] = [await inMerged(overlay, "full"), await overlay.snapshots()];
    const plan = await planApply(overlay, { paths: ["/f"] });
    expect(plan).toMatchObject({ snapshots: 1, items: [{ path: "/f", base: "fresh" }] });
    const report = await apply(overlay, plan);
    expect([report.notDone, contentOf("f"), contentOf("d/g")]).toEqual([[], "one\ntwo\nthree\nfour\n", "g\n"]);
    expect((await overlay.changes()).map(({ path }) => path)).toEqual(["/d/g"]);
    expect(await overlay.snapshots()).toEqual([]);
    expect(await undoApply(overlay, report.id)).toMatchObject({ notDone: [], snapshots: true });
    expect(contentOf("f")).toBe("one\ntwo\n");
    expect(await overlay.snapshots()).toEqual(snapshots);
    expect(await inMerged(overlay, "full")).toEqual(merged);
  });

  test("what changed since a snapshot copied it is refused, as what changed since the upper did", async () => {
    await overlay.append("/f", "three\n");
    await overlay.unlink("/d/g");
    await overlay.takeSnapshot("one");
    await overlay.append("/f", "four\n");
    await overlay.writeFile("/d/g", "made anew");
    writeFileSync(join(base, "f"), "by others\n");
    writeFileSync(join(base, "d", "g"), "by others, too\n");
    const plan = await planApply(overlay);
    expect(plan.items.map(({ path, base: state }) => [path, state])).toEqual([["/d/g", "stale"], ["/f", "stale"]]);
    const snapshots = await overlay.snapshots();
    expect((await apply(overlay, plan)).applied).toEqual([]);
    expect(await overlay.snapshots(), "nothing was applied: they stay").toEqual(snapshots);
  });

  test("an undo drops nobody's edits: the snapshots wait among what was thrown away", async () => {
    await overlay.append("/f", "three\n");
    await overlay.takeSnapshot("one");
    const { id } = await apply(overlay, await planApply(overlay));
    await overlay.writeFile("/later", "mine");
    expect(await undoApply(overlay, id)).toMatchObject({ notDone: [], snapshots: false });
    expect(await inMerged(overlay, "git")).toMatchObject({ "/later": "plain mine", "/f": "plain one\ntwo\nthree\n" });
    const [thawed] = (await overlay.dropped()).filter(({ what }) => what === "thawed");
    await overlay.bringBack(thawed?.id ?? "", { replace: true });
    expect((await overlay.snapshots()).map(({ name }) => name)).toEqual(["one"]);
    expect(await inMerged(overlay, "git")).toMatchObject({ "/f": "plain one\ntwo\nthree\n" });
  });

  test("every change failing, it ends with the snapshots as they were", async () => {
    await overlay.append("/f", "three\n");
    await overlay.takeSnapshot("one");
    const plan = await planApply(overlay);
    writeFileSync(join(base, "f"), "by others\n");
    const report = await apply(overlay, plan);
    expect(report.applied).toEqual([]);
    expect((await overlay.snapshots()).map(({ name }) => name)).toEqual(["one"]);
  });
});

describe("a folder that has another mode and nothing else", () => {
  const modeOf = (path: string): number => statSync(join(own, path)).mode & 0o777;

  test("is carried by Export Folder, Export Layer and Apply; a patch says that it cannot", async () => {
    await overlay.chmod("/d", 0o700);
    await exportFolder(overlay, join(own, "out"));
    expect(modeOf("out/d")).toBe(0o700);
    await exportLayer(overlay, join(own, "layer.tar"));
    expect(execFileSync("tar", ["-tvf", join(own, "layer.tar")]).toString()).toMatch(/^drwx------ .* d\/\n$/);
    const patch = exportPatch(overlay);
    expect(await text(patch)).toBe("");
    expect((await patch.report()).leftOut).toEqual([{ path: "/d", reason: "a patch cannot hold a folder's mode" }]);
    const plan = await planApply(overlay);
    expect(plan.items.map(({ action, path, base: state }) => [action, path, state])).toEqual([["mode", "/d", "fresh"]]);
    const report = await apply(overlay, plan);
    expect(modeOf("base/d")).toBe(0o700);
    chmodSync(join(base, "d"), 0o711);
    expect((await overlay.lstat("/d")).mode, "it is the base's again").toBe(0o711);
    chmodSync(join(base, "d"), 0o700);
    expect((await undoApply(overlay, report.id)).notDone).toEqual([]);
    expect([modeOf("base/d"), (await overlay.lstat("/d")).mode]).toEqual([0o755, 0o700]);
  });

  test("through snapshots as well", async () => {
    await overlay.chmod("/d", 0o700);
    await overlay.takeSnapshot();
    expect((await planApply(overlay)).items.map(({ action, path }) => [action, path])).toEqual([["mode", "/d"]]);
  });

  test("one that others have changed is not taken back unless chosen", async () => {
    await overlay.append("/d/g", "more\n");
    chmodSync(join(base, "d"), 0o711);
    const plan = await planApply(overlay);
    expect(plan.items.map(({ path, base: state }) => [path, state])).toEqual([["/d/g", "fresh"], ["/d", "stale"]].sort());
    await apply(overlay, plan);
    expect(modeOf("base/d")).toBe(0o711);
  });
});
