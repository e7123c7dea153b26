/**
 * The layers in an overlay's manifest, as JSON. `snapshots` is a plain list of paths, which every version reads; names,
 * times, what was dropped and what comes next stand under `layers`. No path may lead out of the overlay's folder.
 */
import type { DroppedLayers, LayerState, SnapshotRecord } from "../engine/layer.js";

type Fields = Readonly<Record<string, unknown>>;

export function layersToJson({ snapshots, next, dropped, restore, doomed }: LayerState): Fields {
  return { snapshots: snapshots.map(({ path }) => path), layers: { next, about: snapshots, dropped, restore, doomed } };
}

/**
 * @param paths the list of paths, topmost first. @param value what stands under `layers`, if anything.
 * @throws Error, saying what is wrong.
 */
export function parseLayers(paths: readonly unknown[], value: unknown, created: number): LayerState {
  const listed = paths.map((path) => layerPath(path, "snapshot"));
  if (new Set(listed).size < listed.length) throw new Error("a snapshot is listed twice");
  const fields = value === undefined ? {} : object(value, "its layers");
  const about = new Map(list(fields["about"], "its snapshots").map(snapshot).map((record) => [record.path, record]));
  const snapshots = listed.map((path) => about.get(path) ?? { id: path, path, name: path, created });
  if (new Set(snapshots.map(({ id }) => id)).size < snapshots.length) throw new Error("two snapshots have one id");
  const highest = Math.max(0, ...snapshots.map(({ path }) => Number(/[0-9]+$/.exec(path)?.[0] ?? 0)));
  const next = fields["next"] ?? highest + 1;
  if (typeof next !== "number" || !Number.isSafeInteger(next) || next < 1) throw new Error("it does not say which layer comes next");
  const { restore } = fields;
  return {
    snapshots, next,
    dropped: list(fields["dropped"], "what was dropped").map(droppedLayers),
    restore: restore === undefined ? undefined : layerPath(restore, "upper"),
    // What a reader shows is never deleted, whoever wrote the list.
    doomed: list(fields["doomed"], "what is to be deleted").map((path) => layerPath(path, "layer")).filter((path) => !listed.includes(path)),
  };
}

function droppedLayers(value: unknown): DroppedLayers {
  const { id, when, upper, snapshots, onto, thawed } = object(value, "what was dropped");
  if (typeof id !== "string" || id === "" || typeof when !== "number") throw new Error("something that was dropped has no id or no time");
  return {
    id, when, upper: layerPath(upper, "upper"), snapshots: list(snapshots, "the snapshots of what was dropped").map(snapshot),
    ...(typeof onto === "string" ? { onto } : {}), ...(thawed === true ? { thawed } : {}),
  };
}

function snapshot(value: unknown): SnapshotRecord {
  const { id, path, name, created } = object(value, "a snapshot");
  if (typeof id !== "string" || id === "" || typeof name !== "string" || typeof created !== "number") throw new Error("a snapshot has no id, name or time");
  return { id, path: layerPath(path, "snapshot"), name, created };
}

/** Exactly layers/<name>. */
function layerPath(value: unknown, what: string): string {
  if (typeof value !== "string") throw new Error(`a ${what} is not a path`);
  if (!/^layers\/[A-Za-z0-9][A-Za-z0-9._-]{0,100}$/.test(value)) throw new Error(`the ${what} '${value}' lies outside layers/`);
  return value;
}

function object(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what} cannot be read`);
  return value as Fields;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`${what} cannot be read`);
  return value;
}
