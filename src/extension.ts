/** The composition root: builds the parts, hands them to each other, and ends them. No decisions. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import * as vscode from "vscode";
import { createNodeStore } from "./nodeStore.js";
import { ripgrepIn } from "./search/index.js";
import type { OverlayWorkspaceApi } from "./vscode/api.js";
import { baseFiles } from "./vscode/baseFiles.js";
import { scratchRoot } from "./vscode/config.js";
import type { Machine } from "./vscode/ports.js";
import { run, type Running } from "./vscode/workbench.js";

let running: Running | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<OverlayWorkspaceApi> {
  const log = vscode.window.createOutputChannel("Overlay", { log: true });
  context.subscriptions.push(log);
  const ownStorage = join(context.globalStorageUri.fsPath, "overlays");
  const store = createNodeStore(() => scratchRoot() ?? ownStorage, {
    ripgrep: () => ripgrepIn(vscode.env.appRoot), keeper: context.asAbsolutePath("dist/keeper.mjs"), connect: baseFiles, log: (level, message) => { log[level](message); },
  });
  running = await run(context, store, machine, log);
  return running.api;
}

/** VS Code waits for this: every operation ends, and the overlays are free for the next window. */
export async function deactivate(): Promise<void> {
  await running?.stop();
  running = undefined;
}

const machine: Machine = {
  realPath: (path) => realpath(path).catch(() => path),
  env: (name) => process.env[name] || undefined,
};
