/**
 * Patches and the real git, both ways: what we write, `git apply` makes the same tree of; what git writes, we make the
 * same tree of.
 */
import * as fc from "fast-check";
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applyPatch, type Change, orderChanges, PatchApplyError, type PatchBase, writePatch } from "../../src/patch/index.js";
import { nodeCodec } from "../../src/patch/node.js";
import { changed, type Files, Git, harvest, type Pair, pairs, plant, shown } from "./patchTrees.js";
import { seedFrom } from "../support/seed.js";

const numRuns = Number(process.env["INTEROP_RUNS"] ?? 60);
const seed = seedFrom("INTEROP_SEED");

let folder: string;
let git: Git;
let runsDone = 0;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "overlay-patch-")));
  git = new Git(folder);
  git.run(folder, ["init", "-q", "--bare", "repository"]);
});
afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

async function inFolder<T>(use: (own: string) => Promise<T> | T): Promise<T> {
  const own = join(folder, `run${runsDone++}`);
  mkdirSync(own);
  try {
    return await use(own);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

async function patchOf(changes: Iterable<Change>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writePatch(orderChanges(changes), nodeCodec)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Names that lead to others count as folders. */
function baseOf(files: Files): PatchBase {
  return { read: async (path) => files.get(path) ?? ([...files.keys()].some((other) => other.startsWith(`${path}/`)) ? "directory" : undefined) };
}

async function ours(files: Files, patch: Uint8Array): Promise<Record<string, string>> {
  return shown(changed(files, patch.length === 0 ? [] : await applyPatch(patch, baseOf(files), nodeCodec)));
}

/** The tree as an object in the repository. */
function treeOf(own: string, files: Files): string {
  const tree = join(own, `tree${runsDone++}`);
  plant(tree, files);
  const at = ["--git-dir", join(folder, "repository"), "--work-tree", tree];
  const env = { GIT_INDEX_FILE: `${tree}.index` };
  git.run(tree, [...at, "add", "-A"], undefined, env);
  return git.run(tree, [...at, "write-tree"], undefined, env).toString().trim();
}

function property(title: string, check: (pair: Pair, own: string) => Promise<void>): void {
  test(`${title} (seed ${seed})`, async () => {
    await fc.assert(fc.asyncProperty(pairs, (pair) => inFolder((own) => check(pair, own))), { numRuns, seed });
  });
}

describe("our patch", () => {
  property("git apply makes the after tree of the before tree, and git apply -R the other way", async ({ before, after, changes }, own) => {
    const patch = await patchOf(changes);
    plant(own, before);
    if (patch.length > 0) git.run(own, ["apply", "--whitespace=nowarn"], patch);
    expect(shown(harvest(own))).toEqual(shown(after));
    if (patch.length > 0) git.run(own, ["apply", "--whitespace=nowarn", "-R"], patch);
    expect(shown(harvest(own))).toEqual(shown(before));
  });

  property("we make the after tree of the before tree", async ({ before, after, changes }) => {
    expect(await ours(before, await patchOf(changes))).toEqual(shown(after));
  });
});

describe("git's patch", () => {
  const forms = [["--binary"], ["--binary", "-M1%", "-C1%", "--find-copies-harder"], ["--binary", "--no-renames", "-B10%/10%", "--full-index"], ["--binary", "--no-renames", "-U1"], ["--binary", "--patience", "--inter-hunk-context=4", "--src-prefix=i/", "--dst-prefix=w/"]];
  property("git diff: we make the same tree", async ({ before, after }, own) => {
    const [from, to] = [treeOf(own, before), treeOf(own, after)];
    const form = forms[runsDone % forms.length] ?? [];
    const patch = git.run(own, ["--git-dir", join(folder, "repository"), "diff", ...form, from, to]);
    expect(await ours(before, patch)).toEqual(shown(after));
  });

  property("git diff --no-index: we make the same tree", async ({ before, after }, own) => {
    plant(join(own, "a"), before);
    plant(join(own, "b"), after);
    let patch: Uint8Array = new Uint8Array();
    try {
      git.run(own, ["diff", "--no-index", "--binary", "--no-prefix", "--no-renames", "a", "b"]);
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: Buffer };
      if (status !== 1) throw error; // it says 1 of trees that differ
      patch = stdout;
    }
    expect(await ours(before, patch)).toEqual(shown(after));
  });

  test(`git format-patch of a series: each mail builds on the one before (seed ${seed})`, async () => {
    const series = fc.asyncProperty(fc.array(pairs, { minLength: 2, maxLength: 3 }), (steps) => inFolder(async (own) => {
      const trees = steps.map(({ after }) => after);
      const at = ["--git-dir", join(folder, "repository")];
      let commit = git.run(own, [...at, "commit-tree", treeOf(own, steps[0]?.before ?? new Map())], Buffer.from("base")).toString().trim();
      const root = commit;
      for (const tree of trees) {
        commit = git.run(own, [...at, "commit-tree", "-p", commit, treeOf(own, tree)], Buffer.from("Subject\n\n--- a/x\n is no header\n")).toString().trim();
      }
      const patch = git.run(own, [...at, "format-patch", "--stdout", "--binary", `${root}..${commit}`]);
      const before = steps[0]?.before ?? new Map();
      if (patch.includes("\ndiff --git ")) expect(await ours(before, patch)).toEqual(shown(trees.at(-1) ?? new Map()));
    }));
    await fc.assert(series, { numRuns: Math.ceil(numRuns / 5), seed });
  });
});

/**
 * A file, what was done to it, and what somebody else did to it meanwhile. Few different lines, so that hunks have many
 * places. All end with a newline: of a last line without one, git 2.39 is content with the beginning of another line,
 * and joins the two.
 */
const drifts = fc.record({
  lines: fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 8, maxLength: 40 }),
  ours: fc.array(fc.record({ at: fc.nat({ max: 40 }), drop: fc.nat({ max: 2 }), put: fc.array(fc.constantFrom("A", "b"), { maxLength: 2 }) }), { minLength: 1, maxLength: 3 }),
  theirs: fc.array(fc.record({ at: fc.nat({ max: 40 }), drop: fc.nat({ max: 1 }), put: fc.array(fc.constantFrom("a", "x"), { maxLength: 4 }) }), { maxLength: 2 }),
}).map(({ lines, ours: mine, theirs }) => {
  const edited = (edits: readonly { at: number; drop: number; put: readonly string[] }[]): Uint8Array => {
    const out: string[] = [...lines];
    for (const { at, drop, put } of edits) out.splice(at % (out.length + 1), drop, ...put);
    return Buffer.from(out.map((line) => `${line}\n`).join(""));
  };
  return { old: edited([]), now: edited(mine), drifted: edited(theirs) };
});

test(`a file that has drifted: hunks go where git apply puts them, or nowhere (seed ${seed})`, async () => {
  let applied = 0;
  const mode = 0o100644;
  const property = fc.asyncProperty(drifts, ({ old, now, drifted }) => inFolder(async (own) => {
    const patch = await patchOf([{ before: { path: "f", mode, content: old }, after: { path: "f", mode, content: now } }]);
    if (patch.length === 0) return;
    const files: Files = new Map([["f", { mode, content: drifted }]]);
    plant(own, files);
    let theirs: Record<string, string> | "refused" = "refused";
    try {
      git.run(own, ["apply", "--whitespace=nowarn"], patch);
      theirs = shown(harvest(own));
      applied++;
    } catch (error) {
      if ((error as { status?: number }).status !== 1) throw error;
    }
    const mine = await ours(files, patch).catch((error: unknown) => (error instanceof PatchApplyError ? "refused" : Promise.reject(error as Error)));
    expect(mine).toEqual(theirs);
  }));
  await fc.assert(property, { numRuns: numRuns * 3, seed });
  expect(applied).toBeGreaterThan(numRuns / 4);
});
