/** The journal of origins: what it remembers over renames and restarts, and over a line that a crash has torn. */
import { expect, test } from "vitest";
import { dump } from "../../src/host/memoryTree.js";
import { World } from "../support/world.js";

test("a renamed file keeps its origin in another process", async () => {
  const world = await World.create({ base: { a: "A" } });
  await world.overlay.rename("/a", "/b");
  await world.overlay.dispose();
  expect(await (await world.reopened()).overlay.changeOf("/b")).toEqual({ kind: "renamed", path: "/b", type: "file", from: "/a" });
});

test("a line that a crash has torn costs itself alone, not the next one", async () => {
  const world = await World.create({ base: { a: "A" }, scratch: { origins: '{"set":"/x","from":{"low' } });
  await world.overlay.rename("/a", "/b");
  await world.overlay.dispose();
  expect(await (await world.reopened()).overlay.changeOf("/b")).toEqual({ kind: "renamed", path: "/b", type: "file", from: "/a" });
});

test("the journal does not grow for ever", async () => {
  const world = await World.create({ base: { a: "A" } });
  for (let i = 0; i < 200; i++) {
    await world.overlay.append("/a", "+");
    await world.overlay.reset("/a");
  }
  await world.overlay.changes();
  await world.overlay.dispose();
  const lines = (dump(world.disk, "/scratch")["origins"] ?? "").split("\\n").length;
  expect(lines).toBeLessThan(150);
});
