/**
 * A base that is not on a disk, through `vscode.workspace.fs`, whichever provider serves it. Only the calls that read are
 * passed on (INV-1).
 */
import * as vscode from "vscode";
import type { BaseFiles } from "./ports.js";
import { baseUri } from "./uris.js";

export function baseFiles(base: string): BaseFiles {
  const root = baseUri(base);
  const at = (path: string): vscode.Uri => (path === "" ? root : vscode.Uri.joinPath(root, path));
  const { fs } = vscode.workspace;
  return {
    stat: (path) => fs.stat(at(path)),
    readDirectory: (path) => fs.readDirectory(at(path)),
    readFile: (path) => fs.readFile(at(path)),
  };
}
