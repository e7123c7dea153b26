// The places that the tools share, all derived from this file's own place.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Downloads, test bundles, screenshots and the data of `npm start`; ignored by git and never packed. */
export const cache = join(root, ".vscode-test");
/** Screenshots of tests that failed, or that a test asked for. */
export const screenshots = join(cache, "screenshots");

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
