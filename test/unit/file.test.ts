/** Changes of one file that meet another operation between their look and their lock. */
import { describe, expect, test } from "vitest";
import type { Overlay } from "../../src/engine/index.js";
import { faultCase } from "../support/faultCase.js";
import { compose, failing, gate } from "../support/layers/hooks.js";
import { codeOf, World } from "../support/world.js";

const text = (bytes: unknown): string => new TextDecoder().decode(bytes as Uint8Array);

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

describe("two append to one file, and the second fails", () => {
  test("INV-11 what the first added stays, also when the second looked at the size before", async () => {
    const held = gate((call) => call.name === "handle.write" && call.path === "upper/a" && text(call.args[0]) === "1");
    const full = failing((call) => call.name === "handle.write" && call.path === "upper/a" && text(call.args[0]) === "2", "ENOSPC", { when: "after" });
    const world = await World.create({ base: { a: "A" }, scratch: { "upper/a": "A" }, hook: compose(held.hook, full) });
    const first = world.overlay.append("/a", "1");
    await held.reached; // begun, and nothing of it on the disk yet
    const second = codeOf(world.overlay.append("/a", "2"));
    for (let i = 0; i < 300; i++) await Promise.resolve();
    held.open();
    await first;
    expect(await second).toBe("ENOSPC");
    expect(await world.text("/a")).toBe("A1");
  });
});

describe("durability full: a mode and times are forced to the disk", () => {
  const full = { base: { a: "A", "d/x": "X" }, overlay: { durability: "full" }, first: async (o: Overlay) => { await o.copyUp("/a"); }, then: (w: World) => { expect(w.disk.handles.size).toBe(0); } } as const;
  const all = { "/a": "A", "/d/": "", "/d/x": "X" };
  faultCase("a file's mode", { ...full, do: (o) => o.chmod("/a", 0o600), calls: ["handle.sync upper/a"], merged: all });
  faultCase("a file's times", { ...full, do: (o) => o.utimes("/a", 1, 2), calls: ["handle.sync upper/a"], merged: all });
  faultCase("a folder's mode", { ...full, first: (o) => o.copyUp("/d"), do: (o) => o.chmod("/d", 0o700), calls: ["syncDirectory upper/d"], merged: all });
  for (const [from, to] of [[0o644, 0o444], [0o444, 0o644]] as const) {
    faultCase(`an ordinary user's, from ${from.toString(8)} to ${to.toString(8)}`, {
      ...full, base: { a: { file: "A", mode: from } }, disk: { uid: 1000 }, do: (o) => o.chmod("/a", to), calls: ["handle.sync upper/a"], ...(from === 0o444 ? { logged: /EACCES/ } : {}), merged: { "/a": "A" },
    });
  }
  faultCase("nothing is kept open when it fails", { ...full, fail: (call) => call.name === "chmod" && call.path === "upper/a", do: (o) => o.chmod("/a", 0o600), code: "EIO" });
  faultCase("one that cannot be opened is changed all the same", { ...full, fail: (call) => call.name === "openWrite" && call.path === "upper/a", do: (o) => o.chmod("/a", 0o600), logged: /EIO/, merged: all });
});

describe("durability full: what is in a folder is on the disk before its name is", () => {
  const full = { base: { "d/x": "X", "e/f/y": "Y" }, overlay: { durability: "full" } } as const;
  const synced = /^syncDirectory work\//;
  const calls = (title: string, change: (o: Overlay) => Promise<unknown>, wanted: readonly RegExp[]) => {
    test(title, async () => {
      const seen: string[] = [];
      const world = await World.create({ ...full, hook: (call, run) => { seen.push(`${call.name} ${call.path}`); return run(); } });
      await change(world.overlay);
      let from = 0;
      for (const one of wanted) {
        const at = seen.findIndex((call, n) => n >= from && one.test(call));
        expect(at, `${String(one)} in ${seen.slice(from).join(", ")}`).toBeGreaterThanOrEqual(0);
        from = at + 1;
      }
    });
  };
  calls("a new one", (o) => o.createDirectory("/n"), [synced, /^rename .*upper\/n$/, /^syncDirectory upper$/]);
  calls("a copied one, and those in it", (o) => o.copy("/e", "/n"), [synced, synced, /^rename .*upper\/n$/, /^syncDirectory upper$/]);
  calls("a renamed one", (o) => o.rename("/d", "/n"), [/^rename .*upper\/n$/, /^syncDirectory upper\/n$/, /^syncDirectory upper$/]);
});
