/** Joining snapshots: the same merged result, the right markers, and none of it halfway. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { failing, gate } from "../support/layers/hooks.js";
import { base, cases, layered, mkdir, mv, rm, withoutLinks, write } from "../support/layerCases.js";
import { Random } from "../support/random.js";
import { fullTree } from "../support/truth.js";
import { codeOf, World } from "../support/world.js";
import { dump } from "../../src/host/memoryTree.js";

describe("all snapshots joined", () => {
  test.each(Object.keys(cases))("%s", async (name) => {
    for (const disk of [{}, { hardLinks: false }]) {
      const world = await layered(cases[name] ?? [], { disk });
      const before = withoutLinks(await fullTree(world.overlay));
      const changes = await world.overlay.changes();
      const since = await world.overlay.changes("/", { since: "base" });
      const [top] = await world.overlay.snapshots();
      world.events.length = 0;
      expect(await world.overlay.squash()).toEqual(top);
      expect(withoutLinks(await fullTree(world.overlay))).toBe(before);
      expect(await world.overlay.changes()).toEqual(changes);
      expect(await world.overlay.changes("/", { since: "base" })).toEqual(since);
      expect(await world.overlay.snapshots()).toEqual([top]);
      expect(world.events).toEqual([]);
      expect(world.work()).toEqual([]);
      await world.overlay.dispose();
      const again = await World.open(world.disk);
      expect(withoutLinks(await fullTree(again.overlay))).toBe(before);
      await again.overlay.dispose();
      expect(again.disk.handles.size).toBe(0);
      // The layers that were joined are gone, and files have one name again.
      expect(Object.keys(dump(again.disk, "/scratch/layers")).filter((path) => !path.includes("/"))).toHaveLength(1);
    }
  });

  test("a whiteout of what nothing below has is left out, and so is what it hid", async () => {
    const world = await layered([[write("/n", "1")], [rm("/n")], []]);
    await world.overlay.squash();
    await world.overlay.dispose();
    expect(Object.keys(dump(world.disk, "/scratch/layers")).filter((path) => path.startsWith("j"))).toEqual(["j3"]);
  });
});

describe("some of them", () => {
  test("only those that lie on each other, at least two", async () => {
    const world = await layered([[write("/1", "1")], [write("/2", "2")], [write("/3", "3")], [write("/4", "4")]]);
    const [third, second, first] = await world.overlay.snapshots();
    const before = withoutLinks(await fullTree(world.overlay));
    expect(await codeOf(world.overlay.squash([third?.id ?? "", first?.id ?? ""]))).toBe("EINVAL");
    expect(await codeOf(world.overlay.squash([first?.id ?? ""]))).toBe("EINVAL");
    expect(await codeOf(world.overlay.squash([]))).toBe("EINVAL");
    expect(await world.overlay.squash([first?.id ?? "", second?.id ?? ""])).toEqual(second);
    expect(await world.overlay.snapshots()).toEqual([third, second]);
    expect(withoutLinks(await fullTree(world.overlay))).toBe(before);
    await world.overlay.resetTo(second?.id ?? "");
    expect(Object.keys(await world.merged())).not.toContain("/3");
    expect(await world.merged()).toMatchObject({ "/1": "1", "/2": "2" });
  });

  test("a middle one keeps its redirects right", async () => {
    const world = await layered([[mv("/old", "/r1")], [mv("/r1", "/r2"), write("/r2/2", "2")], [mv("/r2", "/r3")], [mv("/r3", "/r4")]]);
    const before = withoutLinks(await fullTree(world.overlay));
    const [third, second] = await world.overlay.snapshots();
    await world.overlay.squash([third?.id ?? "", second?.id ?? ""]);
    expect(withoutLinks(await fullTree(world.overlay))).toBe(before);
    expect(withoutLinks(await fullTree((await world.reopened()).overlay))).toBe(before);
  });

  test("INV-11 cancelled, or failing, it leaves nothing", async () => {
    let calls = 0;
    const steps = [[write("/a", "1"), mkdir("/n"), mv("/old", "/r")], [write("/n/x", "2")], []];
    const abort = new AbortController();
    const world = await layered(steps, { hook: <T>(call: { name: string }, run: () => Promise<T>) => {
      if (call.name === "link" && calls++ === 0) abort.abort();
      return run();
    } });
    calls = 0;
    const before = await fullTree(world.overlay);
    expect(await codeOf(world.overlay.squash(undefined, { signal: abort.signal }))).toBe("ECANCELED");
    expect(await fullTree(world.overlay)).toEqual(before);
    expect(world.work()).toEqual([]);
    expect(await world.overlay.snapshots()).toHaveLength(2);
  });

  test("layers that change meanwhile are EBUSY, and nothing is lost", async () => {
    for (const change of [(o: Overlay) => o.resetTo("base"), async (o: Overlay) => o.squash()]) {
      let armed = true;
      const held = gate((call) => armed && call.name === "link" && String(call.args[0]).startsWith("layers/"));
      const world = await layered([[write("/a", "1")], [mkdir("/n")], []], { hook: held.hook });
      const squash = codeOf(world.overlay.squash());
      await held.reached;
      armed = false;
      await change(world.overlay);
      const before = withoutLinks(await fullTree(world.overlay));
      held.open();
      expect(await squash).toBe("EBUSY");
      expect(withoutLinks(await fullTree(world.overlay))).toBe(before);
      expect(world.work()).toEqual([]);
    }
  });

  test("a file that is open goes on telling of its changes", async () => {
    const world = await layered([[write("/a", "1")], [write("/b", "2")], []]);
    const file = await world.overlay.open("/a", "r+");
    await world.overlay.squash();
    world.events.length = 0;
    await file.write(new TextEncoder().encode("#"), 0);
    await file.close();
    await Promise.resolve();
    await world.overlay.changes();
    expect(world.events).toContainEqual({ type: "changed", path: "/a" });
    expect(await world.text("/a")).toBe("#");
  });
});

test("any layers of random edits join to what they showed", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const world = await World.create({ base });
    const { overlay } = world;
    const names = ["/a", "/b", "/d", "/d/x", "/d/e", "/old", "/old/s", "/n", "/n/m", "/r", "/empty", "/empty/k"];
    for (let layer = 0; layer < 4; layer++) {
      for (let i = 0; i < 8; i++) {
        const path = random.pick(names);
        const other = random.pick(names);
        await codeOf(random.pick<() => Promise<unknown>>([
          () => overlay.writeFile(path, `${String(layer)}${String(i)}`), () => overlay.append(path, "+"), () => overlay.remove(path, { recursive: true }),
          () => overlay.createDirectory(path), () => overlay.rename(path, other), () => overlay.rename(path, other), () => overlay.reset(path),
        ])());
      }
      if (layer < 3) await overlay.takeSnapshot();
    }
    const before = withoutLinks(await fullTree(overlay));
    const since = JSON.stringify(await overlay.changes("/", { since: "base" }));
    const ids = (await overlay.snapshots()).map(({ id }) => id);
    await overlay.squash(seed % 3 === 0 ? undefined : seed % 3 === 1 ? ids.slice(0, 2) : ids.slice(1));
    expect(withoutLinks(await fullTree(overlay)), `seed ${String(seed)}`).toBe(before);
    expect(JSON.stringify(await overlay.changes("/", { since: "base" })), `seed ${String(seed)}`).toBe(since);
    expect(withoutLinks(await fullTree((await world.reopened()).overlay)), `seed ${String(seed)}, reopened`).toBe(before);
  }
});

test("INV-11 each call that fails leaves the layers as they were", async () => {
  for (let nth = 1; ; nth++) {
    let armed = false;
    let seen = 0;
    const fail = failing((call) => armed && call.mutates && ++seen === nth, "EIO");
    const world = await layered([[write("/a", "1"), mv("/old", "/r")], [rm("/d"), mkdir("/d"), write("/r/n", "2")], [write("/b", "3")]], { hook: fail });
    const before = withoutLinks(await fullTree(world.overlay));
    armed = true;
    const code = await codeOf(world.overlay.squash());
    armed = false;
    expect(withoutLinks(await fullTree(world.overlay)), `call ${String(nth)}: ${code}`).toBe(before);
    expect(withoutLinks(await fullTree((await world.reopened()).overlay)), `call ${String(nth)}: ${code}, reopened`).toBe(before);
    expect(await world.overlay.snapshots()).toHaveLength(code === "ok" ? 1 : 2);
    if (seen < nth) break;
  }
});
