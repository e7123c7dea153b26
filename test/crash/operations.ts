/**
 * A small tree with every kind of entry, and operations on each: what the crash and fault tests are made of. An
 * operation says which states between "before" and "after" it may leave, by the exemptions of INV-7 and INV-8.
 */
import { constants } from "node:fs";
import type { Overlay } from "../../src/engine/index.js";
import type { PlantedTree } from "../support/world.js";

export const base: PlantedTree = {
  "lo": { file: "lower", mode: 0o755 }, "both": "lower both", "gone": "deleted", "v": "lower v", "link": { symlink: "lo" },
  "m/lo": "lower in m", "m/both": "lower both in m", "m/gone": "deleted in m", "m/sub/f": "F",
  "op/old": "hidden", "old/in": "in", "old/sub/f": "f", "gd/x": "hidden", "ld/f": "f in ld", "ld/g/h": "h", "e/": null, "vd/x": "hidden",
};

export const scratch: PlantedTree = {
  "upper/both": "upper both", "upper/up": { file: "up", mode: 0o600 }, "upper/.wh.gone": "", "upper/v": "upper v", "upper/.wh.v": "",
  "upper/m/both": "upper both in m", "upper/m/up": "up in m", "upper/m/.wh.gone": "",
  "upper/op/.wh..wh..opq": "", "upper/op/new": "new", "upper/re/.wh..wh..redirect": "/old", "upper/re/added": "added", "upper/.wh.old": "",
  "upper/.wh.gd": "", "upper/vd/.wh..wh..opq": "", "upper/.wh.vd": "", "upper/s": { symlink: "up" },
};

export interface Operation {
  readonly name: string;
  readonly run: (overlay: Overlay) => Promise<unknown>;
  /** A folder is replaced: a crash may leave its name gone, with what it held. */
  readonly replaces?: string;
  /** Several whole operations: each of these, done in order, gives a state that a crash may leave. */
  readonly parts?: readonly ((overlay: Overlay) => Promise<unknown>)[];
  /** Content of files with several names may be half old and half new. */
  readonly inPlace?: boolean;
  /** Done before it, without crashes and faults: what it needs to have something to do. */
  readonly before?: readonly ((overlay: Overlay) => Promise<unknown>)[];
  /** Files have a second name for a while: how many is not compared. */
  readonly linksVary?: boolean;
  /** One of those of which all sequences are tried. */
  readonly core?: boolean;
}

const operation = (name: string, run: Operation["run"], more: Partial<Operation> = {}): Operation => ({ name, run, ...more });
const core = (name: string, run: Operation["run"], more: Partial<Operation> = {}): Operation => operation(name, run, { core: true, ...more });

const write = (path: string, make = operation) => make(`write ${path}`, (o) => o.writeFile(path, "written anew"), { inPlace: true });
/** A copy-up that nothing follows changes nothing but one thing: of several names of one lower file it parts its own. */
const copied = (path: string): Pick<Operation, "parts"> => ({ parts: [(o) => o.copyUp(path)] });
const append = (path: string, make = operation) => make(`append ${path}`, (o) => o.append(path, "+"), copied(path));
const unlink = (path: string, make = operation) => make(`unlink ${path}`, (o) => o.unlink(path));
const rm = (path: string, make = operation) => make(`rm ${path}`, (o) => o.remove(path, { recursive: true }));
const rmdir = (path: string, make = operation) => make(`rmdir ${path}`, (o) => o.rmdir(path));
const mkdir = (path: string, make = operation) => make(`mkdir ${path}`, (o) => o.createDirectory(path));
const mv = (from: string, to: string, make = operation) => make(`mv ${from} ${to}`, (o) => o.rename(from, to), { replaces: to, ...copied(from) });
const chmod = (path: string, make = operation) => make(`chmod ${path}`, (o) => o.chmod(path, 0o710), copied(path));
/** Of a renamed entry: it goes back under its old name, that is reset, and what lies below the new name comes back. */
function reset(path: string, make = operation): Operation {
  let from = path;
  const goBack = async (o: Overlay) => {
    const change = await o.changeOf(path);
    from = change?.kind === "renamed" ? change.from : path;
    if (from !== path) await o.rename(path, from, { overwrite: false });
  };
  return make(`reset ${path}`, (o) => o.reset(path), { parts: [goBack, (o) => o.reset(from), (o) => o.reset(path)] });
}

