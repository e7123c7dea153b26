/** What a change looks like as a patch, byte for byte as git writes it. */
import { describe, expect, test } from "vitest";
import { type Change, type FileMode, gitRefuses, orderChanges, type PatchFile, writePatch } from "../../src/patch/index.js";
import { nodeCodec } from "../../src/patch/node.js";

const latin1 = (text: string): Uint8Array => Buffer.from(text, "latin1");

function file(path: string, content: string, mode: FileMode = 0o100644): PatchFile {
  return { path, mode, content: latin1(content) };
}

async function written(changes: Iterable<Change>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of writePatch(changes, nodeCodec)) pieces.push(piece);
  return Buffer.concat(pieces).toString("latin1");
}

function check(title: string, change: Change, ...lines: string[]): void {
  test(title, async () => { expect(await written([change])).toBe(lines.map((line) => `${line}\n`).join("")); });
}

const none = "0".repeat(40);
const empty = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
const x = "587be6b4c3f93f93c489c0111bba5596147a26cb"; // "x\n"
const y = "975fbec8256d3e8a3797e7a3611380f27c49f4ac"; // "y\n"
const bareX = "c1b0730e0133447badcfd47fd144e254807b06e1";

describe("text", () => {
  check("a changed line", { before: file("f", "x\n"), after: file("f", "y\n") },
    "diff --git a/f b/f", `index ${x}..${y} 100644`, "--- a/f", "+++ b/f", "@@ -1 +1 @@", "-x", "+y");
  check("a new file", { after: file("f", "x\n") },
    "diff --git a/f b/f", "new file mode 100644", `index ${none}..${x}`, "--- /dev/null", "+++ b/f", "@@ -0,0 +1 @@", "+x");
  check("a deleted file", { before: file("f", "x\n", 0o100755) },
    "diff --git a/f b/f", "deleted file mode 100755", `index ${x}..${none}`, "--- a/f", "+++ /dev/null", "@@ -1 +0,0 @@", "-x");
  check("a new empty file has no hunk", { after: file("f", "") }, "diff --git a/f b/f", "new file mode 100644", `index ${none}..${empty}`);
  check("a deleted empty file has no hunk", { before: file("f", "") }, "diff --git a/f b/f", "deleted file mode 100644", `index ${empty}..${none}`);
  check("a mode alone", { before: file("f", "x\n"), after: file("f", "x\n", 0o100755) }, "diff --git a/f b/f", "old mode 100644", "new mode 100755");
  check("a mode and a content", { before: file("f", "x\n"), after: file("f", "y\n", 0o100755) },
    "diff --git a/f b/f", "old mode 100644", "new mode 100755", `index ${x}..${y}`, "--- a/f", "+++ b/f", "@@ -1 +1 @@", "-x", "+y");
  check("no newline at the end, lost and won", { before: file("f", "x\n"), after: file("f", "y") },
    "diff --git a/f b/f", `index ${x}..${nodeCodec.sha1(latin1("blob 1\0y"))} 100644`, "--- a/f", "+++ b/f", "@@ -1 +1 @@", "-x", "+y", "\\ No newline at end of file");
  check("carriage returns stay", { after: file("f", "a\r\nb\r") },
    "diff --git a/f b/f", "new file mode 100644", `index ${none}..${nodeCodec.sha1(latin1("blob 5\0a\r\nb\r"))}`, "--- /dev/null", "+++ b/f", "@@ -0,0 +1,2 @@", "+a\r", "+b\r", "\\ No newline at end of file");
  check("a link is its target", { after: file("l", "x", 0o120000) },
    "diff --git a/l b/l", "new file mode 120000", `index ${none}..${bareX}`, "--- /dev/null", "+++ b/l", "@@ -0,0 +1 @@", "+x", "\\ No newline at end of file");
  check("nothing changed, nothing written", { before: file("f", "x\n"), after: file("f", "x\n") });
  check("a change of nothing", {});

  const body = (patch: string): string => patch.slice(patch.indexOf("@@"));
  const lines = (...changed: readonly number[]): string => Array.from({ length: 20 }, (_, i) => `${i}${changed.includes(i) ? "!" : ""}\n`).join("");
  test("three lines of context", async () => {
    expect(body(await written([{ before: file("f", lines()), after: file("f", lines(10)) }]))).toBe("@@ -8,7 +8,7 @@\n 7\n 8\n 9\n-10\n+10!\n 11\n 12\n 13\n");
  });
  test("changes six lines apart share a hunk, seven apart do not", async () => {
    const hunks = async (to: number): Promise<number> => (await written([{ before: file("f", lines()), after: file("f", lines(5, to)) }])).match(/^@@/gm)?.length ?? 0;
    expect([await hunks(12), await hunks(13)]).toEqual([1, 2]);
  });
});

