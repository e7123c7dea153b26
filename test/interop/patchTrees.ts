/** Trees for patches: random pairs of them with the changes between, on the disk and back, and a git that sees no settings. */
import { execFileSync } from "node:child_process";
import * as fc from "fast-check";
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Change, FileMode, FileState, PatchChange } from "../../src/patch/index.js";

export type Files = ReadonlyMap<string, FileState>;

export interface Pair {
  readonly before: Files;
  readonly after: Files;
  readonly changes: readonly Change[];
}

/** Every kind of name that git quotes, or that a reader of headers takes apart wrongly; files that stand where others have folders. */
const names = [
  "a", "b.txt", "with space", "two  spaces here", " leads", "trails ", 'quo"te', "tab\there", "new\nline", "back\\slash", "ünïcode", "ü mit space", "日本/語", "😀",
  "d", "d/x", "d/e/y", "d/e", "a b/a b", "x b/x b", "-dash", "--- a", "a/b", ".hidden", "\x01\x7f", "b.txt.orig", "dev/null", "rename to x",
] as const;

const line = fc.constantFrom("", "one", "two", "three", "four", " indented", "-minus", "--- x", "+++ y", "@@ -1 +1 @@", "\\ No newline at end of file", "caf\u00e9", "-- ");
const lineEnd = fc.constantFrom("\n", "\n", "\n", "\r\n", "\r");
const text = fc.tuple(fc.array(fc.tuple(line, lineEnd), { maxLength: 40 }), fc.constantFrom("", "", "last", "\r"))
  .map(([lines, last]) => new TextEncoder().encode(lines.flat().join("") + last));
const bytes = fc.uint8Array({ maxLength: 300 });
/** Long enough for git to write deltas. */
const large = fc.tuple(fc.nat({ max: 0xffff }), fc.integer({ min: 1000, max: 9000 })).map(([seed, length]) => Uint8Array.from({ length }, (_, i) => Math.imul(i + seed, 0x9e3779b1) >>> 24));
const content = fc.oneof({ weight: 6, arbitrary: text }, { weight: 2, arbitrary: bytes }, large, fc.constant(new Uint8Array()));
/** None leads to itself: git stumbles over such a link where a folder takes its place. */
const target = fc.constantFrom("nowhere", "..", "../out", "/absolute", "mit ü", "a b").map((to) => new TextEncoder().encode(to));
const file: fc.Arbitrary<FileState> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ mode: fc.constantFrom<FileMode>(0o100644, 0o100644, 0o100755), content }) },
  fc.record({ mode: fc.constant<FileMode>(0o120000), content: target }),
);

type Act = { readonly act: "keep" | "delete" | "chmod" } | { readonly act: "edit"; readonly at: number; readonly drop: number; readonly put: Uint8Array } | { readonly act: "replace"; readonly by: FileState };

const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ act: fc.constantFrom("keep", "delete", "chmod") }),
  { weight: 2, arbitrary: fc.record({ act: fc.constant("edit" as const), at: fc.nat({ max: 2000 }), drop: fc.nat({ max: 60 }), put: fc.oneof(text, fc.uint8Array({ maxLength: 20 })) }) },
  fc.record({ act: fc.constant("replace" as const), by: file }),
);

function acted(state: FileState, what: Act): FileState | undefined {
  switch (what.act) {
    case "keep":
      return state;
    case "delete":
      return undefined;
    case "chmod":
      return state.mode === 0o120000 ? state : { ...state, mode: state.mode === 0o100644 ? 0o100755 : 0o100644 };
    case "edit": {
      if (state.mode === 0o120000) return state;
      const at = Math.min(what.at, state.content.length);
      return { ...state, content: Uint8Array.from([...state.content.subarray(0, at), ...what.put, ...state.content.subarray(at + what.drop)]) };
    }
    case "replace":
      return what.by;
  }
}

/** Puts a file where it fits: its folders are no files, nor it a folder of others. */
function put(tree: Map<string, FileState>, path: string, state: FileState): boolean {
  for (const other of tree.keys()) if (other === path || other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) return false;
  tree.set(path, state);
  return true;
}

