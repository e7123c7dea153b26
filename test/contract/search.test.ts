/** What a search does when it is limited, ended, or given what cannot be searched; what it reads; links; the file index. */
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openOverlay, type OpenOverlay, shownWhole } from "../../src/host/index.js";
import { createSearcher, type FindOptions, ripgrepIn, type Searcher, type TextOptions, type TextQuery, type TextResult } from "../../src/search/index.js";
import { globalIgnoreFile } from "../../src/search/mergedIgnores.js";
import { temporaryFolder } from "../support/layers/hosts.js";
import { findRipgrep } from "../support/search/plainSearch.js";

let ripgrep: string;
beforeAll(async () => { ripgrep = await findRipgrep(); }, 600_000);

let folder: string;
let base: string;
let overlay: OpenOverlay;
let searcher: Searcher;
const failures: unknown[] = [];

/** Paths to contents; a folder is made for each. */
function plant(root: string, tree: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
}

async function open(tree: Readonly<Record<string, string | Buffer>>, command: () => Promise<string | undefined> = async () => ripgrep): Promise<void> {
  plant(base, tree);
  overlay = await openOverlay({ base, scratch: join(folder, "scratch"), durability: "none" });
  searcher = createSearcher(overlay, command, (error) => failures.push(error));
}

beforeEach(() => {
  folder = temporaryFolder("search");
  base = join(folder, "base");
  mkdirSync(base);
});
afterEach(async () => {
  await searcher.dispose();
  await overlay.dispose();
  rmSync(folder, { recursive: true, force: true });
  expect(failures.splice(0)).toEqual([]);
});

async function files(options: FindOptions = {}): Promise<string[]> {
  const found: string[] = [];
  await searcher.files(options, (paths) => found.push(...paths));
  return found.sort();
}

async function text(query: TextQuery, options: TextOptions = {}): Promise<{ found: TextResult[]; limitHit: boolean; message: string | undefined }> {
  const found: TextResult[] = [];
  const { limitHit, message } = await searcher.text(query, options, (results) => found.push(...results));
  return { found, limitHit, message };
}

const pathsOf = (found: readonly TextResult[]): string[] => [...new Set(found.map(({ path }) => path))].sort();

