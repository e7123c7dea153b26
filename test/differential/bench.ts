/**
 * Where a comparison takes place: one temp folder with every world planted once for each side, a namespace to mount in
 * where one can be had, and a fresh pair of subjects for each sequence.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeTree } from "../../src/host/treeOnDisk.js";
import { type Layer, plantLayer, type World } from "../support/model/layers.js";
import { kernelSubject, plainSubject } from "../support/model/mounts.js";
import { MountNamespace, quote } from "../support/model/namespace.js";
import type { Operation } from "../support/model/operations.js";
import { OverlaySubject } from "../support/model/overlaySubject.js";
import type { PosixSubject } from "../support/model/posixSubject.js";
import { worlds } from "../support/model/worlds.js";
import { compareSequence, Untouched } from "./compare.js";

export class Bench {
  private runs = 0;

  private constructor(private readonly folder: string, private readonly namespace: MountNamespace | undefined) {}

  static async create(): Promise<Bench> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "overlay-differential-")));
    const bench = new Bench(folder, await usableNamespace(folder));
    await bench.plant();
    return bench;
  }

  /** What ours is compared with. */
  get model(): string {
    if (this.namespace === undefined) return "a plain folder (no overlay can be mounted here)";
    return `the kernel's overlayfs (${this.namespace.unprivileged ? "userxattr, as an ordinary user" : "redirect_dir=on"})`;
  }

  /** Without a mount, a world with layers has no model; in its user.* form the kernel follows no redirect. */
  get worlds(): readonly string[] {
    const hasRedirect = (layer: Layer) => layer.some(([, entry]) => entry.kind === "directory" && entry.redirect !== undefined);
    const all = this.namespace?.unprivileged === false;
    return worlds.filter(({ lowers }) => all || (this.namespace === undefined ? lowers.length === 0 : !lowers.some(hasRedirect))).map(({ name }) => name);
  }

  private get mountPoint(): string {
    return join(this.folder, "theirs", "jail", "x", "base");
  }

  /** Both sides have the same names above the root, as far up as links lead: <anything>/x/{base,outside}. */
  private async plant(): Promise<void> {
    const xattrs = this.namespace?.unprivileged === true ? "user" : "trusted";
    for (const world of worlds) {
      const { base, outside, lowers } = this.ours(world.name);
      plantLayer(base, this.baseOf(world), "markers", base);
      plantOutside(outside);
      world.lowers.forEach((lower, i) => { plantLayer(lowers[i] ?? "", lower, "markers", base); });

      const theirs = join(this.folder, "theirs", world.name);
      if (this.namespace === undefined) continue;
      plantLayer(join(theirs, "base"), this.baseOf(world), { xattrs }, this.modelRoot);
      world.lowers.forEach((lower, i) => { plantLayer(join(theirs, `lower${i}`), lower, { xattrs }, this.modelRoot); });
    }
    mkdirSync(this.mountPoint, { recursive: true });
    plantOutside(join(this.mountPoint, "..", "outside"));
    const jail = join(this.folder, "theirs", "jail");
    // What is outside must not change: the overlay refuses to, and the model cannot.
    await this.namespace?.run(`mount --bind -o ro ${quote(jail)} ${quote(jail)}`);
  }

  private baseOf(world: World): Layer {
    return world.base
      // Copying up gives a lower name of two a file of its own; in a plain folder they stay one.
      .filter(([, entry]) => this.namespace !== undefined || entry.kind !== "hardLink")
      .map(([path, entry]) => [path, this.permitted(entry)]);
  }

  /** What an ordinary user may not do to its own files is no matter of overlays: here it may do everything to them. */
  private permitted<T extends object>(made: T): T {
    const mode: unknown = "mode" in made ? made.mode : undefined;
    return process.getuid?.() === 0 || typeof mode !== "number" ? made : { ...made, mode: mode | 0o700 };
  }

  private ours(world: string) {
    const at = join(this.folder, "ours", world);
    const lowers = (worlds.find(({ name }) => name === world)?.lowers ?? []).map((_, i) => join(this.folder, "ours", `${world}-lower${i}`));
    return { base: join(at, "x", "base"), outside: join(at, "x", "outside"), lowers };
  }

  /** Where the model's files are; the same for every world, because symlinks name it. */
  private get modelRoot(): string {
    return this.namespace?.path(this.mountPoint) ?? this.mountPoint;
  }

  /** @throws Difference. */
  async compare(name: string, sequence: readonly Operation[]): Promise<void> {
    const world = worlds.find((w) => w.name === name);
    if (world === undefined) throw new Error(`there is no world '${name}'`);
    const own = join(this.folder, `run${this.runs++}`);
    const { base, lowers } = this.ours(name);
    const untouched = new Untouched([base, ...lowers]);
    const model = await this.openModel(name, world.lowers.length, own);
    try {
      const overlay = await OverlaySubject.open({ base, lowers, own: join(own, "ours") });
      try {
        await compareSequence(sequence.map((operation) => this.permitted(operation)), model, overlay, this.namespace !== undefined);
      } finally {
        await overlay.close();
      }
      untouched.check();
    } finally {
      await model.close();
      await removeTree(own); // the kernel leaves a folder without permissions
    }
  }

  private async openModel(name: string, layers: number, own: string): Promise<PosixSubject> {
    const theirs = join(this.folder, "theirs", name);
    if (this.namespace !== undefined) {
      const lowers = [...Array(layers).keys()].map((i) => join(theirs, `lower${i}`));
      return kernelSubject({ namespace: this.namespace, own, lowers: [...lowers, join(theirs, "base")], mountPoint: this.mountPoint });
    }
    const root = this.modelRoot;
    rmSync(root, { recursive: true, force: true });
    for (const world of worlds) if (world.name === name) plantLayer(root, this.baseOf(world), "markers", root);
    return plainSubject(root);
  }

  async close(): Promise<void> {
    await this.namespace?.end();
    await removeTree(this.folder);
  }
}

function plantOutside(folder: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, "a"), "OUTSIDE");
}

/** One that lets us mount an overlay, not only one that exists. */
async function usableNamespace(folder: string): Promise<MountNamespace | undefined> {
  const namespace = process.env["DIFFERENTIAL_MODEL"] === "plain" ? undefined : await MountNamespace.create();
  if (namespace === undefined) return undefined;
  const probe = join(folder, "probe");
  for (const name of ["lower", "upper", "work", "merged"]) mkdirSync(join(probe, name), { recursive: true });
  try {
    const extra = namespace.unprivileged ? ",userxattr" : "";
    await namespace.run(`cd ${quote(probe)} && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work${extra} merged && umount merged`);
    return namespace;
  } catch {
    await namespace.end();
    return undefined;
  } finally {
    await removeTree(probe);
  }
}
