// Finds a Chromium to drive: one named by CHROMIUM_EXECUTABLE, an installed one, else the npm registry's headless build.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { installChromium } from "./install.ts";

export interface Chromium {
  executable: string;
  env: Readonly<Record<string, string>>;
}

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "microsoft-edge-stable"];
const places: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
  ],
  win32: ["ProgramFiles", "ProgramFiles(x86)", "LocalAppData"].flatMap((variable) => {
    const folder = process.env[variable];
    return folder === undefined ? [] : [join(folder, "Google/Chrome/Application/chrome.exe"), join(folder, "Microsoft/Edge/Application/msedge.exe")];
  }),
};

/** The first of these programs on PATH. */
export function findOnPath(programs: readonly string[]): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return programs.flatMap((program) => folders.map((folder) => join(folder, program))).find((file) => existsSync(file));
}

function works(executable: string, env: Readonly<Record<string, string>>): boolean {
  return spawnSync(executable, ["--version"], { env: { ...process.env, ...env }, timeout: 30_000 }).status === 0;
}

async function fetched(): Promise<Chromium> {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error("No Chrome, Chromium or Edge was found. Install one, or name one in CHROMIUM_EXECUTABLE.");
  }
  const folder = await installChromium();
  const executable = join(folder, "chromium");
  const fonts = { FONTCONFIG_FILE: join(folder, "fonts.conf") };
  // The package's libraries are for systems that lack them.
  const libraries = { LD_LIBRARY_PATH: [join(folder, "al2023", "lib"), process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":") };
  for (const env of [fonts, { ...fonts, ...libraries }]) {
    if (works(executable, env)) return { executable, env };
  }
  throw new Error(`No Chrome, Chromium or Edge was found, and ${executable} does not run here. Install one, or name one in CHROMIUM_EXECUTABLE.`);
}

export async function findChromium(): Promise<Chromium> {
  const named = process.env["CHROMIUM_EXECUTABLE"];
  if (named !== undefined && named !== "") return { executable: named, env: {} };
  if (process.env["OVERLAY_TEST_FETCH_CHROMIUM"] === "1") return fetched();
  const installed = findOnPath(names) ?? places[process.platform]?.find((file) => existsSync(file));
  return installed === undefined ? fetched() : { executable: installed, env: {} };
}
