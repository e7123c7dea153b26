// A window on an overlay over a few files, for tests of what a user does in it.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Page } from "playwright-core";
import { makeTemp, removeTemp } from "../../processes.ts";
import { startWorkbench, waitForOverlay, type Workbench, type WorkbenchOptions } from "../workbench.ts";

export interface OverlayWindow {
  readonly workbench: Workbench;
  readonly page: Page;
  /** The folder beneath. */
  readonly base: string;
  readonly scratchRoot: string;
  /** The overlay's URI. */
  readonly uri: string;
  close(): Promise<void>;
}

/** Path to content; a path that ends in "/" is an empty folder. */
export type Files = Readonly<Record<string, string>>;

export function plantFiles(folder: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(path.endsWith("/") ? join(folder, path) : dirname(join(folder, path)), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(join(folder, path), content);
  }
}

/** Opens the files, in a folder named "base", as an overlay in a VS Code of its own. */
export async function openOverlayWindow(files: Files, options: Omit<WorkbenchOptions, "extension"> = {}): Promise<OverlayWindow> {
  const folder = makeTemp("overlay");
  const base = join(folder, "base");
  const scratchRoot = join(folder, "scratch");
  mkdirSync(base);
  plantFiles(base, files);
  const { settings, env, ...others } = options;
  const workbench = await startWorkbench({
    ...others, extension: "dev", env: { OVERLAY_WORKSPACE_OPEN: base, ...env }, settings: { "overlay.scratchRoot": scratchRoot, ...settings },
  });
  const close = async (): Promise<void> => {
    await workbench.close();
    removeTemp(folder);
  };
  try {
    return { workbench, page: workbench.page, base, scratchRoot, uri: await waitForOverlay(workbench.page), close };
  } catch (error) {
    await close();
    throw error;
  }
}
