/**
 * A process that claims an overlay's folder when told: "go <ms>" (spin until then, so that all start at once),
 * "release", "break"; answers "owned", "held <pid>", "released", "asked <pid>" when it is asked to yield.
 */
import { createInterface } from "node:readline";
import { acquire } from "../../../src/host/ownership.js";
import type { OverlayLock } from "../../../src/host/ownership.js";

const folder = process.argv[2] ?? "";
const hardLinks = process.argv[3] !== "noLinks";
let lock: OverlayLock | undefined;

createInterface({ input: process.stdin }).on("line", (line) => {
  const [command, at] = line.split(" ");
  if (command === "go") void claim(Number(at));
  if (command === "release") void lock?.release().then(() => { console.log("released"); });
});
console.log("ready");

async function claim(at: number): Promise<void> {
  while (Date.now() < at);
  try {
    const claimed = await acquire(folder, hardLinks ? {} : { hardLinks: false });
    if (claimed.kind === "held") {
      console.log(`held ${claimed.owner.pid ?? "?"}`);
      return;
    }
    lock = claimed.lock;
    lock.onYieldRequested((asker) => { console.log(`asked ${asker.pid}`); });
    lock.onLost(() => { console.log("lost"); });
    console.log("owned");
  } catch (error) {
    console.log(`failed ${String(error)}`);
  }
}
