/**
 * The same upper in two hands: what our engine wrote, in plain form, shows the same tree in fuse-overlayfs; what
 * fuse-overlayfs wrote shows the same tree in ours.
 */
import * as fc from "fast-check";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openOverlay } from "../../src/host/index.js";
import { operations } from "../support/model/arbitrary.js";
import { plantLayer } from "../support/model/layers.js";
import { plainSubject } from "../support/model/mounts.js";
import { quote } from "../support/model/namespace.js";
import { isComposite, type Operation, type Tree } from "../support/model/operations.js";
import { OverlaySubject } from "../support/model/overlaySubject.js";
import { worlds } from "../support/model/worlds.js";
import { seedFrom } from "../support/seed.js";
import { codeOf } from "../support/world.js";
import { Fuse, type Whiteouts } from "./fuse.js";

const runs = Number(process.env["INTEROP_RUNS"] ?? 30);
const seed = seedFrom("INTEROP_SEED");

let folder: string;
let base: string;
let fuse: Fuse;
let umask: number;
let runsDone = 0;

beforeAll(async () => {
  umask = process.umask(0o022);
  folder = realpathSync(mkdtempSync(join(tmpdir(), "overlay-interop-")));
  base = join(folder, "base");
  // fuse-overlayfs takes two lower names of one inode for one file, and changes the wrong one.
  const layer = (worlds[0]?.base ?? []).filter(([, entry]) => entry.kind !== "hardLink");
  plantLayer(base, layer, "markers", base);
  const made = await Fuse.create(folder);
  if (made === undefined) throw new Error("these tests need root, /dev/fuse and fuse-overlayfs (apt-get install fuse-overlayfs)");
  fuse = made;
});
afterAll(async () => {
  process.umask(umask);
  await fuse.end();
  rmSync(folder, { recursive: true, force: true });
});

