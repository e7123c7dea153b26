/** Rename: what others see while it goes on. The outcomes are in overlay.test.ts. */
import { describe, expect, test } from "vitest";
import { gate } from "../support/layers/hooks.js";
import { type PlantedTree, World } from "../support/world.js";

describe("INV-7 a folder renamed over an empty one: the name is never absent", () => {
  const empties: Record<string, { base: PlantedTree; scratch?: PlantedTree }> = {
    "in the base": { base: { "p/": null } },
    "in upper": { base: {}, scratch: { "upper/p/.wh..wh..opq": "" } },
    "in both, with what it held deleted": { base: { "p/x": "X" }, scratch: { "upper/p/.wh.x": "" } },
  };
  test.each(Object.keys(empties))("%s", async (kind) => {
    const { base = {}, scratch = {} } = empties[kind] ?? {};
    const held = gate((call) => call.name === "rename" && call.path === "upper/p");
    const world = await World.create({ base: { ...base, "r/f": "F" }, scratch, hook: held.hook });
    await world.overlay.stat("/p");
    const rename = world.overlay.rename("/r", "/p");
    await held.reached;
    expect((await world.overlay.readDirectory("/")).map(({ name }) => name)).toContain("p");
    const stat = world.overlay.stat("/p");
    const list = world.overlay.readDirectory("/p");
    held.open();
    await rename;
    expect((await stat).type).toBe("directory");
    expect([[], [{ name: "f", type: "file" }]]).toContainEqual(await list);
    expect(await world.merged()).toEqual({ "/p/": "", "/p/f": "F" });
    expect(await (await world.reopened()).merged()).toEqual({ "/p/": "", "/p/f": "F" });
  });
});
