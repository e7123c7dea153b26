// The search APIs over merged, where this VS Code has them: what extensions get from findFiles and findTextInFiles.
import assert from "node:assert/strict";
import * as vscode from "vscode";
import { fs, makeOverlay, until, write, type Rig } from "./support.ts";

/** Proposed, so not in the typings. */
interface TextMatch {
  readonly uri: vscode.Uri;
  readonly ranges: readonly { readonly sourceRange: vscode.Range; readonly previewRange: vscode.Range }[];
  readonly previewText: string;
}
interface FindTextInFiles2 {
  findTextInFiles2(query: object, options: object, token?: vscode.CancellationToken): { readonly results: AsyncIterable<TextMatch>; readonly complete: Promise<{ readonly limitHit?: boolean }> };
}

interface Registering {
  registerFileSearchProvider2(scheme: string, provider: { provideFileSearchResults(): vscode.Uri[] }): vscode.Disposable;
}

const hasSearch = typeof Reflect.get(vscode.workspace, "findTextInFiles2") === "function";

describe("search", () => {
  before(function () {
    if (!hasSearch) this.skip();
  });

  const tree = { src: { "kept.ts": "needle in kept\n", "changed.ts": "needle of the base\n" }, gone: { "in.ts": "needle beneath a whiteout\n" }, old: { deep: { "in.ts": "needle in a folder\n" } }, out: { "made.ts": "needle made\n" }, ".gitignore": "" };

  async function changed(): Promise<Rig> {
    const rig = await makeOverlay(tree);
    await write(rig.at("src/changed.ts"), "a needle of mine, my needle\n");
    await fs.delete(rig.at("gone"), { recursive: true });
    await fs.rename(rig.at("old"), rig.at("new"));
    await write(rig.at("new/deep/added.ts"), "needle added\n");
    await write(rig.at(".gitignore"), "out/\n");
    return rig;
  }

  const relative = (root: vscode.Uri, uri: vscode.Uri): string => uri.path.slice(root.path.length + 1);

  async function files(root: vscode.Uri, include: string, exclude?: string | null): Promise<string[]> {
    return (await vscode.workspace.findFiles(new vscode.RelativePattern(root, include), exclude)).map((uri) => relative(root, uri)).sort();
  }

  async function text(root: vscode.Uri, query: object, options: object = {}): Promise<{ found: string[]; limitHit: boolean; matches: TextMatch[] }> {
    const { results, complete } = (vscode.workspace as unknown as FindTextInFiles2).findTextInFiles2(query, { include: [new vscode.RelativePattern(root, "**/*")], ...options });
    const matches: TextMatch[] = [];
    for await (const match of results) if ("ranges" in match) matches.push(match);
    const { limitHit } = await complete;
    return { matches, limitHit: limitHit === true, found: matches.map((match) => `${relative(root, match.uri)}: ${match.previewText.trim()}`).sort() };
  }

  it("findFiles finds what merged shows: nothing deleted, new names, what was added", async () => {
    const { root } = await changed();
    assert.deepEqual(await files(root, "**/*.ts"), ["new/deep/added.ts", "new/deep/in.ts", "out/made.ts", "src/changed.ts", "src/kept.ts"]);
    assert.deepEqual(await files(root, "**/*.ts", "**/deep/**"), ["out/made.ts", "src/changed.ts", "src/kept.ts"]);
    assert.deepEqual(await files(root, "src/*"), ["src/changed.ts", "src/kept.ts"]);
    assert.deepEqual(await files(root, "old/**"), []);
    assert.equal((await vscode.workspace.findFiles(new vscode.RelativePattern(root, "**/*.ts"), null, 2)).length, 2);
  });

  it("findFiles sees each change at once", async () => {
    const { root, at } = await makeOverlay({ "a.ts": "" });
    assert.deepEqual(await files(root, "**/*.ts"), ["a.ts"]);
    await write(at("d/b.ts"), "");
    assert.deepEqual(await files(root, "**/*.ts"), ["a.ts", "d/b.ts"]);
    await fs.delete(at("a.ts"));
    assert.deepEqual(await files(root, "**/*.ts"), ["d/b.ts"]);
  });

  it("text search finds new text and not the old, and goes by the ignore file of the upper", async () => {
    const { root } = await changed();
    const { found, matches } = await text(root, { pattern: "needle" });
    assert.deepEqual(found, ["new/deep/added.ts: needle added", "new/deep/in.ts: needle in a folder", "src/changed.ts: a needle of mine, my needle", "src/kept.ts: needle in kept"]);
    const twice = matches.find(({ uri }) => uri.path.endsWith("changed.ts"));
    assert.deepEqual(twice?.ranges.map(({ sourceRange: { start, end } }) => [start.line, start.character, end.character]), [[0, 2, 8], [0, 21, 27]]);
    assert(twice.ranges.every(({ previewRange: { start, end } }) => twice.previewText.slice(start.character, end.character) === "needle"));
    assert((await text(root, { pattern: "needle" }, { useIgnoreFiles: { local: false } })).found.includes("out/made.ts: needle made"));
  });

  it("text search takes expressions, case and words, and stops at its limit", async () => {
    const { root } = await makeOverlay({ "a.txt": "one One\nones\nno ne\n" });
    const lines = async (query: object): Promise<number[]> => (await text(root, query)).matches.flatMap(({ ranges }) => ranges.map(({ sourceRange }) => sourceRange.start.line)).sort();
    assert.deepEqual(await lines({ pattern: "one" }), [0, 0, 1]);
    assert.deepEqual(await lines({ pattern: "one", isCaseSensitive: true, isWordMatch: true }), [0]);
    assert.deepEqual(await lines({ pattern: "o\\s?n", isRegExp: true }), [0, 0, 1, 2]);
    assert.deepEqual(await lines({ pattern: "s\\nno", isRegExp: true, isMultiline: true }), [1]);
    assert.equal((await text(root, { pattern: "one" }, { maxResults: 1 })).limitHit, true);
    assert.equal((await text(root, { pattern: "nowhere" })).limitHit, false);
  });

  it("says what is wrong with an expression, and goes on afterwards", async () => {
    const { root } = await makeOverlay({ "a.txt": "one\n" });
    await assert.rejects(text(root, { pattern: "one(", isRegExp: true }));
    assert.deepEqual((await text(root, { pattern: "one" })).found, ["a.txt: one"]);
  });

  it("ends with nothing when it is cancelled", async () => {
    const { root } = await makeOverlay(Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`f${at}.txt`, "one\n"])));
    const source = new vscode.CancellationTokenSource();
    const searching = vscode.workspace.findFiles(new vscode.RelativePattern(root, "**/*.txt"), null, undefined, source.token);
    source.cancel();
    assert.deepEqual(await searching, []);
  });

  it("lets go of VS Code's own search when the setting says never, and takes it up again", async () => {
    const { root } = await makeOverlay({ "a.ts": "" });
    assert.deepEqual(await files(root, "**/*.ts"), ["a.ts"]);
    const settings = vscode.workspace.getConfiguration("overlay.search");
    await settings.update("useBuiltInSearch", "never", vscode.ConfigurationTarget.Workspace);
    try {
      const workspace = vscode.workspace as unknown as Registering;
      // Each scheme has one provider: another one is refused as long as ours is there.
      const other = await until("ours to be gone", () => {
        try {
          return workspace.registerFileSearchProvider2("overlay", { provideFileSearchResults: () => [vscode.Uri.joinPath(root, "theirs.ts")] });
        } catch {
          return undefined;
        }
      });
      assert.deepEqual(await files(root, "**/*.ts"), ["theirs.ts"]);
      other.dispose();
    } finally {
      await settings.update("useBuiltInSearch", undefined, vscode.ConfigurationTarget.Workspace);
    }
    assert.deepEqual(await until("ours to be there again", async () => files(root, "**/*.ts")), ["a.ts"]);
  });
});
