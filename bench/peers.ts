// The JavaScript overlays of the npm registry as subjects. What one of them does wrong is found out here, on a small
// tree, so that the table says so instead of a number.
import { promises as fs } from "node:fs";
import * as nodeFs from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Subject } from "./subjects.ts";

interface ZenFs {
  configureSingle(options: object): Promise<void>;
  readonly fs: { readonly promises: typeof fs };
  readonly CopyOnWrite: object;
  readonly Passthrough: object;
  readonly InMemory: object;
}

interface JustBashFs {
  lstat(path: string): Promise<unknown>;
  readdirWithFileTypes(path: string): Promise<readonly unknown[]>;
  readFileBuffer(path: string): Promise<Uint8Array>;
  readFile(path: string): Promise<string>;
  appendFile(path: string, data: string): Promise<void>;
  writeFile(path: string, data: string): Promise<void>;
  mv(from: string, to: string): Promise<void>;
  rm(path: string, options?: { recursive: boolean }): Promise<void>;
}

export type PeerFactory = (base: string, scratch: string) => Promise<Subject>;

export async function peers(where: (name: string) => string): Promise<Readonly<Record<string, PeerFactory>>> {
  const zen = (await import(pathToFileURL(join(where("@zenfs/core"), "dist/index.js")).href)) as ZenFs;
  const { OverlayFs } = (await import(pathToFileURL(join(where("just-bash"), "dist/bundle/index.js")).href)) as {
    OverlayFs: new (options: { root: string; mountPoint: string }) => JustBashFs;
  };
  return {
    "@zenfs/core": async (base) => {
      await zen.configureSingle({
        backend: zen.CopyOnWrite,
        readable: { backend: zen.Passthrough, fs: nodeFs, prefix: base },
        // In memory: its Passthrough fails on the first copy-up with an error that nobody can catch.
        writable: { backend: zen.InMemory },
      });
      const own = zen.fs.promises;
      return {
        name: "@zenfs/core",
        lstat: (path) => own.lstat(path),
        readdir: (path) => own.readdir(path, { withFileTypes: true }),
        readFile: (path) => own.readFile(path),
        append: (path, data) => own.appendFile(path, data),
        save: (path, data) => own.writeFile(path, data),
        unlink: (path) => own.unlink(path),
        rename: (from, to) => own.rename(from, to),
        removeTree: (path) => own.rm(path, { recursive: true }),
        close: async () => undefined,
      };
    },
    "just-bash": async (base) => {
      const own = new OverlayFs({ root: base, mountPoint: "/" });
      return {
        name: "just-bash",
        lstat: (path) => own.lstat(path),
        readdir: (path) => own.readdirWithFileTypes(path),
        readFile: (path) => own.readFileBuffer(path),
        append: (path, data) => own.appendFile(path, data),
        save: (path, data) => own.writeFile(path, data),
        unlink: (path) => own.rm(path),
        rename: (from, to) => own.mv(from, to),
        removeTree: (path) => own.rm(path, { recursive: true }),
        close: async () => undefined,
      };
    },
  };
}

/** What a peer gets wrong of the operations that are measured: operation to what was seen. */
export async function faults(make: PeerFactory, folder: string): Promise<Readonly<Record<string, string>>> {
  const base = join(folder, "base");
  await fs.mkdir(join(base, "d"), { recursive: true });
  await fs.mkdir(join(base, "gone"), { recursive: true });
  await fs.writeFile(join(base, "d/a"), "old");
  await fs.writeFile(join(base, "d/b"), "old");
  await fs.writeFile(join(base, "gone/c"), "old");
  const subject = await make(base, join(folder, "scratch"));
  const wrong: Record<string, string> = {};
  const attempt = async (operation: string, act: () => Promise<string | undefined>): Promise<void> => {
    try {
      const seen = await Promise.race([act(), new Promise<string>((resolve) => { setTimeout(resolve, 2000, "cannot: never answers"); })]);
      if (seen !== undefined) wrong[operation] = seen;
    } catch (error) {
      wrong[operation] = `cannot: ${error instanceof Error ? error.message.slice(0, 40) : "fails"}`;
    }
  };
  const text = async (path: string): Promise<string> => new TextDecoder().decode((await subject.readFile(path)) as Uint8Array);
  await attempt("read", async () => ((await text("/d/a")) === "old" ? undefined : "wrong: empty"));
  await attempt("append", async () => {
    await subject.append("/d/a", "+");
    return (await text("/d/a")) === "old+" ? undefined : "wrong: content lost";
  });
  await attempt("save", async () => {
    await subject.save("/d/a", "new");
    return (await text("/d/a")) === "new" ? undefined : "wrong: not written";
  });
  await attempt("rename", async () => {
    await subject.unlink("/d/b");
    await subject.rename("/d", "/e");
    const names = (await subject.readdir("/e")) as readonly { name: string }[];
    return names.length === 1 ? undefined : "wrong: deleted child back";
  });
  await attempt("remove", async () => {
    await subject.removeTree("/gone");
    return (await subject.lstat("/gone/c").then(() => true, () => false)) ? "wrong: still there" : undefined;
  });
  await subject.close();
  return wrong;
}