describe("renames", () => {
  check("alone", { before: file("f", "x\n"), after: file("g h", "x\n") }, "diff --git a/f b/g h", "similarity index 100%", "rename from f", "rename to g h");
  check("with another content and mode", { before: file("f", "x\nx\n"), after: file("g", "x\ny\n", 0o100755) },
    "diff --git a/f b/g", "old mode 100644", "new mode 100755", "similarity index 50%", "rename from f", "rename to g",
    `index ${nodeCodec.sha1(latin1("blob 4\0x\nx\n"))}..${nodeCodec.sha1(latin1("blob 4\0x\ny\n"))}`, "--- a/f", "+++ b/g", "@@ -1,2 +1,2 @@", " x", "-x", "+y");
  test("of a link, and from file to link: a deletion and a creation", async () => {
    const patch = await written([{ before: file("l", "x", 0o120000), after: file("m", "x", 0o120000) }, { before: file("f", "x"), after: file("f", "x", 0o120000) }]);
    expect(patch.match(/^(deleted|new) file.*$/gm)).toEqual(["deleted file mode 120000", "new file mode 120000", "deleted file mode 100644", "new file mode 120000"]);
  });
});

describe("binary", () => {
  check("literal, both ways", { before: file("f", "\0a"), after: file("f", "\0bc") },
    "diff --git a/f b/f", `index ${nodeCodec.sha1(latin1("blob 2\0\0a"))}..${nodeCodec.sha1(latin1("blob 3\0\0bc"))} 100644`,
    "GIT binary patch", "literal 3", "KcmZQbN(KM{Dged+", "", "literal 2", "JcmZQb1ONbI0Ac_D", "");
  test("what git takes for text is text: a NUL after 8,000 bytes, and any other byte", async () => {
    expect(await written([{ after: file("f", `${"a\n".repeat(4000)}\0`) }, { after: file("g", "\xff\xfe\x01\n") }])).not.toContain("GIT binary patch");
  });
  test("a small change of a large file is a delta", async () => {
    const old = Array.from({ length: 5000 }, (_, i) => String.fromCharCode((Math.imul(i, 0x9e3779b1) >>> 24) & 0xff)).join("");
    const patch = await written([{ before: file("f", `\0${old}`), after: file("f", `\0${old.slice(0, 3000)}new${old.slice(3000)}`) }]);
    expect(patch.match(/^(delta|literal)/gm)).toEqual(["delta", "delta"]);
    expect(patch.length).toBeLessThan(400);
  });
});

describe("names", () => {
  for (const [name, old, now] of [
    ["a b", "a/a b", "b/a b"], ["ü", '"a/\\303\\274"', '"b/\\303\\274"'], ['q"', '"a/q\\""', '"b/q\\""'], ["t\tn\n\\", '"a/t\\tn\\n\\\\"', '"b/t\\tn\\n\\\\"'], ["\x01\x7f", '"a/\\001\\177"', '"b/\\001\\177"'],
  ] as const) {
    check(`quoted as git does: ${JSON.stringify(name)}`, { before: file(name, "x\n"), after: file(name, "y\n") },
      `diff --git ${old} ${now}`, `index ${x}..${y} 100644`, `--- ${old}${name === "a b" ? "\t" : ""}`, `+++ ${now}${name === "a b" ? "\t" : ""}`, "@@ -1 +1 @@", "-x", "+y");
  }
  for (const [path, why] of [["/a", "it is absolute"], ["a/../b", "it leads out of the folder"], ["a//b", "it has an empty component"], ["", "it is empty"], ["a\0b", "it has a NUL in it"], ["\ud800", "it is not Unicode text"]] as const) {
    test(`no patch carries ${JSON.stringify(path)}`, async () => {
      await expect(written([{ after: file(path, "x") }])).rejects.toMatchObject({ name: "PatchError", message: `the path '${path}' cannot be in a patch: ${why}` });
    });
  }
  test.each([".git/config", "a/.GIT", "sub/.git/x", "GIT~1/x", ".git. /x", ".git::$INDEX_ALLOCATION/x", ".git\\x"])("git refuses %s", (path) => { expect(gitRefuses(path)).toBe(true); });
  test.each([".gitignore", ".github/x", "git", ".gitmodules", "a.git/x"])("git takes %s", (path) => { expect(gitRefuses(path, 0o100644)).toBe(false); });
  test("git refuses .gitmodules as a link", () => { expect(gitRefuses(".gitmodules", 0o120000)).toBe(true); });
});

test("the order: deletions, renames and changes, creations; what changes its type is split", () => {
  const ordered = orderChanges([
    { after: file("a", "1") }, { before: file("m", "1"), after: file("c", "1") }, { before: file("b", "1"), after: file("b", "1", 0o120000) }, { before: file("z", "1") },
  ]);
  expect(ordered.map(({ before, after }) => `${before?.path ?? ""}>${after?.path ?? ""}`)).toEqual(["b>", "z>", "m>c", ">a", ">b"]);
});

test("the patch comes in pieces, and one change at a time is asked for", async () => {
  let asked = 0;
  function* changes(): Generator<Change> {
    for (; asked < 100; asked++) yield { after: file(`f${asked}`, "some line\n".repeat(3000)) };
  }
  for await (const piece of writePatch(changes(), nodeCodec)) {
    expect(piece.length).toBeLessThan(200_000);
    break;
  }
  expect(asked).toBeLessThan(5);
});
