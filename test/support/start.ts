// `npm start -- [folder]`: builds, and opens the folder (or this repository) as an overlay in a real VS Code.
// A desktop VS Code where there is one; else the npm registry's in a browser. Ctrl-C ends what was started here.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildProduct } from "./build.ts";
import { requireNode24, root, say, stateFolder } from "./paths.ts";
import { start as startProcess } from "./processes.ts";
import { findDesktop, hasDisplay } from "./vscode/desktop.ts";
import { stageExtension } from "./vscode/extension.ts";
import { cleanEnvironment, startServer } from "./vscode/server.ts";

/** The extension opens this folder as an overlay as soon as it runs, without a question: the user has just asked for it. */
const opens = (folder: string) => ({ OVERLAY_WORKSPACE_OPEN: folder });

/** What was started, to be ended; in the order of starting. */
const endings: Array<() => Promise<void>> = [];

async function main(): Promise<void> {
  const folder = resolve(process.env["INIT_CWD"] ?? process.cwd(), process.argv[2] ?? root);
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`There is no folder ${folder}`);
  say("building");
  await buildProduct();
  const data = claimData();
  const desktop = findDesktop();
  if (desktop !== undefined) await openDesktop(desktop, folder, data);
  else await openBrowser(folder, data);
}

/** Overlays are kept from one start to the next; a start beside another gets a place of its own. */
function claimData(): string {
  const parent = join(stateFolder(), "start");
  for (let n = 1; ; n++) {
    const data = join(parent, String(n));
    mkdirSync(data, { recursive: true });
    const owner = join(data, "pid");
    if (claim(owner)) {
      process.on("exit", () => { rmSync(owner, { force: true }); });
      return data;
    }
  }
}

function claim(owner: string): boolean {
  for (;;) {
    try {
      writeFileSync(owner, String(process.pid), { flag: "wx" });
      return true;
    } catch {
      if (isAlive(Number(readFileSync(owner, "utf8")))) return false;
      rmSync(owner, { force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function openDesktop(executable: string, folder: string, data: string): Promise<void> {
  say(`opening ${folder} as an overlay in ${executable}`);
  const desktop = startProcess(executable, [
    "--new-window", `--extensionDevelopmentPath=${root}`, `--user-data-dir=${join(data, "desktop")}`, `--extensions-dir=${join(data, "desktop-extensions")}`,
    "--skip-welcome", "--skip-release-notes", "--disable-updates",
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  ], { env: cleanEnvironment(opens(folder)) });
  endings.push(() => desktop.stop());
  const code = await desktop.ended;
  await end();
  if (code > 0) throw new Error(`VS Code ended with ${code}:\n${desktop.output()}`);
}

async function openBrowser(folder: string, data: string): Promise<void> {
  const folders = { data: join(data, "server") };
  await stageExtension(folders, root);
  say("starting VS Code");
  const server = await startServer({
    folders,
    env: opens(folder),
    settings: { "workbench.startupEditor": "none", "update.mode": "none", "telemetry.telemetryLevel": "off" },
  });
  endings.push(() => server.stop());
  const url = `${server.origin}/?ew=true`;
  process.stdout.write(`\n  ${folder} as an overlay:\n  ${url}\n\n  Ctrl-C ends it; the overlay is kept for the next start.\n\n`);
  if (hasDisplay() && process.env["CI"] === undefined) showInBrowser(url);
  const code = await server.ended;
  await end();
  if (code > 0) throw new Error(`VS Code's server ended with ${code}:\n${server.output()}`);
}

/** The browser is the user's own: nobody waits for it, and Ctrl-C leaves it alone. */
function showInBrowser(url: string): void {
  const [command, args] = ({
    darwin: ["open", [url]],
    win32: ["cmd", ["/c", "start", "", url]],
  } as Partial<Record<NodeJS.Platform, [string, string[]]>>)[process.platform] ?? ["xdg-open", [url]];
  const browser = spawn(command, args, { detached: true, stdio: "ignore" });
  browser.once("error", () => { /* The URL is printed; that is enough. */ });
  browser.unref();
}

async function end(): Promise<void> {
  for (let ending = endings.pop(); ending !== undefined; ending = endings.pop()) await ending();
}

requireNode24();
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interrupted) process.exit(1);
    interrupted = true;
    void end().finally(() => process.exit(0));
  });
}
await main().catch((error: unknown) => {
  if (interrupted) return;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
