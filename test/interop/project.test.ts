/**
 * A day's work in a mounted overlay of a real TypeScript project under git: its own tests, a branch, edits, commits, a stash.
 * All of it lands in the upper: the base, its .git included, is to the last nanosecond what it was; the overlay shows the
 * same tree without the mount as with it, and Reset Layers makes it as new. Each test goes on from the last.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { MountedOverlay } from "../../src/mount/index.js";
import { differences, recordTree, type TreeRecord } from "../support/journey/treeRecord.js";
import { start } from "../support/processes.js";
import { git, makeProject, type Project } from "../support/project.js";
import { treeDifferences, type WholeTree, wholeTreeOf, wholeTreeOnDisk } from "../support/wholeTree.js";
import { missing, MountWorld } from "./mountWorld.js";

const source = "src/patch/base85.ts";

describe("a project under git, mounted", () => {
  let world: MountWorld;
  let project: Project;
  let mounted: MountedOverlay;
  let before: TreeRecord;
  let asNew: WholeTree;
  let worked: WholeTree;
  let temp: string;

  beforeAll(async () => {
    expect(missing()).toBeUndefined();
    world = new MountWorld("project");
    temp = mkdtempSync(join(tmpdir(), "overlay-project-"));
    rmSync(world.base, { recursive: true });
    project = makeProject(world.base);
    before = recordTree(world.base);
    asNew = wholeTreeOnDisk(world.base);
    mounted = await world.mount();
  });

  afterEach(() => {
    expect(differences(before, recordTree(world.base)), "INV-1: the base is as it was").toEqual([]);
  });

  afterAll(async () => {
    await world.close();
    rmSync(temp, { recursive: true, force: true });
  });

  const at = (path: string): string => join(world.point, path);
  const gitHere = (...args: readonly string[]): string => git(world.point, project.env, ...args);

  /** As a user types it into a terminal there; what it said, and how it ended. */
  async function ownTests(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
    const run = start("npm", ["run", "--silent", "test:unit", "--", ...args], { cwd: world.point, env: { ...project.env, TMPDIR: temp } });
    const code = await run.ended;
    return { code, said: run.output() };
  }

  test("it is a real one: more than a thousand files, a history, and nothing to commit", () => {
    // How many lie in .git depends on how they are packed.
    expect([...before.keys()].filter((path) => !/^\/?\.git(\/|$)/.test(path)).length).toBeGreaterThan(1000);
    expect(Number(gitHere("rev-list", "--count", "HEAD"))).toBeGreaterThan(2);
    expect(gitHere("status", "--porcelain")).toBe("");
    expect(gitHere("log", "-1", "--format=%H")).toBe(git(world.base, { ...project.env, GIT_OPTIONAL_LOCKS: "0" }, "log", "-1", "--format=%H"));
  });

  test("its own tests run in the mount, on the sources that the mount has", async () => {
    const good = await ownTests("patch");
    expect(good.said).toMatch(/\n\d\d+ passed, 0 failed\n$/);
    expect(good.code).toBe(0);
    writeFileSync(at(source), `${readFileSync(at(source), "utf8")}\nthrow new Error("broken in the mount");\n`);
    const broken = await ownTests("patchBinary");
    expect(broken.said).toContain("broken in the mount");
    expect(broken.code).toBe(1);
    gitHere("restore", source);
    expect((await ownTests("patchBinary")).code).toBe(0);
    expect(gitHere("status", "--porcelain")).toBe("");
  });

  test("a branch, an edit, a new file, a rename and a deletion are committed", () => {
    gitHere("switch", "--quiet", "--create", "experiment");
    writeFileSync(at(source), `${readFileSync(at(source), "utf8")}\n// an experiment\n`);
    mkdirSync(at("src/experiment"));
    writeFileSync(at("src/experiment/index.ts"), "export const answer = 42;\n");
    renameSync(at("test/unit/locks.test.ts"), at("test/unit/lockOrder.test.ts"));
    gitHere("mv", "src/engine/stop.ts", "src/engine/halt.ts");
    rmSync(at("src/carry"), { recursive: true });
    gitHere("add", "--all");
    gitHere("commit", "--quiet", "--message=An experiment");
    expect(gitHere("status", "--porcelain")).toBe("");
    const names = gitHere("show", "--format=%s", "--name-status", "--find-renames", "HEAD").split("\n");
    expect(names[0]).toBe("An experiment");
    expect(names).toEqual(expect.arrayContaining([
      `M\t${source}`, "A\tsrc/experiment/index.ts", "R100\tsrc/engine/stop.ts\tsrc/engine/halt.ts", "R100\ttest/unit/locks.test.ts\ttest/unit/lockOrder.test.ts", "D\tsrc/carry/tar.ts",
    ]));
    expect(gitHere("log", "--format=%s", "main..experiment")).toBe("An experiment");
  });

  test("a stash is put away and popped; branches are switched to and fro; a folder that one of them lacks comes and goes", () => {
    writeFileSync(at("README.md"), "not yet\n");
    writeFileSync(at("src/experiment/later.ts"), "export {};\n");
    gitHere("stash", "push", "--quiet", "--include-untracked");
    expect(gitHere("status", "--porcelain")).toBe("");
    expect(existsSync(at("src/experiment/later.ts"))).toBe(false);
    gitHere("switch", "--quiet", "main");
    expect([existsSync(at("src/carry/tar.ts")), existsSync(at("src/experiment"))]).toEqual([true, false]);
    expect(gitHere("status", "--porcelain")).toBe("");
    gitHere("switch", "--quiet", "experiment");
    expect([existsSync(at("src/carry")), existsSync(at("src/experiment/index.ts"))]).toEqual([false, true]);
    gitHere("stash", "pop", "--quiet");
    expect(gitHere("status", "--porcelain").split("\n").sort()).toEqual([" M README.md", "?? src/experiment/later.ts"]);
    gitHere("add", "--all");
    gitHere("commit", "--quiet", "--message=Later");
  });

  test("history is rewritten and swept: git finds nothing wrong", () => {
    gitHere("commit", "--quiet", "--amend", "--message=Later, in other words");
    gitHere("rebase", "--quiet", "--force-rebase", "main");
    gitHere("pack-refs", "--all");
    gitHere("reflog", "expire", "--expire=now", "--all");
    gitHere("prune", "--expire=now");
    gitHere("fsck", "--full", "--strict");
    expect(gitHere("log", "--format=%s", "main..experiment").split("\n")).toEqual(["Later, in other words", "An experiment"]);
    expect(gitHere("status", "--porcelain")).toBe("");
  });

  test("unmounted, the overlay shows the very tree that the mount showed, git's objects included, and says what has changed", async () => {
    worked = wholeTreeOnDisk(world.point);
    expect(treeDifferences(await wholeTreeOf(mounted), worked), "through the mount").toEqual([]);
    await mounted.unmount();
    expect(world.isMounted()).toBe(false);
    const overlay = await world.open();
    try {
      expect(treeDifferences(await wholeTreeOf(overlay), worked), "without it").toEqual([]);
      const changes = (await overlay.changes()).map(({ kind, path }) => `${kind} ${path}`);
      expect(changes).toContain("copied /.git/HEAD");
      expect(changes.filter((line) => !line.includes(" /.git") && !line.includes(" /node_modules/.vite") && !line.includes(" /.vscode-test")).sort()).toEqual([
        "added /src/engine/halt.ts", "added /src/experiment", "added /src/experiment/index.ts", "added /src/experiment/later.ts", "added /test/unit/lockOrder.test.ts", "copied /README.md", `copied /${source}`,
        "deleted /src/carry", "deleted /src/engine/stop.ts", "deleted /test/unit/locks.test.ts",
      ]);
      expect((await overlay.changes()).filter(({ stale }) => stale === true)).toEqual([]);
    } finally {
      await overlay.dispose();
    }
  });

  test("mounted again, it is the same, and git goes on where it was", async () => {
    mounted = await world.mount();
    expect(treeDifferences(wholeTreeOnDisk(world.point), worked)).toEqual([]);
    expect(gitHere("branch", "--show-current")).toBe("experiment");
    expect(gitHere("status", "--porcelain")).toBe("");
    expect((await ownTests("patchBinary")).code).toBe(0);
  });

  test("Reset Layers makes it as new, with the base's branch and nothing of the experiment", async () => {
    await mounted.resetTo("base");
    expect(treeDifferences(wholeTreeOnDisk(world.point), asNew)).toEqual([]);
    expect(await mounted.changes()).toEqual([]);
    expect(gitHere("branch", "--format=%(refname:short)").split("\n")).toEqual(["main"]);
    expect(gitHere("status", "--porcelain")).toBe("");
    await mounted.unmount();
    expect(readdirSync(join(world.scratch, "upper")), "but for git's own look at the files").toEqual([".git"]);
  });
});