describe("what is searched", () => {
  for (const [file, line] of [[".gitignore", "out.txt"], [".gitignore", "/**/out.txt"], [".ignore", "/out.txt"], [".git/info/exclude", "out.txt"]] as const) {
    test(`the base's ${file} says "${line}", and counts for what was made above the base`, async () => {
      await open({ [file]: `${line}\n`, ".git/HEAD": "" });
      await overlay.writeFile("/out.txt", "needle");
      await overlay.writeFile("/new.txt", "needle");
      expect(pathsOf((await text({ pattern: "needle" })).found)).toEqual(["/new.txt"]);
      expect((await files()).filter((path) => path.endsWith(".txt"))).toEqual(["/new.txt"]);
      expect(pathsOf((await text({ pattern: "needle" }, { useIgnoreFiles: false })).found)).toEqual(["/new.txt", "/out.txt"]);
    });
  }

  test("a changed file's new text and not its old one; nothing under a whiteout; a renamed folder under its new name", async () => {
    await open({ "a.txt": "old\n", "b.txt": "old\n", "d/c.txt": "old\n", "d/e/f.txt": "old\n" });
    await overlay.writeFile("/a.txt", "new\n");
    await overlay.remove("/b.txt");
    await overlay.rename("/d", "/moved");
    await overlay.writeFile("/moved/c.txt", "new\n");
    expect(pathsOf((await text({ pattern: "old" })).found)).toEqual(["/moved/e/f.txt"]);
    expect(pathsOf((await text({ pattern: "new" })).found)).toEqual(["/a.txt", "/moved/c.txt"]);
    expect(await files()).toEqual(["/a.txt", "/moved/c.txt", "/moved/e/f.txt"]);
    expect(await files({ includes: ["moved/**"], excludes: ["**/e"] })).toEqual(["/moved/c.txt"]);
    await overlay.takeSnapshot();
    await overlay.rename("/moved/e", "/moved/again");
    expect(await files({ folder: "/moved" })).toEqual(["/moved/again/f.txt", "/moved/c.txt"]);
  });

  test("an ignore file of the upper counts for the base, one of the base for the upper, and one that was deleted for neither", async () => {
    await open({ ".gitignore": "*.log\n", "x.log": "", "x.tmp": "", "d/y.tmp": "" });
    await overlay.writeFile("/z.log", "");
    expect(await files()).toEqual(["/.gitignore", "/d/y.tmp", "/x.tmp"]);
    await overlay.writeFile("/d/.ignore", "*.tmp\n");
    expect(await files()).toEqual(["/.gitignore", "/d/.ignore", "/x.tmp"]);
    await overlay.remove("/.gitignore");
    expect(await files()).toEqual(["/d/.ignore", "/x.log", "/x.tmp", "/z.log"]);
    await overlay.rename("/d", "/e");
    expect(await files({ folder: "/e" })).toEqual(["/e/.ignore"]);
    expect(await files({ useIgnoreFiles: false })).toEqual(["/e/.ignore", "/e/y.tmp", "/x.log", "/x.tmp", "/z.log"]);
  });

  test("a folder that shows merged itself is searched as it lies", async () => {
    await open({ ".gitignore": "*.log\n", "x.log": "", "d/a": "needle" });
    plant(folder, { "mount/.ignore": "gone\n", "mount/d/b": "needle", "mount/gone": "needle" });
    const mounted = createSearcher(Object.assign(Object.create(overlay) as typeof overlay, { whereabouts: async () => shownWhole(join(folder, "mount"), "/") }), async () => ripgrep, (error) => failures.push(error));
    const found: string[] = [];
    await mounted.files({}, (paths) => found.push(...paths));
    expect(found.sort()).toEqual(["/.ignore", "/d/b"]);
    await mounted.dispose();
  });

  test("the overlay's markers are not to be found, the base's names that look like them are", async () => {
    await open({ "d/a": "x", ".wh.real": "redirect opaque" });
    await overlay.rename("/d", "/needle-in-redirect");
    await overlay.remove("/needle-in-redirect/a");
    expect(await files()).toEqual(["/.wh.real"]);
    expect(pathsOf((await text({ pattern: "/d" })).found)).toEqual([]);
  });

  test("binary files are passed over, large ones when asked, and an encoding is read", async () => {
    await open({ "bin": Buffer.from("a needle\0"), "large": `needle${" ".repeat(5000)}`, "wide": Buffer.from("\u00e9 needle", "utf16le"), "bom": Buffer.from("\ufeffé needle", "utf16le") });
    expect(pathsOf((await text({ pattern: "needle" }, { maxFileSize: 1000 })).found)).toEqual(["/bom"]);
    const { found } = await text({ pattern: "needle" }, { encoding: "utf16le", includes: ["wide"] });
    expect(found).toMatchObject([{ preview: "é needle", ranges: [{ source: { startColumn: 2 } }] }]);
  });

  test("the user's own ignore file, where it is asked for", async () => {
    plant(folder, { "home/.gitconfig": "[core]\n\texcludesFile = ~/mine\n", "home/mine": "*.own\n", "other/git/ignore": "" });
    expect(await globalIgnoreFile(join(folder, "home"), {})).toBe(join(folder, "home/mine"));
    expect(await globalIgnoreFile(join(folder, "nothing"), { XDG_CONFIG_HOME: join(folder, "other") })).toBe(join(folder, "other/git/ignore"));
    expect(await globalIgnoreFile(join(folder, "nothing"), {})).toBeUndefined();
    await open({});
  });
});

describe("links", () => {
  test("are not followed unless asked; then what merged has there is told, and nothing else", async () => {
    await open({ "d/same": "needle", "d/changed": "needle", "d/gone": "needle", "e/x": "needle" });
    symlinkSync("d", join(base, "ld"));
    symlinkSync("d/changed", join(base, "lf"));
    symlinkSync("e/x", join(base, "lx"));
    symlinkSync("..", join(base, "d/up"));
    await overlay.writeFile("/d/changed", "other needle");
    await overlay.remove("/d/gone");
    expect(pathsOf((await text({ pattern: "needle" })).found)).toEqual(["/d/changed", "/d/same", "/e/x"]);
    const { found } = await text({ pattern: "needle" }, { followSymlinks: true });
    expect(pathsOf(found)).toEqual(["/d/changed", "/d/same", "/e/x", "/ld/same", "/lx"]);
    expect(await files({ followSymlinks: true, excludes: ["d"] })).toEqual(["/e/x", "/ld/same", "/lf", "/lx"]);
    expect(pathsOf((await text({ pattern: "needle" }, { folder: "/ld" })).found)).toEqual(["/ld/changed", "/ld/same"]);
  });
});

