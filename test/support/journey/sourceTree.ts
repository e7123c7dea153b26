// A real source tree of a few thousand files, under git: what npm installed here, with ESLint's package at the root.
// Holds what a careless writer would damage too: a hard link, symlinks, a read-only file, an executable.
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, say } from "../paths.ts";

const modules = join(root, "node_modules");
/** What the root package needs, and then some: the tree should be as large as people's are. */
const dependencies = ["@eslint", "@typescript-eslint", "@types", "ajv", "diff", "minimatch", "mocha", "postcss", "semver", "vitest", "@jridgewell", "fast-check"];

/** Makes the tree at `folder`, whose last segment becomes the overlay's name. */
export function makeSourceTree(folder: string): void {
  cpSync(join(modules, "eslint"), folder, { recursive: true, verbatimSymlinks: true });
  for (const name of dependencies.filter((one) => existsSync(join(modules, one)))) {
    cpSync(join(modules, name), join(folder, "node_modules", name), { recursive: true, verbatimSymlinks: true });
  }
  oddities(join(folder, "fixtures"));
  commit(folder);
}

function oddities(folder: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, "run.sh"), "#!/bin/sh\necho fixture\n");
  chmodSync(join(folder, "run.sh"), 0o755);
  writeFileSync(join(folder, "one.txt"), "one inode, two names\n");
  linkSync(join(folder, "one.txt"), join(folder, "other.txt"));
  writeFileSync(join(folder, "frozen.txt"), "read-only\n");
  chmodSync(join(folder, "frozen.txt"), 0o444);
  if (process.platform === "win32") return; // Symlinks need a privilege there.
  symlinkSync("run.sh", join(folder, "link"));
  symlinkSync("../lib", join(folder, "library"));
  symlinkSync("nowhere", join(folder, "dangling"));
}

/** git's settings are whoever runs the tests': nothing of them may matter. */
function commit(folder: string): void {
  const git = (...args: string[]): boolean => {
    const settings = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"];
    const { error, status, stderr } = spawnSync("git", [...settings, ...args], { cwd: folder, encoding: "utf8" });
    if (error !== undefined) return false;
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
    return true;
  };
  if (!git("init", "--quiet", "--initial-branch=main")) {
    say("there is no git here: the source tree goes without");
    return;
  }
  git("add", "--all", "--force");
  git("commit", "--quiet", "--message=The tree as it came");
}