/** A fresh folder, removed when its user has ended. */
async function inFolder<T>(use: (own: string) => Promise<T>): Promise<T> {
  const own = join(folder, `run${runsDone++}`);
  mkdirSync(own);
  try {
    return await use(own);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

async function play(subject: { run(o: Operation): Promise<unknown> }, sequence: readonly Operation[]): Promise<void> {
  for (const operation of sequence) if (!isComposite(operation)) await subject.run(operation);
}

/** What ours and fuse-overlayfs show of an upper that ours wrote. */
async function fromOurs(sequence: readonly Operation[], own: string): Promise<{ overlay: Tree; flat: Tree; fuse: Tree }> {
  const subject = await OverlaySubject.open({ base, lowers: [], own: join(own, "ours") });
  const copy = join(own, "copy");
  try {
    await play(subject, sequence);
    const overlay = await subject.tree();
    await subject.overlay.flatten();
    const flat = await subject.tree();
    await subject.reopen();
    await fuse.run(`cp -a ${quote(subject.upper)} ${quote(copy)}`);
    return { overlay, flat, fuse: await fuse.tree({ base, upper: copy, work: join(own, "work"), whiteouts: "devices" }, base) };
  } finally {
    await subject.close();
  }
}

/** fuse-overlayfs 1.10 dies of names that leave no room for ".wh.", and lets its own markers be made by hand. */
function fitsFuse(operation: Operation): boolean {
  return !/[^/]{252}|\/\.wh\./.test("path" in operation ? operation.path : "from" in operation ? `${operation.from} ${operation.to}` : "");
}

/** What fuse-overlayfs and ours show of an upper that fuse-overlayfs wrote. */
async function fromFuse(sequence: readonly Operation[], whiteouts: Whiteouts, own: string): Promise<{ fuse: Tree; overlay: Tree }> {
  const subject = await OverlaySubject.open({ base, lowers: [], own: join(own, "ours") });
  const { upper } = subject;
  await subject.close();
  const layers = { base, upper, work: join(own, "work"), whiteouts };
  await fuse.mounted(layers, async (merged) => {
    const writer = plainSubject(merged);
    await play(writer, sequence.filter(fitsFuse));
    await writer.close();
  });
  const shown = await fuse.tree(layers, base);
  await subject.reopen();
  try {
    return { fuse: shown, overlay: await subject.tree() };
  } finally {
    await subject.close();
  }
}

const write = (path: string): Operation => ({ op: "writeFile", path, data: `at ${path}`, create: true, overwrite: true, mode: 0o640 });
const mkdir = (path: string): Operation => ({ op: "mkdir", path, mode: 0o750 });
const mv = (from: string, to: string): Operation => ({ op: "rename", from, to, overwrite: true });
const at = (op: "unlink" | "rmdir" | "removeAll" | "copyUp", path: string): Operation => ({ op, path });

const cases: readonly { readonly title: string; readonly do: readonly Operation[] }[] = [
  { title: "nothing", do: [] },
  { title: "copied and added", do: [at("copyUp", "/a"), write("/d/e/a"), write("/n"), mkdir("/m"), write("/m/n")] },
  { title: "attributes", do: [{ op: "chmod", path: "/c", mode: 0o711 }, { op: "chmod", path: "/g", mode: 0o2555 }, { op: "utimes", path: "/d", seconds: 5 }] },
  { title: "whiteouts of a file, a folder, a symlink", do: [at("unlink", "/a"), at("removeAll", "/d"), at("unlink", "/l")] },
  { title: "a whiteout in a copied folder", do: [at("unlink", "/d/e/a"), at("removeAll", "/d/e/f")] },
  { title: "names made anew over whiteouts", do: [at("unlink", "/a"), write("/a"), at("unlink", "/l"), mkdir("/l")] },
  { title: "an opaque folder", do: [at("removeAll", "/d"), mkdir("/d"), write("/d/a")] },
  { title: "a file where a folder was, and the other way round", do: [at("removeAll", "/d"), write("/d"), at("unlink", "/b"), mkdir("/b")] },
  { title: "a renamed file", do: [mv("/a", "/d/b"), mv("/l", "/k")] },
  { title: "a redirect", do: [mv("/d", "/k")] },
  { title: "a redirect with changes in it", do: [mv("/d", "/k"), at("unlink", "/k/a"), write("/k/e/n"), at("removeAll", "/k/e/f")] },
  { title: "a redirect in a redirect", do: [mv("/d", "/k"), mv("/k/e", "/k/i"), mv("/k/i/f", "/o")] },
  { title: "a redirect over an empty folder of the base", do: [mv("/d", "/e")] },
  { title: "two folders that changed places", do: [mv("/d", "/t"), mv("/f", "/d"), mv("/t", "/f")] },
  { title: "a redirect, deleted and made anew", do: [mv("/d", "/k"), at("removeAll", "/k"), mkdir("/d"), mkdir("/k")] },
  { title: "hard links", do: [{ op: "link", from: "/a", to: "/d/h" }, { op: "link", from: "/a", to: "/n" }, { op: "append", path: "/n", data: "+", mode: 0o600 }] },
];

describe("an upper that ours wrote, in fuse-overlayfs", () => {
  for (const { title, do: sequence } of cases) {
    test(title, () => inFolder(async (own) => {
      const shown = await fromOurs(sequence, own);
      expect(shown.flat, "plain form shows the same").toEqual(shown.overlay);
      expect(shown.fuse).toEqual(shown.overlay);
    }));
  }

  test(`${runs} random sequences, seed ${seed}`, async () => {
    await fc.assert(fc.asyncProperty(operations(60), (sequence) => inFolder(async (own) => {
      const shown = await fromOurs(sequence, own);
      expect(shown.flat, "plain form shows the same").toEqual(shown.overlay);
      expect(shown.fuse).toEqual(shown.overlay);
    })), { seed, numRuns: runs });
  });
});

describe.each<Whiteouts>(["devices", "files"])("an upper that fuse-overlayfs wrote, whiteouts as %s, in ours", (whiteouts) => {
  for (const { title, do: sequence } of cases) {
    test(title, () => inFolder(async (own) => {
      const shown = await fromFuse(sequence, whiteouts, own);
      expect(shown.overlay).toEqual(shown.fuse);
    }));
  }

  test(`${runs} random sequences, seed ${seed}`, async () => {
    await fc.assert(fc.asyncProperty(operations(60), (sequence) => inFolder(async (own) => {
      const shown = await fromFuse(sequence, whiteouts, own);
      expect(shown.overlay).toEqual(shown.fuse);
    })), { seed, numRuns: runs });
  });
});

describe("what is refused", () => {
  test("handing over while the base has names that another tool takes for markers", () => inFolder(async (own) => {
    const marked = join(own, "base");
    for (const name of ["d", "e/f"]) mkdirSync(join(marked, name), { recursive: true });
    writeFileSync(join(marked, "e/f/.wh.a"), "");
    const overlay = await openOverlay({ base: marked, scratch: join(own, "scratch") });
    try {
      expect(await codeOf(overlay.flatten())).toBe("ENOTSUP");
      await overlay.remove("/e", { recursive: true });
      expect(await codeOf(overlay.flatten()), "hidden with its folder, it does no harm").toBe("ok");
    } finally {
      await overlay.dispose();
    }
  }));

  test("an upper and work folder that the kernel's overlayfs has used", () => inFolder(async (own) => {
    const { scratch, merged } = await emptyOverlay(own);
    await fuse.run(`mount -t overlay overlay -o 'lowerdir=${base},upperdir=${scratch}/upper,workdir=${scratch}/work' '${merged}' && rm '${merged}/a' && umount '${merged}'`);
    expect(readdirSync(join(scratch, "work"))).toContain("work");
    expect(await codeOf(openOverlay({ base, scratch }))).toBe("EINVAL");
    expect(readdirSync(join(scratch, "work")), "nothing was swept").toContain("work");
  }));

  test("not those that fuse-overlayfs has used", () => inFolder(async (own) => {
    const { scratch } = await emptyOverlay(own);
    await fuse.mounted({ base, upper: join(scratch, "upper"), work: join(scratch, "work"), whiteouts: "devices" }, (at) => { rmSync(`${at}/a`); });
    expect(readdirSync(join(scratch, "work"))).toContain("work");
    const overlay = await openOverlay({ base, scratch });
    expect(await codeOf(overlay.readFile("/a"))).toBe("ENOENT");
    await overlay.dispose();
  }));
});

async function emptyOverlay(own: string): Promise<{ scratch: string; merged: string }> {
  const scratch = join(own, "scratch");
  const merged = join(own, "merged");
  mkdirSync(merged);
  await (await openOverlay({ base, scratch })).dispose();
  return { scratch, merged };
}