describe("limits", () => {
  test("so many and no more, and whether there were more; matches of one line count each", async () => {
    await open({ "a": "x x x\nx\n", "b": "none" });
    const counts = async (maxResults: number) => {
      const { found, limitHit } = await text({ pattern: "x" }, { maxResults });
      return [found.flatMap((one) => (one.kind === "match" ? one.ranges : [])).length, limitHit];
    };
    expect([await counts(2), await counts(3), await counts(4), await counts(9)]).toEqual([[2, true], [3, true], [4, false], [4, false]]);
    const listed: string[] = [];
    expect(await searcher.files({ maxResults: 1 }, (paths) => listed.push(...paths))).toEqual({ limitHit: true });
    expect(listed.length).toBe(1);
    expect(await searcher.files({ maxResults: 2 }, () => undefined)).toEqual({ limitHit: false });
  });
});

describe("what cannot be searched is said, in ripgrep's words", () => {
  test("a pattern, a glob, an encoding, a folder", async () => {
    await open({ "a": "x", "f": "" });
    await expect(text({ pattern: "(x", isRegExp: true })).rejects.toMatchObject({ code: "EINVAL", reason: "the pattern is no regular expression: unclosed group" });
    await expect(text({ pattern: "(?<=x+)y", isRegExp: true })).rejects.toMatchObject({ code: "EINVAL", reason: "the pattern is no regular expression: length of lookbehind assertion is not limited" });
    await expect(files({ includes: ["[z-a]"] })).rejects.toMatchObject({ code: "EINVAL", reason: "the glob '/[z-a]': invalid range; 'z' > 'a'" });
    await expect(text({ pattern: "x" }, { encoding: "klingon" })).rejects.toMatchObject({ code: "EINVAL", reason: "ripgrep knows no encoding 'klingon'" });
    await expect(files({ folder: "/nothing" })).rejects.toMatchObject({ code: "ENOENT" });
    await expect(files({ folder: "/f" })).rejects.toMatchObject({ code: "ENOTDIR" });
    expect((await text({ pattern: "", isRegExp: true })).found).toEqual([]);
  });

  test("no ripgrep, and one that cannot be run", async () => {
    await open({}, async () => undefined);
    await expect(files()).rejects.toMatchObject({ code: "ENOTSUP", reason: expect.stringContaining("there is no ripgrep") as string });
    const other = createSearcher(overlay, async () => join(folder, "nothing"), () => undefined);
    await expect(other.files({}, () => undefined)).rejects.toMatchObject({ code: "ENOTSUP", reason: expect.stringContaining("ripgrep cannot be run") as string });
    await other.dispose();
    expect(await ripgrepIn(folder)).toBeUndefined();
  });

  test("the base gone", async () => {
    await open({ "a": "" });
    rmSync(base, { recursive: true });
    await expect(files()).rejects.toMatchObject({ code: "ENOENT", reason: expect.stringContaining(base) as string });
    mkdirSync(base);
  });
});

