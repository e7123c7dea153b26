// Search over merged beside the same ripgrep on the same tree as a plain folder: 100,000 files, of which 1,000 are changed
// and 1,000 more deleted. Both are piped into this process and taken apart there. Then the file index: how much memory a
// file takes, and how long a keystroke waits.
import { spawn } from "node:child_process";
import { promises as fs } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { installServer } from "../test/support/vscode/install.ts";
import type { Row, World } from "./cases.ts";
import { median, pool, ratio, rounds, time } from "./measure.ts";
import { ours, type OverlayObject } from "./subjects.ts";

interface Finder {
  files(options: object, onPaths: (paths: readonly string[]) => void): Promise<unknown>;
  text(query: object, options: object, onResults: (results: readonly { readonly path: string }[]) => void): Promise<unknown>;
  index(): {
    readonly size: number;
    readonly bytes: number;
    find(query: { text: string; max: number }): Promise<{ readonly matches: readonly { readonly path: string }[] }>;
  };
  dispose(): Promise<void>;
}

interface Search {
  readonly exportFolder: (overlay: OverlayObject, target: string) => Promise<unknown>;
  readonly ripgrepIn: (appRoot: string) => Promise<string | undefined>;
  readonly createSearcher: (overlay: OverlayObject, ripgrep: () => Promise<string | undefined>, fail: (error: unknown) => void) => Finder;
}

const files = 100_000;
const perFolder = 50;
const changed = 1000;
const query = { pattern: "needle\\d+", isRegExp: true };
const options = { excludes: ["**/.git"] };
/** As src/search gives them, for these options. */
const walk = ["--no-config", "--hidden", "--no-require-git", "--no-ignore-parent", "--no-ignore-global", "--glob", "!/**/.git", "--path-separator", "/"];
const words = ["import", "export", "const", "return", "function", "class", "interface", "await", "value", "index", "length", "result"];

function at(i: number): string {
  const folder = Math.floor(i / perFolder);
  return `packages/package-${String(folder % 40)}/src/module-${String(folder)}/${words[i % words.length] ?? ""}File${String(i)}.ts`;
}

function content(i: number): string {
  const lines = Array.from({ length: 25 }, (_, line) => `${words[(i + line) % words.length] ?? ""} ${words[(i * 7 + line * 3) % words.length] ?? ""} ${String(i * line)};`);
  if (i % 50 === 0) lines[10] = `const needle${String(i)} = true;`;
  return lines.join("\n");
}

/** Every line or name that ripgrep writes, taken apart. */
function plain(command: string, cwd: string, args: readonly string[], receive: (piece: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.on("data", receive);
    child.once("error", reject);
    child.once("close", () => { resolve(); });
  });
}

async function plainFiles(command: string, cwd: string): Promise<number> {
  const paths: string[] = [];
  let rest = "";
  await plain(command, cwd, [...walk, "--files", "--null"], (piece) => {
    const names = (rest + piece.toString()).split("\0");
    rest = names.pop() ?? "";
    for (const name of names) paths.push(`/${name}`);
  });
  return paths.length;
}

async function plainText(command: string, cwd: string): Promise<number> {
  const found: { path: string; line: number; text: string; ranges: readonly unknown[] }[] = [];
  let rest = "";
  await plain(command, cwd, [...walk, "--json", "--crlf", "--ignore-case", "--engine", "auto", `--regexp=${query.pattern}`, "--", "."], (piece) => {
    const lines = (rest + piece.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const { type, data } = JSON.parse(line) as { type: string; data: { path: { text: string }; line_number: number; lines: { text: string }; submatches: readonly unknown[] } };
      if (type === "match") found.push({ path: data.path.text.slice(1), line: data.line_number, text: data.lines.text, ranges: data.submatches });
    }
  });
  return found.length;
}

async function counted(expected: number, work: () => Promise<number>): Promise<void> {
  const found = await work();
  if (found !== expected) throw new Error(`${String(found)} were found, there are ${String(expected)}`);
}

