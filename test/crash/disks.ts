/** Operations for disks that fail, the disk that is filled to the last byte, and the record of a base that must not change. */
import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Overlay } from "../../src/engine/index.js";
import type { Mounts } from "./mounts.js";

export const large = 96 * 1024;

/** "big" takes more than what a full disk may have left for small things. */
export const base: Readonly<Record<string, string>> = {
  "big": "big of the base ".repeat(large / 16), "small": "small of the base", "over": "over of the base", "gone": "gone of the base",
  "d/big": "big in d of the base ", "d/e/f": "f of the base", "s/f": "f in s of the base", "t/f": "f in t of the base",
};

/** What is done while there is space: so that upper has something of every kind. */
export async function prepare(overlay: Overlay): Promise<void> {
  await overlay.writeFile("/over", "over, written");
  await overlay.writeFile("/own", "own");
  await overlay.createDirectory("/folder");
  await overlay.writeFile("/folder/f", "f in folder");
  await overlay.unlink("/gone");
  await overlay.append("/s/f", "+");
  await overlay.rename("/t", "/u");
}

export interface Change {
  readonly name: string;
  readonly run: (overlay: Overlay) => Promise<unknown>;
}

const change = (name: string, run: Change["run"]): Change => ({ name, run });
const text = (path: string): string => `new text of ${path} `.repeat(large / 16);

export const changes: readonly Change[] = [
  change("append to a file of the base", (o) => o.append("/big", "+")),
  change("append a lot to an own file", (o) => o.append("/over", text("/over"))),
  ...["/big", "/over", "/new", "/gone", "/d/e/new"].map((path) => change(`save ${path}`, (o) => o.writeFile(path, text(path)))),
  ...["/new", "/gone", "/d/e/new", "/folder/new"].map((path) => change(`create ${path}, empty`, (o) => o.writeFile(path, ""))),
  ...["/new", "/gone", "/d/e/new"].map((path) => change(`mkdir ${path}`, (o) => o.createDirectory(path))),
  change("symlink", (o) => o.symlink("a target ".repeat(100), "/d/e/link")),
  ...[["/big", "/new"], ["/small", "/over"], ["/over", "/d/e/new"], ["/d", "/new"], ["/d/e", "/gone"], ["/u", "/new"], ["/folder", "/d/e/new"]].flatMap(([from = "", to = ""]) => [
    change(`rename ${from} ${to}`, (o) => o.rename(from, to)),
  ]),
  ...[["/big", "/new"], ["/over", "/gone"], ["/d", "/new"], ["/folder", "/d/e/new"]].map(([from = "", to = ""]) => change(`copy ${from} ${to}`, (o) => o.copy(from, to))),
  change("link", (o) => o.link("/big", "/d/e/new")),
  ...["/big", "/over", "/d", "/s", "/d/e", "/folder"].map((path) => change(`delete ${path}`, (o) => o.remove(path, { recursive: true }))),
  ...["/big", "/over", "/own"].map((path) => change(`unlink ${path}`, (o) => o.unlink(path))),
  ...["/over", "/gone", "/s", "/u", "/own"].map((path) => change(`reset ${path}`, (o) => o.reset(path))),
  change("reset everything", (o) => o.reset()),
  ...["/big", "/over", "/d/e"].map((path) => change(`chmod ${path}`, (o) => o.chmod(path, 0o700))),
  change("utimes", (o) => o.utimes("/d/e/f", 1, 2)),
  change("truncate a file of the base", (o) => o.truncate("/big", large - 1)),
  change("write through a handle", async (o) => {
    const file = await o.open("/big", "r+");
    try {
      await file.write(new TextEncoder().encode("written"), 0);
    } finally {
      await file.close();
    }
  }),
];

export function plant(folder: string, tree: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(tree)) {
    mkdirSync(join(folder, path, ".."), { recursive: true, mode: 0o755 });
    writeFileSync(join(folder, path), content, { mode: 0o644 });
  }
}

/** All that can be seen of a folder but the times of reading. */
export function record(folder: string, path = ""): string[] {
  const { ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs } = lstatSync(join(folder, path), { bigint: true });
  const own = [path, ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs].join(" ");
  if ((mode & 0o170000n) === 0o040000n) return [own, ...readdirSync(join(folder, path)).sort().flatMap((name) => record(folder, join(path, name)))];
  return [(mode & 0o170000n) === 0o120000n ? `${own} ${readlinkSync(join(folder, path))}` : `${own} ${readFileSync(join(folder, path), "latin1")}`];
}

/** A disk of which nothing is left. */
export class Filler {
  constructor(private readonly mounts: Mounts, private readonly disk: string) {}

  private get folder(): string {
    return this.mounts.outside(join(this.disk, "filler"));
  }

  /**
   * @param names up to how many empty files, so that no new file fits either.
   * @param spare bytes that stay free.
   */
  async fill(names: number, spare = 0): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    if (spare > 0) writeFileSync(join(this.folder, "spare"), Buffer.alloc(spare, 1));
    // What was reserved for writing is known when it is written: some of it is left for a second round.
    for (let round = 0; round < 2; round++) {
      const file = openSync(join(this.folder, `data${String(round)}`), "w");
      for (let size = 1 << 20; size >= 512; size >>= 1) while (fits(() => writeSync(file, Buffer.alloc(size, 1)))) continue;
      closeSync(file);
      await this.mounts.run(`sync -f ${this.disk}`);
    }
    rmSync(join(this.folder, "spare"), { force: true });
    if (spare > 0) await this.mounts.run(`sync -f ${this.disk}`);
    for (let n = 0; n < names && fits(() => { closeSync(openSync(join(this.folder, String(n)), "wx")); }); n++) continue;
  }

  async empty(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    await this.mounts.run(`sync -f ${this.disk}`);
  }
}

function fits(write: () => unknown): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}
