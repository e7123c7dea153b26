// Permissions, as an ordinary user meets them, the same on both hosts. Root becomes nobody for the node host.
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { bundleScript, startChild } from "../support/layers/child.js";
import { ordinaryAnswers, ordinaryMemoryHost, ordinarySteps } from "../support/layers/ordinaryUser.js";

const expected = Object.fromEntries(ordinarySteps.map(([title, answer]) => [title, answer]));
const nobody = 65_534;

describe("an ordinary user", () => {
  test("on the memory host", async () => {
    expect(await ordinaryAnswers(ordinaryMemoryHost())).toEqual(expected);
  });

  test.each(["answer", "answer through the call thread"])("on the node host: %s", async (how) => {
    const script = await bundleScript("ordinaryUser.ts");
    const who = process.geteuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
    const child = startChild(script, [how], { ...who, cwd: "/" });
    expect(JSON.parse(await child.line())).toEqual(expected);
    expect(await child.ended).toBe("0");
    rmSync(dirname(script), { recursive: true });
  });
});
