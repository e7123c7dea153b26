// A further extension for UI tests: it serves a folder of this machine as slowbase://host/…, read-only, as a provider for a
// remote machine would, and can be told by files beside that folder to answer nothing for a while, or to fail.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SlowBase {
  /** Hand it to `startWorkbench` as a further extension. */
  readonly extension: string;
  /** The folder that is served: slowbase://host/ */
  readonly served: string;
  /** No call is answered until `release`. */
  hold(): void;
  /** Every call fails until `release`. */
  fail(): void;
  release(): void;
}

/** It runs where our extension runs, and is looked for there by its scheme. */
const manifest = {
  name: "slowbase", publisher: "overlay-workspace-tests", version: "1.0.0", engines: { vscode: "^1.100.0" }, main: "./dist/extension.js",
  extensionKind: ["workspace"], activationEvents: ["onFileSystem:slowbase"], capabilities: { virtualWorkspaces: true, untrustedWorkspaces: { supported: true } },
};

const program = (served: string, control: string): string => `
const vscode = require("vscode");
const fs = require("node:fs");
const { join } = require("node:path");
const { FileSystemError: Fault, FileType } = vscode;
const control = (name) => join(${JSON.stringify(control)}, name);
const kind = (entry) => (entry.isDirectory() ? FileType.Directory : FileType.File);

async function answer(uri, read) {
  while (fs.existsSync(control("hold"))) await new Promise((resolve) => setTimeout(resolve, 20));
  if (fs.existsSync(control("fail"))) throw Fault.Unavailable("the connection was lost");
  try {
    return await read(join(${JSON.stringify(served)}, uri.path));
  } catch (error) {
    throw error.code === "ENOENT" ? Fault.FileNotFound(uri) : Fault.Unavailable(String(error));
  }
}

const refuse = () => { throw Fault.NoPermissions("slowbase is read-only"); };
const emitter = new vscode.EventEmitter();
exports.activate = (context) => {
  context.subscriptions.push(vscode.workspace.registerFileSystemProvider("slowbase", {
    onDidChangeFile: emitter.event,
    watch: () => ({ dispose() {} }),
    stat: (uri) => answer(uri, async (path) => { const s = await fs.promises.stat(path); return { type: kind(s), size: s.size, mtime: Math.trunc(s.mtimeMs), ctime: Math.trunc(s.birthtimeMs) }; }),
    readDirectory: (uri) => answer(uri, async (path) => (await fs.promises.readdir(path, { withFileTypes: true })).map((entry) => [entry.name, kind(entry)])),
    readFile: (uri) => answer(uri, async (path) => new Uint8Array(await fs.promises.readFile(path))),
    createDirectory: refuse, writeFile: refuse, delete: refuse, rename: refuse,
  }, { isCaseSensitive: true, isReadonly: true }));
};
`;

/** Makes it in a folder of the caller's. */
export function makeSlowBase(folder: string): SlowBase {
  const extension = join(folder, "slowbase");
  const served = join(folder, "served");
  const control = join(folder, "control");
  for (const one of [join(extension, "dist"), served, control]) mkdirSync(one, { recursive: true });
  writeFileSync(join(extension, "package.json"), JSON.stringify(manifest));
  writeFileSync(join(extension, "README.md"), "# For tests\n");
  writeFileSync(join(extension, "dist", "extension.js"), program(served, control));
  return {
    extension, served,
    hold: () => { writeFileSync(join(control, "hold"), ""); },
    fail: () => { writeFileSync(join(control, "fail"), ""); },
    release: () => { for (const name of ["hold", "fail"]) if (existsSync(join(control, name))) rmSync(join(control, name)); },
  };
}
