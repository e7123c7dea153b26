/** Where a patch applies, where it does not and what is said then, and what whole patches make of a tree. */
import { describe, expect, test } from "vitest";
import { applyPatch, type FileMode, PatchApplyError, writePatch } from "../../src/patch/index.js";
import { nodeCodec } from "../../src/patch/node.js";

type Tree = Readonly<Record<string, string>>;

/** "x@755" is an executable file x, "x@link" a link whose target is the text, "x/" a folder. */
function baseOf(tree: Tree) {
  const modes: readonly [string, FileMode][] = [["", 0o100644], ["@755", 0o100755], ["@link", 0o120000]];
  return {
    async read(path: string) {
      if (`${path}/` in tree) return "directory" as const;
      for (const [suffix, mode] of modes) {
        const text = tree[path + suffix];
        if (text !== undefined) return { mode, content: Buffer.from(text, "latin1") };
      }
      return undefined;
    },
  };
}

async function apply(tree: Tree, ...lines: readonly string[]): Promise<string[]> {
  const changes = await applyPatch(Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1"), baseOf(tree), nodeCodec);
  return changes.map((change) => {
    const content = "content" in change ? ` ${JSON.stringify(Buffer.from(change.content).toString("latin1"))}` : "";
    const mode = "mode" in change ? ` ${change.mode.toString(8)}` : "";
    const how = change.kind === "rename" ? `${change.from} > ${change.path}${change.isEdited ? " edited" : ""}` : change.path;
    return `${change.kind === "write" && change.isNew ? "create" : change.kind} ${how}${mode}${content}`;
  });
}

function applies(title: string, tree: Tree, lines: readonly string[], ...changes: readonly string[]): void {
  test(title, async () => { expect(await apply(tree, ...lines)).toEqual(changes); });
}

function refuses(title: string, tree: Tree, lines: readonly string[], ...reasons: readonly string[]): void {
  test(title, async () => {
    const error = await apply(tree, ...lines).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PatchApplyError);
    expect((error as PatchApplyError).message).toBe(["the patch does not apply:", ...reasons].join("\n"));
  });
}

const head = (path: string, ...more: readonly string[]): string[] => [`diff --git a/${path} b/${path}`, ...more];
const change = (path: string, ...hunk: readonly string[]): string[] => [...head(path), `--- a/${path}`, `+++ b/${path}`, ...hunk];
const create = (path: string, text: string, mode = "100644"): string[] => [...head(path, `new file mode ${mode}`), "--- /dev/null", `+++ b/${path}`, "@@ -0,0 +1 @@", `+${text}`];
const remove = (path: string, text: string, mode = "100644"): string[] => [...head(path, `deleted file mode ${mode}`), `--- a/${path}`, "+++ /dev/null", "@@ -1 +0,0 @@", `-${text}`];
const rename = (from: string, to: string): string[] => [`diff --git a/${from} b/${to}`, "similarity index 100%", `rename from ${from}`, `rename to ${to}`];
const middle = ["@@ -2,3 +2,3 @@", " b", "-c", "+C", " d"];
const text = "a\nb\nc\nd\ne\n";

