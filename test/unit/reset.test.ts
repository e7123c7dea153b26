/** Reset of what was renamed: three whole operations, and what may come between them. */
import { describe, expect, test } from "vitest";
import { failing, gate } from "../support/layers/hooks.js";
import { codeOf, World } from "../support/world.js";

const base = { "a": "A", "b": "B", "d/x": "X", "empty/": null };
const all = { "/a": "A", "/b": "B", "/d/": "", "/d/x": "X", "/empty/": "" };

describe("reset of a renamed entry", () => {
  test("that was renamed over another one brings both back", async () => {
    const world = await World.create({ base });
    await world.overlay.rename("/b", "/a");
    await world.overlay.rename("/d", "/empty");
    await world.overlay.reset("/a");
    await world.overlay.reset("/empty");
    expect(await world.merged()).toEqual(all);
    expect(await (await world.reopened()).merged()).toEqual(all);
  });

  test("whose old name is taken meanwhile: it is dropped, and what is new there stays", async () => {
    let armed = false;
    const held = gate((call) => armed && call.name === "link" && call.path === "upper/b");
    const world = await World.create({ base, hook: held.hook });
    await world.overlay.rename("/b", "/c");
    armed = true;
    const write = world.overlay.writeFile("/b", "new");
    await held.reached; // with the lock held: the reset finds the old name free, and then waits
    const reset = codeOf(world.overlay.reset("/c"));
    for (let i = 0; i < 100; i++) await Promise.resolve();
    held.open();
    await write;
    expect(await reset).toBe("ok");
    expect(await world.merged()).toEqual({ ...all, "/b": "new" });
  });
});

describe("origins", () => {
  test("what is recorded while they are read is not lost", async () => {
    const held = gate((call) => call.name === "readFile" && call.path === "origins");
    const world = await World.create({ base, scratch: { "upper/a": "edited" }, hook: held.hook });
    const before = world.overlay.changeOf("/a"); // reads them
    await held.reached;
    await world.overlay.rename("/b", "/c");
    for (let i = 0; i < 100; i++) await Promise.resolve();
    held.open();
    await before;
    expect(await world.overlay.changeOf("/c")).toEqual({ kind: "renamed", path: "/c", type: "file", from: "/b" });
  });
});

describe("INV-11 copy of a folder over another one that cannot be put in its place", () => {
  test("the old one comes back", async () => {
    for (const scratch of [{ "upper/n/old": "old", "upper/n/.wh..wh..opq": "" }, { "upper/empty/old": "old" }]) {
      const to = "upper/n/old" in scratch ? "/n" : "/empty";
      const world = await World.create({ base, scratch, hook: failing((call) => call.name === "rename" && call.path === `upper${to}` && String(call.args[0]).startsWith("work/"), "EIO", { times: 1 }) });
      const before = await world.merged();
      expect(await codeOf(world.overlay.copy("/d", to, { overwrite: true }))).toBe("EIO");
      expect(await world.merged()).toEqual(before);
      expect(await (await world.reopened()).merged()).toEqual(before);
      expect(world.work()).toEqual([]);
      await world.overlay.copy("/d", to, { overwrite: true });
      expect(await world.merged(to)).toEqual({ [`${to}/x`]: "X" });
    }
  });
});

test.each(["/d", undefined])("INV-12 of a file that hid a folder, reset (%s), the folder is what has come", async (path) => {
  const world = await World.create({ base });
  await world.overlay.remove("/d", { recursive: true });
  await world.overlay.writeFile("/d", "a file now");
  await Promise.resolve();
  world.events.length = 0;
  await world.overlay.reset(path);
  expect(await world.text("/d/x")).toBe("X");
  await Promise.resolve();
  expect(world.events.filter((event) => event.path === "/d").map(({ type }) => type)).toEqual(["deleted", "created"]);
});
