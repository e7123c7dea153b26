// The journey without VS Code: a plain script for `node -e` with dist/overlay.mjs, in a process of its own. What it does to
// the base's tree is what the user does in the journey test, so that both leave the same scratch folder.
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { root } from "../paths.ts";
import { runToEnd } from "../processes.ts";

const opening = `
import { openOverlay } from ${JSON.stringify(pathToFileURL(join(root, "dist", "overlay.mjs")).href)};
const [, base, scratch] = process.argv;
const overlay = await openOverlay({ base, scratch });
const out = (value) => { console.log(JSON.stringify(value)); };
`;

const steps = `
await overlay.append("/lib/api.js", "// mine\\n");
await overlay.writeFile("/lib/notes.md", "# Notes\\n");
await overlay.rename("/lib/rules", "/lib/checks");
await overlay.unlink("/LICENSE");
await overlay.remove("/messages", { recursive: true });
await overlay.createDirectory("/messages");
await overlay.writeFile("/messages/own.js", "");
`;

/** Runs lines of JavaScript with `overlay` open, and `out(value)` to tell; returns what was told, one entry each. */
export async function withOverlay(base: string, scratch: string, lines: string): Promise<unknown[]> {
  const script = `${opening}${lines}\nawait overlay.dispose();`;
  const output = await runToEnd(process.execPath, ["--input-type=module", "-e", script, base, scratch]);
  return output.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as unknown);
}

/** Makes the journey's changes, up to the reset. */
export async function playJourney(base: string, scratch: string): Promise<void> {
  await withOverlay(base, scratch, steps);
}
