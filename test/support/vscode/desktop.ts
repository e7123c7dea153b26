// Finds a desktop VS Code: the one that VSCODE_EXECUTABLE names, or an installed one where there is a display.
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findOnPath } from "./chromium.ts";

const programs = ["code", "code-insiders", "codium"];

export function hasDisplay(): boolean {
  if (process.platform === "darwin" || process.platform === "win32") return true;
  return Boolean(process.env["DISPLAY"]) || Boolean(process.env["WAYLAND_DISPLAY"]);
}

/** The program itself rather than its launcher, so that it can be waited for and ended; the launcher when it hides it. */
export function findDesktop(): string | undefined {
  const named = process.env["VSCODE_EXECUTABLE"];
  if (named !== undefined && named !== "") return named;
  if (!hasDisplay()) return undefined;
  const launcher = findOnPath(process.platform === "win32" ? programs.map((name) => `${name}.cmd`) : programs);
  return launcher === undefined ? undefined : behind(launcher);
}

function behind(launcher: string): string | undefined {
  const real = realpathSync(launcher);
  const name = basename(real).replace(/\.cmd$/, "");
  const folder = dirname(real);
  const candidates = {
    // …/Contents/Resources/app/bin/code
    darwin: [join(folder, "../../../MacOS/Electron"), join(folder, "../../../MacOS", name)],
    win32: [join(folder, "../Code.exe"), join(folder, "../Code - Insiders.exe"), join(folder, "../VSCodium.exe")],
  }[process.platform as string] ?? [join(folder, "..", name)];
  // Launchers of another make (snap, flatpak) cannot be looked through.
  return candidates.find((file) => existsSync(file));
}
