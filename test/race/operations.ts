/** The operations that races are made of. Each names the parts it has, if others may come between them. */
import { constants } from "node:fs";
import type { Overlay, OverlayHandle } from "../../src/engine/index.js";
import type { Operation } from "./history.js";

const { O_APPEND, O_RDWR, O_WRONLY } = constants;

export const copyUp = (path: string): Operation => (o) => o.copyUp(path);
export const write = (path: string, text: string): Operation => (o) => o.writeFile(path, text);
export const create = (path: string, text = ""): Operation => (o) => o.writeFile(path, text, { overwrite: false });
export const unlink = (path: string): Operation => (o) => o.unlink(path);
export const rmdir = (path: string): Operation => (o) => o.rmdir(path);
export const rm = (path: string): Operation => (o) => o.remove(path, { recursive: true });
export const mkdir = (path: string): Operation => (o) => o.createDirectory(path);
export const mv = (from: string, to: string, overwrite = true): Operation => (o) => o.rename(from, to, { overwrite });

/** The source is read, as it is then, and the copy appears, later. */
export function cp(from: string, to: string): Operation {
  let found: [path: string, content: Uint8Array | undefined][] = [];
  const read = async (o: Overlay, path: string): Promise<void> => {
    const { type } = await o.lstat(path);
    found.push([to + path.slice(from.length), type === "directory" ? undefined : await o.readFile(path)]);
    if (type === "directory") for (const { name } of await o.readDirectory(path)) await read(o, `${path}/${name}`);
  };
  const parts: Operation[] = [
    async (o) => {
      found = [];
      await read(o, from);
    },
    async (o) => {
      for (const [path, content] of found) await (content === undefined ? o.createDirectory(path) : o.writeFile(path, content, { overwrite: false }));
    },
  ];
  return Object.assign((o: Overlay) => o.copy(from, to), { parts });
}
export const ln = (from: string, to: string): Operation => (o) => o.link(from, to);
export const symlink = (target: string, path: string): Operation => (o) => o.symlink(target, path);
export const chmod = (path: string, mode = 0o700): Operation => (o) => o.chmod(path, mode);

/** Opens, then changes, then closes: what is done to the file is done wherever it is by then, as with open and write. */
function inPlace(whole: Operation, path: string, flags: string | number, change: (file: OverlayHandle) => Promise<unknown>): Operation {
  let file: OverlayHandle | undefined;
  const parts: Operation[] = [
    async (o) => { file = await o.open(path, flags); },
    async () => {
      if (file === undefined) return;
      await change(file);
      await file.close();
      file = undefined;
    },
  ];
  return Object.assign((o: Overlay) => whole(o), { parts });
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export const append = (path: string, text: string): Operation =>
  inPlace((o) => o.append(path, text), path, O_WRONLY | O_APPEND, (file) => file.write(bytes(text)));

export const truncate = (path: string, size: number): Operation =>
  inPlace((o) => o.truncate(path, size), path, O_RDWR, (file) => file.truncate(size));

/** A handle that writes once, at a position. */
export const writeAt = (path: string, text: string, position: number): Operation => {
  const change = (file: OverlayHandle) => file.write(bytes(text), position);
  return inPlace(async (o) => {
    const file = await o.open(path, O_RDWR);
    try {
      await change(file);
    } finally {
      await file.close();
    }
  }, path, O_RDWR, change);
};

/** Of a renamed entry: it goes back under its old name, that is reset, and what lies below the new name comes back. */
export const resetRenamed = (path: string, oldPath: string): Operation =>
  Object.assign((o: Overlay) => o.reset(path), { parts: [mv(path, oldPath, false), reset(oldPath), (o: Overlay) => o.reset(path).catch(() => undefined)] });

export const reset = (path?: string): Operation => (o) => o.reset(path);
