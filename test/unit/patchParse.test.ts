/** What is read of a patch, and every way in which one can be bad: the line, and what is wrong with it. */
import { describe, expect, test } from "vitest";
import { type Entry, parsePatch, PatchError } from "../../src/patch/index.js";

const parse = (...lines: readonly string[]): Entry[] => parsePatch(Buffer.from(lines.map((line) => `${line}\n`).join(""), "latin1"));

function reads(title: string, lines: readonly string[], ...entries: readonly Partial<Entry>[]): void {
  test(title, () => { expect(parse(...lines)).toMatchObject(entries); });
}

function refuses(title: string, message: string, lines: readonly string[]): void {
  test(title, () => {
    let found: unknown;
    try {
      parse(...lines);
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(PatchError);
    expect((found as PatchError).message).toBe(message);
  });
}

const git = ["diff --git a/f b/f", "index 587be6b..975fbec 100644", "--- a/f", "+++ b/f"];
const hunk = ["@@ -1 +1 @@", "-x", "+y"];

describe("git's headers", () => {
  reads("a change", [...git, ...hunk], { kind: "modify", line: 1, oldPath: "f", newPath: "f", oldMode: 0o100644, oldOid: "587be6b", newOid: "975fbec", plain: false, part: 0,
    body: { kind: "text", hunks: [{ line: 5, oldStart: 1, oldLines: 1, newStart: 1, newLines: 1, trailing: 0, body: Buffer.from("-x\n+y\n") }] } });
  reads("a creation", ["diff --git a/f b/f", "new file mode 100755", "index 000000..587be6b", "--- /dev/null", "+++ b/f", "@@ -0,0 +1 @@", "+x"], { kind: "create", newPath: "f", newMode: 0o100755 });
  reads("a deletion", ["diff --git a/f b/f", "deleted file mode 100644", "index 587be6b..000000", "--- a/f", "+++ /dev/null", "@@ -1 +0,0 @@", "-x"], { kind: "delete", oldPath: "f", oldMode: 0o100644 });
  reads("empty files made and deleted", ["diff --git a/f b/f", "new file mode 100644", "index 000000..e69de29", "diff --git a/g b/g", "deleted file mode 100644", "index e69de29..000000"], { kind: "create", oldPath: "f" }, { kind: "delete", oldPath: "g", line: 4 });
  reads("modes", ["diff --git a/f b/f", "old mode 100644", "new mode 100755"], { kind: "modify", oldMode: 0o100644, newMode: 0o100755, body: { kind: "none" } });
  reads("modes of old repositories", ["diff --git a/f b/f", "old mode 100664", "new mode 100775"], { oldMode: 0o100644, newMode: 0o100755 });
  reads("a rename", ["diff --git a/x y b/z", "similarity index 100%", "rename from x y", "rename to z"], { kind: "rename", oldPath: "x y", newPath: "z", body: { kind: "none" } });
  reads("a copy", ["diff --git a/x b/z", "similarity index 50%", "copy from x", "copy to z", "index 587be6b..975fbec", "--- a/x", "+++ b/z", ...hunk], { kind: "copy", oldPath: "x", newPath: "z" });
  reads("a name with spaces, that the first line alone has", ["diff --git a/a b/a b b/a b/a b", "new file mode 100644", "index 000000..e69de29"], { newPath: "a b/a b" });
  reads("quoted names", ['diff --git "a/\\303\\274\\t\\"\\\\" "b/\\303\\274\\t\\"\\\\"', "new file mode 100644", "index 000000..e69de29"], { newPath: 'ü\t"\\' });
  reads("one quoted, one not", ['diff --git a/x "b/\\303\\274"', "similarity index 100%", "rename from x", 'rename to "\\303\\274"'], { oldPath: "x", newPath: "ü" });
  reads("names in UTF-8, unquoted", ["diff --git a/\xc3\xbc b/\xc3\xbc", "old mode 100644", "new mode 100755"], { newPath: "ü" });
  reads("other prefixes", ["diff --git i/f w/f", "--- i/f", "+++ w/f", ...hunk], { newPath: "f" });
  reads("no index line", ["diff --git a/f b/f", "--- a/f", "+++ b/f", ...hunk], { kind: "modify", newPath: "f" });
  reads("a name of git's own", ["diff --git a/.git/x b/.git/x", "old mode 100644", "new mode 100755"], { newPath: ".git/x" });
  reads("headers whose lines end as in DOS", ["diff --git a/f b/f\r", "old mode 100644\r", "new mode 100755\r"], { newPath: "f", newMode: 0o100755 });
});

describe("around the entries", () => {
  const mail = (n: number): string[] => [`From ${String(n).repeat(40)} Mon Sep 17 00:00:00 2001`, "From: A <a@example.org>", "Subject: [PATCH] x", "", "--- is a line", "---", " f | 2 +-", " 1 file changed", "", ...git, ...hunk, "-- ", "2.39.5", ""];
  reads("a mail", mail(1), { part: 0, line: 10 });
  reads("a series of mails", [...mail(1), ...mail(2), ...mail(3)], { part: 0 }, { part: 1 }, { part: 2 });
  reads("text before, between and after", ["see below", "", ...git, ...hunk, "", "and", "diff -r something", ...git, ...hunk, "bye"], { line: 3 }, { line: 13 });
});

describe("plain diffs", () => {
  reads("a change, with dates", ["--- a/d/f\t2024-01-01 10:00:00.000000000 +0100", "+++ b/d/f\t2024-01-01 10:00:01.000000000 +0100", ...hunk], { kind: "modify", newPath: "d/f", plain: true });
  reads("of a file in no folder", ["--- f.orig", "+++ f", ...hunk], { newPath: "f" });
  reads("of a copy that has a suffix", ["--- a/f", "+++ b/f.new", ...hunk], { newPath: "f" });
  reads("a creation", ["--- /dev/null", "+++ b/f", "@@ -0,0 +1 @@", "+x"], { kind: "create", newPath: "f" });
  reads("a deletion", ["--- a/f", "+++ /dev/null", "@@ -1 +0,0 @@", "-x"], { kind: "delete", oldPath: "f" });
  reads("a creation that the date tells", ["--- a/f\t1970-01-01 01:00:00.000000000 +0100", "+++ b/f\t2024-01-01 10:00:01.000000000 +0100", "@@ -0,0 +1 @@", "+x"], { kind: "create" });
  reads("after a git diff", [...git, ...hunk, "--- a/g", "+++ b/g", ...hunk], { newPath: "f", plain: false }, { newPath: "g", plain: true });
  reads("a last context line that lost its space", ["--- a/f", "+++ b/f", "@@ -1,2 +1,2 @@", "-x", "+y", ""], { body: { kind: "text", hunks: [expect.objectContaining({ trailing: 1 })] } as never });
});

describe("binary data", () => {
  const binary = ["diff --git a/f b/f", "index 587be6b..975fbec 100644", "GIT binary patch", "literal 3", "KcmZQbN(KM{Dged+", "", "delta 2", "JcmZQb1ONbI0Ac_D", ""];
  reads("both ways", binary, { body: { kind: "binary", forward: { line: 4, method: "literal", size: 3 } as never, reverse: { line: 7, method: "delta", size: 2 } as never } });
  reads("forwards alone", binary.slice(0, 6), { body: { kind: "binary", forward: { method: "literal" } as never } });
  refuses("no method", "line 4: neither 'literal' nor 'delta' follows 'GIT binary patch'", [...binary.slice(0, 3), "copy 3"]);
  refuses("a damaged line", "line 5: this is no line of binary data", [...binary.slice(0, 4), "KcmZQbN(KM{Dged", ""]);
  refuses("a character that is no digit", "line 5: this is no line of binary data", [...binary.slice(0, 4), "KcmZQbN(KM{Dged,", ""]);
  refuses("a number too large for four bytes", "line 5: this is no line of binary data", [...binary.slice(0, 4), "D~~~~~", ""]);
  refuses("cut off", "line 6: the patch ends in the middle of binary data", binary.slice(0, 5));
  refuses("only the note that it differs", "line 3: 'f' is binary, and the patch only says that it differs: make it with 'git diff --binary'", [...binary.slice(0, 2), "Binary files a/f and b/f differ"]);
});

describe("what is no patch", () => {
  const nothing = "this is not a patch: no 'diff --git' or '---' line was found";
  refuses("nothing", nothing, []);
  refuses("a text", nothing, ["hello", "--- ", "+++ world"]);
  refuses("binary", nothing, ["\0\x01\xff"]);
  refuses("a hunk alone", "line 1: a hunk without a '---' and '+++' line before it", hunk);
  refuses("a merge", "line 1: the combined diff of a merge cannot be applied", ["diff --cc f", "index 1111..2222"]);
});

describe("paths that leave the tree", () => {
  const named = (name: string): string[] => [`--- a/${name}`, `+++ b/${name}`, ...hunk];
  for (const [name, why] of [["../f", "it leads out of the folder"], ["d/../../f", "it leads out of the folder"], ["/etc/passwd", "it is absolute"], ["d//f", "it has an empty component"], ["d/./f", "it has an empty component"], ["", "it is empty"]] as const) {
    refuses(`${JSON.stringify(name)} in a git header`, `line 1: the path '${name}' is refused: ${why}`, [`diff --git a/${name} b/${name}`, ...named(name)]);
    refuses(`${JSON.stringify(name)} in a plain one`, `line 1: the path '${name}' is refused: ${why}`, named(name));
  }
  refuses("an absolute name without a prefix", "line 1: the path '/etc/passwd' is refused: it is absolute", ["--- /etc/passwd", "+++ /etc/passwd", ...hunk]);
  refuses("in a rename", "line 1: the path '../x' is refused: it leads out of the folder", ["diff --git a/f b/../x", "rename from f", "rename to ../x"]);
  refuses("a NUL", "line 1: the path 'a\0b' is refused: it has a NUL in it", ['diff --git "a/a\\000b" "b/a\\000b"', "old mode 100644", "new mode 100755"]);
  refuses("no UTF-8", "line 1: the name '\xff' is not UTF-8", ['diff --git "a/\\377" "b/\\377"', "old mode 100644", "new mode 100755"]);
});

describe("damaged headers", () => {
  refuses("cut off after the first line", "line 1: nothing follows the header of 'f'", git.slice(0, 1));
  refuses("cut off after the index line", "line 1: the content of 'f' is missing after its header", git.slice(0, 2));
  refuses("cut off before the hunks", "line 1: the content of 'f' is missing after its header", git);
  refuses("no name", "line 1: the header does not say which file it is about", ["diff --git a/f b/g"]);
  refuses("two names, no rename", "line 1: the header has two names, 'f' and 'g', and no rename", ["diff --git a/f b/g", "--- a/f", "+++ b/g", ...hunk]);
  refuses("names that do not agree", "line 3: the names do not agree: 'f' and 'g'", ["diff --git a/f b/f", "--- a/f", "+++ b/g", ...hunk]);
  refuses("a name without prefix", "line 2: the name 'f' has no 'a/' or 'b/' before it", ["diff --git f f", "--- f", "+++ f", ...hunk]);
  refuses("a quote that does not close", 'line 2: "x is not a quoted name', ["diff --git a/f b/f", 'rename from "x']);
  refuses("an escape that is none", 'line 2: "x\\q" is not a quoted name', ["diff --git a/f b/f", 'rename from "x\\q"']);
  refuses("no mode", "line 2: '9' is no file mode", ["diff --git a/f b/f", "new file mode 9"]);
  refuses("a folder's mode", "line 2: '040000' is no file mode", ["diff --git a/f b/f", "new file mode 040000"]);
  refuses("a submodule", "line 2: it is about a submodule, which cannot be applied here", ["diff --git a/f b/f", "new file mode 160000"]);
  refuses("no index line", "line 2: 'index what' is no index line", ["diff --git a/f b/f", "index what"]);
  refuses("file to link in one", "line 1: 'f' changes between file and symbolic link in one step; git writes a deletion and a creation", ["diff --git a/f b/f", "old mode 100644", "new mode 120000"]);
  refuses("a plain one about nothing", "line 1: neither '---' nor '+++' names a file", ["--- /dev/null", "+++ /dev/null", ...hunk]);
});

describe("damaged hunks", () => {
  const after = (...lines: readonly string[]): string[] => [...git, ...lines];
  refuses("no numbers", "line 5: '@@ -what @@' is no hunk header", after("@@ -what @@"));
  refuses("numbers too large", "line 5: '@@ -1,9999999999 +1 @@' is no hunk header", after("@@ -1,9999999999 +1 @@"));
  refuses("cut off", "line 5: the hunk says 4 old lines, there are 3", after("@@ -1,4 +1,4 @@", " a", "-b", "+c", " d"));
  refuses("one old line only", "line 5: the hunk says 2 old lines, there is 1", after("@@ -1,2 +1 @@", "-b", "+c"));
  refuses("new lines missing", "line 5: the hunk says 3 new lines, there are 2", after("@@ -1,2 +1,3 @@", "-b", "+c", " d", "bye"));
  refuses("more lines than said", "line 8: the hunk says 1 old and 1 new lines, there are more", after("@@ -1 +1 @@", "-b", "+c", "+d"));
  refuses("more context than said", "line 8: the hunk says 1 old and 1 new lines, there are more", after("@@ -1 +1 @@", "-b", "+c", " d"));
  refuses("more of one side", "line 5: the hunk says 1 old line, there are more", after("@@ -1 +1,2 @@", "-b", "-c", "+d", "+e"));
  refuses("only context", "line 5: the hunk changes nothing", after("@@ -1 +1 @@", " a"));
  refuses("a creation with old lines", "line 1: 'f' is new, but its hunks have old lines", ["diff --git a/f b/f", "new file mode 100644", "--- /dev/null", "+++ b/f", ...hunk]);
  refuses("a deletion that leaves lines", "line 1: 'f' is deleted, but its hunks leave lines", ["diff --git a/f b/f", "deleted file mode 100644", "--- a/f", "+++ /dev/null", ...hunk]);
  refuses("the same in a plain diff", "line 1: 'f' is new, but its hunks have old lines", ["--- /dev/null", "+++ b/f", ...hunk]);
});
