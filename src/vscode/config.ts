/** The settings, read when they are needed, so that a change needs no listener. */
import * as vscode from "vscode";
import type { Durability } from "../engine/index.js";

const section = "overlay";

/** The folder for overlays that the user chose; undefined for the extension's own storage. */
export function scratchRoot(): string | undefined {
  const value = vscode.workspace.getConfiguration(section).get<string>("scratchRoot", "").trim();
  return value === "" ? undefined : value;
}

export function durability(): Durability {
  const value = vscode.workspace.getConfiguration(section).get<string>("durability", "data");
  return value === "full" || value === "none" ? value : "data";
}
