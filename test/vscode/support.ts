// What the specs share: a base folder on disk, an overlay over it, and errors by their code. All of it goes after each test.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as vscode from "vscode";
import type { OverlayWorkspaceApi } from "../../src/vscode/api.ts";

export const extensionId = "overlay-workspace.overlay-workspace";

export async function activate(): Promise<OverlayWorkspaceApi> {
  const extension = vscode.extensions.getExtension<OverlayWorkspaceApi>(extensionId);
  assert(extension, `${extensionId} is not installed`);
  return extension.activate();
}

export type Tree = { readonly [name: string]: string | Tree };

const cleanUps: Array<() => Promise<void> | void> = [];

export function atEnd(step: () => Promise<void> | void): void {
  cleanUps.push(step);
}

afterEach(async () => {
  await vscode.commands.executeCommand("workbench.action.revertAndCloseActiveEditor").then(undefined, () => undefined);
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  for (let step = cleanUps.pop(); step !== undefined; step = cleanUps.pop()) await step();
});

export function makeBase(tree: Tree, name = "project"): string {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), "overlay-vscode-")));
  atEnd(() => { rmSync(parent, { recursive: true, force: true }); });
  const base = join(parent, name);
  mkdirSync(base);
  fill(base, tree);
  return base;
}

function fill(folder: string, tree: Tree): void {
  for (const [name, content] of Object.entries(tree)) {
    const path = join(folder, name);
    if (typeof content === "string") {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    } else {
      mkdirSync(path, { recursive: true });
      fill(path, content);
    }
  }
}

export interface Rig {
  readonly api: OverlayWorkspaceApi;
  readonly base: string;
  readonly root: vscode.Uri;
  readonly at: (path: string) => vscode.Uri;
}

/** A new overlay over a new base; both are gone after the test. */
export async function makeOverlay(tree: Tree): Promise<Rig> {
  const api = await activate();
  const base = makeBase(tree);
  const root = await api.open(base, { trusted: true });
  atEnd(() => api.delete(root.authority));
  return { api, base, root, at: (path) => vscode.Uri.joinPath(root, path) };
}

export const fs = vscode.workspace.fs;

export async function read(uri: vscode.Uri): Promise<string> {
  return new TextDecoder().decode(await fs.readFile(uri));
}

export async function write(uri: vscode.Uri, text: string): Promise<void> {
  await fs.writeFile(uri, new TextEncoder().encode(text));
}

export async function names(uri: vscode.Uri): Promise<string[]> {
  return (await fs.readDirectory(uri)).map(([name]) => name).sort();
}

/** The call fails with this code of FileSystemError, in a sentence, with no stack trace in it. Returns the message. */
export async function fails(code: string, call: () => PromiseLike<unknown>): Promise<string> {
  try {
    await call();
  } catch (error) {
    assert(error instanceof Error);
    assert(error instanceof vscode.FileSystemError, `expected a FileSystemError, got ${error.name}: ${error.message}`);
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(error.message, /\n\s+at /);
    return error.message;
  }
  throw new Error(`expected ${code}, but the call succeeded`);
}

export async function until<T>(what: string, look: () => T | undefined | PromiseLike<T | undefined>, ms = 20_000): Promise<T> {
  for (const end = Date.now() + ms; ;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 25); });
  }
}
