/** New names: what create.ts promises beyond the table in overlay.test.ts. */
import { describe, expect, test } from "vitest";
import { gate } from "../support/layers/hooks.js";
import { World } from "../support/world.js";

describe("mkdir", () => {
  test("an ordinary user can make a folder that nobody may write to", async () => {
    const world = await World.create({ base: { "d/x": "X" }, disk: { uid: 1000 } });
    await world.overlay.createDirectory("/d/ro", 0o555);
    await world.overlay.createDirectory("/d/ro/inner", 0o500);
    expect((await world.overlay.stat("/d/ro")).mode).toBe(0o555);
    expect((await world.overlay.stat("/d/ro/inner")).mode).toBe(0o500);
    expect(await (await world.reopened()).merged()).toEqual(await world.merged());
  });

  test("INV-9 a parent that is replaced by a renamed folder meanwhile: the new folder is opaque all the same", async () => {
    const held = gate((call) => call.name === "rename" && call.path === "upper/p");
    const world = await World.create({ base: { "r/n/old": "old" }, scratch: { "upper/p/": null, "upper/p/.wh..wh..opq": "" }, hook: held.hook });
    await world.overlay.remove("/r/n", { recursive: true });
    const rename = world.overlay.rename("/r", "/p");
    await held.reached;
    const mkdir = world.overlay.createDirectory("/p/n"); // it has seen the old /p, and waits for the lock
    held.open();
    await rename;
    await mkdir;
    expect(await world.merged()).toEqual({ "/p/": "", "/p/n/": "" });
    expect(await (await world.reopened()).merged()).toEqual({ "/p/": "", "/p/n/": "" });
  });
});