const ln = (from: string, to: string, make = operation) => make(`ln ${from} ${to}`, (o) => o.link(from, to), copied(from));
const cp = (from: string, to: string, make = operation) => make(`cp ${from} ${to}`, (o) => o.copy(from, to, { overwrite: true }), { replaces: to, inPlace: true });
const truncate = (path: string, size: number, make = operation) => make(`truncate ${path} ${String(size)}`, (o) => o.truncate(path, size), copied(path));

function writeThrough(path: string, flags: string | number): Operation {
  return operation(`open ${path} ${String(flags)}`, async (o) => {
    const file = await o.open(path, flags);
    try {
      await file.write(new TextEncoder().encode("#"), 0);
    } finally {
      await file.close();
    }
    // An open that copies, empties or makes the file, then a write: each is whole.
  }, { parts: [(o) => o.copyUp(path), async (o) => { await (await o.open(path, flags)).close(); }] });
}

export const operations: readonly Operation[] = [
  ...["/lo", "/up"].map((path) => write(path, core)), ...["/both", "/gone", "/v", "/n", "/m/lo", "/m/n", "/re/in", "/op/old", "/link"].map((path) => write(path)),
  append("/lo", core), ...["/both", "/v", "/n", "/re/sub/f", "/ld/g/h", "/s"].map((path) => append(path)),
  truncate("/lo", 0), truncate("/lo", 2), truncate("/both", 1),
  ...["/lo", "/both"].map((path) => unlink(path, core)), ...["/up", "/v", "/m/lo", "/m/up", "/re/in", "/op/new", "/link"].map((path) => unlink(path)),
  ...["/m", "/re"].map((path) => rm(path, core)), ...["/lo", "/ld", "/op", "/vd", "/ld/g", "/re/sub"].map((path) => rm(path)),
  rmdir("/e", core), rmdir("/vd"), rmdir("/m"),
  mkdir("/gd", core), mkdir("/n", core), ...["/old", "/m/gone", "/op/old", "/re/n", "/e/n"].map((path) => mkdir(path)),
  mv("/lo", "/n", core), mv("/lo", "/both"), mv("/both", "/gone"), mv("/both", "/lo", core), mv("/v", "/gone"), mv("/up", "/m/lo"), mv("/m/lo", "/lo"), mv("/link", "/n"), mv("/re/in", "/in"),
  mv("/ld", "/n", core), mv("/ld", "/e"), mv("/m", "/e", core), mv("/op", "/gd"), mv("/re", "/old", core), mv("/re", "/vd"), mv("/re/sub", "/n"), mv("/vd", "/e"), mv("/ld/g", "/op/g"), mv("/m", "/n"),
  chmod("/lo", core), chmod("/both"), chmod("/ld"), chmod("/re/sub"),
  operation("utimes /ld/f", (o) => o.utimes("/ld/f", 1, 2), copied("/ld/f")),
  operation("symlink /n", (o) => o.symlink("lo", "/n")), operation("symlink /gone", (o) => o.symlink("lo", "/gone")),
  ln("/lo", "/n", core), ln("/both", "/gone"),
  cp("/lo", "/n"), cp("/lo", "/both"), cp("/m", "/n"), cp("/re", "/gd"), cp("/re", "/op"), cp("/ld", "/e"), cp("/link", "/n"),
  ...["/lo", "/ld"].map((path) => operation(`copyUp ${path}`, (o) => o.copyUp(path))),
  writeThrough("/lo", "r+"), writeThrough("/lo", "w"), writeThrough("/gone", "w"), writeThrough("/n", "ax"), writeThrough("/both", constants.O_WRONLY | constants.O_TRUNC),
  reset("/both", core), ...["/gone", "/up", "/m", "/v", "/vd", "/op", "/gd", "/m/gone", "/m/up"].map((path) => reset(path)),
  reset("/re", core), reset("/n"), reset("/e"), operation("reset /", (o) => o.reset(), { core: true }),
  operation("flatten", (o) => o.flatten()),
  ...layerOperations(),
];