export async function searchCases(world: World): Promise<Row[]> {
  const module = world.module as unknown as Search;
  const rg = (await module.ripgrepIn(await installServer())) ?? "";
  const folder = world.fresh();
  const base = join(folder, "base");
  await pool(files / perFolder, 8, (i) => fs.mkdir(join(base, at(i * perFolder), ".."), { recursive: true }));
  await fs.writeFile(join(base, ".gitignore"), "node_modules/\n*.log\n");
  await pool(files, 16, (i) => fs.writeFile(join(base, at(i)), content(i)));
  const own = await ours(world.module, base, join(folder, "scratch"), "none");
  const { overlay } = own;
  // Spread over all folders; every other changed one loses its needle, or gets one.
  const step = files / changed;
  await pool(changed, 16, (i) => overlay.writeFile(`/${at(i * step + 1)}`, `${content(i)}\nconst needle${String(i)} = false;\n`));
  await pool(changed, 16, (i) => overlay.unlink(`/${at(i * step)}`));
  const tree = join(folder, "plain");
  await module.exportFolder(overlay, tree);
  const searcher = module.createSearcher(overlay, async () => rg, (error) => { throw error; });
  const listed = await plainFiles(rg, tree);
  const matches = await plainText(rg, tree);
  const list = async (): Promise<number> => {
    const paths: string[] = [];
    await searcher.files(options, (more) => { for (const path of more) paths.push(path); });
    return paths.length;
  };
  const search = async (): Promise<number> => {
    const found: object[] = [];
    await searcher.text(query, options, (more) => { for (const one of more) found.push(one); });
    return found.length;
  };
  const rows: Row[] = [];
  const compare = async (operation: string, expected: number, mine: () => Promise<number>, theirs: () => Promise<number>): Promise<void> => {
    const times = await rounds(15, { ours: () => time(() => counted(expected, mine)), plain: () => time(() => counted(expected, theirs)) });
    rows.push({ operation, ms: { ours: median(times["ours"] ?? []), plain: median(times["plain"] ?? []) }, ratio: ratio(times, "ours", "plain"), of: "ripgrep on a plain folder", limit: 1.25 });
  };
  await compare("text search, 100,000 files, 1,000 changed, 1,000 deleted", matches, search, () => plainText(rg, tree));
  await compare("file listing of the same", listed, list, () => plainFiles(rg, tree));
  // Ignore files are composed now, none is read where it lies.
  await overlay.writeFile("/packages/.gitignore", "*.map\n");
  await fs.writeFile(join(tree, "packages/.gitignore"), "*.map\n");
  await compare("text search of the same, a .gitignore changed", matches, search, () => plainText(rg, tree));
  rows.push(...(await indexCases(searcher, listed + 1)));
  await searcher.dispose();
  await own.close();
  return rows;
}

async function indexCases(searcher: Finder, expected: number): Promise<Row[]> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const used = (): number => {
    collect();
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const index = searcher.index();
  await index.find({ text: "zzzzzz", max: 1 });
  const bytes = (used() - before) / index.size;
  if (index.size !== expected) throw new Error(`the index has ${String(index.size)} files of ${String(expected)}`);
  // All keystrokes of each of these, one after the other, ranked; beside them nothing but whether each path has the characters.
  const typed = ["indexFile77", "pack12mod", "vf9", "module-1999/class", "exprt file 500"].flatMap((text) => Array.from(text, (_, i) => text.slice(0, i + 1)));
  const paths: string[] = [];
  await searcher.files(options, (more) => { for (const path of more) paths.push(path); });
  const times = await rounds(5, {
    ours: () => time(async () => { for (const text of typed) await index.find({ text, max: 100 }); }),
    plain: () => time(async () => {
      for (const text of typed) {
        const expression = new RegExp(Array.from(text.replaceAll(" ", ""), (c) => c.replace(/\W/, "\\$&")).join(".*"), "i");
        paths.filter((path) => expression.test(path));
      }
    }),
  });
  const each = (name: string): number => median(times[name] ?? []) / typed.length;
  return [
    { operation: `memory of the file index, bytes a file (says ${(index.bytes / index.size).toFixed(0)} itself)`, ms: { ours: `${bytes.toFixed(0)} bytes` }, ratio: bytes / 200, of: "200 bytes", limit: 1 },
    { operation: "a keystroke in Go to File, 100,000 files, of 53 typed", ms: { ours: each("ours"), plain: each("plain") }, ratio: ratio(times, "ours", "plain"), of: "a regular expression over the paths", limit: 2 },
  ];
}
