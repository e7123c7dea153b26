/** Snapshots that become part of the upper again: the same merged result, everything a change against the base, and a way back. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { dump } from "../../src/host/memoryTree.js";
import { failing, gate } from "../support/layers/hooks.js";
import { cases, layered, mkdir, mv, rm, withoutLinks, write } from "../support/layerCases.js";
import { fullTree } from "../support/truth.js";
import { codeOf, type World } from "../support/world.js";

const shown = async (world: World): Promise<string> => withoutLinks(await fullTree(world.overlay));
const plain = (changes: Awaited<ReturnType<Overlay["changes"]>>): string[] => changes.map(({ kind, path }) => `${kind} ${path}`);

describe("all of it", () => {
  test.each(Object.keys(cases))("%s", async (name) => {
    const world = await layered(cases[name] ?? []);
    const before = await shown(world);
    const since = await world.overlay.changes("/", { since: "base" });
    const snapshots = await world.overlay.snapshots();
    const upper = world.upper();
    world.events.length = 0;
    const id = await world.overlay.thaw();
    expect(await shown(world)).toBe(before);
    expect(await world.overlay.snapshots()).toEqual([]);
    expect(plain(await world.overlay.changes())).toEqual(plain(since));
    expect(world.events, "INV-12 merged does not change").toEqual([]);
    expect(world.work()).toEqual([]);
    const again = await world.reopened();
    expect(await shown(again)).toBe(before);
    expect(await again.overlay.changes(), "what they rest on outlives the process").toEqual(await world.overlay.changes());
    // Written in place, what was kept stays as it was.
    for (const { path, type, kind } of await world.overlay.changes()) if (type === "file" && kind !== "deleted") await world.overlay.append(path, "+");
    expect((await world.overlay.dropped()).map(({ what, snapshots: gone }) => [what, gone])).toEqual([["thawed", snapshots]]);
    await world.overlay.bringBack(id ?? "", { replace: true });
    expect(await shown(world)).toBe(before);
    expect(await world.overlay.snapshots()).toEqual(snapshots);
    expect(world.upper()).toEqual(upper);
    expect(await shown(await world.reopened())).toBe(before);
  });

  test("without snapshots there is nothing to do", async () => {
    const world = await layered([[write("/a", "1")]]);
    expect(await world.overlay.thaw()).toBeUndefined();
    expect(await world.overlay.dropped()).toEqual([]);
  });
});

test("whether the base has moved is known through snapshots, and afterwards", async () => {
  let now = 1_700_000_000n;
  const world = await layered([
    [write("/a", "1"), rm("/d/x"), mv("/old/f", "/moved"), write("/n", "1")],
    [(o) => o.append("/a", "2"), (o) => o.append("/moved", "+"), write("/b", "2"), mv("/old", "/older")],
    [(o) => o.append("/older/s/g", "3")],
  ], { disk: { clock: () => (now += 1n) * 1_000_000_000n } });
  const others = new MemoryScratchLayer(world.disk, "/base");
  for (const path of ["a", "d/x", "old/f", "old/s/g"]) {
    if (path !== "d/x") await others.unlink(path);
    else await others.rename("d/y", "d/x");
    if (path === "d/x") continue;
    const file = await others.create(path, 0o644);
    await file.write(new TextEncoder().encode("by others"), 0);
    await file.close();
  }
  await world.overlay.baseChanged(["a", "d/x", "old/f", "old/s/g"].map((path) => ({ type: "changed" as const, path: `/${path}` })));
  const stale = ["deleted /d/x", "renamed /moved", "copied /a", "copied /older/s/g", "deleted /older/f"].sort();
  const found = async (options: { since?: string }): Promise<string[]> =>
    (await world.overlay.changes("/", options)).filter((change) => change.stale === true).map(({ kind, path }) => `${kind} ${path}`).sort();
  expect(await found({ since: "base" })).toEqual(stale);
  const origin = await world.overlay.originOf("/a", "base");
  expect(origin).toMatchObject({ lower: "/a", size: "1" });
  expect(await world.overlay.originOf("/moved", "base")).toMatchObject({ lower: "/old/f" });
  await world.overlay.squash();
  expect(await found({ since: "base" }), "joined snapshots know it too").toEqual(stale);
  await world.overlay.thaw();
  expect(await found({})).toEqual(stale);
  expect(await world.overlay.originOf("/a")).toEqual(origin);
});

test("a file that is open for writing refuses, and snapshots are as they were", async () => {
  const world = await layered([[write("/a", "1")], [write("/b", "2")]]);
  const snapshots = await world.overlay.snapshots();
  const file = await world.overlay.open("/b", "r+");
  expect(await codeOf(world.overlay.thaw())).toBe("EBUSY");
  await file.close();
  expect(await world.overlay.snapshots()).toEqual(snapshots);
  expect(plain(await world.overlay.changes())).toEqual(["copied /b"]);
});

test("what is changed while they are joined is in the upper afterwards", async () => {
  let armed = true;
  const held = gate((call) => armed && call.name === "cloneFrom");
  const world = await layered([[write("/a", "1")], [write("/b", "2")]], { hook: held.hook });
  const thaw = world.overlay.thaw();
  await held.reached;
  armed = false;
  await world.overlay.writeFile("/c", "meanwhile");
  held.open();
  const id = await thaw;
  expect(await world.merged()).toMatchObject({ "/a": "1", "/b": "2", "/c": "meanwhile" });
  expect(plain(await world.overlay.changes())).toEqual(["copied /a", "copied /b", "added /c"]);
  await world.overlay.bringBack(id ?? "", { replace: true });
  expect(await world.merged()).toMatchObject({ "/a": "1", "/b": "2", "/c": "meanwhile" });
});

test("the root's mode, changed while they are joined, is what it was changed to", async () => {
  for (const ends of ["done", "cancelled"] as const) {
    let armed = true;
    const held = gate((call) => armed && call.name === "cloneFrom");
    const world = await layered([[write("/a", "1")], [write("/b", "2")]], { hook: held.hook });
    const stop = new AbortController();
    const thaw = codeOf(world.overlay.thaw({ signal: stop.signal }));
    await held.reached;
    armed = false;
    await world.overlay.chmod("/", 0o700);
    if (ends === "cancelled") stop.abort();
    held.open();
    expect(await thaw).toBe(ends === "done" ? "ok" : "ECANCELED");
    expect((await world.overlay.stat("/")).mode).toBe(0o700);
    expect((await (await world.reopened()).overlay.stat("/")).mode).toBe(0o700);
  }
});

test("INV-11 each call that fails, or a cancel there, leaves merged and the snapshots as they were", async () => {
  for (const how of ["fails", "cancels"] as const) {
    for (let nth = 1; ; nth++) {
      let armed = false;
      let seen = 0;
      const stop = new AbortController();
      const fail = failing((call) => armed && call.mutates && ++seen === nth && (how === "fails" || (stop.abort(), false)), "EIO");
      const world = await layered([[write("/a", "1"), mv("/old", "/r")], [rm("/d"), mkdir("/d"), write("/r/n", "2")], [write("/b", "3")]], { hook: fail });
      const before = await shown(world);
      const { changes, names } = { changes: await world.overlay.changes(), names: await world.overlay.snapshots() };
      armed = true;
      const code = await codeOf(world.overlay.thaw({ signal: stop.signal }));
      armed = false;
      const title = `call ${String(nth)} ${how}: ${code}`;
      expect(await shown(world), title).toBe(before);
      expect(await shown(await world.reopened()), `${title}, reopened`).toBe(before);
      if (code !== "ok") {
        expect(await world.overlay.snapshots(), title).toEqual(names);
        expect(await world.overlay.changes(), title).toEqual(changes);
      }
      if (seen < nth) break;
    }
  }
});

test("what is left of it after all is gone from the trash", async () => {
  const world = await layered([[write("/a", "1")], [write("/b", "2")]]);
  await world.overlay.thaw();
  await world.overlay.forget();
  await world.overlay.dispose();
  expect(Object.keys(dump(world.disk, "/scratch/layers"))).toEqual([]);
});
