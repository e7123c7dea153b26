// `npm start` as a newcomer runs it on a machine without a desktop VS Code.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root } from "../support/paths.ts";
import { makeTemp, removeTemp, start, type Started } from "../support/processes.ts";
import { openBrowser } from "../support/vscode/browser.ts";
import { explorer, until, waitForOverlay } from "../support/vscode/ui/index.ts";

describe("npm start", () => {
  let folder: string;
  const running: Started[] = [];

  beforeEach(() => {
    folder = makeTemp("start");
    mkdirSync(join(folder, "base"));
    writeFileSync(join(folder, "base", "from-the-base.txt"), "1\n");
  });

  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop(15_000);
    removeTemp(folder);
  });

  /** No display, so that a desktop VS Code of whoever runs the tests stays out of this; and a home of its own. */
  function environment(): NodeJS.ProcessEnv {
    return { ...process.env, DISPLAY: undefined, WAYLAND_DISPLAY: undefined, VSCODE_EXECUTABLE: undefined, HOME: folder, XDG_STATE_HOME: undefined };
  }

  function npmStart(): Started {
    const started = start(process.execPath, ["test/support/start.ts", join(folder, "base")], { cwd: root, env: environment() });
    running.push(started);
    return started;
  }

  async function printedUrl(started: Started): Promise<string> {
    return until("the URL", async () => /http:\/\/\S+/.exec(started.output())?.[0]);
  }

  async function showsOverlay(page: Page): Promise<void> {
    await waitForOverlay(page);
    await explorer(page).row("from-the-base.txt");
  }

  test("prints a URL that opens the folder as an overlay, in any tab and after a reload; Ctrl-C ends it", async () => {
    const started = npmStart();
    const url = await printedUrl(started);
    const browser = await openBrowser(join(folder, "browser"));
    try {
      const page = await browser.newPage();
      await page.goto(url);
      await showsOverlay(page);
      await page.reload();
      await showsOverlay(page);
      // The address of the overlay itself, in a tab that knows nothing of the first.
      const other = await browser.newPage();
      await page.close();
      await other.goto(page.url());
      await showsOverlay(other);
    } finally {
      await browser.close();
    }
    process.kill(started.pid, "SIGINT");
    expect(await started.ended).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test("opens this repository when no folder is named, and keeps the changes outside of it", async () => {
    const started = start(process.execPath, ["test/support/start.ts"], { cwd: root, env: environment() });
    running.push(started);
    const browser = await openBrowser(join(folder, "browser"));
    try {
      const page = await browser.newPage();
      await page.goto(await printedUrl(started));
      await waitForOverlay(page);
      await explorer(page).row("package.json");
    } finally {
      await browser.close();
    }
  });

  test("runs beside another on ports and data of their own", async () => {
    const urls = await Promise.all([npmStart(), npmStart()].map(printedUrl));
    expect(new Set(urls).size).toBe(2);
    for (const url of urls) expect((await fetch(url)).status).toBe(200);
  });

  test("says so when there is no such folder", async () => {
    const started = start(process.execPath, ["test/support/start.ts", join(folder, "none")], { cwd: root });
    running.push(started);
    expect(await started.ended).toBe(1);
    expect(started.output()).toContain(`There is no folder ${join(folder, "none")}`);
  });
});
