// The places that the tools share, all derived from this file's own place.
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Downloads, test bundles and screenshots; ignored by git and never packed. */
export const cache = join(root, ".vscode-test");
/**
 * What `npm start` keeps, overlays above all: not in the repository, because an overlay of the repository could not keep
 * its changes inside its own base.
 */
export function stateFolder(): string {
  const { env, platform } = process;
  if (platform === "win32") return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "overlay-workspace");
  if (platform === "darwin") return join(homedir(), "Library", "Application Support", "overlay-workspace");
  return join(env["XDG_STATE_HOME"] ?? join(homedir(), ".local", "state"), "overlay-workspace");
}
/** Screenshots of tests that failed, or that a test asked for. */
export const screenshots = join(cache, "screenshots");

/** Where a change is judged: nothing may be skipped, and nothing left to chance. */
export const inCI = !["", "false", undefined].includes(process.env["CI"]);

/** Says what a long step is doing. */
export function say(text: string): void {
  process.stderr.write(`• ${text}\n`);
}

/** Tools run on the Node of this project's own dependencies, which is newer than a newcomer's may be. */
export function requireNode24(): void {
  if (Number(process.versions.node.split(".")[0]) >= 24) return;
  process.stderr.write(`This needs Node 24, and is run by Node ${process.versions.node}. Use it through npm (npm start, npm test), which brings its own.\n`);
  process.exit(1);
}
