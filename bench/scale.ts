// What must not grow: the cost of moving, deleting, resetting and opening, measured small against large.
import { promises as fs } from "node:fs";
import { join } from "node:path";
import { fill, type Row, type World } from "./cases.ts";
import { median, pool, ratio, rounds, time, type Timed } from "./measure.ts";
import { ours } from "./subjects.ts";

async function spread(folder: string, files: number): Promise<void> {
  const perFolder = 1000;
  for (let i = 0; i * perFolder < files; i++) await fill(join(folder, `s${String(i)}`), Math.min(perFolder, files - i * perFolder), 10);
}

function row(operation: string, times: Record<string, number[]>, limit: number): Row {
  return { operation, ms: { ours: median(times["large"] ?? []), small: median(times["small"] ?? []) }, ratio: ratio(times, "large", "small"), of: "small", limit };
}

export async function renameCases(world: World): Promise<Row[]> {
  const base = join(world.fresh(), "base");
  await spread(join(base, "small"), 100);
  await spread(join(base, "large"), 100_000);
  const renaming = (name: string): Timed => async () => {
    const own = await ours(world.module, base, world.fresh());
    const ms = await time(() => own.rename(`/${name}`, "/moved"));
    await own.close();
    return ms;
  };
  const removing = (name: string): Timed => async () => {
    const own = await ours(world.module, base, world.fresh());
    const ms = await time(() => own.removeTree(`/${name}`));
    await own.close();
    return ms;
  };
  return [
    row("rename of a base folder, 100,000 files against 100", await rounds(21, { large: renaming("large"), small: renaming("small") }), 2),
    row("recursive delete of the same", await rounds(21, { large: removing("large"), small: removing("small") }), 2),
  ];
}

export async function resetCase(world: World): Promise<Row> {
  const base = join(world.fresh(), "base");
  await fs.mkdir(base, { recursive: true });
  const filled = (files: number): Timed => async () => {
    const scratch = world.fresh();
    const first = await ours(world.module, base, scratch);
    await first.close();
    await spread(join(scratch, "upper"), files);
    const own = await ours(world.module, base, scratch);
    // The user has the root and a folder open.
    await own.readdir("/");
    await own.readdir("/s0");
    const ms = await time(() => own.overlay.reset());
    await own.close();
    await fs.rm(scratch, { recursive: true });
    return ms;
  };
  return row("reset of everything, 100,000 files against 100", await rounds(5, { large: filled(100_000), small: filled(100) }), 2);
}

export async function openCase(world: World, files: number): Promise<Row> {
  const small = join(world.fresh(), "base");
  const large = join(world.fresh(), "base");
  await spread(join(small, "all"), 1000);
  await spread(join(large, "all"), files);
  const opening = (base: string): Timed => () => time(async () => {
    const own = await ours(world.module, base, world.fresh());
    await own.readdir("/");
    await own.close();
  });
  return row(`open and list the root, ${files.toLocaleString("en")} files against 1,000`, await rounds(21, { large: opening(large), small: opening(small) }), 1.5);
}

/** Against a walk of the same upper that only lists. */
export async function changesCase(world: World): Promise<Row> {
  const base = join(world.fresh(), "base");
  await spread(join(base, "d"), 10_000);
  const scratch = world.fresh();
  const own = await ours(world.module, base, scratch);
  for (let s = 0; s < 10; s++) await pool(1000, 16, (i) => own.append(`/d/s${String(s)}/f${String(i)}`, "+"));
  await own.close();
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await fs.readdir(folder, { withFileTypes: true })) if (entry.isDirectory()) await walk(join(folder, entry.name));
      else await fs.lstat(join(folder, entry.name));
  };
  const times = await rounds(9, {
    "ours": async () => {
      const again = await ours(world.module, base, scratch);
      const ms = await time(() => again.overlay.changes());
      await again.close();
      return ms;
    },
    "plain": () => time(() => walk(join(scratch, "upper"))),
  });
  return { operation: "changes() with 10,000 changed files", ms: { ours: median(times["ours"] ?? []), plain: median(times["plain"] ?? []) }, ratio: ratio(times, "ours", "plain"), of: "a walk of upper", limit: 1.5 };
}

/** Everything that exchanges the upper as a whole, each until the user can go on. */
export async function layerCases(world: World): Promise<Row[]> {
  const base = join(world.fresh(), "base");
  await fs.mkdir(base, { recursive: true });
  // Filled once: what is measured only moves it, so that it can be found and used again.
  const trees: Record<number, string> = {};
  for (const files of [100, 100_000]) await spread((trees[files] = join(world.fresh(), "tree")), files);
  const filled = (files: number, act: (own: Awaited<ReturnType<typeof ours>>, snapshot: string) => Promise<() => Promise<unknown>>): Timed => async () => {
    const scratch = world.fresh();
    const first = await ours(world.module, base, scratch);
    const { id } = await first.overlay.takeSnapshot();
    await first.close();
    await fs.rmdir(join(scratch, "upper"));
    await fs.rename(trees[files] ?? "", join(scratch, "upper"));
    const own = await ours(world.module, base, scratch);
    // The user has the root and a folder open.
    await own.readdir("/");
    await own.readdir("/s0");
    const timed = await act(own, id);
    const ms = await time(async () => {
      await timed();
      await own.readdir("/");
    });
    await own.close();
    for (const at of ["upper", ...(await fs.readdir(join(scratch, "layers"))).map((name) => join("layers", name))]) {
      if ((await fs.readdir(join(scratch, at))).includes("s0")) await fs.rename(join(scratch, at), trees[files] ?? "");
    }
    return ms;
  };
  const measured = async (title: string, act: Parameters<typeof filled>[1]) => row(`${title}, 100,000 entries in upper against 100`, await rounds(5, { large: filled(100_000, act), small: filled(100, act) }), 2);
  return [
    await measured("take a snapshot", async ({ overlay }) => () => overlay.takeSnapshot()),
    await measured("reset to a snapshot until the user can go on", async ({ overlay }, id) => () => overlay.resetTo(id)),
    await measured("reset past a snapshot until the user can go on", async ({ overlay }) => {
      await overlay.takeSnapshot();
      return () => overlay.resetTo("base");
    }),
    await measured("undo of a reset", async ({ overlay }) => {
      await overlay.reset();
      const [item] = await overlay.dropped();
      return () => overlay.bringBack(item?.id ?? "");
    }),
  ];
}
