/** What other copy-on-write file systems get wrong, and this one must never: a test each, named after the fault. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { failing, gate, recorder } from "../support/layers/hooks.js";
import type { LayerCall } from "../support/layers/intercept.js";
import { codeOf, World } from "../support/world.js";

const base = { "d/old": "old", "d/sub/deep": "deep", "a": "content of a" };

async function after(...steps: ((overlay: Overlay) => Promise<unknown>)[]): Promise<{ now: Record<string, string>; reopened: Record<string, string> }> {
  const world = await World.create({ base });
  for (const step of steps) await step(world.overlay);
  return { now: await world.merged(), reopened: await (await world.reopened()).merged() };
}

describe("@zenfs/core, CopyOnWrite", () => {
  test("shows old lower children after rename, then mkdir", async () => {
    const expected = { "/a": "content of a", "/d/": "", "/q/": "", "/q/old": "old", "/q/sub/": "", "/q/sub/deep": "deep" };
    expect(await after((o) => o.rename("/d", "/q"), (o) => o.createDirectory("/d"))).toEqual({ now: expected, reopened: expected });
  });

  test("brings a deleted child back after its parent is renamed", async () => {
    const expected = { "/a": "content of a", "/q/": "", "/q/sub/": "" };
    const steps = [(o: Overlay) => o.unlink("/d/old"), (o: Overlay) => o.unlink("/d/sub/deep"), (o: Overlay) => o.rename("/d", "/q")];
    expect(await after(...steps)).toEqual({ now: expected, reopened: expected });
  });

  test("returns zero bytes while a copy-up is under way", async () => {
    // At every call that the copy-up makes on the scratch, in turn.
    for (let nth = 1, reached = true; reached; nth++) {
      let calls = 0;
      let armed = false;
      reached = false;
      const held = gate((call) => armed && call.layer === "scratch" && ++calls === nth);
      const world = await World.create({ base, hook: held.hook });
      await world.text("/a");
      armed = true;
      const copyUp = world.overlay.copyUp("/a");
      const first = await Promise.race([held.reached.then(() => "held"), copyUp.then(() => "done")]);
      armed = false;
      if (first === "held") {
        reached = true;
        expect(await world.text("/a"), `held at call ${String(nth)}`).toBe("content of a");
        expect((await world.overlay.stat("/a")).size).toBe(12);
      }
      held.open();
      await copyUp;
      expect(await world.text("/a")).toBe("content of a");
      if (!reached) expect(nth).toBeGreaterThan(5);
    }
  });

  test("loses one of two concurrent first writes", async () => {
    const world = await World.create({ base });
    const write = async (text: string, position: number) => {
      const file = await world.overlay.open("/a", "r+");
      await file.write(new TextEncoder().encode(text), position);
      await file.close();
    };
    await Promise.all([write("CONTENT", 0), write("A", 11)]);
    expect(await world.text("/a")).toBe("CONTENT of A");
  });

  test.each(["EIO", "EACCES", "EMFILE"] as const)("treats every stat error as \"absent\": %s", async (code) => {
    // A file of the base is read without a stat before, so there it is the reading that fails.
    const failLook = (call: LayerCall) => (call.name === "lstat" || call.name === "readFile") && (call.path === "a" || call.path === "upper/n");
    const world = await World.create({ base, scratch: { "upper/n": "N" }, hook: failing(failLook, code) });
    const attempts: ((o: Overlay) => Promise<unknown>)[] = [
      (o) => o.stat("/a"), (o) => o.stat("/n"), (o) => o.readFile("/a"), (o) => o.writeFile("/a", "new"), (o) => o.createDirectory("/a"), (o) => o.unlink("/a"),
      (o) => o.rename("/a", "/b"), (o) => o.rename("/d/old", "/a"), (o) => o.append("/a", "+"), (o) => o.symlink("x", "/a"), (o) => o.open("/a", "wx"), (o) => o.reset("/a"),
    ];
    for (const [i, attempt] of attempts.entries()) expect(await codeOf(attempt(world.overlay)), `attempt ${String(i)}`).toBe(code);
    expect(world.upper()).toEqual({ n: 'file "N"' });
  });
});

describe("just-bash, OverlayFs", () => {
  test("loses two of three concurrent first appends", async () => {
    const world = await World.create({ base });
    await Promise.all(["1", "2", "3"].map((line) => world.overlay.append("/a", line)));
    expect((await world.text("/a")).slice(12).split("").sort()).toEqual(["1", "2", "3"]);
  });

  test("resets mode 0755 to 0644 by copy-up", async () => {
    for (const change of [(o: Overlay) => o.append("/x", "+"), (o: Overlay) => o.writeFile("/x", "new"), (o: Overlay) => o.rename("/x", "/y"), (o: Overlay) => o.truncate("/x", 0)]) {
      const world = await World.create({ base: { x: { file: "#!", mode: 0o755 } } });
      await change(world.overlay);
      const [name] = (await world.overlay.readDirectory("/")).map((entry) => entry.name);
      expect((await world.overlay.stat(`/${String(name)}`)).mode).toBe(0o755);
    }
  });
});

describe("unionfs-fuse", () => {
  test("opens the target with O_TRUNC and fills it in place", async () => {
    const calls = recorder();
    const world = await World.create({ base, hook: calls.hook });
    await world.overlay.append("/a", "+");
    await world.overlay.writeFile("/d/old", "new");
    await world.overlay.writeFile("/d/old", "newer");
    await world.overlay.copyUp("/d/sub/deep");
    const inPlace = calls.calls.filter((call) => call.path.startsWith("upper/") && (call.name === "create" || (call.name === "openWrite" && call.mutates)));
    expect(inPlace).toEqual([]);
  });
});