describe("hunks", () => {
  applies("where they say", { f: text }, change("f", ...middle), 'write f 100644 "a\\nb\\nC\\nd\\ne\\n"');
  applies("further down", { f: `1\n2\n3\n${text}` }, change("f", ...middle), 'write f 100644 "1\\n2\\n3\\na\\nb\\nC\\nd\\ne\\n"');
  applies("further up", { f: text }, change("f", "@@ -50,3 +50,3 @@", " b", "-c", "+C", " d"), 'write f 100644 "a\\nb\\nC\\nd\\ne\\n"');
  applies("the nearest of several places", { f: "b\nc\nd\n0\n0\n0\n0\nb\nc\nd\n0\nb\nc\nd\n" }, change("f", "@@ -7,3 +7,3 @@", " b", "-c", "+C", " d"), 'write f 100644 "b\\nc\\nd\\n0\\n0\\n0\\n0\\nb\\nC\\nd\\n0\\nb\\nc\\nd\\n"');
  applies("as near up and down: down", { f: "b\nc\nd\n0\n0\n0\nb\nc\nd\n" }, change("f", "@@ -4,3 +4,3 @@", " b", "-c", "+C", " d"), 'write f 100644 "b\\nc\\nd\\n0\\n0\\n0\\nb\\nC\\nd\\n"');
  applies("none takes another one's lines", { f: "0\nb\nc\nd\nb\nc\nd\n" }, change("f", ...middle, ...middle), 'write f 100644 "0\\nb\\nC\\nd\\nb\\nC\\nd\\n"');
  applies("the mode stays where the patch does not change it", { "f@755": "x\n" }, change("f", "@@ -1 +1 @@", "-x", "+y"), 'write f 100755 "y\\n"');
  applies("a newline at the end, lost", { f: "x\n" }, change("f", "@@ -1 +1 @@", "-x", "+x", "\\ No newline at end of file"), 'write f 100644 "x"');
  applies("a newline at the end, won", { f: "x" }, change("f", "@@ -1 +1 @@", "-x", "\\ No newline at end of file", "+x"), 'write f 100644 "x\\n"');
  applies("carriage returns stay", { f: "a\r\nb\r\n" }, change("f", "@@ -1,2 +1,2 @@", "-a\r", "+A\r", " b\r"), 'write f 100644 "A\\r\\nb\\r\\n"');
  applies("an empty context line whose space was lost", { f: "x\n\ny\n" }, change("f", "@@ -1,3 +1,3 @@", "-x", "+X", "", " y"), 'write f 100644 "X\\n\\ny\\n"');

  const lost = (path: string, hunk: number, line: number, reason: string): string => `'${path}', hunk ${hunk} (line ${line}): ${reason}`;
  refuses("their lines are not there", { f: "a\nb\nx\nd\ne\n" }, change("f", ...middle), lost("f", 1, 4, "its lines are not in the file"));
  refuses("the context alone differs", { f: "a\nB\nc\nd\ne\n" }, change("f", ...middle), lost("f", 1, 4, "its lines are not in the file"));
  refuses("the second one", { f: text }, change("f", ...middle, "@@ -9,3 +9,3 @@", " x", "-y", "+Y", " z"), lost("f", 2, 9, "its lines are not in the file"));
  refuses("one for the beginning, further down", { f: `0\n${text}` }, change("f", "@@ -1,2 +1,2 @@", "-a", "+A", " b"), lost("f", 1, 4, "its lines are not at the beginning of the file, where it belongs"));
  refuses("one for the end, in the middle", { f: text }, change("f", "@@ -2,2 +2,2 @@", " b", "-c", "+C"), lost("f", 1, 4, "its lines are not at the end of the file, where a hunk without context after it belongs"));
  refuses("a whole file, in a longer one", { f: "x\ny\n" }, change("f", "@@ -1 +1 @@", "-x", "+z"), lost("f", 1, 4, "its lines are not at the beginning of the file, where it belongs"));
  refuses("lines between nothing", { f: text }, change("f", "@@ -2,0 +3 @@", "+x"), lost("f", 1, 4, "it has no context, so nothing says where it belongs"));
  refuses("lines for an empty file", { f: text }, change("f", "@@ -0,0 +1 @@", "+x"), lost("f", 1, 4, "the file should be empty"));
  refuses("the newline at the end is missing", { f: "x" }, change("f", "@@ -1 +1 @@", "-x", "+y"), lost("f", 1, 4, "its lines are not at the beginning of the file, where it belongs"));
  refuses("two of one place", { f: text }, change("f", ...middle, ...middle), lost("f", 2, 9, "its lines are not in the file"));
});

