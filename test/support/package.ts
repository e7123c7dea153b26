// Packs the .vsix: what .vscodeignore allows, and nothing else. Run as a script it leaves it in the repository's folder.
import { createVSIX } from "@vscode/vsce";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildProduct } from "./build.ts";
import { requireNode24, root, say } from "./paths.ts";

/** Packs dist/ as it was built; returns the file. */
export async function packVsix(folder: string): Promise<string> {
  const { name, version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { name: string; version: string };
  const file = join(folder, `${name}-${version}.vsix`);
  await createVSIX({ cwd: root, packagePath: file, dependencies: false, allowMissingRepository: true, rewriteRelativeLinks: false });
  return file;
}

if (import.meta.main) {
  requireNode24();
  say("building");
  await buildProduct();
  await packVsix(root);
}
