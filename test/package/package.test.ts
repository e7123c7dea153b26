// The .vsix as a stranger gets it: what is in it, and that a fresh VS Code opens an overlay with nothing else.
import { listFiles } from "@vscode/vsce";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packVsix } from "../support/package.ts";
import { root } from "../support/paths.ts";
import { makeTemp, removeTemp } from "../support/processes.ts";
import { explorer, startWorkbench, waitForText, type Workbench } from "../support/vscode/ui/index.ts";

/** What may be packed; whoever adds a folder that runs adds it here and to .vscodeignore. */
const allowed = [/^package\.json$/, /^package\.nls(\.[a-z-]+)?\.json$/, /^l10n\/[^/]+\.json$/, /^dist\/extension\.js$/, /^media\/[^/]+\.(png|svg)$/, /^(README|CHANGELOG)\.md$/, /^LICENSE$/];

describe("the packed extension", () => {
  let folder: string;
  let vsix: string;
  let workbench: Workbench | undefined;

  beforeAll(async () => {
    folder = makeTemp("package");
    vsix = await packVsix(folder);
  });

  afterAll(async () => {
    await workbench?.close();
    removeTemp(folder);
  });

  test("holds what runs, and nothing else", async () => {
    const files = await listFiles({ cwd: root });
    expect(files.filter((file) => !allowed.some((pattern) => pattern.test(file)))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["package.json", "dist/extension.js"]));
  });

  test("opens an overlay in a fresh VS Code", async () => {
    const base = join(folder, "a base");
    mkdirSync(join(base, "folder"), { recursive: true });
    writeFileSync(join(base, "folder", "file.txt"), "from the base\n");
    workbench = await startWorkbench({ extension: { vsix }, env: { OVERLAY_WORKSPACE_OPEN: base } });
    const { page } = workbench;
    await page.waitForURL((url) => url.searchParams.get("folder")?.startsWith("overlay:") ?? false);
    await explorer(page).click("folder/file.txt", { clickCount: 2 });
    await waitForText(page, "from the base");
  });
});