describe("entries", () => {
  applies("a creation", {}, create("d/f", "x"), 'create d/f 100644 "x\\n"');
  applies("a deletion", { f: "x\n" }, remove("f", "x"), "delete f");
  applies("a mode", { f: "x" }, head("f", "old mode 100644", "new mode 100755"), "mode f 100755");
  applies("a rename", { f: "x" }, rename("f", "g"), 'rename f > g 100644 "x"');
  applies("a copy", { f: "x" }, ["diff --git a/f b/g", "copy from f", "copy to g"], 'create g 100644 "x"');
  applies("a link's target", { "l@link": "x" }, [...head("l", "index 1111..2222 120000"), "--- a/l", "+++ b/l", "@@ -1 +1 @@", "-x", "\\ No newline at end of file", "+y", "\\ No newline at end of file"], 'write l 120000 "y"');
  applies("a plain diff that creates", {}, ["--- a/f", "+++ b/f", "@@ -0,0 +1 @@", "+x"], 'create f 100644 "x\\n"');
  applies("what changes nothing in the end gives nothing", { f: "x\n" }, [...change("f", "@@ -1 +1 @@", "-x", "+y"), ...change("f", "@@ -1 +1 @@", "-y", "+x")]);

  refuses("a change of nothing", {}, change("f", ...middle), "'f' (line 1): it does not exist");
  refuses("a creation over a file", { f: "y\n" }, create("f", "x"), "'f' (line 1): it already exists");
  refuses("a creation over a folder", { "f/": "" }, create("f", "x"), "'f' (line 1): a folder of this name already exists");
  refuses("a change of a folder", { "f/": "" }, change("f", ...middle), "'f' (line 1): it is a folder");
  refuses("two creations", {}, [...create("f", "x"), ...create("f", "x")], "'f' (line 7): the patch creates it twice");
  refuses("a deletion of another content", { f: "x\ny\n" }, remove("f", "x"), "'f', hunk 1 (line 5): its lines are not at the beginning of the file, where it belongs");
  refuses("a deletion of an empty file that has content", { f: "x\n" }, head("f", "deleted file mode 100644", "index e69de29..0000000"), "'f' (line 1): the patch deletes it, but something of its content is left");
  refuses("a deletion of what the patch deleted", { f: "x\n" }, [...remove("f", "x"), ...remove("f", "x")], "'f' (line 7): it is gone: an earlier part of the patch took it away");
  refuses("a rename to a file that stays", { f: "x", g: "y" }, rename("f", "g"), "'g' (line 1): it already exists");
  refuses("a file's change of a link", { "l@link": "x" }, change("l", "@@ -1 +1 @@", "-x", "+y"), "'l' (line 1): it is a symbolic link, and the patch is for a file");
  refuses("a link's deletion of a file", { f: "x\n" }, remove("f", "x", "120000"), "'f' (line 1): it is a file, and the patch is for a symbolic link");
  refuses("a change beyond a link", { "d@link": "..", "d/f": "x\n" }, change("d/f", "@@ -1 +1 @@", "-x", "+y"), "'d/f' (line 1): it is beyond the symbolic link 'd'");
  refuses("a creation beyond a link", { "d@link": ".." }, create("d/f", "x"), "'d/f' (line 1): it is beyond the symbolic link 'd'");
  refuses("a creation beyond a link that the patch makes", {}, [...create("d", "..", "120000"), ...create("d/f", "x")], "'d/f' (line 7): it is beyond the symbolic link 'd'");
  refuses("a creation in a file", { d: "x" }, create("d/f", "x"), "'d/f' (line 1): 'd' is a file, not a folder");
  refuses("everything that does not apply is listed, and nothing is done", { f: text, g: "x" }, [...change("f", ...middle), ...change("h", ...middle), ...create("g", "x")], "'h' (line 9): it does not exist", "'g' (line 17): it already exists");
});

