/** Several who have one file open at once: what one adds, cuts or replaces is not undone by another one's failure. */
import { constants } from "node:fs";
import { describe, expect, test } from "vitest";
import { compose, failing, gate } from "../support/layers/hooks.js";
import type { Hook, LayerCall } from "../support/layers/intercept.js";
import { codeOf, World } from "../support/world.js";

const scratch = { "upper/a": "0123456789" } as const;
const bytes = (text: string) => new TextEncoder().encode(text);
const writes = (call: LayerCall) => call.name === "handle.write" && call.path === "upper/a";

/** The first write that comes is held, then fails; the others go through. */
function heldAndFailing() {
  let first: LayerCall | undefined;
  const isFirst = (call: LayerCall) => writes(call) && (first ??= call) === call;
  const held = gate(isFirst);
  const fails: Hook = failing((call) => call === first, "ENOSPC");
  return { hook: compose(held.hook, fails), held };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 200; i++) await Promise.resolve();
}

describe("an append that fails takes back its own, and nothing else", () => {
  test("of a file that a handle writes to meanwhile, at a position", async () => {
    const { hook, held } = heldAndFailing();
    const world = await World.create({ scratch, hook });
    const other = await world.overlay.open("/a", "r+");
    const append = codeOf(world.overlay.append("/a", "+"));
    await held.reached;
    await other.write(bytes("abc"), 12);
    held.open();
    expect(await append).toBe("ENOSPC");
    expect(await world.text("/a")).toBe("0123456789\0\0abc");
    await other.close();
  });

  test.each([["cut by a handle", async (w: World) => { const h = await w.overlay.open("/a", "r+"); await h.truncate(0); await h.close(); }]])("of a file that is %s: it stays empty", async (_, cut) => {
    const { hook, held } = heldAndFailing();
    const world = await World.create({ scratch, hook });
    const append = codeOf(world.overlay.append("/a", "+"));
    await held.reached;
    await cut(world);
    held.open();
    expect(await append).toBe("ENOSPC");
    expect(await world.text("/a")).toBe("");
  });

  test.each(["w", "w+", constants.O_WRONLY | constants.O_TRUNC])("of a file that was opened with %s since the handle was", async (flags) => {
    let fail = false;
    const world = await World.create({ scratch, hook: failing((call) => fail && writes(call), "ENOSPC") });
    const adding = await world.overlay.open("/a", "a");
    const emptied = await world.overlay.open("/a", flags);
    fail = true;
    expect(await codeOf(adding.write(bytes("+")))).toBe("ENOSPC");
    fail = false;
    expect(await world.text("/a")).toBe("");
    await adding.write(bytes("+"));
    expect(await world.text("/a")).toBe("+");
    await Promise.all([adding.close(), emptied.close()]);
    expect(world.disk.handles.size).toBe(0);
  });
});

describe("opening to empty a file", () => {
  test("while it is being written over: before or after, not in between", async () => {
    const held = gate((call) => writes(call));
    const world = await World.create({ scratch, hook: held.hook });
    const open = await world.overlay.open("/a", "r");
    const writer = await world.overlay.open("/a", "r+");
    const over = world.overlay.writeFile("/a", "longer than it was");
    await held.reached;
    const emptied = world.overlay.open("/a", "w");
    await turns();
    expect(world.upper()["a"]).toBe('file "0123456789"');
    held.open();
    await over;
    await (await emptied).close();
    expect(await world.text("/a")).toBe("");
    await Promise.all([open.close(), writer.close()]);
  });

  test("it cannot be cut: the failure is told, nothing stays open, the file is as it was", async () => {
    const world = await World.create({ scratch, hook: failing((call) => call.name === "handle.truncate", "EIO") });
    expect(await codeOf(world.overlay.open("/a", "w"))).toBe("EIO");
    expect([await world.text("/a"), world.disk.handles.size]).toEqual(["0123456789", 0]);
    await world.overlay.writeFile("/a", "new"); // and no writer is thought to be at it: replaced
    expect(world.upper()).toEqual({ a: 'file "new"' });
  });
});