/** The real ripgrep, held where it begins; its pid is in a file. */
function held(): { command: () => Promise<string>; pid: () => Promise<number> } {
  const script = join(folder, "held");
  const pidFile = join(folder, "pid");
  writeFileSync(script, `#!/bin/sh\necho $$ > '${pidFile}.new' && mv '${pidFile}.new' '${pidFile}'\nkill -STOP $$\nexec '${ripgrep}' "$@"\n`);
  chmodSync(script, 0o755);
  return {
    command: async () => script,
    pid: async () => {
      while (!existsSync(pidFile)) await new Promise((resolve) => { setImmediate(resolve); });
      return Number(readFileSync(pidFile, "utf8"));
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe.skipIf(process.platform === "win32")("ended early", () => {
  test("when it is cancelled, no process is left by the time that the call has ended", async () => {
    const { command, pid } = held();
    await open({ "a": "x" }, command);
    const abort = new AbortController();
    const search = searcher.text({ pattern: "x" }, {}, () => undefined, abort.signal);
    const running = await pid();
    expect(isAlive(running)).toBe(true);
    abort.abort();
    await expect(search).rejects.toMatchObject({ code: "ECANCELED" });
    expect(isAlive(running)).toBe(false);
    await expect(searcher.files({}, () => undefined, abort.signal)).rejects.toMatchObject({ code: "ECANCELED" });
  });

  test("when the searcher is closed, what is running ends too", async () => {
    const { command, pid } = held();
    await open({ "a": "x" }, command);
    const search = searcher.files({}, () => undefined);
    search.catch(() => undefined);
    const running = await pid();
    await searcher.dispose();
    expect(isAlive(running)).toBe(false);
    await expect(search).rejects.toMatchObject({ code: "ECANCELED" });
  });

  test("when ripgrep is killed from outside, that is said", async () => {
    const { command, pid } = held();
    await open({ "a": "x" }, command);
    const search = searcher.files({}, () => undefined);
    search.catch(() => undefined);
    process.kill(await pid(), "SIGKILL");
    await expect(search).rejects.toMatchObject({ code: "EIO", reason: expect.stringContaining("ended from outside (SIGKILL)") as string });
  });
});

describe("the file index", () => {
  async function find(typed: string, recent: readonly string[] = [], max = 10): Promise<string[]> {
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        const listening = searcher.index().onDidChange(() => { listening.dispose(); resolve(); });
      });
      const { matches, isComplete } = await searcher.index().find({ text: typed, recent, max });
      if (isComplete) return matches.map(({ path }) => path);
      await changed;
    }
  }

  /** In the end this is found: until then something changes. */
  async function come(typed: string, expected: readonly string[]): Promise<void> {
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        const listening = searcher.index().onDidChange(() => { listening.dispose(); resolve(); });
      });
      if (JSON.stringify(await find(typed)) === JSON.stringify(expected)) return;
      await changed;
    }
  }

  test("follows what is created, deleted, renamed and ignored", async () => {
    await open({ "src/index.ts": "", "src/lib/index.js": "", "out/index.map": "", ".gitignore": "*.map\n" });
    expect(await find("index")).toEqual(["/src/index.ts", "/src/lib/index.js"]);
    await overlay.writeFile("/src/indexNew.ts", "");
    await overlay.writeFile("/src/index.map", "");
    expect(await find("index")).toEqual(["/src/index.ts", "/src/lib/index.js", "/src/indexNew.ts"]);
    await overlay.remove("/src/index.ts");
    expect(await find("index.")).toEqual(["/src/lib/index.js", "/src/indexNew.ts"]);
    await overlay.rename("/src", "/source");
    expect(await find("index")).toEqual(["/source/lib/index.js", "/source/indexNew.ts"]);
    await overlay.writeFile("/.gitignore", "*.js\n");
    expect(await find("index")).toEqual(["/out/index.map", "/source/index.map", "/source/indexNew.ts"]);
    await overlay.reset();
    await come("index", ["/src/index.ts", "/src/lib/index.js"]); // what a reset changed is found out in the background
    searcher.index().configure({ excludes: ["**/lib"] });
    expect(await find("index")).toEqual(["/src/index.ts"]);
    linkSync(join(base, "src/index.ts"), join(base, "src/late.ts"));
    await overlay.baseChanged([{ type: "created", path: "/src/late.ts" }]);
    expect(await find("late")).toEqual(["/src/late.ts"]);
    expect(await find("la te")).toEqual(["/src/late.ts"]);
  });

  test("recent files are all there is while nothing is typed, and come a little earlier else; places are told", async () => {
    await open({ "a/one.ts": "", "b/one.ts": "", "c/two.ts": "" });
    expect(await find("", ["/c/two.ts", "/gone", "/a/one.ts"])).toEqual(["/c/two.ts", "/a/one.ts"]);
    expect(await find("one", ["/b/one.ts"])).toEqual(["/b/one.ts", "/a/one.ts"]);
    const { matches } = await searcher.index().find({ text: "c/tw", max: 1 });
    expect(matches).toMatchObject([{ path: "/c/two.ts", highlights: [[1, 5]], isRecent: false }]);
    expect(searcher.index().size).toBe(3);
  });

  test("a keystroke that was overtaken is given up", async () => {
    await open({ "a": "" });
    await find("a");
    const abort = new AbortController();
    abort.abort();
    await expect(searcher.index().find({ text: "a", max: 1 }, abort.signal)).rejects.toMatchObject({ code: "ECANCELED" });
  });
});
