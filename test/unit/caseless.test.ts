/** On a disk where case does not count: one name, however it is written; and a rename that changes the case alone. */
import { describe, expect, test } from "vitest";
import { type PlantedTree, World } from "../support/world.js";

const base: PlantedTree = { "Readme": "R", "Lib/Index": "I" };
const create = () => World.create({ base, disk: { caseSensitive: false }, overlay: { caseSensitive: false } });

describe("where case does not count", () => {
  test("a name is found, written, deleted and listed once, however it is written", async () => {
    const world = await create();
    await world.overlay.append("/README", "+");
    expect(await world.text("/readme")).toBe("R+");
    expect((await world.overlay.readDirectory("/")).length).toBe(2);
    await world.overlay.unlink("/lib/INDEX");
    expect(await world.overlay.readDirectory("/LIB")).toEqual([]);
    expect(await (await world.reopened()).overlay.readDirectory("/Lib")).toEqual([]);
  });

  for (const [title, from, to, first] of [
    ["a base file", "/Readme", "/README", false],
    ["a copied file", "/Readme", "/README", true],
    ["a base folder", "/Lib", "/LIB", false],
    ["a copied folder", "/Lib", "/LIB", true],
  ] as const) {
    for (const overwrite of [false, true]) {
      test(`the case of ${title} changes, ${overwrite ? "with" : "without"} overwrite`, async () => {
        const world = await create();
        if (first) await world.overlay.copyUp(from);
        await world.overlay.rename(from, to, { overwrite });
        for (const shown of [world, await world.reopened()]) {
          const names = (await shown.overlay.readDirectory("/")).map(({ name }) => `/${name}`);
          expect(names.filter((name) => name.toLowerCase() === to.toLowerCase())).toEqual([to]);
          expect(await shown.text(from === "/Lib" ? "/lib/index" : "/readme")).toBe(from === "/Lib" ? "I" : "R");
        }
      });
    }
  }
});
