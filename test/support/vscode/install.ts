// Brings things from the npm registry into the cache folder, each once: a whole VS Code, and a Chromium.
// A half-made install is never seen: it grows beside its final name and is renamed when it is whole.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cache, say } from "../paths.ts";
import { runToEnd } from "../processes.ts";

/** The npm package that holds a whole VS Code (this one: 1.139.1), workbench and extension host included. */
const serverPackage = "code-server@4.139.1";
const chromiumPackage = "@sparticuz/chromium@153.0.0";

async function once(name: string, what: string, make: (folder: string) => Promise<void>): Promise<string> {
  const final = join(cache, name);
  if (existsSync(final)) return final;
  say(`installing ${what} into .vscode-test/ (once)`);
  const growing = `${final}.${process.pid}`;
  rmSync(growing, { recursive: true, force: true });
  mkdirSync(growing, { recursive: true });
  try {
    await make(growing);
    try {
      renameSync(growing, final);
    } catch (error) {
      if (!existsSync(final)) throw error; // Otherwise somebody else was first, with the same thing.
    }
  } finally {
    rmSync(growing, { recursive: true, force: true });
  }
  return final;
}

async function npm(folder: string, ...args: string[]): Promise<void> {
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|config_(local_prefix|prefix|omit|include))/i.test(name)));
  await runToEnd(command, ["install", ...args, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, env });
}

/** The folder that holds VS Code's `out/server-main.js`. */
export async function installServer(): Promise<string> {
  const inside = join("node_modules", "code-server", "lib", "vscode");
  const installed = await once(serverPackage.replace("@", "-"), "VS Code from the npm registry, about 620 MB", async (folder) => {
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    await npm(folder, serverPackage);
    await npm(join(folder, inside), "--omit=dev");
    await npm(join(folder, inside, "extensions"), "--omit=dev");
  });
  return join(installed, inside);
}

/** A Chromium for Linux x64 with its libraries and a font beside it: `chromium`, `al2023/lib`, `fonts.conf`. */
export async function installChromium(): Promise<string> {
  const installed = await once("chromium-153", "a headless Chromium from the npm registry, about 200 MB", async (folder) => {
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    await npm(folder, chromiumPackage);
    // The package unpacks into the temp folder, whichever that is for the process that asks.
    const unpack = `
      const { default: chromium, inflate } = await import("@sparticuz/chromium");
      await chromium.executablePath();
      await inflate("node_modules/@sparticuz/chromium/bin/al2023.tar.br");`;
    await runToEnd(process.execPath, ["--input-type=module", "--eval", unpack], { cwd: folder, env: { ...process.env, TMPDIR: folder } });
    rmSync(join(folder, "node_modules"), { recursive: true });
  });
  // The package's own font list names folders of another kind of machine. This one adds its font to the system's.
  writeFileSync(join(installed, "fonts.conf"), `<?xml version="1.0"?>
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${installed.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
</fontconfig>
`);
  return installed;
}
