/** What ripgrep must be given as files and folders: made once for the same content, in one folder, gone on dispose. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** So many are kept that no search uses at the moment. */
const keep = 16;

interface Kept {
  readonly path: Promise<string>;
  users: number;
}

export class TempFiles {
  private folder: Promise<string> | undefined;
  private readonly kept = new Map<string, Kept>();
  private next = 0;

  /** A file with this text; it stays until `release`. */
  text(text: string, held: Set<string>): Promise<string> {
    return this.get(`text ${text}`, held, async (path) => { await writeFile(path, text); });
  }

  /** A folder with links: name below it -> absolute target. */
  links(links: ReadonlyMap<string, string>, held: Set<string>): Promise<string> {
    return this.get(`links ${JSON.stringify([...links])}`, held, async (path) => {
      await mkdir(path);
      for (const [name, target] of links) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await symlink(target, join(path, name), "junction");
      }
    });
  }

  /** What one search held. */
  release(held: ReadonlySet<string>): void {
    for (const key of held) {
      const kept = this.kept.get(key);
      if (kept !== undefined) kept.users--;
    }
    for (const [key, { users, path }] of this.kept) {
      if (this.kept.size <= keep) break;
      if (users > 0) continue;
      this.kept.delete(key);
      void path.then((at) => rm(at, { recursive: true, force: true })).catch(() => undefined);
    }
  }

  async dispose(): Promise<void> {
    await Promise.allSettled([...this.kept.values()].map(({ path }) => path));
    this.kept.clear();
    const folder = await this.folder?.catch(() => undefined);
    this.folder = undefined;
    // Links are removed, never what they lead to.
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }

  private get(key: string, held: Set<string>, make: (path: string) => Promise<void>): Promise<string> {
    let kept = this.kept.get(key);
    if (kept === undefined) {
      kept = { users: 0, path: this.make(make) };
      kept.path.catch(() => { this.kept.delete(key); });
    } else this.kept.delete(key); // the one that was used last goes last
    this.kept.set(key, kept);
    if (!held.has(key)) kept.users++;
    held.add(key);
    return kept.path;
  }

  private async make(make: (path: string) => Promise<void>): Promise<string> {
    this.folder ??= mkdtemp(join(tmpdir(), "overlay-search-"));
    const path = join(await this.folder, String(this.next++));
    await make(path);
    return path;
  }
}
