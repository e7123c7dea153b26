/**
 * One overlay on a disk in memory: a base, a scratch, an engine over them, every layer call through one hook. What the
 * unit, race and crash tests are written with.
 */
import { createOverlay, type Overlay, type OverlayEvent, type OverlayOptions } from "../../src/engine/index.js";
import type { Env, LogLevel, LowerLayer } from "../../src/engine/layer.js";
import { MemoryDisk, type MemoryDiskOptions } from "../../src/host/memoryDisk.js";
import { MemoryLowerLayer, MemoryOutsideReader, MemoryScratchLayer } from "../../src/host/memoryLayer.js";
import { MemoryManifest } from "../../src/host/memoryManifest.js";
import { dump, plant, type PlantedTree, snapshot } from "../../src/host/memoryTree.js";
import { type Hook, interceptedLower, interceptedScratch } from "./layers/intercept.js";

export type { PlantedTree } from "../../src/host/memoryTree.js";

export interface WorldOptions {
  readonly base?: PlantedTree;
  /** Planted into the scratch before it is opened: "upper/a": "1", "upper/.wh.b": "". */
  readonly scratch?: PlantedTree;
  /** Read-only layers with markers, topmost first. */
  readonly lowers?: readonly PlantedTree[];
  /** Outside both: absolute paths without the leading slash. */
  readonly elsewhere?: PlantedTree;
  /** In place of the base in memory. */
  readonly baseLayer?: LowerLayer;
  /** The base's path as a user gave it, when that is not its real one. */
  readonly given?: string;
  readonly hook?: Hook;
  readonly overlay?: OverlayOptions;
  readonly disk?: MemoryDiskOptions;
  /** Layer paths that are planted as snapshots, topmost first. */
  readonly snapshots?: readonly string[];
}

export const passThrough: Hook = (_call, run) => run();

/** An hour after the disk's clock starts, so that nothing planted is recent unless a test wants it so. */
const startMs = 1_700_000_000_000;

export class World {
  private constructor(
    readonly disk: MemoryDisk,
    readonly overlay: Overlay,
    readonly events: OverlayEvent[],
    readonly logged: { level: LogLevel; message: string }[],
    private readonly options: WorldOptions,
    private readonly sleepers: Sleepers,
  ) {}

  static async create(options: WorldOptions = {}): Promise<World> {
    const disk = new MemoryDisk(options.disk ?? {});
    plant(disk, "/", { "base/": null, "scratch/": null, "elsewhere/": null });
    plant(disk, "/", options.elsewhere ?? {});
    plant(disk, "/base", options.base ?? {});
    plant(disk, "/scratch", { "work/": null, "trash/": null, ...options.scratch });
    if (options.snapshots !== undefined) plant(disk, "/scratch", { "overlay.json": JSON.stringify({ snapshots: options.snapshots }) });
    options.lowers?.forEach((tree, i) => { plant(disk, `/lower${String(i)}`, { ...tree }); });
    return World.open(disk, options);
  }

  /** Opens the overlay that a disk holds, as a new process would. */
  static async open(disk: MemoryDisk, options: WorldOptions = {}): Promise<World> {
    const hook = options.hook ?? passThrough;
    const sleepers: Sleepers = new Set();
    const logged: { level: LogLevel; message: string }[] = [];
    const scratch = interceptedScratch(new MemoryScratchLayer(disk, "/scratch"), hook);
    const overlay = await createOverlay({
      base: { layer: options.baseLayer ?? interceptedLower(new MemoryLowerLayer(disk, "/base"), hook, "base"), given: options.given ?? "/base", real: "/base" },
      lowers: (options.lowers ?? []).map((_, i) => interceptedLower(new MemoryLowerLayer(disk, `/lower${String(i)}`), hook, `lower${String(i)}`)),
      scratch,
      manifest: new MemoryManifest(scratch),
      outside: new MemoryOutsideReader(disk),
      env: testEnv((level, message) => logged.push({ level, message }), sleepers),
      options: options.overlay ?? {},
    });
    const events: OverlayEvent[] = [];
    overlay.onDidChange((batch) => events.push(...batch));
    return new World(disk, overlay, events, logged, options, sleepers);
  }

  /** What a new process finds if this one dies now. */
  async reopened(): Promise<World> {
    return World.open(snapshot(this.disk), { ...this.options, hook: passThrough });
  }

  /** Nothing goes on for as long as what waits for that wants. */
  async idle(): Promise<void> {
    for (let turns = 0; turns < 500; turns++) {
      for (const wake of [...this.sleepers]) wake();
      await Promise.resolve();
    }
  }

  async text(path: string): Promise<string> {
    return new TextDecoder().decode(await this.overlay.readFile(path));
  }

  /** The whole of merged as plain lines: directories end in "/", files are their text, symlinks "-> target". */
  async merged(path = "/"): Promise<Record<string, string>> {
    return mergedTree(this.overlay, path);
  }

  upper(): Record<string, string> {
    return dump(this.disk, "/scratch/upper");
  }

  work(): string[] {
    return Object.keys(dump(this.disk, "/scratch/work"));
  }

  base(): Record<string, string> {
    return dump(this.disk, "/base", { modes: true, times: true, links: true });
  }
}

export async function mergedTree(overlay: Overlay, path = "/"): Promise<Record<string, string>> {
  const tree: [string, string][] = [];
  for (const { name, type } of await overlay.readDirectory(path)) {
    const child = path === "/" ? `/${name}` : `${path}/${name}`;
    if (type === "directory") {
      tree.push([`${child}/`, ""], ...Object.entries(await mergedTree(overlay, child)));
    } else if (type === "symlink") tree.push([child, `-> ${await overlay.readlink(child)}`]);
    else if (type === "file") tree.push([child, new TextDecoder().decode(await overlay.readFile(child))]);
    else tree.push([child, type]);
  }
  return Object.fromEntries(tree.sort(([a], [b]) => (a < b ? -1 : 1)));
}

let ids = 0;

/** Ends what waits for an idle moment. */
type Sleepers = Set<() => void>;

export function testEnv(log: (level: LogLevel, message: string) => void = () => undefined, sleepers: Sleepers = new Set()): Env {
  return {
    now: () => startMs + 3_600_000,
    id: () => `t${String(ids++).padStart(8, "0")}`,
    // What is put off comes when the overlay is closed; what waits for less than a minute, when a test says so, too.
    sleep: (ms, signal) => (signal === undefined ? Promise.resolve() : new Promise((resolve) => {
      const end = (): void => { sleepers.delete(end); resolve(); };
      if (ms < 60_000) sleepers.add(end);
      if (signal.aborted) end();
      else signal.addEventListener("abort", end);
    })),
    encode: (text) => new TextEncoder().encode(text),
    decode: (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    digest: (bytes) => bytes.join(),
    log,
  };
}

/** The code of the error that an operation ends with; "ok" when it ends well. */
export async function codeOf(operation: Promise<unknown>): Promise<string> {
  try {
    await operation;
    return "ok";
  } catch (error) {
    return error instanceof Error && "code" in error ? String(error.code) : `unexpected: ${String(error)}`;
  }
}
