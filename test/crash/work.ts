/** Random work on an overlay, as messages between the process that does it and the one that kills it. */
import type { Overlay } from "../../src/engine/index.js";
import type { Random } from "../support/random.js";

export type Work =
  | { readonly kind: "write" | "append"; readonly path: string; readonly text: string }
  | { readonly kind: "unlink" | "remove" | "mkdir" | "reset"; readonly path: string }
  | { readonly kind: "rename" | "copy"; readonly path: string; readonly to: string }
  | { readonly kind: "chmod"; readonly path: string; readonly mode: number }
  | { readonly kind: "snapshot" | "squash" | "thaw" | "resetTo" | "undo" };

/** What the worker says: it is ready, it begins, it was told that it is done; `at` is nowMs() of the moment before it said so. */
export type Said = { readonly opened: true } | { readonly begin: Work; readonly at: number } | { readonly done: string; readonly at: number };

/** Milliseconds on a clock that all processes of this system share. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6;

const folders = ["/d0", "/d1", "/d2", "/m0", "/m1"];
const names = ["f0", "f1", "f2", "f3", "n0", "n1"];

export function randomWork(random: Random, round: number): Work {
  const file = () => `${random.pick(["", ...folders])}/${random.pick(names)}`;
  const folder = () => random.pick(folders);
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2: return { kind: "write", path: file(), text: `${String(round)} `.repeat(1 + random.below(5000)) };
    case 3:
    case 4: return { kind: "append", path: file(), text: `+${String(round)}` };
    case 5: return { kind: "unlink", path: file() };
    case 6: return { kind: "remove", path: folder() };
    case 7: return { kind: "mkdir", path: folder() };
    case 8: return { kind: "rename", path: file(), to: file() };
    case 9: return { kind: "rename", path: folder(), to: folder() };
    case 10: return random.below(2) === 0 ? { kind: "chmod", path: file(), mode: 0o600 + random.below(64) } : { kind: "copy", path: file(), to: file() };
    case 11: return { kind: "copy", path: folder(), to: folder() };
    case 12: return { kind: "reset", path: folder() };
    default: return { kind: random.pick(["snapshot", "snapshot", "squash", "thaw", "resetTo", "undo", "undo"] as const) };
  }
}

/** The layers that there are: two trees that look the same may lie on others. */
export async function layersOf(overlay: Overlay): Promise<string> {
  const dropped = (await overlay.dropped()).filter(({ path }) => path === "/").map(({ what, snapshots }) => `${what} ${String(snapshots.length)}`);
  return `${String((await overlay.snapshots()).length)} snapshots, dropped: ${dropped.join(", ")}`;
}

export function perform(overlay: Overlay, work: Work): Promise<void> {
  switch (work.kind) {
    case "write": return overlay.writeFile(work.path, work.text);
    case "append": return overlay.append(work.path, work.text);
    case "unlink": return overlay.unlink(work.path);
    case "remove": return overlay.remove(work.path, { recursive: true });
    case "mkdir": return overlay.createDirectory(work.path);
    case "rename": return overlay.rename(work.path, work.to);
    case "copy": return overlay.copy(work.path, work.to);
    case "chmod": return overlay.chmod(work.path, work.mode);
    case "reset": return overlay.reset(work.path);
    case "snapshot": return overlay.takeSnapshot().then(() => undefined);
    case "squash": return overlay.squash().then(() => undefined);
    case "thaw": return overlay.thaw().then(() => undefined);
    case "resetTo": return overlay.snapshots().then((all) => overlay.resetTo(all[0]?.id ?? "base"));
    case "undo": return undo(overlay);
  }
}

/** What was dropped last as a whole comes back, over what is there. */
async function undo(overlay: Overlay): Promise<void> {
  const [last] = (await overlay.dropped()).filter(({ path }) => path === "/");
  if (last !== undefined) await overlay.bringBack(last.id, { replace: true });
}

/** A reset of what was renamed is three whole operations: each, done in order, gives a state that a crash may leave. */
export function partsOf(work: Work): ((overlay: Overlay) => Promise<unknown>)[] {
  // The upper is frozen, then all of it joined.
  if (work.kind === "thaw") return [(overlay) => overlay.snapshots().then((all) => (all.length > 0 ? overlay.takeSnapshot() : undefined))];
  if (work.kind !== "reset") return [];
  let from = work.path;
  return [
    async (overlay) => {
      const change = await overlay.changeOf(work.path);
      if (change?.kind === "renamed") await overlay.rename(work.path, from = change.from, { overwrite: false });
    },
    (overlay) => overlay.reset(from),
    (overlay) => overlay.reset(work.path),
  ];
}
