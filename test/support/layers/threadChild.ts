/**
 * A process with a call thread, and nothing that keeps it alive but what it asks: "rests" (the thread is up and idle),
 * "starts" (it is about to be), "asks" (calls are under way), "works" (two overlays at once, as a script has them).
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { callThread } from "../../../src/host/callThread.js";
import { openOverlay } from "../../../src/host/index.js";
import { NodeLowerLayer } from "../../../src/host/nodeLayer.js";

const [, , what = "", folder = ""] = process.argv;

/** Waiting for the start holds nobody; a timer does, here. */
async function up(): Promise<boolean> {
  const alive = setInterval(() => undefined, 1000);
  try {
    return await callThread.start();
  } finally {
    clearInterval(alive);
  }
}

async function asks(): Promise<void> {
  await up();
  const layer = new NodeLowerLayer(folder);
  void Promise.all(Array.from({ length: 100 }, () => layer.lstat(""))).then((all) => { console.log(`answered ${String(all.length)}`); });
}

async function works(): Promise<void> {
  const copies = await Promise.all(["one", "two"].map(async (name) => {
    const base = join(folder, name, "base");
    fs.mkdirSync(base, { recursive: true });
    for (let i = 0; i < 200; i++) fs.writeFileSync(join(base, String(i)), `${name} ${String(i)}`);
    const overlay = await openOverlay({ base, scratch: join(folder, name, "scratch") });
    await Promise.all(Array.from({ length: 200 }, (_, i) => overlay.append(`/${String(i)}`, "+")));
    let right = 0;
    for (let i = 0; i < 200; i++) {
      const text = new TextDecoder().decode(await overlay.readFile(`/${String(i)}`));
      if (text === `${name} ${String(i)}+` && fs.readFileSync(join(base, String(i)), "utf8") === `${name} ${String(i)}`) right++;
    }
    const left = fs.readdirSync(join(folder, name, "scratch", "work"));
    if (left.length > 0) throw new Error(`work/ holds ${left.join(", ")}`);
    await overlay.dispose();
    return right;
  }));
  console.log(`${String(copies.reduce((a, b) => a + b, 0))} copies, ${callThread.ready ? "thread" : "pool"}`);
}

switch (what) {
  case "rests": console.log((await up()) ? "up" : "not up"); break;
  case "starts": void callThread.start(); console.log("starting"); break;
  case "asks": await asks(); break;
  case "works": await works(); break;
  default: throw new Error(what);
}
