/**
 * Real work in a mounted overlay of a real TypeScript project under git: this repository itself, with a commit more. Its own
 * tests run there, a branch is made, a file edited and committed; afterwards the overlay shows the same without the mount,
 * Reset makes it as new, and the base is untouched, `.git` included.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openOverlay } from "../../src/host/index.js";
import { differences, recordTree } from "../support/journey/treeRecord.js";
import { root } from "../support/paths.js";
import { missing, MountWorld } from "./mountWorld.js";

let world: MountWorld;
afterEach(() => world.close());

const identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"];
const git = (folder: string, ...args: string[]): string => execFileSync("git", ["-C", folder, ...identity, ...args], { encoding: "utf8" });

/** This repository, as it would be cloned, with what it needs to run its tests; some history even where it has none here. */
function makeProject(folder: string): void {
  const files = execFileSync("git", ["-C", root, "ls-files", "-z"], { encoding: "utf8" }).split("\0").filter((file) => /^(src\/|test\/(unit|support)\/|test\/tsconfig\.json|package\.json|tsconfig\.json|vitest\.config\.mjs|\.gitignore)/.test(file) && existsSync(join(root, file)));
  execFileSync("cp", ["--parents", ...files, folder], { cwd: root });
  git(folder, "init", "-q", "-b", "main");
  git(folder, "add", "package.json", "tsconfig.json");
  git(folder, "commit", "-q", "-m", "the beginning");
  git(folder, "add", ".");
  git(folder, "commit", "-q", "-m", "the sources");
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, ".git/info/exclude"), "/node_modules\n"); // a link is no folder to .gitignore
}

test("tests run, a branch, an edit and a commit are made in it; then the overlay shows the same, resets as new, and the base is as it was", async () => {
  expect(missing()).toBeUndefined();
  world = new MountWorld("project");
  makeProject(world.base);
  const before = recordTree(world.base);
  const first = await openOverlay({ base: world.base, scratch: world.scratch });
  await first.takeSnapshot("as it came");
  await first.dispose();
  const mounted = await world.mount();
  const { point } = mounted;

  const tests = (): string => execFileSync(join(root, "node_modules", ".bin", "vitest"), ["run", "--project", "unit", "test/unit/locks.test.ts", "test/unit/vscode-event-coalescer.test.ts"], { cwd: point, encoding: "utf8", env: { ...process.env, VITEST: undefined, NO_COLOR: "1", FORCE_COLOR: undefined } });
  expect(tests()).toMatch(/Tests\s+\d+ passed/);
  git(point, "switch", "-q", "-c", "experiment");
  const edited = join(point, "src/engine/locks.ts");
  writeFileSync(edited, `// An experiment.\n${readFileSync(edited, "utf8")}`);
  expect(git(point, "status", "--porcelain").trim()).toBe("M src/engine/locks.ts");
  git(point, "commit", "-q", "-a", "-m", "an experiment");
  expect(git(point, "log", "--format=%s").trim().split("\n")).toEqual(["an experiment", "the sources", "the beginning"]);
  expect(tests()).toMatch(/Tests\s+\d+ passed/);
  const shown = git(point, "ls-files", "-s");
  expect(git(point, "fsck", "--full")).not.toMatch(/missing|broken|error/);

  await mounted.unmount();
  const overlay = await world.open();
  const text = async (path: string): Promise<string> => new TextDecoder().decode(await overlay.readFile(path));
  expect(await text("/src/engine/locks.ts")).toMatch(/^\/\/ An experiment\./);
  expect((await text("/.git/HEAD")).trim()).toBe("ref: refs/heads/experiment");
  await overlay.dispose();
  // Mounted anew, git finds all of it as it was left.
  const again = await world.mount();
  expect(git(again.point, "ls-files", "-s")).toBe(shown);
  expect(git(again.point, "status", "--porcelain")).toBe("");
  await again.resetTo("base");
  expect(git(again.point, "log", "--format=%s").trim().split("\n")).toEqual(["the sources", "the beginning"]);
  expect(await again.changes()).toEqual([]);
  await again.unmount();
  expect(differences(before, recordTree(world.base)), "INV-1, .git included").toEqual([]);
}, 300_000);
