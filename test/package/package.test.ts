// The .vsix as a stranger gets it: a fresh VS Code opens an overlay with it and nothing else, and only what runs is in it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packVsix } from "../support/package.ts";
import { root } from "../support/paths.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import { explorer, startWorkbench, waitForOverlay, waitForText } from "../support/vscode/ui/index.ts";

/** What an installed extension may consist of; whoever adds something that runs adds it here and to .vscodeignore. */
const allowed = [
  /^package\.json$/, /^package\.nls(\.[a-z-]+)?\.json$/, /^l10n\/[^/]+\.json$/, /^dist\/((extension|find)\.js|keeper\.mjs)$/, /^media\/[^/]+\.(png|svg|css)$/,
  /^media\/screenshots\/[a-z-]+\.png$/, // the walkthrough's pictures
  /^(readme|changelog)\.md$/i, /^LICENSE(\.txt)?$/, /^\.vsixmanifest$/,
];

describe("the packed extension, in a fresh VS Code", () => {
  const folder = makeTemp("package");
  const base = join(folder, "a base");
  const userDataDir = join(folder, "user");
  let close: (() => Promise<void>) | undefined;
  let vsix: string;

  beforeAll(async () => {
    mkdirSync(join(base, "folder"), { recursive: true });
    writeFileSync(join(base, "folder", "file.txt"), "from the base\n");
    vsix = await packVsix(folder);
  });

  afterAll(async () => {
    await close?.();
    removeTemp(folder);
  });

  test("opens an overlay", async () => {
    const workbench = await startWorkbench({ extension: { vsix }, userDataDir, env: { OVERLAY_WORKSPACE_OPEN: base } });
    close = () => workbench.close();
    const { page } = workbench;
    await waitForOverlay(page);
    await explorer(page).click("folder/file.txt", { clickCount: 2 });
    await waitForText(page, "from the base");
  });

  test("is installed with what runs, and nothing else", () => {
    const { publisher, name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<"publisher" | "name" | "version", string>;
    const installed = join(userDataDir, "server", "extensions", `${publisher}.${name}-${version}`);
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(installed, join(entry.parentPath, entry.name)).replaceAll("\\", "/"));
    expect(files.filter((file) => !allowed.some((pattern) => pattern.test(file)))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["package.json", "dist/extension.js", "dist/find.js", "media/find.css"]));
  });
});
