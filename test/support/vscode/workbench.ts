// A VS Code for one test: a server with its own data, a browser with its own profile, and the extension loaded.
// Whatever fails on the way, everything that was started is ended and every folder made here is removed.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { root, screenshots } from "../paths.ts";
import { makeTemp, removeTemp } from "../processes.ts";
import { openBrowser } from "./browser.ts";
import { stageExtension } from "./extension.ts";
import { installExtension, startServer, type Server } from "./server.ts";

export interface WorkbenchOptions {
  /** A folder's absolute path, or a URI of any scheme, or the absolute path of a .code-workspace file; none opens an empty window. */
  workspace?: string;
  /** For the server, and so for the extension host. */
  env?: Readonly<Record<string, string>>;
  /** `dev` is this repository as `npm run build` left it; or a .vsix to install; or another extension's folder; or none. */
  extension: "dev" | { vsix: string } | { folder: string } | "none";
  /** Folders of further extensions. */
  others?: readonly string[];
  /**
   * Kept and used again when given (a restart); else a temp folder. The page writes down open editors and the like
   * every five seconds only, so what came later is forgotten at a restart, as it is in any browser.
   */
  userDataDir?: string;
  /** User settings over the quiet ones below. */
  settings?: Readonly<Record<string, unknown>>;
  /** VS Code asks before it trusts a folder; off unless the test is about that. */
  workspaceTrust?: boolean;
}

export interface Workbench {
  readonly page: Page;
  readonly url: string;
  /** The folder with everything this VS Code remembers; hand it to the next `startWorkbench` for a restart. */
  readonly userDataDir: string;
  /** The server's own words, for failure reports. */
  serverOutput(): string;
  /** Saves `.vscode-test/screenshots/<name>.png` and returns its path. */
  screenshot(name: string): Promise<string>;
  /** Reloads the window and waits until it is there again. */
  reload(): Promise<void>;
  /** Opens another folder or URI in the same tab, as following a link would. */
  open(workspace: string | undefined): Promise<void>;
  /** A further tab of the same browser: a second window. */
  newWindow(workspace: string | undefined): Promise<Page>;
  close(): Promise<void>;
}

/** No welcome pages, no tips, no telemetry, and files only saved when a test says so. */
export const quietSettings = {
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.enableExperiments": false,
  "telemetry.telemetryLevel": "off",
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "files.autoSave": "off",
  "explorer.compactFolders": false,
  "window.dialogStyle": "custom",
  "chat.disableAIFeatures": true,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  // A tooltip that comes late, on a busy machine, covers the row that is clicked next.
  "workbench.hover.delay": 60_000,
};

/** The page's address for a folder (absolute path) or URI, with a development extension if there is one. */
export function workbenchUrl(server: Server, workspace: string | undefined, payload: ReadonlyArray<readonly [string, string]> = []): string {
  const url = new URL(server.origin);
  if (workspace === undefined) url.searchParams.set("ew", "true");
  else if (workspace.endsWith(".code-workspace")) url.searchParams.set("workspace", remoteUri(server, workspace));
  else url.searchParams.set("folder", /^[a-z][a-z0-9+.-]+:/i.test(workspace) ? workspace : remoteUri(server, workspace));
  if (payload.length > 0) url.searchParams.set("payload", JSON.stringify(payload));
  return url.href;
}

export function remoteUri(server: Server, path: string): string {
  const encoded = path.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/");
  return `vscode-remote://${server.authority}${encoded.startsWith("/") ? "" : "/"}${encoded}`;
}

/** The workbench is there when its status bar is; extensions come a little later, and show that themselves. */
export async function waitForWorkbench(page: Page): Promise<void> {
  await page.locator(".monaco-workbench").waitFor({ timeout: 60_000 });
  await page.locator(".part.statusbar .statusbar-item").first().waitFor({ timeout: 60_000 });
}

export async function startWorkbench(options: WorkbenchOptions): Promise<Workbench> {
  const userDataDir = options.userDataDir ?? makeTemp("workbench");
  const folders = { data: join(userDataDir, "server") };
  const cleanUps: Array<() => Promise<void>> = options.userDataDir === undefined ? [async () => { removeTemp(userDataDir); }] : [];
  const close = async (): Promise<void> => {
    for (let step = cleanUps.pop(); step !== undefined; step = cleanUps.pop()) await step();
  };
  try {
    return await open(options, userDataDir, folders, cleanUps, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  options: WorkbenchOptions,
  userDataDir: string,
  folders: { data: string },
  cleanUps: Array<() => Promise<void>>,
  close: () => Promise<void>,
): Promise<Workbench> {
  const { extension } = options;
  if (extension === "dev") await stageExtension(folders, root);
  else if (extension !== "none" && "folder" in extension) await stageExtension(folders, extension.folder);
  else if (extension !== "none") await installExtension(folders, extension.vsix);
  for (const other of options.others ?? []) await stageExtension(folders, other);
  const server = await startServer({
    folders,
    env: options.env ?? {},
    settings: { ...quietSettings, ...options.settings },
    workspaceTrust: options.workspaceTrust ?? false,
  });
  cleanUps.push(() => server.stop());
  const browser = await openBrowser(join(userDataDir, "browser"));
  cleanUps.push(() => leave(browser));

  const url = workbenchUrl(server, options.workspace);
  const page = await firstPage(browser);
  await page.goto(url);
  await waitForWorkbench(page);

  return {
    page,
    url,
    userDataDir,
    serverOutput: () => server.output(),
    async screenshot(name) {
      mkdirSync(screenshots, { recursive: true });
      const file = join(screenshots, `${name}.png`);
      await page.screenshot({ path: file });
      return file;
    },
    async reload() {
      await page.reload();
      await waitForWorkbench(page);
    },
    async open(workspace) {
      await page.goto(workbenchUrl(server, workspace));
      await waitForWorkbench(page);
    },
    async newWindow(workspace) {
      const other = await browser.newPage();
      await other.goto(workbenchUrl(server, workspace));
      await waitForWorkbench(other);
      return other;
    },
    close,
  };
}

/** Leaves each window as a user does who closes it, so that VS Code can put down what it remembers. */
async function leave(browser: BrowserContext): Promise<void> {
  for (const page of browser.pages()) {
    page.on("dialog", (dialog) => { void dialog.accept(); }); // "Leave this page?"
    await page.goto("about:blank", { timeout: 5_000 }).catch(() => undefined); // It may have crashed, or be closing.
  }
  await browser.close();
}

async function firstPage(browser: BrowserContext): Promise<Page> {
  return browser.pages()[0] ?? browser.newPage();
}

/** The URI of the folder that a window shows, as its address says; undefined for an empty window. */
export function shownFolder(page: Page): string | undefined {
  return new URL(page.url()).searchParams.get("folder") ?? undefined;
}

/** Waits until the window shows an overlay; returns its URI, which `open` and `newWindow` take. */
export async function waitForOverlay(page: Page): Promise<string> {
  await page.waitForURL((url) => url.searchParams.get("folder")?.startsWith("overlay:") ?? false);
  await waitForWorkbench(page);
  return shownFolder(page) ?? "";
}
