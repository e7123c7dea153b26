/**
 * Snapshots: the upper becomes a frozen layer under a new, empty upper. Merged does not change (no events). Copy-ups in
 * flight find their directory gone from the tree, and start again over the new layer. INV-3: a file that is open for
 * writing would go on changing in the frozen layer, so it refuses; what writes for a moment only is waited for.
 */
import { again, type Again, type Context } from "./context.js";
import { Refusal } from "./errors.js";
import type { SnapshotRecord } from "./layer.js";
import { lookLike, nextLayer, stageUpper, switchUpper } from "./switchUpper.js";
import type { Snapshot } from "./types.js";

const longestName = 200;

/** @param openPath a path that is open for writing, if there is one. @throws Refusal EBUSY, EINVAL (the name); LayerError. */
export async function takeSnapshot(ctx: Context, name: string | undefined, openPath: () => string | undefined): Promise<Snapshot> {
  if (name !== undefined) checkName(name);
  return publicSnapshot(await ctx.layers.turn.runExclusive(() => freezeUpper(ctx, name, openPath)));
}

/** With the layers' turn. */
export async function freezeUpper(ctx: Context, name: string | undefined, openPath: () => string | undefined): Promise<SnapshotRecord> {
  for (;;) {
    const taken = await freeze(ctx, name, openPath);
    if (taken !== again) return taken;
  }
}

async function freeze(ctx: Context, name: string | undefined, openPath: () => string | undefined): Promise<SnapshotRecord | Again> {
  const staged = await stageUpper(ctx);
  let used = false as boolean; // set under the lock
  let left = undefined as Promise<void> | undefined;
  try {
    const taken = await ctx.locks.exclusive(async (): Promise<SnapshotRecord | Again> => {
      const open = openPath();
      if (open !== undefined) throw new Refusal("EBUSY", `'${open}' is open for writing; close it first`);
      if (ctx.inodes.size > 0) {
        left = ctx.inodes.nextLeave(); // an append or a truncate: it ends by itself
        return again;
      }
      await lookLike(ctx, staged, await ctx.scratch.lstat("upper"));
      const { path, next } = await nextLayer(ctx);
      const { state } = ctx.layers;
      const record = { id: ctx.env.id(), path, name: name ?? `Snapshot ${String(next - 1)}`, created: ctx.env.now() };
      await switchUpper(ctx, {
        out: path, into: staged,
        state: { snapshots: [record, ...state.snapshots], next, dropped: state.dropped, doomed: state.doomed },
      });
      used = true;
      ctx.origins.exchange(path);
      return record;
    });
    if (taken !== again) await ctx.work.syncDirectories("");
    await left;
    return taken;
  } finally {
    if (!used) await ctx.work.discardTree(staged);
  }
}

/** @throws Refusal ENOENT, EINVAL; LayerError. */
export async function renameSnapshot(ctx: Context, id: string, name: string): Promise<void> {
  checkName(name);
  await ctx.layers.turn.runExclusive(async () => {
    const { state } = ctx.layers;
    ctx.layers.indexOf(id);
    await ctx.layers.rewrite({ ...state, snapshots: state.snapshots.map((one) => (one.id === id ? { ...one, name } : one)) });
  });
}

/** Topmost first. */
export function snapshots(ctx: Context): Snapshot[] {
  return ctx.layers.state.snapshots.map(publicSnapshot);
}

export function publicSnapshot({ id, name, created }: SnapshotRecord): Snapshot {
  return { id, name, created };
}

function checkName(name: string): void {
  if (typeof name !== "string" || name.trim() === "") throw new Refusal("EINVAL", "a snapshot's name must not be empty");
  if (name.length > longestName) throw new Refusal("EINVAL", `a snapshot's name has at most ${String(longestName)} characters`);
  if (/\p{Cc}/u.test(name)) throw new Refusal("EINVAL", "a snapshot's name must not hold line ends or other control characters");
}
