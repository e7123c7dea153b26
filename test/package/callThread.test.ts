// The call thread's text in the bundles: it runs as it stands there, and names nothing that the bundler has put beside it.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTemp, removeTemp, runToEnd } from "../support/processes.ts";
import { root } from "../support/paths.ts";

const bundles = ["overlay.mjs", "extension.js"] as const;

/** The function, as toString gives it: from its head to the brace that closes it at the same depth of indentation. */
function textOf(bundle: string): string {
  const text = readFileSync(join(root, "dist", bundle), "utf8");
  const head = /^( *)function callThreadMain\(/m.exec(text);
  if (head === null) throw new Error(`${bundle} has no callThreadMain`);
  const end = text.indexOf(`\n${head[1] ?? ""}}`, head.index);
  return text.slice(head.index, end + 2 + (head[1] ?? "").length);
}

describe("the call thread in the bundles", () => {
  const folder = makeTemp("calls");
  beforeAll(() => { writeFileSync(join(folder, "f"), "text"); });
  afterAll(() => { removeTemp(folder); });

  test.each(bundles)("%s: every operation runs in a thread that has only this text", async (bundle) => {
    const at = (name: string): string => join(folder, `${bundle} ${name}`);
    const worker = new Worker(`"use strict"; (${textOf(bundle)})(require("node:fs"), require("node:worker_threads").parentPort)`, { eval: true });
    const answered = new Promise<unknown[][]>((resolve, reject) => {
      worker.on("message", (answers: unknown[][]) => { if (answers.length > 0) resolve(answers); });
      worker.on("error", reject);
    });
    const print = BigInt64Array.of(-1n, 0n, 0n, 0n, 0n);
    worker.postMessage([
      [1, "copySmall", join(folder, "f"), 0, 10, at("copy"), 0o302, 0o644, "1", "2"], [2, "open", at("copy"), 0], [3, "lstat", at("copy")],
      [4, "link", at("copy"), at("link")], [5, "unlink", at("link")], [6, "publish", at("copy"), at("made"), join(folder, "f"), print], [7, "close", 987_654],
      [8, "write", 987_654, new Uint8Array(1), null], [9, "lstat", at("gone")],
    ]);
    const answers = await answered;
    await worker.terminate();
    expect(answers.map(([id, value, fault]) => [id, (fault as { code?: unknown } | undefined)?.code ?? (Array.isArray(value) ? "opened" : ArrayBuffer.isView(value) ? "numbers" : value)])).toEqual([
      [1, "opened"], [2, "opened"], [3, "numbers"], [4, undefined], [5, undefined], [6, "changed"], [7, "EBADF"], [8, "EBADF"], [9, "ENOENT"],
    ]);
  });

  test.each(["--input-type=module", "--input-type=commonjs"])("overlay.mjs from node -e with %s: copies in numbers go through it, and the process ends", async (type) => {
    const base = join(folder, type, "base");
    mkdirSync(base, { recursive: true });
    for (let i = 0; i < 200; i++) writeFileSync(join(base, String(i)), String(i));
    const script = `(async () => {
      const { openOverlay } = await import(${JSON.stringify(join(root, "dist", "overlay.mjs"))});
      const fs = await import("node:fs");
      const overlay = await openOverlay({ base: ${JSON.stringify(base)}, scratch: ${JSON.stringify(join(folder, type, "scratch"))} });
      for (let i = 0; i < 200; i += 20) await Promise.all(Array.from({ length: 20 }, (_, n) => overlay.append("/" + (i + n), "+")));
      const threads = fs.readdirSync("/proc/self/task").map((id) => fs.readFileSync("/proc/self/task/" + id + "/comm", "utf8").trim());
      await overlay.dispose();
      console.log(JSON.stringify(threads.includes("overlay calls")));
    })();`;
    expect(JSON.parse(await runToEnd(process.execPath, [type, "-e", script]))).toBe(true);
    const upper = join(folder, type, "scratch", "upper");
    expect(readdirSync(upper).filter((name) => readFileSync(join(upper, name), "utf8") === `${name}+`)).toHaveLength(200);
  });
});
