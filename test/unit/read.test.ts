/** What reading a file costs, and that a file of the base is whatever it is by then: opened first, looked at only when that fails. */
import { describe, expect, test } from "vitest";
import { compose, failing, recorder } from "../support/layers/hooks.js";
import { codeOf, World, type WorldOptions } from "../support/world.js";

const base = { "a": "A", "d/x": "X", "l": { symlink: "d/x" }, "out": { symlink: "/elsewhere/o" }, "gone": { symlink: "nowhere" }, "round": { symlink: "round" }, "p": { special: "fifo" } } as const;
const elsewhere = { "elsewhere/o": "O" };

async function reader(options: WorldOptions = {}): Promise<{ world: World; cost: (path: string) => Promise<string[]> }> {
  const seen = recorder();
  const world = await World.create({ base, elsewhere, ...options, hook: compose(seen.hook, options.hook ?? ((_call, run) => run())) });
  const cost = async (path: string): Promise<string[]> => {
    seen.calls.length = 0;
    await codeOf(world.overlay.readFile(path));
    return seen.calls.map((call) => `${call.name} ${call.layer} ${call.path}`);
  };
  return { world, cost };
}

describe("what it costs", () => {
  test("a file of the base is read in one call", async () => {
    const { cost } = await reader();
    await cost("/a");
    expect(await cost("/a")).toEqual(["readFile base a"]);
    await cost("/d/x");
    expect(await cost("/d/x")).toEqual(["readFile base d/x"]);
  });

  test("what has been followed once is not tried as a file", async () => {
    const { cost } = await reader();
    await cost("/l");
    expect(await cost("/l")).toEqual(["readFile base d/x"]);
  });

  test("beneath a snapshot its markers decide, before anything of the base is opened", async () => {
    const { world, cost } = await reader({ scratch: { "layers/1/.wh.a": "" }, snapshots: ["layers/1"] });
    expect((await cost("/a")).filter((call) => call.startsWith("readFile base"))).toEqual([]);
    expect(await codeOf(world.overlay.readFile("/a"))).toBe("ENOENT");
  });
});

describe("INV-2 what is no file of the base", () => {
  test.each([
    ["/l", "X"], ["/out", "O"], ["/n", "ENOENT"], ["/d/n", "ENOENT"], ["/n/x", "ENOENT"], ["/a/x", "ENOTDIR"],
    ["/d", "EISDIR"], ["/", "EISDIR"], ["/p", "EINVAL"], ["/gone", "ENOENT"], ["/round", "ELOOP"],
  ])("%s: %s", async (path, outcome) => {
    const { world } = await reader();
    const read = world.overlay.readFile(path).then((bytes) => new TextDecoder().decode(bytes), (error: unknown) => (error as { code: string }).code);
    expect(await read).toBe(outcome);
  });

  test("a whited-out, an added and a replaced file are the upper's business alone", async () => {
    const { world, cost } = await reader({ scratch: { "upper/.wh.a": "", "upper/d/x": "new" } });
    expect((await cost("/a")).filter((call) => call.includes(" base "))).toEqual([]);
    expect(await world.text("/d/x")).toBe("new");
  });

  test("a fault of the base is told, not tried again", async () => {
    const seen = recorder();
    const { world } = await reader({ hook: compose(seen.hook, failing((call) => call.name === "readFile" && call.layer === "base", "EIO")) });
    expect(await codeOf(world.overlay.readFile("/a"))).toBe("EIO");
    expect(seen.calls.filter((call) => call.layer === "base" && call.name === "readFile")).toHaveLength(1);
  });
});