/** Snapshots, and everything that is thrown away and brought back. */
function layerOperations(): Operation[] {
  const newest = async (o: Overlay) => (await o.dropped())[0]?.id ?? "none";
  const back = async (o: Overlay) => o.bringBack(await newest(o));
  /**
   * The undo of a renamed entry's reset is up to three operations: back under its old name, what the lowers have under the
   * new one hidden, then renamed again. In turn: the last state but one, and the one before that.
   */
  let newName = "none";
  const undone: NonNullable<Operation["parts"]> = [
    async (o) => {
      const [item] = await o.dropped();
      await back(o);
      const renamed = (await o.changes()).find((change) => change.kind === "renamed" && item?.what === "reset" && change.from === item.path);
      newName = renamed?.path ?? "none";
      if (item?.path !== undefined && renamed !== undefined) await o.rename(renamed.path, item.path, { overwrite: false });
    },
    (o) => o.reset(newName),
  ];
  const layers: NonNullable<Operation["before"]> = [
    (o) => o.takeSnapshot("one"), (o) => o.append("/lo", "1"), (o) => o.rename("/ld", "/n"), (o) => o.remove("/m/both"),
    (o) => o.takeSnapshot("two"), (o) => o.append("/lo", "2"), (o) => o.writeFile("/n/f", "2"),
  ];
  return [
    core("snapshot", (o) => o.takeSnapshot()),
    operation("snapshot over others", (o) => o.takeSnapshot(), { before: layers }),
    operation("rename of a snapshot", async (o) => o.renameSnapshot((await o.snapshots())[0]?.id ?? "", "new"), { before: layers }),
    operation("squash", (o) => o.squash(), { before: layers, linksVary: true }),
    operation("thaw", (o) => o.thaw(), { before: layers }),
    core("reset to base", (o) => o.resetTo("base"), { before: layers }),
    operation("reset to a snapshot", async (o) => o.resetTo((await o.snapshots())[1]?.id ?? ""), { before: layers }),
    operation("reset of what lies over snapshots", (o) => o.reset(), { before: layers }),
    operation("bring back layers", back, { before: [...layers, (o) => o.resetTo("base")] }),
    operation("bring back everything", back, { before: [(o) => o.reset()] }),
    operation("bring back everything over newer changes", async (o) => o.bringBack(await newest(o), { replace: true }), { before: [(o) => o.reset(), (o) => o.writeFile("/lo", "newer"), (o) => o.takeSnapshot(), (o) => o.createDirectory("/n")] }),
    ...["/m", "/both", "/re", "/v", "/op"].map((path) => operation(`bring back ${path}, deleted`, back, { before: [(o) => o.remove(path, { recursive: true })], parts: undone })),
    ...["/m", "/both", "/gone", "/vd"].map((path) => operation(`bring back ${path}, reset`, back, { before: [(o) => o.reset(path)], parts: undone })),
    operation("forget everything", (o) => o.forget(), { before: [...layers, (o) => o.remove("/m", { recursive: true }), (o) => o.resetTo("base"), (o) => o.remove("/ld", { recursive: true })] }),
  ];
}

/** Of those, the ones that need the upper copy of a file: what a scratch that does it in one step is tried with. */
export const copiesUp = ({ name }: Operation): boolean => /^(append|truncate|mv|chmod|ln|copyUp|open|flatten|reset|cp)\b.*(lo|ld|re|m|link)\b/.test(name) || name === "flatten";
