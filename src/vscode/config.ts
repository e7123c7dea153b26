/** The settings, read when they are needed, so that a change needs no listener. */
import * as vscode from "vscode";
import type { Durability, Retention } from "../engine/index.js";

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

/** How long, and up to how much, what is thrown away is kept. What is no number, or less than none, is the engine's default. */
export function retention(): Retention {
  const trash = vscode.workspace.getConfiguration(`${section}.trash`);
  const days = trash.get<number>("keepDays");
  const mebibytes = trash.get<number>("maxSize");
  return { ...(isAmount(days) ? { maxAgeMs: days * dayMs } : {}), ...(isAmount(mebibytes) ? { maxBytes: mebibytes * mebibyte } : {}) };
}

const dayMs = 24 * 60 * 60 * 1000;
const mebibyte = 1024 * 1024;

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