describe("whole patches", () => {
  applies("two files change names", { f: "x", g: "y" }, [...rename("f", "g"), ...rename("g", "f")], 'rename g > f 100644 "y"', 'rename f > g 100644 "x"');
  applies("a rename over a file that goes", { f: "x", g: "y\n" }, [...remove("g", "y"), ...rename("f", "g")], "delete g", 'rename f > g 100644 "x"');
  applies("a new file under the name of a renamed one", { f: "x" }, [...create("f", "y"), ...rename("f", "g")], 'create f 100644 "y\\n"', 'rename f > g 100644 "x"');
  applies("a file becomes a link", { f: "x\n" }, [...remove("f", "x"), ...create("f", "to", "120000")], 'write f 120000 "to\\n"');
  applies("a file becomes a folder", { f: "x\n" }, [...create("f/g", "x"), ...remove("f", "x")], "delete f", 'create f/g 100644 "x\\n"');
  applies("a folder becomes a file", { "f/": "", "f/g": "x\n" }, [...remove("f/g", "x"), ...create("f", "x")], "delete f/g", 'create f 100644 "x\\n"');
  applies("entries of one file build on each other", { f: "x\n" }, [...change("f", "@@ -1 +1 @@", "-x", "+y"), ...change("f", "@@ -1 +1 @@", "-y", "+z")], 'write f 100644 "z\\n"');
  const mail = (n: number): string[] => [`From ${String(n).repeat(40)} Mon Sep 17 00:00:00 2001`, "Subject: x", ""];
  applies("commits of a series build on each other, renames too", { f: "x\n" }, [...mail(1), ...change("f", "@@ -1 +1 @@", "-x", "+y"), "-- ", ...mail(2), ...rename("f", "g"), "-- ", ...mail(3), ...rename("g", "h")], 'rename f > h edited 100644 "y\\n"');
  refuses("a later commit of a series", { f: "x\n" }, [...mail(1), ...rename("f", "g"), "-- ", ...mail(2), ...rename("f", "h")], "'f' (line 12): it does not exist");
});

describe("binary data", () => {
  const old = Buffer.from(`\0${"binary data ".repeat(40)}`);
  const now = Buffer.from(`\0${"binary data ".repeat(40)}and more`);
  async function patch(): Promise<string> {
    const pieces: Uint8Array[] = [];
    const changes = [{ before: { path: "f", mode: 0o100644, content: old }, after: { path: "f", mode: 0o100644, content: now } }] as const;
    for await (const piece of writePatch(changes, nodeCodec)) pieces.push(piece);
    return Buffer.concat(pieces).toString("latin1");
  }
  const result = async (text: string, content: Buffer = old): Promise<string> => {
    try {
      return (await apply({ f: content.toString("latin1") }, ...text.trimEnd().split("\n"), "")).join();
    } catch (error) {
      return (error as Error).message.split("\n")[1] ?? "";
    }
  };
  test("a delta", async () => { expect(await result(await patch())).toBe(`write f 100644 ${JSON.stringify(now.toString("latin1"))}`); });
  for (const [title, spoil, content, reason] of [
    ["another file", (text: string) => text, Buffer.from("\0other"), "the file is not the one that the patch was made for"],
    ["another file, and only abbreviated names", (text: string) => text.replace(/([0-9a-f]{7})[0-9a-f]{33}/g, "$1"), Buffer.from("\0other"), "the binary difference does not fit the file"],
    ["data that is not zlib's", (text: string) => text.replace(/^(.)cm/m, "$1dn"), old, "the binary data is damaged"],
    ["more data than it says", (text: string) => text.replace(/^delta \d+/m, "delta 3"), old, "the binary data is damaged"],
    ["less data than it says", (text: string) => text.replace(/^delta \d+/m, "delta 300"), old, /^the binary data should have 300 bytes, it has \d+$/],
    ["another result", (text: string) => text.replace(/\.\.[0-9a-f]{40}/, `..${"1".repeat(40)}`), old, "what comes out is not what the patch says"],
  ] as const) {
    test(`refused: ${title}`, async () => {
      const said = /^'f' \(line 4\): (.*)$/.exec(await result(spoil(await patch()), content))?.[1];
      expect(said).toMatch(typeof reason === "string" ? new RegExp(`^${reason}$`) : reason);
    });
  }
});

test("a fault of the tree reaches the caller as it is", async () => {
  const fault = new Error("the disk");
  await expect(applyPatch(Buffer.from(`${change("f", ...middle).join("\n")}\n`), { read: () => Promise.reject(fault) }, nodeCodec)).rejects.toBe(fault);
});
