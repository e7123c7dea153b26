/**
 * fuse-overlayfs dies while git commits in a mounted overlay. The moments are git's own: its hooks stand between the steps
 * of a commit, and one of them kills. Whatever was written before is there, the branch is at the old or the new commit, and
 * git itself finds nothing wrong, then goes on once the locks are away that any crash of git's leaves.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { differences, recordTree, type TreeRecord } from "../support/journey/treeRecord.js";
import { git, gitEnvironment } from "../support/project.js";
import { missing, MountWorld } from "./mountWorld.js";

let world: MountWorld;
let folder: string;
let env: NodeJS.ProcessEnv;
let before: TreeRecord;

beforeEach(() => {
  expect(missing()).toBeUndefined();
  world = new MountWorld("repository");
  folder = mkdtempSync(join(tmpdir(), "overlay-git-"));
  env = gitEnvironment(join(folder, "gitconfig"));
  git(world.base, env, "init", "--quiet");
  for (const n of [1, 2, 3]) {
    writeFileSync(join(world.base, "file"), `${String(n)}\n`);
    mkdirSync(join(world.base, `d${String(n)}`));
    writeFileSync(join(world.base, `d${String(n)}/in`), `in ${String(n)}\n`);
    git(world.base, env, "add", "--all");
    git(world.base, env, "commit", "--quiet", `--message=${String(n)}`);
  }
  before = recordTree(world.base);
});

afterEach(async () => {
  const after = recordTree(world.base);
  await world.close();
  rmSync(folder, { recursive: true, force: true });
  expect(differences(before, after), "INV-1: the base is as it was").toEqual([]);
});

const at = (path: string): string => join(world.point, path);

/** A hook of git's that kills the server of the mount; git waits for the hook. */
function killingHook(name: string, state: string): string {
  const hooks = join(folder, "hooks");
  mkdirSync(hooks);
  const [pid] = world.servers();
  writeFileSync(join(hooks, name), `#!/bin/sh\n${state === "" ? "" : `test "$1" = ${state} || exit 0\n`}kill -9 ${String(pid)}\n`, { mode: 0o755 });
  return hooks;
}

/** Git's locks tell of a git that is at work or died; it asks its user to take them away. */
function removeLocks(): void {
  const names = readdirSync(at(".git"), { recursive: true, encoding: "utf8" });
  for (const name of names.filter((one) => one.endsWith(".lock"))) rmSync(at(`.git/${name}`));
}

/** @param written content that was in the mount before it died. @returns the commits of the branch. */
async function expectWhole(written: Readonly<Record<string, string>>): Promise<string[]> {
  const overlay = await world.open();
  for (const [path, content] of Object.entries(written)) expect(new TextDecoder().decode(await overlay.readFile(path))).toBe(content);
  await overlay.dispose();
  await world.mount();
  removeLocks();
  const said = git(world.point, env, "fsck", "--full", "--strict", "--no-dangling");
  expect(said).not.toMatch(/missing|corrupt|error|broken/);
  return git(world.point, env, "log", "--format=%s").split("\n");
}

function expectGoesOn(commits: readonly string[]): void {
  git(world.point, env, "add", "--all");
  git(world.point, env, "commit", "--quiet", "--allow-empty", "--message=after");
  expect(git(world.point, env, "log", "--format=%s").split("\n")).toEqual(["after", ...commits]);
  expect(git(world.point, env, "status", "--porcelain")).toBe("");
}

const old = ["3", "2", "1"];

test.each([
  ["before the index is written", "pre-commit", "", [old]],
  ["when the tree is about to be written", "commit-msg", "", [old]],
  ["when the branch is locked", "reference-transaction", "prepared", [old]],
  ["when the branch has moved", "reference-transaction", "committed", [old, ["mine", ...old]]],
] as const)("killed %s (%s %s)", async (_when, hook, state, outcomes) => {
  const mounted = await world.mount();
  const ended = new Promise((resolve) => { mounted.onEnded(resolve); });
  const written = { "/file": "mine\n", "/new/deep/er": "made\n", "/d1/in": "changed\n" };
  mkdirSync(at("new/deep"), { recursive: true });
  for (const [path, content] of Object.entries(written)) writeFileSync(at(path), content);
  rmSync(at("d2"), { recursive: true });
  const hooks = killingHook(hook, state);
  expect(() => git(world.point, env, "-c", `core.hooksPath=${hooks}`, "commit", "--quiet", "--all", "--message=mine")).toThrow();
  expect(await ended).toMatchObject({ how: "failed" });
  const commits = await expectWhole(written);
  expect(outcomes).toContainEqual(commits);
  expect(existsSync(at("d2"))).toBe(false);
  expectGoesOn(commits);
});

test("killed while git writes hundreds of objects: each is whole or is not there", async () => {
  const mounted = await world.mount();
  const ended = new Promise((resolve) => { mounted.onEnded(resolve); });
  const written: Record<string, string> = {};
  mkdirSync(at("many"));
  for (let n = 0; n < 400; n++) written[`/many/${String(n)}`] = `number ${String(n)}\n`.repeat(n);
  for (const [path, content] of Object.entries(written)) writeFileSync(at(path), content);
  // A filter of git's stands at one of the files, about in the middle.
  const [pid] = world.servers();
  writeFileSync(join(folder, "attributes"), "many/300 filter=kills\n");
  const settings = ["-c", `core.attributesFile=${join(folder, "attributes")}`, "-c", `filter.kills.clean=kill -9 ${String(pid)}; cat`];
  expect(() => git(world.point, env, ...settings, "add", "--all")).toThrow();
  const kept = readdirSync(join(world.scratch, "upper/.git/objects"), { recursive: true, encoding: "utf8" }).filter((name) => /^..\/[0-9a-f]{38}$/.test(name));
  expect(kept.length).toBeGreaterThan(100);
  expect(kept.length).toBeLessThan(400);
  expect(await ended).toMatchObject({ how: "failed" });
  expectGoesOn(await expectWhole(written));
  expect(readFileSync(at("many/399"), "utf8")).toBe(written["/many/399"]);
});
