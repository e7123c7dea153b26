/**
 * The process that is killed: works on an overlay on a real disk with the built engine, as a user's script would. It
 * tells its parent what it begins before it does, and what it was told is done before it goes on.
 */
import type { Overlay } from "../../src/engine/index.js";
import { Random } from "../support/random.ts";
import { nowMs, perform, randomWork, type Said } from "./work.ts";

const [engine = "", base = "", scratch = "", seed = "", durability = "data", pauseMs = "0"] = process.argv.slice(2);
process.umask(0o022);
const { openOverlay } = await import(engine) as { openOverlay: (options: object) => Promise<Overlay> };

function say(said: Said): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(said, (error: Error | null) => { if (error === null) resolve(); else reject(error); });
  });
}

const random = new Random(Number(seed));
const overlay = await openOverlay({ base, scratch, durability });
await say({ opened: true });
for (let round = 0; ; round++) {
  const work = randomWork(random, round);
  await say({ begin: work, at: nowMs() });
  const code = await perform(overlay, work).then(() => "ok", (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)));
  await say({ done: code, at: nowMs() });
  if (pauseMs !== "0") await new Promise((resolve) => setTimeout(resolve, Number(pauseMs)));
}
