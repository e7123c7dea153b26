/** Random trees with ignore files in them, random edits on an overlay over them, and what is looked for there. */
import * as fc from "fast-check";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Overlay } from "../../../src/engine/index.js";
import type { FindOptions, TextOptions, TextQuery } from "../../../src/search/types.js";

const folders = ["a", "b c", "build", "ünï", "[x]"] as const;
const files = ["one.txt", "two.log", "a", "build", "!x #y", "日本.txt", "e{f}.txt"] as const;
const folder = fc.array(fc.constantFrom(...folders), { maxLength: 3 }).map((parts) => parts.join("/"));
const inFolder = (name: fc.Arbitrary<string>): fc.Arbitrary<string> => fc.tuple(folder, name).map(([at, last]) => (at === "" ? last : `${at}/${last}`));
const filePath = inFolder(fc.constantFrom(...files));
const anyPath = fc.oneof(filePath, inFolder(fc.constantFrom(...folders)));

const line = fc.constantFrom("one", "two", "Two one", "none", "to\u00e9", "\u{1f600}one two", "日本 one", "", "tw\u00f6");
const text = fc.tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom("\n", "\n", "\r\n")).map(([lines, end]) => Buffer.from(lines.join(end)));
const content = fc.oneof(
  { weight: 8, arbitrary: text },
  { weight: 1, arbitrary: text.map((bytes) => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes])) },
  { weight: 1, arbitrary: text.map((bytes) => Buffer.concat([Buffer.from("\xff one\n", "latin1"), bytes])) },
  { weight: 1, arbitrary: text.map((bytes) => Buffer.concat([bytes, Buffer.from([0, 10])])) },
);

const rule = fc.constantFrom(
  "*.log", "*.txt", "!one.txt", "build", "build/", "/build", "/a/", "a/*", "!a/one.txt", "**/a", "a/**", "b c/one.txt", "\\!x*", "# no", "[[]x]", "\\[x\\]/", "?", "!*/", "*", "/*/*.txt",
  "{one,two}.*", "one.txt   ", "ünï", "!build/", "**/b c/**", "e\\{f\\}.txt", "[a-c]", "[!a]", "日本*", "a**", "/**/one.txt",
);
const rules = fc.array(rule, { maxLength: 4 }).map((lines) => Buffer.from(lines.map((one) => `${one}\n`).join("")));
const ignorePath = inFolder(fc.constantFrom(".gitignore", ".gitignore", ".gitignore", ".ignore", ".rgignore"));

export type Planted = readonly [path: string, what: Buffer | { readonly link: string }];
const planted: fc.Arbitrary<Planted> = fc.oneof(
  { weight: 10, arbitrary: fc.tuple(filePath, content) },
  { weight: 4, arbitrary: fc.tuple(ignorePath, rules) },
  { weight: 1, arbitrary: fc.tuple(inFolder(fc.constant(".git/HEAD")), content) },
  { weight: 1, arbitrary: fc.tuple(inFolder(fc.constant(".git/info/exclude")), rules) },
  { weight: 1, arbitrary: fc.tuple(inFolder(fc.constantFrom(".wh.one", ".wh.a/one.txt")), content) },
  { weight: 1, arbitrary: fc.tuple(anyPath, fc.constantFrom({ link: "one.txt" }, { link: "../a" }, { link: "." })) },
);
export const bases = fc.array(planted, { maxLength: 25, size: "max" });

export type Edit =
  | { readonly do: "write"; readonly path: string; readonly content: Buffer }
  | { readonly do: "remove" | "mkdir" | "touch" | "reset"; readonly path: string }
  | { readonly do: "snapshot" }
  | { readonly do: "rename" | "copy"; readonly path: string; readonly to: string };
const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant("write" as const), path: filePath, content }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("write" as const), path: ignorePath, content: rules }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("remove" as const, "remove" as const, "mkdir" as const, "touch" as const, "reset" as const), path: fc.oneof(anyPath, ignorePath) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("snapshot" as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom("rename" as const, "rename" as const, "copy" as const), path: anyPath, to: anyPath }) },
);
export const edits = fc.array(edit, { maxLength: 10 });

