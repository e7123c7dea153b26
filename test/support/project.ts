// A real TypeScript project under git, with its history and what its tests need: a clone of this repository. Where there is
// no history to clone (an unpacked archive, a shallow clone), the same files are committed folder by folder.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./paths.ts";
import { cleanEnvironment } from "./vscode/server.ts";

export interface Project {
  /** For every program that works in it: git has no settings but those of this test. */
  readonly env: NodeJS.ProcessEnv;
}

/** What `npm run test:unit` and tsc run on, with what those need themselves. */
const packages = ["vitest", "typescript", "fast-check", "async-mutex", "esbuild", "@types/node", "@types/vscode"];

/** Makes the project at `folder`; git's settings lie beside it. */
export function makeProject(folder: string): Project {
  const env = gitEnvironment(`${folder}.gitconfig`);
  if (!cloned(folder, env)) {
    mkdirSync(folder, { recursive: true });
    copySources(folder);
    commitInPieces(folder, env);
  }
  copyPackages(folder);
  return { env };
}

/** Runs git to its end. @throws Error with what it said. */
export function git(folder: string, env: NodeJS.ProcessEnv, ...args: readonly string[]): string {
  const { error, status, signal, stdout, stderr } = spawnSync("git", args, { cwd: folder, env, encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`git ${args.join(" ")} ended with ${String(status ?? signal)}: ${stderr}${stdout}`);
  return stdout.trimEnd();
}

/** For every program that works in a repository of a test: git finds its settings in `config`, which is made here, and nowhere else. */
export function gitEnvironment(config: string): NodeJS.ProcessEnv {
  mkdirSync(dirname(config), { recursive: true });
  const settings = [["user", "name", "Somebody"], ["user", "email", "somebody@example.com"], ["commit", "gpgsign", "false"], ["core", "hooksPath", "/dev/null"],
    ["gc", "auto", "0"], ["maintenance", "auto", "false"], ["init", "defaultBranch", "main"], ["safe", "directory", "*"], ["advice", "detachedHead", "false"]];
  writeFileSync(config, settings.map(([section = "", name = "", value = ""]) => `[${section}]\n\t${name} = ${value}\n`).join(""));
  const clean = cleanEnvironment({ GIT_CONFIG_GLOBAL: config, GIT_CONFIG_NOSYSTEM: "1", LC_ALL: "C" });
  // Whoever runs the tests may do so out of a hook of git's, which says where its repository is.
  return Object.fromEntries(Object.entries(clean).filter(([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY)$/.test(name)));
}

/** Its objects are copies: a base must not share a file with anybody. */
function cloned(folder: string, env: NodeJS.ProcessEnv): boolean {
  if (!existsSync(join(root, ".git"))) return false;
  if (Number(git(root, env, "rev-list", "--count", "HEAD")) < 3) return false;
  git(root, env, "clone", "--quiet", "--no-hardlinks", root, folder);
  git(folder, env, "switch", "--quiet", "--force-create", "main");
  git(folder, env, "remote", "remove", "origin");
  return true;
}

const sources = [".gitignore", "package.json", "package-lock.json", "tsconfig.json", "vitest.config.mjs", "eslint.config.mjs", "src", "test"];

function copySources(folder: string): void {
  for (const name of sources) cpSync(join(root, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
}

function commitInPieces(folder: string, env: NodeJS.ProcessEnv): void {
  git(folder, env, "init", "--quiet");
  const pieces = ["package.json", ...readdirSync(join(folder, "src")).map((name) => `src/${name}`), "test/unit", "."];
  for (const piece of pieces) {
    git(folder, env, "add", "--all", piece);
    git(folder, env, "commit", "--quiet", "--allow-empty", `--message=Add ${piece}`);
  }
}

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

function copyPackages(folder: string): void {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { readonly packages: Readonly<Record<string, Locked>> };
  const found = new Set<string>();
  const visit = (place: string): void => {
    if (found.has(place)) return;
    found.add(place);
    const { dependencies, optionalDependencies, peerDependencies } = lock.packages[place] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const next = resolvePackage(lock.packages, place, name);
      // Of other systems, and what is optional: not installed.
      if (next !== undefined && existsSync(join(root, next))) visit(next);
    }
  };
  for (const name of packages) visit(`node_modules/${name}`);
  for (const place of found) cpSync(join(root, place), join(folder, place), { recursive: true, verbatimSymlinks: true });
  // Results of its last run here.
  rmSync(join(folder, "node_modules", ".vite"), { recursive: true, force: true });
}

/** As Node looks for it: beside, then further up. */
function resolvePackage(all: Readonly<Record<string, unknown>>, from: string, name: string): string | undefined {
  for (let at = from; ;) {
    const place = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (place in all) return place;
    if (at === "") return undefined;
    at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")));
  }
}
