// Bundles: the extension, the script of its web page, the keeper of a mount, the engine as a module for plain Node, the suite for VS Code, and the fence of the engine.
// `--fences` only checks the fence; `--suite` bundles the suite as well as dist/.
import { build as bundle, type BuildOptions, type Plugin } from "esbuild";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, requireNode24, root } from "./paths.ts";

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  target: "node20",
  charset: "utf8",
  logLevel: "warning",
  legalComments: "none",
};

/** Each file appears whole: somebody else may be reading, or building, at the same time. */
export async function buildProduct(): Promise<void> {
  const results = await Promise.all([
    bundle({
      ...common,
      write: false,
      entryPoints: ["src/extension.ts"],
      outfile: "dist/extension.js",
      platform: "node",
      format: "cjs",
      external: ["vscode"],
      sourcemap: true,
    }),
    bundle({
      ...common,
      write: false,
      entryPoints: ["src/host/index.ts"],
      outfile: "dist/overlay.mjs",
      platform: "node",
      format: "esm",
    }),
    bundle({
      ...common,
      write: false,
      entryPoints: ["src/webview/find/main.ts"],
      outfile: "dist/find.js",
      platform: "browser",
      format: "iife",
      target: "es2023",
    }),
    bundle({
      ...common,
      write: false,
      entryPoints: ["src/mount/keeperMain.ts"],
      outfile: "dist/keeper.mjs",
      platform: "node",
      format: "esm",
    }),
  ]);
  mkdirSync(join(root, "dist"), { recursive: true });
  for (const file of results.flatMap((result) => result.outputFiles)) {
    const growing = `${file.path}.${process.pid}`;
    writeFileSync(growing, file.contents);
    renameSync(growing, file.path);
  }
}

/** The engine must bundle where there is no Node and no VS Code; what it imports must be found in neither. */
export async function checkFences(): Promise<void> {
  const { metafile } = await bundle({ ...common, entryPoints: ["src/engine/index.ts"], platform: "neutral", mainFields: ["module", "main"], write: false, metafile: true });
  const imports = new Map(Object.entries(metafile.inputs).map(([file, input]) => [file, input.imports.map((one) => one.path).filter((path) => path.startsWith("src/"))]));
  const cycle = findCycle(imports);
  if (cycle !== undefined) throw new Error(`The engine imports itself in a circle: ${cycle.join(" -> ")}`);
}

/** Depth first; imports of types alone do not count, as nothing is left of them. */
function findCycle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const found = visit(next, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `import "overlay-specs"` stands for every spec in test/vscode. */
const specs: Plugin = {
  name: "specs",
  setup(build) {
    build.onResolve({ filter: /^overlay-specs$/ }, () => ({ path: "specs", namespace: "specs" }));
    build.onLoad({ filter: /.*/, namespace: "specs" }, () => {
      const folder = join(root, "test", "vscode");
      const names = readdirSync(folder).filter((name) => name.endsWith(".test.ts")).sort();
      return { contents: names.map((name) => `import "./${name}";`).join("\n"), resolveDir: folder };
    });
  },
};

/** Bundles the suite that runs inside VS Code; returns the module that exports `run()`. */
export async function buildSuite(): Promise<string> {
  const outfile = join(cache, "suite", "index.js");
  await bundle({
    ...common,
    entryPoints: ["test/vscode/index.ts"],
    outfile,
    platform: "node",
    format: "cjs",
    external: ["vscode"],
    sourcemap: "inline",
    plugins: [specs],
    // Mocha's parallel mode starts files of its own; nobody uses it here.
    logOverride: { "require-resolve-not-external": "silent" },
  });
  return outfile;
}

if (import.meta.main) {
  requireNode24();
  const tasks = process.argv.includes("--fences") ? [checkFences] : process.argv.includes("--suite") ? [buildProduct, buildSuite] : [buildProduct];
  try {
    for (const task of tasks) await task();
  } catch (error) {
    // What is wrong with a bundle, esbuild has said itself.
    if (!(error instanceof Error && "errors" in error)) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