const glob = fc.constantFrom("**/*.txt", "a/**", "{a,b c}/**", "*.txt", "b c/*", "**/build/**", "**/build", "**/*.{txt,log}", "**", "[[]x]/**", "a/*/one.txt", "ünï/**/*.log", "build", "{a/b c,build}/*.txt");
export const finds: fc.Arbitrary<FindOptions> = fc.record({
  includes: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 2, arbitrary: fc.array(glob, { maxLength: 2 }) }),
  excludes: fc.oneof({ weight: 2, arbitrary: fc.constant(["**/.git"]) }, { weight: 1, arbitrary: fc.array(glob, { maxLength: 2 }) }),
  useIgnoreFiles: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
  useParentIgnoreFiles: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  folder: fc.oneof({ weight: 3, arbitrary: fc.constant("/") }, { weight: 1, arbitrary: folder.map((path) => `/${path}`) }),
});
export const queries: fc.Arbitrary<TextQuery> = fc.oneof(
  fc.record({ pattern: fc.constantFrom("o", "one", "Two", "\u00e9", "日本", "."), isCaseSensitive: fc.boolean(), isWordMatch: fc.boolean() }),
  fc.record({ pattern: fc.constantFrom("t.o$", "^t", "\\u{1f600}", "(?<=Two )one", "(?i:TWO)", "[^\\n]e", "one|two"), isRegExp: fc.constant(true), isCaseSensitive: fc.boolean(), isWordMatch: fc.boolean() }),
  fc.record({ pattern: fc.constantFrom("one\\ntwo", "\\n", "o[^x]*?e", "e\\n+"), isRegExp: fc.constant(true), isMultiline: fc.constant(true) }),
  fc.record({ pattern: fc.constantFrom("one\ntwo", "two\nnone"), isMultiline: fc.constant(true) }),
);
export const shows: fc.Arbitrary<Pick<TextOptions, "contextBefore" | "contextAfter" | "previewChars" | "previewLines">> = fc.constantFrom<Pick<TextOptions, "contextBefore" | "contextAfter" | "previewChars" | "previewLines">>({}, { contextBefore: 1, contextAfter: 1 }, { previewChars: 5 }, { previewLines: 1 });

export function plantBase(root: string, all: readonly Planted[]): void {
  mkdirSync(root, { recursive: true });
  for (const [path, what] of all) {
    const at = join(root, path);
    try {
      mkdirSync(dirname(at), { recursive: true });
      if (Buffer.isBuffer(what)) writeFileSync(at, what, { flag: "wx" });
      else symlinkSync(what.link, at);
    } catch (error) {
      if (!["EEXIST", "ENOTDIR", "ENOENT", "ELOOP", "EISDIR"].includes(String((error as NodeJS.ErrnoException).code))) throw error;
    }
  }
}

/** Does what can be done; what the overlay refuses is no edit. */
export async function perform(overlay: Overlay, all: readonly Edit[]): Promise<void> {
  for (const one of all) {
    try {
      switch (one.do) {
        case "write":
          await makeFolders(overlay, dirname(`/${one.path}`));
          await overlay.writeFile(`/${one.path}`, one.content);
          break;
        case "snapshot": await overlay.takeSnapshot(); break;
        case "remove": await overlay.remove(`/${one.path}`, { recursive: true }); break;
        case "mkdir": await overlay.createDirectory(`/${one.path}`); break;
        case "touch": await overlay.copyUp(`/${one.path}`); break;
        case "reset": await overlay.reset(`/${one.path}`); break;
        case "rename": await overlay.rename(`/${one.path}`, `/${one.to}`); break;
        case "copy": await overlay.copy(`/${one.path}`, `/${one.to}`); break;
      }
    } catch (error) {
      if (!(error instanceof Error && error.name === "OverlayError")) throw error;
    }
  }
}

async function makeFolders(overlay: Overlay, path: string): Promise<void> {
  const parts = path.split("/").filter((part) => part !== "");
  for (let end = 1; end <= parts.length; end++) await overlay.createDirectory(`/${parts.slice(0, end).join("/")}`).catch(() => undefined);
}
