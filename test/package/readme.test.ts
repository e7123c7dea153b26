// The README's script runs as it stands there, but for its paths.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { root } from "../support/paths.ts";
import { makeTemp, removeTemp, runToEnd } from "../support/processes.ts";

const folder = makeTemp("readme");
afterAll(() => { removeTemp(folder); });

test("README: the script does what it says", async () => {
  const base = join(folder, "npm");
  mkdirSync(join(base, "lib"), { recursive: true });
  writeFileSync(join(base, "README.md"), "theirs\n");
  writeFileSync(join(base, "lib", "index.js"), "1\n");
  const script = /```js\n(import [^]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1] ?? "";
  expect(script).toContain("./dist/overlay.mjs");
  const here = script.replaceAll("/tmp/", `${folder}/`).replaceAll("/usr/lib/node_modules/npm", base)
    .replaceAll("./dist/overlay.mjs", pathToFileURL(join(root, "dist", "overlay.mjs")).href);
  const output = await runToEnd(process.execPath, ["--input-type=module", "-e", here]);
  expect(output).toContain("kind: 'renamed'");
  expect(output).toContain("files: 2");
  expect(output).toContain(`npm over ${base}`);
  expect(readFileSync(join(folder, "experiment.patch"), "utf8")).toContain("+mine");
  expect(existsSync(join(base, "library"))).toBe(false);
  expect(readFileSync(join(base, "README.md"), "utf8")).toBe("theirs\n");
}, 30_000);
