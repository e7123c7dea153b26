/** Changes of one file that meet another operation between their look and their lock. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { gate } from "../support/layers/hooks.js";
import { codeOf, World } from "../support/world.js";

describe("a file that is deleted between the look and the copy-up", () => {
  const writeThrough = async (overlay: Overlay, flags: string) => {
    const file = await overlay.open("/a", flags);
    await file.write(new TextEncoder().encode("+"));
    await file.close();
  };
  const cases: Record<string, { change: (overlay: Overlay) => Promise<unknown>; code: string; merged: Record<string, string> }> = {
    "append makes it": { change: (o) => o.append("/a", "+"), code: "ok", merged: { "/a": "+" } },
    "open to append makes it": { change: (o) => writeThrough(o, "a"), code: "ok", merged: { "/a": "+" } },
    "open to write makes it": { change: (o) => writeThrough(o, "w"), code: "ok", merged: { "/a": "+" } },
    "open to read and write does not": { change: (o) => writeThrough(o, "r+"), code: "ENOENT", merged: {} },
    "truncate does not": { change: (o) => o.truncate("/a", 1), code: "ENOENT", merged: {} },
    "truncate to nothing does not": { change: (o) => o.truncate("/a", 0), code: "ENOENT", merged: {} },
  };
  test.each(Object.keys(cases))("%s", async (title) => {
    const { change, code, merged } = cases[title] ?? { change: () => Promise.resolve(), code: "", merged: {} };
    let first = true;
    const held = gate((call) => call.layer === "base" && call.name === "lstat" && call.path === "a" && first);
    const world = await World.create({ base: { a: "A" }, hook: held.hook });
    const changed = codeOf(change(world.overlay));
    await held.reached;
    first = false;
    await world.overlay.unlink("/a");
    held.open();
    expect(await changed).toBe(code);
    expect(await world.merged()).toEqual(merged);
    expect(world.work()).toEqual([]);
  });
});