/** Each file is kept, changed or deleted, where it was or under another name; then come new ones. */
export const pairs: fc.Arbitrary<Pair> = fc.record({
  olds: fc.array(fc.record({ name: fc.constantFrom(...names), state: file, what: act, to: fc.option(fc.constantFrom(...names), { freq: 2 }) }), { maxLength: 12 }),
  news: fc.array(fc.record({ name: fc.constantFrom(...names), state: file }), { maxLength: 4 }),
}).map(({ olds, news }) => {
  const before = new Map<string, FileState>();
  const planted = olds.filter(({ name, state }) => put(before, name, state));
  const after = new Map<string, FileState>();
  const changes: Change[] = [];
  for (const { name, state, what, to } of planted) {
    const now = acted(state, what);
    const path = to ?? name;
    const kept = now !== undefined && put(after, path, now);
    changes.push({ before: { path: name, ...state }, after: kept ? { path, ...now } : undefined });
  }
  for (const { name, state } of news) if (put(after, name, state)) changes.push({ after: { path: name, ...state } });
  return { before, after, changes: joined(changes) };
});

/** A deletion and a creation of one name are one change, as a caller that compares two trees has them. */
function joined(changes: readonly Change[]): Change[] {
  const gone = new Map(changes.flatMap((change) => (change.before !== undefined && change.after === undefined ? [[change.before.path, change] as const] : [])));
  const used = new Set<Change>();
  const out = changes.map((change) => {
    const old = change.before === undefined && change.after !== undefined ? gone.get(change.after.path) : undefined;
    if (old === undefined) return change;
    used.add(old);
    return { before: old.before, after: change.after };
  });
  return out.filter((change) => !used.has(change));
}

export function plant(folder: string, files: Files): void {
  mkdirSync(folder, { recursive: true });
  for (const [path, { mode, content: data }] of files) {
    const at = join(folder, path);
    mkdirSync(dirname(at), { recursive: true });
    if (mode === 0o120000) symlinkSync(Buffer.from(data), at);
    else {
      writeFileSync(at, data);
      chmodSync(at, mode & 0o777);
    }
  }
}

export function harvest(folder: string): Map<string, FileState> {
  const files = new Map<string, FileState>();
  const visit = (path: string): void => {
    for (const name of readdirSync(join(folder, path))) {
      const child = path === "" ? name : `${path}/${name}`;
      const stat = lstatSync(join(folder, child));
      if (stat.isDirectory()) visit(child);
      else if (stat.isSymbolicLink()) files.set(child, { mode: 0o120000, content: readlinkSync(join(folder, child), "buffer") });
      else files.set(child, { mode: (stat.mode & 0o100) === 0 ? 0o100644 : 0o100755, content: readFileSync(join(folder, child)) });
    }
  };
  visit("");
  return files;
}

/** In a form that a failing test can print. */
export function shown(files: Files): Record<string, string> {
  return Object.fromEntries([...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, { mode, content: data }]) => [path, `${mode.toString(8)} ${Buffer.from(data).toString("latin1")}`]));
}

/** The tree after the changes, done as PatchChange says: what goes away first, then what comes. */
export function changed(files: Files, changes: readonly PatchChange[]): Files {
  const tree = new Map(files);
  for (const change of changes) {
    if (change.kind === "delete") tree.delete(change.path);
    if (change.kind === "rename") tree.delete(change.from);
  }
  for (const change of changes) {
    const { kind, path } = change;
    if (kind === "mode") tree.set(path, { mode: change.mode, content: files.get(path)?.content ?? new Uint8Array() });
    else if (kind !== "delete") tree.set(path, { mode: change.mode, content: change.content });
  }
  return tree;
}

export class Git {
  /** @param folder no repository, and nothing above it is looked at. */
  constructor(private readonly folder: string) {}

  run(cwd: string, args: readonly string[], input: Uint8Array = new Uint8Array(), env: Readonly<Record<string, string>> = {}): Buffer {
    return execFileSync("git", ["-c", "core.autocrlf=false", ...args], {
      cwd, input, maxBuffer: 1 << 28, stdio: ["pipe", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"], HOME: this.folder, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_CEILING_DIRECTORIES: this.folder,
        GIT_AUTHOR_NAME: "A", GIT_AUTHOR_EMAIL: "a@example.org", GIT_COMMITTER_NAME: "A", GIT_COMMITTER_EMAIL: "a@example.org", ...env,
      },
    });
  }
}
